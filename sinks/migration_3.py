"""Version 3 of the tables: signals of every tick length, rollups by day, items, price buckets, the registry with its
history, what people did with alerts, dates of the lunar calendar, what was known when."""

# ruff: noqa: S608
# Every name in these statements is our own.

from typing import Final

from sinks.rollups import (
    BUCKETS,
    CELL_SUMS,
    DAYS,
    FILL,
    HOURS,
    ITEMS,
    MINUTES,
    OWN,
    RELATIVES,
    REVERSED,
    made,
    of_day,
    rollup,
)
from sinks.tables import Migration, table

_SIGNAL_COLUMNS: Final = """
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
"""


def _signals(name: str) -> str:
    return table(name, _SIGNAL_COLUMNS, "ReplacingMergeTree", "tick", "code, kind, city, tick, tick_ms")


# A key cannot be changed in place. Wherever a crash falls, the rows stand in one of the two tables at least, and what
# is copied twice is one row by the key; an empty `signals` is made only where the old one was dropped already.
_SIGNALS: Final = (
    _signals("signals"),
    _signals("signals_copied"),
    "INSERT INTO signals_copied SELECT * FROM signals SETTINGS insert_deduplicate = 0, "
    "max_partitions_per_insert_block = 0",
    "DROP TABLE IF EXISTS signals",
    "RENAME TABLE IF EXISTS signals_copied TO signals",
)

_DAYS_OF_HOURS: Final = (
    "SELECT code, county, channel, toDate(hour, 'Asia/Shanghai') AS day, "
    f"{', '.join(f'sum({name}) AS {name}' for name in CELL_SUMS)} FROM cells_1h GROUP BY code, county, channel, day"
)
# What the lines of the store before said is all there: the hourly cells are made anew, with the columns of the others.
_CELLS: Final = (
    "DROP VIEW IF EXISTS cells_1h_from_sales",
    "DROP VIEW IF EXISTS cells_1d_from_cells_1h",
    "DROP TABLE IF EXISTS cells_1h",
    # A county sells less than one line of a commodity in a minute: as a table this was as large as the lines, and cost
    # as much time to write as they did.
    f"CREATE VIEW IF NOT EXISTS cells_1m AS {MINUTES.grouped('1', city='l.city', province='l.province')}",
    *rollup(HOURS),
    # The day is made of hours, which are fewer than lines.
    made(DAYS.name, DAYS.columns, DAYS.sums, DAYS.by, ", ".join(DAYS.keys)),
    f"CREATE MATERIALIZED VIEW IF NOT EXISTS cells_1d_from_cells_1h TO cells_1d AS {_DAYS_OF_HOURS}",
    "TRUNCATE TABLE IF EXISTS cells_1d",
    f"INSERT INTO cells_1d {_DAYS_OF_HOURS} {FILL}",
)

_BUCKETS: Final = (
    *rollup(BUCKETS),
    "CREATE VIEW IF NOT EXISTS price_quantiles_1d AS "
    "SELECT day, code, county, channel, toInt64(sum(n)) AS lines, "
    "arrayMap(q -> 2 * pow(1.01 / 0.99, q) / (1.01 / 0.99 + 1), "
    "quantilesExactWeighted(0.1, 0.25, 0.5, 0.75, 0.9)(bucket, toUInt64(n))) AS q, "
    "q[1] AS p10, q[2] AS p25, q[3] AS median, q[4] AS p75, q[5] AS p90 FROM ("
    "SELECT day, code, county, channel, bucket, sum(lines) AS n FROM price_buckets_1d "
    "GROUP BY day, code, county, channel, bucket HAVING n > 0) GROUP BY day, code, county, channel",
)

_VIEWS: Final = (
    f"CREATE VIEW IF NOT EXISTS price_relatives AS {RELATIVES}",
    # What stood on the shelves at the end of the day: the last report of each shop and SKU.
    "CREATE VIEW IF NOT EXISTS stock_1d AS "
    "SELECT day, code, county, substring(county, 1, 4) AS city, substring(county, 1, 2) AS province, channel, "
    "toInt64(count()) AS items, toInt64(countIf(qty = 0)) AS empty, sum(base_qty) AS base_qty FROM ("
    f"SELECT {of_day('ts')} AS day, code, county, channel, argMax(l.qty, ts) AS qty, "
    "argMax(l.base_qty, ts) AS base_qty FROM stock_now AS l "
    "GROUP BY day, code, county, channel, cityHash64(terminal_id, sku, unit)"
    ") GROUP BY day, code, county, channel",
)

