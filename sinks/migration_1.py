"""Version 1 of the tables, as it was released."""

from typing import Final

from sinks.tables import Migration, table

_LINE = """
    ts DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    code LowCardinality(String),
    county LowCardinality(String),
    city LowCardinality(String) MATERIALIZED substring(county, 1, 4),
    province LowCardinality(String) MATERIALIZED substring(county, 1, 2),
    channel LowCardinality(String),
    enterprise LowCardinality(String),
    terminal_id LowCardinality(String),
    seq Int64 CODEC(Delta, ZSTD(1)),
    line UInt16 CODEC(ZSTD(1)),
    raw_partition Int32 CODEC(ZSTD(1)),
    raw_offset Int64 CODEC(Delta, ZSTD(1)),
    sent_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    sku LowCardinality(String),
    name LowCardinality(String),
    unit LowCardinality(String),
    brand LowCardinality(String),
    origin LowCardinality(String),
    lot String CODEC(ZSTD(1)),
    method LowCardinality(String),
    confidence Float32 CODEC(ZSTD(1)),
    quality UInt16 CODEC(ZSTD(1)),
    qty Int64 CODEC(T64, ZSTD(1)),
    base_qty Int64 CODEC(T64, ZSTD(1)),"""
_PRICED = """
    amount Int64 CODEC(T64, ZSTD(1)),
    unit_price Int64 CODEC(T64, ZSTD(1)),
    promo Bool CODEC(ZSTD(1)),"""

# Questions name a commodity, then a place, then a time. Province and city are prefixes of county, so their sorted
# columns take next to no room. A county has few lines of a commodity: with those of a terminal together, a line takes
# 14 bytes instead of 17.
_ORDER = "code, province, city, county, terminal_id, ts"

FIRST: Final = Migration(
    1,
    "lines, rejections, signals, alerts, hourly cells, dimensions",
    (
        table(
            "sales",
            f"{_LINE}{_PRICED} kind LowCardinality(String)",
            "MergeTree",
            "ts",
            _ORDER,
        ),
        table("prices", _LINE + _PRICED, "MergeTree", "ts", _ORDER),
        table("stock", _LINE, "MergeTree", "ts", _ORDER),
        table(
            "rejected",
            """
            at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
            source LowCardinality(String),
            raw_partition Int32,
            raw_offset Int64 CODEC(Delta, ZSTD(1)),
            terminal_id LowCardinality(String),
            seq Nullable(Int64),
            reason LowCardinality(String),
            field LowCardinality(String),
            expected String CODEC(ZSTD(1)),
            got String CODEC(ZSTD(1)),
            line Nullable(Int64),
            lines UInt32,
            envelopes UInt8
            """,
            "MergeTree",
            "at",
            "reason, terminal_id, at",
        ),
        table(
            "signals",
            """
            tick DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
            tick_ms Int64,
            city LowCardinality(String),
            code LowCardinality(String),
            kind LowCardinality(String),
            readings UInt32,
            region LowCardinality(String),
            p Float64,
            observed Float64,
            expected Float64,
            since DateTime64(3, 'UTC'),
            terminals UInt32,
            tests_per_day Float64,
            data String CODEC(ZSTD(3))
            """,
            "ReplacingMergeTree",
            "tick",
            "code, kind, city, tick",
        ),
        table(
            "alerts",
            """
            alert_id String,
            revision UInt32,
            published DateTime64(3, 'UTC'),
            state LowCardinality(String),
            kind LowCardinality(String),
            level LowCardinality(String),
            peak_level LowCardinality(String),
            commodity LowCardinality(String),
            commodity_zh LowCardinality(String),
            commodity_en LowCardinality(String),
            region LowCardinality(String),
            region_zh LowCardinality(String),
            region_en LowCardinality(String),
            provinces Array(LowCardinality(String)),
            counties Array(LowCardinality(String)),
            observed Float64,
            expected Float64,
            ratio Float64,
            terminals UInt32,
            onset DateTime64(3, 'UTC'),
            detected DateTime64(3, 'UTC'),
            updated DateTime64(3, 'UTC'),
            recurrence_days Float64,
            clause String,
            rulebook LowCardinality(String),
            data String CODEC(ZSTD(3))
            """,
            "ReplacingMergeTree",
            "",
            "alert_id, revision",
        ),
        table(
            "cells_1h",
            """
            code LowCardinality(String),
            county LowCardinality(String),
            city LowCardinality(String) ALIAS substring(county, 1, 4),
            province LowCardinality(String) ALIAS substring(county, 1, 2),
            channel LowCardinality(String),
            hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
            lines Int64 CODEC(T64, ZSTD(1)),
            base_qty Int64 CODEC(T64, ZSTD(1)),
            amount Int64 CODEC(T64, ZSTD(1))
            """,
            "SummingMergeTree((lines, base_qty, amount))",
            "hour",
            "code, county, channel, hour",
        ),
        # Rounding whole seconds takes a tenth of the time that rounding a DateTime64 does.
        """
        CREATE MATERIALIZED VIEW IF NOT EXISTS cells_1h_from_sales TO cells_1h AS
        SELECT code, county, channel, toStartOfHour(toDateTime(ts, 'UTC')) AS hour,
               toInt64(count()) AS lines, sum(base_qty) AS base_qty, sum(amount) AS amount
        FROM sales GROUP BY code, county, channel, hour
        """,
        table(
            "taxonomy",
            """
            code LowCardinality(String),
            parent LowCardinality(String),
            name_zh String,
            name_en String,
            base_unit LowCardinality(String),
            monitored Bool,
            emergency Bool
            """,
            "MergeTree",
            "",
            "code",
            window=0,
        ),
        table(
            "regions",
            """
            code LowCardinality(String),
            parent LowCardinality(String),
            level LowCardinality(String),
            name_zh String,
            name_en String,
            role LowCardinality(String)
            """,
            "MergeTree",
            "",
            "code",
            window=0,
        ),
    ),
)
