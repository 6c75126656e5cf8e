"""Demography: the one table of persons; births, deaths, ageing, and who is where.

Every man of the model stands once in this table; the other subsystems hold tags (docs/model/demography.md, eq. 1-7).
"""

from dataclasses import replace

import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.levers import AGES, COHORTS, Setting
from muster.model.quantity import Record, quantity
from muster.model.smooth import leaves, positive, share

YOUNGEST, YEARS = 15, 5  # first year of the youngest band of AGES, and years in a band
BAND = YEARS * 52  # weeks that a person stays in an age band


class State(Record):
    civil: Float[Array, " region age skill experience"] = quantity("person", "men at home")
    women: Float[Array, " region women_age"] = quantity("person", "women of 15-49 at home")
    others: Float[Array, ""] = quantity("person", "everybody else at home")
    serving: Float[Array, " cohort region age skill"] = quantity("person", "men in the army, in training, in care, in captivity")
    evading: Float[Array, " region age"] = quantity("person", "men who evade")
    abroad: Float[Array, " region age skill"] = quantity("person", "men who left since the start")
    women_abroad: Float[Array, " region women_age"] = quantity("person", "women of 15-49 who left since the start")
    others_abroad: Float[Array, ""] = quantity("person", "everybody else who left since the start")
    dead: Float[Array, " cohort region"] = quantity("person", "killed since the start")
    disabled: Float[Array, ""] = quantity("person", "disabled by the war")
    postponed: Float[Array, ""] = quantity("person", "births postponed")
    conceptions: Float[Array, " delay region"] = quantity("1", "births over the schedule, on their way through three stages")
    births_total: Float[Array, ""] = quantity("person", "births since the start")
    deaths_total: Float[Array, ""] = quantity("person", "deaths outside the army since the start")
    outsiders_total: Float[Array, ""] = quantity("person", "men taken from outside the population since the start")
    drafted_total: Float[Array, " cohort"] = quantity("person", "men taken in since the start")
    emigrated_total: Float[Array, ""] = quantity("person", "people who left since the start")
    absent_at_start: Float[Array, " region"] = quantity("1", "share of men of 15-44 who served at the start")


class Params(Record):
    separation_births: Float[Array, ""] = quantity("1", "births lost per share of men absent")
    uncertainty_births: Float[Array, ""] = quantity("1", "log births lost at full uncertainty")
    risk_uncertainty: Float[Array, ""] = quantity("1", "uncertainty per per cent of men killed in a year")
    wage_uncertainty: Float[Array, ""] = quantity("1", "uncertainty per share of real wage lost")
    trust_uncertainty: Float[Array, ""] = quantity("1", "uncertainty per trust lost")
    fire_uncertainty: Float[Array, ""] = quantity("1", "uncertainty under fire")
    fertility_trend: Float[Array, ""] = quantity("1/year", "yearly fall of fertility")
    postponed_share: Float[Array, ""] = quantity("1", "share of lost births that is postponed")
    recovery_rate: Float[Array, ""] = quantity("1/year", "postponed births made up a year in calm")
    lapse_rate: Float[Array, ""] = quantity("1/year", "postponed births given up a year")
    marriage_exponent: Float[Array, ""] = quantity("1", "elasticity of births to men per woman")
    fire_mortality: Float[Array, ""] = quantity("1/year", "death rate of civilians under fire")
    gestation: Float[Array, ""] = quantity("week", "time from conception to birth")
    disabled_per_killed: Float[Array, ""] = quantity("1", "disabled per killed")
    corner: Float[Array, ""] = quantity("1", "width of the onset of losses in wage and trust")


