"""Version 5 of the tables: which terminal reported on which day."""

# ruff: noqa: S608
# Every name in these statements is our own.

from typing import Final

from sinks.rollups import FILL, of_day
from sinks.tables import Migration, table

_KEYS: Final = "terminal_id, enterprise, county, day"
_SEEN: Final = (
    f"SELECT terminal_id, enterprise, county, {of_day('sent_at')} AS day, min(sent_at) AS first_seen, "
    "max(sent_at) AS last_seen, toInt64({envelopes}) AS envelopes, toInt64(sum(sales + prices + stock)) AS lines "
    f"FROM envelopes GROUP BY {_KEYS}"
)

FIFTH: Final = Migration(
    5,
    "presence of terminals by day",
    (
        table(
            "presence",
            """
            terminal_id LowCardinality(String),
            enterprise LowCardinality(String),
            county LowCardinality(String),
            day Date CODEC(Delta, ZSTD(1)),
            first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
            last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
            envelopes SimpleAggregateFunction(sum, Int64),
            lines SimpleAggregateFunction(sum, Int64)
            """,
            "AggregatingMergeTree",
            "day",
            f"day, {_KEYS.removesuffix(', day')}",
        ),
        "CREATE MATERIALIZED VIEW IF NOT EXISTS presence_from_envelopes TO presence AS "
        f"{_SEEN.format(envelopes='count()')}",
        "TRUNCATE TABLE IF EXISTS presence",
        # Those from before there was this table have a row for each kind of line.
        f"INSERT INTO presence {_SEEN.format(envelopes='uniqExact(seq)')} {FILL}",
        # Of the terminals that were registered at noon.
        "CREATE VIEW IF NOT EXISTS reporting_1d AS SELECT day, county, toInt64(count()) AS registered, "
        "toInt64(countIf((terminal_id, day) IN (SELECT terminal_id, day FROM presence))) AS reported "
        "FROM (SELECT DISTINCT day FROM presence) AS d CROSS JOIN terminals AS t "
        "WHERE t.valid_from <= toDateTime(d.day, 'Asia/Shanghai') + INTERVAL 12 HOUR "
        "AND t.valid_to > toDateTime(d.day, 'Asia/Shanghai') + INTERVAL 12 HOUR GROUP BY day, county",
    ),
)
