"""Files of sales through a map to lines and terminals: exact sums, malformed rows named, ticks in order."""

import csv
import gzip
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from streams.records import Mapping, TerminalRecord
from streams.replay import MapError, Replay, drive, load_map, read
from streams.terminal import Fleet
from streams.ticks import number_of
from streams.topics import DAY_MS, HOUR_MS
from tests.streams.wire import Wire

DATA = Path(__file__).parents[3] / "shared" / "data"
CUMCM = DATA / "cumcm2023c_cn_supermarket" / "daily_sales.csv"
FRESH = DATA / "freshretailnet_50k" / "hourly_city9_demo.csv.gz"

MAP = """\
title = "a test"
tick = "1h"
zone = "+08:00"
time = {column = "when", format = "%Y-%m-%d %H:%M:%S"}
sku = {column = "sku"}
name = {column = "name"}
qty = {column = "qty", unit = "kg"}
price = {column = "price"}
promo = {column = "discount", below = 1}
stockout = {column = "out", equals = "yes"}
terminal = {column = "till", prefix = "t-"}
county = {column = "county"}
enterprise = {column = "chain"}
code = {column = "what", values = {salt = "1001", rice = "0101"}}
"""
HEADER = "when,till,chain,county,sku,name,what,qty,price,discount,out"
MIDNIGHT = 1_710_691_200_000
"""2024-03-18 00:00 in China"""


def row(when: str = "09:15:00", till: str = "1", **changes: str) -> str:
    fields = {
        "when": f"2024-03-18 {when}",
        "till": till,
        "chain": "e-1",
        "county": "330602",
        "sku": "s1",
        "name": "盐",
        "what": "salt",
        "qty": "1",
        "price": "2.5",
        "discount": "1.0",
        "out": "no",
    }
    return ",".join({**fields, **changes}.values())


def replay(tmp_path: Path, *rows: str, how: str = MAP, header: str = HEADER, encoding: str = "utf-8") -> Replay:
    (tmp_path / "map.toml").write_text(how, encoding="utf-8")
    (tmp_path / "sales.csv").write_text("\n".join([header, *rows, ""]), encoding=encoding)
    return read(tmp_path / "sales.csv", load_map(tmp_path / "map.toml"))


def column(found: Replay, name: str) -> list[object]:
    values: list[object] = found.table.column(name).to_pylist()
    return values


def times(found: Replay) -> list[int]:
    values: list[int] = found.table.column("ts").cast(pa.int64()).to_pylist()
    return values


def test_a_row_becomes_a_line_a_terminal_and_a_mapping(tmp_path: Path) -> None:
    found = replay(tmp_path, row(discount="0.8"))
    assert found.table.to_pylist() == [
        {
            "tick": number_of(MIDNIGHT, HOUR_MS) + 9,
            "terminal": 0,
            "ts": found.table.column("ts")[0].as_py(),
            "kind": "sale",
            "sku": "s1",
            "unit": "kg",
            "qty": 1000,
            "amount": 250,
            "promo": True,
            "name": "盐",
        }
    ]
    assert times(found) == [MIDNIGHT + 9 * HOUR_MS + 15 * 60_000]
    assert found.terminals == [TerminalRecord("t-1", "e-1", "330602", "supermarket")]
    assert found.mappings == {"e-1": [Mapping("s1", "1001", unit="kg")]}
    assert (found.rows, found.lines, found.malformed, found.problems) == (1, 1, 0, [])
    assert (found.tick_ms, found.idle_ms) == (HOUR_MS, 3650 * DAY_MS)


def test_amounts_are_rounded_from_exact_products(tmp_path: Path) -> None:
    found = replay(tmp_path, row(qty="0.0005", price="10"), row(qty="1.005", price="1.00"), row(qty="3", price="0.335"))
    assert column(found, "qty") == [1, 1005, 3000]
    assert column(found, "amount") == [1, 101, 101]


def test_an_amount_column_is_taken_as_it_is_and_scales_apply(tmp_path: Path) -> None:
    how = MAP.replace("price = {column", "amount = {scale = 0.01, column").replace(
        'unit = "kg"', 'unit = "kg", scale = 0.5'
    )
    found = replay(tmp_path, row(qty="3", price="250"), how=how)
    assert (column(found, "qty"), column(found, "amount")) == ([1500], [250])


