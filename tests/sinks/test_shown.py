"""What an analyst's views show is what the rule, applied to the lines themselves, allows."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pytest

from sinks.articles import read_registry
from sinks.blocks import split
from sinks.corrections import KEEP, Change, correct
from sinks.embedded import EmbeddedStore
from sinks.roles import Role
from sinks.shown import views
from streams.columns import CLEAN_SCHEMA
from streams.envelope import CHANNELS
from streams.records import EnterpriseRecord, encode
from streams.regions import regions
from tests.sinks import market

Row = dict[str, Any]
Key = tuple[Any, ...]
CELLS: Final = ("cells_1m", "cells_1h", "cells_1d", "price_buckets_1d", "price_quantiles_1d", "price_relatives")
CELL: Final = ("day", "code", "county", "channel")
DAY: Final = "toDate(ts, 'Asia/Shanghai') AS day"
NAMES: Final = [f"E-{n}" for n in range(6)]
HOLDING: Final = {"E-1": "H", "E-2": "H", "E-3": "E-4"}
"""Two that belong to a third name, and one that belongs to another."""


def lines(offset: int, around: int, seed: int) -> pa.Table:
    """Lines of six enterprises, most of them of the first, with three brands."""
    table = market.lines(40, 100, offset=offset, around=around, seed=seed)
    rng = np.random.default_rng(seed)
    of = {
        "enterprise": (NAMES, rng.choice(6, table.num_rows, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.1])),
        "brand": (["", "A", "B"], rng.integers(0, 3, table.num_rows)),
        "origin": (["CN", "NZ"], rng.integers(0, 2, table.num_rows)),
    }
    for name, (values, index) in of.items():
        at = CLEAN_SCHEMA.get_field_index(name)
        column = pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32)), pa.array(values))
        table = table.set_column(at, CLEAN_SCHEMA.field(at), column)
    return table


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    made = EmbeddedStore(tmp_path_factory.mktemp("shown") / "store")
    made.migrate()
    now = lines(0, market.MONTH_END, 1)
    recoded = now.filter(pa.array([kind == "sale" for kind in now["kind"].to_pylist()])).slice(0, 300)
    n = recoded.num_rows
    change = Change(
        pa.array(["0502"] * n),
        recoded["sku"].cast(pa.string()),
        recoded["brand"].cast(pa.string()),
        pa.array(np.ones(n, np.float32)),
        np.full(n, KEEP),
        np.zeros(n, np.bool_),
    )
    parts = (
        lines(100, market.MONTH_END - 7 * 24 * market.HOUR, 2),
        now,
        correct(recoded, change, market.MONTH_END + 90 * market.HOUR),
    )
    for i, part in enumerate(parts):
        for table, rows in split(part).items():
            if rows.num_rows:
                made.insert(table, rows, f"{i}/{table}")
    for i, (name, holding) in enumerate(HOLDING.items()):
        record = EnterpriseRecord(name, name=name, holding=holding, county="330106", valid_from=0)
        made.insert("enterprise_records", read_registry(encode(record), 0), f"e{i}")
    yield made
    made.close()


def allowed(store: EmbeddedStore, keys: tuple[str, ...]) -> set[Key]:
    """The keys under which three holdings sold, and none of them so much that the second could tell."""
    sold: dict[Key, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in store.query(f"SELECT {DAY}, * FROM sales").to_pylist():
        sold[tuple(row[key] for key in keys)][HOLDING.get(row["enterprise"], row["enterprise"])] += row["amount"]
    found = set()
    for key, of in sold.items():
        each = sorted((amount for amount in of.values() if amount > 0), reverse=True)
        if len(each) >= 3 and 10 * sum(each[2:]) >= each[0]:
            found.add(key)
    assert 10 <= len(found) < len(sold), "a rule that always says the same is not tried"
    return found


def rows_of(store: EmbeddedStore, role: Role, table: str) -> tuple[list[str], list[Row]]:
    answer = store.query_as(role, f"SELECT * FROM {table}")
    return answer.column_names, answer.to_pylist()


def by_all(rows: list[Row], names: list[str]) -> list[str]:
    return sorted(str([row[name] for name in names]) for row in rows)


def test_a_view_of_cells_shows_what_the_rule_allows_and_all_of_it(store: EmbeddedStore) -> None:
    safe = allowed(store, CELL)
    for table in CELLS:
        columns, shown = rows_of(store, Role.ANALYST, table)
        names = [name for name in columns if name not in ("city", "province")]
        every = rows_of(store, Role.AUDITOR, f"(SELECT {', '.join(names)} FROM {table})")[1]
        assert by_all(shown, names) == by_all([r for r in every if tuple(r[key] for key in CELL) in safe], names), table
        assert 0 < len(shown) < len(every), table


@pytest.mark.parametrize("what", ["brand", "origin"])
def test_a_view_of_brands_or_origins_shows_what_the_rule_allows(store: EmbeddedStore, what: str) -> None:
    keys = ("day", "code", "province", what)
    sums: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in store.query(f"SELECT {DAY}, *, entry FROM sales").to_pylist():
        for n, name in enumerate(("entry", "base_qty", "amount")):
            sums[tuple(row[key] for key in keys)][n] += row[name]
    shown = rows_of(store, Role.ANALYST, f"sales_by_{what}")[1]
    told = {tuple(r[key] for key in keys): [r["lines"], r["base_qty"], r["amount"]] for r in shown}
    assert told == {key: sums[key] for key in allowed(store, keys)}


def test_stock_is_shown_where_three_holdings_told_of_it(store: EmbeddedStore) -> None:
    told: dict[Key, set[str]] = defaultdict(set)
    for row in store.query(f"SELECT {DAY}, * FROM stock").to_pylist():
        told[tuple(row[key] for key in CELL)].add(HOLDING.get(row["enterprise"], row["enterprise"]))
    want = {key for key, names in told.items() if len(names) >= 3}
    shown = rows_of(store, Role.ANALYST, "stock_1d")[1]
    assert {tuple(row[key] for key in CELL) for row in shown} == want
    assert 0 < len(want) < len(told)


def test_what_stands_on_several_nodes_is_judged_alike(store: EmbeddedStore) -> None:
    before = {table: rows_of(store, Role.ANALYST, table) for table in CELLS}
    for statement in views(sharded=True):
        store._execute(statement)
    for table, (names, shown) in before.items():
        assert by_all(rows_of(store, Role.ANALYST, table)[1], names) == by_all(shown, names)
    for statement in views():
        store._execute(statement)


def test_who_names_a_maker_is_taken_to_have_several_nodes() -> None:
    assert views("d", "`w`")[2:] == views("d", "`w`", sharded=True)[2:] != views("d", "`w`", sharded=False)[2:]


def test_a_holding_that_is_told_later_counts_at_once(store: EmbeddedStore) -> None:
    count = "SELECT count() AS n FROM cells_1d"
    before = store.query_as(Role.ANALYST, count)["n"][0].as_py()
    for n, name in enumerate(NAMES):
        record = EnterpriseRecord(name, name=name, holding="all", county="330106", valid_from=1_000)
        store.insert("enterprise_records", read_registry(encode(record), 0), f"all{n}")
    assert (before > 0, store.query_as(Role.ANALYST, count)["n"][0].as_py()) == (True, 0)
    for n, name in enumerate(NAMES):
        record = EnterpriseRecord(name, name=name, holding=HOLDING.get(name, name), county="330106", valid_from=2_000)
        store.insert("enterprise_records", read_registry(encode(record), 0), f"back{n}")
    assert store.query_as(Role.ANALYST, count)["n"][0].as_py() == before


def test_no_two_counties_and_channels_share_the_number_that_cells_are_joined_by(store: EmbeddedStore) -> None:
    places = ", ".join(f"'{code}'" for code in ["", *regions()])
    channels = ", ".join(f"'{one}'" for one in CHANNELS)
    row = store.query(
        "SELECT count() AS n, uniqExact(cityHash64(a, b)) AS d "
        f"FROM (SELECT arrayJoin([{places}]) AS a, arrayJoin([{channels}]) AS b)"
    ).to_pylist()[0]
    assert row["n"] == row["d"] == (len(regions()) + 1) * len(CHANNELS)
