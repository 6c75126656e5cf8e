"""muster explore: the levers on a page of this machine."""

import ipaddress
from typing import Annotated

import typer

from muster.errors import UserError

LOCAL = ("127.0.0.1", "localhost", "::1")


def explore(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="a scenario of the library by name, or the path of a YAML file")
    ] = "russia-ukraine-2022",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="the port; 0 takes a free one")] = 8719,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="where to listen; 0.0.0.0 opens it to the network, with a token")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open the page in the browser")] = True,
) -> None:
    """Turn the levers on a page and see what happens along the chain. Ctrl-C ends it."""
    from muster.explorer import spare_thread

    spare_thread()
    from muster.explorer.serve import serve

    try:
        ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise UserError(f"--host {host}: an address such as 127.0.0.1 or 0.0.0.0 was expected.") from None
    serve(scenario, host, port, browser, local=host in LOCAL)