class Inputs(Record):
    """Persons that change their place this week, and what weighs on births."""

    inducted: Float[Array, " channel region age skill experience"] = quantity("person/week", "men inducted from home")
    found: Float[Array, " channel region age"] = quantity("person/week", "evaders found and inducted")
    volunteers: Float[Array, " region age skill experience"] = quantity("person/week", "volunteers")
    prisoners: Float[Array, ""] = quantity("person/week", "convicts signed")
    outsiders: Float[Array, ""] = quantity("person/week", "men from outside the population, allied contingents too")
    evaded: Float[Array, " region age skill experience"] = quantity("person/week", "men who evade from now on")
    forgiven: Float[Array, " region age"] = quantity("person/week", "evaders who are eligible again")
    fled: Float[Array, " region age skill experience"] = quantity("person/week", "men who leave on a notice")
    killed: Float[Array, " cohort"] = quantity("person/week", "killed")
    discharged: Float[Array, " cohort"] = quantity("person/week", "discharged")
    gone: Float[Array, " cohort"] = quantity("person/week", "deserters gone for good")
    leaving_men: Float[Array, " region skill"] = quantity("1/week", "leaving hazard of men on the register")
    fire_men: Float[Array, ""] = quantity("1/week", "leaving hazard of men under fire")
    fire_others: Float[Array, ""] = quantity("1/week", "leaving hazard of others under fire")
    companions: Float[Array, ""] = quantity("1", "women and others who leave per man on the register")
    returning: Float[Array, ""] = quantity("1/week", "share of those abroad who return")
    real_wage: Float[Array, ""] = quantity("1", "real wage over the start")
    trust: Float[Array, ""] = quantity("1", "trust over its start")
    under_fire: Float[Array, ""] = quantity("1", "share of the population under fire")
    age_of_war: Float[Array, ""] = quantity("week", "weeks since the start")


class Outputs(Record):
    population: Float[Array, ""] = quantity("person", "people of the country at home and serving", headline=True)
    men_18_59: Float[Array, ""] = quantity("person", "living men of 18-59 at home and serving", headline=True)
    men_18_39: Float[Array, ""] = quantity("person", "living men of 18-39 at home and serving", headline=True)
    abroad: Float[Array, ""] = quantity("person", "people who left since the start and have not returned", headline=True)
    births: Float[Array, ""] = quantity("person/week", "births", headline=True)
    disabled: Float[Array, ""] = quantity("person", "disabled by the war", headline=True)
    serving: Float[Array, ""] = quantity("person", "men in the army, in training, in care, in captivity")
    evading: Float[Array, ""] = quantity("person", "men who evade")
    dead: Float[Array, ""] = quantity("person", "own military dead since the start")
    emigration: Float[Array, ""] = quantity("person/week", "people who leave the country")
    uncertainty: Float[Array, ""] = quantity("1", "uncertainty that holds births back")


def begin(params: Params, setting: Setting, troops) -> State:
    """Setting's people at home, and the standing force [person] beside them."""
    regions = setting.men.shape[0]
    by_region = setting.men.sum((1, 2, 3)) / setting.men.sum()
    by_skill = setting.men.sum((0, 1, 3)) / setting.men.sum()
    standing = troops * by_region[:, None, None] * composition(setting.cohort_age[0], (0,))[:, None] * by_skill
    serving = jnp.zeros((len(COHORTS), *standing.shape)).at[0].set(standing)
    zero = jnp.zeros_like(params.gestation)
    return State(
        civil=jnp.asarray(setting.men),
        women=jnp.asarray(setting.women),
        others=setting.others + zero,
        serving=serving,
        evading=jnp.zeros((regions, setting.men.shape[1])),
        abroad=jnp.zeros(setting.men.shape[:3]),
        women_abroad=jnp.zeros(setting.women.shape),
        others_abroad=zero,
        dead=jnp.zeros((len(COHORTS), regions)),
        disabled=zero,
        postponed=zero,
        conceptions=jnp.ones((3, regions)),
        births_total=zero,
        deaths_total=zero,
        outsiders_total=zero,
        drafted_total=jnp.zeros(len(COHORTS)),
        emigrated_total=zero,
        absent_at_start=share(
            jnp.sum(standing[:, :6], axis=(1, 2)), jnp.sum(standing[:, :6], axis=(1, 2)) + setting.men[:, :6].sum((1, 2, 3))
        ),
    )


def eligible(civil, setting: Setting):
    """Men at home who are on the register [person]."""
    liable = setting.call_up_age[:, None, None]
    return civil * liable * setting.register / jnp.sum(setting.men * liable)


