"""Training: courses, cadre, leaders, and skill as a co-flow of the men.

A pipeline limited by instructors, with a learning curve diluted by trainees per instructor (docs/model/training.md, eq. 1-10).
"""

from dataclasses import replace

import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.quantity import Record, quantity
from muster.model.smooth import by_hazard, passing, saturate, share


class Pipeline(Record):
    """Men on their way to the army, by cohort."""

    waiting: Float[Array, " cohort"] = quantity("person", "men waiting for a place")
    full: Float[Array, " course_stage cohort"] = quantity("person", "men in the full course, three stages")
    hasty: Float[Array, " cohort"] = quantity("person", "men on the hasty track")
    transfer: Float[Array, " cohort"] = quantity("person", "men on their way to the theatre")


class State(Record):
    men: Pipeline = quantity("person", "men in training")
    transfer_skill: Float[Array, " cohort"] = quantity("1", "mean skill of men in transfer")
    instructors: Float[Array, ""] = quantity("person", "instructor-equivalents: a role among serving men, not men of their own")
    leaders: Float[Array, ""] = quantity("person", "leaders: a role among serving men, not men of their own")
    skill: Float[Array, " stage cohort"] = quantity("1", "mean skill of men in the theatre, new and seasoned")
    rear_skill: Float[Array, " cohort"] = quantity("1", "mean skill of men in the rear")
    wounded_skill: Float[Array, " cohort"] = quantity("1", "mean skill of the wounded and of deserters")
    first_men: Pipeline = quantity("person", "the first men called up by decree, a sample of the decree cohort")
    first_inducted: Float[Array, ""] = quantity("person", "of the first men, inducted so far")
    first_arrived: Float[Array, ""] = quantity("person", "of the first men, at the front so far")


class Params(Record):
    skill_none: Float[Array, ""] = quantity("1", "skill of men without service at call-up")
    skill_served: Float[Array, ""] = quantity("1", "skill of men who served at call-up")
    skill_combat: Float[Array, ""] = quantity("1", "skill of combat veterans at call-up")
    skill_full: Float[Array, ""] = quantity("1", "skill of a fully trained man: the scale")
    skill_floor: Float[Array, ""] = quantity("1", "skill to which disuse decays")
    skill_at_start: Float[Array, ""] = quantity("1", "mean skill of the standing force at the start")
    unfit_loss: Float[Array, ""] = quantity("1", "share of starting skill that wrongly called men lack")
    learning_rate: Float[Array, ""] = quantity("1/week", "learning rate at full quality of instruction")
    trainees_limit: Float[Array, ""] = quantity("1", "trainees per instructor that can be taken")
    trainees_half: Float[Array, ""] = quantity("1", "trainees per instructor at which quality is halved")
    field_learning_rate: Float[Array, ""] = quantity("1/week", "learning rate in line")
    decay_rate: Float[Array, ""] = quantity("1/week", "decay of unused skill")
    transfer_time: Float[Array, ""] = quantity("week", "time from the end of the course to the theatre")
    leader_loss_ratio: Float[Array, ""] = quantity("1", "loss rate of leaders over that of men")
    promotion_rate: Float[Array, ""] = quantity("1/week", "leaders made a week from skilled seasoned men")
    academy_output: Float[Array, ""] = quantity("person/week", "leaders from academies")
    leaders_at_start: Float[Array, ""] = quantity("1", "leaders over men in the theatre at the start")
    instructors_at_start: Float[Array, ""] = quantity("person", "instructor-equivalents at the start")
    instructor_return: Float[Array, ""] = quantity("1", "share of returning wounded who become instructors")
    instructor_time: Float[Array, ""] = quantity("week", "time that an instructor serves as one")
    commitment_odds: Float[Array, ""] = quantity("1", "odds of being sent at once, over those of the lever")
    hasty_length_factor: Float[Array, ""] = quantity("1", "real over ordered length of the hasty track")
    course_length_factor: Float[Array, ""] = quantity("1", "real over ordered length of the full course")
    first_men: Float[Array, ""] = quantity("person", "how many men called up by decree are the first men")


