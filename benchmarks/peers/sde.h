// What the C that SDEverywhere generates needs of its run time, for the functions of the benchmark model only.
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct Lookup Lookup;

#define _MIN(a, b) fmin(a, b)
#define _MAX(a, b) fmax(a, b)
#define _EXP(x) exp(x)
#define _SIN(x) sin(x)
#define _INTEG(value, rate) ((value) + (rate) * _time_step)

extern double _time_step;
extern double _time;
extern double *found_at;
#define outputVar(value) (*found_at++ = (value))
