"""How a table is made: a migration, and the form that all our tables share."""

from dataclasses import dataclass
from typing import Final

WINDOW: Final = 10_000
"""How many of the latest parts a table remembers by their block ids. Only the pending block of each partition can be
inserted again; one block makes one part a month it touches, so this holds 160 blocks of five years each."""


@dataclass(frozen=True, slots=True)
class Migration:
    """Statements that bring the tables from the version before to this one."""

    version: int
    name: str
    statements: tuple[str, ...]


def table(name: str, columns: str, engine: str, by: str, order: str, window: int = WINDOW) -> str:
    """The statement that makes a table: ``by`` is the column whose month parts it, ``window`` 0: no deduplication."""
    partition = f"PARTITION BY toYYYYMM({by})" if by else ""
    settings = f"SETTINGS non_replicated_deduplication_window = {window}" if window else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {name} ({columns.strip().rstrip(',')}) "
        f"ENGINE = {engine} {partition} ORDER BY ({order}) {settings}"
    )
