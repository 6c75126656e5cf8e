"""The explorer's questions and its safety: the same functions as the commands, nothing of another site, nothing broken by nonsense."""

import asyncio
import csv
import datetime
import hashlib
import io
import json
import random
import re
import socket
import threading
import time
import warnings
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import httpx
import jax
import numpy as np
import pytest
import uvicorn

from muster import evidence
from muster.assess import assess
from muster.claims import claims
from muster.compare import plan
from muster.errors import UserError
from muster.experiment import build, side_levers
from muster.explorer import answers, facts, files, regions, serve
from muster.explorer import engine as engines
from muster.explorer import verdicts as judging
from muster.explorer.answers import labels_of
from muster.explorer.engine import Engine, Fan, read
from muster.explorer.guard import BODY, Guard
from muster.explorer.regions import differing
from muster.explorer.server import application, guarded
from muster.explorer.verdicts import LATER, headline, verdicts
from muster.explorer.view import View, experiment_of, step_of, whole
from muster.results import headline_table
from muster.simulate import draws_of, simulate

STATIC = Path(serve.__file__).parent / "static"
TURNS = ("north.levers.course_length.decree=12@2000-10-05", "south.levers.pay=3", "north.levers.attack_share=0.3@2001-01-04")


@pytest.fixture(scope="module")
def engine():
    """The toy war."""
    return Engine("toy", draws=64)


