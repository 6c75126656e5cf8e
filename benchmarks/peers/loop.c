// Runs the model that SDEverywhere generated, draw after draw: it keeps its state in globals.
#include "generated.c"

double _time;

double *found_at;

void run(double *given, double *found, long draws, int inputs, int weeks) {
  found_at = found;
  for (long draw = 0; draw < draws; draw++) {
    initConstants();
    setInputs(given + draw * inputs, NULL);
    initLevels();
    for (int week = 0; week <= weeks; week++) {
      _time = week;
      evalAux();
      storeOutputData();
      evalLevels();
    }
  }
}
