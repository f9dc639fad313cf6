"""Blocks: which messages of a partition are written together, and which rows that makes. No clock, no Kafka, no store.

``pos.clean`` partition p is written from ``pos.raw`` partition p alone, in the order of the raw offsets, and possibly
again from an earlier one after a crash of that stage; so are, each in their order, the envelopes refused whole and the
refused lines of ``pos.rejected``. A row whose raw offset is not above the high-water of its source is therefore a
repeat. This relies on the producer: the rows of one envelope stand in one message, and it has one refusal at most.

Corrections (``sinks.corrections``) speak of lines below that high-water. Theirs is the number of the job that sends
them: what a job sends after a later one has begun is dropped.

An envelope that comes again under another raw offset is a repeat too: ``sinks.sequences``.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from sinks.articles import split_registry
from sinks.corrections import job_of
from sinks.ledger import LedgerError, Position
from sinks.rows import EMPTY
from sinks.schema import LINE_TABLES
from sinks.sequences import KINDS_OF, Stored, envelopes_of, repeats, without
from sinks.written import Written
from streams import topics

MAX_BYTES: Final = 64 << 20
"""A block is also closed when its messages have this size."""

_TABLE: Final = {
    topics.REJECTED: "rejected",
    topics.SIGNALS: "signals",
    topics.ALERTS: "alerts",
    topics.SKUS: "skus",
    topics.HEARTBEATS: "acknowledged",
    topics.COMMANDS: "alert_actions",
}
_FROM_RAW: Final = frozenset({topics.CLEAN, topics.REJECTED})


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One message: its rows, or the one row of ``rejected`` that stands for it where it could not be read."""

    offset: int
    rows: pa.Table
    size: int
    """bytes of the message"""
    taken: float
    """when it was taken, seconds of a monotonic clock"""
    unreadable: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The messages from offset ``first`` to ``last`` of one partition, and the high-water before them."""

    topic: str
    topic_id: str
    partition: int
    first: int
    last: int
    pieces: tuple[Piece, ...]
    high: Mapping[str, int]
    again: bool = False
    """whether it was begun before: its rows, or some, may be in the store"""

    def token(self, table: str) -> str:
        """What the store knows this block's rows of one table by. A topic made anew has another id."""
        return f"{self.topic}@{self.topic_id}:{self.partition}:{self.first}-{self.last}/{table}"


@dataclass(frozen=True, slots=True)
class Filled:
    """The rows of a block by table, the high-water after it, and how many rows were repeats."""

    tables: dict[str, pa.Table]
    high: dict[str, int]
    repeats: int
    highest: Mapping[str, int]
    """the highest number of each terminal in it"""


class Buffer:
    """The messages of one partition that are taken and not written, and what was written last."""

    def __init__(self, topic: str, topic_id: str, partition: int, position: Position) -> None:
        self.topic, self.topic_id, self.partition = topic, topic_id, partition
        self.first = position.first
        """offset that the next block begins with; None until the first message says where the log begins"""
        self._pending = position.pending
        self._high: Mapping[str, int] = position.high
        self._pieces: deque[Piece] = deque()
        self._seen = position.first or 0
        self._cut: Block | None = None
        self.written: Written | None = None
        """the envelopes of its terminals, once asked for"""
        self.rows = 0
        self.size = 0

    def take(self, piece: Piece) -> int:
        """Add the next message; returns how many offsets before it were never seen (compacted or lost).

        Raises LedgerError where the log goes back behind what was written.
        """
        if self.first is None:
            self.first = self._seen = piece.offset
        if piece.offset < self._seen:
            raise LedgerError(
                f"{self.topic} {self.partition}: expected offset {self._seen} or later, got {piece.offset}. The log "
                "was cut short, what is written no longer follows from it: reset the offsets of the writer's group"
            )
        skipped = piece.offset - self._seen
        self._seen = piece.offset + 1
        self._pieces.append(piece)
        self.rows += piece.rows.num_rows
        self.size += piece.size
        return skipped

    def reach(self, offset: int) -> None:
        """There is no further message below ``offset``."""
        if self.first is None and offset:
            self.first = 0
        self._seen = max(self._seen, offset)

    def is_due(self, now: float, rows: int, seconds: float) -> bool:
        """Whether a block should be cut: large or old enough, or the one that was begun is complete.

        An empty block is due where messages that the broker has deleted are all there is: the ledger passes them.
        """
        if self._cut is not None or self.first is None:
            return False
        if self._pending is not None:
            return self._seen > self._pending
        if not self._pieces:
            return self._seen > self.first
        return self.rows >= rows or self.size >= MAX_BYTES or now - self._pieces[0].taken >= seconds

    def cut(self, rows: int) -> Block:
        """The next block; no other is cut before ``close`` was called with it."""
        if self.first is None or self._cut is not None:
            raise ValueError("expected messages and no block under way, got a cut out of order")
        pieces = self._pick(rows)
        last = self._pending if self._pending is not None else pieces[-1].offset if pieces else self._seen - 1
        again = self._pending is not None
        self._cut = Block(self.topic, self.topic_id, self.partition, self.first, last, tuple(pieces), self._high, again)
        return self._cut

    def _pick(self, rows: int) -> list[Piece]:
        picked: list[Piece] = []
        size = count = 0
        while self._pieces:
            if self._pending is not None:
                if self._pieces[0].offset > self._pending:
                    break
            elif picked and (count >= rows or size >= MAX_BYTES):
                break
            piece = self._pieces.popleft()
            picked.append(piece)
            count += piece.rows.num_rows
            size += piece.size
        return picked

    def close(self, block: Block, high: Mapping[str, int]) -> None:
        """``block`` is written and the ledger says so."""
        if block is not self._cut:
            raise ValueError("expected the block that was cut last, got another")
        self.rows -= sum(piece.rows.num_rows for piece in block.pieces)
        self.size -= sum(piece.size for piece in block.pieces)
        self.first, self._high, self._pending, self._cut = block.last + 1, high, None, None


