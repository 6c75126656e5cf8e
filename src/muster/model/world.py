"""World: everything that is carried from week to week, and everything that is drawn once."""

from jaxtyping import Array, Float

from muster.model import arms, callup, command, demography, economy, front, morale, partners, regime, regions, society, training
from muster.model.levers import COHORTS, Levers, Setting
from muster.model.luck import Luck
from muster.model.pair import Pair, each
from muster.model.quantity import Record, quantity
from muster.model.smooth import share


class SideParams(Record):
    """What is not known exactly, for one side; an entry with `per: war` has the same value on both sides."""

    callup: callup.Params
    training: training.Params
    front: front.Params
    morale: morale.Params
    command: command.Params
    society: society.Params
    demography: demography.Params
    economy: economy.Params
    arms: arms.Params
    partners: partners.Params
    regions: regions.Params
    regime: regime.Params


class Latest(Record):
    """Last week's readings that an earlier step of this week needs: one week late, to cut circles (docs/model/week.md)."""

    killed_share: Float[Array, ""] = quantity("1/week", "killed over serving men")
    loss_share: Float[Array, ""] = quantity("1/week", "losses over men in the theatre")
    trust: Float[Array, ""] = quantity("1", "private trust")
    capacity: Float[Array, ""] = quantity("1", "state capacity over its start")
    real_wage: Float[Array, ""] = quantity("1", "real wage over the start")
    adaptation: Float[Array, ""] = quantity("1", "share of sanctions' effect that is substituted")
    shells_made: Float[Array, ""] = quantity("shell/week", "own shell production")
    held_men: Float[Array, ""] = quantity("person", "wrongly called men held before they are sent home")
    branching_ratio: Float[Array, ""] = quantity("1", "desertions set off by one desertion, in the first week")


class Side(Record):
    """One belligerent: twelve states and last week's readings."""

    callup: callup.State
    training: training.State
    front: front.State
    morale: morale.State
    command: command.State
    society: society.State
    demography: demography.State
    economy: economy.State
    arms: arms.State
    partners: partners.State
    regions: regions.State
    regime: regime.State
    latest: Latest


class World(Record):
    """Two sides and the front line between them."""

    sides: Pair  # of Side
    contact: front.Contact


class Given(Record):
    """What does not change during a run, for one side."""

    start: Levers  # the levers of the first week: what the covariates are taken against
    setting: Setting
    params: SideParams
    luck: Luck


class Cohorts(Record):
    """Readings of the five cohorts."""

    troops: Float[Array, " cohort"] = quantity("person", "men in the theatre", headline=True)
    losses: Float[Array, " cohort"] = quantity("person/week", "killed, wounded and captured", headline=True)
    killed: Float[Array, " cohort"] = quantity("person/week", "killed", headline=True)
    wounded: Float[Array, " cohort"] = quantity("person/week", "wounded", headline=True)
    captured: Float[Array, " cohort"] = quantity("person/week", "captured or surrendered", headline=True)
    skill: Float[Array, " cohort"] = quantity("1", "mean skill in the theatre", headline=True)
    desertion_hazard: Float[Array, " cohort"] = quantity("1/week", "desertion hazard", headline=True)
    called_up: Float[Array, " cohort"] = quantity("person/week", "men taken into the army", headline=True)
    deserted: Float[Array, " cohort"] = quantity("person/week", "desertions", headline=True)
    surrendered: Float[Array, " cohort"] = quantity("person/week", "surrenders", headline=True)
    in_training: Float[Array, " cohort"] = quantity("person", "men in training")
    strength: Float[Array, " cohort"] = quantity("person", "all living men of the cohort on the rolls")
    morale: Float[Array, " cohort"] = quantity("1", "morale")
    quality: Float[Array, " cohort"] = quantity("1", "combat power per man by the cohort's own skill and morale, all else as in the force")
    called_up_served: Float[Array, " cohort"] = quantity("person/week", "men taken into the army who had served")
    called_up_combat: Float[Array, " cohort"] = quantity("person/week", "men taken into the army who had been in combat")


class Register(Record):
    """Readings of the military register: men at home who may be called up and can be reached, by what they have done before."""

    reachable_none: Float[Array, ""] = quantity("person", "men without service who can be reached")
    reachable_served: Float[Array, ""] = quantity("person", "men who served, without combat, who can be reached")
    reachable_combat: Float[Array, ""] = quantity("person", "men with combat experience who can be reached")


