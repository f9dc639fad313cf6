"""Version 2 of the tables: articles and what people decided of them, corrections, sales by brand and origin,
the validity of commodities."""

# ruff: noqa: S608
# Every name in these statements is our own.

from typing import Final

from sinks.tables import Migration, table
from streams.columns import Quality

_REVERSED: Final = f"bitAnd(quality, {int(Quality.REVERSAL)}) != 0"
_SIGN: Final = f"if({_REVERSED}, -1, 1)"
_OWN: Final = int(Quality.REVERSAL | Quality.RECODED)
_HELD: Final = "l.*, l.city AS city, l.province AS province, l.sent_at AS known_at"
_LINES: Final = ("sales", "prices", "stock")

_SKUS: Final = table(
    "skus",
    """
    enterprise LowCardinality(String),
    sku String,
    unit LowCardinality(String),
    name String,
    spec String,
    barcode String,
    category LowCardinality(String),
    tax_code LowCardinality(String),
    brand LowCardinality(String),
    code LowCardinality(String),
    method LowCardinality(String),
    confidence Float32,
    suggested LowCardinality(String),
    reasons Array(String),
    qty Float64,
    content_unit LowCardinality(String),
    packs UInt32,
    per_unit Int64,
    quality UInt16,
    seen_at DateTime64(3, 'UTC'),
    described_at DateTime64(3, 'UTC'),
    raw_partition Int32,
    raw_offset Int64
    """,
    # A description made anew after a decision speaks of the same line: what was said last holds.
    "ReplacingMergeTree(described_at)",
    "",
    "enterprise, sku, unit",
)

_DECISIONS: Final = table(
    "decisions",
    """
    decision_id String,
    enterprise LowCardinality(String),
    sku String,
    verdict LowCardinality(String),
    author LowCardinality(String),
    at DateTime64(3, 'UTC'),
    code LowCardinality(String),
    suggested LowCardinality(String),
    unit LowCardinality(String),
    content Int64,
    brand LowCardinality(String),
    name String,
    barcode String,
    category LowCardinality(String),
    tax_code LowCardinality(String),
    note String
    """,
    "ReplacingMergeTree",
    "",
    "enterprise, sku, at, decision_id",
)

_SALES_1D_COLUMNS: Final = """
    code LowCardinality(String),
    brand LowCardinality(String),
    origin LowCardinality(String),
    province LowCardinality(String),
    day Date CODEC(Delta, ZSTD(1)),
    lines Int64 CODEC(T64, ZSTD(1)),
    base_qty Int64 CODEC(T64, ZSTD(1)),
    amount Int64 CODEC(T64, ZSTD(1))
"""
_SALES_1D: Final = f"""
SELECT code, brand, origin, substring(county, 1, 2) AS province,
       toDate(toDateTime(ts, 'UTC'), 'Asia/Shanghai') AS day,
       sum(toInt64({_SIGN})) AS lines, sum(base_qty) AS base_qty, sum(amount) AS amount
FROM sales GROUP BY code, brand, origin, province, day
"""
_CELLS_1H: Final = f"""
SELECT code, county, channel, toStartOfHour(toDateTime(ts, 'UTC')) AS hour,
       sum(toInt64({_SIGN})) AS lines, sum(base_qty) AS base_qty, sum(amount) AS amount
FROM sales GROUP BY code, county, channel, hour
"""


def _entries(name: str) -> tuple[str, ...]:
    """What a table of lines needs for corrections: the sign of an entry, when it was known, the entries that hold."""
    return (
        f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS entry Int8 ALIAS {_SIGN}",
        f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS known_at DateTime64(3, 'UTC') ALIAS sent_at",
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS reversals_from_{name} TO reversals AS "
        f"SELECT terminal_id, seq, line, sent_at AS at FROM {name} WHERE {_REVERSED}",
        # Lines that nobody corrected, told by their numbers alone before all of the identity is looked up (four times
        # as fast as one join over all); and of the corrected ones the entry that no later reversal took back.
        f"CREATE VIEW IF NOT EXISTS {name}_now AS SELECT {_HELD} FROM {name} AS l "
        f"WHERE bitAnd(quality, {_OWN}) = 0 AND (seq NOT IN (SELECT seq FROM reversals) "
        "OR (terminal_id, seq, line) NOT IN (SELECT terminal_id, seq, line FROM reversals)) "
        f"UNION ALL SELECT {_HELD} FROM {name} AS l INNER JOIN "
        "(SELECT terminal_id, seq, line, max(at) AS reversed_at FROM reversals GROUP BY terminal_id, seq, line) AS r "
        f"USING (terminal_id, seq, line) WHERE bitAnd(l.quality, {_OWN}) = {int(Quality.RECODED)} "
        "AND l.sent_at >= r.reversed_at",
    )


def _by(what: str) -> str:
    return (
        f"CREATE VIEW IF NOT EXISTS sales_by_{what} AS SELECT day, code, province, {what}, sum(lines) AS lines, "
        "sum(base_qty) AS base_qty, sum(amount) AS amount "
        f"FROM sales_1d GROUP BY day, code, province, {what}"
    )


SECOND: Final = Migration(
    2,
    "articles, decisions, corrections, sales by brand and origin",
    (
        _SKUS,
        _DECISIONS,
        table(
            "reversals",
            "terminal_id LowCardinality(String), seq Int64, line UInt16, at DateTime64(3, 'UTC')",
            "ReplacingMergeTree(at)",
            "",
            "terminal_id, seq, line",
        ),
        *(statement for name in _LINES for statement in _entries(name)),
        # A reversal takes its line back instead of being counted as one.
        "DROP VIEW IF EXISTS cells_1h_from_sales",
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS cells_1h_from_sales TO cells_1h AS {_CELLS_1H}",
        table(
            "sales_1d",
            _SALES_1D_COLUMNS,
            "SummingMergeTree((lines, base_qty, amount))",
            "day",
            "code, brand, origin, province, day",
        ),
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS sales_1d_from_sales TO sales_1d AS {_SALES_1D}",
        # What was sold before there was this table. Nobody writes during a migration: emptied, it can be filled again.
        "TRUNCATE TABLE IF EXISTS sales_1d",
        f"INSERT INTO sales_1d {_SALES_1D} SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0",
        *(
            f"ALTER TABLE taxonomy ADD COLUMN IF NOT EXISTS {column}"
            for column in ("valid_from UInt32", "valid_to UInt32", "successor LowCardinality(String)")
        ),
        _by("brand"),
        _by("origin"),
    ),
)