class Inputs(Record):
    intake: Float[Array, " cohort"] = quantity("person/week", "men inducted and signed")
    intake_skill: Float[Array, " cohort experience"] = quantity("1", "shares of experience in the intake")
    wrongly_kept: Float[Array, ""] = quantity("1", "share of wrongly called men who are kept, in the notices of the week")
    commitment: Float[Array, " cohort"] = quantity("1", "share sent at once to the hasty track")
    course_length: Float[Array, " cohort"] = quantity("week", "ordered length of the full course")
    hasty_course_length: Float[Array, " cohort"] = quantity("week", "ordered length of the hasty track")
    cadre_to_front: Float[Array, ""] = quantity("1/week", "share of instructors sent to the front")
    partner_men: Float[Array, ""] = quantity("person/week", "men trained abroad by partners: extra places")
    troops: Float[Array, ""] = quantity("person", "men in the theatre at the end of last week")


class Outputs(Record):
    in_training: Float[Array, ""] = quantity("person", "men waiting, on courses and in transfer", headline=True)
    graduate_skill: Float[Array, ""] = quantity("1", "mean skill of the week's graduates", headline=True)
    course_length: Float[Array, ""] = quantity("week", "mean length of training of the week's intake", headline=True)
    weeks_to_first_contact: Float[Array, " cohort"] = quantity("week", "mean time from induction to the front", headline=True)
    leaders: Float[Array, ""] = quantity("1", "leaders per man in the theatre over the start", headline=True)
    instructors: Float[Array, ""] = quantity("person", "instructor-equivalents")
    trainees_per_instructor: Float[Array, ""] = quantity("1", "trainees per instructor")
    queue_share: Float[Array, ""] = quantity("1", "share of men in training who wait for a place")
    first_men_inducted: Float[Array, ""] = quantity("person", "of the first men called by decree, inducted so far", headline=True)
    first_men_arrived: Float[Array, ""] = quantity("person", "of the first men called by decree, at the front so far", headline=True)


class Arrivals(Record):
    """What leaves training for the army this week."""

    men: Float[Array, " cohort"] = quantity("person/week", "men arriving")
    skill: Float[Array, " cohort"] = quantity("1", "their mean skill")
    cadre: Float[Array, ""] = quantity("person/week", "instructors wanted at the front: standing men of full skill")


class Joining(Record):
    """Who joins the force this week before the fighting, for the co-flows."""

    before: Float[Array, " stage cohort"] = quantity("person", "men in the theatre before the week's inflows")
    rear_before: Float[Array, " cohort"] = quantity("person", "men in the rear before the week's inflows")
    arrived: Float[Array, " cohort"] = quantity("person", "new men in the theatre")
    rear_arrived: Float[Array, " cohort"] = quantity("person", "new men in the rear")
    arrival_skill: Float[Array, " cohort"] = quantity("1", "mean skill of new men")
    returned: Float[Array, " cohort"] = quantity("person", "wounded back in the theatre")
    drafted: Float[Array, " cohort"] = quantity("person", "men sent from the rear to the theatre")
    cadre: Float[Array, ""] = quantity("person", "instructors who joined the theatre")


class Field(Record):
    """What happened to the men in the field this week, for the co-flows."""

    survivors: Float[Array, " stage cohort"] = quantity("person", "men left in the theatre after losses, desertions and surrenders")
    came_back: Float[Array, " cohort"] = quantity("person", "deserters back in the theatre")
    seasoned: Float[Array, " cohort"] = quantity("person", "new men who became seasoned")
    hurt: Float[Array, " stage cohort"] = quantity("person", "men wounded or deserted")
    hurt_before: Float[Array, " cohort"] = quantity("person", "wounded and deserters who stay so")
    wounded_returned: Float[Array, ""] = quantity("person", "wounded who returned")
    loss_share: Float[Array, ""] = quantity("1/week", "losses over men in the theatre")
    in_line: Float[Array, ""] = quantity("1", "share of time in line")


def empty(like) -> Pipeline:
    return Pipeline(waiting=like, full=jnp.stack([like] * 3), hasty=like, transfer=like)


def begin(params: Params, troops) -> State:
    """Queues empty; the field force at its starting skill [person]."""
    cohorts = jnp.zeros_like(troops)
    zero = jnp.zeros_like(params.skill_at_start)
    skill = params.skill_at_start + cohorts
    return State(
        men=empty(cohorts),
        transfer_skill=skill,
        instructors=params.instructors_at_start,
        leaders=params.leaders_at_start * jnp.sum(troops),
        skill=jnp.stack([skill, skill]),
        rear_skill=skill,
        wounded_skill=skill,
        first_men=empty(zero),
        first_inducted=zero,
        first_arrived=zero,
    )


def in_courses(men: Pipeline):
    """Men under instruction [person] by cohort."""
    return jnp.sum(men.full, axis=0) + men.hasty


