"""Guard: who may ask the page, and what a browser may do with the answer.

The page speaks with HQ's credentials, so every other page in the same browser, every other user of the
machine and every name that resolves to loopback is a stranger: Host must be the loopback address itself
(against DNS rebinding), a foreign Origin is refused, and without the session's token nothing is told at all.
A write needs, beyond the cookie, its own token out of the form and the Origin.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "fleet-dashboard"
ENTRANCE = "/enter"
HEADERS = {
    # Nothing inline, nothing from another host: what a name smuggles in can neither run nor call home.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    # With no-referrer browsers would send `Origin: null` with the page's own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True, kw_only=True)
class Secret:
    """The token of one start of the server, and the one of its forms, which is made from it."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def of_forms(self) -> str:
        return hmac.new(self.token.encode(), b"write", hashlib.sha256).hexdigest()


def same(given: str | None, wanted: str) -> bool:
    """In constant time; what is not ASCII is never the same."""
    return hmac.compare_digest((given or "").encode(), wanted.encode())


def refusal(headers: Headers, method: str, port: int) -> str | None:
    """Why this request is not the page's own; None: it is."""
    hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
    host = headers.get("host", "")
    if host not in hosts:
        return f"the page is only at {hosts[0]}"
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return "another page may not ask this one"
    if method not in ("GET", "HEAD") and origin is None:
        return "a change must say its Origin"
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return "another page may not ask this one"
    return None


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Around the whole application: no page of it is reached in another way."""

    app: ASGIApp
    secret: Secret
    port: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web sockets here

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        answer = self._instead(scope) or self.app
        await answer(scope, receive, with_headers)

    def _instead(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if reason := refusal(headers, scope["method"], self.port):
            return PlainTextResponse(f"Refused: {reason}.\n", 403)
        if scope["path"] == ENTRANCE:
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if same(given, self.secret.token):
                entered = RedirectResponse("/", 303)
                entered.set_cookie(COOKIE, self.secret.token, httponly=True, samesite="strict")
                return entered
        elif same(cookie_parser(headers.get("cookie", "")).get(COOKIE), self.secret.token):
            return None
        return PlainTextResponse(
            "Refused: open the whole address that `fleet dashboard` printed, with its token.\n", 401
        )
