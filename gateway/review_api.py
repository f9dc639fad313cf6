"""The REST routes of the review: for named reviewers alone, since what an enterprise reported is confidential."""

import asyncio
import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, ParamSpec, TypeVar

import msgspec
import structlog
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.answers import ErrorAnswer, reference
from gateway.config import GatewayConfig
from gateway.review_access import CALLS_A_MINUTE, Rate, Reviewers, ReviewersError
from gateway.review_answers import AcceptRequest, DecisionsAnswer, DecisionsRequest, LogAnswer
from gateway.review_desk import MOST, Desk, Page
from gateway.reviews import BELOW, DAYS, MAX_DAYS, NoSuchArticle, Overtaken, ReviewError, Search
from sinks.query import ask
from sinks.store import StoreError
from streams.decisions import Decider, DecisionError, NotWritten

log = structlog.get_logger(__name__)

MAX_BODY: Final = 1 << 20
"""Bytes of a request; 500 decisions with long names and notes take half of that."""
_AT_ONCE: Final = 2
"""Calls that are worked on; the store answers one question after the other."""

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound=msgspec.Struct)

Enterprise = Annotated[str, Query(description="Only of this enterprise.")]
Match = Annotated[
    str, Query(description="Part of a name, or a whole name in which * stands for anything; case does not matter.")
]
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at most.")]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="How many to pass over.")]


def desk_of(config: GatewayConfig) -> Desk | None:
    """A desk at the store and the broker of this gateway; None where no store is named."""
    socket: Path | None = config.store_socket
    if socket is None:
        return None
    return Desk(functools.partial(ask, socket), Decider(config.bootstrap))