def present(men: Pipeline):
    """All men in training [person] by cohort."""
    return men.waiting + in_courses(men) + men.transfer


def instruction_quality(ratio, params: Params):
    """Quality of instruction [1], eq. 4: 1 with ample instructors, 1/2 at trainees_half."""
    return 1 / (1 + ratio / params.trainees_half)


def graduate_skill(start, length, quality, params: Params):
    """Skill after a course [1], eq. 5: learning curve of the given length and quality."""
    return params.skill_full - (params.skill_full - start) * jnp.exp(-params.learning_rate * quality * length)


def places(waiting, instructors, course_length, partner_men, params: Params):
    """Places that open [person/week], eq. 2: instructors' places go to cohorts in proportion to their queues."""
    own = share(waiting, jnp.sum(waiting))
    return own * (params.trainees_limit * instructors / course_length + partner_men)


def load(in_courses, course_length, partner_men, instructors):
    """Trainees per own instructor [1], eq. 4: those on partners' courses are taught there, at most all of a cohort's share."""
    there = partner_men * jnp.sum(share(in_courses, jnp.sum(in_courses)) * course_length)
    return jnp.sum(in_courses) * jnp.exp(-share(there, jnp.sum(in_courses))) / instructors


def advance(men: Pipeline, intake, committed, entering_share, full_time, hasty_time, transfer_time, dt):
    """The pipeline after dt, and who arrives, graduates in full and in haste [person], eq. 1-3 and 6."""
    three = full_time >= 3  # below three weeks the course is one stage
    early = jnp.where(three, passing(full_time / 3, dt), jnp.ones_like(full_time))
    late = jnp.where(three, passing(full_time / 3, dt), passing(full_time, dt))
    moved = men.full * jnp.stack([early, early, late])
    hasty_intake = committed * intake * dt
    at_once = hasty_intake * jnp.maximum(1 - hasty_time, jnp.zeros_like(hasty_time))
    hasty_done = men.hasty * passing(jnp.maximum(hasty_time, jnp.ones_like(hasty_time)), dt)
    queue = men.waiting + (1 - committed) * intake * dt
    entered = queue * entering_share
    first = jnp.where(three, entered, jnp.zeros_like(entered))
    entering = jnp.stack([first, moved[0], moved[1] + entered - first])
    full_done, in_haste = moved[2], at_once + hasty_done
    arrived = men.transfer * passing(transfer_time, dt)
    new = Pipeline(
        waiting=queue - entered,
        full=men.full - moved + entering,
        hasty=men.hasty + hasty_intake - at_once - hasty_done,
        transfer=men.transfer + full_done + in_haste - arrived,
    )
    return new, arrived, full_done, in_haste


def starting_skill(inputs: Inputs, params: Params):
    """Skill of the intake at call-up [1] by cohort: by experience, less for the wrongly called who were kept."""
    by_experience = jnp.stack([params.skill_none, params.skill_served, params.skill_combat])
    return jnp.sum(inputs.intake_skill * by_experience, axis=1) * (1 - params.unfit_loss * inputs.wrongly_kept)