def test_without_price_and_amount_the_amounts_are_nil(tmp_path: Path) -> None:
    found = replay(tmp_path, row(), how=MAP.replace('price = {column = "price"}\n', ""))
    assert column(found, "amount") == [0]


def test_a_negative_quantity_is_a_return_and_nothing_on_the_wire_is_negative(tmp_path: Path) -> None:
    found = replay(tmp_path, row(qty="-2"))
    assert (column(found, "kind"), column(found, "qty"), column(found, "amount")) == (["return"], [2000], [500])


def test_no_quantity_is_no_line_but_a_stockout_is_a_stock_line_of_nothing(tmp_path: Path) -> None:
    found = replay(tmp_path, row(qty="0"), row("10:00:00", qty="0", out="yes"), row("11:00:00", qty="0.5", out="yes"))
    assert list(zip(column(found, "kind"), column(found, "qty"), column(found, "amount"), strict=True)) == [
        ("stock", 0, 0),
        ("sale", 500, 125),
        ("stock", 0, 0),
    ]
    assert (found.rows, found.lines, found.malformed) == (3, 3, 0)


def test_a_date_and_a_column_of_hours_make_a_time(tmp_path: Path) -> None:
    how = MAP.replace('format = "%Y-%m-%d %H:%M:%S"', 'format = "%Y-%m-%d", hour = "discount"')
    found = replay(tmp_path, row(discount="23").replace(" 09:15:00", ""), how=how)
    assert times(found) == [MIDNIGHT + 23 * HOUR_MS]


def test_a_day_stands_at_its_time_of_day(tmp_path: Path) -> None:
    how = MAP.replace('format = "%Y-%m-%d %H:%M:%S"', 'format = "%Y-%m-%d", at = "12:30"')
    assert times(replay(tmp_path, row().replace(" 09:15:00", ""), how=how)) == [MIDNIGHT + HOUR_MS * 25 // 2]


def test_every_malformed_row_is_named_by_line_and_field_and_the_others_are_taken(tmp_path: Path) -> None:
    found = replay(
        tmp_path,
        row(),
        row(qty="a lot"),
        row("25:00:00"),
        "",
        "too,short",
        row(sku=""),
        row(county="Shaoxing"),
        row(price="-1"),
        row(till=""),
        row(qty="1e12"),
        row("10:00:00"),
    )
    assert [(p.line, p.field, p.expected, p.got) for p in sorted(found.problems, key=lambda p: p.line)] == [
        (3, "qty", "a quantity", "a lot"),
        (4, "when", "a time as %Y-%m-%d %H:%M:%S", "2024-03-18 25:00:00"),
        (6, "line", "11 columns", "2: too,short"),
        (7, "sku", "a code", ""),
        (8, "county", "6 digits", "Shaoxing"),
        (9, "price", "a price of 0 or more", "-1"),
        (10, "till", "an id", ""),
        (11, "qty", "a quantity", "1e12"),
    ]
    assert (found.rows, found.lines, found.malformed) == (10, 2, 8)
    assert times(found) == [MIDNIGHT + 9 * HOUR_MS + 15 * 60_000, MIDNIGHT + 10 * HOUR_MS]


def test_many_malformed_rows_are_counted_and_some_are_listed(tmp_path: Path) -> None:
    found = replay(tmp_path, *[row(qty="x")] * 1_000, row())
    assert (found.malformed, len(found.problems), found.lines) == (1_000, 100, 1)


def test_a_category_that_the_map_does_not_know_leaves_its_sku_unmapped(tmp_path: Path) -> None:
    found = replay(tmp_path, row(), row(sku="s2", what="rice"), row(sku="s3", what="shoes"), row(chain="e-2", till="2"))
    assert {e: [(m.sku, m.code) for m in ms] for e, ms in found.mappings.items()} == {
        "e-1": [("s1", "1001"), ("s2", "0101")],
        "e-2": [("s1", "1001")],
    }
    assert found.lines == 4


def test_columns_are_joined_from_a_file_beside(tmp_path: Path) -> None:
    (tmp_path / "goods.csv").write_text("sku,group\ns1,7\ns2,12\n", encoding="utf-8")
    how = MAP.replace('{column = "what", values = {salt = "1001", rice = "0101"}}', '{column = "group", prefix = "99"}')
    how += 'join = {file = "goods.csv", on = "sku"}\n'
    found = replay(tmp_path, row(), row(sku="s2"), row(sku="s9"), how=how)
    assert [(m.sku, m.code) for m in found.mappings["e-1"]] == [("s1", "9907"), ("s2", "9912")]
    (tmp_path / "goods.csv").unlink()
    with pytest.raises(MapError, match=r"takes group from goods.csv in the same folder: put it there"):
        replay(tmp_path, row(), how=how)


def test_terminals_without_a_place_get_a_county_each(tmp_path: Path) -> None:
    how = MAP.replace('county = {column = "county"}', 'county = {count_from = "990201"}')
    found = replay(tmp_path, row(till="9"), row(till="10"), row(till="9"), how=how)
    assert [(t.terminal_id, t.county) for t in found.terminals] == [("t-10", "990201"), ("t-9", "990202")]


def test_a_file_that_lacks_a_column_says_which(tmp_path: Path) -> None:
    with pytest.raises(MapError, match=r"sales.csv: expected the columns qty, got when, .*amt"):
        replay(tmp_path, row(), header=HEADER.replace("qty", "amt"))


def test_a_zone_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MapError, match=r"zone: expected an IANA name or an offset .* got 'Peking'"):
        replay(tmp_path, row(), how=MAP.replace("+08:00", "Peking"))


