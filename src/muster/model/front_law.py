"""Front, the law: engagement, fires, quality, loss rates, advance, breakthrough, staffing; one side against the other.

docs/model/front.md, eq. 1-9. What uses it stands in front.py; the battle data are fitted with the same functions.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.levers import Ground
from muster.model.quantity import Record, quantity
from muster.model.smooth import between, by_hazard, power, saturate, share

ONE_MAN = 1.0  # person: where there is nobody, a force is as far from its goal as with one man
LEAST_POWER = 1e-3  # person: below it no combat power is told from none


class Params(Record):
    loss_rate: Float[Array, ""] = quantity("1/week", "share of engaged men lost a week at intensity 1 and even forces")
    number_exponent: Float[Array, ""] = quantity("1", "omega: 1 square law, 1/2 linear law, 0 logarithmic law")
    quality_exponent: Float[Array, ""] = quantity("1", "nu: exponent of relative quality in the loss rate")
    posture_ratio: Float[Array, ""] = quantity("1", "loss rate of an attacker over that of a defender")
    works_shelter: Float[Array, ""] = quantity("1", "log losses saved per unit of fortification")
    exposure_slope: Float[Array, ""] = quantity("1", "how much enemy fire punishes the unskilled")
    rear_loss_rate: Float[Array, ""] = quantity("1/week", "share of men out of line lost a week")
    manoeuvre_lethality: Float[Array, ""] = quantity("1", "loss factor of manoeuvre fire")
    artillery_lethality: Float[Array, ""] = quantity("1", "loss factor of artillery fire")
    drone_lethality: Float[Array, ""] = quantity("1", "loss factor of drones")
    shell_fire: Float[Array, ""] = quantity("1", "fires index of the reference fire")
    drone_fire: Float[Array, ""] = quantity("1", "fires index of drones at index 1")
    reference_fire: Float[Array, ""] = quantity("shell/week", "fire at which the fires index is the scale")
    fire_exponent: Float[Array, ""] = quantity("1", "exponent of fire in the fires index")
    fire_floor: Float[Array, ""] = quantity("1", "fires index without shells and drones")
    density_limit: Float[Array, ""] = quantity("person/km", "men per km who can be engaged")
    in_line_share: Float[Array, ""] = quantity("1", "share of the theatre in line at usual rotation")
    usual_time_in_line: Float[Array, ""] = quantity("1", "usual share of time in line")
    theatre_share_odds: Float[Array, ""] = quantity("1", "odds of arrivals for the theatre over those of the lever")
    theatre_goal_factor: Float[Array, ""] = quantity("1", "wanted theatre force over the lever's")
    exposure_standing: Float[Array, ""] = quantity("1", "exposure of standing men")
    exposure_decree: Float[Array, ""] = quantity("1", "exposure of men called up by decree")
    exposure_volunteer: Float[Array, ""] = quantity("1", "exposure of volunteers")
    exposure_prisoner: Float[Array, ""] = quantity("1", "exposure of prisoners")
    new_men_risk: Float[Array, ""] = quantity("1", "loss rate in the first four weeks over later")
    seasoning_time: Float[Array, ""] = quantity("week", "time after which a man is seasoned")
    manoeuvre_wounded: Float[Array, ""] = quantity("1", "wounded per killed by manoeuvre fire")
    artillery_wounded: Float[Array, ""] = quantity("1", "wounded per killed by artillery")
    drone_wounded: Float[Array, ""] = quantity("1", "wounded per killed by drones")
    killed_factor: Float[Array, ""] = quantity("1", "share killed over what the fire mix gives: care and evacuation")
    return_share: Float[Array, ""] = quantity("1", "share of wounded who return to duty")
    wound_time: Float[Array, ""] = quantity("week", "time in care")
    joint_intensity: Float[Array, ""] = quantity("1", "weight of each side's intensity in the joint one")
    advance_speed: Float[Array, ""] = quantity("km/week", "speed of an advance at even power against full works")
    advance_power: Float[Array, ""] = quantity("1", "exponent of relative combat power in the advance")
    advance_works: Float[Array, ""] = quantity("1", "log advance lost per unit of fortification")
    advance_slowest: Float[Array, ""] = quantity("1", "log of the slowest advance over even power")
    advance_fastest: Float[Array, ""] = quantity("1", "log of the fastest advance over even power")
    works_limit: Float[Array, ""] = quantity("1", "fortification that can be reached")
    works_time: Float[Array, ""] = quantity("week", "time to fortify on the defence")
    works_at_start: Float[Array, ""] = quantity("1", "fortification at the start")
    breakthrough_rate: Float[Array, ""] = quantity("1/year", "hazard of a breakthrough at even power without works")
    breakthrough_power: Float[Array, ""] = quantity("1", "log hazard per log of relative power")
    breakthrough_works: Float[Array, ""] = quantity("1", "log hazard lost per unit of fortification")
    breakthrough_size: Float[Array, ""] = quantity("km2", "median ground of a breakthrough")
    breakthrough_spread: Float[Array, ""] = quantity("1", "log s.d. of that ground")
    breakthrough_time: Float[Array, ""] = quantity("week", "time over which it is taken")
    ground_memory: Float[Array, ""] = quantity("week", "time over which recent ground is felt")
    ground_limit: Float[Array, ""] = quantity("1", "limit of recent ground in reference areas")
    staffing_low: Float[Array, ""] = quantity("1", "lowest staffing factor, with a force far above its goal")
    staffing_high_volunteer: Float[Array, ""] = quantity("1", "highest staffing factor of volunteers")
    pace_floor: Float[Array, ""] = quantity("1", "intensity kept by a force far below its goal")
    pace_sharpness: Float[Array, ""] = quantity("1", "sharpness of the fall of intensity")
    rear_draft_rate: Float[Array, ""] = quantity("1/week", "share of the rear sent to the theatre while it is short")
    rear_draft_width: Float[Array, ""] = quantity("1", "width of the onset of drafts around the goal")
    skill_weight: Float[Array, ""] = quantity("1", "weight of log skill in log quality")
    leader_weight: Float[Array, ""] = quantity("1", "weight of log leader density")
    equipment_weight: Float[Array, ""] = quantity("1", "weight of log equipment per man")
    fire_weight: Float[Array, ""] = quantity("1", "weight of the log fires index")
    coordination_weight: Float[Array, ""] = quantity("1", "weight of log coordination")
    morale_weight: Float[Array, ""] = quantity("1", "weight of log morale")
    home_soil_bonus: Float[Array, ""] = quantity("1", "log quality of fighting on the own soil")
    reference_skill: Float[Array, ""] = quantity("1", "skill of quality 1")
    reference_morale: Float[Array, ""] = quantity("1", "morale of quality 1")
    shock_sd: Float[Array, ""] = quantity("1", "log s.d. of the loss rate's weekly shocks")
    shock_memory: Float[Array, ""] = quantity("1", "autocorrelation of these shocks from week to week")
    ceasefire_rate: Float[Array, ""] = quantity("1/year", "hazard that fighting stops once it may")
    frozen_intensity: Float[Array, ""] = quantity("1", "intensity along a frozen line")
    demobilisation_time: Float[Array, ""] = quantity("week", "time of demobilisation after fighting has stopped")
    theatre_at_start: Float[Array, ""] = quantity("person", "men in the theatre at the start")
    rear_at_start: Float[Array, ""] = quantity("person", "trained men outside the theatre at the start")


class Inputs(Record):
    """One side's force in the week's fighting."""

    troops: Float[Array, " stage cohort"] = quantity("person", "men in the theatre after arrivals")
    skill: Float[Array, " stage cohort"] = quantity("1", "mean skill after arrivals")
    leaders: Float[Array, ""] = quantity("1", "leader density over the start")
    equipment: Float[Array, ""] = quantity("1", "equipment per man over the start")
    shells_fired: Float[Array, ""] = quantity("shell/week", "shells fired")
    drones: Float[Array, ""] = quantity("1", "drone index")
    coordination: Float[Array, ""] = quantity("1", "coordination of the command, 1 = perfect")
    coercion_losses: Float[Array, ""] = quantity("1", "factor of coercion on the loss rate")
    morale: Float[Array, ""] = quantity("1", "mean morale last week")
    home_soil: Float[Array, ""] = quantity("1", "1 on the own soil")
    time_in_line: Float[Array, ""] = quantity("1", "share of time in line")
    attack_share: Float[Array, ""] = quantity("1", "share of the force that attacks")
    intensity: Float[Array, ""] = quantity("1", "intensity wished, 0 without war")
    goal: Float[Array, ""] = quantity("person", "force wanted in the theatre")
    fire_mix: Float[Array, " fire"] = quantity("1", "shares of the losses inflicted by each fire")
    withdrawal: Float[Array, ""] = quantity("km2/week", "area given up by order")
    forced_advance: Float[Array, ""] = quantity("km2/week", "area taken in breakthroughs that happened")
    area_at_start: Float[Array, ""] = quantity("km2", "area controlled at the start")
    noise: Float[Array, ""] = quantity("1", "standard normal of the week")
    breakthroughs: Float[Array, " occurrence"] = quantity("1", "thresholds of breakthroughs")
    breakthrough_marks: Float[Array, " occurrence"] = quantity("1", "normal marks of their sizes")


def engaged(side: Inputs, ground: Ground, params: Params):
    """Engaged men and men in line [person], eq. 1: no more than the front holds."""
    in_line = params.in_line_share * side.time_in_line / params.usual_time_in_line * jnp.sum(side.troops)
    return saturate(ground.front_length * params.density_limit, in_line), in_line


def fires(side: Inputs, params: Params):
    """Fires index [1], eq. 3: reference 1."""
    shells = params.shell_fire * power(side.shells_fired / params.reference_fire, params.fire_exponent)
    return params.fire_floor + shells + params.drone_fire * side.drones


def mean_skill(side: Inputs):
    """Mean skill of the men in the theatre [1]."""
    return share(jnp.sum(side.troops * side.skill), jnp.sum(side.troops))


def quality(side: Inputs, params: Params):
    """Quality of the force [1], eq. 2: weighted logs of what makes a unit capable."""
    log = jnp.log
    tiny = jnp.finfo(jnp.float32).tiny
    return jnp.exp(
        params.skill_weight * log(jnp.maximum(mean_skill(side), tiny) / params.reference_skill)
        + params.leader_weight * log(jnp.maximum(side.leaders, tiny))
        + params.equipment_weight * log(jnp.maximum(side.equipment, tiny))
        + params.fire_weight * log(fires(side, params))
        + params.coordination_weight * log(side.coordination)
        + params.morale_weight * log(side.morale / params.reference_morale)
        + params.home_soil_bonus * side.home_soil
    )


def attrition(base, posture_ratio, attack, numbers, number_exponent, qualities, quality_exponent):
    """The loss law itself [unit of base]: base where all is even; attack is own less enemy share attacking, numbers and qualities
    are own over enemy. The front's losses and the fit to battle data both call this."""
    posture = power(posture_ratio, attack / 2)
    mass = power(numbers, -number_exponent) * power(qualities, -quality_exponent)
    return base * posture * mass


