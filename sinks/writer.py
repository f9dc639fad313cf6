"""The writer: takes the topics into the store, block by block, by the numbered protocol of ``sinks.ledger``.

One thread consumes, decides and commits; one other writes into the store, so that a slow or broken store never costs
the membership of the group. Buffers are bounded: when they are full, consuming waits.
"""

import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

import structlog
from confluent_kafka import KafkaException, Message

from sinks import metrics
from sinks.aside import Aside, is_to_blame
from sinks.blocks import Block, Buffer, Filled, Piece, fill
from sinks.config import WriterConfig
from sinks.embedded import EmbeddedStore
from sinks.feed import Feed, Key
from sinks.ledger import Position, begun, written
from sinks.query import serve_roles
from sinks.reading import UnreadableError
from sinks.rows import READERS, unreadable_row
from sinks.store import InsertError, Store, StoreError
from sinks.written import Written
from streams.observe import serve_health
from streams.topics import CLEAN, TOPICS

_log = structlog.get_logger(__name__)

_COMPACTED: Final = frozenset(topic.name for topic in TOPICS if topic.compacted)
_BUFFERED_BLOCKS: Final = 12
"""Rows held in memory, in blocks; what is beyond waits in the broker."""
_BUFFERED_BYTES: Final = 256 << 20
_PATIENCE: Final = 2.0
"""Seconds that a full writer waits for the store before it stops fetching: fetching again costs what was prefetched."""
_STALL: Final = 60.0
_MAX_PAUSE: Final = 30.0
_REPORT_SECONDS: Final = 1.0


class Stage(Enum):
    """How far a round is; it only moves down."""

    CUT = "cut"
    BEGUN = "begun"
    INSERTED = "inserted"


class TableError(InsertError):
    """An insert that failed, and into which table."""

    def __init__(self, table: str, error: InsertError) -> None:
        super().__init__(str(error))
        self.table = table


@dataclass
class Round:
    """Blocks of different partitions that go through the protocol together."""

    blocks: list[tuple[Buffer, Block]]
    stage: Stage = Stage.CUT
    insert: Future[None] | None = None
    made: dict[Block, Filled] = field(default_factory=dict)
    """the rows of each, decided once: what a failed insert left in the store must not change them"""
    filled: dict[Block, Filled] = field(default_factory=dict)
    """what has been written"""
    failures: int = 0
    not_before: float = 0.0


