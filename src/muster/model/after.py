"""The arrows into the second half of the week: what each subsystem of one side is sent after the fighting.

One function a subsystem, in the order of week.py; each arrow is one keyword of an Inputs record. A feedback loop passes
through one `held(links.NAME, value, start)`, where it can be cut.
"""

from dataclasses import replace

import jax.numpy as jnp

from muster.model import command, demography, front, morale, regime, regions, society, training
from muster.model.coupling import Before, Enemy, Here, held, recruit_income
from muster.model.smooth import share
from muster.model.structure import Structure
from muster.model.world import Side, lost_share


def under_fire(here: Here):
    """Share of a region's people under fire [1]: the nation's, by how far the region is exposed."""
    return jnp.minimum(here.levers.under_fire * here.war * here.given.setting.exposure, 1.0)


def endure(side: Side, b: Before, fight: front.Fight, enemy: Enemy, here: Here, dt, structure: Structure):
    """Wear, morale, desertion and surrender, after losses and arrivals."""
    p, start, state = here.given.params, here.given.start, side.morale
    lost = dt * (fight.killed + fight.wounded)
    troops, arrived = jnp.sum(b.force.troops, axis=0), b.moves.arrived
    largest = jnp.max(troops) / jnp.maximum(jnp.sum(troops), 1e-9)
    by_region = jnp.sum(side.demography.margins.serving, axis=(0, 2))
    grievance = jnp.sum(side.regions.grievance * by_region) / jnp.sum(by_region)  # soldiers', as they come from the regions
    remembered = replace(
        state,
        desertion_precedent=held(here.links.contagion, state.desertion_precedent, 0.0),
        surrender_precedent=held(here.links.contagion, state.surrender_precedent, 0.0),
        service=held(here.links.service, state.service, 0.0),
    )
    inputs = morale.Inputs(
        troops=jnp.maximum(b.force.troops - lost, 0.0),  # where all are lost, rounding must not leave less than nobody
        loss_share=held(here.links.cohesion, share(jnp.sum(lost, axis=0), troops) / dt, 0.0),
        arrival_share=held(here.links.cohesion, share(arrived, troops), 0.0),
        mixed=1 - largest,
        war=here.war,
        intensity=fight.intensity,
        time_in_line=here.levers.time_in_line,
        trust=held(here.links.trust, side.latest.trust - p.society.trust_at_start, 0.0),
        equipment=held(here.links.depletion, b.arms.equipment, 1.0),
        recent_ground=held(here.links.ground, side.front.recent_ground, 0.0),
        pay=held(here.links.pay, here.levers.pay / start.pay, 1.0),
        grievance=grievance,
        wrongly_called_share=b.callup.wrongly_called_share,
        decree_age=here.levers.decree_age,
        coercion=held(here.links.coercion, here.levers.coercion, 0.0),
        pocket=enemy.pocket,
    )
    return morale.step(remembered, inputs, p.morale, dt, structure)


def book_front(side: Side, b: Before, fight: front.Fight, flows: morale.Flows, here: Here, dt):
    """Losses, deserters and prisoners leave the theatre."""
    return front.book(
        side.front,
        fight,
        flows.deserted,
        flows.surrendered,
        flows.came_back,
        b.force.attack_share,
        here.goal,
        here.ground,
        here.given.params.front,
        dt,
    )


def book_training(side: Side, b: Before, fight: front.Fight, flows: morale.Flows, seasoned, here: Here, dt) -> training.State:
    """Skill goes with the men; leaders and instructors change."""
    hurt = dt * (fight.wounded + flows.deserted)
    field = training.Field(
        survivors=jnp.maximum(b.force.troops - hurt - dt * (fight.killed + flows.surrendered), 0.0),
        came_back=dt * flows.came_back,
        seasoned=seasoned,
        hurt=hurt,
        hurt_before=side.front.wounded + side.morale.deserters - dt * (flows.came_back + flows.gone),
        wounded_returned=jnp.sum(b.moves.returned),
        loss_share=fight.loss_share,
        in_line=here.levers.time_in_line * here.war,
    )
    return training.book(side.training, field, here.given.params.training, dt)


def report(
    side: Side, b: Before, fight: front.Fight, new_front: front.State, front_out: front.Outputs, here: Here, dt, structure: Structure
):
    """The week's truth enters the chain of reports."""
    inputs = command.Inputs(
        goal=here.goal,
        troops=front_out.troops,
        loss_share=fight.loss_share,
        recent_ground=new_front.recent_ground,
        candour=here.levers.candour,
        war=here.war,
        queue_share=b.training.queue_share,
        wrongly_called_share=b.callup.wrongly_called_share,
        equipment=b.arms.equipment,
        noise=here.noise.reports,
        revelations=here.given.luck.revelation,
    )
    return command.write(side.command, inputs, here.given.params.command, dt, structure)


