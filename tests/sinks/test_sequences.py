"""Envelopes that come again under another raw offset count once, whatever was forgotten in between."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sinks.blocks import Block, Piece, fill
from sinks.embedded import EmbeddedStore
from sinks.sequences import Envelope, envelopes_of, repeats
from sinks.written import Written
from streams.columns import CLEAN_SCHEMA
from streams.topics import CLEAN
from tests.sinks import market

Sent = tuple[str, int, int]
"""terminal, its number, raw offset"""


def lines(sent: Iterable[Sent], each: int = 2) -> pa.Table:
    """Clean lines of envelopes, ``each`` of them in one."""
    rows = list(sent)
    table = market.lines(len(rows), each, kinds=("sale",))
    for name, column in (
        ("terminal_id", pa.array([t for t, _, _ in rows for _ in range(each)], pa.string()).dictionary_encode()),
        ("seq", pa.array([s for _, s, _ in rows for _ in range(each)], pa.int64())),
        ("raw_offset", pa.array([o for _, _, o in rows for _ in range(each)], pa.int64())),
    ):
        at = CLEAN_SCHEMA.get_field_index(name)
        table = table.set_column(at, CLEAN_SCHEMA.field(at), column)
    return table


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 6)), max_size=40), st.lists(st.integers(1, 12)))
def test_an_envelope_counts_once_wherever_blocks_end(sent: list[tuple[str, int]], sizes: list[int]) -> None:
    stream = [(terminal, seq, offset) for offset, (terminal, seq) in enumerate(sent)]
    known: dict[str, int] = {}
    store: dict[Envelope, int] = {}
    at = 0
    for size in [*sizes, len(stream)]:
        part = stream[at : at + size]
        at += size
        found = repeats(lines(part), known, lambda asked: {e: store[e] for e in asked if e in store}, again=False)
        kept = [e for e, keep in zip(part, found.keep[::2].tolist(), strict=True) if keep]
        for terminal, seq, offset in kept:
            assert (terminal, seq) not in store
            store[terminal, seq] = offset
        known |= found.highest
    first: dict[Envelope, int] = {}
    for terminal, seq, offset in stream:
        first.setdefault((terminal, seq), offset)
    assert store == first


def test_only_what_is_not_above_the_highest_number_is_looked_up() -> None:
    asked: list[Envelope] = []

    def stored(envelopes: Iterable[Envelope]) -> dict[Envelope, int]:
        asked.extend(envelopes)
        return {}

    sent = [("A", 5, 0), ("A", 9, 1), ("A", 7, 2), ("B", 1, 3), ("B", 2, 4)]
    found = repeats(lines(sent), {"A": 4}, stored, again=False)
    assert asked == [("A", 7)]
    assert found.keep.all()
    assert found.highest == {"A": 9, "B": 2}


def test_a_block_that_was_begun_before_keeps_its_own_rows_and_drops_those_under_another_offset() -> None:
    sent = [("A", 1, 10), ("A", 2, 11)]
    store = {("A", 1): 3, ("A", 2): 11}
    for again, kept in ((True, [False, True]), (False, [False, False])):
        found = repeats(lines(sent), {"A": 2}, lambda _: store, again=again)
        assert found.keep[::2].tolist() == kept


def test_numbers_as_large_as_they_get_are_told_apart() -> None:
    most = (1 << 63) - 1
    sent = [("A", most, 0), ("B", 1, 1), ("A", most, 2), ("B", most - 1, 3)]
    assert repeats(lines(sent), {}, lambda _: {}, again=False).keep[::2].tolist() == [True, True, False, True]


def test_an_envelope_has_one_row_with_its_lines_by_table() -> None:
    table = market.lines(6, 70)
    rows = envelopes_of(table)
    assert rows["raw_offset"].to_pylist() == list(range(6))
    kinds = np.array(table["kind"].cast(pa.string()).to_pylist()).reshape(6, 70)
    assert rows["sales"].to_pylist() == np.isin(kinds, ("sale", "return")).sum(axis=1).tolist()
    assert rows["prices"].to_pylist() == (kinds == "price").sum(axis=1).tolist()
    assert rows["stock"].to_pylist() == (kinds == "stock").sum(axis=1).tolist()


def test_an_envelope_that_comes_again_days_and_a_restart_later_is_not_counted_again(tmp_path: Path) -> None:
    """Normalize has lost its state: the writer alone stands between the repeat and the sums."""

    def write(store: EmbeddedStore, sent: list[Sent], offset: int, *, again: bool = False) -> int:
        known = Written(store, 0)
        piece = Piece(offset, lines(sent), 1, 0.0)
        block = Block(CLEAN, "id", 0, offset, offset, (piece,), {}, again)
        filled = fill(block, known.highest, known.stored)
        for table, rows in filled.tables.items():
            store.insert(table, rows, block.token(table))
        return filled.repeats

    names = ["T-1", "a 'quoted' \\ name", "商店"]
    first = [(name, seq, 3 * seq + i) for seq in (1, 2, 4) for i, name in enumerate(names)]
    store = EmbeddedStore(tmp_path / "s")
    store.migrate()
    write(store, first, 0)
    store.close()
    store = EmbeddedStore(tmp_path / "s")
    store.migrate()
    later = [(name, seq, 100 + 3 * seq + i) for seq in (1, 2, 3, 4, 5) for i, name in enumerate(names)]
    assert write(store, later, 1) == 9 * 2
    assert write(store, later, 1, again=True) == 9 * 2
    answer = store.query("SELECT count() AS n, uniqExact(terminal_id, seq, line) AS lines FROM sales").to_pylist()
    assert answer == [{"n": 30, "lines": 30}]
    assert store.query("SELECT sum(lines) AS n FROM cells_1h").to_pylist() == [{"n": 30}]
    assert store.query("SELECT sum(sales) AS n, count() AS e FROM envelopes").to_pylist() == [{"n": 30, "e": 15}]
    assert Written(store, 0).highest == dict.fromkeys(names, 5)
    store.close()


def test_a_store_from_before_knows_its_envelopes_after_the_migration(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "s")
    store.migrate()
    table = market.lines(4, 50)
    for name, rows in fill(Block(CLEAN, "id", 0, 0, 0, (Piece(0, table, 1, 0.0),), {})).tables.items():
        if name != "envelopes":
            store.insert(name, rows, name)
    assert Written(store, 0).highest == {}
    store._execute("ALTER TABLE schema_versions DELETE WHERE version >= 4 SETTINGS mutations_sync = 1")
    store.migrate()
    rows = store.query("SELECT * FROM envelopes ORDER BY raw_offset")
    expected = envelopes_of(table)
    for column in ("terminal_id", "seq", "raw_offset", "sales", "prices", "stock"):
        assert [str(v) for v in rows[column].to_pylist()] == [str(v) for v in expected[column].to_pylist()]
    assert Written(store, 0).highest == {f"T-0-{i}": i + 1 for i in range(4)}
    store.close()
