"""Partners: political support, commitments, and the pipeline to deliveries.

Donors and suppliers of one side; stops and resumptions come by thresholds (docs/model/partners.md, eq. 1-7).
"""

from typing import assert_never

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from muster.model.levers import PARTNERS, Setting
from muster.model.luck import passed
from muster.model.quantity import Record, quantity
from muster.model.smooth import approach, logit, passing, saturate, share
from muster.model.structure import Structure


class State(Record):
    support: Float[Array, " partner"] = quantity("1", "support over its usual level, logit")
    committed: Float[Array, " stream partner"] = quantity("EUR", "committed, not yet allocated: military and other")
    allocated: Float[Array, " stream partner"] = quantity("EUR", "allocated, not yet delivered")
    missing: Float[Array, ""] = quantity("EUR/week", "commitments of stopped partners, as others have noticed")
    stock: Float[Array, " partner"] = quantity("shell", "shells in suppliers' stocks")
    stop_hazard: Float[Array, " partner"] = quantity("1", "cumulated hazard of stopping")
    resume_hazard: Float[Array, " partner"] = quantity("1", "cumulated hazard of resuming")
    stop_survived: Float[Array, " partner"] = quantity("1", "hazard of stopping at the last observation")
    committed_total: Float[Array, ""] = quantity("EUR", "committed since the start")
    delivered_total: Float[Array, ""] = quantity("EUR", "delivered since the start")


class Params(Record):
    military_allocation_time: Float[Array, ""] = quantity("week", "time from commitment to allocation, military")
    other_allocation_time: Float[Array, ""] = quantity("week", "time from commitment to allocation, other aid")
    delivery_time: Float[Array, ""] = quantity("week", "time from allocation to delivery")
    delivery_capacity: Float[Array, ""] = quantity("1/week", "deliveries a week over the yearly aid of the start")
    package_spread: Float[Array, ""] = quantity("1", "log s.d. of a quarter's packages of a group of partners")
    support_noise: Float[Array, ""] = quantity("1", "weekly s.d. of support, logit")
    election_spread: Float[Array, ""] = quantity("1", "s.d. of an election's effect on support, logit")
    fatigue: Float[Array, ""] = quantity("1/year", "yearly loss of support, logit")
    threat_support: Float[Array, ""] = quantity("1", "logit per share of its own area that the aided side has lost")
    success_support: Float[Array, ""] = quantity("1", "logit per unit of its recent success")
    cost_support: Float[Array, ""] = quantity("1", "logit lost per log of export prices")
    gain_support: Float[Array, ""] = quantity("1", "logit per unit of the partner's own gain from trade")
    support_time: Float[Array, ""] = quantity("week", "time in which support follows its causes")
    usual_support: Float[Array, ""] = quantity("1", "support at the start")
    compensation: Float[Array, ""] = quantity("1", "share of a stopped partner's commitments that others make up")
    compensation_time: Float[Array, ""] = quantity("week", "time until they do")
    stop_rate: Float[Array, ""] = quantity("1/year", "hazard that a partner stops")
    resume_rate: Float[Array, ""] = quantity("1/year", "hazard that a stopped partner resumes")
    stop_support: Float[Array, ""] = quantity("1", "log hazard of stopping per logit of support lost")
    supplier_sanctions: Float[Array, ""] = quantity("1", "share of supplies that sanctions stop")
    dependence_price: Float[Array, ""] = quantity("1", "log price per share of shells that is bought")
    tank_price: Float[Array, ""] = quantity("EUR/vehicle", "price of a tank delivered")
    carrier_price: Float[Array, ""] = quantity("EUR/vehicle", "price of a carrier delivered")
    gun_price: Float[Array, ""] = quantity("EUR/vehicle", "price of a gun delivered")
    shell_price: Float[Array, ""] = quantity("EUR/shell", "price of a shell delivered")