class Writer:
    """Moves the topics into a store; ``step`` does a little of it. Raises what a restart must mend."""

    def __init__(self, config: WriterConfig, store: Store) -> None:
        self._config, self._store = config, store
        self._buffers: dict[Key, Buffer] = {}
        self._round: Round | None = None
        self._trouble: tuple[float, str] | None = None
        self._stepped = self._reported = time.monotonic()
        self._joined = False
        self._aside = Aside(config.path / "aside")
        self._inserter = ThreadPoolExecutor(1, thread_name_prefix="insert")
        self._feed = Feed(config.bootstrap, config.group, self._gain, self._drop)

    def step(self, timeout: float = 0.1) -> None:
        """Move the round on, then take messages for at most about ``timeout`` seconds.

        Raises KafkaException and LedgerError where only a new start can help.
        """
        self._stepped = time.monotonic()
        self._advance()
        self._receive(timeout)
        if self._stepped - self._reported >= _REPORT_SECONDS:
            self._reported = self._stepped
            self._report()

    def health(self) -> str | None:
        """None: well. A text: what is wrong, since when, and how much waits."""
        trouble, still = self._trouble, time.monotonic() - self._stepped
        if still > _STALL:
            return f"the writer has not moved for {still:.0f} s"
        if trouble:
            return f"failing for {time.monotonic() - trouble[0]:.0f} s: {trouble[1]}; {self._waiting()} rows wait"
        if self._feed.trouble:
            return f"the broker: {self._feed.trouble}"
        return None if self._joined else "no partitions are assigned yet"

    def close(self) -> None:
        """Finish the insert under way and leave the group; what is only buffered is consumed again next time."""
        self._inserter.shutdown(wait=True)
        if self._round and self._round.insert and self._round.insert.exception() is None:
            self._advance()
        self._feed.close()

    def begin(self, blocks: list[Block]) -> None:
        """Step 2 of the protocol: the ledger says which blocks are begun. Raises KafkaException."""
        self._feed.commit([begun(b.topic, b.partition, b.first, b.last, b.high) for b in blocks])

    def insert(self, block: Block, filled: Filled) -> None:
        """Step 3: the rows of a block are in all its tables. Raises TableError, StoreError."""
        start = time.monotonic()
        for table, rows in filled.tables.items():
            try:
                self._store.insert(table, rows, block.token(table))
            except InsertError as error:
                raise TableError(table, error) from error
        metrics.INSERT_SECONDS.observe(time.monotonic() - start)

    def finish(self, blocks: list[tuple[Block, Filled]]) -> None:
        """Step 4: the ledger says that the blocks are written. Raises KafkaException."""
        self._feed.commit([written(b.topic, b.partition, b.last, filled.high) for b, filled in blocks])

    def _advance(self) -> None:
        if self._round is None:
            due = [b for b in self._buffers.values() if b.is_due(time.monotonic(), *self._limits())]
            self._round = Round([(b, b.cut(self._config.block_rows)) for b in due]) if due else None
        current = self._round
        if current is None or time.monotonic() < current.not_before:
            return
        # A partition that went, even if it came back since, has a new buffer: its block is no longer ours to commit.
        if current.insert is None:
            current.blocks = [(buffer, block) for buffer, block in current.blocks if self._is_ours(buffer)]
        try:
            self._move(current)
        except (StoreError, KafkaException, OSError) as error:
            self._put_off(current, error)

    def _move(self, current: Round) -> None:
        if current.stage is Stage.CUT:
            if current.blocks:
                self.begin([block for _, block in current.blocks])
            current.stage = Stage.BEGUN
        if current.stage is Stage.BEGUN:
            if current.insert is None:
                current.insert = self._inserter.submit(self._insert_all, current)
            if not current.insert.done():
                return
            done, current.insert = current.insert, None
            done.result()
            current.stage = Stage.INSERTED
        ours = [(buffer, block) for buffer, block in current.blocks if self._is_ours(buffer)]
        if ours:
            self.finish([(block, current.filled[block]) for _, block in ours])
        for buffer, block in ours:
            buffer.close(block, current.filled[block].high)
            _count(block, current.filled[block])
        self._round = self._trouble = None

    def _insert_all(self, current: Round) -> None:
        for buffer, block in current.blocks:
            if block in current.filled:
                continue
            if block not in current.made:
                current.made[block] = self._aside.without(block, self._rows_of(buffer, block))
            try:
                self.insert(block, current.made[block])
            except TableError as error:
                if not is_to_blame(error.table, str(error), current.failures + 1):
                    raise
                self._put_aside(current, block, error)
            current.filled[block] = current.made[block]

    def _put_aside(self, current: Round, block: Block, error: TableError) -> None:
        """Go on without the rows of one table, which the store does not take."""
        made = current.made[block]
        self._aside.put(block, error.table, made.tables[error.table], str(error))
        metrics.ASIDE.labels(error.table).inc(made.tables[error.table].num_rows)
        _log.error("rows went aside", table=error.table, block=block.token(error.table), error=str(error))
        current.made[block] = self._aside.without(block, made)
        self.insert(block, current.made[block])

    def _rows_of(self, buffer: Buffer, block: Block) -> Filled:
        if block.topic != CLEAN:
            return fill(block)
        if buffer.written is None:
            buffer.written = Written(self._store, block.partition)
        filled = fill(block, buffer.written.highest, buffer.written.stored)
        buffer.written.add(filled.highest)
        return filled

    def _put_off(self, current: Round, error: Exception) -> None:
        current.failures += 1
        pause = min(_MAX_PAUSE, 0.1 * 2 ** min(current.failures, 10))
        current.not_before = time.monotonic() + pause
        self._trouble = (self._trouble[0] if self._trouble else time.monotonic(), str(error))
        metrics.FAILURES.labels("commit" if isinstance(error, KafkaException) else "insert").inc()
        _log.error("a round failed and is tried again", stage=current.stage.value, again_in=pause, error=str(error))

    def _receive(self, timeout: float) -> None:
        if self._is_full() and self._round and self._round.insert:
            wait_for([self._round.insert], timeout if self._feed.paused else _PATIENCE)
            if self._round.insert.done():
                return
        self._feed.pause(self._is_full())
        messages, ends = self._feed.receive(timeout)
        for message in messages:
            self._take(message)
        for key, end in ends.items():
            if key in self._buffers:
                self._buffers[key].reach(end)

    def _take(self, message: Message) -> None:
        topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
        buffer = self._buffers.get((topic, partition))
        if buffer is None:
            return
        skipped = buffer.take(_piece(message, topic, partition, offset))
        if skipped and topic not in _COMPACTED:
            metrics.SKIPPED.labels(topic).inc(skipped)
            _log.error("messages were gone before they were read", topic=topic, partition=partition, messages=skipped)

    def _gain(self, key: Key, topic_id: str, position: Position) -> None:
        self._buffers[key] = Buffer(key[0], topic_id, key[1], position)
        self._joined = True

    def _drop(self, key: Key) -> None:
        self._buffers.pop(key, None)

    def _is_ours(self, buffer: Buffer) -> bool:
        return self._buffers.get((buffer.topic, buffer.partition)) is buffer

    def _is_full(self) -> bool:
        if self._round is None:
            return False
        size = sum(buffer.size for buffer in self._buffers.values())
        return self._waiting() >= _BUFFERED_BLOCKS * self._config.block_rows or size >= _BUFFERED_BYTES

    def _waiting(self) -> int:
        return sum(buffer.rows for buffer in list(self._buffers.values()))

    def _limits(self) -> tuple[int, float]:
        return self._config.block_rows, self._config.flush_seconds

    def _report(self) -> None:
        positions = {key: buffer.first for key, buffer in self._buffers.items() if buffer.first is not None}
        for topic, lag in self._feed.lag(positions).items():
            metrics.LAG.labels(topic).set(lag)


