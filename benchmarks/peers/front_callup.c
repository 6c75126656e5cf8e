// One week of the front and of call-up for a lane of draws, written by hand from docs/model/front.md and docs/model/callup.md.
//
// What Muster's batch of front.engage (both sides in one call) and of before.call (one side in a call) computes, in the default
// structure only: the war goes on after the last observation. arrays.h is made by kernel.py: the records that the two functions take
// and give, as structs of the same names, each field an array with the draw as its last axis. DRAWS, AGES and OCCURRENCES are lengths
// of axes, known when this is compiled as they are known to Muster's compiler.
#include <math.h>

#include "arrays.h"

enum { SIDES = 2, STAGES = 2, COHORTS = 5, FIRES = 3, SKILLS = 2, EXPERIENCES = 3, CHANNELS = 2 };
enum { MANOEUVRE, ARTILLERY, DRONE };
enum { STANDING, DECREE, LATER_DECREE, VOLUNTEER, PRISONER };
enum { NEW, SEASONED };
enum { SKILLED, OTHERS };
enum { NONE, SERVED, COMBAT };
enum { MOST_REGIONS = 128 };

#define WEEKS_A_YEAR 52.0
#define LEAST_BASE 1e-12              // of a power, which keeps the logarithm finite
#define LEAST_QUALITY 1.17549435e-38  // of skill, leaders and equipment in the logarithm of quality
#define LEAST_STAFFED 1e-3            // men over the goal, in the staffing factor
#define ONE_MAN 1.0                   // for whom a force of nobody counts against its goal
#define LEAST_POWER 1e-3              // men times quality, below which no power is told from none
#define LEAST_COMPLYING 0.01          // share of notices that are complied with at the risk of a decree
#define MOST_LOG_HAZARD 2.0           // of a breakthrough (front, eq. 8)
#define MOST_OF_A_CELL 0.5            // of men of one experience, in notices of a step (call-up, eq. 4)

#define INLINE static inline __attribute__((always_inline))

INLINE double smaller(double a, double b) { return a < b ? a : b; }
INLINE double larger(double a, double b) { return a > b ? a : b; }
INLINE double ratio_or_zero(double part, double whole) { return whole > 0 ? part / whole : 0.0; }
INLINE double saturate(double limit, double wanted) { return limit > 0 ? -limit * expm1(-wanted / limit) : 0.0; }
INLINE double power(double base, double exponent) { return exp(exponent * log(larger(base, LEAST_BASE))); }
INLINE double approach(double x, double target, double time, double dt) { return x - (target - x) * expm1(-dt / time); }
INLINE double held(double cut, double value, double start) { return value + cut * (start - value); }

INLINE double between(double x, double low, double high) {
  const double middle = (low + high) / 2, half = (high - low) / 2;
  return middle + half * tanh((x - middle) / half);
}

// Sum over the leading axes of one draw's numbers.
INLINE double summed(const double *values, int count, int draw) {
  double sum = 0;
#pragma GCC unroll 16
  for (int k = 0; k < count; k++) sum += values[k * DRAWS + draw];
  return sum;
}

// ---- Front -------------------------------------------------------------------------------------------------------------------------

typedef struct {
  double total, skill, in_line, engaged, quality, power, short_of_goal;
} Force;

typedef __typeof__(((engage_given *)0)->sides[0]) Side;
typedef __typeof__(((engage_given *)0)->states[0]) Line;
typedef __typeof__(((engage_given *)0)->params[0]) Law;
typedef __typeof__(((engage_given *)0)->ground) Ground;
typedef __typeof__(((engage_found *)0)->fights[0]) Fight;

// Fires index, eq. 3; the enemy's fires are weighed by the own law where they wound.
INLINE double fires(const Side *side, const Law *p, int i) {
  const double shells = p->shell_fire[i] * power(side->shells_fired[i] / p->reference_fire[i], p->fire_exponent[i]);
  return p->fire_floor[i] + shells + p->drone_fire[i] * side->drones[i];
}

