"""The server: a page, and about a dozen questions that it asks. It listens on this machine alone unless told otherwise."""

import asyncio
import contextlib
import datetime
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field

from muster.errors import UserError
from muster.explorer import answers, compared, facts, files, reasons, regions, verdicts
from muster.explorer.engine import MOST_DRAWS, Engine, Superseded
from muster.explorer.guard import Guard
from muster.explorer.view import View

STATIC = Path(__file__).parent / "static"
LIGHT_SECONDS, HEAVY_SECONDS, LONG_SECONDS = 120, 180, 600  # after which an answer is given up; a rival's program is compiled first
WAITING = 8  # heavy questions at a time, all visitors together; more are told to come again
Path_ = Annotated[str, Field(max_length=80, pattern=r"^[a-z_]+/[a-z0-9_]+$")]
Kind = Literal["csv", "results.nc", "report.html", "scenario.yaml"]
Draws = Annotated[int, Field(ge=8, le=MOST_DRAWS)]


class Strictly(BaseModel):
    """A question; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OfRun(Strictly):
    """A view and the series that the main chart shows."""

    view: View = View()
    path: Path_ = "front/killed"
    since: bool = False


class OfFan(OfRun):
    """The same of an ensemble."""

    draws: Draws | None = None
    whole: bool = False


class OfRegions(Strictly):
    """A view and a quantity by region."""

    view: View = View()
    measure: Annotated[str, Field(max_length=30)] = "dead"
    draws: Draws | None = None


class OfLevers(Strictly):
    """A view and a day on which its levers are looked at."""

    view: View = View()
    day: datetime.date


class OfClaims(Strictly):
    """A view; with `every_run` also the readings that need other policies, cut loops or regions."""

    view: View = View()
    draws: Draws | None = None
    every_run: bool = False


class OfWhy(OfRun):
    """A view and one number of it."""

    week: Annotated[int, Field(ge=0, le=5000)] = 0
    side: Annotated[str, Field(max_length=60)]


class OfFile(Strictly):
    """The text of a scenario file."""

    text: Annotated[str, Field(max_length=400_000)]


class Busy(Exception):
    """Too many heavy questions at a time."""


class Desk:
    """Where questions are worked on: typical runs in one thread, heavy work in two; nothing blocks the loop that answers."""

    def __init__(self):
        self.light = ThreadPoolExecutor(1, thread_name_prefix="typical")
        self.heavy = ThreadPoolExecutor(2, thread_name_prefix="ensemble")
        self.waiting = 0

    async def quick(self, work: Callable):
        """An answer of the typical run."""
        async with asyncio.timeout(LIGHT_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(self.light, work)

    async def slow(self, request: Request, work: Callable, seconds: float = HEAVY_SECONDS):
        """An answer of an ensemble: work(gone) asks `gone` whether they left who asked; then, or after `seconds`, it is given up."""
        if self.waiting >= WAITING:
            raise Busy
        left = threading.Event()
        self.waiting += 1
        try:
            task = asyncio.get_running_loop().run_in_executor(self.heavy, work, left.is_set)
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever asked may be gone: then nobody else looks
            watch = asyncio.ensure_future(gone_away(request))
            try:
                async with asyncio.timeout(seconds):
                    await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
                if not task.done():
                    raise Superseded
                return task.result()
            finally:
                left.set()
                watch.cancel()
        finally:
            self.waiting -= 1


async def gone_away(request: Request) -> None:
    """Returns once whoever asked has closed the connection."""
    while not await request.is_disconnected():
        await asyncio.sleep(0.1)


def application(engine: Engine, warm: bool = True) -> FastAPI:
    """The questions and the page, unguarded."""
    desk = Desk()

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI):
        if warm:
            threading.Thread(target=engine.warm, daemon=True).start()
        yield
        desk.light.shutdown(wait=False, cancel_futures=True)
        desk.heavy.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(title="Muster explorer", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json", lifespan=lifespan)
    errors(app)
    about(app, engine)
    runs(app, engine, desk)
    questions(app, engine, desk)
    papers(app, engine, desk)
    app.mount("/", StaticFiles(directory=STATIC, html=True))
    return app


def errors(app: FastAPI) -> None:
    """Every problem is one sentence; what is the user's to mend is told, what is not is not shown."""

    def told(status: int, text: str) -> JSONResponse:
        return JSONResponse({"problem": text}, status_code=status)

    @app.exception_handler(UserError)
    async def wrong(_request: Request, problem: UserError):
        return told(422, " ".join(str(problem).split()))

    @app.exception_handler(RequestValidationError)
    async def malformed(_request: Request, problem: RequestValidationError):
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])[:120]
        return told(422, f"{place or 'body'}: {first['msg'][:200]}.")

    @app.exception_handler(Busy)
    async def busy(_request: Request, _problem: Busy):
        return told(503, "The server is busy with other questions; ask again in a moment.")

    @app.exception_handler(Superseded)
    async def dropped(_request: Request, _problem: Superseded):
        return told(409, "The question was dropped: a newer one came.")

    @app.exception_handler(TimeoutError)
    async def late(_request: Request, _problem: TimeoutError):
        return told(504, "The answer took too long; ask for fewer draws.")

    @app.exception_handler(Exception)
    async def ours(_request: Request, problem: Exception):
        return told(500, f"Sorry, this is our fault, not yours ({type(problem).__name__}).")


