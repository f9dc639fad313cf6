"""Who may come in (token, Host, Origin), and the headers that keep a browser from being turned against us."""

import hashlib
import hmac
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.config import GatewayConfig, is_loopback

SECURITY_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class TokenCheck:
    """Compares in constant time; knows the token only as a digest, so that lengths tell nothing either."""

    def __init__(self, token: str | None) -> None:
        self._digest = None if token is None else _digest(token)

    @property
    def needed(self) -> bool:
        """Whether there is a token at all."""
        return self._digest is not None

    def right(self, token: str | None) -> bool:
        """Whether this is the token; always, where there is none."""
        return self._digest is None or (token is not None and hmac.compare_digest(self._digest, _digest(token)))

    @staticmethod
    def in_header(authorization: str | None) -> str | None:
        """The token of an ``Authorization: Bearer`` header; None where there is no such header."""
        scheme, _, token = (authorization or "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def refusal(headers: Headers, config: GatewayConfig, *, websocket: bool) -> str | None:
    """Why a request must be refused; None lets it in.

    Without a token only this machine's own names are answered: a page of another site could otherwise point a name of
    its own at 127.0.0.1 and read (DNS rebinding). A WebSocket with an Origin must come from the page's own host, since
    browsers let any page open one; programs send no Origin and are let in.
    """
    host = headers.get("host", "")
    if config.token is None and not is_loopback(urlsplit(f"//{host}").hostname or ""):
        return f"expected a Host of this machine (no token is set), got {host!r}"
    origin = headers.get("origin")
    if websocket and origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return f"expected an Origin on {host!r}, got {origin!r}"
    return None


class Guard:
    """ASGI middleware: refuses by ``refusal`` (403) and adds ``SECURITY_HEADERS`` to every answer."""

    def __init__(self, app: ASGIApp, config: GatewayConfig) -> None:
        self._app = app
        self._config = config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        websocket = scope["type"] == "websocket"
        why = _refusal_or_malformed(Headers(scope=scope), self._config, websocket=websocket)
        if why is not None and websocket:
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        if why is not None:
            await PlainTextResponse(why, status_code=403)(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)


def _refusal_or_malformed(headers: Headers, config: GatewayConfig, *, websocket: bool) -> str | None:
    try:
        return refusal(headers, config, websocket=websocket)
    except ValueError:
        return "expected Host and Origin to be addresses"
