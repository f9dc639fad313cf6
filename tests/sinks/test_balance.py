"""Rollups against their lines on the real engine: equal when written by the protocol, and the check bites."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from sinks.balance import BALANCES, faults
from sinks.blocks import Block, Piece, fill
from sinks.embedded import EmbeddedStore
from streams.columns import CLEAN_SCHEMA
from streams.topics import CLEAN
from tests.sinks import market


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path / "s")
    store.migrate()
    write(store)
    yield store
    store.close()


def write(store: EmbeddedStore, offset: int = 0) -> None:
    table = market.lines(6, 80, offset=offset)
    # An envelope is sent at one time.
    at = CLEAN_SCHEMA.get_field_index("sent_at")
    sent = pa.array([market.MONTH_END + 40 * market.HOUR] * table.num_rows, pa.timestamp("ms", "UTC"))
    table = table.set_column(at, CLEAN_SCHEMA.field(at), sent)
    block = Block(CLEAN, "id", 0, offset, offset, (Piece(offset, table, 1, 0.0),), {})
    for name, rows in fill(block).tables.items():
        store.insert(name, rows, block.token(name))


def test_rollups_are_the_sums_of_their_lines(store: EmbeddedStore) -> None:
    done: list[int] = []
    assert faults(store.query, None, lambda: done.append(1)) == []
    assert len(done) == len(BALANCES)


def test_a_block_written_again_changes_nothing(store: EmbeddedStore) -> None:
    write(store)
    assert faults(store.query, None) == []


def test_without_deduplication_of_views_a_block_written_again_is_found(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = EmbeddedStore.INSERT_SETTINGS | {"deduplicate_blocks_in_dependent_materialized_views": 0}
    monkeypatch.setattr(EmbeddedStore, "INSERT_SETTINGS", settings)
    write(store)
    found = faults(store.query, None)
    rollups = {"cells_1h", "cells_1d", "items_1d", "sales_1d", "presence", "contributions_1d", "brand_contributions_1d"}
    assert {one.split(",")[0] for one in found} >= rollups


def test_a_sum_in_the_wrong_place_is_found_though_the_total_is_right(store: EmbeddedStore) -> None:
    for county, sign in (("330602", -1), ("990101", 1)):
        store._execute(
            "INSERT INTO cells_1d (code, county, channel, day, amount) "
            f"VALUES ('1001', '{county}', 'wholesale', '2025-09-30', {sign * 500})"
        )
    assert faults(store.query, None) == ["cells_1d, 2025-09-30: amount adds up, but not by code, county, channel"]


def test_one_day_is_asked_for_alone(store: EmbeddedStore) -> None:
    store._execute(
        "INSERT INTO cells_1d (code, county, channel, day, lines) VALUES ('1001', '330602', 'x', '2025-09-30', 1)"
    )
    assert [one.split(":")[0] for one in faults(store.query, date(2025, 9, 30))] == ["cells_1d, 2025-09-30"]
    assert faults(store.query, date(2025, 10, 1)) == []
