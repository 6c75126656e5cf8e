"""The benchmark model of tests/independent/benchmark.py in the form that each engine reads."""

import ast
import importlib.util
import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "tests" / "independent" / "benchmark.py"
OUTPUTS = ("force_a", "force_b", "killed_a", "killed_b")
CHECKED = 5  # draws whose series are compared
SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
BLOCK = 256  # draws that the C form advances together


def benchmark():
    """The module that holds the model as text."""
    spec = importlib.util.spec_from_file_location("benchmark_model", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parts(model) -> tuple[dict[str, float], dict[str, str], dict[str, tuple]]:
    """Constants, the text of the variables in the order in which they can be computed, and stocks, of both sides."""
    constants, ordered, stocks = model.whole()
    texts = dict(model.VARIABLES)
    for s, o in (("a", "b"), ("b", "a")):
        texts |= {f"{name}_{s}": text.format(s=s, o=o) for name, text in model.SIDE_VARIABLES.items()}
    return constants, {name: texts[name] for name in ordered}, stocks


def rewritten(text: str, calls: dict[str, str], power, name=str, number=repr) -> str:
    """An expression in another language: `calls` names its functions, `power(base, exponent)` and `name(identifier)` give text."""

    def of(node) -> str:
        match node:
            case ast.Expression():
                return of(node.body)
            case ast.Constant():
                return number(node.value)
            case ast.Name():
                return name(node.id)
            case ast.UnaryOp():
                return f"(-{of(node.operand)})"
            case ast.BinOp(op=ast.Pow()):
                return power(of(node.left), of(node.right))
            case ast.BinOp():
                return f"({of(node.left)} {SIGNS[type(node.op)]} {of(node.right)})"
            case ast.Call():
                return f"{calls[node.func.id]}({', '.join(map(of, node.args))})"
        raise ValueError(ast.dump(node))

    return of(ast.parse(text, mode="eval"))


def short_powers(root: str, general: str):
    """A square as a product, a square root as such, every other power by the general function."""

    def power(base: str, exponent: str) -> str:
        return {"2.0": f"({base} * {base})", "0.5": f"{root}({base})"}.get(exponent, f"{general}({base}, {exponent})")

    return power


def net(flows: tuple) -> str:
    """Inflows minus outflows of a stock."""
    _, inflows, outflows = flows
    return f"({' + '.join(inflows) or '0.0'}) - ({' + '.join(outflows) or '0.0'})"


def xmile(model) -> str:
    """For PySD, pysimlin and SDEverywhere."""
    constants, variables, stocks = parts(model)
    calls = {"mn": "MIN", "mx": "MAX", "exp": "EXP", "sin": "SIN"}

    def equation(text: str) -> str:
        return rewritten(text, calls, lambda a, b: f"({a} ^ {b})", lambda name: "TIME" if name == "t" else name)

    flows = {flow for _, inflows, outflows in stocks.values() for flow in (*inflows, *outflows)}
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">',
        '<header><vendor>Muster</vendor><product version="1.0">Muster</product><name>benchmark</name></header>',
        f'<sim_specs method="Euler" time_units="week"><start>0</start><stop>{model.STEPS}</stop><dt>1</dt></sim_specs>',
        "<model><variables>",
        *(f'<aux name="{name}"><eqn>{value!r}</eqn></aux>' for name, value in constants.items()),
    ]
    for name, text in variables.items():
        kind = "flow" if name in flows else "aux"
        lines.append(f'<{kind} name="{name}"><eqn>{equation(text)}</eqn></{kind}>')
    for name, (start, inflows, outflows) in stocks.items():
        ends = "".join(f"<inflow>{flow}</inflow>" for flow in inflows) + "".join(f"<outflow>{flow}</outflow>" for flow in outflows)
        lines.append(f'<stock name="{name}"><eqn>{equation(start)}</eqn>{ends}</stock>')
    return "\n".join([*lines, "</variables></model></xmile>"])


def over_draws(model) -> str:
    """NumPy: every name is a row of draws. run(given, draws) -> [week, output, draw]."""
    constants, variables, stocks = parts(model)
    calls = {"mn": "np.minimum", "mx": "np.maximum", "exp": "np.exp", "sin": "np.sin"}
    power = short_powers("np.sqrt", "np.power")
    body = [f"        {name} = {rewritten(text, calls, power)}" for name, text in variables.items()]
    return "\n".join(
        [
            "import numpy as np",
            "def run(given, draws):",
            f"    {', '.join(constants)} = (given[name] for name in {list(constants)!r})",
            *(f"    {name} = np.zeros(draws) + {start}" for name, (start, _, _) in stocks.items()),
            f"    found = np.empty(({model.STEPS + 1}, {len(OUTPUTS)}, draws))",
            f"    for week in range({model.STEPS + 1}):",
            f"        found[week] = {', '.join(OUTPUTS)}",
            "        t = float(week)",
            *body,
            *(f"        {name} = {name} + {net(flows)}" for name, flows in stocks.items()),
            "    return found",
        ]
    )


def draw_by_draw(model) -> str:
    """numba: a loop over draws on all threads. run(given [constant, draw], found [week, output, draw])."""
    constants, variables, stocks = parts(model)
    calls = {"mn": "min", "mx": "max", "exp": "math.exp", "sin": "math.sin"}
    power = short_powers("math.sqrt", "math.pow")
    body = [f"            {name} = {rewritten(text, calls, power)}" for name, text in variables.items()]
    return "\n".join(
        [
            "import math",
            "from numba import njit, prange",
            "@njit(parallel=True, error_model='numpy')",
            "def run(given, found):",
            "    for draw in prange(given.shape[1]):",
            *(f"        {name} = given[{place}, draw]" for place, name in enumerate(constants)),
            *(f"        {name} = {start}" for name, (start, _, _) in stocks.items()),
            f"        for week in range({model.STEPS + 1}):",
            *(f"            found[week, {place}, draw] = {name}" for place, name in enumerate(OUTPUTS)),
            "            t = float(week)",
            *body,
            *(f"            {name} = {name} + {net(flows)}" for name, flows in stocks.items()),
        ]
    )