def step(state: State, inputs: Inputs, params: Params, dt) -> tuple[State, Outputs, Arrivals]:
    """One week of courses: who enters, who graduates with which skill, who arrives."""
    odds = params.commitment_odds * share(inputs.commitment, 1 - inputs.commitment)
    committed = jnp.where(inputs.commitment < 1, odds / (1 + odds), jnp.ones_like(odds))
    full_time = params.course_length_factor * inputs.course_length
    hasty_time = params.hasty_length_factor * inputs.hasty_course_length
    queue = state.men.waiting + (1 - committed) * inputs.intake * dt
    entered = saturate(dt * places(queue, state.instructors, full_time, inputs.partner_men, params), queue)
    entering_share = share(entered, queue)
    men, arrived, full_done, in_haste = advance(
        state.men, inputs.intake, committed, entering_share, full_time, hasty_time, params.transfer_time, dt
    )
    ratio = load(in_courses(state.men), full_time, inputs.partner_men, state.instructors)
    quality = instruction_quality(ratio, params)
    start = starting_skill(inputs, params)
    full_skill = graduate_skill(start, full_time, quality, params)
    hasty_skill = graduate_skill(start, hasty_time, quality, params)
    learned = full_done * full_skill + in_haste * hasty_skill
    staying = state.men.transfer - arrived
    skill = mixed([(staying, state.transfer_skill), (full_done, full_skill), (in_haste, hasty_skill)])
    first_intake = jnp.minimum(inputs.intake[1], (params.first_men - state.first_inducted) / dt)
    first_men, first_arrived, _, _ = advance(
        state.first_men, first_intake, committed[1], entering_share[1], full_time[1], hasty_time[1], params.transfer_time, dt
    )
    cadre = inputs.cadre_to_front * state.instructors
    new = replace(
        state,
        men=men,
        transfer_skill=skill,
        instructors=state.instructors - dt * cadre,
        first_men=first_men,
        first_inducted=state.first_inducted + dt * first_intake,
        first_arrived=state.first_arrived + first_arrived,
    )
    wait = jnp.where(entering_share > 0, (1 - entering_share) / jnp.maximum(entering_share, 1e-6), jnp.zeros_like(queue)) * dt
    contact = committed * hasty_time + (1 - committed) * (full_time + wait) + params.transfer_time
    outputs = Outputs(
        in_training=jnp.sum(present(men)),
        graduate_skill=share(jnp.sum(learned), jnp.sum(full_done + in_haste)),
        course_length=share(jnp.sum(inputs.intake * (committed * hasty_time + (1 - committed) * full_time)), jnp.sum(inputs.intake)),
        weeks_to_first_contact=contact,
        leaders=leader_density(state.leaders, inputs.troops, params),
        instructors=new.instructors,
        trainees_per_instructor=ratio,
        queue_share=share(jnp.sum(men.waiting), jnp.sum(men.waiting + in_courses(men))),
        first_men_inducted=new.first_inducted,
        first_men_arrived=new.first_arrived,
    )
    return new, outputs, Arrivals(men=arrived / dt, skill=state.transfer_skill, cadre=cadre)


def leader_density(leaders, troops, params: Params):
    """Leaders per man in the theatre over the start [1], eq. 9."""
    return share(leaders, troops * params.leaders_at_start)


def mixed(parts):
    """Mean skill [1] of groups given as (men, skill), and the first group's skill where there are no men, eq. 7."""
    men = sum(count for count, _ in parts)
    total = sum(count * skill for count, skill in parts)
    return jnp.where(men > 0, share(total, men), parts[0][1])


def practised(skill, in_line, params: Params, dt):
    """Skill after dt of practice in line and disuse out of it [1], eq. 7."""
    gain = params.field_learning_rate * in_line
    loss = params.decay_rate * (1 - in_line)
    rest = share(gain * params.skill_full + loss * params.skill_floor, gain + loss)
    return skill + (rest - skill) * by_hazard((gain + loss) * dt)  # as it was where neither practice nor disuse counts


def join(state: State, joining: Joining, params: Params) -> State:
    """Skill once new men, wounded who return, drafts and instructors have joined, before the fighting, eq. 7."""
    cadre = jnp.zeros_like(joining.arrived).at[0].set(joining.cadre)
    new = mixed([(joining.before[0], state.skill[0]), (joining.arrived, joining.arrival_skill)])
    seasoned = mixed(
        [
            (joining.before[1], state.skill[1]),
            (joining.returned, state.wounded_skill),
            (joining.drafted, state.rear_skill),
            (cadre, params.skill_full + jnp.zeros_like(cadre)),
        ]
    )
    rear = mixed([(joining.rear_before, state.rear_skill), (joining.rear_arrived, joining.arrival_skill)])
    return replace(state, skill=jnp.stack([new, seasoned]), rear_skill=rear)


def book(state: State, field: Field, params: Params, dt) -> State:
    """The week's co-flows of skill, leaders and instructors, after the fighting, eq. 7-9."""
    new, old = state.skill
    staying = field.survivors[1]
    seasoned = mixed([(staying, old), (field.came_back, state.wounded_skill), (field.seasoned, new)])
    hurt = mixed([(field.hurt_before, state.wounded_skill), (field.hurt[0], new), (field.hurt[1], old)])
    leaders = state.leaders * jnp.exp(-params.leader_loss_ratio * field.loss_share * dt)
    return replace(
        state,
        skill=practised(jnp.stack([new, seasoned]), field.in_line, params, dt),
        wounded_skill=hurt,
        rear_skill=practised(state.rear_skill, jnp.zeros_like(field.in_line), params, dt),
        leaders=jnp.minimum(
            leaders + dt * (params.promotion_rate * jnp.sum(staying * old) + params.academy_output), jnp.sum(field.survivors)
        ),
        instructors=state.instructors * jnp.exp(-dt / params.instructor_time) + params.instructor_return * field.wounded_returned,
    )
