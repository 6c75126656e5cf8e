"""Ages: the full table of persons, gone through once a quarter; between two quarters only its margins move, week by week.

The flows of the quarter, summed by margin, are spread over ages as the men they come from were at its start
(docs/model/demography.md, eq. 8-13).
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.levers import AGES, Setting
from muster.model.quantity import Record, quantity
from muster.model.smooth import once, share

QUARTER = 13  # weeks between two goings through the full table
YOUNGEST, YEARS = 15, 5  # first year of the youngest band of AGES, and years in a band
BAND = YEARS * 52  # weeks that a person stays in an age band


class Tables(Record):
    """Everybody by age, as at the start of the quarter."""

    civil: Float[Array, " region age skill experience"] = quantity("person", "men at home")
    women: Float[Array, " region women_age"] = quantity("person", "women of 15-49 at home")
    serving: Float[Array, " cohort region age skill"] = quantity("person", "men in the army, in training, in care, in captivity")
    evading: Float[Array, " region age"] = quantity("person", "men who evade")
    abroad: Float[Array, " region age skill"] = quantity("person", "men who left since the start")
    women_abroad: Float[Array, " region women_age"] = quantity("person", "women of 15-49 who left since the start")


class Margins(Record):
    """The same persons without their ages: what the weeks move."""

    eligible: Float[Array, " region skill experience"] = quantity("person", "men at home on the register")
    exempt: Float[Array, " region skill"] = quantity("person", "men at home outside the register, or home again since the quarter began")
    women: Float[Array, " region"] = quantity("person", "women of 15-49 at home")
    serving: Float[Array, " cohort region skill"] = quantity("person", "men in the army, in training, in care, in captivity")
    evading: Float[Array, " region"] = quantity("person", "men who evade")
    abroad: Float[Array, " region skill"] = quantity("person", "men who left since the start")
    women_abroad: Float[Array, " region"] = quantity("person", "women of 15-49 who left since the start")


class Moved(Record):
    """Flows since the quarter began, by margin; what left a stock in all is the rest."""

    eligible_died: Float[Array, " region skill experience"] = quantity("person", "deaths of men on the register")
    exempt_died: Float[Array, " region skill"] = quantity("person", "deaths of other men at home")
    women_died: Float[Array, " region"] = quantity("person", "deaths of women at home")
    joined: Float[Array, " intake region skill"] = quantity("person", "from the register to the decree, the later decree, volunteers")
    evaded: Float[Array, " region skill"] = quantity("person", "from the register to the evaders")
    left: Float[Array, " region skill"] = quantity("person", "from the register abroad")
    exempt_left: Float[Array, " region skill"] = quantity("person", "other men at home who went abroad")
    women_left: Float[Array, " region"] = quantity("person", "women who went abroad")
    found: Float[Array, " channel region"] = quantity("person", "from the evaders to the two decrees")
    forgiven: Float[Array, " region"] = quantity("person", "from the evaders home")
    slipped: Float[Array, " region"] = quantity("person", "from the evaders abroad")
    discharged: Float[Array, " region skill"] = quantity("person", "from the army home")
    gone: Float[Array, " region"] = quantity("person", "from the army to the evaders")
    discharged_from: Float[Array, " cohort"] = quantity("person", "from the army home, by cohort")
    gone_from: Float[Array, " cohort"] = quantity("person", "from the army to the evaders, by cohort")
    returned: Float[Array, " region skill"] = quantity("person", "men who came back from abroad")
    women_returned: Float[Array, " region"] = quantity("person", "women who came back from abroad")
    outsiders: Float[Array, ""] = quantity("person", "men from outside the population")
    prisoners: Float[Array, ""] = quantity("person", "convicts who signed")


class Frozen(Record):
    """What the weeks need to know of ages: taken from the tables when the quarter begins."""

    listed: Float[Array, " age"] = quantity("1", "share of the men of an age who are on the register and old enough to be called")
    eligible_mortality: Float[Array, " region"] = quantity("1/year", "mean death rate of men on the register")
    exempt_mortality: Float[Array, " region"] = quantity("1/year", "mean death rate of other men at home")
    women_mortality: Float[Array, " region"] = quantity("1/year", "mean death rate of women of 15-49")
    fertility: Float[Array, " region"] = quantity("1/year", "births per woman of 15-49 and year by the schedule")
    young_home: Float[Array, " region"] = quantity("1", "share of 15-44 among men at home")
    young_serving: Float[Array, " region"] = quantity("1", "share of 15-44 among serving men")
    skills: Float[Array, " region skill"] = quantity("1", "shares of skill among men at home")
    partners_men: Float[Array, " region"] = quantity("1", "share of 20-39 among men at home")
    partners_women: Float[Array, " region"] = quantity("1", "share of 20-39 among women of 15-49")
    by_age: Float[Array, " age skill"] = quantity("1", "shares of age among men at home, by skill")
    adult: Float[Array, ""] = quantity("1", "share of 18-59 among living men in the country")
    prime: Float[Array, ""] = quantity("1", "share of 18-39 among living men in the country")


def composition(stock, axes: tuple[int, ...]):
    """Shares of the cells of a stock along axes [1]; equal shares where there is nobody."""
    cells = 1
    for axis in axes:
        cells *= stock.shape[axis]
    whole = jnp.sum(stock, axis=axes, keepdims=True)
    return jnp.where(whole > 0, share(stock, whole), 1 / cells)


def registered(setting: Setting):
    """Share of the men of an age who are on the register [1] by age, under the ages of the setting."""
    return setting.call_up_age * setting.register / jnp.sum(setting.men * setting.call_up_age[:, None, None])


def opened(setting: Setting, minimum_age, minimum_age_at_start):
    """Liable share of each age band over the setting's [1], eq. 13: the years of a band that the minimum age opens or closes."""
    upper = YOUNGEST + YEARS * (1 + jnp.arange(len(AGES)))
    above, at_start = (jnp.clip((upper - age) / YEARS, 0, 1) for age in (minimum_age, minimum_age_at_start))
    lowered = 1 + share(1 - setting.call_up_age, setting.call_up_age) * share(above - at_start, 1 - at_start)
    return jnp.where(above > at_start, lowered, jnp.where(above < at_start, share(above, at_start), 1.0))