@pytest.fixture(scope="module")
def address(engine):
    """A server on a free port of this machine."""
    taken = serve.listening("127.0.0.1", 0)
    port = taken.getsockname()[1]
    config = uvicorn.Config(guarded(engine, serve.names_of(port)), http=serve.Patient, ws="none", log_level="error", timeout_keep_alive=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
    thread.start()
    assert engine.ready.wait(300)
    assert engine.problem == ""
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


def ask(address: str, name: str, body: dict, **options) -> httpx.Response:
    """A question as the page asks it."""
    return httpx.post(f"{address}/api/{name}", json=body, timeout=300, **options)


def test_turned_levers_are_those_of_the_scenario_that_is_saved(engine):
    view = View(sets=TURNS)
    quick, slow = experiment_of(engine.base, "toy", view, 8), whole(engine.base, "toy", view)
    for number, side in enumerate(engine.base.sides):
        written = side_levers(slow.scenario, side, engine.base.steps, 1.0)
        seen = engine.base.observation_step
        for item in fields(written):
            one, other = (np.asarray(getattr(levers, item.name))[:seen] for levers in (quick.levers[number], written))
            np.testing.assert_allclose(one, other, atol=1e-6, err_msg=f"{side}.{item.name}")


def test_ensemble_of_an_unchanged_view_is_that_of_muster_run(engine):
    results = simulate("toy", draws=64)
    found = engine.fan(View())
    for number, side in enumerate(results.sides):
        np.testing.assert_array_equal(read(found.readings[number], "front/troops"), results.series(f"{side}/front/troops").values)


def test_ensemble_of_a_setting_is_that_of_muster_run(engine):
    text = "north.levers.coercion=0.9"
    results = simulate("toy", draws=64, sets=(text,))
    found = engine.fan(View(sets=(text,)))
    np.testing.assert_array_equal(read(found.readings[0], "morale/desertions"), results.series("north/morale/desertions").values)


def test_typical_run_lies_near_the_medians(engine):
    fan, run = engine.fan(View()).readings, engine.typical(View())
    for side, own in zip(fan, run, strict=True):
        middle = np.median(read(side, "front/troops"), axis=0)[: engine.steps]
        assert np.mean(np.abs(read(own, "front/troops")[0][: len(middle)] / middle - 1)) < 0.1


def test_difference_is_paired_with_as_happened(address):
    told = ask(address, "compare", {"view": {"sets": ["north.levers.coercion=0.9"]}, "path": "morale/desertions", "since": True}).json()
    assert told["spec"]
    assert {row["side"] for row in told["rows"]} == {"North", "South"}
    assert any(row["median"] for row in told["rows"] if row["quantity"] == "desertions")
    same = ask(address, "compare", {"view": {}, "path": "front/killed", "since": True}).json()
    assert same == {"spec": None}
    assert plan("toy", ("as-happened",), draws=8).others[0].differs_from is None


def test_difference_tells_the_last_observation_of_both_sides(address):
    told = ask(address, "compare", {"view": {"sets": ["north.levers.coercion=0.9"]}, "path": "morale/desertions", "since": True}).json()
    assert (told["told"].count("North "), told["told"].count("South ")) == (1, 1)


@pytest.mark.parametrize("day", ["2000-01-06", "2000-06-29", "2000-07-06", "2000-08-03", "2001-07-05"])
def test_levers_in_force_are_those_of_the_week_in_which_a_turn_begins(engine, address, day):
    lever = {"path": {"2000-01-06": 0.2, "2000-08-03": 0.9}, "between": "hold", "source": {"key": "user", "grade": "assumed"}}
    view = {"levers": {"north": {"coercion": lever}}}
    told = ask(address, "levers", {"view": view, "day": day}).json()["levers"]
    experiment = experiment_of(engine.base, "toy", View(**view), 8)
    week = step_of(experiment.steps, datetime.date.fromisoformat(day), experiment.start)
    for side, own in zip(experiment.sides, experiment.levers, strict=True):
        for row in told[side]:
            values = np.asarray(getattr(own, row["key"]))[week]
            if row["part"] is None:
                assert row["value"] == pytest.approx(float(values), rel=1e-5), (side, row["key"])
            else:
                assert np.any(np.isclose(values, row["value"], rtol=1e-5)), (side, row["key"], row["part"])
    known = {row["key"]: row["value"] for row in told["north"]}
    assert (known["pay"], known["coercion"]) == (2 if day >= "2000-07-06" else 1, pytest.approx(0.9 if day >= "2000-08-03" else 0.2))


def test_decree_of_a_policy_is_told_and_one_that_is_not_there_is_refused_in_words_of_the_page():
    reference = Engine("russia-ukraine-2022", draws=8)
    day, change = datetime.date(2022, 9, 21), "russia.levers.decree.announced=150000"
    decrees = {policy: facts.in_force(reference, View(policy=policy), day)["decrees"]["russia"] for policy in ("early-decree", "no-decree")}
    assert decrees["early-decree"]["date"] < "2022-09-21"
    assert decrees["no-decree"] is None
    with pytest.raises(UserError, match=f"Russia issues no decree that could be changed; take back {change}") as told:
        reference.experiment(View(policy="no-decree", sets=(change,)))
    assert "--set" not in str(told.value)
    with pytest.raises(UserError) as told:
        reference.experiment(View(sets=("russia.levers.decree.announced=many",)))
    assert "--set" not in str(told.value)


def test_chain_reaches_as_far_as_the_chart(engine, monkeypatch):
    monkeypatch.setattr(engines, "AHEAD", 0)
    assert engine.steps < engine.base.steps
    for whole_run, weeks in ((False, engine.steps), (True, engine.base.steps)):
        told = answers.fan(engine, engine.fan(View()), "front/killed", True, whole_run, None)
        assert {len(side) for sides in told["chain"].values() for side in sides} == {weeks}
        assert {len(side) for side in told["series"]} == {weeks}


def test_map_has_letters_and_no_value_where_nobody_is_counted(monkeypatch):
    reference = Engine("russia-ukraine-2022", draws=8)
    tables = [regions.table_of(str(reference.base.scenario.sides[side].regions)) for side in reference.base.sides]
    seen = []
    for table in tables:
        men = np.broadcast_to(np.where(table.men.sum(axis=1) > 0, 1e5, 0.0), (2, 20, len(table.ids)))
        seen.append(SimpleNamespace(men=men, dead=men * 1e-3 * np.arange(1, len(table.ids) + 1), trust=np.full(men.shape, 0.4)))
    uncounted = {name for name, men in zip(tables[1].names, tables[1].men.sum(axis=1), strict=True) if men == 0}
    assert len(uncounted) == 2
    monkeypatch.setattr(regions, "differing", lambda *_: [])
    national = reference.base
    for measure in map(regions.measure_of, ("dead", "trust")):
        told = regions.maps(reference, Fan(national, ({}, {}), (seen[0], seen[1])), Fan(national, ({}, {}), ()), measure)
        assert all(region["code"].isalpha() for side in told["sides"] for region in side["regions"])
        for side, names in zip(told["sides"], (set(), uncounted), strict=True):
            assert {region["name"] for region, value in zip(side["regions"], side["values"][13], strict=True) if value is None} == names
        counted = [value for side in told["sides"] for value in side["values"][13] if value is not None]
        assert told["bounds"][0] >= float(f"{np.quantile(counted, 0.2):.2g}")


def test_war_of_which_few_weeks_are_observed_has_a_typical_run_and_a_map(tmp_path):
    text = (Path(evidence.library()) / "scenarios" / "toy.yaml").read_text(encoding="utf-8")
    path = tmp_path / "young.yaml"
    path.write_text(text.replace("2001-07-05", "2000-05-04").replace("2000-07-06", "2000-03-02"), encoding="utf-8")
    young = Engine(str(path), draws=64)
    assert young.base.observation_step < 26
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 0 <= young.chosen < 64
    found = young.fan(View())
    assert differing(young, found, found) == []


def desertion_claim(threshold: float):
    """The claim of the library about desertions, of the toy war."""
    claim = next(
        one for one in claims((), "russia-ukraine-2022") if any(item.id == "all-first-year-over-5-percent" for item in one.readings)
    )
    reading = headline(claim)
    text = reading.proposition.model_dump_json().replace("russia/", "north/").replace("2022-09-21", "2000-07-06")
    proposition = type(reading.proposition).model_validate_json(text.replace("2023-09-20", "2001-07-05"))
    held = reading.model_copy(update={"proposition": proposition.model_copy(update={"threshold": threshold})})
    return claim.model_copy(update={"readings": (held,)})


def test_lever_moves_a_verdict_only_through_its_probability(engine, monkeypatch):
    view, reference = View(sets=("north.levers.coercion=0.9",)), View()
    shares = []
    for one in (view, reference):
        side = engine.fan(one).readings[0]
        lost = (read(side, "morale/desertions") + read(side, "morale/surrenders"))[:, 26:78].sum(axis=1)
        shares.append(float(np.median(lost / read(side, "front/troops")[:, 26:78].mean(axis=1))))
    monkeypatch.setattr(judging, "asked", lambda _name: (desertion_claim(sum(shares) / 2),))
    monkeypatch.setattr(judging, "remark_on", lambda _reading, after, *_: "unmoved" if after > 0.5 else None)
    [row] = verdicts(engine, view, reference, None, False, lambda: False)["claims"]
    assert (row["p"] < 0.5 < row["p_before"]) == (shares[0] < shares[1])
    assert row["p"] != row["p_before"]
    assert row["why"] == ("Prior-driven: unmoved." if row["p_before"] > 0.5 else None)
    assert not {row["verdict"], row["before"]} & {"supported", "contradicted"} or row["why"] is None


def test_saved_file_tells_by_which_command_it_is_had_again(address):
    simple = {"policy": "as-happened", "sets": ["north.levers.coercion=0.9"], "structure": {"contagion": "none"}}
    lever = {"value": 0.9, "source": {"key": "user", "grade": "assumed"}}
    head = ask(address, "export/scenario.yaml", {"view": simple}).text.splitlines()[:2]
    assert head[0].endswith('muster run toy --structures contagion=none --set "north.levers.coercion=0.9"')
    assert "muster run FILE --structures contagion=none runs it" in head[1]
    for view in ({"sets": ["north.levers.coercion=0.9@2000-08-03"]}, {"levers": {"north": {"coercion": lever}}}):
        head = ask(address, "export/scenario.yaml", {"view": view}).text.splitlines()[:2]
        assert "muster run toy" not in head[0]
        assert "no single command gives these settings" in head[1]


def test_report_of_settings_names_them_and_the_time_it_took(engine, monkeypatch):
    view, given = View(sets=("north.levers.coercion=0.9",), continuation="ceasefire", structure={"contagion": "none"}), []
    monkeypatch.setattr(files, "assess", lambda *_, **__: time.sleep(0.05))
    monkeypatch.setattr(files, "page", lambda _judgement, **told: given.append(told) or "")
    for one in (view, View()):
        files.report_file(engine, one, 8)
    assert given[0]["told"] == "as-happened + north.levers.coercion=0.9 + ending: ceasefire + --structures contagion=none"
    assert given[0]["seconds"] >= 0.05
    assert given[1]["told"] == ""


def test_saved_scenario_is_opened_again_and_runs(engine, address, tmp_path):
    view = {"sets": [*TURNS, "north.morale.desertion_rate=0.001"]}
    text = ask(address, "export/scenario.yaml", {"view": view}).text
    assert sorted(ask(address, "open", {"text": text}).json()["sets"]) == sorted(view["sets"])
    path = tmp_path / "saved.yaml"
    path.write_text(text, encoding="utf-8")
    saved = build(str(path), draws=8)
    wanted = experiment_of(engine.base, "toy", View(**view), 8)
    seen = engine.base.observation_step
    for one, other in zip(saved.levers, wanted.levers, strict=True):
        for item in fields(one):
            np.testing.assert_allclose(getattr(one, item.name)[:seen], getattr(other, item.name)[:seen], atol=1e-6, err_msg=item.name)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("start: '2000-01-06'", "start: '2000-01-13'", "another war"),
        ("regions: toy-north", "regions: ../../etc/passwd", "another war"),
        ("name: toy", "name: toy\nname: toy", "stands twice"),
        ("title:", "titel:", "unknown key"),
    ],
)
def test_opened_file_of_another_war_or_with_nonsense_is_told(address, old, new, told):
    text = ask(address, "export/scenario.yaml", {"view": {}}).text
    assert old in text
    answer = ask(address, "open", {"text": text.replace(old, new, 1)})
    assert answer.status_code == 422
    assert told in answer.json()["problem"]


