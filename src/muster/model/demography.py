"""Demography: the one table of persons; births, deaths, ageing, and who is where.

Every man of the model stands once in this table; the other subsystems hold tags. The weeks move its margins (here); ages
are gone through once a quarter (ages.py). docs/model/demography.md, eq. 1-13.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model import ages
from muster.model.ages import QUARTER, Frozen, Margins, Moved, Tables, composition
from muster.model.levers import COHORTS, Setting
from muster.model.quantity import Record, quantity
from muster.model.smooth import by_hazard, leaves, once, positive, power, share


class State(Record):
    margins: Margins  # who is where, without ages: moves every week
    tables: Tables  # by age: as at the start of the quarter
    moved: Moved  # flows since the quarter began
    frozen: Frozen  # means over ages that hold for the quarter
    others: Float[Array, ""] = quantity("person", "everybody else at home")
    others_abroad: Float[Array, ""] = quantity("person", "everybody else who left since the start")
    dead: Float[Array, " cohort region"] = quantity("person", "killed since the start")
    called_total: Float[Array, " region"] = quantity("person", "men inducted by decree or order since the start")
    volunteers_total: Float[Array, " region"] = quantity("person", "volunteers from home since the start")
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

    notice_rate: Float[Array, " region experience"] = quantity("1/week", "notices per man on the register")
    notices: Float[Array, " region skill"] = quantity("person/week", "men who get a notice")
    volunteer_rate: Float[Array, " region"] = quantity("1/week", "volunteers per man on the register who got no notice")
    inducted: Float[Array, " channel region skill"] = quantity("person/week", "men inducted from home")
    evaded: Float[Array, " region skill"] = quantity("person/week", "men who evade from now on")
    fled: Float[Array, " region skill"] = quantity("person/week", "men who leave on a notice")
    volunteers: Float[Array, " region skill"] = quantity("person/week", "volunteers")
    found: Float[Array, " channel region"] = quantity("person/week", "evaders found and inducted")
    forgiven: Float[Array, " region"] = quantity("person/week", "evaders who are eligible again")
    prisoners: Float[Array, ""] = quantity("person/week", "convicts signed")
    outsiders: Float[Array, ""] = quantity("person/week", "men from outside the population, allied contingents too")
    killed: Float[Array, " cohort"] = quantity("person/week", "killed")
    discharged: Float[Array, " cohort"] = quantity("person/week", "discharged")
    gone: Float[Array, " cohort"] = quantity("person/week", "deserters gone for good")
    leaving_men: Float[Array, " region skill"] = quantity("1/week", "leaving hazard of men on the register")
    fire_men: Float[Array, " region"] = quantity("1/week", "leaving hazard of men under fire")
    fire_others: Float[Array, " region"] = quantity("1/week", "leaving hazard of others under fire")
    companions: Float[Array, ""] = quantity("1", "women and others who leave per man on the register")
    returning: Float[Array, ""] = quantity("1/week", "share of those abroad who return")
    real_wage: Float[Array, ""] = quantity("1", "real wage over the start")
    trust: Float[Array, ""] = quantity("1", "trust over its start")
    under_fire: Float[Array, " region"] = quantity("1", "share of the population under fire")
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
    """Setting's people at home, and beside them the standing force, `troops` [person] by the region that they are from (callup, eq. 11)."""
    regions = setting.men.shape[0]
    by_skill = jnp.sum(setting.men, axis=(0, 1, 3)) / jnp.sum(setting.men)
    standing = troops[:, None, None] * composition(setting.cohort_age[0], (0,))[:, None] * by_skill
    zero = jnp.zeros_like(params.gestation)
    none = jnp.zeros((len(COHORTS), regions))
    tables = Tables(
        civil=jnp.asarray(setting.men) + zero,
        women=jnp.asarray(setting.women) + zero,
        serving=jnp.zeros((len(COHORTS), *standing.shape)).at[0].set(standing),
        evading=jnp.zeros((regions, setting.men.shape[1])),
        abroad=jnp.zeros(setting.men.shape[:3]),
        women_abroad=jnp.zeros(setting.women.shape),
    )
    listed = ages.registered(setting) + zero
    young_serving, young_home = jnp.sum(standing[:, :6], axis=(1, 2)), jnp.sum(setting.men[:, :6], axis=(1, 2, 3))
    return State(
        margins=ages.margins(tables, listed),
        tables=tables,
        moved=ages.nothing_moved(tables),
        frozen=ages.frozen(tables, listed, setting),
        others=setting.others + zero,
        others_abroad=zero,
        dead=none,
        called_total=none[0],
        volunteers_total=none[0],
        postponed=zero,
        conceptions=jnp.ones((3, regions)),
        births_total=zero,
        deaths_total=zero,
        outsiders_total=zero,
        drafted_total=jnp.zeros(len(COHORTS)),
        emigrated_total=zero,
        absent_at_start=share(young_serving, young_serving + young_home),
    )


