"""What stands before every request: whose page it is, how large, how long; and what every answer forbids the browser to do."""

import asyncio
import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

BODY = 512_000  # bytes of a request
BODY_SECONDS = 15  # in which it must have come
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'none';"
    " object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "x-frame-options": "DENY",
}
COOKIE = "muster-token"


class Refused(Exception):
    """A request that is not answered: status and one sentence."""

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status, self.reason = status, reason


class Guard:
    """An ASGI application around another."""

    def __init__(self, app, hosts: frozenset[str] | None, token: str | None = None):
        self.app, self.hosts, self.token = app, hosts, token

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        cookie = None
        try:
            headers = self.headers(scope)
            self.check_host(headers)
            self.check_origin(scope, headers)
            cookie = self.check_token(scope, headers)
            body = await self.body(headers, receive)
        except Refused as problem:
            await refuse(send, problem)
            return
        await self.app(scope, replayed(body, receive), with_headers(send, cookie))

    def headers(self, scope) -> dict[str, str]:
        """The headers as text; a header that must be single stands once."""
        found: dict[str, str] = {}
        for name, value in scope["headers"]:
            key = name.decode("latin-1").lower()
            if key in found and key in ("host", "origin", "content-length", "content-type"):
                raise Refused(400, f"The header {key} stands twice.")
            found[key] = value.decode("latin-1")
        return found

    def check_host(self, headers: dict[str, str]) -> None:
        """Refuses a name that is not this server's: a page elsewhere may have made its own name point here."""
        host = headers.get("host", "").lower()
        if not host or (self.hosts is not None and host not in self.hosts):
            raise Refused(421, "This server does not go by that name; open it at the address that it printed.")

    def check_origin(self, scope, headers: dict[str, str]) -> None:
        """Refuses requests that another site's page sends."""
        site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
        if scope["method"] in ("GET", "HEAD") and headers.get("sec-fetch-mode", "") == "navigate":
            return  # a link that is followed; nothing is changed by it
        if site not in ("same-origin", "none"):
            raise Refused(403, "A page of another site may not ask here.")
        if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
            raise Refused(403, "A page of another site may not ask here.")

    def check_token(self, scope, headers: dict[str, str]) -> str | None:
        """Where a token is needed: in the address once, then in a cookie. Gives the cookie to set."""
        if self.token is None:
            return None
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if same(asked, self.token):
            return f"{COOKIE}={self.token}; HttpOnly; SameSite=Strict; Path=/"
        try:
            held = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            held = None
        if held is None or not same(held.value, self.token):
            raise Refused(401, "A token is needed: open the address with ?token=... that the server printed.")
        return None

    async def body(self, headers: dict[str, str], receive) -> bytes:
        """The whole body, if it is small enough and comes soon enough."""
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > BODY:
            raise Refused(413, f"At most {BODY:,} bytes are read.")
        found = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(400, "The request ended early.")
                    found += message.get("body", b"")
                    if len(found) > BODY:
                        raise Refused(413, f"At most {BODY:,} bytes are read.")
                    if not message.get("more_body"):
                        return bytes(found)
        except TimeoutError:
            raise Refused(408, f"The request did not come within {BODY_SECONDS} seconds.") from None


def same(one: str, other: str) -> bool:
    """Whether two texts are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one.encode(), other.encode())


def replayed(body: bytes, receive):
    """A receive that gives a body that was read already, and then what really comes."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again():
        return waiting.pop() if waiting else await receive()

    return again


def with_headers(send, cookie: str | None):
    """A send that adds what every answer says."""

    async def guarded(message) -> None:
        if message["type"] == "http.response.start":
            held = {name for name, _ in message["headers"]}
            more = HEADERS | ({"set-cookie": cookie} if cookie else {})
            more |= {} if b"cache-control" in held else {"cache-control": "no-store"}
            message["headers"] = [*message["headers"], *((name.encode(), value.encode()) for name, value in more.items())]
        await send(message)

    return guarded


async def refuse(send, problem: Refused) -> None:
    """One sentence, and the connection is closed."""
    text = problem.reason.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode()), (b"connection", b"close")]
    start = {"type": "http.response.start", "status": problem.status, "headers": headers}
    await with_headers(send, None)(start)
    await send({"type": "http.response.body", "body": text})