class Inputs(Record):
    war: Float[Array, ""] = quantity("1", "1 while the war goes on")
    age_of_war: Float[Array, ""] = quantity("week", "weeks since the start")
    ground_lost: Float[Array, ""] = quantity("1", "share of its own area that the aided side has lost since the start")
    recent_ground: Float[Array, ""] = quantity("1", "recent ground gained by the aided side")
    export_price: Float[Array, ""] = quantity("1", "price of the main export over the start")
    sanctions: Float[Array, ""] = quantity("1", "sanctions in force against the aided side")
    adaptation: Float[Array, ""] = quantity("1", "share of sanctions' effect that is substituted")
    decision: Float[Array, " partner"] = quantity("1", "dated decisions: shift of support, logit")
    election: Float[Array, " partner"] = quantity("1/week", "elections per week")
    shell_offer: Float[Array, " partner"] = quantity("shell/week", "shells that suppliers agree to sell")
    own_shells: Float[Array, ""] = quantity("shell/week", "own shell production")
    support_noise: Float[Array, " partner"] = quantity("1", "standard normals of the week")
    package_noise: Float[Array, " partner"] = quantity("1", "standard normals of the quarter")
    election_noise: Float[Array, " partner"] = quantity("1", "standard normals of elections")
    stops: Float[Array, " partner occurrence"] = quantity("1", "thresholds of stopping")
    resumptions: Float[Array, " partner occurrence"] = quantity("1", "thresholds of resuming")
    tracking: Float[Array, ""] = quantity("1", "1 while the past is being lived through")


class Outputs(Record):
    deliveries: Float[Array, ""] = quantity("EUR/week", "aid delivered and shells supplied, at constant prices", headline=True)
    support: Float[Array, ""] = quantity("1", "support of partners, weighted by output", headline=True)
    military_deliveries: Float[Array, ""] = quantity("EUR/week", "military aid delivered")
    other_deliveries: Float[Array, ""] = quantity("EUR/week", "other aid delivered")
    shells: Float[Array, ""] = quantity("shell/week", "shells delivered and supplied")
    commitments: Float[Array, ""] = quantity("EUR/week", "new commitments")
    allocations: Float[Array, ""] = quantity("EUR/week", "new allocations")
    payments: Float[Array, ""] = quantity("EUR/week", "paid to suppliers")
    concentration: Float[Array, ""] = quantity("1", "sum of squared shares of partners in commitments")


class Goods(Record):
    vehicles: Float[Array, " equipment"] = quantity("vehicle/week", "vehicles delivered")
    shells: Float[Array, ""] = quantity("shell/week", "shells delivered and supplied")
    money: Float[Array, ""] = quantity("EUR/week", "other aid less payments to suppliers")


def begin(setting: Setting) -> State:
    """Support as usual, pipelines empty."""
    none = jnp.zeros(len(PARTNERS))
    pipeline = jnp.zeros((2, len(PARTNERS)))
    zero = jnp.zeros(())
    return State(none, pipeline, pipeline, zero, setting.partner_shell_stock + none, none, none, none, zero, zero)


def support_target(inputs: Inputs, params: Params, structure: Structure):
    """Support over its usual level that the week's causes lead to, logit [1], eq. 1 (structure H)."""
    causes = (
        params.threat_support * inputs.ground_lost
        + params.success_support * inputs.recent_ground
        - params.cost_support * jnp.log(inputs.export_price)
        + params.gain_support * inputs.sanctions
    )
    match structure.partner:
        case "smooth_fatigue":
            return causes - params.fatigue * inputs.age_of_war / 52
        case "regime_switching":
            return causes
        case "fixed":
            return jnp.zeros_like(causes)
        case _:
            assert_never(structure.partner)


def stopped(state: State, inputs: Inputs, structure: Structure):
    """1 for a partner who has stopped and not resumed [1], eq. 4; under fixed support nobody does (structure H)."""
    count = passed(state.stop_hazard, inputs.stops, state.stop_survived)
    again = passed(state.resume_hazard, inputs.resumptions, jnp.zeros_like(state.resume_hazard))
    flag = jnp.where(count > again, 1.0, 0.0)
    return jnp.zeros_like(flag) if structure.partner == "fixed" else flag


