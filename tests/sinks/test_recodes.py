"""Which lines are to be corrected, and what their corrections do to lines, sums and rollups."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from deploy.recoding import corrections
from sinks.articles import read_registry, read_skus
from sinks.blocks import Block, Filled, Piece, fill, split
from sinks.corrections import begin, marked
from sinks.embedded import EmbeddedStore
from sinks.recodes import After, page, plan
from sinks.rows import read_clean
from sinks.schema import LINE_TABLES
from streams.columns import CLEAN_SCHEMA, Quality, to_bytes
from streams.records import SPLIT, Decision, SkuRecord, encode
from streams.topics import CLEAN
from tests.sinks import market

JOB = market.MONTH_END + 90 * 24 * market.HOUR
SKU = "6901234500001"
"""Of code 0301; each enterprise of the market sells it."""


@pytest.fixture
def store(store_path: Path) -> Iterator[EmbeddedStore]:
    made = EmbeddedStore(store_path)
    made.migrate()
    write(made, market.lines(20, 100), "first")
    yield made
    made.close()


def write(store: EmbeddedStore, lines: pa.Table, token: str) -> None:
    for table, rows in split(lines).items():
        if rows.num_rows:
            store.insert(table, rows, f"{token}/{table}")


def decide(store: EmbeddedStore, *decisions: Decision) -> None:
    for one in decisions:
        store.insert("decisions", read_registry(encode(one), 0), f"decision/{one.at}/{len(one.sku)}/{one.enterprise}")


def describe(store: EmbeddedStore, *skus: SkuRecord, at: int = market.MONTH_END) -> None:
    store.insert("skus", read_skus(encode(market.sightings(*skus, at=at)), 0), f"skus/{at}")


def recode(store: EmbeddedStore, at: int = JOB, since: int = 0, rows: int = 7) -> int:
    """Correct all that is to be corrected, in pages of ``rows``; returns how many lines."""
    lines = 0
    for table in LINE_TABLES:
        for code in sorted(set(store.query(plan(table, since))["code"].to_pylist())):
            after = None
            while (held := store.query(page(table, since, 0, code, after, rows))).num_rows:
                lines += held.num_rows
                sent = read_clean(to_bytes(marked(corrections(table, held, at), at).combine_chunks()), 0)
                write(store, sent, f"{table}/{at}/{lines}")
                after = After(*(held[name][-1].as_py() for name in After._fields))
    return lines


def left(store: EmbeddedStore) -> int:
    return sum(sum(store.query(plan(table, 0))["lines"].to_pylist()) for table in LINE_TABLES)


def one(store: EmbeddedStore, sql: str) -> dict[str, int]:
    found: dict[str, int] = store.query(sql).to_pylist()[0]
    return found


SUMS = "sum(qty) AS q, sum(base_qty) AS b, sum(amount) AS a"


def test_a_decided_article_moves_to_its_code_and_everything_else_stays(store: EmbeddedStore) -> None:
    total = f"SELECT sum(entry) AS n, {SUMS} FROM sales"
    of_article = f"SELECT count() AS n, {SUMS} FROM sales_now WHERE enterprise = 'E-1' AND sku = '{SKU}' AND code = "
    before, article = one(store, total), one(store, of_article + "'0301'")
    decide(store, market.decision("E-1", SKU, "0302"))
    assert left(store) == recode(store) > article["n"] > 0
    assert one(store, total) == before
    assert one(store, of_article + "'0302'") == article
    assert one(store, of_article + "'0301'")["n"] == 0
    assert one(
        store, f"SELECT count() AS n FROM sales_now WHERE enterprise = 'E-2' AND sku = '{SKU}' AND code = '0301'"
    )["n"]


def test_the_rollups_follow_and_count_each_line_once(store: EmbeddedStore) -> None:
    decide(store, market.decision("E-1", SKU, "0302"), market.decision("E-2", SKU, "0401"))
    recode(store)
    by_line = (
        "SELECT code, count() AS n, sum(base_qty) AS b, sum(amount) AS a FROM sales_now GROUP BY code ORDER BY code"
    )
    for rollup in ("cells_1h", "sales_1d", "sales_by_brand", "sales_by_origin"):
        summed = f"SELECT code, sum(lines) AS n, sum(base_qty) AS b, sum(amount) AS a FROM {rollup} GROUP BY code "
        assert store.query(summed + "HAVING n != 0 ORDER BY code").to_pylist() == store.query(by_line).to_pylist()
    assert (
        one(store, "SELECT sum(lines) AS n FROM cells_1h")["n"] == one(store, "SELECT count() AS n FROM sales_now")["n"]
    )


def test_what_was_known_before_is_what_was_stored_before(store: EmbeddedStore) -> None:
    known = f"SELECT code, sum(entry) AS n, {SUMS} FROM sales WHERE known_at < fromUnixTimestamp64Milli(toInt64({{}})) "
    known += "GROUP BY code HAVING n != 0 ORDER BY code"
    past = store.query(known.format(JOB)).to_pylist()
    decide(store, market.decision("E-1", SKU, "0302"))
    recode(store, JOB)
    decide(store, market.decision("E-1", SKU, "0401", at=market.MONTH_END + 1))
    between = store.query(known.format(JOB + 1)).to_pylist()
    recode(store, JOB + 1000)
    assert store.query(known.format(JOB)).to_pylist() == past
    assert store.query(known.format(JOB + 1)).to_pylist() == between
    assert "0302" in {row["code"] for row in between}
    assert one(store, "SELECT sum(entry) AS n FROM sales WHERE code = '0302'")["n"] == 0


def test_a_code_may_go_and_come_back(store: EmbeddedStore) -> None:
    start = store.query("SELECT * EXCEPT (method, quality, sent_at) FROM sales_now ORDER BY terminal_id, seq, line")
    for number, code in enumerate(("0302", "0401", "0301")):
        decide(store, market.decision("E-1", SKU, code, at=market.MONTH_END + number))
        assert recode(store, JOB + number) > 0
        assert recode(store, JOB + number) == left(store) == 0
    now = store.query("SELECT * EXCEPT (method, quality, sent_at) FROM sales_now ORDER BY terminal_id, seq, line")
    assert now.drop(["base_qty", "unit_price", "known_at"]).equals(start.drop(["base_qty", "unit_price", "known_at"]))


def test_the_last_decision_holds_and_one_that_was_withdrawn_gives_way_to_the_description(store: EmbeddedStore) -> None:
    decide(store, market.decision("E-1", SKU, "0302"), market.decision("E-1", SKU, "0401", at=market.MONTH_END + 1))
    assert {row["new_code"] for row in store.query(plan("sales", 0)).to_pylist()} == {"0401"}
    decide(store, market.decision("E-1", SKU, "", verdict="withdrawn", at=market.MONTH_END + 2))
    describe(store, market.article("E-1", SKU, "0401", method="review"))
    assert left(store) == 0
    describe(store, market.article("E-1", SKU, "99", method="none"), at=market.MONTH_END + 1)
    assert {row["new_code"] for row in store.query(plan("sales", 0)).to_pylist()} == {"99"}
    recode(store)
    marks = store.query(
        f"SELECT DISTINCT bitAnd(quality, 8) AS m FROM sales_now WHERE enterprise = 'E-1' AND sku = '{SKU}'"
    )
    assert marks["m"].to_pylist() == [Quality.UNCLASSIFIED]


def test_what_normalize_learned_from_decisions_moves_lines_and_what_it_guessed_does_not(store: EmbeddedStore) -> None:
    describe(
        store, market.article("E-1", SKU, "0302", method="name"), market.article("E-2", SKU, "0302", method="gtin")
    )
    assert {row["enterprise"] for row in store.query(plan("sales", 0)).to_pylist()} == {"E-2"}


def test_the_names_of_a_sku_that_was_split_are_articles_of_their_own(store: EmbeddedStore) -> None:
    other = market.lines(20, 50, offset=500)
    renamed = other.set_column(
        other.schema.get_field_index("name"), CLEAN_SCHEMA.field("name"), pa.array(["鸡蛋"] * 1000).dictionary_encode()
    )
    write(store, renamed, "renamed")
    decide(
        store,
        market.decision("E-1", SKU, "", verdict="split"),
        market.decision("E-1", f"{SKU}{SPLIT}鸡蛋", "0401", at=market.MONTH_END + 1),
    )
    describe(store, market.article("E-1", f"{SKU}{SPLIT}商品 1", "0302", method="name"))
    recode(store)
    found = store.query(
        f"SELECT DISTINCT sku, name, code FROM sales_now WHERE enterprise = 'E-1' AND sku LIKE '{SKU}%'"
    )
    assert {(r["sku"], r["name"], r["code"]) for r in found.to_pylist()} == {
        (f"{SKU}{SPLIT}鸡蛋", "鸡蛋", "0401"),
        (f"{SKU}{SPLIT}商品 1", "商品 1", "0302"),
    }
    assert left(store) == 0


def test_only_lines_from_the_given_time_on_are_corrected(store: EmbeddedStore) -> None:
    decide(store, market.decision("E-1", SKU, "0302"))
    recode(store, since=market.MONTH_END)
    found = store.query(
        f"SELECT DISTINCT code, ts >= fromUnixTimestamp64Milli(toInt64({market.MONTH_END})) AS late "
        f"FROM sales_now WHERE enterprise = 'E-1' AND sku = '{SKU}'"
    )
    assert {(r["code"], bool(r["late"])) for r in found.to_pylist()} == {("0302", True), ("0301", False)}


@pytest.mark.parametrize(
    ("unit", "content", "described", "want"),
    [
        ("袋", 2_500, 0, (lambda qty: qty * 2_500)),
        ("kg", 2_500, 0, (lambda qty: qty * 1_000)),
        ("袋", 0, 400, (lambda qty: qty * 400)),
    ],
)
def test_quantities_are_reckoned_anew_where_the_measure_is_known(
    store: EmbeddedStore, unit: str, content: int, described: int, want: Callable[[int], int]
) -> None:
    lines = market.lines(2, 100, offset=900, kinds=("sale", "return", "price"))
    units = pa.array([unit] * lines.num_rows).dictionary_encode()
    skus = pa.array(["S-1"] * lines.num_rows).dictionary_encode()
    lines = lines.set_column(lines.schema.get_field_index("unit"), CLEAN_SCHEMA.field("unit"), units)
    lines = lines.set_column(lines.schema.get_field_index("sku"), CLEAN_SCHEMA.field("sku"), skus)
    write(store, lines, "packs")
    decide(store, market.decision("E-1", "S-1", "0302", content=content))
    describe(store, market.article("E-1", "S-1", "0302", unit=unit, method="review", per_unit=described))
    recode(store)
    rows = store.query(
        "SELECT qty, base_qty, amount, unit_price FROM sales_now WHERE sku = 'S-1' AND code = '0302'"
    ).to_pylist()
    assert rows
    for row in rows:
        assert row["base_qty"] == int(np.sign(row["qty"])) * ((want(abs(row["qty"])) + 500) // 1000)
        assert row["unit_price"] == round(abs(row["amount"]) * 100_000 / abs(row["base_qty"]))
    tag = store.query(
        "SELECT amount, base_qty, unit_price FROM prices_now WHERE sku = 'S-1' AND code = '0302'"
    ).to_pylist()[0]
    assert (tag["base_qty"], tag["unit_price"]) == (0, round(tag["amount"] * 100_000 / want(1)))


def test_lines_that_could_not_be_measured_are_once_a_decision_says_what_the_unit_holds(store: EmbeddedStore) -> None:
    lines = market.lines(2, 100, offset=900, kinds=("sale",))
    for name, value in (("sku", "S-1"), ("unit", "袋"), ("code", "0301")):
        same = pa.array([value] * lines.num_rows).dictionary_encode()
        lines = lines.set_column(lines.schema.get_field_index(name), CLEAN_SCHEMA.field(name), same)
    for name, number in (("quality", int(Quality.UNIT_UNKNOWN)), ("base_qty", 0), ("unit_price", 0)):
        field = CLEAN_SCHEMA.field(name)
        same = pa.array([number] * lines.num_rows, field.type)
        lines = lines.set_column(lines.schema.get_field_index(name), field, same)
    write(store, lines, "packs")
    decide(store, market.decision("E-1", "S-1", "0301", verdict="accepted", content=2_500))
    assert left(store) == 0
    described = market.article("E-1", "S-1", "0301", unit="袋", method="review", per_unit=2_500)
    describe(store, described)
    assert (
        recode(store)
        == one(
            store,
            "SELECT count() AS n FROM sales WHERE sku = 'S-1' AND enterprise = 'E-1' AND entry > 0 AND base_qty = 0",
        )["n"]
    )
    assert left(store) == 0
    assert one(
        store,
        "SELECT countIf(base_qty = intDiv(qty * 2500 + 500, 1000) AND bitAnd(quality, 2) = 0) AS good, count() AS n "
        "FROM sales_now WHERE sku = 'S-1' AND enterprise = 'E-1'",
    ) == one(store, "SELECT count() AS good, count() AS n FROM sales_now WHERE sku = 'S-1' AND enterprise = 'E-1'")


def test_a_line_that_says_it_was_sent_later_than_now_is_corrected_too(store: EmbeddedStore) -> None:
    decide(store, market.decision("E-1", SKU, "0302"))
    assert recode(store, at=0) > 0
    assert left(store) == 0


def test_both_entries_are_marked_and_keep_the_identity_of_the_line(store: EmbeddedStore) -> None:
    decide(store, market.decision("E-1", SKU, "0302"))
    recode(store)
    rows = store.query(
        "SELECT terminal_id, seq, line, groupArray((entry, code, method)) AS entries FROM "
        "(SELECT * , entry FROM sales WHERE bitAnd(quality, 3072) != 0 ORDER BY entry) "
        "GROUP BY terminal_id, seq, line"
    ).to_pylist()
    assert rows
    for row in rows:
        said = [tuple(entry.values()) for entry in row["entries"]]
        assert said == [(-1, "0301", "recode"), (1, "0302", "recode")]


def pieces(*rows: pa.Table) -> tuple[Piece, ...]:
    return tuple(
        Piece(offset, read_clean(to_bytes(table.combine_chunks()), 0), 1, 0.0) for offset, table in enumerate(rows)
    )


def lines_in(filled: Filled) -> int:
    return sum(filled.tables[name].num_rows for name in LINE_TABLES if name in filled.tables)


def test_corrections_are_taken_though_their_lines_are_below_the_high_water() -> None:
    lines = market.lines(3, 10)
    filled = fill(Block(CLEAN, "id", 0, 0, 2, pieces(lines, begin(5), marked(lines, 5), lines), {"0": -1}))
    assert filled.high == {"0": 2, "0c": 5}
    assert (lines_in(filled), filled.repeats, filled.tables["envelopes"].num_rows) == (60, 30, 3)


def test_what_an_earlier_job_sends_after_a_later_one_has_begun_is_dropped() -> None:
    lines = market.lines(1, 10)
    block = Block(CLEAN, "id", 0, 0, 2, pieces(marked(lines, 5), begin(6), marked(lines, 5), marked(lines, 6)), {})
    filled = fill(block)
    assert (lines_in(filled), filled.high) == (20, {"0c": 6})
    again = fill(Block(CLEAN, "id", 0, 3, 3, pieces(marked(lines, 5)), filled.high))
    assert again.tables == {}