def registered_men(setting: Setting):
    """Men on the register at the start [person] by region, skill and experience."""
    return jnp.sum(setting.men * registered(setting)[:, None, None], axis=1)


def at_large(setting: Setting):
    """Where men from outside the population are booked [1] by region and skill: as the men at home at the start."""
    men = jnp.sum(setting.men, axis=(1, 3))
    return men / jnp.sum(men)


def margins(tables: Tables, listed) -> Margins:
    """The margins of the tables [person], eq. 8; `listed` is the share of an age that may be called [1] by age."""
    listed = listed[:, None, None]
    return Margins(
        eligible=jnp.sum(tables.civil * listed, axis=1),
        exempt=jnp.sum(tables.civil * (1 - listed), axis=(1, 3)),
        women=jnp.sum(tables.women, axis=1),
        serving=jnp.sum(tables.serving, axis=2),
        evading=jnp.sum(tables.evading, axis=1),
        abroad=jnp.sum(tables.abroad, axis=1),
        women_abroad=jnp.sum(tables.women_abroad, axis=1),
    )


def frozen(tables: Tables, listed, setting: Setting) -> Frozen:
    """Means over ages that hold for a quarter, eq. 9."""
    mortality = setting.men_mortality
    home, women = jnp.sum(tables.civil, axis=(2, 3)), tables.women
    serving = jnp.sum(tables.serving, axis=(0, 3))
    living = composition(jnp.sum(home + serving + tables.evading, axis=0), (0,))

    def of(stock, weight):
        return jnp.sum(composition(stock, (1,)) * weight, axis=1)

    band = jnp.arange(living.shape[0])
    young, couples = jnp.where(band < 6, 1.0, 0.0), jnp.where((band >= 1) & (band < 5), 1.0, 0.0)
    above_17 = living[0] * 2 / 5
    return Frozen(
        listed=listed,
        eligible_mortality=of(home * listed, mortality),
        exempt_mortality=of(home * (1 - listed), mortality),
        women_mortality=of(women, setting.women_mortality),
        fertility=of(women, setting.fertility),
        young_home=of(home, young),
        young_serving=of(serving, young),
        skills=composition(jnp.sum(tables.civil, axis=(1, 3)), (1,)),
        partners_men=of(home, couples),
        partners_women=of(women, couples[: women.shape[1]]),
        by_age=composition(jnp.sum(tables.civil, axis=(0, 3)), (0,)),
        adult=above_17 + jnp.sum(living[1:9]),
        prime=above_17 + jnp.sum(living[1:5]),
    )


