"""Listening: the sockets, the limits on connections, and the line that is printed."""

import gc
import secrets
import socket
import threading
import webbrowser

import typer
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from muster.errors import UserError
from muster.explorer.engine import Engine
from muster.explorer.server import guarded

CONNECTIONS = 200  # at a time
HEADER_SECONDS = 10  # in which a new connection must have sent its first request
KEEP_ALIVE = 30  # seconds that a quiet connection is kept


class Patient(H11Protocol):
    """HTTP over a connection that is closed if its first request does not come in time, or if there are too many."""

    def connection_made(self, transport) -> None:  # type: ignore[override]
        """A new connection."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.close()
            return
        self.loop.call_later(HEADER_SECONDS, self.first_request)

    def first_request(self) -> None:
        """Closes a connection on which nothing whole has come."""
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


def listening(host: str, port: int) -> socket.socket:
    """A socket on an address."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(kind, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named: else asyncio does not know TCP, and answers wait 40 ms
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError as problem:
        found.close()
        raise UserError(f"--port {port}: cannot listen there ({problem.strerror}); choose another, or 0 for a free one.") from None
    return found


def names_of(port: int) -> frozenset[str]:
    """The names by which this machine may be called."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


def serve(scenario: str, host: str, port: int, browser: bool, local: bool) -> None:
    """Listens until Ctrl-C."""
    engine = Engine(scenario)
    taken = listening(host, port)
    port = taken.getsockname()[1]
    token = None if local else secrets.token_urlsafe(24)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
    if engine.base.note:
        typer.echo(engine.base.note, err=True)
    if not local:
        typer.echo(
            f"Warning: {host} lets everyone on the network reach this server, and what they send goes unencrypted."
            " Only who has the token below is answered.",
            err=True,
        )
    typer.echo(f"Muster explorer: {address}")
    config = uvicorn.Config(
        guarded(engine, names_of(port) if local else None, token),
        http=Patient,
        ws="none",
        log_level="error",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=1,
        server_header=False,
        date_header=False,
        h11_max_incomplete_event_size=16_384,
    )
    gc.collect()
    gc.freeze()  # what was imported is not looked through again after each ensemble
    if browser:
        threading.Timer(0.5, webbrowser.open, [address]).start()
    uvicorn.Server(config).run(sockets=[taken])