def opened(setting: Setting, minimum_age, minimum_age_at_start):
    """Liable share of each age band over the setting's [1], eq. 8: the years of a band that the minimum age opens or closes."""
    upper = YOUNGEST + YEARS * (1 + jnp.arange(len(AGES)))
    above, at_start = (jnp.clip((upper - age) / YEARS, 0, 1) for age in (minimum_age, minimum_age_at_start))
    lowered = 1 + share(1 - setting.call_up_age, setting.call_up_age) * share(above - at_start, 1 - at_start)
    return jnp.where(above > at_start, lowered, jnp.where(above < at_start, share(above, at_start), 1.0))


def at_home(state: State):
    """People at home by region [person]; the rest of the people spread as the women are."""
    men = jnp.sum(state.civil, axis=(1, 2, 3)) + jnp.sum(state.evading, axis=1)
    women = jnp.sum(state.women, axis=1)
    return men + women + state.others * women / jnp.sum(women)


def composition(stock, axes: tuple[int, ...]):
    """Shares of the cells of a stock along axes [1]; equal shares where there is nobody."""
    cells = 1
    for axis in axes:
        cells *= stock.shape[axis]
    whole = jnp.sum(stock, axis=axes, keepdims=True)
    return jnp.where(whole > 0, share(stock, whole), 1 / cells)


def spread(amounts, serving):
    """Amounts by cohort [person] spread over region, age and skill as the cohort's own men are."""
    return serving * share(amounts, jnp.sum(serving, axis=(1, 2, 3)))[:, None, None, None]


def taken_in(inputs: Inputs, civil, setting: Setting, dt):
    """Men taken into the army [person] by cohort, region, age and skill."""
    by_skill = composition(jnp.sum(civil, axis=3), (2,))
    called = jnp.sum(inputs.inducted, axis=4) + inputs.found[..., None] * by_skill
    by_region = share(jnp.sum(civil, axis=(1, 2, 3)), jnp.sum(civil))
    national = by_region[:, None, None] * share(jnp.sum(civil, axis=(0, 1, 3)), jnp.sum(civil))
    outsiders = inputs.outsiders * composition(setting.cohort_age[3], (0,))[:, None] * national
    volunteers = jnp.sum(inputs.volunteers, axis=3) + outsiders
    prisoners = inputs.prisoners * composition(setting.cohort_age[4], (0,))[:, None] * national
    return dt * jnp.stack([jnp.zeros_like(volunteers), called[0], called[1], volunteers, prisoners])


def uncertainty(yearly_risk, inputs: Inputs, params: Params):
    """Uncertainty that holds births back [1], eq. 4; yearly_risk in per cent of men 15-44."""
    flat = positive(jnp.zeros_like(params.corner), params.corner)
    wage = positive(1 - inputs.real_wage, params.corner) - flat
    trust = positive(-inputs.trust, params.corner) - flat
    weight = params.risk_uncertainty * yearly_risk + params.wage_uncertainty * wage + params.trust_uncertainty * trust
    return -jnp.expm1(-jnp.maximum(weight + params.fire_uncertainty * inputs.under_fire, 0.0))


def absent(state: State):
    """Share of men of 15-44 who serve [1] by region."""
    serving = jnp.sum(state.serving[:, :, :6], axis=(0, 2, 3))
    return share(serving, serving + jnp.sum(state.civil[:, :6], axis=(1, 2, 3)))


def fertility_factor(state: State, separated, doubt, setting: Setting, params: Params):
    """Conceptions over the schedule [1] by region, eq. 3: separation, uncertainty, men per woman."""
    men, men_at_start = jnp.sum(state.civil[:, 1:5], axis=(1, 2, 3)), jnp.sum(setting.men[:, 1:5], axis=(1, 2, 3))
    women, women_at_start = jnp.sum(state.women[:, 1:5], axis=1), jnp.sum(setting.women[:, 1:5], axis=1)
    partners = (men / women) / (men_at_start / women_at_start)
    return (1 - params.separation_births * separated) * jnp.exp(-params.uncertainty_births * doubt) * partners**params.marriage_exponent


