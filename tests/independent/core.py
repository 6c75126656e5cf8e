"""A second implementation of front, training and morale in plain NumPy, written from the chapters in docs/model and not from the code.

It is driven by what the other subsystems send; `p` are parameters and `given` the week's inputs of one side, all with the draw as
first axis. Equation numbers are those of docs/model/training.md, front.md and morale.md. Steps are one week.
"""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
from numpy import exp, log

STANDING, DECREE, VOLUNTEER = 0, 1, 3
NEW, SEASONED = 0, 1


def smaller(limit, wanted):
    """Smooth minimum limit (1 - exp(-wanted / limit)), 0 where there is no limit."""
    safe = np.where(limit > 0, limit, 1.0)
    return np.where(limit > 0, limit * (1 - exp(-wanted / safe)), 0.0)


def passing(time):
    """Share of a stage of a delay that moves on in a week."""
    return np.minimum(1.0, 1 / time)


def come(felt, thresholds):
    """How often an event has come: past each threshold, and once with each unit of hazard behind the last."""
    return (felt[:, None] >= thresholds).sum(-1) + np.floor(np.fmax(felt - thresholds[:, -1], 0)).astype(int)


def approach(x, goal, time):
    return x + (goal - x) * (1 - exp(-1 / time))


def bent(x, low, high):
    """x kept smoothly within low and high."""
    middle, half = (low + high) / 2, (high - low) / 2
    return middle + half * np.tanh((x - middle) / half)


def sigmoid(x):
    return 1 / (1 + exp(-x))


def softplus(x):
    return np.logaddexp(0.0, x)


def by_odds(chance, factor):
    """A share whose odds are multiplied."""
    return chance * factor / (1 - chance + chance * factor)


def ratio(part, whole):
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 0.0)


def mean_of(*groups):
    """Mean skill of groups (men, skill) that join; the first group's skill where there are no men."""
    men = sum(n for n, _ in groups)
    return np.where(men > 0, sum(n * s for n, s in groups) / np.where(men > 0, men, 1.0), groups[0][1])


@dataclass
class Pipeline:
    """Men on courses by cohort."""

    waiting: np.ndarray
    full: np.ndarray  # [draw, stage, cohort]
    hasty: np.ndarray
    transfer: np.ndarray

    def move(self, intake, g, entering, tau, tau_h, tau_tr):
        """A week of the pipeline, eq. 1 to 3 and 6: (graduates of the full course, of the hasty track, arrivals)."""
        entered = (self.waiting + (1 - g) * intake) * entering
        self.waiting = self.waiting + (1 - g) * intake - entered
        long = tau >= 3
        early, late = np.where(long, passing(tau / 3), 1.0), np.where(long, passing(tau / 3), passing(tau))
        out = self.full * np.stack([early, early, late], axis=1)
        graduated = out[:, 2]
        self.full = self.full - out + np.stack([np.where(long, entered, 0.0), out[:, 0], out[:, 1] + np.where(long, 0.0, entered)], axis=1)
        at_once = g * intake * np.maximum(0.0, 1 - tau_h)
        left = self.hasty * passing(np.maximum(tau_h, 1.0))
        self.hasty = self.hasty + g * intake - at_once - left
        arrived = self.transfer * passing(tau_tr)
        self.transfer = self.transfer - arrived + graduated + at_once + left
        return graduated, at_once + left, arrived