def men_at_home(margins: Margins):
    """Men at home [person] by region and skill, the evaders left out."""
    return jnp.sum(margins.eligible, axis=2) + margins.exempt


def men_by_age(state: State):
    """Men at home [person] by age and skill: the week's number of each skill, with the ages of the quarter's start."""
    return state.frozen.by_age * jnp.sum(men_at_home(state.margins), axis=0)


def at_home(state: State):
    """People at home by region [person]; the rest of the people spread as the women are."""
    women = state.margins.women
    men = jnp.sum(men_at_home(state.margins), axis=1) + state.margins.evading
    return men + women + state.others * women / jnp.sum(women)


def killed_by_region(killed, margins: Margins):
    """Killed by cohort [person] as they fall on cohorts and regions: as the men of the cohort come from them."""
    serving = jnp.sum(margins.serving, axis=2)
    return serving * share(killed, jnp.sum(serving, axis=1))[:, None]


def disabled(state: State, params: Params):
    """Disabled by the war [person] by cohort and region, eq. 6."""
    return params.disabled_per_killed * state.dead


def from_register(inputs: Inputs):
    """Men who leave the register [person/week] by region and skill: on a notice, or as volunteers."""
    return jnp.sum(inputs.inducted, axis=0) + inputs.evaded + inputs.fled + inputs.volunteers


def staying(inputs: Inputs, dt):
    """Share of men of a cell who neither answer a notice nor volunteer [1] by region, skill and experience."""
    answered = share(jnp.sum(inputs.inducted, axis=0) + inputs.evaded + inputs.fled, inputs.notices)
    noticed = dt * inputs.notice_rate[:, None]
    return 1 - noticed * answered[..., None] - dt * inputs.volunteer_rate[:, None, None] * (1 - noticed)


def taken_in(inputs: Inputs, found, setting: Setting, dt):
    """Men taken into the army [person] by cohort, region and skill: (all of them, those from the register)."""
    joined = dt * jnp.concatenate([inputs.inducted, inputs.volunteers[None]])
    places = ages.at_large(setting)
    volunteers, prisoners = joined[2] + dt * inputs.outsiders * places, dt * inputs.prisoners * places
    entered = jnp.stack([jnp.zeros_like(prisoners), joined[0] + found[0], joined[1] + found[1], volunteers, prisoners])
    return entered, joined


def uncertainty(yearly_risk, danger, inputs: Inputs, params: Params):
    """Uncertainty that holds births back [1], eq. 4; yearly_risk in per cent of men 15-44, danger the share under fire."""
    flat = positive(jnp.zeros_like(params.corner), params.corner)
    wage = positive(1 - inputs.real_wage, params.corner) - flat
    trust = positive(-inputs.trust, params.corner) - flat
    weight = params.risk_uncertainty * yearly_risk + params.wage_uncertainty * wage + params.trust_uncertainty * trust
    return by_hazard(jnp.maximum(weight + params.fire_uncertainty * danger, 0.0))


def absent(margins: Margins, frozen: Frozen):
    """Share of men of 15-44 who serve [1] by region."""
    serving = jnp.sum(margins.serving, axis=(0, 2)) * frozen.young_serving
    return share(serving, serving + jnp.sum(men_at_home(margins), axis=1) * frozen.young_home)


def fertility_factor(state: State, separated, doubt, setting: Setting, params: Params):
    """Conceptions over the schedule [1] by region, eq. 3: separation, uncertainty, men per woman of 20-39."""
    men = jnp.sum(men_at_home(state.margins), axis=1) * state.frozen.partners_men
    women = state.margins.women * state.frozen.partners_women
    men_at_start, women_at_start = jnp.sum(setting.men[:, 1:5], axis=(1, 2, 3)), jnp.sum(setting.women[:, 1:5], axis=1)
    partners = share(men * women_at_start, women * men_at_start)
    together = 1 - params.separation_births * separated
    return together * jnp.exp(-params.uncertainty_births * doubt) * power(partners, params.marriage_exponent)


