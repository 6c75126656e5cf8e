"""One week of both sides, in order. All coupling of the twelve subsystems is on this page.

The order, and why, is in docs/model/week.md. Each arrow is one keyword of an Inputs record; each feedback loop of
docs/model/week.md passes through one `held(links.NAME, value, start)`, so that it can be cut.
"""

from dataclasses import replace

import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model import arms, callup, command, demography, economy, front, morale, partners, regime, regions, society, training
from muster.model.levers import Ground, Levers
from muster.model.luck import Noise
from muster.model.pair import Pair, each, pair
from muster.model.quantity import Record, quantity
from muster.model.smooth import share
from muster.model.structure import Structure
from muster.model.world import Cohorts, Given, Latest, Side, World, lost_share, theatre_goal


class Clock(Record):
    """Where in the run the week lies."""

    age: Float[Array, ""] = quantity("week", "weeks since the start")
    after: Float[Array, ""] = quantity("1", "1 after the last observation")
    tracking: Float[Array, ""] = quantity("1", "1 while the past is lived through and thresholds are conditioned on it")


class Links(Record):
    """1 where a loop or arrow is cut: its link is held at the value of the start."""

    cadre: Float[Array, ""] = quantity("1", "R1 cadre burn: instructors sent to the front")
    turnover: Float[Array, ""] = quantity("1", "R2 turnover: skill of the force in quality")
    cohesion: Float[Array, ""] = quantity("1", "R3 cohesion: losses and arrivals in cohesion")
    contagion: Float[Array, ""] = quantity("1", "R4 contagion: precedents in desertion and surrender")
    bad_news: Float[Array, ""] = quantity("1", "R5 bad news: the reported picture in orders and coordination")
    coercion: Float[Array, ""] = quantity("1", "R6, B6 coercion: its effect on soldiers")
    staffing: Float[Array, ""] = quantity("1", "B1 staffing: shortfall in intake")
    service: Float[Array, ""] = quantity("1", "R12 no discharge: length of service in morale")
    risk: Float[Array, ""] = quantity("1", "B2 risk: deaths in evasion, flight and volunteering")
    pay: Float[Array, ""] = quantity("1", "B3 pay: pay in volunteering")
    depletion: Float[Array, ""] = quantity("1", "B4 depletion: equipment per man in quality and morale")
    frontage: Float[Array, ""] = quantity("1", "B5 frontage: morale in quality")
    labour: Float[Array, ""] = quantity("1", "R7 labour and prices: men away in output and prices")
    adaptation: Float[Array, ""] = quantity("1", "B7 adaptation: substitution of sanctioned goods")
    fiscal: Float[Array, ""] = quantity("1", "R8 fiscal: distress in capacity and regime")
    tide: Float[Array, ""] = quantity("1", "R9 tide: events in neighbours' movements")
    centre: Float[Array, ""] = quantity("1", "R10 centre and periphery: capacity in call-up and revenue")
    partner: Float[Array, ""] = quantity("1", "R11 partner: ground in partners' support")
    rally: Float[Array, ""] = quantity("1", "B8 rally and pay: recruits' income in support and grievance")
    war_cohesion: Float[Array, ""] = quantity("1", "B9 war cohesion: an active war in coup hazard")
    ground: Float[Array, ""] = quantity("1", "arrow 03 -> 06, 12: ground in prospect and defeat")
    trust: Float[Array, ""] = quantity("1", "arrow 06 -> 01, 04, 07: trust")
    wage: Float[Array, ""] = quantity("1", "arrow 08 -> 06, 07: real wage")
    deliveries: Float[Array, ""] = quantity("1", "arrow 10 -> 08, 09: deliveries")
    deaths: Float[Array, ""] = quantity("1", "arrow 07 -> 06: deaths in support")
    regime: Float[Array, ""] = quantity("1", "arrow 12 -> levers: what a new leader does")


def connected() -> Links:
    """No link is cut."""
    return Links(**{name: jnp.zeros(()) for name in Links.__dataclass_fields__})


def held(cut, value, start):
    """The value, or what it was at the start where the link is cut."""
    return value + cut * (start - value)


class Before(Record):
    """What the first half of one side's week hands to the fighting and to the second half."""

    force: front.Inputs
    moves: front.Moves
    callup: callup.Outputs
    calls: callup.Flows
    training: training.Outputs
    economy: economy.Outputs
    arms: arms.Outputs
    partners: partners.Outputs
    picture: command.Picture
    goal: Float[Array, ""] = quantity("person", "force wanted in the theatre")
    war: Float[Array, ""] = quantity("1", "1 while fighting goes on")