// Who fights and how well, eq. 1 and 2.
INLINE Force force_of(const Side *side, const Law *p, const Ground *ground, int i) {
  Force force;
  double skilled = 0;
#pragma GCC unroll 16
  for (int k = 0; k < STAGES * COHORTS; k++) skilled += side->troops[k * DRAWS + i] * side->skill[k * DRAWS + i];
  force.total = summed(side->troops, STAGES * COHORTS, i);
  force.skill = ratio_or_zero(skilled, force.total);
  force.in_line = p->in_line_share[i] * side->time_in_line[i] / p->usual_time_in_line[i] * force.total;
  force.engaged = saturate(ground->front_length[i] * p->density_limit[i], force.in_line);
  force.quality = exp(p->skill_weight[i] * log(larger(force.skill, LEAST_QUALITY) / p->reference_skill[i])
                      + p->leader_weight[i] * log(larger(side->leaders[i], LEAST_QUALITY))
                      + p->equipment_weight[i] * log(larger(side->equipment[i], LEAST_QUALITY))
                      + p->fire_weight[i] * log(fires(side, p, i))
                      + p->coordination_weight[i] * log(side->coordination[i])
                      + p->morale_weight[i] * log(side->morale[i] / p->reference_morale[i])
                      + p->home_soil_bonus[i] * side->home_soil[i]);
  force.power = force.engaged * force.quality;
  force.short_of_goal = side->goal[i] / larger(force.total, ONE_MAN);
  return force;
}

// How many thresholds a cumulated hazard has passed.
INLINE double passed(double hazard, const double *thresholds, int i) {
  double count = 0;
#pragma GCC unroll 16
  for (int k = 0; k < OCCURRENCES; k++) count += hazard >= thresholds[k * DRAWS + i] ? 1.0 : 0.0;
  return count + floor(larger(hazard - thresholds[(OCCURRENCES - 1) * DRAWS + i], 0.0));
}

