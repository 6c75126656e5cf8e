"""The page: everything that was judged, as one file that loads nothing and runs nothing."""

import json
import math
from collections import Counter
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from muster.compare import Comparison
from muster.judgement import JudgedReading, Judgement
from muster.quantities import of_battles
from muster.report import chain, claim, sections, words

HERE = Path(__file__).parent
VERDICTS = ("supported", "likely", "undecided", "unlikely", "contradicted", "not testable", "not computed")
LESS_THAN = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def page(judgement: Judgement, comparison: Comparison | None = None, seconds: float | None = None, *, told: str = "") -> str:
    """report.html of an assessment.

    `comparison`: the policies, where they were run; `seconds`: what it all took; `told`: the settings of a run that is no plain run of a
    scenario, whose page stands alone.
    """
    results, experiment = judgement.results, judgement.experiment
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": words.number, "day": words.day, "percent": words.percent, "probability": words.probability}
    charts_of, still = sections.policies(comparison) if comparison else ([], [])
    rows, grades = sections.sources(results)
    manifest = results.manifest()
    return environment.get_template("page.html.j2").render(
        style=Markup((HERE / "style.css").read_text(encoding="utf-8")),
        title=experiment.scenario.title,
        sentence=sentence(judgement),
        told=told,
        labels=claim.labels_of(results),
        chain=chain.figure(results, experiment, judgement.weights),
        claims=[claim.section(one, items, judgement) for one, items in judgement.claims],
        bar=bar,
        outcome=outcome,
        known=lambda item: math.isfinite(item.judged.probability),
        notes=judgement.notes,
        weighted=judgement.weights is not None,
        structures=len(judgement.structures),
        last_observation=experiment.scenario.last_observation,
        policies=charts_of,
        policy_texts=comparison.as_dict()["policies"] if comparison else [],
        comparison_draws=comparison.draws if comparison else 0,
        still=still,
        battles=sections.battles(),
        regions=sections.regions(judgement),
        sources=rows,
        grades=grades,
        graded=sum(grades.values()),
        manifest=manifest,
        seconds=manifest["wall_time_seconds"] if seconds is None else seconds,
        data=Markup(json.dumps(judgement.as_list(), ensure_ascii=False, default=str).translate(LESS_THAN)),
    )


def sentence(judgement: Judgement) -> str:
    """What a reader should take away, in one sentence."""
    headlines = [item for _, items in judgement.claims for item in items if item.reading.headline]
    counts = Counter(item.judged.verdict for item in headlines)
    parts = [f"{words.written(counts[word])} {word}" for word in VERDICTS if counts[word]]
    told = f"Of {words.count(len(headlines), 'claim')}, {words.listed(parts)}"
    known = [item for item in headlines if math.isfinite(item.judged.probability)]
    of_war = [item for item in known if item.reading.proposition and not of_battles(item.reading.proposition.quantity)]
    moved = sum(not item.judged.prior_driven for item in of_war)
    if moved or judgement.experiment.posterior or judgement.effective_draws is not None:
        return f"{told}; the data of this war moved {words.count(moved, 'answer')}."
    but = f"so each but {words.written(len(known) - len(of_war))} answered by battles" if len(of_war) < len(known) else "so each"
    return f"{told}; no model fit to this war stands behind these words yet, {but} is what was thought plausible beforehand."


def outcome(item: JudgedReading) -> str:
    """What the published figures say of a reading."""
    return item.resolution.outcome


def bar(item: JudgedReading) -> Markup:
    """A probability on a line from 0 to 1: a dot, its Monte-Carlo error, and the range over rival equations."""
    judged = item.judged
    if not math.isfinite(judged.probability):
        return Markup("")
    low, high = max(judged.probability - 2 * judged.mcse, 0), min(judged.probability + 2 * judged.mcse, 1)
    x = {
        name: 4 + 92 * p
        for name, p in (("p", judged.probability), ("low", low), ("high", high), ("least", judged.low), ("most", judged.high))
    }
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="bar" viewBox="0 0 100 16" aria-hidden="true">'
        '<path class="scale" d="M4 8H96M4 4V12M50 4V12M96 4V12"/>'
        f'<path class="range" d="M{x["least"]:.1f} 8H{x["most"]:.1f}"/><path class="error" d="M{x["low"]:.1f} 8H{x["high"]:.1f}"/>'
        f'<circle cx="{x["p"]:.1f}" cy="8" r="4"/></svg>'
    )
