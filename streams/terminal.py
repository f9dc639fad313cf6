"""One terminal's sending end, and a fleet of them over one producer.

This is the in-memory sender: what the broker has not acknowledged when the process dies is lost, and ``seq`` starts
where the caller says. The durable spool that gives both back after a crash is to stand in front of it.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import KafkaError, Message, Producer
from prometheus_client import Counter

from streams.codec import encode_arrow
from streams.envelope import ARROW, CONTENT_TYPE, LINE_SCHEMA, MAX_BYTES, MAX_LINES, REQUIRED, VERSION, Header
from streams.kafka import producer_config
from streams.records import Acknowledged, Heartbeat, Mapping, MappingRecord, RegistryRecord, TerminalRecord
from streams.ticks import china_day
from streams.topics import HEARTBEATS, RAW, REGISTRY

MAPPINGS_PER_RECORD: Final = 1_000
_BEAT: Final = pa.RecordBatch.from_pylist([], schema=pa.schema([f for f in LINE_SCHEMA if f.name in REQUIRED]))

_LINES: Final = Counter("infopump_terminal_lines_total", "Lines by what became of them", ["outcome"])
_ENVELOPES: Final = Counter("infopump_terminal_envelopes_total", "Envelopes by what became of them", ["outcome"])


class DeliveryError(RuntimeError):
    """The broker did not acknowledge all that it was given."""


class LineTooLargeError(ValueError):
    """A single line takes more bytes than a whole envelope may."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An envelope that the broker refused or that ran out of time."""

    terminal_id: str
    seq: int
    lines: int
    error: str


class Totals(NamedTuple):
    """What a terminal, or a fleet, has sent and what of it the broker has acknowledged."""

    lines_sent: int = 0
    envelopes_sent: int = 0
    lines_acked: int = 0
    envelopes_acked: int = 0
    envelopes_failed: int = 0


