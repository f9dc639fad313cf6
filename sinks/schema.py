"""The tables, as migrations with versions: one place for columns, types, codecs, keys and rollups.

A migration that has been released is never edited: a later one changes what it made. Each statement can be repeated,
because a crash may fall between two of them.
"""

from typing import Final

from sinks.migration_1 import FIRST
from sinks.migration_2 import SECOND
from sinks.migration_3 import THIRD
from sinks.migration_4 import FOURTH
from sinks.migration_5 import FIFTH
from sinks.migration_6 import SIXTH
from sinks.tables import Migration

DATABASE: Final = "infopump"

_LINE_COLUMNS: Final = (
    *("ts", "code", "county", "channel", "enterprise", "terminal_id", "seq", "line", "raw_partition", "raw_offset"),
    *("sent_at", "sku", "name", "unit", "brand", "origin", "lot", "method", "confidence", "quality", "qty", "base_qty"),
)
_PRICED_COLUMNS: Final = (*_LINE_COLUMNS, "amount", "unit_price", "promo")

LINE_TABLES: Final = {
    "sales": (*_PRICED_COLUMNS, "kind"),
    "prices": _PRICED_COLUMNS,
    "stock": _LINE_COLUMNS,
}
"""Tables filled from ``pos.clean``, with the columns of CLEAN_SCHEMA that each takes."""

_OF_TOPICS: Final = (
    *("envelopes", "acknowledged", "rejected", "signals", "alerts", "alert_actions", "skus", "decisions"),
    *("terminal_records", "enterprise_records"),
)
_DIMENSIONS: Final = ("taxonomy", "regions", "lunar_dates")

TABLES: Final = frozenset({*LINE_TABLES, *_OF_TOPICS, *_DIMENSIONS})
"""Tables that rows may be inserted into; rollups are filled by their views."""

MIGRATIONS: Final = (FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH)

PARAMETERISED: Final = frozenset({"sales_known_at", "cells_1d_known_at"})
"""Views that are asked like functions: ``sales_known_at(at = '2026-01-31 16:00:00')``, a time in UTC."""

RETENTION_YEARS: Final = 3
"""How long lines are kept, unless the settings say otherwise."""

OPEN: Final = (f"CREATE DATABASE IF NOT EXISTS {DATABASE}", f"USE {DATABASE}")
"""What a connection begins with: every name below is of this database."""

CREATE_VERSIONS: Final = (
    "CREATE TABLE IF NOT EXISTS schema_versions "
    "(version UInt32, name String, applied DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = MergeTree ORDER BY version"
)
APPLIED: Final = "SELECT max(version) FROM schema_versions"
"""The newest version that was applied; 0 where none was."""
RECORD: Final = "INSERT INTO schema_versions (version, name) SELECT {version:UInt32}, {name:String}"
"""Notes a migration as applied; parameters ``version`` and ``name``."""


def pending(applied: int) -> tuple[Migration, ...]:
    """The migrations after version ``applied``, in order."""
    return tuple(m for m in MIGRATIONS if m.version > applied)


def retention(years: int) -> tuple[str, ...]:
    """The statements after which lines and refusals are dropped ``years`` after their time, by months; rollups stay.

    They can be repeated. What a clock that was never set has stamped with a time before 2000 is kept: dropped at once,
    it would be missing where sums are compared. Raises ValueError for less than two years: year on year is asked for.
    """
    if years < 2:
        raise ValueError(f"expected at least 2 years, got {years}")
    times = dict.fromkeys(LINE_TABLES, "ts") | {"rejected": "at"}
    return tuple(
        statement
        for table, time in times.items()
        for statement in (
            f"ALTER TABLE {table} MODIFY SETTING ttl_only_drop_parts = 1",
            f"ALTER TABLE {table} MODIFY TTL if({time} < toDateTime64('2000-01-01 00:00:00', 3, 'UTC'), "
            f"toDateTime('2106-01-01 00:00:00', 'UTC'), toDateTime({time}, 'UTC') + INTERVAL {years} YEAR)",
        )
    )
