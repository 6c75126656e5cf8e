"""Quantities: the words in which a reading names a number of a run. Each has a key of its own, by which it is told apart.

What they mean is in propositions.py; no claim has Python of its own.
"""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from muster.evidence import Strict

Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="a date written 2022-09-21")]
Path = Annotated[str, Field(description="side/node/name of a series, as `muster claims paths` lists them")]
Group = Literal["core", "non-core", "all"]
Posture = Literal["all postures", "hasty", "prepared", "fortified", "delay"]
OfBattles = Literal["omega", "nu", "mass_on_winning", "quality_on_winning", "men_that_offset_it_in_losses", "men_that_offset_it_in_winning"]


class At(Strict):
    """A stock or index on a day."""

    at: Path
    cohort: str | None = None
    day: Day


class Over(Strict):
    """A weekly flow summed over a window; several paths are added. Of a stock it is the stock times weeks."""

    over: list[Path]
    cohort: str | None = None
    start: Day
    end: Day


class Mean(Strict):
    """The mean of a stock or index over a window."""

    mean: Path
    cohort: str | None = None
    start: Day
    end: Day


class Largest(Strict):
    """The largest value of a stock or index in a window."""

    largest: Path
    cohort: str | None = None
    start: Day
    end: Day


class Smallest(Strict):
    """The smallest value of a stock or index in a window."""

    smallest: Path
    cohort: str | None = None
    start: Day
    end: Day


class Lag(Strict):
    """Weeks between two cumulated counts reaching a level; infinite where the second never does."""

    lag: tuple[Path, Path]
    level: float = Field(gt=0)


class LagShare(Strict):
    """Share of a count that the second cumulated count has reached a number of weeks after the first reached half of it."""

    reached: tuple[Path, Path]
    of: float = Field(gt=0)
    weeks: float = Field(ge=0)


class Ratio(Strict):
    """One quantity over another."""

    ratio: tuple["Quantity", "Quantity"]


class Difference(Strict):
    """One quantity less another."""

    difference: tuple["Quantity", "Quantity"]


class Sum(Strict):
    """Quantities added."""

    sum: list["Quantity"]


class Scaled(Strict):
    """A quantity times a constant, which may have a unit of its own."""

    scaled: "Quantity"
    factor: float
    unit: str = "1"


class Effect(Strict):
    """A quantity under one policy less the same under another, draw by draw on the same parameters and luck; `relative`: over the latter.

    `fixed` (PATH=VALUE as in --set) and `cut` (loops of the model, cut on both sides) hold in the second run only.
    """

    effect: "Quantity"
    policy: str = "as-happened"
    against: str = "as-happened"
    fixed: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    relative: bool = False


class Average(Strict):
    """The mean of a quantity over the draws: one number of the ensemble, known up to its sampling error."""

    average: "Quantity"


class Explained(Strict):
    """Share of the variance of a quantity over the draws that some quantities explain, the rest of the explained going to `beside`.

    Least squares on ranks; what both explain is halved (Shapley). `less: true`: the share of `by` less that of `beside`.
    """

    explained: "Quantity"
    by: list["Quantity"]
    beside: list["Quantity"]
    less: bool = False


class BayesFactor(Strict):
    """How much more often an observation comes with the first cause than with the second.

    The observation: `bayes_factor` lies among its highest `top` share of the draws. A cause is at work in the half of the draws where it
    is larger. Compared are draws with the first and not the second, and the reverse; `neither: true` compares with draws that have neither.
    """

    bayes_factor: "Quantity"
    top: float = Field(0.1, gt=0, lt=1)
    first: "Quantity"
    second: "Quantity"
    neither: bool = False


class Fitted(Strict):
    """An exponent of the law fitted to battles, by era and the defender's posture; `gap`: the relative quality to be offset."""

    battles: OfBattles
    era: str | None = None
    posture: Posture = "all postures"
    gap: float = 0.7


class Fought(Strict):
    """A number of the table of battles itself: median men per km of front of one side, or the share of attackers with more men."""

    table: Literal["men_per_km", "superiority"]
    since: int | None = None
    until: int | None = None


class Regional(Strict):
    """A reading by region (SIDE/NAME), summed over a group of regions, or its mean by men. Core: no titular people of another name."""

    regional: str
    mean: bool = False
    group: Group = "all"
    cohort: str | None = None
    day: Day


class Regions(Strict):
    """How many regions have more than a share of some men: a reading by region over the men of the region."""

    regions: str
    per: str
    above: float
    cohort: str | None = None
    day: Day


class Adjusted(Strict):
    """Non-core over core regions: a reading by region over the men of the region, at equal covariates of the table of regions.

    Least squares of the log rate on the group and the covariates, regions weighted by men.
    """

    adjusted: str
    per: str
    for_: list[str] = Field(alias="for")
    cohort: str | None = None
    day: Day


