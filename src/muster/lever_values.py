"""The numbers of a lever as a file writes them, and what each lever may be."""

import numpy as np

from muster.errors import UserError
from muster.model.levers import AXES, Levers
from muster.model.quantity import axes, units
from muster.reading import convert

SHARES = (
    "war standing_call_up theatre_goal_share theatre_share quota_rule selection commitment cadre_to_front time_in_line coercion border"
    " penal_severity repression candour media_freedom attack_share home_soil under_fire fire_mix forward_care sanctions"
).split()
SIGNED = ("partner_decision",)
ABOVE_0 = ("course_length", "pay", "export_price")  # the model takes their logarithm, or divides by them
LARGEST = {"military_spending": 2.0, "civil_spending": 2.0}  # 1/year over the output of 2021: what no state can spend breaks the model
DIVIDED = ("fire_mix",)  # shares of one whole


def parts_of(key: str) -> tuple[str, ...]:
    """The names along the axis of a lever, none for a single number."""
    dims = axes(Levers)[key]
    return AXES[dims[0]] if dims else ()


def numbers(value, key: str, where: str) -> np.ndarray:
    """A lever's value as numbers, one or one a part."""
    unit, parts = units(Levers)[key], parts_of(key)
    if isinstance(value, dict):
        if set(value) != set(parts):
            expected = f"a value for each of {', '.join(parts)}" if parts else "one number"
            raise UserError(f"{where}: {expected} was expected, found {', '.join(map(str, value)) or 'nothing'}.")
        found = np.array([convert(value[part], unit, f"{where}.{part}") for part in parts])
    else:
        found = np.full((len(parts),) if parts else (), convert(value, unit, where))
    if key not in SIGNED and np.any(found < 0):
        raise UserError(f"{where}: {key} cannot be negative, found {told(np.min(found), unit)}.")
    if key in SHARES and np.any(found > 1):
        raise UserError(f"{where}: {key} is a share of at most 1, found {float(np.max(found)):g}.")
    if key in ABOVE_0 and np.any(found == 0):
        raise UserError(f"{where}: {key} must be above 0, found 0.")
    if np.any(found > LARGEST.get(key, np.inf)):
        raise UserError(f"{where}: {key} is at most {told(LARGEST[key], unit)}, found {float(np.max(found)):g}.")
    if key in DIVIDED and not np.isclose(np.sum(found), 1):
        raise UserError(f"{where}: shares of {', '.join(parts)} that add up to 1 were expected, found {float(np.sum(found)):g}.")
    return found


def lump_of(amount, duration, unit: str, where: str) -> tuple[float, float]:
    """A dated amount, and the weeks over which it is spread."""
    size, weeks = convert(amount, unit, where), convert(duration, "week", f"{where.rpartition('.')[0]}.duration")
    if size < 0 or weeks <= 0:
        raise UserError(f"{where}: a positive amount over a positive duration was expected.")
    return size, weeks


def told(number, unit: str) -> str:
    """A number with its unit, where it has one."""
    return f"{float(number):g}" if unit == "1" else f"{float(number):g} {unit}"