def about(app: FastAPI, engine: Engine) -> None:
    """What does not depend on a view."""
    held = facts.facts(engine)

    @app.get("/api/facts")
    async def all_facts() -> dict:
        return held

    @app.get("/api/state")
    async def state() -> dict:
        return {"ready": engine.ready.is_set(), "problem": engine.problem}


def runs(app: FastAPI, engine: Engine, desk: Desk) -> None:
    """Runs and ensembles."""

    @app.post("/api/run")
    async def run(asked: OfRun) -> dict:
        return await desk.quick(lambda: answers.typical(engine, asked.view, asked.path, asked.since))

    @app.post("/api/levers")
    async def levers(asked: OfLevers) -> dict:
        return await desk.quick(lambda: facts.in_force(engine, asked.view, asked.day))

    @app.post("/api/fan")
    async def fan(asked: OfFan, request: Request) -> dict:
        def work(gone):
            found = engine.fan(asked.view, asked.draws, gone=gone)
            happened = found.experiment.levers is found.experiment.base_levers
            reference = None if happened else engine.fan(reference_of(asked.view), asked.draws, gone=gone)
            return answers.fan(engine, found, asked.path, asked.since, asked.whole, reference)

        return await desk.slow(request, work)


def questions(app: FastAPI, engine: Engine, desk: Desk) -> None:
    """What is asked of ensembles below the chart."""

    @app.post("/api/compare")
    async def compare(asked: OfFan, request: Request) -> dict:
        def work(gone):
            found = engine.fan(asked.view, asked.draws, gone=gone)
            reference = engine.fan(reference_of(asked.view), asked.draws, gone=gone)
            return compared.differences(engine, found, reference, asked.path, asked.since, asked.whole)

        return await desk.slow(request, work)

    @app.post("/api/regions")
    async def by_region(asked: OfRegions, request: Request) -> dict:
        measure = regions.measure_of(asked.measure)  # a wrong one is told at once

        def work(gone):
            regional = engine.fan(asked.view, asked.draws, regional=True, gone=gone)
            return regions.maps(engine, regional, engine.fan(asked.view, asked.draws, gone=gone), measure)

        return await desk.slow(request, work, LONG_SECONDS)

    @app.post("/api/claims")
    async def claims(asked: OfClaims, request: Request) -> dict:
        def work(gone):
            return verdicts.verdicts(engine, asked.view, reference_of(asked.view), asked.draws, asked.every_run, gone)

        return await desk.slow(request, work, LONG_SECONDS)

    @app.post("/api/why")
    async def why(asked: OfWhy, request: Request) -> dict:
        def work(gone):
            return reasons.why(engine, engine.fan(asked.view, gone=gone), asked.path, asked.since, asked.week, asked.side)

        return await desk.slow(request, work)


def papers(app: FastAPI, engine: Engine, desk: Desk) -> None:
    """Files: saved, opened, exported."""

    @app.post("/api/open")
    async def opened(asked: OfFile) -> dict:
        return await desk.quick(lambda: files.opened(engine, asked.text))

    @app.post("/api/export/{kind}")
    async def export(kind: Kind, asked: OfFan, request: Request) -> Response:
        def work(gone):
            found = engine.fan(asked.view, asked.draws, gone=gone) if kind in ("csv", "results.nc") else None
            return files.file_of(engine, kind, asked.view, found, asked.path, asked.since, asked.whole)

        body, media = await desk.slow(request, work, LONG_SECONDS)
        return Response(body, media_type=media, headers={"content-disposition": f'attachment; filename="muster.{kind}"'})


def reference_of(view: View) -> View:
    """What was decided, under the same equations, ending and fixed parameters."""
    return View(sets=tuple(text for text in view.sets if ".levers." not in text), continuation=view.continuation, structure=view.structure)


def guarded(engine: Engine, hosts: frozenset[str] | None, token: str | None = None, warm: bool = True) -> Guard:
    """The application behind its guard."""
    return Guard(application(engine, warm), hosts, token)