def review_router(desk: Desk | None, reviewers: Reviewers, rate: Rate | None = None) -> APIRouter:
    """Routes under ``/api/review``. The author of a decision is the reviewer whose token came with the request."""
    rate = rate or Rate()
    room = asyncio.Semaphore(_AT_ONCE)
    bearer = HTTPBearer(auto_error=False, scheme_name="reviewer", description="The token of a reviewer.")

    async def let_in(shown: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> str:
        try:
            name = reviewers.who(shown.credentials if shown else "")
        except ReviewersError as error:
            raise HTTPException(403, str(error)) from error
        if name is None:
            raise HTTPException(
                401,
                "expected 'Authorization: Bearer' with the token of a reviewer: `infopump review token NAME` makes one",
                headers={"WWW-Authenticate": "Bearer"},
            )
        wait = rate.wait(name)
        if wait:
            raise HTTPException(
                429, f"expected at most {CALLS_A_MINUTE} calls a minute", headers={"Retry-After": str(math.ceil(wait))}
            )
        return name

    async def work(act: Callable[P, R], *words: P.args, **more: P.kwargs) -> R:
        async with room:
            try:
                return await asyncio.to_thread(act, *words, **more)
            except NoSuchArticle as error:
                raise HTTPException(404, str(error)) from error
            except Overtaken as error:
                raise HTTPException(409, str(error)) from error
            except (ReviewError, DecisionError) as error:
                raise HTTPException(422, str(error)) from error
            except NotWritten as error:
                raise HTTPException(503, f"the broker did not take it: {error}. Decide again") from error
            except StoreError as error:
                # What the engine says may hold what an enterprise sent.
                log.warning("the store did not answer a review", error=type(error).__name__)
                raise HTTPException(503, "the store does not answer: is the writer running? Ask again") from error

    def at_desk() -> Desk:
        if desk is None:
            raise HTTPException(503, "this gateway knows no store: it was started without the socket of a writer")
        return desk

    AtDesk = Annotated[Desk, Depends(at_desk)]  # noqa: N806 (a type)
    Author = Annotated[str, Depends(let_in)]  # noqa: N806

    router = APIRouter(
        prefix="/api/review",
        # Before anything else, so that a stranger learns nothing from a refusal.
        dependencies=[Depends(let_in)],
        responses={
            status: {**reference(ErrorAnswer), "description": text}
            for status, text in {
                401: "The token is missing or no reviewer's.",
                403: "No reviewers are named, or their file cannot be used.",
                422: "Something is outside its bounds; nothing was decided.",
                429: f"More than {CALLS_A_MINUTE} calls of this reviewer in a minute.",
                503: "The store or the broker does not answer.",
            }.items()
        },
    )

    @router.get("/queue", summary="Articles that wait for a person, by sales", responses={200: reference(Page)})
    async def queue(
        desk: AtDesk,
        enterprise: Enterprise = "",
        code: Annotated[str, Query(description="Only suggestions that begin so.")] = "",
        match: Match = "",
        below: Annotated[float, Query(ge=0, le=1, description="Only with less confidence than this.")] = BELOW,
        at_least: Annotated[float, Query(ge=0, le=1, description="Only with at least this confidence.")] = 0.0,
        everything: Annotated[bool, Query(alias="all", description="Sure suggestions as well.")] = False,
        days: Annotated[int, Query(ge=1, le=MAX_DAYS, description="Days of sales, up to the newest.")] = DAYS,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Response:
        def look() -> Page:
            search = Search(enterprise, code, match, below, at_least, everything, days=days)
            return desk.page(search, limit, offset)

        return _json(await work(look))

    @router.get("/decisions", summary="Decisions, the newest first", responses={200: reference(LogAnswer)})
    async def decisions(
        desk: AtDesk,
        enterprise: Enterprise = "",
        sku: Annotated[str, Query(description="Only of this SKU.")] = "",
        author: Annotated[str, Query(description="Only of this reviewer.")] = "",
        match: Match = "",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Response:
        def look() -> LogAnswer:
            search = Search(enterprise, match=match)
            return LogAnswer(desk.log(search, sku=sku, author=author, limit=limit, offset=offset))

        return _json(await work(look))

    @router.post(
        "/decisions",
        summary=f"Accept, correct, split, withdraw: 1 to {MOST} articles",
        responses=_WRITING,
        openapi_extra={"requestBody": {**reference(DecisionsRequest), "required": True}},
    )
    async def decide(request: Request, desk: AtDesk, author: Author) -> Response:
        asked = await _body(request, DecisionsRequest)
        taken = await work(desk.decide, author, asked.decisions)
        log.info("reviewed", author=author, decisions=len(taken))
        return _json(DecisionsAnswer(taken))

    @router.post(
        "/accept",
        summary="Accept the suggestions of all articles that a pattern finds",
        responses=_WRITING,
        openapi_extra={"requestBody": {**reference(AcceptRequest), "required": True}},
    )
    async def accept(request: Request, desk: AtDesk, author: Author) -> Response:
        asked = await _body(request, AcceptRequest)

        def act() -> DecisionsAnswer:
            search = Search(asked.enterprise, asked.code, asked.match, at_least=asked.at_least, everything=True)
            return DecisionsAnswer(desk.accept_matching(author, search, asked.expected))

        taken = await work(act)
        log.info("reviewed", author=author, decisions=len(taken.decisions))
        return _json(taken)

    return router


_WRITING: Final[dict[int | str, dict[str, Any]]] = {
    200: reference(DecisionsAnswer),
    404: {**reference(ErrorAnswer), "description": "No such article is known; nothing was decided."},
    409: {
        **reference(ErrorAnswer),
        "description": "It is no longer as the reviewer saw it: another suggestion, a decision meanwhile, another "
        "number of articles. Nothing was decided.",
    },
    413: {**reference(ErrorAnswer), "description": f"More than {MAX_BODY} bytes."},
}


async def _body(request: Request, kind: type[T]) -> T:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise HTTPException(413, f"expected at most {MAX_BODY} bytes, got more")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise HTTPException(422, f"{error}") from error


def _json(answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json", headers={"Cache-Control": "no-store"})