// Eq. 4 to 8 for one side: fills its fight but for what both sides share, and returns the ground [km2/week] that it would take.
INLINE double one_side(const Side *own, const Side *enemy, Force mine, Force theirs, const Line *line, double enemy_works, const Law *p,
                       const Ground *ground, double going_on, double tracking, double dt, const Fight *fight, double *lost, int i) {
  const double intensity_here = own->intensity[i] * going_on, forced = own->forced_advance[i] * going_on;

  const double memory = power(p->shock_memory[i], dt);
  const double shock = memory * line->loss_shock[i] + p->shock_sd[i] * sqrt(1 - memory * memory) * own->noise[i];
  const double shorter = larger(mine.short_of_goal, theirs.short_of_goal);
  const double fall = power(1 + power(shorter, p->pace_sharpness[i]), -1 / p->pace_sharpness[i]);
  const double pace = p->pace_floor[i] + (1 - p->pace_floor[i]) * fall;
  const double intensity = p->joint_intensity[i] * (intensity_here + enemy->intensity[i] * going_on) * pace;

  const double *mix = enemy->fire_mix;
  const double lethality = mix[MANOEUVRE * DRAWS + i] * p->manoeuvre_lethality[i] + mix[ARTILLERY * DRAWS + i] * p->artillery_lethality[i]
                           + mix[DRONE * DRAWS + i] * p->drone_lethality[i];
  const double attack = own->attack_share[i] - enemy->attack_share[i];
  const double numbers = ratio_or_zero(mine.engaged, theirs.engaged), qualities = mine.quality / theirs.quality;
  // the powers of eq. 4 in one exponential
  const double even = exp(attack / 2 * log(larger(p->posture_ratio[i], LEAST_BASE))
                          - p->number_exponent[i] * log(larger(numbers, LEAST_BASE))
                          - p->quality_exponent[i] * log(larger(qualities, LEAST_BASE))
                          + p->works_shelter[i] * (p->works_limit[i] - line->fortification[i]) + shock);
  const double exposed = 1 + p->exposure_slope[i] * fires(enemy, p, i) * (1 - mine.skill);
  const double rate = p->loss_rate[i] * lethality * intensity * own->coercion_losses[i] * even * exposed;
  const double fought = theirs.engaged > 0 ? mine.engaged * rate : 0.0;
  const double behind = p->rear_loss_rate[i] * smaller(intensity, 1.0) * (mine.total - mine.engaged);
  const double loss_share = ratio_or_zero(fought + behind, mine.total);

  const double exposure[COHORTS] = {
      [STANDING] = p->exposure_standing[i], [DECREE] = p->exposure_decree[i], [LATER_DECREE] = p->exposure_decree[i],
      [VOLUNTEER] = p->exposure_volunteer[i], [PRISONER] = p->exposure_prisoner[i]};
  double risks = 0;
#pragma GCC unroll 16
  for (int k = 0; k < COHORTS; k++)
    risks += (own->troops[(NEW * COHORTS + k) * DRAWS + i] * p->new_men_risk[i] + own->troops[(SEASONED * COHORTS + k) * DRAWS + i])
             * exposure[k];
  const double mean = ratio_or_zero(risks, mine.total);
  const double steady = mean > 0 ? -loss_share * dt / mean : 0.0;
  const double killed_share =
      smaller(p->killed_factor[i] * (mix[MANOEUVRE * DRAWS + i] / (1 + p->manoeuvre_wounded[i])
                                     + mix[ARTILLERY * DRAWS + i] / (1 + p->artillery_wounded[i])
                                     + mix[DRONE * DRAWS + i] / (1 + p->drone_wounded[i])), 1.0);
  double losses = 0;
#pragma GCC unroll 16
  for (int k = 0; k < STAGES * COHORTS; k++) {
    const double risk = exposure[k % COHORTS] * (k / COHORTS == NEW ? p->new_men_risk[i] : 1.0);
    const double gone = -own->troops[k * DRAWS + i] * expm1(steady * risk) / dt;
    fight->killed[k * DRAWS + i] = killed_share * gone;
    fight->wounded[k * DRAWS + i] = gone - killed_share * gone;
    losses += gone;
  }
  *lost = losses;

  const double log_power = log(larger(mine.power, LEAST_POWER) / larger(theirs.power, LEAST_POWER)), there = mine.engaged > 0 ? 1.0 : 0.0;
  const double log_hazard = p->breakthrough_power[i] * log_power - p->breakthrough_works[i] * enemy_works;
  const double yearly = p->breakthrough_rate[i] * own->attack_share[i] * intensity_here * exp(smaller(log_hazard, MOST_LOG_HAZARD));
  const double hazard = line->breakthrough_hazard[i] + there * yearly * dt / WEEKS_A_YEAR;
  const double before = passed(line->breakthrough_hazard[i] - line->breakthrough_survived[i], own->breakthroughs, i);
  const double survived = tracking > 0 ? hazard : line->breakthrough_survived[i];
  const int comes = passed(hazard - survived, own->breakthroughs, i) > before;
  double mark = 0;
#pragma GCC unroll 16
  for (int k = 0; k < OCCURRENCES; k++) mark += k == before ? own->breakthrough_marks[k * DRAWS + i] : 0.0;
  const double size = p->breakthrough_size[i] * exp(p->breakthrough_spread[i] * mark);
  const double left = line->breakthrough_left[i] + (comes ? size : 0.0);
  const double speed = comes ? left / p->breakthrough_time[i] : line->breakthrough_pace[i];
  const double burst = intensity_here > 0 ? smaller(speed, left / dt) : 0.0;

  fight->loss_share[i] = ratio_or_zero(losses, mine.total);
  fight->quality[i] = mine.quality;
  fight->power[i] = mine.power;
  fight->line_density[i] = mine.in_line / ground->front_length[i];
  fight->intensity[i] = intensity;
  fight->breakthrough[i] = burst + forced;
  fight->breakthrough_hazard[i] = hazard;
  fight->breakthrough_survived[i] = survived;
  fight->breakthrough_left[i] = left - dt * burst;
  fight->breakthrough_pace[i] = speed;
  fight->loss_shock[i] = shock;

  const double log_speed = p->advance_power[i] * log_power - p->advance_works[i] * (enemy_works - p->works_limit[i]);
  const double advance = p->advance_speed[i] * exp(between(log_speed, p->advance_slowest[i], p->advance_fastest[i]));
  const double thrust = ground->front_length[i] * ground->attack_width[i] * advance * own->attack_share[i] * intensity_here;
  return there * thrust + burst + forced + enemy->withdrawal[i];
}

