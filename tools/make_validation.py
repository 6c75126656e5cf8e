"""Writes the tables of docs/validation.md: headline series by half-year beside the published figures, and the absurd draws.

python tools/make_validation.py        (400 prior draws of the reference case; about a minute)
"""

from collections import Counter
from pathlib import Path

import numpy as np

from muster.experiment import build
from muster.observe import observations, predict, reported
from muster.simulate import ensemble

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
DRAWS = 400
ENDS = ("2022-06-30", "2022-12-31", "2023-06-30", "2023-12-31", "2024-06-30", "2024-12-31", "2025-06-30")
ABROAD = {"russia": 3, "ukraine": 12}  # million; judged
DEAD = {"russia": 50_000, "ukraine": 25_000}  # judged; of Ukraine below what its officials said of December 2024 (43,000)
SERIES = (
    ("force in theatre, thousand", ("front/troops",), "at", 1e-3),
    ("own military dead, thousand", ("front/killed",), "over", 1e-3),
    ("killed and wounded, thousand", ("front/killed", "front/wounded"), "over", 1e-3),
    ("area controlled, % of the territory", ("front/area_controlled",), "at", 100 / 603_550),
    ("volunteers, thousand since the start", ("callup/volunteers",), "over", 1e-3),
    ("called up, thousand since the start", ("callup/called_up",), "over", 1e-3),
    ("approval reported, %", ("society/approval_reported",), "at", 100),
    ("abroad, thousand", ("people/abroad",), "at", 1e-3),
    ("prices over a year, %", ("economy/inflation",), "at", 100),
    ("output, 2021 = 100", ("economy/output",), "at", 100),
    ("tanks and carriers, thousand", ("arms/afv",), "at", 1e-3),
    ("deliveries, million EUR a week", ("partners/deliveries",), "at", 1e-6),
    ("desertions, thousand since the start", ("morale/desertions",), "over", 1e-3),
)


def figure(x: float) -> str:
    """Three digits."""
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3g}"


def published(side: str, paths: tuple[str, ...], how: str, scale: float, end: str) -> str:
    """The published figures of a series within 46 days of a date, lowest to highest, with their rows; of a sum those from the start."""
    near = [
        row
        for row in observations()
        if row.side == side and row.path == "+".join(paths) and abs((np.datetime64(row.end) - np.datetime64(end)).astype(int)) <= 46
        and (row.operator == "over" and row.start[:7] == "2022-02" if how == "over" else row.operator not in ("over", "ratio"))
    ]  # fmt: skip
    if not near:
        return ""
    values = sorted(row.central * scale for row in near)
    span = figure(values[0]) if len(values) == 1 else f"{figure(values[0])}-{figure(values[-1])}"
    return f"{span} ({', '.join(row.id for row in near[:2])}{' ...' if len(near) > 2 else ''})"


def reading(results, path: str, how: str, end: str) -> np.ndarray:
    """A stock at a date, or a flow summed since the start [draw]."""
    return results.total(path, "2022-02-24", end) if how == "over" else results.at(path, end)


def headline(results) -> str:
    """The table by half-year."""
    lines = []
    for side in results.sides:
        lines += [f"\n### {side.capitalize()}\n", "| series | " + " | ".join(end[2:7] for end in ENDS) + " |"]
        lines.append("|---" * (len(ENDS) + 1) + "|")
        for label, paths, how, scale in SERIES:
            cells = []
            for end in ENDS:
                values = [reading(results, f"{side}/{path}", how, end) for path in paths]
                low, middle, high = np.quantile(np.sum(values, axis=0) * scale, [0.05, 0.5, 0.95])
                cells.append(f"{figure(middle)} [{figure(low)}, {figure(high)}]<br>{published(side, paths, how, scale, end)}")
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def absurd(results, observed: int) -> str:
    """Share of draws with each absurdity of the list, and with any."""
    found = {}

    def past(path: str, steps: int = observed) -> np.ndarray:
        return results.series(path).values[:, :steps].astype(float)

    for side in results.sides:
        troops = past(f"{side}/front/troops")
        gone = (troops[:, :20].min(1) < 30e3) | (troops[:, -1] < 50e3)
        found[f"{side}: army under 30,000 within 20 weeks or under 50,000 at the end"] = gone
        found[f"{side}: force over 1.5 million"] = troops.max(1) > 1.5e6
        desertions = past(f"{side}/morale/desertions")
        yearly = [desertions[:, k : k + 52].sum(1) / troops[:, k : k + 52].mean(1) for k in range(0, observed - 52, 13)]
        found[f"{side}: desertion over 30 % a year"] = np.max(yearly, axis=0) > 0.3
        prices, output, approval = (past(f"{side}/{p}") for p in ("economy/inflation", "economy/output", "society/approval_reported"))
        found[f"{side}: prices outside -5 to 50 %"] = (prices.min(1) < -0.05) | (prices.max(1) > 0.5)
        found[f"{side}: output outside 0.6 to 1.5"] = (output.min(1) < 0.6) | (output.max(1) > 1.5)
        found[f"{side}: approval under 20 % or over 100 %"] = (approval.min(1) < 0.2) | (approval.max(1) > 1)
        found[f"{side}: half of the people in protest"] = past(f"{side}/society/protest").max(1) > 0.5
        for name in ("collapse", "overthrow"):
            hazard = past(f"{side}/regime/{name}_hazard", 312).sum(1) / 52
            found[f"{side}: probability of {name} over 30 % in six years"] = 1 - np.exp(-hazard) > 0.3
        dead = past(f"{side}/people/dead")[:, -1]
        found[f"{side}: dead by mid-2025 outside {DEAD[side]:,} to 1 million"] = (dead < DEAD[side]) | (dead > 1e6)
        left = ABROAD[side]
        found[f"{side}: more than {left:,.0f} million abroad"] = past(f"{side}/people/abroad").max(1) > 1e6 * left
        exits = past(f"{side}/regions/exit_hazard", 312)[:, -1]
        found[f"{side}: probability of any exit over 30 % in six years"] = 1 - np.exp(-exits) > 0.3
    area = past("russia/front/area_controlled") / 603_550
    found["area under Russia's control outside 2 to 50 %"] = (area.min(1) < 0.02) | (area.max(1) > 0.5)
    lines = ["| absurdity | share of draws, % |", "|---|---|"]
    lines += [f"| {label} | {100 * values.mean():.1f} |" for label, values in found.items()]
    lines.append(f"| **at least one** | **{100 * np.any(list(found.values()), axis=0).mean():.1f}** |")
    return "\n".join(lines)