def test_table_has_no_cell_that_is_a_formula(address):
    answer = ask(address, "export/csv", {"view": {"sets": ["north.levers.coercion=0.9"]}, "path": "front/killed", "since": True})
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0][:4] == ["day", "side", "series", "unit"]
    assert float(rows[-1][6]) > 0
    assert files.cell("=1+1") == "'=1+1"
    assert files.cell("@x") == "'@x"
    assert files.cell(-1.5) == "-1.5"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("run", {"view": {"sets": ["x=1"]}}),
        ("run", {"view": {"sets": ["north.levers.pay"]}}),
        ("run", {"view": {"sets": ["north.levers.pay=-1"]}}),
        ("run", {"view": {"sets": ["north.levers.pay=1@1900-01-01"]}}),
        ("run", {"view": {"policy": "../../secret.yaml"}}),
        ("run", {"view": {"policy": "/etc/passwd"}}),
        ("run", {"view": {"structure": {"contagion": "__import__"}}}),
        ("run", {"view": {"sets": ["x=1"] * 100}}),
        ("run", {"view": {}, "path": "../../etc"}),
        ("run", {"view": {}, "path": "front/__class__"}),
        ("fan", {"draws": 100_000}),
        ("fan", {"unknown": 1}),
        ("why", {"path": "front/killed", "week": -1, "side": "north"}),
        ("why", {"path": "front/killed", "week": 1, "side": "west"}),
        ("regions", {"measure": "seceded"}),
        ("export/passwd", {}),
    ],
)
def test_wrong_question_is_told_in_one_sentence(address, name, body):
    answer = ask(address, name, body)
    assert answer.status_code == 422, answer.text
    assert "Traceback" not in answer.text
    assert answer.json()["problem"].endswith(".")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example:80"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_other_sites_are_refused(address, headers, status):
    assert ask(address, "run", {}, headers=headers).status_code == status