// The week's fighting of both sides.
static void engage(const engage_given *restrict given, const engage_found *restrict found, double dt) {
  const Side a = given->sides[0], b = given->sides[1];
  const Line line_a = given->states[0], line_b = given->states[1];
  const Law law_a = given->params[0], law_b = given->params[1];
  const Ground ground = given->ground;
  const Fight fight_a = found->fights[0], fight_b = found->fights[1];
#pragma omp simd
  for (int i = 0; i < DRAWS; i++) {
    const double going_on = 1 - given->contact.ceasefire[i], tracking = given->tracking[i], gained = given->contact.gained[i];
    const Force force_a = force_of(&a, &law_a, &ground, i), force_b = force_of(&b, &law_b, &ground, i);
    double lost_a, lost_b;
    const double wanted_a = one_side(&a, &b, force_a, force_b, &line_a, line_b.fortification[i], &law_a, &ground, going_on, tracking, dt,
                                     &fight_a, &lost_a, i);
    const double wanted_b = one_side(&b, &a, force_b, force_a, &line_b, line_a.fortification[i], &law_b, &ground, going_on, tracking, dt,
                                     &fight_b, &lost_b, i);
    const double taken_a = smaller(wanted_a, (b.area_at_start[i] - gained) / dt);
    const double taken_b = smaller(wanted_b, (a.area_at_start[i] + gained) / dt);
    const double net = taken_a - taken_b, gained_now = gained + dt * net;
    const double talked = larger(given->talks[i], 0.0) * law_a.ceasefire_rate[i] * dt / WEEKS_A_YEAR;
    const double hazard = given->contact.ceasefire_hazard[i] + talked, threshold = given->contact.ceasefire_threshold[i];
    found->contact.gained[i] = gained_now;
    found->contact.ceasefire_hazard[i] = hazard;
    found->contact.ceasefire_threshold[i] = threshold;
    found->contact.ceasefire[i] = hazard >= threshold ? 1.0 : given->contact.ceasefire[i];
    fight_a.exchange[i] = ratio_or_zero(lost_a, lost_b);
    fight_b.exchange[i] = ratio_or_zero(lost_b, lost_a);
    fight_a.area[i] = a.area_at_start[i] + gained_now;
    fight_b.area[i] = b.area_at_start[i] - gained_now;
    fight_a.net_ground[i] = net;
    fight_b.net_ground[i] = -net;
  }
}

// ---- Call-up -----------------------------------------------------------------------------------------------------------------------

typedef double Row[DRAWS];

// What does not differ between the regions of a draw.
typedef struct {
  Row risk, skilled_share, capacity_rate, fear_of_risk, evade, flee[SKILLS], chance[EXPERIENCES], quota[CHANNELS], gone_share, found_share,
      forgiven_share, volunteer_rate, death_risk;
} Nation;

// Sums over regions.
typedef struct {
  Row registered, skilled, weight, pay_weight, inducted, found, evaded, fled, wrongly, notices, volunteers, unserved, backlog;
  Row experience[EXPERIENCES];
} Sums;

