"""Which rival equation holds where the literature disagrees (docs/model/week.md, structures B-J)."""

from dataclasses import dataclass, fields, replace
from typing import Literal, get_args, get_type_hints


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


def choices() -> dict[str, tuple[str, ...]]:
    """The answers to each question, the default first."""
    hints = get_type_hints(Structure)
    return {item.name: tuple(get_args(hints[item.name])) for item in fields(Structure)}


def alternatives() -> dict[str, Structure]:
    """The default structure, and each rival one at a time, by name."""
    found = {"default": Structure()}
    for question, answers in choices().items():
        for answer in answers[1:]:
            found[f"{question}={answer}"] = replace(Structure(), **{question: answer})
    return found


def asked(text: str) -> dict[str, Structure]:
    """The structures that a user asks for: default, all, or QUESTION=ANSWER (several with commas, together); KeyError otherwise."""
    if text == "all":
        return alternatives()
    if text == "default":
        return {"default": Structure()}
    known = choices()
    pairs = [part.strip().partition("=") for part in text.split(",")]
    if any(answer not in known.get(question, ()) for question, _, answer in pairs):
        raise KeyError(text)
    return {text: replace(Structure(), **{question: answer for question, _, answer in pairs})}