def commitments(support, halted, state: State, inputs: Inputs, setting: Setting, params: Params):
    """New commitments [EUR/week] by stream and partner, and those missing [EUR/week], eq. 2 and 5."""
    shares = jnp.stack([setting.partner_military_share, setting.partner_other_share])
    usual = setting.partner_output * shares / 52
    willing = jax.nn.sigmoid(logit(params.usual_support) + support) / params.usual_support
    lump = jnp.exp(params.package_spread * inputs.package_noise - params.package_spread * params.package_spread / 2)
    own = inputs.war * usual * willing * lump * (1 - halted)
    missing = jnp.sum(inputs.war * usual * willing * halted)
    made_up = params.compensation * state.missing * share(own, jnp.sum(own))
    return own + made_up, missing


def supplies(support, state: State, inputs: Inputs, params: Params, dt):
    """Shells sold by suppliers [shell/week], eq. 6: limited by their stocks."""
    willing = jax.nn.sigmoid(logit(params.usual_support) + support) / params.usual_support
    passed_on = 1 - params.supplier_sanctions * inputs.sanctions * (1 - inputs.adaptation)
    return jnp.minimum(inputs.shell_offer * willing * passed_on, state.stock / dt)


def step(state: State, inputs: Inputs, setting: Setting, params: Params, dt, structure: Structure) -> tuple[State, Outputs, Goods]:
    """One week of politics, packages and transports."""
    drift = approach(state.support, support_target(inputs, params, structure) + jnp.zeros_like(state.support), params.support_time, dt)
    shock = (
        params.support_noise * jnp.sqrt(dt) * inputs.support_noise + params.election_spread * inputs.election_noise * inputs.election * dt
    )
    support = drift + inputs.war * shock
    felt = support + inputs.decision
    halted = stopped(state, inputs, structure)
    rate = inputs.war * dt / 52
    committed, missing = commitments(felt, halted, state, inputs, setting, params)
    times = jnp.stack([params.military_allocation_time, params.other_allocation_time])[:, None]
    allocated = (state.committed + dt * committed) * passing(times, dt)
    yearly = setting.partner_output * jnp.stack([setting.partner_military_share, setting.partner_other_share])
    waiting = state.allocated + allocated
    capacity = params.delivery_capacity * yearly
    delivered = jnp.minimum(dt * saturate(capacity, waiting / params.delivery_time), waiting)
    sold = supplies(felt, state, inputs, params, dt)
    bought = jnp.sum(sold)
    price = params.shell_price * jnp.exp(params.dependence_price * share(bought, bought + inputs.own_shells))
    stop_hazard = state.stop_hazard + rate * params.stop_rate * jnp.exp(-params.stop_support * felt) * (1 - halted)
    new = State(
        support=support,
        committed=state.committed + dt * committed - allocated,
        allocated=waiting - delivered,
        missing=approach(state.missing, missing, params.compensation_time, dt),
        stock=state.stock + dt * (setting.partner_shell_output - sold),
        stop_hazard=stop_hazard,
        resume_hazard=state.resume_hazard + rate * params.resume_rate * jnp.exp(params.stop_support * felt) * halted,
        stop_survived=jnp.where(inputs.tracking > 0, stop_hazard, state.stop_survived),
        committed_total=state.committed_total + dt * jnp.sum(committed),
        delivered_total=state.delivered_total + jnp.sum(delivered),
    )
    military, other = jnp.sum(delivered[0]) / dt, jnp.sum(delivered[1]) / dt
    shell_money = setting.partner_shells_share * military
    arms_money = setting.partner_arms_share * military
    prices = jnp.stack([params.tank_price, params.carrier_price, params.gun_price])
    shells = shell_money / params.shell_price + bought
    payments = price * bought
    partner_shares = share(jnp.sum(committed, axis=0), jnp.sum(committed))
    outputs = Outputs(
        deliveries=military + other + params.shell_price * bought,
        support=share(
            jnp.sum(setting.partner_output * jax.nn.sigmoid(logit(params.usual_support) + felt)), jnp.sum(setting.partner_output)
        ),
        military_deliveries=military,
        other_deliveries=other,
        shells=shells,
        commitments=jnp.sum(committed),
        allocations=jnp.sum(allocated) / dt,
        payments=payments,
        concentration=jnp.sum(partner_shares * partner_shares),
    )
    goods = Goods(vehicles=arms_money / prices / len(prices), shells=shells, money=other - payments)
    return new, outputs, goods
