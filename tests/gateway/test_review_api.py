"""The review by REST: named reviewers alone, and the author is whose token it is."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyarrow as pa
import pytest
from fastapi import FastAPI

from gateway.app import create_app
from gateway.config import GatewayConfig
from gateway.hub import Hub
from gateway.review_access import CALLS_A_MINUTE, Rate, Reviewers, add_reviewer
from gateway.review_answers import DecisionsAnswer, LogAnswer
from gateway.review_api import MAX_BODY, review_router
from gateway.review_desk import Desk, Page
from sinks.embedded import EmbeddedStore
from sinks.query import StoreNotRunning
from sinks.store import QueryError
from tests.gateway.reviewing import AREA, RICE, SALT, Registry, desk_at, silent_broker, stocked

ALERTS = "the token of the board"
ROUTES = (("GET", "/queue"), ("GET", "/decisions"), ("POST", "/decisions"), ("POST", "/accept"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    with stocked(tmp_path_factory.mktemp("review") / "store") as made:
        yield made


@pytest.fixture
def reviewers(tmp_path: Path) -> Path:
    return tmp_path / "reviewers"


@pytest.fixture
def token(reviewers: Path) -> str:
    return add_reviewer(reviewers, "li")[0]


@pytest.fixture
def readable(reviewers: Path, token: str) -> Path:
    """The file of reviewers, open to others."""
    reviewers.chmod(0o644)
    return reviewers


class Client:
    """Asks an application as a reviewer does."""

    def __init__(self, app: FastAPI, token: str = "") -> None:
        self._app = app
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    async def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, f"/api/review{path}", headers=self._headers, **more)


def gateway(desk: Desk | None, reviewers: Path | None) -> FastAPI:
    """A whole gateway with a token for alerts."""
    config = GatewayConfig("unused:0", token=ALERTS, reviewers=reviewers)
    return create_app(config, Hub(10, note=""), lambda: None, desk=desk)


@pytest.fixture
def registry(store: EmbeddedStore) -> Registry:
    return desk_at(store)[1]


@pytest.fixture
def li(store: EmbeddedStore, registry: Registry, reviewers: Path, token: str) -> Client:
    """A reviewer at a gateway whose store is shared by these tests: each leaves it as it was."""
    return Client(gateway(Desk(store.query, registry), reviewers), token)


def wishes(*decided: dict[str, Any]) -> dict[str, Any]:
    return {"decisions": [{"enterprise": "E-1"} | one for one in decided]}


def taken(response: httpx.Response) -> list[tuple[str, str, str, str]]:
    assert response.status_code == 200, response.text
    decisions = msgspec.json.decode(response.content, type=DecisionsAnswer).decisions
    return [(d.author, d.sku, d.verdict, d.code) for d in decisions]


async def withdraw(li: Client, *skus: str) -> None:
    taken(await li("POST", "/decisions", json=wishes(*({"sku": s, "verdict": "withdrawn"} for s in skus))))


async def test_the_queue_answers_by_its_parameters(li: Client) -> None:
    answer = await li("GET", "/queue", params={"match": "大米", "limit": 1})
    page = msgspec.json.decode(answer.content, type=Page)
    assert (page.total, page.suggested, len(page.articles)) == (2, 2, 1)
    assert answer.headers["cache-control"] == "no-store"
    everything = msgspec.json.decode((await li("GET", "/queue", params={"all": True})).content, type=Page)
    assert everything.total == 6


async def test_the_author_is_whose_token_it_is(li: Client, registry: Registry) -> None:
    asked = wishes({"sku": RICE, "verdict": "accepted", "code": "0101"}, {"sku": AREA, "verdict": "split"})
    assert taken(await li("POST", "/decisions", json=asked)) == [
        ("li", RICE, "accepted", "0101"),
        ("li", AREA, "split", ""),
    ]
    assert [d.author for d in registry.decisions] == ["li", "li"]
    log = msgspec.json.decode((await li("GET", "/decisions", params={"author": "li"})).content, type=LogAnswer)
    assert {e.decision.sku for e in log.decisions if e.holds} == {RICE, AREA}
    await withdraw(li, RICE, AREA)


async def test_an_author_in_the_request_is_refused(li: Client, registry: Registry) -> None:
    for asked in (wishes({"sku": RICE, "verdict": "split", "author": "wang"}), wishes() | {"author": "wang"}):
        answer = await li("POST", "/decisions", json=asked)
        assert answer.status_code == 422, answer.text
    assert registry.decisions == []


async def test_a_pattern_accepts_what_the_queue_has_shown_and_no_other_number(li: Client, registry: Registry) -> None:
    asked = {"match": "大米", "expected": 3}
    refused = await li("POST", "/accept", json=asked)
    assert (refused.status_code, registry.decisions) == (409, [])
    assert "expected 3 articles with a suggestion, found 2" in refused.json()["detail"]
    assert {t[3] for t in taken(await li("POST", "/accept", json=asked | {"expected": 2}))} == {"0101"}
    assert taken(await li("POST", "/accept", json=asked | {"expected": 0})) == []
    await withdraw(li, RICE)
    asked = {"decisions": [{"enterprise": "E-2", "sku": RICE, "verdict": "withdrawn"}]}
    taken(await li("POST", "/decisions", json=asked))


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "says"),
    [
        ("GET", "/queue", {"params": {"code": "x"}}, 422, "code"),
        ("GET", "/queue", {"params": {"limit": 501}}, 422, "limit"),
        ("GET", "/queue", {"params": {"match": "a\0b"}}, 422, "match"),
        ("POST", "/decisions", {"json": {"decisions": []}}, 422, "length >= 1"),
        ("POST", "/decisions", {"json": wishes(*[{"sku": "s", "verdict": "split"}] * 501)}, 422, "length <= 500"),
        ("POST", "/decisions", {"json": wishes({"sku": RICE, "verdict": "liked"})}, 422, "Invalid enum value"),
        ("POST", "/decisions", {"json": wishes({"sku": RICE, "verdict": "corrected"})}, 422, "code: expected a code"),
        ("POST", "/decisions", {"json": wishes({"sku": "none", "verdict": "split"})}, 404, "no article 'none'"),
        ("POST", "/decisions", {"json": wishes({"sku": AREA, "verdict": "accepted"})}, 409, "has no suggestion"),
        ("POST", "/decisions", {"json": wishes({"sku": SALT, "verdict": "accepted", "code": "01"})}, 409, "by now"),
        ("POST", "/decisions", {"content": b"x" * (MAX_BODY + 1)}, 413, "at most"),
        ("POST", "/decisions", {"content": b"{"}, 422, "truncated"),
        ("POST", "/accept", {"json": {"match": "", "expected": 1}}, 422, "match"),
        ("POST", "/accept", {"json": {"match": "*", "expected": 501}}, 422, "expected"),
    ],
)
async def test_what_is_outside_its_bounds_is_refused_and_decides_nothing(
    li: Client, registry: Registry, method: str, path: str, more: dict[str, Any], status: int, says: str
) -> None:
    answer = await li(method, path, **more)
    assert (answer.status_code, registry.decisions) == (status, [])
    assert says in answer.text


async def test_neither_nobody_nor_a_stranger_nor_who_may_read_alerts_is_let_in(
    store: EmbeddedStore, reviewers: Path, token: str
) -> None:
    app = gateway(desk_at(store)[0], reviewers)
    for method, path in ROUTES:
        for shown in ("", "wrong", ALERTS, token[:-1]):
            answer = await Client(app, shown)(method, path)
            assert answer.status_code == 401, (path, shown)
            assert "review token" in answer.json()["detail"]


async def test_a_reviewers_token_opens_no_alerts(store: EmbeddedStore, reviewers: Path, token: str) -> None:
    client = Client(gateway(desk_at(store)[0], reviewers), token)
    assert (await client("GET", "/../alerts")).status_code == 401


async def test_without_reviewers_the_routes_say_what_to_do(store: EmbeddedStore, token: str) -> None:
    desk = desk_at(store)[0]
    for method, path in ROUTES:
        answer = await Client(gateway(desk, None), token)(method, path)
        assert answer.status_code == 403
        assert "set gateway.reviewers" in answer.json()["detail"]


async def test_a_file_of_reviewers_that_others_can_read_lets_nobody_in(readable: Path, token: str) -> None:
    answer = await Client(gateway(None, readable), token)("GET", "/queue")
    assert (answer.status_code, "chmod 600" in answer.text) == (403, True)


async def test_a_reviewer_who_asks_too_often_is_told_when_to_come_back(
    store: EmbeddedStore, reviewers: Path, token: str
) -> None:
    app = FastAPI()
    app.include_router(review_router(desk_at(store)[0], Reviewers(reviewers), Rate(clock=lambda: 7.0)))
    client = Client(app, token)
    codes = [(await client("POST", "/accept")).status_code for _ in range(CALLS_A_MINUTE + 1)]
    assert codes == [422] * CALLS_A_MINUTE + [429]
    assert (await client("GET", "/queue")).headers["retry-after"] == "60"


def stopped_writer(sql: str) -> pa.Table:
    raise StoreNotRunning("expected a running writer behind /secret/path")


def failing_store(sql: str) -> pa.Table:
    raise QueryError("memory limit exceeded at 东北大米")


async def test_a_store_or_broker_that_does_not_answer_is_said_without_what_it_holds(
    store: EmbeddedStore, reviewers: Path, token: str
) -> None:
    for ask in (stopped_writer, failing_store):
        answer = await Client(gateway(Desk(ask, silent_broker), reviewers), token)("GET", "/queue")
        assert (answer.status_code, "is the writer running?" in answer.text) == (503, True)
        assert "secret" not in answer.text
        assert "东北" not in answer.text
    client = Client(gateway(Desk(store.query, silent_broker), reviewers), token)
    answer = await client("POST", "/decisions", json=wishes({"sku": RICE, "verdict": "split"}))
    assert (answer.status_code, "Decide again" in answer.text) == (503, True)
    assert (await Client(gateway(None, reviewers), token)("GET", "/queue")).status_code == 503


async def test_no_token_is_logged(
    li: Client, token: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        taken(await li("POST", "/decisions", json=wishes({"sku": RICE, "verdict": "split"})))
        await withdraw(li, RICE)
    said = caplog.text + "".join(capsys.readouterr())
    assert "author" in said
    assert token not in said


async def test_the_routes_are_described_with_their_bodies_and_their_own_token(reviewers: Path) -> None:
    document = gateway(None, reviewers).openapi()
    for method, path in ROUTES:
        route = document["paths"][f"/api/review{path}"][method.lower()]
        assert route["security"] == [{"reviewer": []}]
        assert {"200", "401", "403", "429", "503"} <= route["responses"].keys()
        if method == "POST":
            reference = route["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]