class Regional(Record):
    """Readings of the regions of one side, taken as each quarter begins."""

    men: Float[Array, " region"] = quantity("person", "men of 15-64 at home at the start")
    serving: Float[Array, " cohort region"] = quantity("person", "men in the army, in training, in care, in captivity")
    dead: Float[Array, " cohort region"] = quantity("person", "killed since the start")
    disabled: Float[Array, " cohort region"] = quantity("person", "disabled by the war")
    called_up: Float[Array, " region"] = quantity("person", "men inducted by decree or order since the start")
    volunteers: Float[Array, " region"] = quantity("person", "volunteers from home since the start")
    evading: Float[Array, " region"] = quantity("person", "men who evade")
    abroad: Float[Array, " region"] = quantity("person", "men who left since the start and have not returned")
    trust: Float[Array, " region"] = quantity("1", "share that trusts the government in private")
    support: Float[Array, " region"] = quantity("1", "share that supports the war in private")
    grievance: Float[Array, " region"] = quantity("1", "grievance over its start, log hazard")
    movement: Float[Array, " region"] = quantity("1", "self-determination movements under way")
    left: Float[Array, " region"] = quantity("1", "1 once the region has left, else 0")


READINGS: dict[str, type[Record]] = {  # what is recorded of a side every week, by node
    "people": demography.Outputs,
    "cohorts": Cohorts,
    "register": Register,
    "callup": callup.Outputs,
    "training": training.Outputs,
    "front": front.Outputs,
    "morale": morale.Outputs,
    "command": command.Outputs,
    "society": society.Outputs,
    "economy": economy.Outputs,
    "arms": arms.Outputs,
    "partners": partners.Outputs,
    "regions": regions.Outputs,
    "regime": regime.Outputs,
}


def begin_side(given: Given, past: int) -> Side:
    """One side at the start; `past` is the number of steps in a year."""
    p, setting, levers = given.params, given.setting, given.start
    regions_count = setting.men.shape[0]
    force = front.begin(p.front, len(COHORTS))
    troops = force.troops.sum()
    army = troops + force.rear.sum()
    men = setting.men.sum((1, 2, 3))
    recruiting = callup.recruiting(men, setting.relative_income, p.callup)
    people = demography.begin(p.demography, setting, army * callup.standing(men, setting.garrison, recruiting, p.callup))
    goal = theatre_goal(levers, p.front)
    zero = troops * 0
    return Side(
        callup=callup.begin(p.callup, regions_count),
        training=training.begin(p.training, force.troops.sum(0)),
        front=force,
        morale=morale.begin(p.morale, len(COHORTS)),
        command=command.begin(p.command, goal, troops),
        society=society.begin(p.society, regions_count),
        demography=people,
        economy=economy.begin(p.economy, demography.men_by_age(people), people.margins.women.sum(), levers.civil_spending, past),
        arms=arms.begin(p.arms, levers.vehicle_line_plan, levers.shell_line_plan, troops),
        partners=partners.begin(setting),
        regions=regions.begin(p.regions, regions_count),
        regime=regime.begin(p.regime),
        latest=Latest(
            killed_share=zero,
            loss_share=zero,
            trust=p.society.trust_at_start,
            capacity=zero + 1,
            real_wage=zero + 1,
            adaptation=zero,
            shells_made=levers.shell_line_plan + zero,
            held_men=zero,
            branching_ratio=p.morale.desertion_rate * p.morale.desertion_contagion,
        ),
    )


def theatre_goal(levers: Levers, params: front.Params):
    """Force wanted in the theatre [person]: share of the announced establishment (docs/model/front.md, eq. 1)."""
    return params.theatre_goal_factor * levers.theatre_goal_share * levers.establishment


def begin(given: Pair, ceasefire_threshold, past: int) -> World:
    """Both sides and the line on the first day."""
    zero = ceasefire_threshold * 0
    return World(
        sides=each(lambda g: begin_side(g, past), given),
        contact=front.Contact(zero, zero, ceasefire_threshold, zero),
    )


def lost_share(contact_gain, setting: Setting):
    """Share of the own area lost since the start [1]; contact_gain is the side's own gain [km2]."""
    return share(-contact_gain * (contact_gain < 0), setting.home_area)
