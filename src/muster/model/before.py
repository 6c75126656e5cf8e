"""The arrows into the first half of the week: what each subsystem of one side is sent before the fighting.

One function a subsystem, in the order of week.py; each arrow is one keyword of an Inputs record. A feedback loop passes
through one `held(links.NAME, value, start)`, where it can be cut.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp

from muster.model import arms, callup, command, demography, economy, front, morale, partners, training
from muster.model.coupling import Here, experience_by_cohort, held, intake_by_cohort
from muster.model.structure import Structure
from muster.model.world import Side, lost_share


def told(side: Side, here: Here) -> command.Picture:
    """What the top sees and orders."""
    troops, params = jnp.sum(side.front.troops), here.given.params.command
    called = jnp.sum(side.callup.backlog)
    seen = command.read(side.command, here.goal, troops, side.latest.loss_share, called, params)
    truth = replace(side.command, shortfall=jnp.zeros_like(side.command.shortfall) + here.goal - troops)
    true = command.read(truth, here.goal, troops, side.latest.loss_share, called, params)
    cut = here.links.bad_news
    return command.Picture(
        reported=held(cut, seen.reported, true.reported),
        call_up=held(cut, seen.call_up, true.call_up),
        course_share=held(cut, seen.course_share, true.course_share),
        intensity_share=held(cut, seen.intensity_share, true.intensity_share),
        coordination=held(cut, seen.coordination, true.coordination),
    )


def support(side: Side, here: Here, dt, structure: Structure):
    """Partners decide, commit and deliver."""
    setting, latest = here.given.setting, side.latest
    ground_lost, recent = lost_share(here.gain, setting), side.front.recent_ground
    adaptation = held(here.links.adaptation, latest.adaptation, 0.0)
    inputs = partners.Inputs(
        war=here.war,
        age_of_war=here.clock.age,
        ground_lost=held(here.links.partner, ground_lost, 0.0),
        recent_ground=held(here.links.partner, recent, 0.0),
        export_price=here.levers.export_price,
        sanctions=here.levers.sanctions,
        adaptation=adaptation,
        decision=here.levers.partner_decision,
        election=here.levers.partner_election,
        shell_offer=here.levers.shell_offer * here.war,
        own_shells=latest.shells_made,
        support_noise=here.noise.support,
        package_noise=here.noise.packages,
        election_noise=here.noise.elections,
        stops=here.given.luck.partner_stop,
        resumptions=here.given.luck.partner_resume,
        tracking=here.clock.tracking,
    )
    return partners.step(side.partners, inputs, setting, here.given.params.partners, dt, structure)


def earn(side: Side, goods: partners.Goods, here: Here, dt, structure: Structure):
    """Output, budget, prices, with the labour of last week."""
    setting, start, latest, people = here.given.setting, here.given.start, side.latest, side.demography
    capacity = held(here.links.centre, latest.capacity, 1.0)
    inputs = economy.Inputs(
        war=here.war,
        age_of_war=here.clock.age,
        men_at_home=held(here.links.labour, demography.men_by_age(people), jnp.sum(setting.men, axis=(0, 3))),
        women_at_home=held(here.links.labour, jnp.sum(people.margins.women), jnp.sum(setting.women)),
        disabled=held(here.links.labour, jnp.sum(demography.disabled(people, here.given.params.demography)), 0.0),
        held_men=latest.held_men,
        sanctions=here.levers.sanctions,
        occupied=lost_share(here.gain, setting),
        under_fire=here.levers.under_fire * here.war,
        military_spending=here.levers.military_spending,
        civil_spending=here.levers.civil_spending,
        aid=held(here.links.deliveries, goods.money * 52 / setting.output_value, 0.0),
        policy_rate=here.levers.policy_rate,
        policy_rate_at_start=start.policy_rate,
        export_price=here.levers.export_price,
        state_capacity=capacity,
    )
    return economy.step(side.economy, inputs, here.given.params.economy, dt, structure)


def equip(side: Side, goods: partners.Goods, economy_out: economy.Outputs, here: Here, dt, structure: Structure):
    """Works, deliveries, fire."""
    adaptation, troops = held(here.links.adaptation, side.latest.adaptation, 0.0), jnp.sum(side.front.troops)
    inputs = arms.Inputs(
        war=here.war,
        age_of_war=here.clock.age,
        arms_labour=economy_out.arms_labour,
        sanctions=here.levers.sanctions,
        adaptation=adaptation,
        line_plan=here.levers.vehicle_line_plan,
        shell_line_plan=here.levers.shell_line_plan,
        vehicles_delivered=held(here.links.deliveries, goods.vehicles, 0.0),
        shells_delivered=held(here.links.deliveries, goods.shells, 0.0),
        fire_plan=here.levers.fire_plan * here.levers.intensity * here.war,
        troops=troops,
    )
    return arms.step(side.arms, inputs, here.given.params.arms, dt, structure)


def call(side: Side, picture: command.Picture, here: Here, dt):
    """Notices, choice, intake."""
    p, setting, start, latest, people = here.given.params, here.given.setting, here.given.start, side.latest, side.demography
    capacity = held(here.links.centre, latest.capacity, 1.0)
    men_at_start = jnp.sum(setting.men, axis=(1, 2, 3))
    factor = front.staffing(here.goal, jnp.sum(side.front.troops), p.front.staffing_high_volunteer, p.front)
    inputs = callup.Inputs(
        eligible=people.margins.eligible,
        evading=people.margins.evading,
        decree_quota=here.levers.decree_quota,
        later_decree_quota=here.levers.later_decree_quota,
        ordered=picture.call_up * here.levers.standing_call_up * here.war,
        state_capacity=capacity + jnp.zeros_like(setting.poverty),
        killed_share=held(here.links.risk, latest.killed_share, 0.0),
        trust=held(here.links.trust, jax.nn.sigmoid(side.society.trust), p.society.trust_at_start),
        trust_at_start=p.society.trust_at_start,
        pay=held(here.links.pay, here.levers.pay, start.pay),
        real_wage=held(here.links.wage, latest.real_wage, 1.0),
        recruiting=callup.recruiting(men_at_start, setting.relative_income, p.callup),
        border=here.levers.border,
        border_at_start=start.border,
        penal_severity=here.levers.penal_severity,
        penal_severity_at_start=start.penal_severity,
        quota_rule=here.levers.quota_rule,
        selection=here.levers.selection,
        prisoner_offers=here.levers.prisoner_offers,
        outside_men=here.levers.outside_men,
        volunteer_staffing=held(here.links.staffing, factor, 1.0),
        poverty=setting.poverty,
        titular_share=setting.titular_share,
    )
    return callup.step(side.callup, inputs, p.callup, dt)


def train(side: Side, picture: command.Picture, callup_out: callup.Outputs, calls: callup.Flows, here: Here, dt):
    """Courses, instructors, who arrives."""
    p, troops = here.given.params, jnp.sum(side.front.troops)
    inputs = training.Inputs(
        intake=intake_by_cohort(calls),
        intake_skill=experience_by_cohort(calls, side.demography.margins.eligible, dt),
        wrongly_kept=callup_out.wrongly_called_share * (1 - p.callup.sent_home_share),
        commitment=here.levers.commitment,
        course_length=here.levers.course_length * (1 + here.levers.standing_call_up * (picture.course_share - 1)),
        hasty_course_length=here.levers.hasty_course_length,
        cadre_to_front=held(here.links.cadre, here.levers.cadre_to_front, 0.0),
        partner_men=here.levers.partner_men,
        troops=troops,
    )
    return training.step(side.training, inputs, p.training, dt)


def reinforce(side: Side, arrivals: training.Arrivals, here: Here, dt):
    """Arrivals, drafts and returns join the theatre before the fighting."""
    p, levers = here.given.params, here.levers
    care = morale.return_share(p.front.return_share, levers.forward_care, p.morale)
    return front.reinforce(
        side.front, arrivals.men, levers.allied_men, arrivals.cadre, levers.theatre_share, care, here.goal, here.ceasefire, p.front, dt
    )


def join(state: training.State, arrivals: training.Arrivals, moves: front.Moves, here: Here) -> training.State:
    """Skill of the force once those who join it are there."""
    joining = training.Joining(
        before=moves.before,
        rear_before=moves.rear_before,
        arrived=moves.arrived,
        rear_arrived=moves.rear_arrived,
        arrival_skill=arrivals.skill,
        returned=moves.returned,
        drafted=moves.drafted,
        cadre=moves.cadre,
    )
    return training.join(state, joining, here.given.params.training)


def deploy(
    side: Side, reinforced: front.State, picture: command.Picture, training_out: training.Outputs, arms_out: arms.Outputs, here: Here
):
    """The force that goes into the week's fighting."""
    p, setting = here.given.params, here.given.setting
    men = jnp.sum(reinforced.troops, axis=0)
    spirit = jnp.sum(men * side.morale.morale) / jnp.maximum(jnp.sum(men), 1e-9)
    coercion = held(here.links.coercion, here.levers.coercion, 0.0)
    calm = 1 - side.regime.peace * (1 - here.links.regime)
    wish = here.levers.intensity * (1 + here.levers.standing_call_up * (picture.intensity_share - 1))
    return front.Inputs(
        troops=reinforced.troops,
        skill=held(here.links.turnover, side.training.skill, p.training.skill_at_start),
        leaders=training_out.leaders,
        equipment=held(here.links.depletion, arms_out.equipment, 1.0),
        shells_fired=arms_out.shells_fired,
        drones=arms_out.drones,
        coordination=picture.coordination * jnp.exp(-p.morale.coercion_initiative * coercion),
        coercion_losses=jnp.exp(p.morale.coercion_losses * coercion),
        morale=held(here.links.frontage, spirit, p.morale.morale_at_start),
        home_soil=here.levers.home_soil,
        time_in_line=here.levers.time_in_line,
        attack_share=here.levers.attack_share * calm,
        intensity=wish * here.war,
        goal=here.goal,
        fire_mix=here.levers.fire_mix,
        withdrawal=here.levers.withdrawal,
        forced_advance=here.levers.forced_advance,
        area_at_start=setting.area,
        noise=here.noise.losses,
        breakthroughs=here.given.luck.breakthrough,
        breakthrough_marks=here.given.luck.breakthrough_size,
    )