def loss_rate(own: Inputs, enemy: Inputs, fortification, numbers, qualities, intensity, shock, params: Params):
    """Loss rate of the engaged [1/week], eq. 4; the fortification is the own, numbers and qualities are own over enemy."""
    lethality = jnp.stack([params.manoeuvre_lethality, params.artillery_lethality, params.drone_lethality])
    base = params.loss_rate * jnp.sum(enemy.fire_mix * lethality) * intensity * own.coercion_losses
    attack = own.attack_share - enemy.attack_share
    even = attrition(base, params.posture_ratio, attack, numbers, params.number_exponent, qualities, params.quality_exponent)
    exposed = 1 + params.exposure_slope * fires(enemy, params) * (1 - mean_skill(own))
    in_the_open = params.works_shelter * (params.works_limit - fortification)
    return even * exposed * jnp.exp(in_the_open + shock)


def losses_by_cohort(troops, loss_share, params: Params, dt):
    """Losses [person] by stage and cohort, eq. 5: spread by exposure and by being new."""
    exposure = jnp.stack(
        [params.exposure_standing, params.exposure_decree, params.exposure_decree, params.exposure_volunteer, params.exposure_prisoner]
    )
    risk = jnp.stack([params.new_men_risk * exposure, exposure])
    mean = share(jnp.sum(troops * risk), jnp.sum(troops))
    return troops * by_hazard(loss_share * share(risk, mean) * dt)


