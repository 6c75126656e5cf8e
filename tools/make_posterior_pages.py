"""Writes what docs/validation.md says of the posterior, the comparison of docs/policies.md, and docs/posterior.svg.

python tools/make_posterior_pages.py        (400 draws of prior and posterior, and the claims under both; minutes)
"""

import json

import numpy as np
import vl_convert

from make_validation import PAGE, absurd, headline, replaced
from muster.assess import Judgement, assess
from muster.before_fit import before_the_fit, prior_file, reading_key
from muster.charts import fans
from muster.compare import compare
from muster.experiment import build
from muster.observe import observations
from muster.posterior import load, posterior_file
from muster.results import Results
from muster.simulate import ensemble

NAME = "russia-ukraine-2022"
PICTURE = PAGE.with_name("posterior.svg")
DRAWS = 400
RIVAL_DRAWS = 200  # under every structure
SERIES = (
    ("front/killed", "over", 1e-3, "own military dead, thousand"),
    ("front/killed+front/wounded", "over", 1e-3, "killed and wounded, thousand"),
    ("front/troops", "at", 1e-3, "force in theatre, thousand"),
    ("front/area_controlled", "at", 1e-3, "area, thousand km2"),
    ("callup/called_up", "over", 1e-3, "called up, thousand"),
    ("morale/desertions", "over", 1e-3, "desertions, thousand"),
    ("society/approval_reported", "at", 100, "approval reported, %"),
    ("economy/inflation", "at", 100, "prices over a year, %"),
    ("economy/output", "at", 100, "output, 2021 = 100"),
    ("people/abroad", "at", 1e-3, "abroad, thousand"),
    ("arms/afv_restorable", "at", 1e-3, "tanks and carriers in storage, thousand"),
)
PANELS = tuple((side, *series) for side in ("russia", "ukraine") for series in SERIES)  # the same of both
EVERY = 8  # weeks between the points of a fan
CLAIMS = ("official_claim", "adversary_claim")
POLICIES = {"no-decree": "no decree", "stabilise-and-train": "few men at once, the others trained"}
COMPARED, WEEKS = 200, 52


def band(results: Results, name: str, draws: str, panel: tuple) -> list[dict]:
    """A series under prior or posterior, every eighth week to the last observation."""
    side, path, how, scale, _ = panel
    flows = [results.series(f"{side}/{part}").values.astype(float) for part in path.split("+")]
    values = np.sum(flows, axis=0) * scale
    curve = np.cumsum(values, axis=1) if how == "over" else values
    times = results.tree.coords["time"].values.astype("datetime64[D]")
    rows = []
    for step in range(0, int(np.searchsorted(times, np.datetime64("2025-07-01"))), EVERY):
        low, middle, high = (round(float(x), 3) for x in np.quantile(curve[:, step], [0.05, 0.5, 0.95]))
        rows.append({"panel": name, "date": str(times[step]), "draws": draws, "low": low, "middle": middle, "high": high})
    return rows


def dots(name: str, panel: tuple) -> list[dict]:
    """The published figures of a series: of a flow those that count from the start."""
    side, path, how, scale, _ = panel
    return [
        {"panel": name, "date": row.end, "value": row.central * scale, "kind": "a party's claim" if row.source_class in CLAIMS else "other"}
        for row in observations()
        if (row.side, row.path) == (side, path) and row.use == "fit" and row.cohort is None
        and (row.operator != "over" if how == "at" else row.operator == "over" and row.start <= "2022-09-21")
    ]  # fmt: skip


def picture(prior: Results, posterior: Results) -> str:
    """The fans as SVG."""
    bands, points = [], []
    for panel in PANELS:
        name = f"{panel[0].capitalize()}: {panel[4]}"
        bands += [*band(prior, name, "prior", panel), *band(posterior, name, "posterior", panel)]
        points += dots(name, panel)
    return vl_convert.vegalite_to_svg(fans(bands, points))


def covered(told: dict) -> str:
    """Coverage by class of source."""
    lines = ["| class of source | figures | in the 90 % band, % |", "|---" * 3 + "|"]
    lines += [f"| {name} | {found['figures']} | {100 * found['inside']:.0f} |" for name, found in told["coverage"].items()]
    sizes = ", ".join(f"{name} {size:.2f}" for name, size in told["error_sizes"].items())
    outside = f"Outside: {', '.join(told['outside'])}."
    return "\n".join([*lines, "", outside, "", f"Single errors, times what was guessed: {sizes}.", "", misses(told)])


def misses(told: dict) -> str:
    """Series in which the figures lie on one side of the model."""
    lines = ["| side | series | figures | published over model, median |", "|---" * 4 + "|"]
    rows = [row for row in told["series"] if row["figures"] > 2]
    return "\n".join(lines + [f"| {row['side']} | {row['path']} | {row['figures']} | {row['ratio']:.2f} |" for row in rows])