def aged(stock, mortality, elapsed, axis: int, leave_last: bool = True):
    """A stock by age after `elapsed` weeks: (survivors moved up, dead, those who leave the last band, if any may)."""
    shape = [1] * stock.ndim
    shape[axis] = -1
    band = jnp.arange(stock.shape[axis])
    alive = stock * jnp.exp(-jnp.reshape(mortality, shape) * elapsed / 52)
    moves = jnp.where(leave_last | (band < stock.shape[axis] - 1), elapsed / BAND, 0.0)
    up = alive * jnp.reshape(moves, shape)
    entering = jnp.where(jnp.reshape(band == 0, shape), 0.0, jnp.roll(up, 1, axis=axis))
    return alive - up + entering, jnp.sum(stock - alive), jnp.sum(jnp.take(up, -1, axis=axis))


def book(state: State, inputs: Inputs, setting: Setting, params: Params, dt) -> tuple[State, Array]:
    """Persons change their place, eq. 1: (state, people who left [person])."""
    entered = taken_in(inputs, state.civil, setting, dt)
    at_call = state.civil - dt * (jnp.sum(inputs.inducted, axis=0) + inputs.volunteers + inputs.evaded + inputs.fled)
    kinds = composition(at_call, (2, 3))
    at_call = at_call + dt * inputs.forgiven[:, :, None, None] * kinds
    registered = share(eligible(at_call, setting), at_call)
    hazard = inputs.leaving_men[:, None, :, None] * registered
    left, burned = leaves(at_call, (hazard, inputs.fire_men + jnp.zeros_like(hazard)), dt)
    army = state.serving + entered
    killed, discharged, gone = (spread(dt * flow, army) for flow in (inputs.killed, inputs.discharged, inputs.gone))
    home = jnp.sum(discharged, axis=0)
    back = state.abroad * -jnp.expm1(-inputs.returning * dt)
    women_left = state.women * -jnp.expm1(-inputs.fire_others * dt)
    others_left = state.others * -jnp.expm1(-inputs.fire_others * dt)
    evaders_left = state.evading * -jnp.expm1(-jnp.sum(inputs.leaving_men, axis=1)[:, None] / 2 * dt)
    notice = dt * inputs.fled
    companions = inputs.companions * (jnp.sum(left) + jnp.sum(notice) + jnp.sum(evaders_left))
    women_with = jnp.minimum(companions * share(state.women, jnp.sum(state.women)), (state.women - women_left) / 2)
    women_back = state.women_abroad * -jnp.expm1(-inputs.returning * dt)
    others_back = state.others_abroad * -jnp.expm1(-inputs.returning * dt)
    men_left = jnp.sum(left + burned + notice, axis=3) + evaders_left[..., None] * jnp.sum(kinds, axis=3)
    left_total = jnp.sum(men_left) + jnp.sum(women_left + women_with) + others_left
    civil = at_call - left - burned
    civil = civil.at[..., 2].add(home) + back[..., None] * composition(civil, (3,))
    evading = state.evading + dt * (jnp.sum(inputs.evaded, axis=(2, 3)) - inputs.forgiven - jnp.sum(inputs.found, axis=0))
    drafted = jnp.sum(entered, axis=(1, 2, 3))
    new = State(
        civil=civil,
        women=state.women - women_left - women_with + women_back,
        others=state.others - others_left + others_back,
        serving=jnp.maximum(army - killed - discharged - gone, 0.0),
        evading=evading - evaders_left + jnp.sum(gone, axis=(0, 3)),
        abroad=state.abroad + men_left - back,
        women_abroad=state.women_abroad + women_left + women_with - women_back,
        others_abroad=state.others_abroad + others_left - others_back,
        dead=state.dead + jnp.sum(killed, axis=(2, 3)),
        disabled=state.disabled + params.disabled_per_killed * jnp.sum(killed),
        postponed=state.postponed,
        conceptions=state.conceptions,
        births_total=state.births_total,
        deaths_total=state.deaths_total,
        outsiders_total=state.outsiders_total + dt * (inputs.outsiders + inputs.prisoners),
        drafted_total=state.drafted_total + drafted,
        emigrated_total=state.emigrated_total + left_total,
        absent_at_start=state.absent_at_start,
    )
    return new, left_total