// Perceived risk, quotas, choices: eq. 1, 2, 4, 6, 8 as far as they are the nation's.
static void nation_of(const call_given *restrict given, const Sums *restrict sums, double men, double dt, Nation *restrict nation) {
  const __typeof__(given->here.given.params.callup) *p = &given->here.given.params.callup;
  const __typeof__(given->here.given.params.front) *law = &given->here.given.params.front;
  const __typeof__(given->here.levers) *levers = &given->here.levers;
  const __typeof__(given->here.given.start) *start = &given->here.given.start;
  const __typeof__(given->here.links) *cut = &given->here.links;
  const __typeof__(given->side.latest) *latest = &given->side.latest;
#pragma omp simd
  for (int i = 0; i < DRAWS; i++) {
    const double death_rate = WEEKS_A_YEAR * held(cut->risk[i], latest->killed_share[i], 0.0);
    const double death_risk = approach(given->side.callup.death_risk[i], death_rate, p->risk_memory[i], dt);
    const double risk = log1p(death_risk / p->risk_scale[i]);
    nation->death_risk[i] = death_risk;
    nation->risk[i] = risk;

    const double ordered = given->picture.call_up[i] * levers->standing_call_up[i] * given->here.war[i];
    nation->quota[0][i] = (p->cap_ratio[i] * levers->decree_quota[i] + ordered) / sums->weight[i];
    nation->quota[1][i] = p->cap_ratio[i] * levers->later_decree_quota[i] / sums->weight[i];
    nation->capacity_rate[i] = p->office_capacity[i] * held(cut->centre[i], latest->capacity[i], 1.0);

    const double first = levers->selection[i];
    nation->chance[NONE][i] = p->reach_none[i];
    nation->chance[SERVED][i] = exp(first * p->served_weight[i]) * p->reach_served[i];
    nation->chance[COMBAT][i] = exp(first * p->combat_weight[i]) * p->reach_combat[i];

    const double comply = larger(1 - p->evade_share[i] - p->flee_share[i], LEAST_COMPLYING);
    const double severity = levers->penal_severity[i] - start->penal_severity[i], border = levers->border[i] - start->border[i];
    const double skilled_share = ratio_or_zero(sums->skilled[i], sums->registered[i]);
    // sums in one exponential: exp(a) * exp(b) becomes a call that gcc does not vectorise
    const double flee = p->flee_share[i] / comply, closed = p->border_flight[i] * border;
    nation->fear_of_risk[i] = p->risk_evasion[i] * (risk - p->decree_risk[i]);
    nation->evade[i] = p->evade_share[i] / comply * exp(-p->penalty_evasion[i] * severity);
    nation->flee[SKILLED][i] = flee * exp(p->skill_flight[i] * (1 - skilled_share) - closed);
    nation->flee[OTHERS][i] = flee * exp(-p->skill_flight[i] * skilled_share - closed);

    const double hazards = p->detection_rate[i] + p->forgiveness_rate[i];
    nation->gone_share[i] = -expm1(-hazards * dt);
    nation->found_share[i] = ratio_or_zero(p->detection_rate[i], hazards);
    nation->forgiven_share[i] = ratio_or_zero(p->forgiveness_rate[i], hazards);

    const double low = law->staffing_low[i], high = law->staffing_high_volunteer[i];
    const double staffed = larger(ratio_or_zero(summed(given->side.front.troops, STAGES * COHORTS, i), given->here.goal[i]), LEAST_STAFFED);
    const double missing = power(staffed, (high - low) / ((1 - low) * (high - 1)));
    const double staffing = held(cut->staffing[i], low + (high - low) / (1 + (high - 1) / (1 - low) * missing), 1.0);
    const double wage = held(cut->wage[i], latest->real_wage[i], 1.0);
    const double log_pay = p->pay_elasticity[i] * log(held(cut->pay[i], levers->pay[i], start->pay[i]) / wage);
    const double supply = p->volunteer_rate[i] * exp(log_pay - p->risk_volunteering[i] * risk) * staffing;
    nation->volunteer_rate[i] = supply * ratio_or_zero(men, sums->pay_weight[i]);
  }
}