def nothing_moved(tables: Tables) -> Moved:
    """A quarter that has just begun."""
    cohorts, regions, _, skills = tables.serving.shape
    pair, one, zero = jnp.zeros((regions, skills)), jnp.zeros(regions), jnp.zeros(())
    return Moved(
        eligible_died=jnp.zeros((regions, skills, tables.civil.shape[3])),
        exempt_died=pair,
        women_died=one,
        joined=jnp.zeros((3, regions, skills)),
        evaded=pair,
        left=pair,
        exempt_left=pair,
        women_left=one,
        found=jnp.zeros((2, regions)),
        forgiven=one,
        slipped=one,
        discharged=pair,
        gone=one,
        discharged_from=jnp.zeros(cohorts),
        gone_from=jnp.zeros(cohorts),
        returned=pair,
        women_returned=one,
        outsiders=zero,
        prisoners=zero,
    )


def ratio(part, whole):
    """share(part, whole), computed once: fused with what it multiplies it would be divided anew for every age."""
    return once(share(part, whole))[0]


def less(stock, whole, rest):
    """A stock of `whole` persons along its ages run down to `rest`, every age alike; never negative."""
    return stock * ratio(jnp.maximum(rest, 0.0), whole)


def survivors(stock, died, mortality, axis: int):
    """A stock less its deaths, which fall on ages by their death rates, eq. 10."""
    shape = [1] * stock.ndim
    shape[axis] = -1
    exposed = stock * jnp.reshape(mortality, shape)
    whole = jnp.sum(exposed, axis=axis, keepdims=True)
    died = jnp.expand_dims(died, axis)
    evenly = once(jnp.where(whole > 0, 0.0, died / stock.shape[axis]))[0]  # where no age has a death rate, on all alike
    return jnp.maximum(stock - ratio(died, whole) * exposed - evenly, 0.0)


def spread(tables: Tables, end: Margins, moved: Moved, listed, setting: Setting) -> Tables:
    """The tables after the flows of a quarter, eq. 10 and 11; `end` are the margins that the weeks have led to."""
    listed = listed[:, None, None]
    alive = survivors(tables.civil * listed, moved.eligible_died, setting.men_mortality, 1)
    stayed = less(alive, jnp.sum(alive, axis=1, keepdims=True), end.eligible[:, None])
    alive, stayed = once(alive, stayed)
    taken = jnp.sum(alive - stayed, axis=3)  # by region, age, skill: all who left the register
    kinds = taken * ratio(1.0, jnp.sum(taken, axis=1, keepdims=True))
    others = jnp.sum(tables.civil * (1 - listed), axis=3)
    others_alive = survivors(others, moved.exempt_died, setting.men_mortality, 1)
    others_left = others_alive * ratio(moved.exempt_left, jnp.sum(others_alive, axis=1))[:, None]

    kinds, others, others_alive, others_left = once(kinds, others, others_alive, others_left)
    entered = entering(kinds, moved, tables.serving.shape, setting)
    evaded = tables.evading + jnp.sum(kinds * moved.evaded[:, None], axis=2)
    skills = composition(jnp.sum(tables.civil, axis=(1, 3)), (1,))[:, None]
    evading, army = hidden_and_serving(evaded, tables.serving + entered, skills, moved)
    hiding = composition(evading, (1,))[..., None] * skills
    army, hiding = once(army, hiding)
    army_sum = jnp.sum(army, axis=2)
    leavers = jnp.sum(army * rate_by_cohort(moved.discharged_from, army)[:, None, None, None], axis=0)
    home = leavers * ratio(moved.discharged, jnp.sum(leavers, axis=1))[:, None]

    away = tables.abroad + kinds * moved.left[:, None] + others_left + hiding * moved.slipped[:, None, None]
    back = away * ratio(moved.returned, jnp.sum(away, axis=1))[:, None]
    home, away, back, experience = once(home, away, back, composition(tables.civil, (3,)))
    kept = ratio(others_alive - others_left, others)[..., None] * tables.civil * (1 - listed)
    civil = stayed + kept + (hiding * moved.forgiven[:, None, None] + back)[..., None] * experience
    women = survivors(tables.women, moved.women_died, setting.women_mortality, 1)
    women_left = women * ratio(moved.women_left, jnp.sum(women, axis=1))[:, None]
    women_away = tables.women_abroad + women_left
    women_back = women_away * ratio(moved.women_returned, jnp.sum(women_away, axis=1))[:, None]
    return Tables(
        civil=civil + home[..., None] * combat(civil.shape[3]),
        women=women - women_left + women_back,
        serving=less(army, army_sum[:, :, None], end.serving[:, :, None]),
        evading=less(evading, jnp.sum(evading, axis=1, keepdims=True), end.evading[:, None]),
        abroad=away - back,
        women_abroad=women_away - women_back,
    )


