"""What a quantity counts, in the words of the model: what its parts have in common is said once."""

from dataclasses import dataclass, replace

from muster.model.quantity import meanings
from muster.model.world import Regional as ByRegion
from muster.output import series_of
from muster.propositions import Quantity
from muster.quantities import (
    Adjusted,
    At,
    Average,
    BayesFactor,
    Difference,
    Effect,
    Explained,
    Fitted,
    Fought,
    Lag,
    LagShare,
    Largest,
    Mean,
    Over,
    Ratio,
    Regional,
    Regions,
    Scaled,
    Smallest,
    Sum,
    every,
    paths,
)
from muster.report.words import day, listed, number, scaled
from muster.results import Results

FACETS = ("side", "group", "when")
GROUPS = {"core": "core regions", "non-core": "non-core regions", "all": ""}


@dataclass(frozen=True)
class Said:
    """A quantity in words: what it is, and of which side, of which men or regions and when; `made`: what several parts make."""

    what: str
    kind: str = ""  # mean, largest or smallest
    times: str = ""
    side: str = ""
    group: str = ""
    when: str = ""
    made: str = ""  # ratio, difference, sum or quantity; empty where it has no parts


@dataclass(frozen=True)
class Speaker:
    """What the words of a quantity depend on: the names of series, the side of each path where two are compared, the day that moves."""

    results: Results
    labels: dict[str, str]  # of the sides; empty where a quantity is about one
    moving: str | None

    def named(self, path: str) -> str:
        """The name of a series."""
        return series_of(self.results.tree, path).attrs["long_name"]

    def of(self, path: str) -> str:
        """The side of a path, where it must be told."""
        return self.labels.get(path.partition("/")[0], "")

    def on(self, moment: str) -> str:
        """A day in words; nothing where a chart moves it along its axis."""
        return "" if moment == self.moving else f"on {day(moment)}"

    def window(self, start: str, end: str) -> str:
        """A window in words."""
        return f"since {day(start)}" if end == self.moving else f"from {day(start)} to {day(end)}"


def described(quantity: Quantity, results: Results, moving: str | None = None) -> str:
    """What a quantity counts, in the words of the model; `moving`: the day in it that a chart moves along its axis."""
    labels = dict(zip(results.sides, (str(label) for label in results.tree.attrs["labels"]), strict=True))
    said = told(quantity, Speaker(results, labels if compares(quantity, results.sides) else {}, moving))
    marks = ", ".join(filter(None, (said.side, said.group)))
    return f"{marks}: {text(replace(said, side='', group=''), alone=True)}" if said.made and marks else text(said, alone=True)


def compares(quantity: Quantity, sides: tuple[str, str]) -> bool:
    """Whether a quantity sets one side against the other."""
    return len({side for part in every(quantity) for path in named_paths(part) if (side := path.partition("/")[0]) in sides}) > 1


def named_paths(part) -> list[str]:
    """Every path that a quantity names itself, those by region too."""
    match part:
        case Regional():
            return [part.regional]
        case Regions():
            return [part.regions, part.per]
        case Adjusted():
            return [part.adjusted, part.per]
        case _:
            return paths(part)


def told(quantity, speaker: Speaker) -> Said:
    """A quantity in words."""
    match quantity:
        case Ratio():
            first, second = quantity.ratio
            if isinstance(first, Effect) and first.effect == second and not first.relative:
                return Said(f"{text(told(first, speaker), alone=True)}, as a share of {first.policy}", made="quantity")
            return joined([told(part, speaker) for part in (first, second)], "over")
        case Difference():
            return joined([told(part, speaker) for part in quantity.difference], "less")
        case Sum():
            return joined([told(part, speaker) for part in quantity.sum], "and")
        case Scaled():
            inner, factor = told(quantity.scaled, speaker), number(quantity.factor)
            plain = quantity.factor == 1 and quantity.unit == "1"
            return inner if plain else replace(inner, times=" ".join([factor, *scaled(quantity.unit, 0.0, False)[1].split(), "times"]))
        case Effect():
            return effect(quantity, speaker)
        case Average():
            return Said(f"mean over the draws of {text(told(quantity.average, speaker), alone=True)}", made="quantity")
        case Explained():
            return explained(quantity, speaker)
        case BayesFactor():
            return bayes_factor(quantity, speaker)
        case Regional() | Regions() | Adjusted():
            return by_region(quantity, speaker)
        case Fitted() | Fought():
            return of_battles(quantity)
        case _:
            return of_series(quantity, speaker)