def men_outside(side: Side):
    """Men on the rolls [person] by cohort, counted from the states of training, front and morale."""
    return training.present(side.training.men) + front.present(side.front) + morale.present(side.morale)


def side_before(side: Side, own_gain, ceasefire, levers: Levers, given: Given, noise: Noise, links: Links, clock: Clock, dt, structure):
    """Picture, deliveries, economy, arms, call-up, training, reinforcement: (Side, Before)."""
    p, setting, start, latest = given.params, given.setting, given.start, side.latest
    war = levers.war * (1 - ceasefire)
    goal = theatre_goal(levers, p.front)
    troops = jnp.sum(side.front.troops)
    ground_lost = -own_gain / setting.area
    recent = side.front.recent_ground
    adaptation = held(links.adaptation, latest.adaptation, 0.0)
    capacity = held(links.centre, latest.capacity, 1.0)
    seen = command.read(side.command, goal, troops, latest.loss_share, p.command)
    picture = command.Picture(
        reported=seen.reported,
        call_up=held(links.bad_news, seen.call_up, command.read(true_picture(side.command, goal, troops), goal, troops, latest.loss_share, p.command).call_up),
        course_share=held(links.bad_news, seen.course_share, 1.0),
        intensity_share=held(links.bad_news, seen.intensity_share, 1.0),
        coordination=held(links.bad_news, seen.coordination, 1.0),
    )
    new_partners, partner_out, goods = partners.step(
        side.partners,
        partners.Inputs(
            war=war,
            age_of_war=clock.age,
            ground_lost=held(links.partner, ground_lost, 0.0),
            recent_ground=held(links.partner, recent, 0.0),
            export_price=levers.export_price,
            sanctions=levers.sanctions,
            adaptation=adaptation,
            decision=levers.partner_decision,
            election=levers.partner_election,
            shell_offer=levers.shell_offer * war,
            own_shells=latest.shells_made,
            support_noise=noise.support,
            package_noise=noise.packages,
            election_noise=noise.elections,
            stops=given.luck.partner_stop,
            resumptions=given.luck.partner_resume,
            tracking=clock.tracking,
        ),
        setting,
        p.partners,
        dt,
        structure,
    )
    people = side.demography
    new_economy, economy_out = economy.step(
        side.economy,
        economy.Inputs(
            war=war,
            age_of_war=clock.age,
            men_at_home=held(links.labour, jnp.sum(people.civil, axis=(0, 3)), jnp.sum(setting.men, axis=(0, 3))),
            women_at_home=held(links.labour, jnp.sum(people.women), jnp.sum(setting.women)),
            disabled=held(links.labour, people.disabled, 0.0),
            held_men=latest.held_men,
            sanctions=levers.sanctions,
            occupied=lost_share(own_gain, setting),
            under_fire=levers.under_fire * war,
            military_spending=levers.military_spending,
            civil_spending=levers.civil_spending,
            aid=held(links.deliveries, goods.money * 52 / setting.output_value, 0.0),
            policy_rate=levers.policy_rate,
            policy_rate_at_start=start.policy_rate,
            export_price=levers.export_price,
            state_capacity=capacity,
        ),
        p.economy,
        dt,
        structure,
    )
    new_arms, arms_out = arms.step(
        side.arms,
        arms.Inputs(
            war=war,
            age_of_war=clock.age,
            arms_labour=economy_out.arms_labour,
            sanctions=levers.sanctions,
            adaptation=adaptation,
            line_plan=levers.vehicle_line_plan,
            shell_line_plan=levers.shell_line_plan,
            vehicles_delivered=held(links.deliveries, goods.vehicles, 0.0),
            shells_delivered=held(links.deliveries, goods.shells, 0.0),
            fire_plan=levers.fire_plan * levers.intensity * war,
            troops=troops,
        ),
        p.arms,
        dt,
        structure,
    )
    eligible = demography.eligible(people.civil, setting)
    short = held(links.staffing, front.staffing(goal, troops, p.front.staffing_high_volunteer, p.front), 1.0)
    new_callup, callup_out, calls = callup.step(
        side.callup,
        callup.Inputs(
            eligible=eligible,
            evading=people.evading,
            decree_quota=levers.decree_quota,
            later_decree_quota=levers.later_decree_quota,
            ordered=picture.call_up * levers.standing_call_up * war,
            state_capacity=capacity + jnp.zeros_like(setting.poverty),
            killed_share=held(links.risk, latest.killed_share, 0.0),
            trust=held(links.trust, latest.trust, p.society.trust_at_start),
            trust_at_start=p.society.trust_at_start,
            pay=held(links.pay, levers.pay, start.pay),
            civil_wage=setting.relative_income * held(links.wage, latest.real_wage, 1.0),
            border=levers.border,
            border_at_start=start.border,
            penal_severity=levers.penal_severity,
            penal_severity_at_start=start.penal_severity,
            selection=levers.selection,
            prisoner_offers=levers.prisoner_offers,
            outside_men=levers.outside_men,
            volunteer_staffing=short,
            poverty=setting.poverty,
            titular_share=setting.titular_share,
        ),
        p.callup,
        dt,
    )
    new_training, training_out, arrivals = training.step(
        side.training,
        training.Inputs(
            intake=intake_by_cohort(calls),
            intake_skill=experience_by_cohort(calls, eligible),
            wrongly_kept=callup_out.wrongly_called_share * (1 - p.callup.sent_home_share),
            commitment=levers.commitment,
            course_length=levers.course_length * (1 + levers.standing_call_up * (picture.course_share - 1)),
            hasty_course_length=levers.hasty_course_length,
            cadre_to_front=held(links.cadre, levers.cadre_to_front, 0.0),
            partner_men=levers.partner_men,
            troops=troops,
        ),
        p.training,
        dt,
    )
    care = morale.return_share(p.front.return_share, levers.forward_care, p.morale)
    reinforced, moves = front.reinforce(
        side.front, arrivals.men, levers.allied_men, arrivals.cadre, levers.theatre_share, care, goal, ceasefire, p.front, dt
    )
    spirit = jnp.sum(jnp.sum(reinforced.troops, axis=0) * side.morale.morale) / jnp.maximum(jnp.sum(reinforced.troops), 1e-9)
    coercion = held(links.coercion, levers.coercion, 0.0)
    calm = 1 - side.regime.peace * (1 - links.regime)
    wish = levers.intensity * (1 + levers.standing_call_up * (picture.intensity_share - 1))
    force = front.Inputs(
        troops=reinforced.troops,
        skill=held(links.turnover, side.training.skill, p.training.skill_at_start),
        leaders=training_out.leaders,
        equipment=held(links.depletion, arms_out.equipment, 1.0),
        shells_fired=arms_out.shells_fired,
        drones=arms_out.drones,
        coordination=picture.coordination * jnp.exp(-p.morale.coercion_initiative * coercion),
        coercion_losses=jnp.exp(p.morale.coercion_losses * coercion),
        morale=held(links.frontage, spirit, p.morale.morale_at_start),
        home_soil=levers.home_soil,
        time_in_line=levers.time_in_line,
        attack_share=levers.attack_share * calm,
        intensity=wish * war,
        goal=goal,
        fire_mix=levers.fire_mix,
        withdrawal=levers.withdrawal,
        forced_advance=levers.forced_advance,
        area_at_start=setting.area,
        noise=noise.losses,
        breakthroughs=given.luck.breakthrough,
        breakthrough_marks=given.luck.breakthrough_size,
    )
    new = replace(
        side, front=reinforced, callup=new_callup, training=new_training, economy=new_economy, arms=new_arms, partners=new_partners
    )
    before = Before(force, moves, callup_out, calls, training_out, economy_out, arms_out, partner_out, picture, goal, war)
    return new, before


