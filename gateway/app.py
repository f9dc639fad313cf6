"""The gateway as an ASGI application: board, WebSocket, REST, health and metrics around one hub."""

from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import FileResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.staticfiles import StaticFiles

from gateway import metrics
from gateway.answers import HealthAnswer, reference, schemas
from gateway.api import api_router
from gateway.config import GatewayConfig, Limits
from gateway.guard import Guard, TokenCheck
from gateway.hub import Hub
from gateway.protocol import Close
from gateway.review_access import Reviewers
from gateway.review_api import desk_of, review_router
from gateway.review_desk import Desk
from gateway.session import Session
from gateway.wire import STATE_KEY, PushProtocol
from streams.observe import Health

BOARD: Final = Path(str(files("gateway") / "board"))
ABOUT: Final = (
    "Alerts of abnormal fluctuations in the market for daily necessities. The WebSocket at `/ws` sends the messages "
    "HelloMessage, SnapshotMessage, EventMessage and PingMessage, and takes TokenMessage; its rules stand in the "
    "README of the gateway."
)


class BoardFiles(StaticFiles):
    """The board's files; a browser asks each time whether its copy still holds."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """The file, or 304."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def create_app(
    config: GatewayConfig, hub: Hub, feed_health: Health, limits: Limits | None = None, desk: Desk | None = None
) -> FastAPI:
    """The application. ``feed_health`` says what is wrong with the source of ``hub``; it is asked often: be quick.
    ``desk`` is where reviewers work, by default at the store and broker of ``config``.

    Must be served by uvicorn with ``ws=gateway.wire.PushProtocol``, as ``gateway.serve`` does.
    """
    limits = limits or Limits()
    token = TokenCheck(config.token)
    app = FastAPI(
        title="infopump gateway",
        version=version("infopump"),
        description=ABOUT,
        openapi_url="/openapi.json",
        # Both pages load their scripts from another site, which neither our policy nor an emergency network lets in.
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(Guard, config=config)
    app.include_router(api_router(hub, token))
    app.include_router(review_router(desk or desk_of(config), Reviewers(config.reviewers)))
    _add_push(app, hub, token, feed_health, limits)
    _add_observation(app, hub, token, feed_health)
    _add_board(app)
    _describe(app)
    return app


def _add_push(app: FastAPI, hub: Hub, token: TokenCheck, feed_health: Health, limits: Limits) -> None:
    taken = 0

    @app.websocket("/ws")
    async def push(websocket: WebSocket) -> None:
        nonlocal taken
        await websocket.accept()
        if taken >= limits.connections:
            outlet: PushProtocol = websocket.scope["state"][STATE_KEY]
            outlet.evict(Close.FULL)
            return
        taken += 1
        metrics.CONNECTIONS.inc()
        try:
            await Session(websocket, hub, token, feed_health, limits).run()
        finally:
            taken -= 1
            metrics.CONNECTIONS.dec()


def _add_observation(app: FastAPI, hub: Hub, token: TokenCheck, feed_health: Health) -> None:
    @app.get(
        "/healthz",
        summary="Whether this gateway is well",
        responses={
            200: reference(HealthAnswer),
            503: {**reference(HealthAnswer), "description": "Not ready, or the way from the broker is troubled."},
        },
    )
    async def healthz() -> Response:
        trouble = feed_health()
        ready = hub.ready.is_set()
        answer = HealthAnswer(ready, trouble, hub.epoch, hub.offset, hub.subscribers)
        return Response(
            msgspec.json.encode(answer),
            200 if ready and trouble is None else 503,
            {"Cache-Control": "no-store"},
            "application/json",
        )

    @app.get("/metrics", summary="Metrics for Prometheus; needs the token, where there is one")
    async def metrics_page(request: Request) -> Response:
        if not token.right(token.in_header(request.headers.get("authorization"))):
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _add_board(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def board() -> FileResponse:
        return FileResponse(BOARD / "index.html", headers={"Cache-Control": "no-cache"})

    app.mount("/static", BoardFiles(directory=BOARD), name="static")


def _describe(app: FastAPI) -> None:
    plain = app.openapi

    def described() -> dict[str, Any]:
        document = plain()
        document.setdefault("components", {}).setdefault("schemas", {}).update(schemas())
        return document

    app.openapi = described  # type: ignore[method-assign] # the way that FastAPI documents
