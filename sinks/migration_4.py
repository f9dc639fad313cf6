"""Version 4 of the tables: envelopes, the highest number of each terminal, what terminals say was acknowledged."""

# ruff: noqa: S608
# Every name in these statements is our own.

from typing import Final

from sinks.tables import Migration, table
from streams.columns import Quality

_OWN: Final = int(Quality.REVERSAL | Quality.RECODED)
_COUNTS: Final = ("sales", "prices", "stock")


_COLUMNS: Final = ("terminal_id", "seq", "raw_partition", "raw_offset")


def _counted(name: str) -> str:
    counts = ", ".join(f"toUInt32({'count()' if of == name else '0'}) AS {of}" for of in _COUNTS)
    return (
        f"SELECT {', '.join(_COLUMNS)}, any(sent_at) AS sent_at, any(enterprise) AS enterprise, any(county) AS county, "
        f"{counts} FROM {name} WHERE bitAnd(quality, {_OWN}) = 0 GROUP BY {', '.join(_COLUMNS)}"
    )


FOURTH: Final = Migration(
    4,
    "envelopes, numbers of terminals, acknowledgements",
    (
        # One row an envelope, written beside its lines. A repeat is found by terminal and number.
        table(
            "envelopes",
            """
            terminal_id LowCardinality(String),
            seq Int64 CODEC(Delta, ZSTD(1)),
            raw_partition Int32 CODEC(ZSTD(1)),
            raw_offset Int64 CODEC(Delta, ZSTD(1)),
            sent_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
            enterprise LowCardinality(String),
            county LowCardinality(String),
            sales UInt32 CODEC(T64, ZSTD(1)),
            prices UInt32 CODEC(T64, ZSTD(1)),
            stock UInt32 CODEC(T64, ZSTD(1))
            """,
            "SummingMergeTree((sales, prices, stock))",
            "sent_at",
            "terminal_id, seq, raw_partition, raw_offset",
        ),
        # A version column keeps the row with the highest number.
        table(
            "terminal_seqs",
            "raw_partition Int32, terminal_id LowCardinality(String), seq Int64",
            "ReplacingMergeTree(seq)",
            "",
            "raw_partition, terminal_id",
        ),
        "CREATE MATERIALIZED VIEW IF NOT EXISTS terminal_seqs_from_envelopes TO terminal_seqs AS "
        "SELECT raw_partition, terminal_id, max(seq) AS seq FROM envelopes GROUP BY raw_partition, terminal_id",
        # What was written before there was this table. Nobody writes during a migration: emptied, it can be filled
        # again, and the highest number stays the highest.
        "TRUNCATE TABLE IF EXISTS envelopes",
        f"INSERT INTO envelopes ({', '.join((*_COLUMNS, 'sent_at', 'enterprise', 'county', *_COUNTS))}) "
        f"{' UNION ALL '.join(_counted(name) for name in _COUNTS)} "
        "SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0",
        table(
            "acknowledged",
            """
            terminal_id LowCardinality(String),
            session Int64,
            day Date,
            at DateTime64(3, 'UTC'),
            seq Int64,
            spooled UInt32,
            envelopes UInt64,
            lines UInt64
            """,
            "ReplacingMergeTree(at)",
            "",
            "terminal_id, session, day",
        ),
    ),
)