def at_home_week(state: State, inputs: Inputs, params: Params, dt):
    """Men of the register and others who leave home, flee or die: (eligible, exempt, flows by region and skill [person])."""
    old, fixed = state.margins, state.frozen
    at_call = old.eligible * staying(inputs, dt)
    fire = inputs.fire_men[:, None] + jnp.zeros_like(inputs.leaving_men)
    danger = params.fire_mortality * inputs.under_fire
    death = ((fixed.eligible_mortality + danger) / 52)[:, None] + jnp.zeros_like(fire)
    went, burned, died = once(*leaves(jnp.ones_like(fire), (inputs.leaving_men, fire, death), dt))  # shares by region and skill
    there = jnp.sum(old.eligible, axis=2) - dt * from_register(inputs)
    others_death = (fixed.exempt_mortality + danger) / 52
    exempt_left, exempt_died = leaves(old.exempt, (inputs.fire_men[:, None], others_death[:, None]), dt)
    flows = {
        "went": there * went,
        "burned": there * burned,
        "eligible_died": at_call * died[..., None],
        "exempt_left": exempt_left,
        "exempt_died": exempt_died,
    }
    return at_call * (1 - went - burned - died)[..., None], old.exempt - exempt_left - exempt_died, flows


def army_week(serving, entered, inputs: Inputs, dt):
    """The army's week: (serving; killed by cohort and region; discharged by region and skill; gone by region [person])."""
    army = serving + entered
    whole = jnp.sum(army, axis=(1, 2))
    killed, discharged, gone = (share(dt * flow, whole) for flow in (inputs.killed, inputs.discharged, inputs.gone))
    kept = jnp.maximum(1 - killed - discharged - gone, 0.0)
    by_region = jnp.sum(army, axis=2)
    home = jnp.sum(army * discharged[:, None, None], axis=0)
    return army * kept[:, None, None], by_region * killed[:, None], home, jnp.sum(by_region * gone[:, None], axis=0)


def women_week(state: State, inputs: Inputs, params: Params, leavers, dt):
    """Women at home and everybody else who leave, with `leavers` [person] by region or under fire, die or come back."""
    old, danger = state.margins, params.fire_mortality * inputs.under_fire
    died, burned = leaves(old.women, ((state.frozen.women_mortality + danger) / 52, inputs.fire_others), dt)
    along = jnp.minimum(inputs.companions * leavers, (old.women - burned - died) / 2)
    back = old.women_abroad * by_hazard(inputs.returning * dt)
    fire = jnp.sum(inputs.fire_others * old.women) / jnp.sum(old.women)
    others_left = state.others * by_hazard(fire * dt)
    others_back = state.others_abroad * by_hazard(inputs.returning * dt)
    return {"died": died, "left": burned + along, "back": back, "others_left": others_left, "others_back": others_back}


def book(state: State, inputs: Inputs, setting: Setting, params: Params, dt) -> tuple[State, Array]:
    """Persons change their place, eq. 1: (state, people who left [person])."""
    old, skills = state.margins, state.frozen.skills
    remaining, exempt, home = at_home_week(state, inputs, params, dt)
    found, forgiven = dt * inputs.found, dt * inputs.forgiven
    slipped = old.evading * by_hazard(jnp.sum(inputs.leaving_men, axis=1) / 2 * dt)
    entered, joined = taken_in(inputs, found[..., None] * skills, setting, dt)
    serving, dead, discharged, gone = army_week(old.serving, entered, inputs, dt)
    back = old.abroad * by_hazard(inputs.returning * dt)
    evaded, notice = dt * inputs.evaded, dt * inputs.fled
    women = women_week(state, inputs, params, jnp.sum(home["went"] + notice, axis=1) + slipped, dt)
    left = home["went"] + home["burned"] + notice
    men_left = left + home["exempt_left"] + slipped[:, None] * skills
    left_total = jnp.sum(men_left) + jnp.sum(women["left"]) + women["others_left"]
    margins = Margins(
        eligible=remaining,
        exempt=exempt + forgiven[:, None] * skills + back + discharged,
        women=old.women - women["died"] - women["left"] + women["back"],
        serving=serving,
        evading=old.evading + jnp.sum(evaded, axis=1) + gone - jnp.sum(found, axis=0) - forgiven - slipped,
        abroad=old.abroad + men_left - back,
        women_abroad=old.women_abroad + women["left"] - women["back"],
    )
    week = Moved(
        **{key: home[key] for key in ("eligible_died", "exempt_died", "exempt_left")},
        **{f"women_{key}": women[value] for key, value in (("died", "died"), ("left", "left"), ("returned", "back"))},
        joined=joined,
        evaded=evaded,
        left=left,
        found=found,
        forgiven=forgiven,
        slipped=slipped,
        discharged=discharged,
        gone=gone,
        discharged_from=dt * inputs.discharged,
        gone_from=dt * inputs.gone,
        returned=back,
        outsiders=dt * inputs.outsiders,
        prisoners=dt * inputs.prisoners,
    )
    new = replace(
        state,
        margins=margins,
        moved=jax.tree.map(jnp.add, state.moved, week),
        others=state.others - women["others_left"] + women["others_back"],
        others_abroad=state.others_abroad + women["others_left"] - women["others_back"],
        dead=state.dead + dead,
        called_total=state.called_total + jnp.sum(joined[:2], axis=(0, 2)) + jnp.sum(found, axis=0),
        volunteers_total=state.volunteers_total + jnp.sum(joined[2], axis=1),
        deaths_total=state.deaths_total + jnp.sum(home["eligible_died"]) + jnp.sum(home["exempt_died"]) + jnp.sum(women["died"]),
        outsiders_total=state.outsiders_total + dt * (inputs.outsiders + inputs.prisoners),
        drafted_total=state.drafted_total + jnp.sum(entered, axis=(1, 2)),
        emigrated_total=state.emigrated_total + left_total,
    )
    return new, left_total


