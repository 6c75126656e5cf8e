"""Which rival equation holds where the literature disagrees (docs/model/week.md, structures B-J)."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Structure:
    """One field a question; static, so each choice is one compilation. omega is not a structure: see its slices."""

    contagion: Literal["linear", "none", "threshold"] = "linear"
    suppression: Literal["adaptive", "none", "irreversible"] = "adaptive"
    casualties_opinion: Literal["log_loss", "success_only", "compensated"] = "log_loss"
    burden_grievance: Literal["on", "net_of_pay", "off"] = "on"
    sanctions: Literal["level_wedge", "growth_loss", "war_boom"] = "level_wedge"
    learning: Literal["half", "full", "none"] = "half"
    partner: Literal["smooth_fatigue", "regime_switching", "fixed"] = "smooth_fatigue"
    hazard_link: Literal["proportional", "pressure_index"] = "proportional"
    ending: Literal["goes_on", "ceasefire_hazard", "frozen_line"] = "goes_on"
