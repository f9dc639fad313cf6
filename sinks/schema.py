"""The tables, as migrations with versions: one place for columns, types, codecs, keys and rollups.

A migration that has been released is never edited: a later one changes what it made. Each statement can be repeated,
because a crash may fall between two of them.
"""

from typing import Final

from sinks.migration_1 import FIRST
from sinks.migration_2 import SECOND
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

TABLES: Final = frozenset({*LINE_TABLES, "rejected", "signals", "alerts", "skus", "decisions", "taxonomy", "regions"})
"""Tables that rows may be inserted into; rollups are filled by their views."""

MIGRATIONS: Final = (FIRST, SECOND)

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