def of_series(quantity, speaker: Speaker) -> Said:
    """Words of a quantity that reads series of a run."""
    match quantity:
        case Lag() | LagShare():
            return Said(between(quantity, speaker))
        case At():
            side, when = speaker.of(quantity.at), speaker.on(quantity.day)
            return Said(speaker.named(quantity.at), side=side, group=cohort(quantity.cohort), when=when)
    read = paths(quantity)
    what = listed([speaker.named(path) for path in read])
    if isinstance(quantity, Over) and not series_of(speaker.results.tree, read[0]).attrs["units"].endswith("/week"):
        what = f"{what} times weeks"
    kind = {Mean: "mean", Largest: "largest", Smallest: "smallest"}.get(type(quantity), "")
    when = speaker.window(quantity.start, quantity.end)
    return Said(what, kind, side=speaker.of(read[0]), group=cohort(quantity.cohort), when=when)


def between(quantity: Lag | LagShare, speaker: Speaker) -> str:
    """Weeks between two counts, or what the second has come to; what both are counted of is said once."""
    pair = quantity.lag if isinstance(quantity, Lag) else quantity.reached
    first, second = (speaker.named(path).removeprefix("of ") for path in pair)
    head, comma, _ = first.rpartition(", ")
    common = f"{head}{comma}" if comma and second.startswith(f"{head}{comma}") else ""
    one, other = (name.removeprefix(common).removesuffix(" so far") for name in (first, second))
    of = f"of {head}: " if common else ""
    if isinstance(quantity, Lag):
        return f"{of}weeks from {quantity.level:,.0f} {one} to {quantity.level:,.0f} {other}"
    return f"{of}share of {quantity.of:,.0f} {other} {quantity.weeks:g} weeks after half of them {one}"


def cohort(name: str | None) -> str:
    """A cohort of men."""
    return f"{name.replace('_', ' ')} cohort" if name else ""


def joined(parts: list[Said], joint: str) -> Said:
    """Parts set against each other: what they share is said of all, and what is like the first is the same."""
    shared = {facet: getattr(parts[0], facet) for facet in FACETS if len({getattr(part, facet) for part in parts}) == 1}
    first, *others = [replace(part, **dict.fromkeys(shared, "")) for part in parts]
    texts = [text(first), *(text(alike(part, first)) for part in others)]
    what = listed(texts) if joint == "and" else f", {joint} ".join(texts)
    return Said(what, **shared, made={"over": "ratio", "less": "difference"}.get(joint, "sum"))


def alike(part: Said, first: Said) -> Said:
    """A part as it is said after the first: the same where it is."""
    if part.what != first.what:
        return part
    named = f"the same {part.made}".strip() if part.kind == first.kind else f"its {part.kind or 'value'}"
    return replace(part, what=named, kind="", made="")


def text(said: Said, alone: bool = False) -> str:
    """The words in a row; what is made of parts stands in brackets unless it stands alone."""
    bracketed = bool(said.made) and not alone
    what = f"[{said.what}]" if bracketed else said.what
    kind = "" if said.what.startswith(f"{said.kind} ") else said.kind
    marks = ", ".join(filter(None, (said.side, said.group)))
    head = " ".join(filter(None, (said.times, kind, what, f"({marks})" if marks else "")))
    comma = "," if ", " in said.what and not bracketed and not marks else ""
    return f"{head}{comma} {said.when}" if said.when else head