def _count(block: Block, filled: Filled) -> None:
    metrics.BLOCKS.labels(block.topic).inc()
    metrics.REPEATS.labels(block.topic).inc(filled.repeats)
    for table, rows in filled.tables.items():
        metrics.ROWS.labels(table).inc(rows.num_rows)


def _piece(message: Message, topic: str, partition: int, offset: int) -> Piece:
    value = message.value() or b""
    now = time.monotonic()
    try:
        return Piece(offset, READERS[topic](value, partition), len(value), now)
    except UnreadableError as error:
        metrics.UNREADABLE.labels(topic, error.reason).inc()
        _log.error(
            "a message cannot be read",
            topic=topic,
            partition=partition,
            offset=offset,
            reason=error.reason,
            error=error,
        )
        row = unreadable_row(topic, partition, offset, message.timestamp()[1], error)
        return Piece(offset, row, len(value), now, unreadable=True)


def open_store(config: WriterConfig) -> Store:
    """The store that ``config`` names: a server, or the embedded one. Raises StoreError."""
    if config.server is None:
        return EmbeddedStore(config.path)
    # Loaded where it is needed: an embedded store needs no driver.
    from sinks.server import ServerStore

    return ServerStore(config.server)


def run(config: WriterConfig) -> None:
    """Write until SIGTERM or SIGINT. Raises StoreError, KafkaException, LedgerError."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    store = open_store(config)
    try:
        store.migrate()
        store.retain(config.keep_years)
        writer = Writer(config, store)
        service = serve_roles(store, config.socket, config.analyst_socket) if config.socket else None
        try:
            port = serve_health(config.health_port, writer.health)
            _log.info("writing", store=config.server or str(config.path), health_port=port, socket=str(config.socket))
            while not stop.is_set():
                writer.step()
        finally:
            if service:
                service.close()
            writer.close()
    finally:
        store.close()
    _log.info("stopped")
