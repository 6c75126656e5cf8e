"""Compiled programs kept between processes."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from muster import programs
from muster.programs import Program


def doubled(x):
    return {"twice": x * 2, "sine": jnp.sin(x)}


def made(folder, monkeypatch):
    monkeypatch.setattr(programs, "folder", lambda: folder)
    return Program("doubled", ("test",), doubled, lambda _: {"twice": 0, "sine": 0})


def test_a_kept_program_gives_the_same_bits_without_being_traced(tmp_path, monkeypatch):
    values = np.linspace(0, 9, 64)
    first = made(tmp_path, monkeypatch)(values)
    (kept,) = tmp_path.glob("doubled-*.program")
    again = made(tmp_path, monkeypatch)
    monkeypatch.setattr(Program, "built", None)
    for name, found in again(values).items():
        np.testing.assert_array_equal(found, first[name])
    assert kept.stat().st_mode & 0o077 == 0


def test_a_kept_program_does_not_tell_which_line_each_operation_is_from(tmp_path, monkeypatch):
    def texts(module) -> list[str]:
        return [word for word in ("test_programs", "sine") if word in module.operation.get_asm(enable_debug_info=True)]

    lowered = jax.jit(jax.named_call(doubled, name="sine")).lower(np.linspace(0, 9, 64)).compiler_ir("stablehlo")
    assert texts(lowered) == ["test_programs", "sine"]
    programs.without_places(lowered)
    assert texts(lowered) == ["sine"]  # the name of what comes out stays
    made(tmp_path, monkeypatch)(np.linspace(0, 9, 64))
    (kept,) = tmp_path.glob("doubled-*.program")
    assert b"test_programs" not in kept.read_bytes()


def test_a_damaged_program_is_compiled_again(tmp_path, monkeypatch):
    values = np.linspace(0, 9, 64)
    first = made(tmp_path, monkeypatch)(values)
    (kept,) = tmp_path.glob("doubled-*.program")
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    np.testing.assert_array_equal(made(tmp_path, monkeypatch)(values)["sine"], first["sine"])
    kept.write_bytes(b"no program")
    np.testing.assert_array_equal(made(tmp_path, monkeypatch)(values)["sine"], first["sine"])


def test_what_a_command_used_is_read_ahead_the_next_time(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "used", {})
    monkeypatch.setattr(programs, "reading", {})
    values = np.linspace(0, 9, 64)
    first = made(tmp_path, monkeypatch)(values)
    programs.note("run here")
    programs.read_ahead("run there")
    assert not programs.reading
    programs.read_ahead("run here")
    (begun,) = programs.reading.values()
    assert begun.result() is not None
    monkeypatch.setattr(programs, "read", None)
    np.testing.assert_array_equal(made(tmp_path, monkeypatch)(values)["sine"], first["sine"])
    assert not programs.reading


def test_a_note_that_cannot_be_read_is_no_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "folder", lambda: tmp_path)
    monkeypatch.setattr(programs, "reading", {})
    for text in ("", "[]", '{"run": 3}', '{"run": {"x.program": [1]}}', '{"run": {"../x.program": 1}}'):
        (tmp_path / programs.NOTES).write_text(text)
        programs.read_ahead("run")
        assert not programs.reading, text


def test_other_code_shapes_and_surroundings_have_programs_of_their_own(tmp_path, monkeypatch):
    program = made(tmp_path, monkeypatch)
    program(np.zeros(8))
    program(np.zeros(16))
    Program("doubled", ("other",), doubled, lambda _: {"twice": 0, "sine": 0})(np.zeros(8))
    monkeypatch.setattr(programs, "surroundings", lambda: "other code")
    made(tmp_path, monkeypatch)(np.zeros(8))
    assert len(list(tmp_path.glob("*.program"))) == 4


def test_what_nothing_is_computed_of_is_left_out_also_of_a_kept_program(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "folder", lambda: tmp_path)
    given = np.ones(3), np.arange(5.0), np.arange(4), np.zeros(2)

    def thrice(_a, b, c, d):
        def once(held, _):
            return (held[0] + 1, held[1] + held[0].sum()), None

        (b, _d), _ = jax.lax.scan(once, (b, d), None, length=3)  # what nobody asks for is in a loop, too
        return {"b": b, "c": c}

    for _ in range(2):
        some = Program("some", (), thrice, lambda *_: {"b": 0, "c": 0})
        found = some(*given)
        np.testing.assert_array_equal(found["b"], given[1] + 3)
        np.testing.assert_array_equal(found["c"], given[2])
        assert [made.taken for made in some.made.values()] == [[1, 2]]
        monkeypatch.setattr(Program, "built", None)  # the second is read


def test_arguments_that_are_not_those_of_the_program_are_not_handed_to_it():
    lowered = jax.jit(lambda *values: values[1] + values[2]).lower(np.ones(3), np.ones(4), np.ones(4)).compiler_ir("stablehlo")
    assert programs.taken_by(lowered, (((3,), "float64"), ((4,), "float64"), ((4,), "float64"))) == [1, 2]
    with pytest.raises(RuntimeError, match="taken_by"):
        programs.taken_by(lowered, (((3,), "float64"), ((5,), "float64"), ((4,), "float64")))


SHARES = """
import sys
import numpy as np
from muster import programs
programs.use_devices(3)
found = programs.Program(
    "shares", (), lambda factor, first, last: (first * factor, last * factor, factor + 1), lambda *_: (0, 0, 0),
    ((programs.EVERYWHERE, programs.FIRST, programs.LAST), (programs.FIRST, programs.LAST, programs.EVERYWHERE)),
)(np.float64(2), np.arange(12.0).reshape(6, 2), np.arange(12.0).reshape(2, 6))
assert np.array_equal(found[0], 2 * np.arange(12.0).reshape(6, 2)) and np.array_equal(found[1], 2 * np.arange(12.0).reshape(2, 6))
assert found[2] == 3
assert [len(part.addressable_shards) for part in found] == [3, 3, 3]
"""


def test_each_device_has_its_share():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SHARES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_folder_that_cannot_be_written_to_is_no_problem(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    found = made(tmp_path / "file" / "inside", monkeypatch)(np.ones(3))
    assert jax.tree.map(float, found["twice"][0]) == 2


def test_help_needs_neither_jax_nor_pydantic():
    slow = "{'jax', 'pydantic', 'xarray', 'scipy'}"
    code = f"import sys; from muster.cli import status; status(['--help']); print('slow', {slow} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "slow set()" in done.stdout, done.stderr
