"""The benchmark model on which other simulators were compared, as text: 24 stocks of two sides, weekly Euler steps.

{s} is the own side, {o} the other. The same expressions are evaluated with plain Python numbers and by Muster's machinery.
"""

STEPS = 520
SIDE_CONSTANTS = {
    "pool0": (24000.0, 8200.0),
    "force0": (620.0, 700.0),
    "equip0": (9.0, 7.5),
    "pop": (143000.0, 38000.0),
    "target": (1050.0, 980.0),
    "gap_time": (26.0, 20.0),
    "draft_max": (0.00035, 0.0011),
    "vol_base": (0.00012, 0.00025),
    "cohort": (14.0, 4.2),
    "t0": (4.5, 4.0),
    "wash": (0.015, 0.02),
    "kill_coef": (0.021, 0.0175),
    "kia_frac": (0.24, 0.21),
    "recover": (11.0, 9.0),
    "rtd": (0.52, 0.58),
    "desert_base": (0.0011, 0.0013),
    "desert_sens": (3.2, 3.0),
    "morale_tau": (14.0, 12.0),
    "legit_rec": (0.004, 0.004),
    "legit_sens": (0.0105, 0.0062),
    "legit_draft": (1.4, 0.9),
    "prod_cap": (0.16, 0.12),
    "prod_tau": (60.0, 45.0),
    "eq_need": (0.012, 0.01),
    "eq_loss": (0.011, 0.01),
    "learn": (0.006, 0.008),
}
CONSTANTS = {
    "intensity0": 1.0,
    "season": 0.25,
    "wave_week": 30.0,
    "skill_max": 1.6,
}
SIDE_VARIABLES = {
    "avg_skill": "skill_{s} / mx(force_{s}, 0.001)",
    "eq_ratio": "mn(1.5, equip_{s} / mx(eq_need_{s} * force_{s}, 0.001))",
    "eff": "mx(avg_skill_{s}, 0.001) ** 0.6 * (0.2 + 0.8 * mx(eq_ratio_{s}, 0.0) ** 0.5) * (0.3 + 0.7 * morale_{s})",
    "power": "eff_{s} * force_{s}",
    "share": "power_{s} / mx(power_{s} + power_{o}, 0.001)",
    "gap": "mx(0.0, target_{s} - force_{s} - trn1_{s} - trn2_{s} - trn3_{s})",
    "stage_time": "t0_{s} * (0.5 + 0.5 * exp(-gap_{s} / target_{s}))",
    "casualties": "mn(0.2 * force_{s}, kill_coef_{o} * intensity * power_{o} * force_{s} / (force_{s} + 300.0))",
    "stress": "casualties_{s} / mx(force_{s}, 0.001)",
    "grad_skill": "0.45 + 0.55 * (1.0 - exp(-stage_time_{s} / 3.0))",
    "draft": "mn(pool_{s} * draft_max_{s} * wave, gap_{s} / gap_time_{s}) * (0.4 + 0.6 * legit_{s})",
    "volunteers": "vol_base_{s} * pool_{s} * legit_{s} ** 2.0",
    "morale_target": "mn(1.0, mx(0.0, 0.12 + 0.5 * legit_{s} + 0.25 * eq_ratio_{s} + 0.3 * (share_{s} - 0.5) - 1.4 * stress_{s} ** 0.7))",
    "loss_legit": "legit_sens_{s} * (1000.0 * kia_{s} / pop_{s} + 0.0001) ** 0.8 + legit_draft_{s} * draft_{s} / mx(pool_{s}, 0.001)",
    "heal": "wounded_{s} / recover_{s}",
    "births": "cohort_{s}",
    "intake": "mn(0.5 * pool_{s}, volunteers_{s} + draft_{s})",
    "adv1": "trn1_{s} / stage_time_{s}",
    "washout": "trn1_{s} * wash_{s}",
    "adv2": "trn2_{s} / stage_time_{s}",
    "adv3": "trn3_{s} / stage_time_{s}",
    "kia": "casualties_{s} * kia_frac_{s}",
    "wia": "casualties_{s} * (1.0 - kia_frac_{s})",
    "rtd_flow": "heal_{s} * rtd_{s}",
    "invalid": "heal_{s} * (1.0 - rtd_{s})",
    "desert": "mn(0.05 * force_{s}, force_{s} * desert_base_{s} * exp(desert_sens_{s} * (0.6 - morale_{s})) * (1.0 + 10.0 * stress_{s}))",
    "skill_in": "adv3_{s} * grad_skill_{s} + rtd_flow_{s} * avg_skill_{s} + learn_{s} * intensity * "
    "force_{s} * mx(0.0, skill_max - avg_skill_{s})",
    "skill_out": "(kia_{s} + wia_{s} + desert_{s}) * avg_skill_{s}",
    "morale_change": "(morale_target_{s} - morale_{s}) / morale_tau_{s}",
    "legit_change": "legit_rec_{s} * (1.0 - legit_{s}) - loss_legit_{s} * legit_{s}",
    "production": "prod_cap_{s} * mx(legit_{s}, 0.0) ** 0.3 * (0.3 + 0.7 * (1.0 - exp(-t / prod_tau_{s})))",
    "eq_lost": "equip_{s} * eq_loss_{s} * (0.3 + 0.7 * intensity * 2.0 * share_{o})",
}
VARIABLES = {
    "intensity": "intensity0 * (1.0 - season + season * sin(0.12083048667653051 * t))",
    "wave": "1.0 / (1.0 + exp(-(t - wave_week) / 4.0))",
}
STOCKS = {  # start, inflows, outflows
    "pool": ("pool0_{s}", ["births", "washout"], ["intake"]),
    "trn1": ("20.0", ["intake"], ["adv1", "washout"]),
    "trn2": ("15.0", ["adv1"], ["adv2"]),
    "trn3": ("15.0", ["adv2"], ["adv3"]),
    "force": ("force0_{s}", ["adv3", "rtd_flow"], ["kia", "wia", "desert"]),
    "skill": ("force0_{s} * 0.9", ["skill_in"], ["skill_out"]),
    "killed": ("0.0", ["kia"], []),
    "wounded": ("0.0", ["wia"], ["rtd_flow", "invalid"]),
    "deserters": ("0.0", ["desert"], []),
    "morale": ("0.7", ["morale_change"], []),
    "legit": ("0.75", ["legit_change"], []),
    "equip": ("equip0_{s}", ["production"], ["eq_lost"]),
}
DRAWN = (
    "kill_coef", "kia_frac", "recover", "rtd", "desert_base", "desert_sens",
    "morale_tau", "legit_sens", "draft_max", "prod_cap",
)  # fmt: skip


