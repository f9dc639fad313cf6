"""A person decides by REST while the system runs: broker, worker, writer and gateway as they are."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from deploy import runfile
from deploy.local import LocalSystem
from deploy.settings import load
from gateway.review_access import add_reviewer
from streams.columns import CLEAN_SCHEMA, from_bytes
from streams.envelope import LINE_SCHEMA
from streams.kafka import consumer_config, producer_config
from streams.records import TerminalRecord
from streams.terminal import Terminal, publish_registry
from streams.topics import CLEAN
from tests.agents.till import PARTITIONS
from tests.waiting import until

ENTERPRISE, TERMINAL, SKU = "E-review", "T-review", "4711"
ARTICLE = {"enterprise": ENTERPRISE, "sku": SKU}

pytestmark = pytest.mark.e2e


class Shop:
    """Sells one article, and sees what became of its lines."""

    def __init__(self, broker: str) -> None:
        publish_registry(broker, [TerminalRecord(TERMINAL, ENTERPRISE, "330602")], {})
        self._producer = Producer(producer_config(broker, **{"linger.ms": 1}))
        self._terminal = Terminal(TERMINAL, self._producer)
        self._clean = Consumer(consumer_config(broker, "tests-review"))
        self._clean.assign([TopicPartition(CLEAN, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])

    def sell(self) -> None:
        """One line of an article whose name says nothing."""
        now = time.time_ns() // 1_000_000
        line = {"ts": now, "kind": "sale", "sku": SKU, "name": "??", "unit": "kg", "qty": 1000, "amount": 990}
        fields = [f for f in LINE_SCHEMA if f.name in line]
        self._terminal.send(pa.RecordBatch.from_pylist([line], schema=pa.schema(fields)), now)
        assert self._producer.flush(10) == 0

    def coded(self) -> list[tuple[str, str]]:
        """Code and method of the lines that came out since the last call."""
        found = self._clean.consume(500, 0.02)
        tables = [from_bytes(m.value() or b"", CLEAN_SCHEMA) for m in found if m.error() is None]
        rows = [row for table in tables for row in table.to_pylist()]
        return [(row["code"], row["method"]) for row in rows if row["terminal_id"] == TERMINAL]

    def close(self) -> None:
        self._clean.close()


class Reviewer:
    """Asks the gateway with a token of its own."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/api/review", headers={"authorization": f"Bearer {token}"})

    def waiting(self) -> list[dict[str, Any]]:
        answer = self._client.get("/queue", params={"enterprise": ENTERPRISE})
        assert answer.status_code == 200, answer.text
        articles: list[dict[str, Any]] = answer.json()["articles"]
        return articles

    def decide(self, **wish: str) -> None:
        answer = self._client.post("/decisions", json={"decisions": [ARTICLE | wish]})
        assert answer.status_code == 200, answer.text

    def log(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self._client.get("/decisions", params=ARTICLE).json()["decisions"]
        return entries

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def reviewers(tmp_path: Path) -> Path:
    return tmp_path / "reviewers"


@pytest.fixture
def system(reviewers: Path, tmp_path: Path) -> Iterator[LocalSystem]:
    """Normalize, writer and gateway on a broker of their own: what others left on a shared one would cost time."""
    settings = load(
        data_dir=str(tmp_path / "d"),
        kafka={"heap_mb": 384, "partitions": PARTITIONS},
        gateway={"port": 0, "reviewers": str(reviewers)},
        health={"base_port": 0},
    )
    with LocalSystem(settings, stages=("normalize",)) as running:
        yield running


@pytest.fixture
def shop(system: LocalSystem) -> Iterator[Shop]:
    opened = Shop(system.bootstrap)
    yield opened
    opened.close()


@pytest.fixture
def li(system: LocalSystem, reviewers: Path) -> Iterator[Reviewer]:
    asked = Reviewer(system.gateway_url, add_reviewer(reviewers, "li")[0])
    yield asked
    asked.close()


def pids(system: LocalSystem) -> dict[str, int]:
    running = runfile.read(system.data_dir)
    assert running is not None
    return {name: process.pid for name, process in running.processes.items()}


def seconds_until(shop: Shop, wanted: tuple[str, str], since: float) -> float:
    """Seconds from ``since`` until a line comes out with that code and method, while the shop goes on selling."""

    def came_out() -> bool:
        shop.sell()
        return wanted in shop.coded()

    until(came_out, 10, f"a line with {wanted}")
    return time.monotonic() - since


def test_a_decision_is_applied_by_the_running_worker_without_a_restart(
    system: LocalSystem, shop: Shop, li: Reviewer
) -> None:
    before = pids(system)
    shop.sell()
    assert until(shop.coded, 60, "the first line") == [("99", "none")]
    [article] = until(li.waiting, 30, "the article in the queue")
    assert (article["sku"], article["code"], article["value"], article["lines"]) == (SKU, "99", 990, 1)

    start = time.monotonic()
    li.decide(verdict="corrected", code="0801", note="leaves in a crate")
    corrected = seconds_until(shop, ("0801", "review"), start)
    until(lambda: not li.waiting(), 10, "an empty queue")
    [entry] = until(li.log, 10, "the decision in the log")
    assert (entry["holds"], entry["decision"]["author"], entry["decision"]["suggested"]) == (True, "li", "99")

    start = time.monotonic()
    li.decide(verdict="withdrawn")
    withdrawn = seconds_until(shop, ("99", "none"), start)
    assert until(li.waiting, 10, "the article in the queue again")[0]["sku"] == SKU

    print(f"\ncorrected after {corrected:.2f} s, withdrawn after {withdrawn:.2f} s")
    assert pids(system) == before