def judge(
    side: Side, b: Before, fight: front.Fight, new_front: front.State, command_out: command.Outputs, killed, here: Here, dt, structure
):
    """Support, trust, protest, polls, and who wants to leave."""
    setting, start, people = here.given.setting, here.given.start, side.demography
    gain, population = fight.area - setting.area, demography.at_home(people)
    income = recruit_income(here.levers.pay - start.pay, b.calls.volunteers, population, setting)
    abroad = jnp.sum(people.margins.abroad) + jnp.sum(people.margins.women_abroad) + people.others_abroad
    weekly = jnp.sum(demography.killed_by_region(killed, people.margins), axis=0)
    disorder = (b.callup.wrongly_called_share + 1 - jnp.minimum(b.arms.equipment, 1.0)) / 2
    inputs = society.Inputs(
        war=here.war,
        age_of_war=here.clock.age,
        decree_age=here.levers.decree_age,
        deaths=held(here.links.deaths, jnp.sum(people.dead, axis=0), 0.0),
        weekly_deaths=held(here.links.deaths, weekly, 0.0),
        population=population,
        ground_won=held(here.links.ground, gain, 0.0),
        recent_ground=held(here.links.ground, new_front.recent_ground, 0.0),
        recruit_income=held(here.links.rally, income, 0.0),
        media_freedom=here.levers.media_freedom,
        revelation=command_out.revelation,
        real_wage=held(here.links.wage, b.economy.real_wage, 1.0),
        disorder=disorder,
        repression=here.levers.repression - start.repression,
        risk_index=held(here.links.risk, b.callup.risk_index, 0.0),
        border=here.levers.border,
        under_fire=under_fire(here),
        abroad_share=abroad / jnp.sum(population),
    )
    return society.step(side.society, inputs, here.given.params.society, here.ground, dt, structure)


def count(side: Side, b: Before, flows: morale.Flows, society_out: society.Outputs, leaving: society.Leaving, killed, here: Here, dt):
    """The table of persons: everybody who is called, dies, leaves, returns, is born."""
    p = here.given.params
    inputs = demography.Inputs(
        notice_rate=b.calls.notice_rate,
        notices=b.calls.notices,
        volunteer_rate=b.calls.volunteer_rate,
        inducted=b.calls.inducted,
        found=b.calls.found,
        volunteers=b.calls.volunteers,
        prisoners=b.calls.prisoners,
        outsiders=b.calls.outside_men + here.levers.allied_men,
        evaded=b.calls.evaded,
        forgiven=b.calls.forgiven,
        fled=b.calls.fled,
        killed=killed,
        discharged=b.moves.discharged / dt,
        gone=flows.gone,
        leaving_men=leaving.men,
        fire_men=leaving.men_under_fire,
        fire_others=leaving.others_under_fire,
        companions=leaving.companions,
        returning=leaving.returning,
        real_wage=held(here.links.wage, b.economy.real_wage, 1.0),
        trust=held(here.links.trust, society_out.trust - p.society.trust_at_start, 0.0),
        under_fire=under_fire(here),
        age_of_war=here.clock.age,
    )
    return demography.step(side.demography, inputs, here.given.setting, p.demography, dt)


def strain(side: Side, b: Before, fight: front.Fight, new_people: demography.State, killed, here: Here, dt, structure: Structure):
    """Burden, grievance, state capacity, movements and exits."""
    p, setting, people = here.given.params, here.given.setting, side.demography
    gain, population = fight.area - setting.area, demography.at_home(people)
    income = recruit_income(here.levers.pay - here.given.start.pay, b.calls.volunteers, population, setting)
    care = morale.return_share(p.front.return_share, here.levers.forward_care, p.morale)
    discharged = (1 - care) * jnp.sum(side.front.wounded_total - side.front.wounded)
    inputs = regions.Inputs(
        killed=jnp.sum(demography.killed_by_region(killed, people.margins), axis=0),
        dead=jnp.sum(new_people.dead, axis=0),
        men=jnp.sum(setting.men, axis=(1, 2, 3)),
        population=population,
        recruit_income=held(here.links.rally, income, 0.0),
        fiscal_distress=held(here.links.fiscal, b.economy.fiscal_distress, 0.0),
        security_at_home=here.levers.security_at_home,
        loyalty=side.regime.loyalty - p.regime.loyalty_at_start,
        ground_lost=lost_share(gain, setting),
        centre_fallen=jnp.where(side.regime.centre_down > 0, 1.0, 0.0),
        veterans=1000 * discharged / jnp.sum(population),
        thresholds=here.given.luck.region,
        tracking=here.clock.tracking,
    )
    law = replace(p.regions, diffusion=held(here.links.tide, p.regions.diffusion, 0.0))
    return regions.step(side.regions, inputs, setting, here.clock.age, law, dt, structure)


def govern(side, b, new_front, new_command, command_out, society_out, morale_out, regions_out, here: Here, dt, structure: Structure):
    """Loyalty, hazards, and the events that end a government."""
    p, setting, latest = here.given.params, here.given.setting, side.latest
    inputs = regime.Inputs(
        war=held(here.links.war_cohesion, here.war, 0.0),
        age_of_war=here.clock.age,
        recent_ground=held(here.links.ground, new_front.recent_ground, 0.0),
        output=b.economy.output,
        real_wage=b.economy.real_wage,
        decree_in_force=jnp.where(here.levers.decree_quota + here.levers.later_decree_quota > 0, 1.0, 0.0),
        punishment=new_command.punishment - p.command.punishment_at_start,
        export_price=here.levers.export_price,
        revelation=command_out.revelation,
        protest=society_out.protest,
        protest_at_start=p.society.protest_at_start,
        trust=held(here.links.trust, society_out.trust - p.society.trust_at_start, 0.0),
        fiscal_distress=held(here.links.fiscal, b.economy.fiscal_distress, 0.0),
        security_at_home=here.levers.security_at_home,
        branching_ratio=morale_out.branching_ratio - latest.branching_ratio,
        seceded=regions_out.seceded,
        leader_age=setting.leader_age,
        thresholds=here.given.luck.regime,
        coup_mark=here.given.luck.coup_mark,
        nonviolent_mark=here.given.luck.nonviolent_mark,
        overthrow_mark=here.given.luck.overthrow_mark,
        peace_mark=here.given.luck.peace_mark,
        tracking=here.clock.tracking,
    )
    return regime.step(side.regime, inputs, p.regime, dt, structure)
