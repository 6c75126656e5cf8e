"""What is given to the model from outside: decisions (Levers), fixed data of a side (Setting), the ground fought over."""

from jaxtyping import Array, Float

from muster.model.quantity import Record, quantity

COHORTS = ("standing", "decree", "later_decree", "volunteer", "prisoner")
AGES = tuple(f"{a}-{a + 4}" for a in range(15, 65, 5))  # men, ten bands
WOMEN_AGES = AGES[:7]
SKILLS = ("high", "low")
EXPERIENCES = ("none", "served", "combat")
FIRES = ("manoeuvre", "artillery", "drone")
PARTNERS = ("first", "second", "third")
EQUIPMENT = ("tank", "carrier", "gun")
AXES = {"cohort": COHORTS, "fire": FIRES, "partner": PARTNERS, "equipment": EQUIPMENT}


class Levers(Record):
    """Decisions of one side in one week; paths have a leading week axis before the scan takes it away."""

    war: Float[Array, ""] = quantity("1", "1 while the war goes on, 0 before it and after fighting has stopped")
    talks: Float[Array, ""] = quantity("1", "1 while a ceasefire may be agreed, else 0")
    decree_quota: Float[Array, ""] = quantity("person/week", "announced men a week while the dated decree is carried out")
    later_decree_quota: Float[Array, ""] = quantity("person/week", "announced men a week while a second decree is carried out")
    decree_age: Float[Array, ""] = quantity("week", "weeks since the latest dated decree; negative where there is none yet")
    standing_call_up: Float[Array, ""] = quantity("1", "1 where men are called up all the time by order of the staff, else 0")
    establishment: Float[Array, ""] = quantity("person", "announced establishment of the armed forces")
    theatre_goal_share: Float[Array, ""] = quantity("1", "share of the announced establishment wanted in the theatre")
    theatre_share: Float[Array, ""] = quantity("1", "share of arriving men sent to the theatre, the rest to the rear")
    quota_rule: Float[Array, ""] = quantity("1", "how far quotas follow poverty and titular share, 0 equal per man, 1 as they do")
    minimum_age: Float[Array, ""] = quantity("year", "age from which men may be called up; what changes since the start counts")
    selection: Float[Array, ""] = quantity("1", "0 anyone is called, 1 veterans first")
    course_length: Float[Array, " cohort"] = quantity("week", "length of the full course")
    hasty_course_length: Float[Array, " cohort"] = quantity("week", "length of the hasty track")
    commitment: Float[Array, " cohort"] = quantity("1", "share of the intake sent at once to the hasty track")
    cadre_to_front: Float[Array, ""] = quantity("1/week", "share of instructors sent to the front each week")
    time_in_line: Float[Array, ""] = quantity("1", "share of time that units in the theatre spend in line")
    coercion: Float[Array, ""] = quantity("1", "coercion of soldiers, 0 to 1")
    pay: Float[Array, ""] = quantity("1", "pay of a volunteer over the civil wage")
    border: Float[Array, ""] = quantity("1", "how far the border is closed to men of call-up age, 0 to 1")
    penal_severity: Float[Array, ""] = quantity("1", "severity of punishment for evasion, 0 to 1")
    repression: Float[Array, ""] = quantity("1", "repression of dissent, 0 to 1")
    candour: Float[Array, ""] = quantity("1", "verification of reports within the command, 0 to 1")
    media_freedom: Float[Array, ""] = quantity("1", "freedom of public reports on deaths and ground, 0 to 1")
    prisoner_offers: Float[Array, ""] = quantity("person/week", "convicts offered a contract")
    outside_men: Float[Array, ""] = quantity("person/week", "men raised outside the own population (occupied areas)")
    allied_men: Float[Array, ""] = quantity("person/week", "men of an allied contingent sent to the theatre")
    attack_share: Float[Array, ""] = quantity("1", "share of the force that attacks")
    intensity: Float[Array, ""] = quantity("1", "intensity of operations wished, 1 = heavy")
    withdrawal: Float[Array, ""] = quantity("km2/week", "area given up by order")
    forced_advance: Float[Array, ""] = quantity("km2/week", "area taken in breakthroughs that happened")
    home_soil: Float[Array, ""] = quantity("1", "1 where the war is fought on the side's own soil")
    under_fire: Float[Array, ""] = quantity("1", "share of the population under new fire or occupation")
    fire_plan: Float[Array, ""] = quantity("shell/week", "shells planned to be fired at intensity 1")
    fire_mix: Float[Array, " fire"] = quantity("1", "share of losses inflicted by manoeuvre, artillery and drones")
    forward_care: Float[Array, ""] = quantity("1", "share of psychiatric cases treated near the front")
    military_spending: Float[Array, ""] = quantity("1/year", "military spending over the output of 2021")
    civil_spending: Float[Array, ""] = quantity("1/year", "civil public spending over the output of 2021")
    policy_rate: Float[Array, ""] = quantity("1/year", "policy rate of the central bank")
    sanctions: Float[Array, ""] = quantity("1", "sanctions in force, 0 to 1")
    export_price: Float[Array, ""] = quantity("1", "price of the main export over its value at the start")
    shell_line_plan: Float[Array, ""] = quantity("shell/week", "planned capacity of shell production")
    vehicle_line_plan: Float[Array, " equipment"] = quantity("vehicle/week", "planned capacity of new production by class")
    security_at_home: Float[Array, ""] = quantity("1", "security men at home and paid over the start")
    partner_decision: Float[Array, " partner"] = quantity("1", "dated decision of a partner: shift of its support, logit")
    partner_election: Float[Array, " partner"] = quantity("1/week", "elections of a partner per week: 1/dt in the week of one")
    partner_men: Float[Array, ""] = quantity("person/week", "men trained abroad by partners")
    shell_offer: Float[Array, " partner"] = quantity("shell/week", "shells that a supplier agrees to sell")