def test_every_answer_forbids_foreign_code(address):
    for path in ("/", "/main.js", "/api/facts", "/nothing"):
        policy = httpx.get(address + path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/../server.py", "/..%2fserver.py", "/%2e%2e/server.py", "/static/../../server.py", "//etc/passwd"])
def test_files_of_the_server_are_not_given_away(address, path):
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert b" 404 " in answer.split(b"\r\n")[0] or b" 400 " in answer.split(b"\r\n")[0]
    assert b"FastAPI" not in answer


def test_large_body_is_refused(address):
    answer = httpx.post(f"{address}/api/open", content=b'{"text": "' + b"x" * (BODY + 10) + b'"}', timeout=30)
    assert answer.status_code == 413


def test_token_is_needed_where_everyone_can_reach_the_server(engine):
    app = Guard(application(engine, warm=False), None, "secret-token")
    transport = httpx.ASGITransport(app=app)

    async def visit() -> list[int]:
        async with httpx.AsyncClient(transport=transport, base_url="http://192.0.2.1:8719") as client:
            first = (await client.get("/api/state")).status_code
            wrong = (await client.get("/api/state?token=secret")).status_code
            right = (await client.get("/?token=secret-token")).status_code
            return [first, wrong, right, (await client.get("/api/state")).status_code]

    assert asyncio.run(visit()) == [401, 401, 200, 200]


def test_a_thousand_malformed_requests_leave_it_serving(address):
    chance = random.Random(1)
    paths = ["run", "fan", "compare", "claims", "why", "regions", "open", "export/csv", "export/../x", "facts"]
    junk = [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"view": 1}',
        b'{"view": {"sets": [1]}}',
        b'{"path": "\xff"}',
        b'{"draws": 1e999}',
        b"[" * 5000,
        b"\x00" * 99,
    ]
    seen = set()
    with httpx.Client(base_url=address, timeout=60) as client:
        for _ in range(1000):
            body = chance.choice(junk) if chance.random() < 0.8 else bytes(chance.randrange(256) for _ in range(60))
            answer = client.request(chance.choice(["POST", "PUT", "GET"]), f"/api/{chance.choice(paths[:9])}", content=body)
            seen.add(answer.status_code)
        assert client.get("/api/state").json()["ready"]
    assert seen <= {400, 404, 405, 422}