def killed_share(enemy: Inputs, params: Params):
    """Share of losses that is killed [1], eq. 6: by the enemy's fire mix and the own care."""
    wounded = jnp.stack([params.manoeuvre_wounded, params.artillery_wounded, params.drone_wounded])
    return params.killed_factor * jnp.sum(enemy.fire_mix / (1 + wounded))


def pace(own: Inputs, enemy: Inputs, params: Params):
    """Intensity left to forces below their goals [1], eq. 9."""
    short = jnp.maximum(own.goal / jnp.maximum(jnp.sum(own.troops), ONE_MAN), enemy.goal / jnp.maximum(jnp.sum(enemy.troops), ONE_MAN))
    fall = power(1 + power(short, params.pace_sharpness), -1 / params.pace_sharpness)
    return params.pace_floor + (1 - params.pace_floor) * fall


def staffing(goal, troops, high, params: Params):
    """Staffing factor of intake [1], eq. 9: 1 with value and slope at the goal, more below it, less above."""
    low = params.staffing_low
    exponent = (high - low) / ((1 - low) * (high - 1))
    missing = power(jnp.maximum(share(troops, goal), 1e-3), exponent)
    return low + (high - low) / (1 + (high - 1) / (1 - low) * missing)


def thrust(own: Inputs, relative_power, enemy_works, ground: Ground, params: Params):
    """Ground taken by steady attack [km2/week], eq. 7."""
    log_speed = params.advance_power * jnp.log(relative_power) - params.advance_works * (enemy_works - params.works_limit)
    speed = params.advance_speed * jnp.exp(between(log_speed, params.advance_slowest, params.advance_fastest))
    return ground.front_length * ground.attack_width * speed * own.attack_share * own.intensity


def breakthrough_rate(own: Inputs, relative_power, enemy_works, params: Params):
    """Hazard of a breakthrough [1/year], eq. 8."""
    log_hazard = params.breakthrough_power * jnp.log(relative_power) - params.breakthrough_works * enemy_works
    return params.breakthrough_rate * own.attack_share * own.intensity * jnp.exp(jnp.minimum(log_hazard, 2.0))