def identified(told: dict) -> str:
    """What the figures moved, what they did not, and what they cannot tell apart."""
    lines = ["| number | mean, prior s.d. | s.d. over the prior's |", "|---" * 3 + "|"]
    lines += [f"| {row['number']} | {row['mean']:+.2f} | {row['ratio']:.2f} |" for row in told["moved"]]
    pairs = "; ".join(f"{a} and {b} ({r:+.2f})" for a, b, r in told["closest_pairs"][:8])
    eigen = told["eigenvalues"]
    return "\n".join(
        [
            *lines,
            "",
            f"The other {len(told['prior_driven'])} of {told['numbers']} are **prior-driven** (s.d. above 0.9 of the prior's, mean moved by"
            " less than half of it): their list stands in `src/muster/library/posteriors/russia-ukraine-2022.json`.",
            "",
            f"Eigenvalues of the prior-whitened Fisher matrix (above 1 the figures say more than the prior): {eigen[:12]} ...;"
            f" {sum(x > 1 for x in eigen)} of the first {len(eigen)} are above 1 (chance correlations of the members included).",
            "",
            f"Pairs with |correlation| above 0.9: {len(told['cannot_be_told_apart']) or 'none'}. Closest: {pairs}.",
        ]
    )


def verdicts(before: Judgement, after: Judgement) -> str:
    """The readings whose verdict is another than the prior's, and the numbers that drive them and were moved."""
    moved = {row["number"]: row for row in json.loads(posterior_file(NAME).with_suffix(".json").read_text())["moved"]}
    lines = ["| claim, reading | prior | posterior | outcome | moved numbers that drive it |", "|---" * 5 + "|"]
    total = 0
    for (claim, old), (_, new) in zip(before.claims, after.claims, strict=True):
        for one, other in zip(old, new, strict=True):
            total += 1
            if one.judged.verdict == other.judged.verdict:
                continue
            drivers = [item["parameter"] for item in one.drivers + other.drivers]
            told = ", ".join(f"{name} ({moved[name]['mean']:+.1f} s.d.)" for name in dict.fromkeys(drivers) if name in moved)
            what = f"{claim.id}, {other.reading.id} | {one.judged.probability:.2f} {one.judged.verdict}"
            now = f"{other.judged.probability:.2f} {other.judged.verdict}"
            lines.append(f"| {what} | {now} | {other.reading.outcome or 'open'} | {told or 'none alone'} |")
    unmoved = sum(item.judged.prior_driven for _, items in after.claims for item in items)
    return "\n".join([*lines, "", f"{len(lines) - 2} of {total} verdicts changed; {unmoved} readings are still prior-driven."])


def keep_prior(before: Judgement, rivals: list) -> None:
    """What the readings gave before the fit, so that an assessment need not run the prior again.

    rivals: claims and readings of the prior under every structure; one that is not computed there (by region) has one answer
    where its default has.
    """
    ends = {
        reading_key(item.reading): {item.judged.low, item.judged.high}
        for _, items in rivals
        for item in items
        if np.isfinite(item.judged.probability)
    }

    readings = {
        reading_key(item.reading): round(item.judged.probability, 6)
        for _, items in before.claims
        for item in items
        if np.isfinite(item.judged.probability)
    }
    agreed = [key for key, p in readings.items() if p in (0, 1) and ends.get(key, {p}) == {p}]
    about = {"draws": before.results.draws, "seed": before.experiment.seed, "scenario_sha256": before.experiment.sha256}
    text = json.dumps({**about, "agreed": agreed, "readings": readings}, indent=0, ensure_ascii=False, allow_nan=False)
    prior_file(NAME).write_text(text + "\n", encoding="utf-8")
    before_the_fit.cache_clear()  # what was read of the file that stood there before


def compared() -> str:
    """What policies would have changed for the side that decides on them, a year later: the command that docs/policies.md shows."""
    rows = [row for row in compare(NAME, tuple(POLICIES), COMPARED).rows() if (row["side"], row["weeks"]) == ("russia", WEEKS)]
    lines = ["| Russia | as happened | " + " | ".join(f"{title} | share > 0" for title in POLICIES.values()) + " |"]
    lines.append("|---" * (2 + 2 * len(POLICIES)) + "|")
    for name in dict.fromkeys(row["quantity"] for row in rows):
        found = [next(row for row in rows if (row["quantity"], row["policy"]) == (name, policy)) for policy in POLICIES]
        unit = "" if found[0]["unit"] == "1" else f", {found[0]['unit']}"
        cells = (f"{row['median']:.3g} [{row['low']:.3g}, {row['high']:.3g}] | {row['p_above_zero']:.2f}" for row in found)
        lines.append(f"| {name}{unit} | {found[0]['as_happened']:.3g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Runs both and renews the page and the picture."""
    told = json.loads(posterior_file(NAME).with_suffix(".json").read_text(encoding="utf-8"))
    rivals = assess(NAME, RIVAL_DRAWS, posterior=None, structures="all").claims  # first, and no run of it is held on to
    prior, experiment = ensemble(build(NAME, draws=DRAWS)), build(NAME, draws=DRAWS, posterior=load(posterior_file(NAME)))
    posterior = ensemble(experiment)
    PICTURE.write_text(picture(prior, posterior), encoding="utf-8")
    text, before = PAGE.read_text(encoding="utf-8"), assess(NAME, DRAWS, posterior=None, regional=True)
    keep_prior(before, rivals)
    parts = {
        "posterior-headline": headline(posterior),
        "posterior-absurd": absurd(posterior, experiment.observation_step),
        "posterior-coverage": covered(told),
        "posterior-numbers": identified(told),
        "posterior-verdicts": verdicts(before, assess(NAME, DRAWS, regional=True)),
    }
    for name, table in parts.items():
        text = replaced(text, name, table)
    PAGE.write_text(text, encoding="utf-8")
    page = PAGE.with_name("policies.md")
    page.write_text(replaced(page.read_text(encoding="utf-8"), "comparison", compared()), encoding="utf-8")


if __name__ == "__main__":
    main()
