"""What the migrations have made: rollups that are filled once, days of China, articles and decisions."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from sinks import schema
from sinks.articles import read_registry, read_skus
from sinks.blocks import split
from sinks.embedded import EmbeddedStore
from streams.records import encode
from tests.sinks import market

CELLS = "SELECT sum(lines) AS n, sum(base_qty) AS b, sum(amount) AS a FROM cells_1h"


@pytest.fixture
def store(store_path: Path) -> Iterator[EmbeddedStore]:
    made = EmbeddedStore(store_path)
    made.migrate()
    yield made
    made.close()


def sales(offset: int = 0) -> pa.Table:
    return split(market.lines(10, 100, offset=offset, kinds=("sale", "return")))["sales"]


def test_a_store_of_version_1_gets_its_rollups_filled_however_often_it_is_interrupted(new_path: Path) -> None:
    store = EmbeddedStore(new_path)
    store._execute(schema.CREATE_VERSIONS)
    for statement in schema.MIGRATIONS[0].statements:
        store._execute(statement)
    store._execute(schema.RECORD, version=1, name="first")
    rows = sales()
    store.insert("sales", rows, "before")
    for end in (12, len(schema.MIGRATIONS[1].statements), len(schema.MIGRATIONS[1].statements)):
        for statement in schema.MIGRATIONS[1].statements[:end]:
            store._execute(statement)
    store.migrate()
    later = sales(offset=100)
    for _ in range(2):
        store.insert("sales", later, "after")
    want = market.sums_of([rows, later])
    assert store.query(CELLS).to_pylist() == [{"n": want.lines, "b": want.base_qty, "a": want.amount}]
    days = store.query("SELECT sum(lines) AS n, sum(base_qty) AS b, sum(amount) AS a FROM sales_1d").to_pylist()
    assert days == store.query(CELLS).to_pylist()
    store.close()


def test_the_days_of_the_rollup_are_those_of_china(store: EmbeddedStore) -> None:
    store.insert("sales", sales(), "t")
    by_line = (
        "SELECT toDate(ts, 'Asia/Shanghai') AS day, code, province, origin, count() AS lines, sum(amount) AS amount "
        "FROM sales GROUP BY ALL ORDER BY ALL"
    )
    by_day = "SELECT day, code, province, origin, lines, amount FROM sales_by_origin ORDER BY ALL"
    assert [list(r.values()) for r in store.query(by_line).to_pylist()] == [
        list(r.values()) for r in store.query(by_day).to_pylist()
    ]


def test_the_latest_description_of_an_article_holds_and_every_decision_is_kept(store: EmbeddedStore) -> None:
    for n, code in enumerate(("99", "0301", "0301")):
        said = market.sightings(market.article("E-1", "S", code), at=market.MONTH_END + n)
        store.insert("skus", read_skus(encode(said), 0), f"s{n}")
        verdict = market.decision("E-1", "S", code, at=market.MONTH_END + n % 2)
        store.insert("decisions", read_registry(encode(verdict), 0), f"d{n}")
    row = store.query("SELECT code, method, reasons FROM skus").to_pylist()
    assert row == [{"code": "0301", "method": "name", "reasons": ["the head noun"]}]
    decided = store.query("SELECT code, author, note FROM decisions ORDER BY at")
    assert decided.num_rows == 2
    assert set(decided["author"].to_pylist()) == {"Li"}