KINDS = ("measured", "expert_estimate", "model_estimate", "verified_count", "poll")


def fit_rows() -> list:
    """The rows that a fit may use: of use fit and of a kind that is no party's claim."""
    return [row for row in observations() if row.use == "fit" and row.source_class in KINDS]


def places(results) -> list[tuple]:
    """Of each row: (row, its vote, its share of reported draws at or below it, width of the 90 % band of the truth as a factor)."""
    rows, generator = fit_rows(), np.random.default_rng(1)
    votes = Counter((row.side, row.path, row.root) for row in rows)
    found = []
    for row in rows:
        told = reported(results, row, generator)
        below = float(np.mean(told < row.central) + np.mean(told == row.central) / 2)
        low, high = np.quantile(predict(results, row), [0.05, 0.95])
        width = high / low if low > 0 else np.inf
        found.append((row, 1 / votes[row.side, row.path, row.root], below, width))
    return found


def inside(row, below: float, share: float) -> bool:
    """Whether a figure lies in the central band of this share; a bound lies inside from its own side on."""
    edge = (1 - share) / 2
    if row.relation == "at_least":
        return below <= 1 - edge
    if row.relation == "at_most":
        return below >= edge
    return edge <= below <= 1 - edge


def coverage(results) -> str:
    """How many published figures lie in the prior's bands, by series, each through its bias class and one vote a root source."""
    found = places(results)
    groups: dict[tuple[str, str], list] = {}
    for item in found:
        groups.setdefault((item[0].side, item[0].path), []).append(item)
    heading = "| side | series | figures | sources | in the 50 % band, % | in the 98 % band, % | 90 % band, high over low |"
    lines = [heading, "|---" * 7 + "|"]

    def line(side: str, path: str, items: list) -> str:
        weights = np.array([vote for _, vote, _, _ in items])
        shares = [100 * np.average([inside(row, below, part) for row, _, below, _ in items], weights=weights) for part in (0.5, 0.98)]
        width = float(np.median([width for *_, width in items]))
        told = f"{width:.1f}" if np.isfinite(width) else "-"
        return f"| {side} | {path} | {len(items)} | {weights.sum():.0f} | {shares[0]:.0f} | {shares[1]:.0f} | {told} |"

    lines += [line(side, path, items) for (side, path), items in groups.items()]
    lines.append(line("**all**", f"{len(groups)} series", found))
    return "\n".join(lines)


def outside(results) -> str:
    """The rows outside the 98 % band."""
    lines = ["| row | side | series | from | to | published | the prior would have reported, 98 % band |", "|---" * 7 + "|"]
    generator = np.random.default_rng(1)
    for row in fit_rows():
        told = reported(results, row, generator)
        below = float(np.mean(told < row.central))
        if not inside(row, below, 0.98):
            low, high = np.quantile(told, [0.01, 0.99])
            what = f"{row.id} | {row.side} | {row.path} {row.cohort or ''} | {row.start} | {row.end}"
            lines.append(f"| {what} | {row.central:.4g} | {low:.4g} to {high:.4g} |")
    return "\n".join(lines)


def replaced(text: str, name: str, table: str) -> str:
    """The page with one generated part renewed."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    return text[: text.index(begin) + len(begin)] + "\n" + table + "\n" + text[text.index(end) :]


def main() -> None:
    """Runs the draws and renews the page."""
    experiment = build("russia-ukraine-2022", draws=DRAWS)
    results = ensemble(experiment)
    text = PAGE.read_text(encoding="utf-8")
    text = replaced(text, "headline", headline(results))
    text = replaced(text, "absurd", absurd(results, experiment.observation_step))
    text = replaced(text, "coverage", coverage(results))
    text = replaced(text, "outside", outside(results))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