def test_slow_clients_leave_it_serving(address):
    host, port = address.removeprefix("http://").split(":")
    lines = [socket.create_connection((host, int(port)), timeout=30) for _ in range(60)]
    for line in lines:
        line.sendall(b"POST /api/run HTTP/1.1\r\nHost: ")
    assert httpx.get(f"{address}/api/state", timeout=10).status_code == 200
    time.sleep(serve.HEADER_SECONDS + 2)
    closed = 0
    for line in lines:
        line.settimeout(2)
        closed += line.recv(100) == b""
        line.close()
    assert closed == len(lines)


def test_code_of_others_is_as_it_was_taken():
    lines = (STATIC / "vendor" / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    held = {name: digest for digest, name in (line.split() for line in lines)}
    for path in [path for path in (STATIC / "vendor").iterdir() if path.suffix in (".js", ".txt")]:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == held[path.name], path.name


def test_own_code_is_small_and_loads_nothing_from_outside():
    own = sorted(STATIC.glob("*.js"))
    sizes = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in own}
    assert max(sizes.values()) <= 300
    assert sum(sizes.values()) <= 1500
    for path in [*own, STATIC / "index.html", STATIC / "style.css"]:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|\beval\(|new Function|innerHTML|insertAdjacentHTML|document\.write", text), path.name


def test_both_languages_have_the_same_texts():
    english, german = (json.loads((STATIC / "text" / f"{name}.json").read_text(encoding="utf-8")) for name in ("en", "de"))
    english_only = set(english) - set(german)
    assert not english_only
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", german[key])), key
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'data-(?:text|label)="(\w+)"', page)) <= set(english)


def test_draws_that_are_remembered_are_those_that_are_drawn(engine):
    numbers = np.arange(2 * jax.device_count())
    base = engine.experiment(View())
    again = engine.drawn(base, numbers)
    assert engine.drawn(engine.experiment(View(sets=engine.some_lever())), numbers) is again
    fresh = draws_of(base, numbers, engine.params(base, numbers))
    assert all(np.array_equal(one, other) for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(fresh), strict=True))


@pytest.mark.slow
def test_runs_by_region_and_as_a_whole_agree_within_5_percent_or_the_page_names_the_series():
    name = "russia-ukraine-2022"
    engine = Engine(name, draws=104)
    told = {text.rpartition(" (")[0] for text in differing(engine, engine.fan(View(), regional=True), engine.fan(View()))}
    tables = [headline_table(simulate(name, draws=104, resolution=resolution)) for resolution in ("national", "regional")]
    labels = dict(zip(engine.base.sides, labels_of(engine), strict=True))
    size, found = {}, set()
    for row in tables[0]:
        size[row["side"], row["name"]] = max(size.get((row["side"], row["name"]), 0), abs(row["median"]))
    for national, regional in zip(*tables, strict=True):
        least = 0.05 * size[national["side"], national["name"]]
        known = "2022-07" < national["date"] < engine.base.scenario.last_observation.isoformat()
        if known and abs(regional["median"] - national["median"]) > 0.05 * max(abs(national["median"]), least):
            found.add(f"{labels[national['side']]}, {national['name']}")
    assert found == told
    assert len(found) <= 0.1 * len(size)


@pytest.mark.slow
def test_claims_on_all_runs_are_judged_as_muster_assess_judges_them():
    name = "russia-ukraine-2022"
    engine, view = Engine(name, draws=104), View()
    quick, told = (verdicts(engine, view, view, None, every_run, lambda: False) for every_run in (False, True))
    judged = {
        claim.id: next(one for one in found if one.reading.headline) for claim, found in assess(name, draws=104, regional=True).claims
    }
    assert {row["id"] for row in told["claims"]} == set(judged)
    for row in told["claims"]:
        expected = judged[row["id"]].judged
        assert row["verdict"] == expected.verdict, row["id"]
        assert row["p"] == pytest.approx(expected.probability, abs=1e-4), row["id"]
    assert (told["later"], told["moved"]) == (0, 0)
    known = [row for row in quick["claims"] if row["verdict"] != LATER]
    assert 0 < quick["later"] == len(told["claims"]) - len(known)
    assert all(row in told["claims"] for row in known)
