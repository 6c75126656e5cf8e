"""Chunks: two writers of one leave it whole, and nothing of a run's stays once they are removed."""

import os
import platform
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from muster import chunks

LONG = 10  # seconds for which one waits at most for another


class Halting(dict):
    """A block whose writer waits at one series until it is free to go on."""

    def __init__(self, block, at):
        super().__init__(block)
        self.at, self.reached, self.free = at, threading.Event(), threading.Event()

    def __getitem__(self, name):
        if name == self.at:
            self.reached.set()
            self.free.wait(LONG)
        return super().__getitem__(name)


def test_two_writers_of_one_chunk_leave_it_whole(tmp_path):
    block = {name: np.random.default_rng(1).normal(size=(50, 104)).astype(np.float32) for name in "abcd"}
    alone, shared = chunks.path_of(tmp_path, 0), chunks.path_of(tmp_path, 1040)
    chunks.kept(alone, 1.0, [block])
    first, second = Halting(block, "d"), Halting(block, "b")
    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(chunks.kept, shared, 1.0, [first])
        assert first.reached.wait(LONG)
        late = pool.submit(chunks.kept, shared, 1.0, [second])
        assert second.reached.wait(LONG)
        first.free.set()
        early.result()
        when_first_ended = shared.read_bytes()
        second.free.set()
        late.result()
    assert when_first_ended == shared.read_bytes() == alone.read_bytes()
    assert set(tmp_path.iterdir()) == {alone, shared}


def test_machines_and_processes_write_beside_each_other(tmp_path, monkeypatch):
    path = chunks.path_of(tmp_path, 0)
    places = {chunks.part_of(path)}
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    places.add(chunks.part_of(path))
    monkeypatch.setattr(os, "getpid", lambda: 1)
    places.add(chunks.part_of(path))
    assert len(places) == 3


def test_the_chunks_of_a_run_go_with_what_stopped_writers_left(tmp_path):
    kept = {"results.nc", "results.nc.part", "manifest.json"}
    path = chunks.path_of(tmp_path, 1040)
    for name in (*kept, path.name, f"{path.name}.part", chunks.part_of(path).name, chunks.path_of(tmp_path, 0).name):
        (tmp_path / name).write_text("")
    chunks.removed(tmp_path)
    assert {left.name for left in tmp_path.iterdir()} == kept
    chunks.removed(tmp_path / "nowhere")
