"""The REST routes answer from the hub, in rank order, and their schemas say what each field is."""

from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from gateway.answers import AlertAnswer, AlertsAnswer, CommoditiesAnswer, HealthAnswer, ProvincesAnswer
from gateway.config import GatewayConfig
from tests.gateway.factory import make_event
from tests.gateway.serving import ServedGateway, served

TOKEN = "a token of some length"


@pytest.fixture(scope="module")
def gateway() -> Iterator[ServedGateway]:
    with served() as one:
        one.publish(
            make_event("quiet", level="IV"),
            make_event("worst", level="I"),
            make_event("seen", level="II", state="acknowledged"),
            make_event("over", level="I", state="closed"),
            make_event("quiet", 2, level="III"),
        )
        yield one


def get(gateway: ServedGateway, path: str, **headers: str) -> httpx.Response:
    return httpx.get(gateway.url + path, headers=headers, timeout=10)


def subjects(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [a.event.subject for a in msgspec.json.decode(response.content, type=AlertsAnswer).alerts]


def test_alerts_come_most_urgent_first(gateway: ServedGateway) -> None:
    assert subjects(get(gateway, "/api/alerts")) == ["worst", "seen", "quiet", "over"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("open", ["worst", "quiet"]),
        ("acknowledged", ["seen"]),
        ("closed", ["over"]),
        ("expired", []),
        ("live", ["worst", "seen", "quiet"]),
        ("ended", ["over"]),
    ],
)
def test_alerts_are_chosen_by_state(gateway: ServedGateway, state: str, expected: list[str]) -> None:
    assert subjects(get(gateway, f"/api/alerts?state={state}")) == expected


def test_the_limit_cuts_and_the_total_says_so(gateway: ServedGateway) -> None:
    response = get(gateway, "/api/alerts?limit=1")
    assert subjects(response) == ["worst"]
    assert response.json()["total"] == 4


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "state=asleep"])
def test_a_question_outside_its_bounds_is_refused(gateway: ServedGateway, query: str) -> None:
    assert get(gateway, f"/api/alerts?{query}").status_code == 422


def test_one_alert_comes_with_its_revisions(gateway: ServedGateway) -> None:
    answer = msgspec.json.decode(get(gateway, "/api/alerts/quiet").content, type=AlertAnswer)
    assert answer.event.data.level == "III"
    assert [e.data.revision for e in answer.revisions] == [1, 2]


def test_an_unknown_alert_is_not_found(gateway: ServedGateway) -> None:
    assert get(gateway, "/api/alerts/unknown").status_code == 404


def test_provinces_are_34_with_the_worst_level(gateway: ServedGateway) -> None:
    found = msgspec.json.decode(get(gateway, "/api/provinces").content, type=ProvincesAnswer).provinces
    assert len(found) == 34
    assert {p.code: p.level for p in found if p.level} == {"33": "I"}


def test_commodities_are_the_taxonomy(gateway: ServedGateway) -> None:
    found = msgspec.json.decode(get(gateway, "/api/commodities").content, type=CommoditiesAnswer).commodities
    assert {"1001": "kg"}.items() <= {c.code: c.base_unit for c in found}.items()


def test_answers_are_not_kept_by_anybody(gateway: ServedGateway) -> None:
    assert get(gateway, "/api/alerts").headers["cache-control"] == "no-store"


def test_the_routes_need_the_token() -> None:
    paths = ("/api/alerts", "/api/alerts/x", "/api/provinces", "/api/commodities", "/metrics")
    with served(GatewayConfig("unused:0", port=0, token=TOKEN)) as locked:
        assert {get(locked, p).status_code for p in paths} == {401}
        assert {get(locked, p, authorization="Bearer wrong").status_code for p in paths} == {401}
        assert {get(locked, f"{p}?token={TOKEN}").status_code for p in paths} == {401}
        right = [get(locked, p, authorization=f"Bearer {TOKEN}").status_code for p in paths]
        assert right == [200, 404, 200, 200, 200]
        assert get(locked, "/healthz").status_code == 200
        assert get(locked, "/").status_code == 200


def test_nothing_is_answered_before_the_backlog_is_read() -> None:
    with served(ready=False) as gateway:
        assert get(gateway, "/api/alerts").status_code == 503
        health = get(gateway, "/healthz")
        assert health.status_code == 503
        assert msgspec.json.decode(health.content, type=HealthAnswer).ready is False
        gateway.call(gateway.hub.ready.set)
        assert get(gateway, "/api/alerts").status_code == 200
        assert get(gateway, "/healthz").status_code == 200


def test_health_tells_of_trouble_behind_the_gateway(gateway: ServedGateway) -> None:
    gateway.trouble = "no answer from the broker for 12 s"
    try:
        health = get(gateway, "/healthz")
    finally:
        gateway.trouble = None
    assert (health.status_code, health.json()["trouble"]) == (503, "no answer from the broker for 12 s")


def test_metrics_count_what_was_passed_on(gateway: ServedGateway) -> None:
    lines = get(gateway, "/metrics").text.splitlines()
    count = next(line for line in lines if line.startswith("infopump_gateway_events_total "))
    assert float(count.split()[1]) >= 5


def test_each_field_of_each_answer_and_message_is_described(gateway: ServedGateway) -> None:
    document = get(gateway, "/openapi.json").json()
    schemas: dict[str, Any] = document["components"]["schemas"]
    ours = {name: s for name, s in schemas.items() if name not in ("HTTPValidationError", "ValidationError")}
    missing = [
        f"{name}.{field}"
        for name, s in ours.items()
        for field, p in s.get("properties", {}).items()
        if not p.get("description")
    ]
    assert missing == []
    assert {"Alert", "EventMessage", "HelloMessage", "PingMessage", "SnapshotMessage", "TokenMessage"} <= ours.keys()


def test_each_route_and_parameter_is_described(gateway: ServedGateway) -> None:
    paths = get(gateway, "/openapi.json").json()["paths"]
    routes = [route for path in paths.values() for route in path.values()]
    assert len(routes) == 10
    assert all(route["summary"] for route in routes)
    assert all(p["description"] for route in routes for p in route.get("parameters", []))