def fill(block: Block, known: Mapping[str, int] | None = None, stored: Stored = lambda _: {}) -> Filled:
    """The rows that a block adds to each table. The same block gives the same rows.

    ``known`` is the highest number written of each terminal, ``stored`` is asked as in ``sequences.repeats``.
    """
    high = dict(block.high)
    rows: list[pa.Table] = []
    corrections: list[pa.Table] = []
    unread: list[pa.Table] = []
    taken = kept = 0
    for piece in block.pieces:
        if piece.unreadable:
            unread.append(piece.rows)
            continue
        corrects = block.topic == topics.CLEAN and job_of(piece.rows.schema) is not None
        fresh = _fresh(piece.rows, block, high)
        taken += piece.rows.num_rows
        kept += fresh.num_rows
        (corrections if corrects else rows).append(fresh)
    highest: Mapping[str, int] = {}
    if block.topic == topics.CLEAN:
        table = _joined(rows, block.topic)
        found = repeats(table, known or {}, stored, again=block.again)
        before, table, highest = table.num_rows, without(table, found.keep), found.highest
        kept -= before - table.num_rows
        envelopes = envelopes_of(table)
        tables = split(_joined([table, *corrections], block.topic)) | {"envelopes": envelopes}
    elif block.topic == topics.REGISTRY:
        tables = split_registry(rows)
    else:
        tables = {_TABLE[block.topic]: _joined(rows, block.topic)}
    if unread:
        tables["rejected"] = pa.concat_tables([*unread, *([tables["rejected"]] if "rejected" in tables else [])])
    return Filled({name: found for name, found in tables.items() if found.num_rows}, high, taken - kept, highest)


def _joined(rows: list[pa.Table], topic: str) -> pa.Table:
    """All rows as one table in one piece."""
    return pa.concat_tables(rows).unify_dictionaries().combine_chunks() if rows else EMPTY[topic].empty_table()


def _fresh(rows: pa.Table, block: Block, high: dict[str, int]) -> pa.Table:
    """The rows of a message that were not applied before, and need not be refused."""
    if block.topic not in _FROM_RAW:
        return rows
    job = job_of(rows.schema) if block.topic == topics.CLEAN else None
    if job is None:
        return _drop_repeats(rows, high)
    of = f"{block.partition}c"
    if job < high.get(of, 0):
        return rows.slice(0, 0).replace_schema_metadata(None)
    high[of] = job
    return rows.replace_schema_metadata(None)


def source(rows: pa.Table) -> str:
    """What the rows of a message come from in the order of their raw offsets: a raw partition, and for refusals whether
    they are of whole envelopes (``w``) or of lines (``l``)."""
    partition = str(rows["raw_partition"][0])
    if "envelopes" not in rows.column_names:
        return partition
    return partition + ("w" if rows["envelopes"][0].as_py() else "l")


def _drop_repeats(rows: pa.Table, high: dict[str, int]) -> pa.Table:
    """The rows above the high-water of their source, which rises to their newest offset."""
    if not rows.num_rows:
        return rows
    of = source(rows)
    mark = high.get(of, -1)
    span = pc.min_max(rows["raw_offset"])
    high[of] = max(mark, span["max"].as_py())
    return rows if span["min"].as_py() > mark else rows.filter(pc.greater(rows["raw_offset"], mark))


def split(lines: pa.Table) -> dict[str, pa.Table]:
    """Clean lines by the table that takes them, with that table's columns."""
    kinds = lines["kind"].cast(pa.string())
    tables: dict[str, pa.Table] = {}
    for table, columns in LINE_TABLES.items():
        mask = pc.is_in(kinds, pa.array(KINDS_OF[table]))
        tables[table] = lines.select(columns).filter(mask)
    return tables
