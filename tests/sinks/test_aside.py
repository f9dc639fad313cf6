"""Rows that a store does not take go aside, and the stream goes on."""

from pathlib import Path

import pyarrow as pa
import pytest

from sinks.aside import TRIES, Aside, is_to_blame
from sinks.blocks import Block, Piece, fill
from sinks.config import WriterConfig
from sinks.embedded import EmbeddedStore
from sinks.store import InsertError
from sinks.writer import Writer
from streams.records import encode
from streams.topics import ALERTS, CLEAN
from tests.sinks import market
from tests.waiting import until

TYPE_MISMATCH = "Code: 53. DB::Exception: Cannot convert"


class PickyStore(EmbeddedStore):
    """Takes no prices of the first envelopes, whatever it is told."""

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        if table == "prices" and 0 in rows["raw_offset"].to_pylist():
            raise InsertError(TYPE_MISMATCH)
        super().insert(table, rows, token)


def block(rows: pa.Table) -> Block:
    return Block(CLEAN, "x", 0, 0, 0, (Piece(0, rows, 1, 0.0),), {})


@pytest.mark.parametrize(
    ("table", "error", "tries", "to_blame"),
    [
        ("sales", TYPE_MISMATCH, TRIES, True),
        ("sales", TYPE_MISMATCH, TRIES - 1, False),
        ("sales", "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space", 10 * TRIES, False),
        ("sales", "Code: 252. DB::Exception: Too many parts", 10 * TRIES, False),
        ("sales", "connection refused", 10 * TRIES, False),
        ("rejected", TYPE_MISMATCH, 10 * TRIES, False),
        ("envelopes", TYPE_MISMATCH, 10 * TRIES, False),
    ],
)
def test_rows_are_to_blame_when_the_engine_refuses_them_often_for_no_trouble_of_its_own(
    table: str, error: str, tries: int, to_blame: bool
) -> None:
    assert is_to_blame(table, error, tries) is to_blame


def test_what_went_aside_stays_there_after_a_restart_and_each_envelope_adds_up(tmp_path: Path) -> None:
    filled = fill(block(market.lines(3, 60)))
    prices = filled.tables["prices"]
    Aside(tmp_path).put(block(market.lines(3, 60)), "prices", prices, TYPE_MISMATCH)
    left = Aside(tmp_path).without(block(market.lines(3, 60)), filled).tables
    assert set(left) == {"sales", "stock", "envelopes", "rejected"}
    assert list(left)[-1] == "rejected"
    envelopes, refused = left["envelopes"].to_pylist(), left["rejected"].to_pylist()
    before = {row["raw_offset"]: row["prices"] for row in filled.tables["envelopes"].to_pylist()}
    assert {row["raw_offset"]: row["lines"] for row in refused} == before
    assert {row["prices"] for row in envelopes} == {0}
    assert {(row["reason"], row["field"], row["got"], row["source"]) for row in refused} == {
        ("internal", "prices", TYPE_MISMATCH, "pos.raw")
    }
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert pa.ipc.open_stream(file.read_bytes()).read_all().num_rows == prices.num_rows


def test_a_block_that_is_not_aside_is_left_as_it_is(tmp_path: Path) -> None:
    filled = fill(block(market.lines(2, 30)))
    assert Aside(tmp_path).without(block(market.lines(2, 30)), filled).tables == filled.tables


@pytest.mark.e2e
def test_the_stream_goes_on_without_the_rows_and_every_line_is_stored_or_refused(
    quiet: str, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.aside.TRIES", 3)
    tables = [market.lines(3, 60, offset=4 * n) for n in range(6)]
    market.send(quiet, [(CLEAN, 0, market.clean_message(table)) for table in tables])
    market.send(quiet, [(ALERTS, 0, encode(market.alert(1)))])
    store = PickyStore(store_path)
    writer = Writer(WriterConfig(quiet, store_path, 100, flush_seconds=0.1, group="aside"), store)

    def counted() -> dict[str, int]:
        writer.step(0.05)
        counts = ", ".join(f"(SELECT count() FROM {table}) AS {table}" for table in ("sales", "prices", "stock"))
        rest = "(SELECT sum(lines) FROM rejected) AS refused, (SELECT count() FROM alerts) AS alerts"
        row: dict[str, int] = store.query(f"SELECT {counts}, {rest}").to_pylist()[0]
        return row

    until(lambda: sum(counted().values()) == 6 * 180 + 1, 60, "every line to be stored or refused")
    kinds = pa.concat_tables(tables)["kind"].cast(pa.string()).to_pylist()
    row = counted()
    assert row["refused"] == tables[0]["kind"].cast(pa.string()).to_pylist().count("price")
    assert row["prices"] == kinds.count("price") - row["refused"]
    assert row["alerts"] == 1
    until(lambda: counted() and writer.health() is None, 20, "the writer to be well")
    writer.close()
    store.close()