def true_picture(state: command.State, goal, troops) -> command.State:
    """The command's state if the top saw the truth."""
    return replace(state, shortfall=jnp.zeros_like(state.shortfall) + goal - troops)


def intake_by_cohort(calls: callup.Flows):
    """Men taken into training [person/week] by cohort; the standing force has no intake of its own."""
    called = jnp.sum(calls.inducted, axis=(1, 2, 3, 4)) + jnp.sum(calls.found, axis=(1, 2))
    volunteers = jnp.sum(calls.volunteers) + calls.outside_men
    return jnp.stack([jnp.zeros_like(volunteers), called[0], called[1], volunteers, calls.prisoners])


def experience_by_cohort(calls: callup.Flows, eligible):
    """Shares of experience in the intake [1] by cohort; prisoners and outsiders as the register at large."""
    at_large = demography.composition(jnp.sum(eligible, axis=(0, 1, 2)), (0,))
    called = demography.composition(jnp.sum(calls.inducted, axis=(1, 2, 3)), (1,))
    volunteers = demography.composition(jnp.sum(calls.volunteers, axis=(0, 1, 2)), (0,))
    return jnp.stack([at_large, called[0], called[1], volunteers, at_large])


def side_after(side: Side, b: Before, fight, enemy, levers: Levers, given: Given, noise: Noise, links: Links, clock, ground, dt, structure):
    """Morale, booking of men and vehicles, society, regions, regime, report to the top: (Side, readings).

    `enemy` = (vehicles taken from the enemy, whether he breaks through [1]).
    """
    p, setting, start, latest = given.params, given.setting, given.start, side.latest
    taken, pocket = enemy
    own_gain = fight.area - setting.area
    recent = held(links.ground, side.front.recent_ground, 0.0)
    lost = dt * (fight.killed + fight.wounded)
    troops = jnp.sum(b.force.troops, axis=0)
    arrived = b.moves.arrived
    coercion = held(links.coercion, levers.coercion, 0.0)
    trust_change = held(links.trust, latest.trust - p.society.trust_at_start, 0.0)
    spirit = side.morale
    precedents = replace(
        spirit,
        desertion_precedent=held(links.contagion, spirit.desertion_precedent, 0.0),
        surrender_precedent=held(links.contagion, spirit.surrender_precedent, 0.0),
        service=held(links.service, spirit.service, 0.0),
    )
    largest = jnp.max(troops) / jnp.maximum(jnp.sum(troops), 1e-9)
    new_morale, morale_out, morale_flows = morale.step(
        precedents,
        morale.Inputs(
            troops=b.force.troops - lost,
            loss_share=held(links.cohesion, share(jnp.sum(lost, axis=0), troops) / dt, 0.0),
            arrival_share=held(links.cohesion, share(arrived, troops), 0.0),
            mixed=1 - largest,
            war=b.war,
            intensity=fight.intensity,
            time_in_line=levers.time_in_line,
            trust=trust_change,
            equipment=held(links.depletion, b.arms.equipment, 1.0),
            recent_ground=recent,
            pay=held(links.pay, levers.pay / start.pay, 1.0),
            grievance=jnp.mean(side.regions.grievance),
            wrongly_called_share=b.callup.wrongly_called_share,
            decree_age=levers.decree_age,
            coercion=coercion,
            pocket=pocket,
        ),
        p.morale,
        dt,
        structure,
    )
    new_front, front_out, seasoned = front.book(
        side.front,
        fight,
        morale_flows.deserted,
        morale_flows.surrendered,
        morale_flows.came_back,
        b.force.attack_share,
        b.goal,
        clock.tracking,
        ground,
        p.front,
        dt,
    )
    new_training = training.book(
        side.training,
        training.Field(
            before=b.moves.before,
            rear_before=b.moves.rear_before,
            arrived=arrived,
            rear_arrived=b.moves.rear_arrived,
            returned=b.moves.returned + dt * morale_flows.came_back,
            drafted=b.moves.drafted,
            cadre=b.moves.cadre,
            seasoned=seasoned,
            hurt=dt * (fight.wounded + morale_flows.deserted),
            hurt_before=side.front.wounded + side.morale.deserters,
            wounded_returned=jnp.sum(b.moves.returned),
            loss_share=fight.loss_share,
            in_line=levers.time_in_line * b.war,
        ),
        p.training,
        dt,
    )
    lost_vehicles = arms.losses(side.arms, fight.loss_share, p.arms, dt)
    new_arms = arms.book(side.arms, lost_vehicles, taken, p.arms, dt)
    population = demography.at_home(side.demography)
    people_before = side.demography
    killed_by_cohort = jnp.sum(fight.killed, axis=0)
    killed_by_region = jnp.sum(demography.spread(killed_by_cohort, people_before.serving), axis=(0, 2, 3))
    dead_by_region = jnp.sum(people_before.dead, axis=0)
    disorder = (b.callup.wrongly_called_share + 1 - jnp.minimum(b.arms.equipment, 1.0)) / 2
    deaths = held(links.deaths, dead_by_region, 0.0), held(links.deaths, killed_by_region, 0.0)
    income = recruit_income(levers.pay - start.pay, jnp.sum(b.calls.volunteers, axis=(1, 2, 3)), population, setting)
    abroad = jnp.sum(people_before.abroad) + jnp.sum(people_before.women_abroad) + people_before.others_abroad
    new_command, command_out = command.write(
        side.command,
        command.Inputs(
            goal=b.goal,
            troops=front_out.troops,
            loss_share=fight.loss_share,
            recent_ground=new_front.recent_ground,
            candour=levers.candour,
            war=b.war,
            queue_share=b.training.queue_share,
            wrongly_called_share=b.callup.wrongly_called_share,
            equipment=b.arms.equipment,
            noise=noise.reports,
            revelations=given.luck.revelation,
        ),
        p.command,
        dt,
        structure,
    )
    new_society, society_out, leaving = society.step(
        side.society,
        society.Inputs(
            war=b.war,
            age_of_war=clock.age,
            decree_age=levers.decree_age,
            deaths=deaths[0],
            weekly_deaths=deaths[1],
            population=population,
            ground_won=held(links.ground, own_gain, 0.0),
            recent_ground=held(links.ground, new_front.recent_ground, 0.0),
            recruit_income=held(links.rally, income, 0.0),
            media_freedom=levers.media_freedom,
            revelation=command_out.revelation,
            real_wage=held(links.wage, b.economy.real_wage, 1.0),
            disorder=disorder,
            repression=levers.repression - start.repression,
            risk_index=held(links.risk, b.callup.risk_index, 0.0),
            border=levers.border,
            under_fire=levers.under_fire * b.war,
            abroad_share=abroad / jnp.sum(population),
        ),
        p.society,
        ground,
        dt,
        structure,
    )
    new_people, people_out = demography.step(
        people_before,
        demography.Inputs(
            inducted=b.calls.inducted,
            found=b.calls.found,
            volunteers=b.calls.volunteers,
            prisoners=b.calls.prisoners,
            outsiders=b.calls.outside_men + levers.allied_men,
            evaded=b.calls.evaded,
            forgiven=b.calls.forgiven,
            fled=b.calls.fled,
            killed=killed_by_cohort,
            discharged=b.moves.discharged / dt,
            gone=morale_flows.gone,
            leaving_men=leaving.men,
            fire_men=leaving.men_under_fire,
            fire_others=leaving.others_under_fire,
            companions=leaving.companions,
            returning=leaving.returning,
            real_wage=held(links.wage, b.economy.real_wage, 1.0),
            trust=held(links.trust, society_out.trust - p.society.trust_at_start, 0.0),
            under_fire=levers.under_fire * b.war,
            age_of_war=clock.age,
        ),
        setting,
        p.demography,
        dt,
    )
    distress = held(links.fiscal, b.economy.fiscal_distress, 0.0)
    new_regions, regions_out = regions.step(
        side.regions,
        regions.Inputs(
            killed=killed_by_region,
            dead=jnp.sum(new_people.dead, axis=0),
            men=jnp.sum(setting.men, axis=(1, 2, 3)),
            population=population,
            recruit_income=held(links.rally, income, 0.0),
            fiscal_distress=distress,
            security_at_home=levers.security_at_home,
            loyalty=side.regime.loyalty - p.regime.loyalty_at_start,
            ground_lost=lost_share(own_gain, setting),
            centre_fallen=side.regime.fallen * (side.regime.aftermath > 0),
            veterans=1000 * jnp.sum(side.front.wounded_total) * (1 - p.front.return_share) / jnp.sum(population),
            thresholds=given.luck.region,
            tracking=clock.tracking,
        ),
        setting,
        clock.age,
        replace(p.regions, diffusion=held(links.tide, p.regions.diffusion, 0.0)),
        dt,
        structure,
    )
    new_regime, regime_out = regime.step(
        side.regime,
        regime.Inputs(
            war=held(links.war_cohesion, b.war, 0.0),
            age_of_war=clock.age,
            recent_ground=held(links.ground, new_front.recent_ground, 0.0),
            output=b.economy.output,
            real_wage=b.economy.real_wage,
            decree_in_force=jnp.where(levers.decree_quota + levers.later_decree_quota > 0, 1.0, 0.0),
            punishment=new_command.punishment - p.command.punishment_at_start,
            export_price=levers.export_price,
            revelation=command_out.revelation,
            protest=society_out.protest,
            protest_at_start=p.society.protest_at_start,
            trust=held(links.trust, society_out.trust - p.society.trust_at_start, 0.0),
            fiscal_distress=distress,
            security_at_home=levers.security_at_home,
            branching_ratio=morale_out.branching_ratio - latest.branching_ratio,
            seceded=regions_out.seceded,
            leader_age=setting.leader_age,
            thresholds=given.luck.regime,
            coup_mark=given.luck.coup_mark,
            nonviolent_mark=given.luck.nonviolent_mark,
            overthrow_mark=given.luck.overthrow_mark,
            peace_mark=given.luck.peace_mark,
            tracking=clock.tracking,
        ),
        p.regime,
        dt,
        structure,
    )
    new = Side(
        callup=side.callup,
        training=new_training,
        front=new_front,
        morale=new_morale,
        command=new_command,
        society=new_society,
        demography=new_people,
        economy=side.economy,
        arms=new_arms,
        partners=side.partners,
        regions=new_regions,
        regime=new_regime,
        latest=Latest(
            killed_share=share(jnp.sum(killed_by_cohort), people_out.serving),
            loss_share=fight.loss_share,
            trust=society_out.trust,
            capacity=regions_out.capacity,
            real_wage=b.economy.real_wage,
            wrongly_called_share=b.callup.wrongly_called_share,
            aid=latest.aid,
            fiscal_distress=b.economy.fiscal_distress,
            adaptation=b.economy.adaptation,
            shells_made=b.arms.shells_made,
            held_men=side.callup.returning,
            branching_ratio=latest.branching_ratio,
            equipment=b.arms.equipment,
        ),
    )
    readings = {
        "people": people_out,
        "cohorts": cohorts(new, b, fight, morale_flows, intake_by_cohort(b.calls)),
        "callup": b.callup,
        "training": b.training,
        "front": front_out,
        "morale": morale_out,
        "command": command_out,
        "society": replace(society_out, emigration=people_out.emigration),
        "economy": b.economy,
        "arms": replace(b.arms, afv=new_arms.active[0] + new_arms.active[1], artillery=new_arms.active[2]),
        "partners": b.partners,
        "regions": regions_out,
        "regime": regime_out,
    }
    return new, readings


