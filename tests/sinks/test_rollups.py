"""What version 3 of the tables made: every rollup against its lines, corrections, repeats, periods, what was known."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sinks import schema
from sinks.articles import read_registry, split_registry
from sinks.blocks import Block, Piece, fill
from sinks.corrections import KEEP, Change, correct, marked
from sinks.embedded import EmbeddedStore
from sinks.rows import read_command, read_signal
from streams.records import AlertCommand, EnterpriseRecord, TerminalRecord, encode
from streams.topics import CLEAN, COMMANDS, REGISTRY
from tests.sinks import market
from tests.sinks.kept import exact, put

DAY = "toDate(ts, 'Asia/Shanghai')"


@pytest.fixture
def store(store_path: Path) -> Iterator[EmbeddedStore]:
    made = EmbeddedStore(store_path)
    made.migrate()
    yield made
    made.close()


def corrected(lines: pa.Table, code: str, at: int) -> pa.Table:
    n = lines.num_rows
    change = Change(
        pa.array([code] * n),
        lines["sku"].cast(pa.string()),
        lines["brand"].cast(pa.string()),
        pa.array(np.ones(n, np.float32)),
        np.full(n, KEEP),
        np.zeros(n, np.bool_),
    )
    return correct(lines, change, at)


def sold(lines: pa.Table, count: int) -> pa.Table:
    """The first ``count`` sales and returns among lines."""
    kinds = lines["kind"].cast(pa.string()).to_pylist()
    return lines.take([i for i, kind in enumerate(kinds) if kind in ("sale", "return")][:count])


def test_every_rollup_follows_lines_late_lines_repeats_and_corrections(store: EmbeddedStore) -> None:
    lines = market.lines(10, 100)
    late = market.lines(3, 50, offset=50, around=market.MONTH_END - 28 * 24 * market.HOUR)
    for _ in range(2):
        put(store, lines, "first")
        put(store, late, "late")
    exact(store)
    put(store, corrected(sold(lines, 80), "0502", market.MONTH_END + 90 * market.HOUR), "recode")
    exact(store)
    assert store.query("SELECT sum(lines) AS n FROM cells_1d WHERE code = '0502'")["n"].to_pylist() == [80]


def test_what_was_corrected_away_leaves_no_row_behind(store: EmbeddedStore) -> None:
    lines = sold(market.lines(2, 20, kinds=["sale"]), 20)
    put(store, lines, "first")
    put(store, corrected(lines, "0502", market.MONTH_END + 90 * market.HOUR), "recode")
    for table in ("cells_1h", "cells_1d", "items_1d", "price_buckets_1d", "brand_contributions_1d"):
        store._execute(f"OPTIMIZE TABLE {table} FINAL")
        assert store.query(f"SELECT uniqExact(code) AS n, any(code) AS c FROM {table}").to_pylist() == [
            {"n": 1, "c": "0502"}
        ]


def test_the_median_from_buckets_is_within_one_percent(store: EmbeddedStore) -> None:
    put(store, market.lines(10, 300), "t")
    by_lines = store.query(
        f"SELECT {DAY} AS day, code, county, channel, toInt64(count()) AS n, quantileExactLow(0.5)(unit_price) AS low, "
        "quantileExactHigh(0.5)(unit_price) AS high FROM sales "
        "WHERE kind = 'sale' AND unit_price > 0 AND bitAnd(quality, 32) = 0 GROUP BY ALL ORDER BY ALL"
    ).to_pylist()
    kept = store.query(
        "SELECT day, code, county, channel, lines, median, p10, p90 FROM price_quantiles_1d "
        "ORDER BY day, code, county, channel"
    ).to_pylist()
    assert [row["n"] for row in by_lines] == [row["lines"] for row in kept]
    for exact_row, row in zip(by_lines, kept, strict=True):
        assert exact_row["low"] * 0.9899 <= row["median"] <= exact_row["high"] * 1.0101
        assert row["p10"] <= row["median"] <= row["p90"]


def test_an_hour_and_a_minute_are_of_a_day_of_china(store: EmbeddedStore) -> None:
    put(store, market.lines(2, 100), "t")
    for table, unit in (("cells_1h", "hour"), ("cells_1m", "minute")):
        told = store.query(f"SELECT countIf(day = toDate({unit}, 'Asia/Shanghai')) AS n, count() AS all FROM {table}")
        row = told.to_pylist()[0]
        assert 0 < row["n"] == row["all"]


def test_signals_of_one_tick_and_several_lengths_are_all_kept(store: EmbeddedStore) -> None:
    one = read_signal(encode(market.signal()), 0)
    for n, length in enumerate((900_000, 0, 86_400_000, 0)):
        rows = one.set_column(one.column_names.index("tick_ms"), "tick_ms", pa.array([length]))
        store.insert("signals", rows, f"s{n}")
    assert store.query("SELECT tick_ms FROM signals ORDER BY tick_ms")["tick_ms"].to_pylist() == [
        0,
        900_000,
        86_400_000,
    ]


def test_what_was_known_at_a_time_is_the_lines_that_had_come_and_as_they_were_coded_then(store: EmbeddedStore) -> None:
    lines = sold(market.lines(2, 30, kinds=["sale"]), 60)
    late = sold(market.lines(1, 10, offset=9, kinds=["sale"]), 10)
    sent = pa.array([market.MONTH_END + 100 * market.HOUR] * 10).cast(pa.timestamp("ms", "UTC"))
    late = late.set_column(late.column_names.index("sent_at"), late.schema.field("sent_at"), sent)
    put(store, lines, "first")
    put(store, late, "late")
    recoded = corrected(lines.slice(0, 20), "0502", market.MONTH_END + 200 * market.HOUR)
    put(store, recoded, "recode")
    put(store, corrected(recoded.slice(20), "0503", market.MONTH_END + 300 * market.HOUR), "again")

    def known(hours: int) -> tuple[int, int, int]:
        at = dt.datetime.fromtimestamp(market.MONTH_END / 1000 + hours * 3600, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
        row = store.query(
            "SELECT count() AS n, countIf(code = '0502') AS a, countIf(code = '0503') AS b "
            f"FROM sales_known_at(at = '{at}')"
        ).to_pylist()[0]
        cells = store.query(
            "SELECT sum(lines) AS n, sumIf(lines, code = '0502') AS a, sumIf(lines, code = '0503') AS b "
            f"FROM cells_1d_known_at(at = '{at}')"
        ).to_pylist()[0]
        assert cells == row
        return row["n"], row["a"], row["b"]

    assert [known(h) for h in (-50, 90, 150, 250, 350)] == [
        *((0, 0, 0), (60, 0, 0), (70, 0, 0), (70, 20, 0), (70, 0, 20)),
    ]
    now = store.query("SELECT seq, line, code FROM sales_now ORDER BY ALL")
    assert now.equals(
        store.query("SELECT seq, line, code FROM sales_known_at(at = '2099-01-01 00:00:00') ORDER BY ALL")
    )


def piece(offset: int, rows: pa.Table) -> Piece:
    return Piece(offset, rows, 1, 0.0)


def test_the_registry_is_kept_with_what_held_before(store: EmbeddedStore) -> None:
    records = (
        TerminalRecord("T-1", "E-1", "330602"),
        TerminalRecord("T-2", "E-1", "330602", "wholesale", valid_to=7_000),
        EnterpriseRecord("E-1", name="一号", valid_from=1_000),
        TerminalRecord("T-1", "E-2", "330604", valid_from=5_000),
        EnterpriseRecord("E-1", name="一号", holding="H", valid_from=9_000),
        market.decision("E-1", "S", "0301"),
        EnterpriseRecord("E-2"),
    )
    pieces = tuple(piece(n, read_registry(encode(one), 0)) for n, one in enumerate(records))
    filled = fill(Block(REGISTRY, "id", 0, 0, 6, (*pieces, piece(7, read_registry(b"", 0))), {}))
    assert {name: rows.num_rows for name, rows in filled.tables.items()} == {
        "decisions": 1,
        "terminal_records": 3,
        "enterprise_records": 3,
    }
    for _ in range(2):
        for table, rows in filled.tables.items():
            store.insert(table, rows, f"{table}/{_}")
    end = "toDateTime64('2106-01-01 00:00:00', 3, 'UTC')"
    periods = store.query(
        "SELECT terminal_id, enterprise, toUnixTimestamp64Milli(valid_from) AS since, "
        f"if(valid_to = {end}, -1, toUnixTimestamp64Milli(valid_to)) AS until FROM terminals "
        "ORDER BY terminal_id, since"
    )
    assert [tuple(row.values()) for row in periods.to_pylist()] == [
        *(("T-1", "E-1", 0, 5_000), ("T-1", "E-2", 5_000, -1), ("T-2", "E-1", 0, 7_000)),
    ]
    holdings = store.query("SELECT holding FROM enterprises ORDER BY enterprise, valid_from")
    assert holdings["holding"].to_pylist() == ["E-1", "H", "E-2"]


def test_records_of_every_kind_go_to_their_tables_alone() -> None:
    rows = [read_registry(encode(TerminalRecord("T", "E", "330602")), 0), read_registry(b"", 0)]
    assert {name: table.num_rows for name, table in split_registry(rows).items()} == {
        "terminal_records": 1,
        "decisions": 0,
    }


def test_what_people_did_with_an_alert_stands_beside_its_revisions(store: EmbeddedStore) -> None:
    commands = [
        AlertCommand("c-1", "a-1", "acknowledge", "Li", market.MONTH_END, revision=1),
        AlertCommand("c-2", "a-1", "comment", "Li", market.MONTH_END + 1, comment="盐已调运"),
        AlertCommand("c-2", "a-1", "comment", "Li", market.MONTH_END + 1, comment="盐已调运"),
    ]
    pieces = tuple(piece(n, read_command(encode(one), 0)) for n, one in enumerate(commands))
    filled = fill(Block(COMMANDS, "id", 0, 0, 3, (*pieces, piece(3, read_command(b"", 0))), {}))
    store.insert("alert_actions", filled.tables["alert_actions"], "t")
    found = store.query("SELECT action, author, comment FROM alert_actions WHERE alert_id = 'a-1' ORDER BY at")
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        *(("acknowledge", "Li", ""), ("comment", "Li", "盐已调运")),
    ]


def test_lines_are_dropped_after_their_years_rollups_and_lines_of_a_dead_clock_are_not(store: EmbeddedStore) -> None:
    now = store.query("SELECT toUnixTimestamp64Milli(now64(3)) AS n")["n"][0].as_py()
    year = 365 * 24 * market.HOUR
    for name, around in (("now", now), ("old", now - 4 * year), ("dead", 400 * 24 * market.HOUR)):
        put(store, market.lines(1, 70, around=around, offset=len(name)), name)
    before = store.query("SELECT sum(lines) AS n FROM cells_1d")["n"].to_pylist()
    count = "SELECT (SELECT count() FROM sales) + (SELECT count() FROM prices) + (SELECT count() FROM stock) AS n"
    for years, left in ((5, 210), (3, 140), (3, 140)):
        store.retain(years)
        for table in schema.LINE_TABLES:
            store._execute(f"OPTIMIZE TABLE {table} FINAL")
        assert store.query(count)["n"].to_pylist() == [left]
    assert store.query("SELECT sum(lines) AS n FROM cells_1d")["n"].to_pylist() == before
    assert store.query("SELECT count() AS n FROM system.mutations WHERE NOT is_done")["n"].to_pylist() == [0]


def test_presence_says_who_reported_on_which_day_and_corrections_are_no_reports(store: EmbeddedStore) -> None:
    lines = market.lines(20, 30)
    recoded = marked(corrected(sold(lines, 50), "0502", market.MONTH_END + 900 * market.HOUR), 1)
    filled = fill(Block(CLEAN, "id", 0, 0, 2, (piece(0, lines), piece(1, recoded)), {}))
    for _ in range(2):
        for table, rows in filled.tables.items():
            store.insert(table, rows, f"t/{table}")
    firsts = {(row["terminal_id"], row["seq"]): row for row in reversed(lines.to_pylist())}
    want: dict[tuple[str, dt.date], tuple[int, int]] = {}
    for (terminal, seq), row in firsts.items():
        day = (row["sent_at"] + dt.timedelta(hours=8)).date()
        count = sum(1 for one in lines["seq"].to_pylist() if one == seq)
        had = want.get((terminal, day), (0, 0))
        want[terminal, day] = (had[0] + 1, had[1] + count)
    seen = store.query("SELECT terminal_id, day, sum(envelopes) AS e, sum(lines) AS l FROM presence GROUP BY ALL")
    assert {(r["terminal_id"], r["day"]): (r["e"], r["l"]) for r in seen.to_pylist()} == want