def c_kernel(model) -> str:
    """C: a block of draws advances together in vector instructions, blocks on all threads. run(given, found, draws, threads)."""
    constants, variables, stocks = parts(model)
    calls = {"mn": "SMALLER", "mx": "LARGER", "exp": "EXP", "sin": "SIN"}
    places = {name: f"p[{place}][i]" for place, name in enumerate(constants)}
    stock_places = {name: f"x[{place}][i]" for place, name in enumerate(stocks)}

    def here(text: str) -> str:
        def number(value: float) -> str:
            return f"(real){value!r}"

        return rewritten(text, calls, short_powers("SQRT", "POWER"), number=number)

    starts = [re.sub(r"\b[a-z]+0_[ab]\b", lambda found: places[found[0]], start) for start, _, _ in stocks.values()]
    body = [f"        const real {name} = {place};" for name, place in (places | stock_places).items()]
    body += [f"        const real {name} = {here(text)};" for name, text in variables.items()]
    body += [f"        {stock_places[name]} = {name} + {net(flows)};" for name, flows in stocks.items()]
    names = list(stocks)
    kept = [f"      for (int i = 0; i < w; i++) row[{k} * n + i] = x[{names.index(name)}][i];" for k, name in enumerate(OUTPUTS)]
    width = f"(n - o < {BLOCK} ? n - o : {BLOCK})"
    return "\n".join(
        [
            "#include <math.h>",
            "#ifdef SINGLE",
            "typedef float real;\n#define EXP expf\n#define LOG logf\n#define SQRT sqrtf\n#define SIN sinf",
            "#else",
            "typedef double real;\n#define EXP exp\n#define LOG log\n#define SQRT sqrt\n#define SIN sin",
            "#endif",
            "#define SMALLER(a, b) ((a) < (b) ? (a) : (b))\n#define LARGER(a, b) ((a) > (b) ? (a) : (b))",
            "#define POWER(a, b) EXP((b) * LOG(a))",
            "void run(const real *given, real *found, long n, int threads) {",
            "  #pragma omp parallel for schedule(dynamic, 1) num_threads(threads)",
            f"  for (long o = 0; o < n; o += {BLOCK}) {{",
            f"    const int w = {width};",
            f"    real p[{len(constants)}][{BLOCK}] __attribute__((aligned(64))), x[{len(stocks)}][{BLOCK}] __attribute__((aligned(64)));",
            f"    for (int k = 0; k < {len(constants)}; k++)",
            f"      for (int i = 0; i < {BLOCK}; i++) p[k][i] = given[k * n + o + (i < w ? i : w - 1)];",
            f"    for (int i = 0; i < {BLOCK}; i++) {{",
            *(f"      x[{place}][i] = {start};" for place, start in enumerate(starts)),
            "    }",
            f"    for (int week = 0; week <= {model.STEPS}; week++) {{",
            f"      real *row = found + (long)week * {len(OUTPUTS)} * n + o;",
            *kept,
            "      const real t = (real)week;",
            "      #pragma omp simd aligned(p, x: 64)",
            f"      for (int i = 0; i < {BLOCK}; i++) {{",
            *body,
            "      }",
            "    }",
            "  }",
            "}",
        ]
    )


def bptk(model) -> str:
    """BPTK-Py's own language. build(given) -> model. The base of a power stands in sd.max: without it brackets are lost."""
    constants, variables, stocks = parts(model)
    calls = {"mn": "sd.min", "mx": "sd.max", "exp": "sd.exp", "sin": "sd.sin"}

    def here(text: str) -> str:
        def name(found: str) -> str:
            return "sd.time()" if found == "t" else f"v[{found!r}]"

        return rewritten(text, calls, lambda a, b: f"(sd.max(0.0, {a}) ** {b})", name)

    flows = {flow for _, inflows, outflows in stocks.values() for flow in (*inflows, *outflows)}
    lines = [
        "from BPTK_Py import Model",
        "from BPTK_Py import sd_functions as sd",
        "def build(given):",
        f"    m = Model(starttime=0.0, stoptime={float(model.STEPS)}, dt=1.0, name='benchmark')",
        "    v = {}",
        *(f"    v[{name!r}] = m.constant({name!r})" for name in constants),
        *(f"    v[{name!r}] = m.{'biflow' if name in flows else 'converter'}({name!r})" for name in variables),
        *(f"    v[{name!r}] = m.stock({name!r})" for name in stocks),
        *(f"    v[{name!r}].equation = given[{name!r}]" for name in constants),
        *(f"    v[{name!r}].equation = {here(text)}" for name, text in variables.items()),
    ]
    for name, (start, inflows, outflows) in stocks.items():
        begin = re.sub(r"\b[a-z]+0_[ab]\b", lambda found: f"given[{found[0]!r}]", start)
        into, out = " + ".join(f"v[{flow!r}]" for flow in inflows), "".join(f" - v[{flow!r}]" for flow in outflows)
        lines += [f"    v[{name!r}].initial_value = float({begin})", f"    v[{name!r}].equation = {into or '0.0'}{out}"]
    return "\n".join([*lines, "    return m"])