def recruit_income(pay_above, volunteers, population, setting):
    """Pay of new volunteers above a year's civil wage over the wages of the region [1]: per man at home, a year."""
    workers = population / 2
    return 52 * volunteers * jnp.maximum(pay_above, 0.0) / (workers * setting.relative_income)


def cohorts(side: Side, b: Before, fight, flows: morale.Flows, intake) -> Cohorts:
    """Readings by cohort."""
    troops = jnp.sum(side.front.troops, axis=0)
    captured = jnp.sum(flows.surrendered, axis=0)
    killed, wounded = jnp.sum(fight.killed, axis=0), jnp.sum(fight.wounded, axis=0)
    return Cohorts(
        troops=troops,
        losses=killed + wounded + captured,
        killed=killed,
        wounded=wounded,
        captured=captured,
        skill=share(jnp.sum(side.front.troops * side.training.skill, axis=0), troops),
        desertion_hazard=flows.desertion_hazard,
        called_up=intake,
        deserted=jnp.sum(flows.deserted, axis=0),
        surrendered=captured,
        in_training=training.present(side.training.men),
        strength=men_outside(side),
        morale=side.morale.morale,
    )


def week(world: World, levers: Pair, given: Pair, noise: Pair, ground: Ground, links: Pair, clock: Clock, dt, structure: Structure):
    """One week, both sides: (World, pair of readings). Every subsystem speaks of ONE side; only the front sees two."""
    contact = world.contact

    def first_half(side, gain, lever, g, n, link):
        return side_before(side, gain, contact.ceasefire, lever, g, n, link, clock, dt, structure)

    def second_half(half, fight, enemy, lever, g, n, link):
        side, b = half
        return side_after(side, b, fight, enemy, lever, g, n, link, clock, ground, dt, structure)

    halves = each(first_half, world.sides, pair(contact.gained, -contact.gained), levers, given, noise, links)
    forces, lines, parks = zip(*each(lambda h: (h[1].force, h[0].front, h[0].arms), halves).split(), strict=True)
    laws, works = zip(*each(lambda g: (g.params.front, g.params.arms), given).split(), strict=True)
    talks = jnp.maximum(*each(lambda lever: lever.talks, levers).split())
    fights, contact = front.engage(
        forces,
        lines,
        contact,
        ground,
        laws,
        talks,
        clock.after,
        dt,
        structure,
    )
    lost = [arms.losses(park, fight.loss_share, p, dt) for park, fight, p in zip(parks, fights, works, strict=True)]
    enemies = [
        (works[j].captured_share * lost[j], jnp.where(fights[j].breakthrough > 0, ground.attack_width, 0.0)) for j in (1, 0)
    ]
    done = each(second_half, halves, pair(*fights), pair(*enemies), levers, given, noise, links)
    return World(sides=each(lambda d: d[0], done), contact=contact), each(lambda d: d[1], done)