def rate_by_cohort(flow, army):
    """Flow of each cohort over its men [1]."""
    return ratio(flow, jnp.sum(army, axis=(1, 2, 3)))


def combat(experiences: int):
    """1 for combat experience, the last of the kinds, else 0."""
    return jnp.where(jnp.arange(experiences) == experiences - 1, 1.0, 0.0)


def entering(kinds, moved: Moved, shape: tuple[int, ...], setting: Setting):
    """Men who joined the army from the register and from outside the population [person] by cohort, region, age and skill."""
    called = kinds[None] * moved.joined[:, :, None]
    places = at_large(setting)[:, None, :]
    outsiders = moved.outsiders * setting.cohort_age[3][:, None] / jnp.sum(setting.cohort_age[3]) * places
    prisoners = moved.prisoners * setting.cohort_age[4][:, None] / jnp.sum(setting.cohort_age[4]) * places
    return jnp.stack([jnp.zeros(shape[1:]), called[0], called[1], called[2] + outsiders, prisoners])


def hidden_and_serving(evaded, army, skills, moved: Moved):
    """All who evaded [region, age] and all who served [cohort, region, age, skill] in the quarter, eq. 11.

    Deserters become evaders and evaders are found for the army: two mixtures that feed each other, solved in closed form.
    """
    found = jnp.concatenate([jnp.zeros_like(moved.found[:1]), moved.found, jnp.zeros_like(moved.found)])
    rate = rate_by_cohort(moved.gone_from, army)[:, None]
    inclined = rate * (jnp.sum(army, axis=(2, 3)) + found)
    deserting = once(rate * share(moved.gone, jnp.sum(inclined, axis=0)))[0]
    catching = ratio(found, jnp.sum(evaded, axis=1) + moved.gone)
    sources = evaded + jnp.sum(deserting[:, :, None] * jnp.sum(army, axis=3), axis=0)
    evading = ratio(sources, 1 - jnp.sum(deserting * catching, axis=0)[:, None])
    return evading, army + evading[None, :, :, None] * catching[:, :, None, None] * skills


def aged(stock, elapsed, axis: int, leave_last: bool = True):
    """A stock by age after `elapsed` weeks, eq. 12: (men moved up, those who leave the last band, if any may)."""
    shape = [1] * stock.ndim
    shape[axis] = -1
    band = jnp.arange(stock.shape[axis])
    moves = jnp.where(leave_last | (band < stock.shape[axis] - 1), elapsed / BAND, 0.0)
    up = stock * jnp.reshape(moves, shape)
    below, last = jax.lax.slice_in_dim(up, 0, -1, axis=axis), jax.lax.slice_in_dim(up, -1, None, axis=axis)
    return stock - up + jnp.concatenate([jnp.zeros_like(last), below], axis=axis), jnp.sum(last)


def older(tables: Tables, elapsed, setting: Setting):
    """Everybody in the country `elapsed` weeks older, eq. 12: (tables, persons who joined everybody else less those who left)."""
    civil, old_men = aged(tables.civil, elapsed, 1)
    women, old_women = aged(tables.women, elapsed, 1)
    serving, _ = aged(tables.serving, elapsed, 2, leave_last=False)
    youths, girls = setting.youths * elapsed / 52, setting.girls * elapsed / 52
    men_by_kind = jnp.sum(setting.men, axis=1) / jnp.sum(setting.men)
    women_by_region = jnp.sum(setting.women, axis=1) / jnp.sum(setting.women)
    first, first_women = (jnp.where(jnp.arange(stock.shape[1]) == 0, 1.0, 0.0) for stock in (civil, women))
    new = replace(
        tables,
        civil=civil + youths * first[:, None, None] * men_by_kind[:, None],
        women=women + girls * first_women * women_by_region[:, None],
        serving=serving,
    )
    return new, old_men + old_women - youths - girls
