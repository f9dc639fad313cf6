"""Exactness on a server without deduplication by token: what of a block is there is found out before it is added to.

An insert of one block makes one part a partition in its table, and one in each partition of each rollup that follows
it; each is there whole or not at all, but a crash may fall between any two. So the store notes, in a table of its own,
before an insert the highest part number of every table concerned, and after it that it is done. Parts are numbered
upwards, merges keep the highest number of what they merge, and one writer inserts one block at a time: a partition with
a part above what was noted has its piece of the block, another lacks it. A block that is inserted again is put into
tables aside, and only the pieces that are lacking go from there to their places, each in one step.
"""

# ruff: noqa: S608
# Every name in these statements is our own, and tokens are of harmless characters.

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Protocol

import pyarrow as pa

from sinks.store import InsertError
from sinks.views import Views

CREATE: Final = (
    "CREATE TABLE IF NOT EXISTS inserts (source String, number UInt64, token String, state String, detail String) "
    "ENGINE = ReplacingMergeTree(number) ORDER BY source"
)
"""One row a source (what stands before the range in its tokens, and the table): the newest number holds."""
QUERY_PREFIX: Final = "infopump-insert-"
"""What the ids of our inserts begin with, so that one that still runs is found."""
ASIDE: Final = "aside_"
"""What the names of tables begin with that hold a block while it is completed."""


class State(Enum):
    """What is known of the last block of a source."""

    OPEN = "open"
    """its insert was begun: until that has ended, anything of it may be there"""
    KNOWN = "known"
    """its insert did not end well, and ``landed`` is what is there of it"""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Entry:
    """The last block of a source."""

    token: str
    state: State
    before: dict[str, int] = field(default_factory=dict)
    """table → its highest part number before the insert"""
    landed: dict[str, list[str]] = field(default_factory=dict)
    """table → partitions that have their piece since"""


class Server(Protocol):
    """What is needed of the server. All raise what the driver raises."""

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of an answer, none for a statement."""

    def send(self, table: str, rows: pa.Table) -> None:
        """Insert ``rows`` as one block."""


class Doubts:
    """Inserts into one database of a server, each block once. Not for two threads, or two writers, at a time."""

    def __init__(self, server: Server, database: str, views: Views) -> None:
        self._server, self._database, self._views = server, database, views
        self._entries: dict[str, Entry] | None = None
        self._number = 0

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        """The rows of one block are in ``table``, and in its rollups, once, whatever happened before.

        Raises what the driver raises, and InsertError while an insert of a process that is gone still runs.
        """
        try:
            source = f"{token.rpartition(':')[0]}/{table}"
            entry = self._known().get(source)
            if entry is not None and entry.token == token:
                if entry.state is State.DONE:
                    return
                self._complete(source, table, rows, entry)
            else:
                self._write(source, Entry(token, State.OPEN, self._marks(self._concerned(table))))
                self._server.send(table, rows)
            self._write(source, Entry(token, State.DONE))
        except BaseException:
            # Whatever that was may have left its insert open.
            self._entries = None
            raise

    def _known(self) -> dict[str, Entry]:
        """The entries, none of them open: what is in doubt is looked up first."""
        if self._entries is not None:
            return self._entries
        self._require_quiet()
        self._clear()
        self._entries = {}
        for source, number, token, state, detail in self._server.ask(
            "SELECT source, number, token, state, detail FROM inserts FINAL"
        ):
            self._number = max(self._number, number)
            said = json.loads(detail)
            self._entries[source] = Entry(token, State(state), said["before"], said["landed"])
        for source, entry in list(self._entries.items()):
            if entry.state is State.OPEN:
                self._write(source, Entry(entry.token, State.KNOWN, landed=self._landed(entry)))
        return self._entries

    def _require_quiet(self) -> None:
        running = self._server.ask(f"SELECT count() FROM system.processes WHERE startsWith(query_id, '{QUERY_PREFIX}')")
        if running[0][0]:
            raise InsertError(
                f"expected no insert under way, but {running[0][0]} of a connection that is gone still run"
            )

    def _complete(self, source: str, table: str, rows: pa.Table, entry: Entry) -> None:
        # A name of its own each time: a server of 2018 that is killed while it drops a table leaves its files behind.
        run = f"{ASIDE}{uuid.uuid4().hex[:12]}_"
        selects = {view.target: view.of(f"{run}{view.source}") for view in self._views.after(table)}
        for name in (table, *selects):
            # A table of the same form that no view follows: what is put there goes nowhere else.
            self._server.ask(f"CREATE TABLE {run}{name} AS {name}")
        self._server.send(f"{run}{table}", rows)
        for name, select in selects.items():
            columns = ", ".join(row[0] for row in self._server.ask(f"DESCRIBE TABLE ({select})"))
            self._server.ask(f"INSERT INTO {run}{name} ({columns}) {select}")
        self._write(source, Entry(entry.token, State.OPEN, self._marks((table, *selects)), entry.landed))
        for name in (table, *selects):
            lacking = set(self._partitions_of(f"{run}{name}")) - set(entry.landed.get(name, ()))
            for partition in sorted(lacking):
                self._server.ask(f"ALTER TABLE {name} ATTACH PARTITION {partition} FROM {run}{name}")
        self._clear()

    def _clear(self) -> None:
        """Drop all tables aside."""
        for (name,) in self._server.ask(
            f"SELECT name FROM system.tables WHERE database = '{self._database}' AND startsWith(name, '{ASIDE}')"
        ):
            self._server.ask(f"DROP TABLE IF EXISTS {name}")

    def _concerned(self, table: str) -> list[str]:
        return [table, *(view.target for view in self._views.after(table))]

    def _partitions_of(self, table: str) -> list[str]:
        return [row[0] for row in self._server.ask(f"SELECT DISTINCT partition {self._parts([table])} AND active")]

    def _marks(self, tables: Iterable[str]) -> dict[str, int]:
        marks = dict.fromkeys(tables, 0)
        return marks | dict(
            self._server.ask(f"SELECT table, toInt64(max(max_block_number)) {self._parts(marks)} GROUP BY table")
        )

    def _landed(self, entry: Entry) -> dict[str, list[str]]:
        """What is there of a block whose insert was begun: parts above what was noted, and what was known before."""
        found = {table: set(names) for table, names in entry.landed.items()}
        for table, partition, highest in self._server.ask(
            f"SELECT table, partition, toInt64(max(max_block_number)) {self._parts(entry.before)} AND active "
            "GROUP BY table, partition"
        ):
            if highest > entry.before[table]:
                found.setdefault(table, set()).add(partition)
        return {table: sorted(names) for table, names in found.items()}

    def _parts(self, tables: Iterable[str]) -> str:
        names = ", ".join(f"'{name}'" for name in tables)
        return f"FROM system.parts WHERE database = '{self._database}' AND table IN ({names})"

    def _write(self, source: str, entry: Entry) -> None:
        self._number += 1
        detail = json.dumps({"before": entry.before, "landed": entry.landed})
        row = {
            "source": [source],
            "number": pa.array([self._number], pa.uint64()),
            "token": [entry.token],
            "state": [entry.state.value],
            "detail": [detail],
        }
        self._server.send("inserts", pa.table(row))
        if self._entries is not None:
            self._entries[source] = entry