def test_a_file_that_is_not_there_or_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MapError, match="expected a CSV file, found none"):
        read(tmp_path / "none.csv", load_map("cumcm2023c"))
    with pytest.raises(MapError, match="expected CSV in utf-8"):
        replay(tmp_path, row(), encoding="gb18030")
    assert column(replay(tmp_path, row(), how=MAP + 'encoding = "gb18030"\n', encoding="gb18030"), "name") == ["盐"]


def test_a_file_with_a_header_alone_is_an_empty_replay(tmp_path: Path) -> None:
    found = replay(tmp_path)
    assert (found.rows, found.lines, found.terminals, found.mappings) == (0, 0, [], {})
    assert list(found.chunks()) == []


def test_a_byte_order_mark_and_compression_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP, encoding="utf-8")
    path = tmp_path / "sales.csv.gz"
    path.write_bytes(gzip.compress(("\ufeff" + HEADER + "\r\n" + row() + "\r\n").encode()))
    assert read(path, load_map(tmp_path / "map.toml")).lines == 1
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(MapError, match="expected CSV"):
        read(path, load_map(tmp_path / "map.toml"))


def test_chunks_are_ticks_in_the_order_of_time_whatever_the_order_of_rows(tmp_path: Path) -> None:
    found = replay(
        tmp_path,
        row("11:00:00", "2"),
        row("09:59:59", "2"),
        row("09:15:00", "1"),
        row("09:00:00", "2"),
        row("11:30:00", "1"),
    )
    chunks = list(found.chunks())
    assert [(c.start_ms, c.end_ms) for c in chunks] == [
        (MIDNIGHT + h * HOUR_MS, MIDNIGHT + (h + 1) * HOUR_MS) for h in (9, 11)
    ]
    assert [{k: v.num_rows for k, v in c.lines.items()} for c in chunks] == [{"t-1": 1, "t-2": 2}, {"t-1": 1, "t-2": 1}]
    ordered = [t for c in chunks for v in c.lines.values() for t in v.column("ts").cast(pa.int64()).to_pylist()]
    minutes = [(t - MIDNIGHT) // 60_000 for t in ordered]
    assert minutes == [9 * 60 + 15, 9 * 60, 9 * 60 + 59, 11 * 60 + 30, 11 * 60]


def test_driving_sends_each_tick_beats_for_the_silent_and_closes_the_last(tmp_path: Path) -> None:
    found = replay(tmp_path, row("09:15:00", "1"), row("09:20:00", "2"), row("11:00:00", "2", qty="-1"))
    wire, progress = Wire(), list[int]()
    fleet = Fleet(wire.producer)
    assert drive(found, fleet, progress=progress.append) == 3
    assert progress == [2, 3]
    got = [r.envelope for r in wire.received(6)]
    said = {
        t: [
            ((e.header.sent_at - MIDNIGHT) // HOUR_MS, e.lines.column("kind").to_pylist(), e.header.seq)
            for e in got
            if e.header.terminal_id == t
        ]
        for t in ("t-1", "t-2")
    }
    assert said == {
        "t-1": [(10, ["sale"], 1), (12, [], 2), (13, [], 3)],
        "t-2": [(10, ["sale"], 1), (12, ["return"], 2), (13, [], 3)],
    }
    assert fleet.totals.envelopes_acked == 6


def test_driving_at_a_speed_waits_for_the_end_of_each_tick(tmp_path: Path) -> None:
    found = replay(tmp_path, row("09:15:00"), row("11:00:00"))
    slept: list[float] = []
    drive(found, Fleet(Wire().producer), speed=3600.0, sleep=slept.append, clock=lambda: 50.0 + sum(slept))
    assert slept == [1.0, 2.0]


def half_up(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


@pytest.mark.skipif(not CUMCM.is_file(), reason=f"real data not here: {CUMCM}")
def test_three_years_of_a_real_supermarket_are_read_to_the_fen() -> None:
    found = read(CUMCM, load_map("cumcm2023c"))
    with CUMCM.open(encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    qty = [Decimal(r["total_qty"]) for r in rows]
    paid = [q * Decimal(r["avg_price"]) for q, r in zip(qty, rows, strict=True)]
    assert (found.rows, found.lines, found.malformed) == (46_595, 46_595, 0)
    assert pc.sum(found.table.column("qty")).as_py() == sum(half_up(q * 1000) for q in qty)
    assert pc.sum(found.table.column("amount")).as_py() == sum(half_up(p * 100) for p in paid)
    assert found.tick_ms == DAY_MS
    assert [(t.terminal_id, t.county) for t in found.terminals] == [("cumcm2023c-1", "990101")]
    codes = Counter(m.code for m in found.mappings["cumcm2023c"])
    assert set(codes) == {"0803", "080202", "0809", "0804", "080403", "0810"}
    assert sum(codes.values()) == len({r["单品编码"] for r in rows})
    chunks = list(found.chunks())
    assert len(chunks) == len({r["销售日期"] for r in rows})
    assert all(sum(v.num_rows for v in c.lines.values()) > 0 for c in chunks)
    assert [c.start_ms for c in chunks] == sorted(c.start_ms for c in chunks)
    rush = next(c for c in chunks if c.start_ms == np.datetime64("2022-11-18T16", "ms").astype(int))
    sold = sum(pc.sum(v.column("qty")).as_py() for v in rush.lines.values())
    assert sold == sum(half_up(Decimal(r["total_qty"]) * 1000) for r in rows if r["销售日期"] == "2022-11-19")
    assert sold > 2_400_000


@pytest.mark.skipif(not FRESH.is_file(), reason=f"real data not here: {FRESH}")
def test_a_real_city_of_hourly_sales_is_read_with_its_stockouts() -> None:
    found = read(FRESH, load_map("freshretailnet"))
    with gzip.open(FRESH, "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    kinds = Counter(column(found, "kind"))
    assert (found.rows, found.malformed) == (len(rows), 0)
    assert kinds["sale"] == sum(float(r["hourly_sale"]) > 0 for r in rows)
    assert kinds["stock"] == sum(r["hourly_stockout"] == "1" for r in rows)
    assert pc.sum(found.table.column("qty")).as_py() == sum(half_up(Decimal(r["hourly_sale"]) * 1000) for r in rows)
    assert pc.sum(found.table.column("amount")).as_py() == 0
    assert len(found.terminals) == len({r["store_id"] for r in rows}) == 6
    assert {t.county for t in found.terminals} == {f"99020{i}" for i in range(1, 7)}
    goods = found.mappings["freshretailnet"]
    assert len(goods) == len({r["product_id"] for r in rows})
    assert {m.code for m in goods} <= {f"990{i}" for i in range(7)}
    assert found.tick_ms == HOUR_MS