FORMS = {  # "regional" first: it may hold the key "mean" too
    "regional": Regional, "at": At, "over": Over, "mean": Mean, "largest": Largest, "smallest": Smallest, "lag": Lag,
    "reached": LagShare, "ratio": Ratio, "difference": Difference, "sum": Sum, "scaled": Scaled, "effect": Effect, "average": Average,
    "explained": Explained, "bayes_factor": BayesFactor, "battles": Fitted, "table": Fought, "regions": Regions, "adjusted": Adjusted,
}  # fmt: skip


def form_of(data) -> str | None:
    """The key by which a quantity is told apart."""
    if isinstance(data, dict):
        return next((key for key in FORMS if key in data), None)
    return next((key for key, form in FORMS.items() if isinstance(data, form)), None)


Quantity = Annotated[
    Annotated[At, Tag("at")]
    | Annotated[Over, Tag("over")]
    | Annotated[Mean, Tag("mean")]
    | Annotated[Largest, Tag("largest")]
    | Annotated[Smallest, Tag("smallest")]
    | Annotated[Lag, Tag("lag")]
    | Annotated[LagShare, Tag("reached")]
    | Annotated[Ratio, Tag("ratio")]
    | Annotated[Difference, Tag("difference")]
    | Annotated[Sum, Tag("sum")]
    | Annotated[Scaled, Tag("scaled")]
    | Annotated[Effect, Tag("effect")]
    | Annotated[Average, Tag("average")]
    | Annotated[Explained, Tag("explained")]
    | Annotated[BayesFactor, Tag("bayes_factor")]
    | Annotated[Fitted, Tag("battles")]
    | Annotated[Fought, Tag("table")]
    | Annotated[Regional, Tag("regional")]
    | Annotated[Regions, Tag("regions")]
    | Annotated[Adjusted, Tag("adjusted")],
    Discriminator(form_of),
]
for model in FORMS.values():
    model.model_rebuild()


def parts(quantity) -> list:
    """The quantities that a quantity is made of, one level down."""
    match quantity:
        case Ratio():
            return list(quantity.ratio)
        case Difference():
            return list(quantity.difference)
        case Sum():
            return list(quantity.sum)
        case Scaled():
            return [quantity.scaled]
        case Effect():
            return [quantity.effect]
        case Average():
            return [quantity.average]
        case Explained():
            return [quantity.explained, *quantity.by, *quantity.beside]
        case BayesFactor():
            return [quantity.bayes_factor, quantity.first, quantity.second]
        case _:
            return []


def every(quantity) -> list:
    """A quantity and all that it is made of."""
    return [quantity, *(inner for part in parts(quantity) for inner in every(part))]


def paths(quantity) -> list[str]:
    """The series that one quantity reads itself, without its parts."""
    match quantity:
        case At():
            return [quantity.at]
        case Over():
            return quantity.over
        case Mean():
            return [quantity.mean]
        case Largest():
            return [quantity.largest]
        case Smallest():
            return [quantity.smallest]
        case Lag():
            return list(quantity.lag)
        case LagShare():
            return list(quantity.reached)
        case _:
            return []


def days(quantity) -> list[str]:
    """The dates that one quantity names itself, in the order in which they must stand."""
    if isinstance(quantity, Over | Mean | Largest | Smallest):
        return [quantity.start, quantity.end]
    return [quantity.day] if isinstance(quantity, At | Regional | Regions | Adjusted) else []


def of_regions(quantity) -> bool:
    """Whether a quantity needs a run by regions."""
    return any(
        isinstance(part, Regional | Regions | Adjusted) or any(path.split("/")[1:2] == ["regions"] for path in paths(part))
        for part in every(quantity)
    )


def of_ensemble(quantity) -> bool:
    """Whether a quantity is one number of the whole ensemble and not one a draw."""
    return any(isinstance(part, Average | Explained | BayesFactor) for part in every(quantity))


def of_battles(quantity) -> bool:
    """Whether a quantity rests on battles alone and on no run."""
    leaves = [part for part in every(quantity) if not parts(part)]
    return all(isinstance(part, Fitted | Fought) for part in leaves)


def mirrored(quantity, sides: tuple[str, str]):
    """The same quantity of the other side."""
    other = dict(zip(sides, sides[::-1], strict=True))

    def swap(item):
        if isinstance(item, str):
            head, _, tail = item.partition("/")
            return f"{other[head]}/{tail}" if head in other and tail else item
        if isinstance(item, dict):
            return {key: swap(part) for key, part in item.items()}
        if isinstance(item, (list, tuple)):
            return [swap(part) for part in item]
        return item

    return type(quantity).model_validate(swap(quantity.model_dump(by_alias=True)))