def conceived(state: State, doubt, setting: Setting, params: Params, dt) -> State:
    """Three delay stages from conception to birth, eq. 3."""
    factor = fertility_factor(state, absent(state) - state.absent_at_start, doubt, setting, params)
    moves = jnp.minimum(3 * dt / params.gestation, 1.0)
    below = jnp.stack([factor, state.conceptions[0], state.conceptions[1]])
    return replace(state, conceptions=state.conceptions + moves * (below - state.conceptions))


def age(state: State, doubt, elapsed, setting: Setting, params: Params, age_of_war, under_fire) -> tuple[State, Array]:
    """Deaths, births and ageing of `elapsed` weeks, eq. 1, 2, 5 and 7: (state, births [person])."""
    fire = params.fire_mortality * under_fire
    civil, dead_men, old_men = aged(state.civil, setting.men_mortality + fire, elapsed, 1)
    women, dead_women, old_women = aged(state.women, setting.women_mortality + fire, elapsed, 1)
    others_left = state.others * jnp.exp(-(setting.others_mortality + fire) * elapsed / 52)
    schedule = jnp.sum(setting.fertility * state.women) * jnp.exp(-params.fertility_trend * age_of_war / 52) * elapsed / 52
    factor = jnp.sum(state.conceptions[2] * jnp.sum(state.women, axis=1)) / jnp.sum(state.women)
    born = schedule * factor
    lost = positive(schedule - born, params.corner * schedule) - positive(-(schedule - born), params.corner * schedule)
    made_up, lapsed = leaves(state.postponed, (params.recovery_rate * (1 - doubt) / 52, params.lapse_rate / 52 + 0 * doubt), elapsed)
    births = born + made_up
    youths, girls = setting.youths * elapsed / 52, setting.girls * elapsed / 52
    men_by_kind = composition(jnp.sum(setting.men, axis=1, keepdims=True), (0, 1, 2, 3))[:, 0]
    women_by_region = composition(jnp.sum(setting.women, axis=1), (0,))
    new = replace(
        state,
        civil=civil.at[:, 0].add(youths * men_by_kind),
        women=women.at[:, 0].add(girls * women_by_region),
        others=others_left + births + old_men + old_women - youths - girls,
        serving=aged(state.serving, jnp.zeros_like(setting.men_mortality), elapsed, 2, leave_last=False)[0],
        postponed=state.postponed + params.postponed_share * jnp.maximum(lost, 0.0) - made_up - lapsed,
        births_total=state.births_total + births,
        deaths_total=state.deaths_total + dead_men + dead_women + state.others - others_left,
    )
    return new, births


def step(state: State, inputs: Inputs, setting: Setting, params: Params, dt) -> tuple[State, Outputs]:
    """One week: births and deaths, then everybody who changes place. Ageing is spread over the weeks (docs, eq. 1)."""
    young = jnp.sum(state.civil[:, :6]) + jnp.sum(state.serving[:, :, :6])
    doubt = uncertainty(100 * 52 * jnp.sum(inputs.killed) / young, inputs, params)
    moved, left = book(state, inputs, setting, params, dt)
    expecting = conceived(moved, doubt, setting, params, dt)
    new, births = age(expecting, doubt, dt, setting, params, inputs.age_of_war, inputs.under_fire)
    men = jnp.sum(new.civil, axis=(0, 2, 3)) + jnp.sum(new.serving, axis=(0, 1, 3)) + jnp.sum(new.evading, axis=0)
    everybody = jnp.sum(new.civil) + jnp.sum(new.women) + new.others + jnp.sum(new.serving) + jnp.sum(new.evading)
    outputs = Outputs(
        population=everybody,
        men_18_59=2 / 5 * men[0] + jnp.sum(men[1:9]),
        men_18_39=2 / 5 * men[0] + jnp.sum(men[1:5]),
        abroad=jnp.sum(new.abroad) + jnp.sum(new.women_abroad) + new.others_abroad,
        births=births / dt,
        disabled=new.disabled,
        serving=jnp.sum(new.serving),
        evading=jnp.sum(new.evading),
        dead=jnp.sum(new.dead),
        emigration=left / dt,
        uncertainty=doubt,
    )
    return new, outputs