def effect(quantity: Effect, speaker: Speaker) -> Said:
    """What a policy, or something fixed or cut, changes."""
    against = "the same run" if quantity.policy == quantity.against else quantity.against
    loops = [f"without the loop{'s' if len(quantity.cut) > 1 else ''} {listed(list(quantity.cut))}"] if quantity.cut else []
    changed = [*(f"with {fixed}" for fixed in quantity.fixed), *loops]
    change = f"{quantity.policy} less {' '.join([against, *([listed(changed)] if changed else [])])}"
    share = ", as a share of the latter" if quantity.relative else ""
    return Said(f"{text(told(quantity.effect, speaker), alone=True)}: {change}{share}", made="quantity")


def explained(quantity: Explained, speaker: Speaker) -> Said:
    """What some quantities explain of the variance of another."""
    by, beside = (causes([told(part, speaker) for part in group]) for group in (quantity.by, quantity.beside))
    of = f"share of the variance of {text(told(quantity.explained, speaker))}"
    return Said(f"{of} that is explained by {by}{', less that explained by ' if quantity.less else ', beside '}{beside}", made="quantity")


def causes(parts: list[Said]) -> str:
    """A list of quantities; one of each side is said once."""
    alone = [replace(part, side="") for part in parts]
    merged = dict.fromkeys(
        replace(part, side="both sides") if alone.count(nobody) > 1 else part for part, nobody in zip(parts, alone, strict=True)
    )
    all_of = joined(list(merged), "and")
    marks = ", ".join(filter(None, (all_of.side, all_of.group, all_of.when)))
    return f"{all_of.what} ({marks})" if marks else all_of.what


def bayes_factor(quantity: BayesFactor, speaker: Speaker) -> Said:
    """How much more often an observation comes with one cause than with another."""

    def cause(part) -> tuple[str, str]:
        turned = isinstance(part, Scaled) and part.factor < 0
        return text(told(part.scaled if turned else part, speaker)), "low" if turned else "high"

    (first, one), (second, other) = cause(quantity.first), cause(quantity.second)
    seen = f"{text(told(quantity.bayes_factor, speaker))} is in its highest {100 * quantity.top:g} %"
    against = "neither holds" if quantity.neither else "the reverse holds"
    return Said(
        f"chance that {seen} where {first} is {one} and {second} is not {other}, as a multiple of that where {against}", made="quantity"
    )


def by_region(quantity, speaker: Speaker) -> Said:
    """Words of a quantity that reads regions."""
    when = speaker.on(quantity.day)
    match quantity:
        case Regional():
            group = ", ".join(filter(None, (GROUPS[quantity.group], cohort(quantity.cohort))))
            what, kind = of_region(quantity.regional), "mean" if quantity.mean else ""
            return Said(what, kind, side=speaker.of(quantity.regional), group=group, when=when)
        case Regions():
            rate = f"{of_region(quantity.regions)} are more than {100 * quantity.above:g} % of {of_region(quantity.per)}"
            return Said(f"regions in which {rate}", side=speaker.of(quantity.regions), group=cohort(quantity.cohort), when=when)
        case _:
            rate = f"[{of_region(quantity.adjusted)}, over {of_region(quantity.per)}] in non-core over core regions"
            equal = f"at equal {listed([name.replace('_', ' ') for name in quantity.for_])}"
            return Said(f"{rate} {equal}", side=speaker.of(quantity.adjusted), group=cohort(quantity.cohort), when=when)


def of_region(path: str) -> str:
    """The name of a reading by region."""
    name = path.partition("/")[2]
    return meanings(ByRegion).get(name, name.replace("_", " "))


def of_battles(quantity: Fitted | Fought) -> Said:
    """Words of a quantity that battles give."""
    if isinstance(quantity, Fitted):
        what = quantity.battles.replace("_", " ").replace("offset it", f"offset a quality of {quantity.gap:g}")
        group = quantity.posture if quantity.posture == "all postures" else f"{quantity.posture} defence"
        return Said(what, group=group, when=f"in battles {quantity.era}" if quantity.era else "in battles of all eras")
    what = "median men per km of front" if quantity.table == "men_per_km" else "share of battles in which the attacker had more men"
    since, until = quantity.since, quantity.until
    when = f"from {since} to {until}" if since and until else f"since {since}" if since else f"until {until}" if until else ""
    return Said(f"{what} in battles" if quantity.table == "men_per_km" else what, when=when)