// One week of call-up of one side.
static void call(const call_given *restrict given, const call_found *restrict found, int regions, double dt) {
  static Row weight[MOST_REGIONS], pay_weight[MOST_REGIONS];
  Sums sums = {0};
  Nation nation;
  const __typeof__(given->here.given.params.callup) *p = &given->here.given.params.callup;
  const __typeof__(given->here.given.setting) *setting = &given->here.given.setting;
  const double *rule = given->here.levers.quota_rule, *eligible = given->side.demography.margins.eligible;
  double all_men = 0;

  for (int r = 0; r < regions; r++) {
    const double *here = eligible + r * SKILLS * EXPERIENCES * DRAWS;
    const double *poverty = setting->poverty + r * DRAWS, *titular = setting->titular_share + r * DRAWS;
    const double *income = setting->relative_income + r * DRAWS;
    double men = 0;
    for (int k = 0; k < AGES * SKILLS * EXPERIENCES; k++) men += setting->men[r * AGES * SKILLS * EXPERIENCES + k];
    all_men += men;
#pragma omp simd
    for (int i = 0; i < DRAWS; i++) {
      const double skilled = summed(here, EXPERIENCES, i);
      const double registered = skilled + summed(here + EXPERIENCES * DRAWS, EXPERIENCES, i);
      const double tilt = p->poverty_quota[i] * poverty[i] + p->titular_quota[i] * titular[i];
      weight[r][i] = registered * exp(rule[i] * tilt);
      pay_weight[r][i] = exp(-p->pay_elasticity[i] * log(income[i]));
      sums.registered[i] += registered;
      sums.skilled[i] += skilled;
      sums.weight[i] += weight[r][i];
      sums.pay_weight[i] += men * pay_weight[r][i];
    }
  }
  nation_of(given, &sums, all_men, dt, &nation);

  const double *trust_cut = given->here.links.trust, *trust_at_start = given->here.given.params.society.trust_at_start;
  for (int r = 0; r < regions; r++) {
    const double *here = eligible + r * SKILLS * EXPERIENCES * DRAWS;
    const double *evading = given->side.demography.margins.evading + r * DRAWS, *trust = given->side.society.trust + r * DRAWS;
    const double *backlog_decree = given->side.callup.backlog + r * DRAWS, *backlog_later = backlog_decree + regions * DRAWS;
    double *new_decree = found->state.backlog + r * DRAWS, *new_later = new_decree + regions * DRAWS;
    double *notice_rate = found->flows.notice_rate + r * EXPERIENCES * DRAWS, *notices = found->flows.notices + r * SKILLS * DRAWS;
    double *inducted_decree = found->flows.inducted + r * SKILLS * DRAWS, *inducted_later = inducted_decree + regions * SKILLS * DRAWS;
    double *found_decree = found->flows.found + r * DRAWS, *found_later = found_decree + regions * DRAWS;
    double *willing = found->flows.volunteer_rate + r * DRAWS, *volunteers = found->flows.volunteers + r * SKILLS * DRAWS;
    double *evaded = found->flows.evaded + r * SKILLS * DRAWS, *fled = found->flows.fled + r * SKILLS * DRAWS;
    double *forgiven = found->flows.forgiven + r * DRAWS;
#pragma omp simd
    for (int i = 0; i < DRAWS; i++) {
      double men[SKILLS][EXPERIENCES], rate[EXPERIENCES];
#pragma GCC unroll 8
      for (int k = 0; k < SKILLS * EXPERIENCES; k++) men[k / EXPERIENCES][k % EXPERIENCES] = here[k * DRAWS + i];
      const double none = men[SKILLED][NONE] + men[OTHERS][NONE], served = men[SKILLED][SERVED] + men[OTHERS][SERVED];
      const double combat = men[SKILLED][COMBAT] + men[OTHERS][COMBAT], registered = none + served + combat;

      const double quota_decree = nation.quota[0][i] * weight[r][i], quota_later = nation.quota[1][i] * weight[r][i];
      const double wanted_decree = quota_decree + backlog_decree[i] / p->backlog_time[i];
      const double wanted_later = quota_later + backlog_later[i] / p->backlog_time[i];
      const double demand = wanted_decree + wanted_later, capacity = nation.capacity_rate[i] * registered;
      const double sent = saturate(capacity, demand);
      const double decree = demand > 0 ? wanted_decree / demand : 1.0, later = ratio_or_zero(wanted_later, demand);

      const double reached = none * nation.chance[NONE][i] + served * nation.chance[SERVED][i] + combat * nation.chance[COMBAT][i];
      const double per_chance = ratio_or_zero(sent, reached);
#pragma GCC unroll 8
      for (int x = 0; x < EXPERIENCES; x++) {
        rate[x] = smaller(nation.chance[x][i] * per_chance, MOST_OF_A_CELL / dt);
        notice_rate[x * DRAWS + i] = rate[x];
      }

      const double load = ratio_or_zero(sent, capacity), wrong = p->error_low[i] + (p->error_high[i] - p->error_low[i]) * load * load;
      const double kept_wrong = (1 - p->sent_home_share[i]) * wrong;
      const double trusted = held(trust_cut[i], 1 / (1 + exp(-trust[i])), trust_at_start[i]);
      const double fear = exp(nation.fear_of_risk[i] - p->trust_evasion[i] * (trusted - trust_at_start[i]));
      const double volunteering = -expm1(-nation.volunteer_rate[i] * pay_weight[r][i] * dt) / dt;
      double all_people = 0, all_inducted = 0, all_evaded = 0, all_fled = 0, all_volunteers = 0, kept[SKILLS];
#pragma GCC unroll 8
      for (int s = 0; s < SKILLS; s++) {
        const double people = men[s][NONE] * rate[NONE] + men[s][SERVED] * rate[SERVED] + men[s][COMBAT] * rate[COMBAT];
        const double evade = nation.evade[i] * fear, flee = nation.flee[s][i] * fear, valid = (1 - wrong) / (1 + evade + flee);
        kept[s] = valid + kept_wrong;
        const double inducted = people * kept[s], evading_now = people * valid * evade, fleeing = people * valid * flee;
        const double offering = (men[s][NONE] + men[s][SERVED] + men[s][COMBAT] - dt * people) * volunteering;
        notices[s * DRAWS + i] = people;
        inducted_decree[s * DRAWS + i] = decree * inducted;
        inducted_later[s * DRAWS + i] = later * inducted;
        evaded[s * DRAWS + i] = evading_now;
        fled[s * DRAWS + i] = fleeing;
        volunteers[s * DRAWS + i] = offering;
        all_people += people;
        all_inducted += inducted;
        all_evaded += evading_now;
        all_fled += fleeing;
        all_volunteers += offering;
      }
      const double gone = evading[i] * nation.gone_share[i], found_now = gone * nation.found_share[i] / dt;
      willing[i] = volunteering;
      forgiven[i] = gone * nation.forgiven_share[i] / dt;
      found_decree[i] = decree * found_now;
      found_later[i] = later * found_now;
      const double left_decree = larger(backlog_decree[i] + dt * (quota_decree - decree * (all_inducted + found_now)), 0.0);
      const double left_later = larger(backlog_later[i] + dt * (quota_later - later * (all_inducted + found_now)), 0.0);
      new_decree[i] = left_decree;
      new_later[i] = left_later;

      sums.inducted[i] += all_inducted;
      sums.found[i] += found_now;
      sums.evaded[i] += all_evaded;
      sums.fled[i] += all_fled;
      sums.wrongly[i] += all_people * wrong;
      sums.notices[i] += all_people;
      sums.volunteers[i] += all_volunteers;
      sums.unserved[i] += none * rate[NONE];
      sums.backlog[i] += left_decree + left_later;
#pragma GCC unroll 8
      for (int x = 0; x < EXPERIENCES; x++)
        sums.experience[x][i] += (men[SKILLED][x] * kept[SKILLED] + men[OTHERS][x] * kept[OTHERS]) * rate[x];
    }
  }

  const __typeof__(given->side.callup) *state = &given->side.callup;
  const __typeof__(found->outputs) *told = &found->outputs;
  const double *offers = given->here.levers.prisoner_offers, *outside = given->here.levers.outside_men;
#pragma omp simd
  for (int i = 0; i < DRAWS; i++) {
    const double prisoners = saturate(offers[i], state->convicts[i] / p->convict_time[i]);
    const double wrongly = sums.wrongly[i], notices = sums.notices[i], valid = notices - wrongly, over_age = p->over_age_share[i];
    found->state.convicts[i] = state->convicts[i] + dt * (p->convict_inflow[i] - prisoners);
    const double until_home = p->sent_home_time[i];
    found->state.returning[i] = approach(state->returning[i], p->sent_home_share[i] * wrongly * until_home, until_home, dt);
    found->state.death_risk[i] = nation.death_risk[i];
    found->flows.prisoners[i] = prisoners;
    found->flows.outside_men[i] = outside[i];
    const double taken = sums.experience[NONE][i] + sums.experience[SERVED][i] + sums.experience[COMBAT][i];
#pragma GCC unroll 8
    for (int x = 0; x < EXPERIENCES; x++)
      found->flows.experience[x * DRAWS + i] = taken > 0 ? sums.experience[x][i] / taken : 1.0 / EXPERIENCES;
    told->called_up[i] = sums.inducted[i] + sums.found[i];
    told->evaded[i] = sums.evaded[i];
    told->fled_notice[i] = sums.fled[i];
    told->wrongly_called[i] = wrongly;
    told->outside_criteria[i] = wrongly + over_age * valid + (1 - over_age) * sums.unserved[i] * ratio_or_zero(valid, valid + wrongly);
    told->volunteers[i] = sums.volunteers[i];
    told->prisoners[i] = prisoners;
    told->outside_men[i] = outside[i];
    told->notices[i] = notices;
    told->wrongly_called_share[i] = ratio_or_zero(wrongly, notices);
    told->risk_index[i] = nation.risk[i];
    told->backlog[i] = sums.backlog[i];
  }
}

// ---- The same week again and again: the compiler may keep nothing of one for the next ----------------------------------------------

#define EVERYTHING_IS_READ_AGAIN __asm__ volatile("" ::: "memory")

void engage_weeks(const engage_given *given, const engage_found *found, int regions, double dt, long weeks) {
  (void)regions;
  for (long week = 0; week < weeks; week++) {
    engage(given, found, dt);
    EVERYTHING_IS_READ_AGAIN;
  }
}

void call_weeks(const call_given *given, const call_found *found, int regions, double dt, long weeks) {
  for (long week = 0; week < weeks; week++) {
    call(given, found, regions, dt);
    EVERYTHING_IS_READ_AGAIN;
  }
}
