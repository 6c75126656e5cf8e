"""Posterior: members of an ensemble that was fitted to published figures, used by runs instead of draws from the prior.

library/posteriors/<scenario>.nc holds the normal scores of every uncertain number, a member a column. A posterior serves the
scenario, priors and observations that it was fitted with, and no others.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import h5netcdf
import numpy as np
import xarray as xr

from muster.errors import UserError
from muster.evidence import library

RESTS_ON = ("parameters", "settings", "observations")  # folders of the library


@dataclass(frozen=True)
class Posterior:
    """Normal scores of uncertain numbers [stream, member], and what they rest on."""

    streams: tuple[str, ...]
    scores: np.ndarray
    about: dict

    @property
    def members(self) -> int:
        """How many members there are."""
        return self.scores.shape[1]

    def row(self, draws: np.ndarray, seed: int) -> np.ndarray:
        """The member whose numbers each draw has: in an order of the seed's, and again from the first when all are used."""
        order = np.random.default_rng(seed).permutation(self.members)
        return order[np.asarray(draws, dtype=int) % self.members]

    def applied(self, prior: np.ndarray, streams: list[str], draws: np.ndarray, seed: int) -> np.ndarray:
        """Scores [stream, draw]: the members' where the stream was fitted, else the prior's."""
        place = {name: number for number, name in enumerate(self.streams)}
        rows, found = self.row(draws, seed), np.array(prior, dtype=float)
        for number, name in enumerate(streams):
            if name in place:
                found[number] = self.scores[place[name], rows]
        return found

    def __str__(self) -> str:
        about = self.about
        return f"{about['scenario']} to {about['until']}: {self.members} members, {about['figures']} figures, {self.sha256()[:12]}"

    def sha256(self) -> str:
        """Hash of the numbers."""
        return hashlib.sha256("\n".join(self.streams).encode() + self.scores.astype("<f4").tobytes()).hexdigest()


def rests_on_sha256() -> str:
    """One hash of the parts of the library that a fit rests on."""
    digest = hashlib.sha256()
    for folder in RESTS_ON:
        for path in sorted((library() / folder).rglob("*")):
            if path.is_file():
                digest.update(path.relative_to(library()).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def posterior_file(scenario: str) -> Path:
    """Where the posterior of a scenario is kept."""
    return library() / "posteriors" / f"{scenario}.nc"


def save(posterior: Posterior, path: Path) -> None:
    """Keeps a posterior; written beside and renamed."""
    found = xr.Dataset(
        {"scores": (("stream", "member"), posterior.scores.astype(np.float32), {"long_name": "normal score", "units": "1"})},
        coords={"stream": list(posterior.streams)},
        attrs={"title": "Members of an ensemble fitted to published figures", "about": json.dumps(posterior.about, ensure_ascii=False)},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    found.to_netcdf(beside, engine="h5netcdf", encoding={"scores": {"zlib": True}})
    beside.replace(path)


@cache
def load(path: Path) -> Posterior:
    """A posterior from its file."""
    try:
        with h5netcdf.File(path, decode_vlen_strings=True) as found:  # xarray takes 0.07 s for it, 0.2 where Dask is installed
            names = tuple(str(name) for name in found["stream"][:])
            return Posterior(names, np.asarray(found["scores"][:]).astype(float), json.loads(str(found.attrs["about"])))
    except (OSError, ValueError, KeyError) as problem:
        raise UserError(f"{path} holds no posterior: {str(problem).splitlines()[0]}.") from None


def shipped(scenario: str, scenario_sha256: str) -> tuple[Posterior | None, str]:
    """The posterior that serves a scenario, or none and why one that was fitted does not, in one sentence."""
    path = posterior_file(scenario)
    if not path.is_file():
        return None, ""
    found = load(path)
    if found.about["scenario_sha256"] != scenario_sha256:
        return None, f"The posterior of {scenario} was fitted with another text of the scenario: the draws are of the prior."
    if found.about["rests_on_sha256"] != rests_on_sha256():
        return None, f"The posterior of {scenario} was fitted with other priors, settings or observations: the draws are of the prior."
    return found, ""