class Terminal:
    """Sends one terminal's lines in envelopes with a ``seq`` without gaps. Not to be shared between threads.

    Parameters
    ----------
    terminal_id
        The Kafka key of every envelope.
    producer
        With the settings of ``streams.kafka.producer_config``: another partitioner would break co-partitioning.
    first_seq
        The number of the first envelope: one more than the last that this terminal ever sent.
    """

    def __init__(self, terminal_id: str, producer: Producer, *, first_seq: int = 1) -> None:
        self.terminal_id = terminal_id
        self.next_seq = first_seq
        self.failed: list[Undelivered] = []
        self._producer = producer
        self._lines_sent = 0
        self._envelopes_sent = 0
        self._lines_acked = 0
        self._envelopes_acked = 0
        self._session = int(time.time() * 1000)
        self._days: dict[str, list[int]] = {}
        self._told = 0

    @property
    def totals(self) -> Totals:
        """Sent, acknowledged, failed so far; delivery reports arrive while sending, polling and flushing."""
        return Totals(
            self._lines_sent, self._envelopes_sent, self._lines_acked, self._envelopes_acked, len(self.failed)
        )

    def send(self, lines: pa.RecordBatch | pa.Table, sent_at: int) -> int:
        """Send lines in their order and return how many envelopes it took.

        Parameters
        ----------
        lines
            Columns of ``LINE_SCHEMA``: ``line`` is given here, others than the schema's are left out, optional ones
            may be absent. None at all is no envelope: see ``beat``.
        sent_at
            Ms UTC; the promise that no earlier sale will follow but by correction. Where the lines take several
            envelopes, all but the last promise only as much as the lines still to come allow.

        Raises LineTooLargeError where one line alone is over the limit, KafkaException where the client refuses.
        """
        before = self._envelopes_sent
        for start in range(0, lines.num_rows, MAX_LINES):
            piece = lines.slice(start, MAX_LINES)
            batch = piece if isinstance(piece, pa.RecordBatch) else piece.combine_chunks().to_batches()[0]
            self._send(batch, _promise(sent_at, lines.slice(start + MAX_LINES)))
        return self._envelopes_sent - before

    def beat(self, sent_at: int) -> None:
        """Send an envelope without lines: nothing was sold, and the watermark downstream may pass ``sent_at``."""
        self._send(_BEAT, sent_at)

    def heartbeat(self, at: int) -> Heartbeat | None:
        """How the terminal is at ``at`` (ms UTC); None where nothing was acknowledged since it was last asked for."""
        if self._told == self._envelopes_acked:
            return None
        self._told = self._envelopes_acked
        days = [Acknowledged(day, *counts) for day, counts in sorted(self._days.items())]
        spooled = self._envelopes_sent - self._envelopes_acked
        return Heartbeat(self.terminal_id, self._session, at, self.next_seq - 1, spooled, days)

    def send_bytes(self, value: bytes, content_type: str, lines: int = 0, *, sent_at: int, carried: int = 0) -> None:
        """Send an envelope that is already encoded, as it is; it takes up one ``seq`` (``next_seq``).

        ``sent_at`` is that of its header. It counts as ``lines`` in the totals; ``carried`` is how many can be read
        from it beyond these, which the heartbeat counts too.
        """
        report = partial(self._delivered, self.next_seq, lines, carried, china_day(sent_at))
        while True:
            try:
                self._producer.produce(
                    RAW,
                    value=value,
                    key=self.terminal_id.encode(),
                    headers={CONTENT_TYPE: content_type.encode()},
                    on_delivery=report,
                )
                break
            except BufferError:
                # The local queue is full: wait for acknowledgements, or for the timeout that makes them failures.
                self._producer.poll(0.05)
        self.next_seq += 1
        self._lines_sent += lines
        self._envelopes_sent += 1
        self._producer.poll(0)

    def _send(self, lines: pa.RecordBatch, sent_at: int) -> None:
        value = encode_arrow(Header(VERSION, self.terminal_id, self.next_seq, sent_at), _numbered(lines))
        if len(value) <= MAX_BYTES:
            self.send_bytes(value, ARROW, lines.num_rows, sent_at=sent_at)
            return
        if lines.num_rows == 1:
            raise LineTooLargeError(
                f"terminal {self.terminal_id}: expected a line within {MAX_BYTES} bytes, got {len(value)}: "
                "shorten its texts"
            )
        half = lines.num_rows // 2
        self._send(lines.slice(0, half), _promise(sent_at, lines.slice(half)))
        self._send(lines.slice(half), sent_at)

    def _delivered(
        self, seq: int, lines: int, carried: int, day: str, error: KafkaError | None, _message: Message
    ) -> None:
        if error is not None:
            self.failed.append(Undelivered(self.terminal_id, seq, lines, str(error)))
        else:
            self._envelopes_acked += 1
            self._lines_acked += lines
            counts = self._days.setdefault(day, [0, 0])
            counts[0] += 1
            counts[1] += lines + carried
        outcome = "failed" if error else "acknowledged"
        _ENVELOPES.labels(outcome).inc()
        _LINES.labels(outcome).inc(lines)


