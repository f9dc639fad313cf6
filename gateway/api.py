"""The REST routes: the same state as the WebSocket's, for programs that ask now and then."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.answers import AlertAnswer, AlertsAnswer, CommoditiesAnswer, ErrorAnswer, ProvincesAnswer, reference
from gateway.guard import TokenCheck
from gateway.hub import Hub, Known
from gateway.provinces import provinces
from gateway.ranking import is_live
from streams.taxonomy import taxonomy

MAX_LIMIT = 500


class StateFilter(StrEnum):
    """Which alerts are asked for: one state, or all that are live or ended."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    EXPIRED = "expired"
    LIVE = "live"
    ENDED = "ended"

    def takes(self, known: Known) -> bool:
        """Whether an alert is asked for."""
        if self in (StateFilter.LIVE, StateFilter.ENDED):
            return is_live(known.alert) is (self is StateFilter.LIVE)
        return known.alert.state == self.value


def api_router(hub: Hub, token: TokenCheck) -> APIRouter:
    """Routes under ``/api``; each needs the token, where there is one, and a hub that is ready."""
    bearer = HTTPBearer(auto_error=False, description="The gateway's token, where one is set.")

    async def let_in(shown: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        if not token.right(shown.credentials if shown else None):
            raise HTTPException(
                401,
                "expected 'Authorization: Bearer' with the gateway's token",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if not hub.ready.is_set():
            raise HTTPException(503, "the backlog is still being read: ask again", headers={"Retry-After": "2"})

    router = APIRouter(
        prefix="/api",
        dependencies=[Depends(let_in)],
        responses={
            401: {**reference(ErrorAnswer), "description": "The token is missing or wrong."},
            503: {**reference(ErrorAnswer), "description": "The backlog of the topic is still being read."},
        },
    )

    @router.get("/alerts", summary="Alerts, most urgent first", responses={200: reference(AlertsAnswer)})
    async def alerts(
        state: Annotated[
            StateFilter | None, Query(description="Only alerts in this state; live, ended: groups.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many at most.")] = 100,
    ) -> Response:
        fitting = [k for k in hub.ranked() if state is None or state.takes(k)]
        return _json(
            {
                "epoch": hub.epoch,
                "offset": hub.offset,
                "total": len(fitting),
                "alerts": [{"rank": k.rank, "event": k.event} for k in fitting[:limit]],
            }
        )

    @router.get(
        "/alerts/{alert_id}",
        summary="One alert with its revisions",
        responses={200: reference(AlertAnswer), 404: {**reference(ErrorAnswer), "description": "No such alert."}},
    )
    async def alert(
        alert_id: Annotated[str, Path(max_length=256, description="The alert's id.")],
    ) -> Response:
        known = hub.find(alert_id)
        if known is None:
            raise HTTPException(404, "no alert of this id is known: ended ones are forgotten after a time")
        return _json({"rank": known.rank, "event": known.event, "revisions": hub.revisions(alert_id)})

    @router.get(
        "/provinces",
        summary="The provinces with their places on the tile grid and their worst live level",
        responses={200: reference(ProvincesAnswer)},
    )
    async def all_provinces() -> Response:
        return _json(ProvincesAnswer(provinces(k.alert for k in hub.ranked())))

    @router.get(
        "/commodities",
        summary="The taxonomy: names, base units, and which goods are monitored",
        responses={200: reference(CommoditiesAnswer)},
    )
    async def commodities() -> Response:
        return _json(CommoditiesAnswer(list(taxonomy().values())))

    return router


def _json(answer: Any) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json", headers={"Cache-Control": "no-store"})