_HEARTBEATS: Final = table(
    "heartbeats",
    """
    terminal_id LowCardinality(String),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    seq Int64 CODEC(Delta, ZSTD(1)),
    spooled UInt32 CODEC(T64, ZSTD(1)),
    skew_ms Int64 CODEC(T64, ZSTD(1))
    """,
    "ReplacingMergeTree",
    "at",
    "terminal_id, at",
)


def _periods(name: str, key: str, columns: str) -> str:
    """The view of what held from when to when: a record holds until it says so, or until the next one."""
    return (
        f"CREATE VIEW IF NOT EXISTS {name}s AS SELECT {key}, {columns}, valid_from, "
        "if(ends = toDateTime64(0, 3, 'UTC'), next, least(ends, next)) AS valid_to FROM ("
        f"SELECT {key}, {columns}, valid_from, valid_to AS ends, "
        "leadInFrame(valid_from, 1, toDateTime64('2106-01-01 00:00:00', 3, 'UTC')) OVER "
        f"(PARTITION BY {key} ORDER BY valid_from ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next "
        f"FROM {name}_records FINAL) WHERE valid_from < valid_to"
    )


_REGISTRY: Final = (
    table(
        "terminal_records",
        """
        terminal_id LowCardinality(String),
        enterprise LowCardinality(String),
        county LowCardinality(String),
        channel LowCardinality(String),
        valid_from DateTime64(3, 'UTC'),
        valid_to DateTime64(3, 'UTC')
        """,
        "ReplacingMergeTree",
        "",
        "terminal_id, valid_from",
    ),
    table(
        "enterprise_records",
        """
        enterprise LowCardinality(String),
        name String,
        holding LowCardinality(String),
        county LowCardinality(String),
        valid_from DateTime64(3, 'UTC'),
        valid_to DateTime64(3, 'UTC')
        """,
        "ReplacingMergeTree",
        "",
        "enterprise, valid_from",
    ),
    _periods("terminal", "terminal_id", "enterprise, county, channel"),
    _periods("enterprise", "enterprise", "name, holding, county"),
)

_ACTIONS: Final = table(
    "alert_actions",
    """
    command_id String,
    alert_id String,
    revision UInt32,
    at DateTime64(3, 'UTC'),
    author LowCardinality(String),
    action LowCardinality(String),
    assignee LowCardinality(String),
    until DateTime64(3, 'UTC'),
    comment String CODEC(ZSTD(3))
    """,
    "ReplacingMergeTree",
    "",
    "alert_id, at, command_id",
)

_LUNAR: Final = table(
    "lunar_dates",
    "day Date, lunar_year UInt16, lunar_month UInt8, lunar_day UInt8, leap Bool",
    "MergeTree",
    "",
    "day",
    window=0,
)

_AT: Final = "{at:DateTime64(3, 'UTC')}"
_HELD: Final = "l.*, l.city AS city, l.province AS province, l.sent_at AS known_at"
# As `sales_now`, of the entries that there were at a time.
_KNOWN: Final = (
    "CREATE VIEW IF NOT EXISTS sales_known_at AS "
    f"WITH back AS (SELECT terminal_id, seq, line, max(sent_at) AS reversed_at "
    f"FROM sales WHERE {REVERSED} AND sent_at <= {_AT} GROUP BY terminal_id, seq, line) "
    f"SELECT {_HELD} FROM sales AS l WHERE sent_at <= {_AT} AND bitAnd(quality, {OWN}) = 0 "
    "AND (terminal_id, seq, line) NOT IN (SELECT terminal_id, seq, line FROM back) "
    f"UNION ALL SELECT {_HELD} FROM sales AS l INNER JOIN back AS r USING (terminal_id, seq, line) "
    f"WHERE l.sent_at <= {_AT} AND bitAnd(l.quality, {OWN}) = 2048 AND l.sent_at >= r.reversed_at",
    f"CREATE VIEW IF NOT EXISTS cells_1d_known_at AS {DAYS.grouped(f'sent_at <= {_AT}')}",
)

THIRD: Final = Migration(
    3,
    "more rollups, registry, actions, lunar dates, what was known when",
    (
        *_SIGNALS,
        *_CELLS,
        *_BUCKETS,
        *rollup(ITEMS),
        *_VIEWS,
        _HEARTBEATS,
        *_REGISTRY,
        _ACTIONS,
        _LUNAR,
        *_KNOWN,
    ),
)
