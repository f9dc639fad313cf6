"""A store with articles that wait, and brokers that behave in a certain way, for the tests of the review."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gateway.review_desk import Desk
from gateway.reviews import Search
from sinks.articles import read_registry, read_skus
from sinks.blocks import split
from sinks.embedded import EmbeddedStore
from streams.decisions import NotWritten
from streams.records import Decision, SkuRecord, SkuSightings, encode
from tests.sinks import market

RICE, MEAT, AREA, SALT, BOX, OURS = (f"69012345{i:05d}" for i in range(6))
"""SKUs that both enterprises of the market sell."""
NOW = market.MONTH_END + 2 * 24 * market.HOUR


def article(enterprise: str, sku: str, name: str, code: str, confidence: float, **more: object) -> SkuRecord:
    method = "name" if code != "99" else "none"
    told: dict[str, object] = {"unit": "kg", "method": method, "seen_at": market.MONTH_END, "name": name} | more
    return SkuRecord(enterprise=enterprise, sku=sku, code=code, confidence=confidence, **told)  # type: ignore[arg-type]


ARTICLES = [
    article("E-1", RICE, "东北大米 5kg", "0101", 0.7, reasons=["head noun 大米"], spec="5kg", category="粮油"),
    article("E-1", MEAT, "猪前腿肉", "0301", 0.95),
    article("E-1", AREA, "特价A区", "99", 0.0),
    # Too unsure to be taken: a suggestion.
    article("E-1", SALT, "Salt 50%_'\\", "99", 0.6, suggested="1001"),
    article("E-1", BOX, "礼盒", "0201", 0.5, method="registry"),
    article("E-2", RICE, "泰国大米", "0101", 0.4),
    article("E-2", OURS, "salt", "1001", 0.79),
]

ALL_WAITING = {("E-1", RICE), ("E-1", AREA), ("E-1", SALT), ("E-2", RICE), ("E-2", OURS)}


class Registry:
    """A broker that takes every decision, and a writer that puts it into the store at once."""

    def __init__(self, store: EmbeddedStore) -> None:
        self.decisions: list[Decision] = []
        self._store = store

    def __call__(self, decisions: Sequence[Decision]) -> None:
        for one in decisions:
            self.decisions.append(one)
            self._store.insert("decisions", read_registry(encode(one), 0), one.decision_id)


class SlowWriter:
    """A broker that takes every decision, and a writer that has not come to it yet."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    def __call__(self, decisions: Sequence[Decision]) -> None:
        self.decisions += decisions


def silent_broker(_: Sequence[Decision]) -> None:
    """A broker that does not answer."""
    raise NotWritten("no answer within 15 s")


def describe(store: EmbeddedStore, *articles: SkuRecord, at: int = market.MONTH_END) -> None:
    """As the writer does."""
    told = encode(SkuSightings(0, at, at, list(articles)))
    store.insert("skus", read_skus(told, 0), f"skus/{at}/{len(articles)}")


@contextmanager
def stocked(path: Path) -> Iterator[EmbeddedStore]:
    """A store with sales of a few days and with ARTICLES."""
    store = EmbeddedStore(path)
    try:
        store.migrate()
        for table, rows in split(market.lines(20, 100)).items():
            store.insert(table, rows, table)
        describe(store, *ARTICLES)
        yield store
    finally:
        store.close()


def desk_at(store: EmbeddedStore) -> tuple[Desk, Registry]:
    """A desk whose decisions stand in the store at once."""
    registry = Registry(store)
    return Desk(store.query, registry, lambda: NOW), registry


def waiting(desk: Desk, search: Search | None = None) -> set[tuple[str, str]]:
    return {(a.enterprise, a.sku) for a in desk.page(search or Search(), 100).articles}
