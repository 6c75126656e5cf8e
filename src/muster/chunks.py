"""Chunks: draws of a run that wait in a file of their own until the run is whole, and are read where they lie."""

import io
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from muster import output, simulate
from muster.experiment import Experiment
from muster.model.world import READINGS, Regional


def path_of(folder: Path, first: int) -> Path:
    """Where a chunk of a run waits."""
    return folder / f"draws-{first:06d}.npy"


def kept(path: Path, seconds: float, series: list[np.ndarray]) -> None:
    """Keeps a chunk, beside and renamed: the seconds that it took, then every series [draw, step, ...] in the order of `template`."""
    with output.writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + output.PART)
        with beside.open("wb") as file:
            np.save(file, seconds)
            for array in series:
                np.save(file, np.ascontiguousarray(array))  # the draw first, as `mapped` reads it
        beside.replace(path)


def template(experiment: Experiment):
    """The shape of what a chunk keeps: readings by node of both sides, and readings by region by side."""
    by_node = {node: simulate.blank(record) for node, record in READINGS.items()}
    return [(by_node, by_node), {side: simulate.blank(Regional) for side in experiment.sides}]


def mapped(path: Path, count: int) -> tuple[float, list[np.ndarray], list[int]]:
    """The seconds that a chunk took, its arrays, read from the file where they are used, and their places in it."""
    whole, arrays, offsets = np.memmap(path, mode="r"), [], []
    with path.open("rb") as file:
        seconds = float(np.load(file))
        for _ in range(count):
            np.lib.format.read_magic(file)
            shape, _, kind = np.lib.format.read_array_header_1_0(file)
            offsets.append(file.tell())
            end = file.seek(kind.itemsize * math.prod(shape), io.SEEK_CUR)
            arrays.append(whole[offsets[-1] : end].view(kind).reshape(shape))
    return seconds, arrays, offsets


def named(experiment: Experiment, sides: tuple, by_region: dict) -> dict[str, Any]:
    """What there is of each series by its path."""
    parts = [(side, node, record) for side, nodes in zip(experiment.sides, sides, strict=True) for node, record in nodes.items()]
    parts += [(side, output.BY_REGION, record) for side, record in by_region.items()]
    return {f"{side}/{node}/{entry.name}": getattr(record, entry.name) for side, node, record in parts for entry in fields(record)}