class Fleet:
    """Many terminals over one shared producer. Not to be shared between threads."""

    def __init__(self, producer: Producer) -> None:
        self.terminals: dict[str, Terminal] = {}
        self._producer = producer

    def terminal(self, terminal_id: str, *, first_seq: int = 1) -> Terminal:
        """The terminal of that id, made on first use (``first_seq`` counts only then)."""
        if terminal_id not in self.terminals:
            self.terminals[terminal_id] = Terminal(terminal_id, self._producer, first_seq=first_seq)
        return self.terminals[terminal_id]

    @property
    def totals(self) -> Totals:
        """Sums over all terminals."""
        return Totals(*(sum(column) for column in zip(*(t.totals for t in self.terminals.values()), strict=True)))

    @property
    def failed(self) -> list[Undelivered]:
        """Every envelope that was not delivered."""
        return [u for t in self.terminals.values() for u in t.failed]

    def flush(self, timeout: float = 30.0) -> Totals:
        """Wait until all is acknowledged. Raises DeliveryError where something failed or is still on its way."""
        waiting = self._producer.flush(timeout)
        failed = self.failed
        if failed:
            raise DeliveryError(
                f"expected every envelope to be acknowledged, but {len(failed)} failed; the first: terminal "
                f"{failed[0].terminal_id}, seq {failed[0].seq}: {failed[0].error}"
            )
        if waiting:
            raise DeliveryError(f"{waiting} envelopes not acknowledged after {timeout} s: is the broker up?")
        return self.totals

    def heartbeats(self, timeout: float = 30.0) -> int:
        """Say how each terminal is of which something was acknowledged, and wait for it; returns how many there were.

        Raises DeliveryError where the broker did not take all.
        """
        now = int(time.time() * 1000)
        said = [beat for terminal in self.terminals.values() if (beat := terminal.heartbeat(now)) is not None]
        for beat in said:
            self._producer.produce(HEARTBEATS, value=msgspec.json.encode(beat), key=beat.terminal_id.encode())
            self._producer.poll(0)
        if waiting := self._producer.flush(timeout):
            raise DeliveryError(f"{waiting} heartbeats not acknowledged after {timeout} s: is the broker up?")
        return len(said)


def publish_registry(
    bootstrap: str,
    terminals: Iterable[TerminalRecord],
    mappings: dict[str, list[Mapping]],
    *,
    timeout: float = 30.0,
) -> int:
    """Write terminals and SKU mappings (by enterprise) to the topic ``registry`` and wait for the acknowledgements.

    Returns the number of records. Raises DeliveryError where one was not acknowledged within ``timeout`` seconds.
    """
    producer = Producer(producer_config(bootstrap))
    errors: list[str] = []

    def report(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            errors.append(str(error))

    count = 0
    for key, record in _registry(terminals, mappings):
        producer.produce(REGISTRY, key=key.encode(), value=msgspec.json.encode(record), on_delivery=report)
        producer.poll(0)
        count += 1
    waiting = producer.flush(timeout)
    if errors or waiting:
        why = errors[0] if errors else f"no answer within {timeout} s"
        raise DeliveryError(f"registry: {len(errors) + waiting} of {count} records not acknowledged: {why}")
    return count


def _registry(
    terminals: Iterable[TerminalRecord], mappings: dict[str, list[Mapping]]
) -> Iterator[tuple[str, RegistryRecord]]:
    # Mappings first: a reader that knows a terminal should know its goods as well.
    for enterprise, goods in mappings.items():
        for part, start in enumerate(range(0, len(goods), MAPPINGS_PER_RECORD)):
            piece = goods[start : start + MAPPINGS_PER_RECORD]
            yield f"mapping/{enterprise}/{part}", MappingRecord(enterprise, piece)
    for terminal in terminals:
        yield f"terminal/{terminal.terminal_id}", terminal


def _promise(sent_at: int, following: pa.RecordBatch | pa.Table) -> int:
    """``sent_at`` of an envelope: not past the first of the lines that are still to follow it."""
    if not following.num_rows:
        return sent_at
    first: int = pc.min(following.column("ts").cast(pa.int64())).as_py()
    return min(sent_at, first)


def _numbered(lines: pa.RecordBatch) -> pa.RecordBatch:
    """The schema's columns alone, numbered from 0, texts plain.

    Measured: a dictionary takes a third off envelopes of 500 lines and more, but costs more time at both ends.
    """
    columns = {"line": pa.array(np.arange(lines.num_rows, dtype=np.uint16))}
    for name in LINE_SCHEMA.names[1:]:
        if name in lines.schema.names:
            column = lines.column(name)
            columns[name] = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
    return pa.RecordBatch.from_pydict(columns)