def whole():
    """Constants, variables in the order in which they can be computed, and stocks, of both sides."""
    constants, variables, stocks = dict(CONSTANTS), dict(VARIABLES), {}
    for number, (s, o) in enumerate((("a", "b"), ("b", "a"))):
        constants |= {f"{name}_{s}": pair[number] for name, pair in SIDE_CONSTANTS.items()}
        variables |= {f"{name}_{s}": text.format(s=s, o=o) for name, text in SIDE_VARIABLES.items()}
        for name, (start, inflows, outflows) in STOCKS.items():
            stocks[f"{name}_{s}"] = start.format(s=s), [f"{x}_{s}" for x in inflows], [f"{x}_{s}" for x in outflows]
    ordered, left = {}, {name: compile(text, name, "eval") for name, text in variables.items()}
    while left:
        ready = [name for name, code in left.items() if not set(code.co_names) & set(left)]
        ordered |= {name: left.pop(name) for name in ready}
    return constants, ordered, stocks


def begin(constants, stocks):
    """The stocks at the start."""
    return {name: eval(start, {}, dict(constants)) for name, (start, _, _) in stocks.items()}


def step(state, time, constants, variables, stocks, functions):
    """The stocks a week later."""
    known = {**constants, **state, "t": time}
    for name, code in variables.items():
        known[name] = eval(code, functions, known)
    return {
        name: state[name] + (sum(known[flow] for flow in inflows) - sum(known[flow] for flow in outflows))
        for name, (_, inflows, outflows) in stocks.items()
    }