def conceived(state: State, doubt, setting: Setting, params: Params, dt) -> State:
    """Three delay stages from conception to birth, eq. 3."""
    separated = absent(state.margins, state.frozen) - state.absent_at_start
    factor = fertility_factor(state, separated, doubt, setting, params)
    moves = jnp.minimum(3 * dt / params.gestation, 1.0)
    below = jnp.stack([factor, state.conceptions[0], state.conceptions[1]])
    return replace(state, conceptions=state.conceptions + moves * (below - state.conceptions))


def born(state: State, doubt, elapsed, setting: Setting, params: Params, age_of_war, danger) -> tuple[State, Array]:
    """Births, and deaths of everybody else, of `elapsed` weeks, eq. 2, 3 and 5: (state, births [person])."""
    women = state.margins.women
    others_left = state.others * jnp.exp(-(setting.others_mortality + danger) * elapsed / 52)
    schedule = jnp.sum(state.frozen.fertility * women) * jnp.exp(-params.fertility_trend * age_of_war / 52) * elapsed / 52
    actual = schedule * jnp.sum(state.conceptions[2] * women) / jnp.sum(women)
    corner = jnp.maximum(params.corner * schedule, 1e-9)  # where nobody can give birth there is nothing to postpone
    lost = positive(schedule - actual, corner) - positive(actual - schedule, corner)
    made_up, lapsed = leaves(state.postponed, (params.recovery_rate * (1 - doubt) / 52, params.lapse_rate / 52 + 0 * doubt), elapsed)
    births = actual + made_up
    new = replace(
        state,
        others=others_left + births,
        postponed=state.postponed + params.postponed_share * jnp.maximum(lost, 0.0) - made_up - lapsed,
        births_total=state.births_total + births,
        deaths_total=state.deaths_total + state.others - others_left,
    )
    return new, births


def age(state: State, setting: Setting, minimum_age, minimum_age_at_start, elapsed=QUARTER) -> State:
    """The end of a quarter: its flows are spread over ages, everybody grows older, the margins are read again, eq. 8-13.

    `minimum_age` is that of the coming quarter [year].
    """
    tables = ages.spread(state.tables, state.margins, state.moved, state.frozen.listed, setting)
    listed = ages.registered(setting) * ages.opened(setting, minimum_age, minimum_age_at_start)
    tables, joined = ages.older(tables, elapsed, setting)
    return replace(
        state,
        tables=tables,
        margins=ages.margins(tables, listed),
        moved=ages.nothing_moved(tables),
        frozen=ages.frozen(tables, listed, setting),
        others=state.others + joined,
    )


def step(state: State, inputs: Inputs, setting: Setting, params: Params, dt) -> tuple[State, Outputs]:
    """One week: everybody who changes place, births and deaths. Ages wait for the end of the quarter (`age`)."""
    serving = jnp.sum(state.margins.serving, axis=(0, 2))
    home = jnp.sum(men_at_home(state.margins), axis=1)
    young = jnp.sum(home * state.frozen.young_home) + jnp.sum(serving * state.frozen.young_serving)
    danger = jnp.sum(inputs.under_fire * at_home(state)) / jnp.sum(at_home(state))
    doubt = uncertainty(100 * 52 * jnp.sum(inputs.killed) / young, danger, inputs, params)
    moved, left = book(state, inputs, setting, params, dt)
    expecting = conceived(moved, doubt, setting, params, dt)
    new, births = born(expecting, doubt, dt, setting, params, inputs.age_of_war, params.fire_mortality * danger)
    now = new.margins
    serving_now, evading = jnp.sum(now.serving), jnp.sum(now.evading)
    men = jnp.sum(men_at_home(now)) + serving_now + evading
    outputs = Outputs(
        population=men + jnp.sum(now.women) + new.others,
        men_18_59=men * new.frozen.adult,
        men_18_39=men * new.frozen.prime,
        abroad=jnp.sum(now.abroad) + jnp.sum(now.women_abroad) + new.others_abroad,
        births=births / dt,
        disabled=jnp.sum(disabled(new, params)),
        serving=serving_now,
        evading=evading,
        dead=jnp.sum(new.dead),
        emigration=left / dt,
        uncertainty=doubt,
    )
    return new, outputs
