"""Version 6 of the tables: what each enterprise contributed to a cell and to a brand, by which it is judged what an
analyst is shown; the day of an hour."""

# ruff: noqa: S608
# Every name in these statements is our own.

from typing import Final

from sinks.rollups import BRAND_CONTRIBUTIONS, FILL, MINUTES, of_day, rollup
from sinks.tables import Migration, table

_CELL: Final = "day, code, county, channel"
_OF_ITEMS: Final = (
    f"SELECT {_CELL}, sumMap([toString(enterprise)], [amount]) AS contributed FROM items_1d GROUP BY {_CELL}"
)

SIXTH: Final = Migration(
    6,
    "contributions of enterprises, days of hours",
    (
        # A row a cell, with enterprises and what each sold, in fen: to group rows of enterprises took ten times as long
        # as to read these. Made of items, which are grouped already and, unlike lines, kept for ever.
        table(
            "contributions_1d",
            """
            day Date CODEC(Delta, ZSTD(1)),
            code LowCardinality(String),
            county LowCardinality(String),
            channel LowCardinality(String),
            contributed SimpleAggregateFunction(sumMap, Tuple(Array(String), Array(Int64)))
            """,
            "AggregatingMergeTree",
            "day",
            _CELL,
        ),
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS contributions_1d_from_items_1d TO contributions_1d AS {_OF_ITEMS}",
        "TRUNCATE TABLE IF EXISTS contributions_1d",
        f"INSERT INTO contributions_1d {_OF_ITEMS} {FILL}",
        *rollup(BRAND_CONTRIBUTIONS),
        # A reader who names days reads the contributions of these alone.
        "ALTER TABLE cells_1h ADD COLUMN IF NOT EXISTS day Date ALIAS toDate(hour, 'Asia/Shanghai')",
        "DROP VIEW IF EXISTS cells_1m",
        "CREATE VIEW IF NOT EXISTS cells_1m AS "
        + MINUTES.grouped("1", city="l.city", province="l.province", day=of_day("ts")),
        # Nobody has written it since terminals tell what was acknowledged.
        "DROP TABLE IF EXISTS heartbeats",
    ),
)