@dataclass
class Side:
    """The state of one side: men, skill, spirit."""

    p: SimpleNamespace
    area_at_start: np.ndarray
    recent_ground: np.ndarray = field(init=False)

    def __post_init__(self):
        t, f, m = self.p.training, self.p.front, self.p.morale
        draws = len(f.theatre_at_start)
        zero, five, two = np.zeros(draws), np.zeros((draws, 5)), np.zeros((draws, 2, 5))
        self.troops, self.rear, self.wounded, self.deserters, self.captured = two.copy(), five.copy(), five.copy(), five.copy(), five.copy()
        self.troops[:, SEASONED, STANDING] = f.theatre_at_start
        self.rear[:, STANDING] = f.rear_at_start
        self.works, self.shock, self.recent_ground = f.works_at_start + zero, zero, zero
        self.hazard, self.survived, self.burst_left, self.burst_pace = zero, zero, zero, zero
        self.line = Pipeline(five.copy(), np.zeros((draws, 3, 5)), five.copy(), five.copy())
        self.first = Pipeline(five.copy(), np.zeros((draws, 3, 5)), five.copy(), five.copy())
        self.first_inducted, self.first_arrived = zero, zero
        self.instructors = t.instructors_at_start + zero
        self.leaders = t.leaders_at_start * f.theatre_at_start
        start = t.skill_at_start[:, None]
        self.skill, self.rear_skill, self.wounded_skill, self.transfer_skill = (
            start[..., None] + two,
            start + five,
            start + five,
            start + five,
        )
        self.exhaustion, self.service = five.copy(), five.copy()
        self.cohesion, self.morale = m.cohesion_at_start[:, None] + five, m.morale_at_start[:, None] + five
        self.cohesion[:, 1:] = m.cohesion_new[:, None]
        self.ybar, self.sbar, self.impunity = five.copy(), five.copy(), m.impunity_at_start + zero

    # training.md

    def train(self, given):
        """Courses of the week, eq. 1 to 6 and 8; men on the way to the theatre in self.arrived."""
        p, i = self.p.training, given.training
        g = by_odds(i.commitment, p.commitment_odds[:, None])
        tau, tau_h = i.course_length * p.course_length_factor[:, None], i.hasty_course_length * p.hasty_length_factor[:, None]
        waiting = self.line.waiting + (1 - g) * i.intake
        own = (p.trainees_limit * self.instructors)[:, None] / tau
        places = ratio(waiting, waiting.sum(1, keepdims=True)) * (own + i.partner_men[:, None])
        entering = ratio(smaller(places, waiting), waiting)
        by_cohort = self.line.full.sum(1) + self.line.hasty
        courses = by_cohort.sum(1)
        abroad = i.partner_men * ratio((by_cohort * tau).sum(1), courses)
        psi = 1 / (1 + courses * exp(-ratio(abroad, courses)) / self.instructors / p.trainees_half)
        experience = np.stack([p.skill_none, p.skill_served, p.skill_combat], axis=-1)
        s_0 = (1 - p.unfit_loss * i.wrongly_kept)[:, None] * (i.intake_skill * experience[:, None]).sum(-1)

        def graduate(time):
            return p.skill_full[:, None] - (p.skill_full[:, None] - s_0) * exp(-(p.learning_rate * psi)[:, None] * time)

        self.density = self.leaders / self.troops.sum((1, 2)) / p.leaders_at_start
        before = self.line.transfer
        full, hasty, self.arrived = self.line.move(i.intake, g, entering, tau, tau_h, p.transfer_time[:, None])
        self.arrival_skill = self.transfer_skill
        self.transfer_skill = mean_of((before - self.arrived, self.transfer_skill), (full, graduate(tau)), (hasty, graduate(tau_h)))
        sample = np.zeros_like(i.intake)
        sample[:, DECREE] = np.minimum(i.intake[:, DECREE], p.first_men - self.first_inducted)
        self.first_inducted = self.first_inducted + sample[:, DECREE]
        self.first_arrived = self.first_arrived + self.first.move(sample, g, entering, tau, tau_h, p.transfer_time[:, None])[2][:, DECREE]
        self.cadre = self.instructors * i.cadre_to_front
        self.instructors = self.instructors * (1 - i.cadre_to_front) * exp(-1 / p.instructor_time)

    def practise(self, skill, in_line):
        p = self.p.training
        up, down = p.field_learning_rate * in_line, p.decay_rate * (1 - in_line)
        rest, rate = (up * p.skill_full + down * p.skill_floor) / (up + down), up + down
        shape = (-1,) + (1,) * (skill.ndim - 1)
        return approach(skill, rest.reshape(shape), 1 / rate.reshape(shape))

    def join(self):
        """Skill once those who join are there, eq. 7."""
        m = self.moves
        new = mean_of((m.before[:, NEW], self.skill[:, NEW]), (m.arrived, self.arrival_skill))
        cadre = np.zeros_like(m.drafted)
        cadre[:, STANDING] = m.cadre
        full = np.broadcast_to(self.p.training.skill_full[:, None], cadre.shape)
        groups = (m.returned, self.wounded_skill), (m.drafted, self.rear_skill), (cadre, full)
        old = mean_of((m.before[:, SEASONED], self.skill[:, SEASONED]), *groups)
        self.skill = np.stack([new, old], axis=1)
        self.rear_skill = mean_of((m.rear_before - m.drafted - cadre, self.rear_skill), (m.rear_arrived, self.arrival_skill))

    def learn(self, given):
        """Skill goes with the men, leaders and instructors change, eq. 7 to 9."""
        p = self.p.training
        new, old, pool = self.skill[:, NEW], self.skill[:, SEASONED], self.wounded_skill
        stayed = self.troops[:, SEASONED] - self.became - self.came_back
        promoted = p.promotion_rate * (old * stayed).sum(1)
        in_pool = self.wounded + self.deserters - self.hurt.sum(1)
        self.wounded_skill = mean_of((in_pool, pool), (self.hurt[:, NEW], new), (self.hurt[:, SEASONED], old))
        old = mean_of((stayed, old), (self.became, new), (self.came_back, pool))
        u = given.time_in_line * given.war
        self.skill, self.rear_skill = self.practise(np.stack([new, old], axis=1), u), self.practise(self.rear_skill, 0 * u)
        self.leaders = self.leaders * exp(-p.leader_loss_ratio * self.loss_share) + promoted + p.academy_output
        self.leaders = np.minimum(self.leaders, (stayed + self.became + self.troops[:, NEW]).sum(1))
        self.instructors = self.instructors + p.instructor_return * self.moves.returned.sum(1)

    # front.md

    def reinforce(self, given):
        """Arrivals, drafts and returning wounded join before the fight, eq. 1; care, eq. 6."""
        p, m = self.p.front, self.p.morale
        before, rear_before = self.troops.copy(), self.rear.copy()
        sent = by_odds(given.theatre_share, p.theatre_share_odds)[:, None] * self.arrived
        rear_arrived = self.arrived - sent
        sent[:, VOLUNTEER] += given.allied_men
        left = self.wounded * (1 - exp(-1 / p.wound_time))[:, None]
        psychiatric = given.forward_care * m.psychiatric_return_forward + (1 - given.forward_care) * m.psychiatric_return_rear
        back = left * ((1 - m.psychiatric_share) * p.return_share + m.psychiatric_share * psychiatric)[:, None]
        short = sigmoid((given.goal / self.troops.sum((1, 2)) - 1) / p.rear_draft_width)
        drafted = self.rear * (1 - exp(-p.rear_draft_rate * short))[:, None]
        cadre = np.minimum(self.cadre, (self.rear - drafted)[:, STANDING])
        self.wounded = self.wounded - left
        self.rear = self.rear - drafted + rear_arrived
        self.rear[:, STANDING] -= cadre
        self.troops[:, NEW] += sent
        self.troops[:, SEASONED] += back + drafted
        self.troops[:, SEASONED, STANDING] += cadre
        self.moves = SimpleNamespace(
            before=before, rear_before=rear_before, arrived=sent, rear_arrived=rear_arrived, returned=back, drafted=drafted,
            cadre=cadre,
        )  # fmt: skip

    def deploy(self, given, ground):
        """Men engaged and their quality, eq. 1 to 3."""
        p, i = self.p.front, given.front
        self.men = self.troops.sum((1, 2))
        self.in_line = p.in_line_share * i.time_in_line / p.usual_time_in_line * self.men
        self.engaged = smaller(ground.front_length * p.density_limit, self.in_line)
        self.fires = p.fire_floor + p.shell_fire * (i.shells_fired / p.reference_fire) ** p.fire_exponent + p.drone_fire * i.drones
        self.mean_skill = (self.troops * self.skill).sum((1, 2)) / self.men
        spirit = (self.troops.sum(1) * self.morale).sum(1) / self.men
        coordination = given.coordination * exp(-self.p.morale.coercion_initiative * given.coercion)
        self.quality = exp(
            p.skill_weight * log(self.mean_skill / p.reference_skill)
            + p.leader_weight * log(self.density)
            + p.equipment_weight * log(i.equipment)
            + p.fire_weight * log(self.fires)
            + p.coordination_weight * log(coordination)
            + p.morale_weight * log(spirit / p.reference_morale)
            + p.home_soil_bonus * i.home_soil
        )
        self.power = self.engaged * self.quality

    def fight(self, enemy, given, enemy_given, ground, gain, tracking):
        """Losses, ground wanted and breakthroughs, eq. 4 to 8."""
        p, i, e = self.p.front, given.front, enemy_given.front
        lethality = (e.fire_mix * np.stack([p.manoeuvre_lethality, p.artillery_lethality, p.drone_lethality], -1)).sum(-1)
        y = np.maximum(i.goal / self.men, e.goal / enemy.men)
        pace = p.pace_floor + (1 - p.pace_floor) * (1 + y**p.pace_sharpness) ** (-1 / p.pace_sharpness)
        self.intensity = p.joint_intensity * (i.intensity + e.intensity) * pace
        self.next_shock = p.shock_memory * self.shock + p.shock_sd * np.sqrt(1 - p.shock_memory**2) * i.noise
        rate = p.loss_rate * lethality * self.intensity * exp(self.p.morale.coercion_losses * given.coercion)
        rate = rate * p.posture_ratio ** ((i.attack_share - e.attack_share) / 2)
        rate = rate * (self.engaged / enemy.engaged) ** -p.number_exponent * (self.quality / enemy.quality) ** -p.quality_exponent
        rate = rate * (1 + p.exposure_slope * enemy.fires * (1 - self.mean_skill)) * exp(self.next_shock)
        rate = rate * exp(p.works_shelter * (p.works_limit - self.works))
        share = self.engaged * rate + p.rear_loss_rate * np.minimum(self.intensity, 1.0) * (self.men - self.engaged)
        share = share / self.men
        cohort = np.stack([p.exposure_standing, p.exposure_decree, p.exposure_decree, p.exposure_volunteer, p.exposure_prisoner], axis=-1)
        exposure = cohort[:, None, :] * np.stack([p.new_men_risk, np.ones_like(p.new_men_risk)], axis=-1)[:, :, None]
        mean = (self.troops * exposure).sum((1, 2)) / self.men
        lost = self.troops * (1 - exp(-share[:, None, None] * exposure / mean[:, None, None]))
        wounded_per_killed = np.stack([p.manoeuvre_wounded, p.artillery_wounded, p.drone_wounded], axis=-1)
        killed = np.minimum(1.0, p.killed_factor * (e.fire_mix / (1 + wounded_per_killed)).sum(-1))[:, None, None]
        self.killed, self.hit = lost * killed, lost * (1 - killed)
        self.loss_share = lost.sum((1, 2)) / self.men
        relative = log(self.power / enemy.power)
        b = bent(p.advance_power * relative - p.advance_works * (enemy.works - p.works_limit), p.advance_slowest, p.advance_fastest)
        width = ground.front_length * ground.attack_width
        advance = width * p.advance_speed * exp(b) * i.attack_share * i.intensity
        yearly = p.breakthrough_rate * i.attack_share * i.intensity
        yearly = yearly * exp(np.minimum(2.0, p.breakthrough_power * relative - p.breakthrough_works * enemy.works))
        before = come(self.hazard - self.survived, i.breakthroughs)
        self.hazard = self.hazard + yearly / 52
        self.next_survived = np.where(tracking, self.hazard, self.survived)
        after = come(self.hazard - self.next_survived, i.breakthroughs)
        marks = np.concatenate([i.breakthrough_marks, np.zeros((len(before), 1))], axis=-1)  # the middle size once the marks are used up
        mark = np.take_along_axis(marks, np.minimum(before, marks.shape[-1] - 1)[:, None], -1)[:, 0]
        size = np.where(after > before, p.breakthrough_size * exp(p.breakthrough_spread * mark), 0.0)
        self.next_left = self.burst_left + size
        self.next_pace = np.where(size > 0, self.next_left / p.breakthrough_time, self.burst_pace)
        burst = np.where(i.intensity > 0, np.minimum(self.next_left, self.next_pace), 0.0)
        self.next_left = self.next_left - burst
        wanted = advance + burst + i.forced_advance + e.withdrawal
        self.broke = burst + i.forced_advance
        self.taken = np.minimum(wanted, enemy.area_at_start - gain)

    def book(self, given, ground, enemy):
        """Losses leave, new men become seasoned, works grow, ground is felt, eq. 5 to 7."""
        p = self.p.front
        self.troops = self.troops - self.killed - self.hit - self.deserted - self.surrendered
        self.became = self.troops[:, NEW] * (1 - exp(-1 / p.seasoning_time))[:, None]
        self.troops[:, NEW] -= self.became
        self.troops[:, SEASONED] += self.became + self.came_back
        self.wounded = self.wounded + self.hit.sum(1)
        self.hurt = self.hit + self.deserted
        self.works = self.works + (1 - given.front.attack_share) * (p.works_limit - self.works) * (1 - exp(-1 / p.works_time))
        self.shock, self.survived, self.burst_left, self.burst_pace = self.next_shock, self.next_survived, self.next_left, self.next_pace
        felt = bent((self.taken - enemy.taken) * p.ground_memory / ground.reference_area, -p.ground_limit, p.ground_limit)
        self.recent_ground = approach(self.recent_ground, felt, p.ground_memory)

    # morale.md

    def endure(self, given, enemy, ground):
        """Wear, morale, desertion and surrender of the week."""
        p, i = self.p.morale, given.morale
        at_fight = self.troops.sum(1)
        lost = (self.killed + self.hit).sum(1)
        f, phi = ratio(lost, at_fight), ratio(self.moves.arrived, at_fight)
        mixed = 1 - at_fight.max(1) / at_fight.sum(1)
        u, war = given.time_in_line, given.war[:, None]
        pocket = np.where(enemy.broke > 0, ground.attack_width, 0.0)

        def column(x):
            return x[:, None]

        left = self.troops - self.killed - self.hit
        men = left.sum(1)
        k_d = 1 + column(p.desertion_contagion) * self.ybar / (1 + self.ybar / column(p.contagion_limit))
        k_s = 1 + column(p.surrender_contagion) * self.sbar / (1 + self.sbar / column(p.contagion_limit))
        gap = 0.5 - self.morale
        h_d = (
            column(p.desertion_rate * p.opportunity)
            * k_d
            * exp(
                column(p.desertion_morale) * gap
                + column(p.impunity_desertion * (self.impunity - p.impunity_at_start) - p.coercion_desertion * given.coercion)
            )
        )
        h_s = column(p.surrender_rate * (1 + (p.pocket_surrender - 1) * pocket)) * k_s * war
        h_s = h_s * exp(column(p.surrender_morale) * gap - column(p.coercion_surrender * given.coercion))
        going = left * (1 - exp(-(h_d + h_s)))[:, None, :]
        self.deserted, self.surrendered = going * (h_d / (h_d + h_s))[:, None, :], going * (h_s / (h_d + h_s))[:, None, :]

        worn = self.exhaustion + column(1 - exp(-u * self.intensity / p.exhaustion_time)) * (1 - self.exhaustion)
        worn = worn - column(1 - exp(-(1 - u) / p.recovery_time)) * self.exhaustion
        self.exhaustion = (1 - phi) * worn + phi * column(p.exhaustion_new * self.intensity)
        bond = approach(self.cohesion, column(p.cohesion_limit), column(p.cohesion_time))
        bond = bond * exp(-(column(p.turnover_loss) * f + column(p.mixed_loss * mixed)))
        bond = bond + (column(p.cohesion_new) - bond) * (1 - exp(-column(p.turnover_loss) * phi))
        self.cohesion = np.where(war > 0, bond, self.cohesion)
        self.service = (1 - phi) * (self.service + war)
        span = column(p.service_span)
        s_v = log(1 + softplus((self.service - span) / span) - softplus(-1.0))
        age = i.decree_age
        shock = np.where(age >= 0, exp(-np.maximum(age, 0.0) / p.decree_memory), 0.0)
        m_0 = p.morale_at_start
        aim = column(
            log(m_0 / (1 - m_0)) + p.equipment_morale * log(i.equipment) + p.trust_morale * i.trust
            + p.ground_morale * self.recent_ground + p.pay_morale * log(i.pay) - p.grievance_morale * i.grievance
            - p.wrong_morale * i.wrongly_called_share - p.decree_morale * shock
        )  # fmt: skip
        aim = (
            aim + column(p.cohesion_morale) * (self.cohesion - column(p.cohesion_at_start)) - column(p.exhaustion_morale) * self.exhaustion
        )
        aim = aim - column(p.loss_morale) * f - column(p.service_morale) * s_v
        self.morale = approach(self.morale, sigmoid(aim), column(p.morale_time))

        def remembered(old, gone):
            own, army = ratio(gone.sum(1), men), gone.sum((1, 2)) / men.sum(1)
            w = column(p.own_cohort_weight)
            return approach(old, w * own + (1 - w) * column(army), column(p.precedent_memory))

        self.ybar, self.sbar = remembered(self.ybar, self.deserted), remembered(self.sbar, self.surrendered)
        rates = column(p.return_rate + p.gone_rate)
        out = self.deserters * (1 - exp(-rates))
        self.came_back = out * column(p.return_rate) / rates
        self.deserters = self.deserters - out + self.deserted.sum(1)
        self.captured = self.captured + self.surrendered.sum(1)
        total = self.deserted.sum((1, 2))
        tried = p.court_capacity * (1 - exp(-total / p.court_capacity))
        self.impunity = np.where(total > 0, approach(self.impunity, 1 - ratio(tried, total), p.precedent_memory), self.impunity)


def week(sides, given, ground, gained, tracking):
    """One week of both sides; `gained` is the area that the first has won: (area won after the week)."""
    pairs = ((sides[0], sides[1], given[0], given[1], gained), (sides[1], sides[0], given[1], given[0], -gained))
    for own, _, g, _, _ in pairs:
        own.train(g)
        own.reinforce(g)
        own.join()
        own.deploy(g, ground)
    for own, enemy, g, enemy_g, gain in pairs:
        own.fight(enemy, g, enemy_g, ground, gain, tracking)
    for own, enemy, g, _, _ in pairs:
        own.endure(g, enemy, ground)
    for own, enemy, g, _, _ in pairs:
        own.book(g, ground, enemy)
        own.learn(g)
    return gained + sides[0].taken - sides[1].taken