class Setting(Record):
    """Fixed data of one side: its people, regions, partners and place on the map at the start."""

    men: Float[Array, " region age skill experience"] = quantity("person", "men at home by region, age, skill and experience")
    women: Float[Array, " region women_age"] = quantity("person", "women of 15-49 by region and age")
    others: Float[Array, ""] = quantity("person", "everybody else: children, older men and women")
    register: Float[Array, ""] = quantity("person", "men on the military register")
    call_up_age: Float[Array, " age"] = quantity("1", "share of an age band that is liable to call-up")
    cohort_age: Float[Array, " cohort age"] = quantity("1", "shares of age in the force at the start, and of prisoners and outsiders")
    men_mortality: Float[Array, " age"] = quantity("1/year", "death rate of men in peace")
    women_mortality: Float[Array, " women_age"] = quantity("1/year", "death rate of women in peace")
    others_mortality: Float[Array, ""] = quantity("1/year", "death rate of everybody else in peace")
    fertility: Float[Array, " women_age"] = quantity("1/year", "births per woman and year")
    youths: Float[Array, ""] = quantity("person/year", "men who turn 15 each year")
    girls: Float[Array, ""] = quantity("person/year", "women who turn 15 each year")
    poverty: Float[Array, " region"] = quantity("1", "standardised poverty and periphery")
    titular_share: Float[Array, " region"] = quantity("1", "standardised share of a titular people other than the core")
    relative_income: Float[Array, " region"] = quantity("1", "income over the national mean")
    poverty_known: Float[Array, " region"] = quantity("1", "1 where poverty is known, 0 where the model draws it")
    titular_known: Float[Array, " region"] = quantity("1", "1 where the titular share is known, 0 where the model draws it")
    income_known: Float[Array, " region"] = quantity("1", "1 where income is known, 0 where the model draws it")
    garrison: Float[Array, " region"] = quantity("1", "men stationed there at the start, beside the other regions")
    exposure: Float[Array, " region"] = quantity("1", "share of the region's people under fire over the nation's, mean 1 over people")
    excluded: Float[Array, " region"] = quantity("1", "1 where the titular people is excluded from power, 0 where not, 1/2 = not known")
    lost_autonomy: Float[Array, " region"] = quantity("1", "1 where an autonomy was claimed, lost or fought over, else 0")
    has_hazard: Float[Array, " region"] = quantity("1", "1 where the region has a titular people or an autonomy event")
    titular_groups: Float[Array, " region"] = quantity("1", "number of titular groups that the region stands for")
    movements_at_start: Float[Array, " region"] = quantity("1", "number of self-determination movements at the start")
    neighbours: Float[Array, " region region"] = quantity("1", "row-normalised neighbour matrix")
    area: Float[Array, ""] = quantity("km2", "area of the territory fought over that the side controls at the start")
    home_area: Float[Array, ""] = quantity("km2", "own recognised area")
    leader_age: Float[Array, ""] = quantity("year", "age of the leader at the start")
    partner_output: Float[Array, " partner"] = quantity("EUR/year", "output of each partner")
    partner_military_share: Float[Array, " partner"] = quantity("1", "military aid over the partner's output, a year, at the start")
    partner_other_share: Float[Array, " partner"] = quantity("1", "other aid over the partner's output, a year, at the start")
    partner_shell_output: Float[Array, " partner"] = quantity("shell/week", "shells made by a supplier that sells")
    partner_shell_stock: Float[Array, " partner"] = quantity("shell", "shells in a supplier's stock at the start")
    partner_arms_share: Float[Array, ""] = quantity("1", "share of military deliveries that is armour and guns")
    partner_shells_share: Float[Array, ""] = quantity("1", "share of military deliveries that is shells")
    output_value: Float[Array, ""] = quantity("EUR/year", "output of 2021")


class Ground(Record):
    """The ground that both sides fight over: the same for both."""

    front_length: Float[Array, ""] = quantity("km", "length of the active front")
    attack_width: Float[Array, ""] = quantity("1", "share of the front that moves where an attack goes on")
    reference_area: Float[Array, ""] = quantity("km2", "unit of recent ground, a local success")
    prospect_area: Float[Array, ""] = quantity("km2", "ground that moves the perceived prospect by one")
    total_area: Float[Array, ""] = quantity("km2", "area fought over, for shares")
