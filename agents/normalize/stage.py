"""Normalize: envelopes become clean lines, cells of their cities, and refusals with their reasons.

Each envelope is read, its sender and number are checked; its lines wait until many can be normalised at once.
"""

from collections import defaultdict
from typing import Final

import numpy as np
import pyarrow as pa
import structlog
from aiokafka.partitioner import murmur2
from prometheus_client import Counter

from agents.normalize.bulk import Taken, normalise
from agents.normalize.catalogue import Catalogue
from agents.normalize.cells import cells_of
from agents.normalize.output import cells_message, clean_messages, line_refusal, refusal, split_cells
from agents.normalize.prices import UsualPrices
from agents.normalize.terminal import TerminalState, from_bytes
from agents.normalize.watermarks import Watermarks
from agents.registry import Registry
from agents.stage import Incoming, Outgoing
from streams.codec import Decoded, read, refused_rows
from streams.columns import Quality
from streams.envelope import CONTENT_TYPE
from streams.reasons import Finding, Reason
from streams.records import TerminalRecord
from streams.topics import RAW
from streams.validate import bad_lines

log = structlog.get_logger(__name__)

BULK_LINES: Final = 20_000
BULK_ENVELOPES: Final = 2_000
"""So many wait at most: a message of clean lines stays well below its limit, and memory is bounded."""
_MAX_HOMES: Final = 1_000_000
_lines = Counter("infopump_normalize_lines", "Lines normalised")
_envelopes = Counter("infopump_normalize_envelopes", "Envelopes by what became of them", ["result"])
_missing = Counter("infopump_normalize_missing_envelopes", "Numbers skipped by terminals; some may still come")
_refused = Counter("infopump_normalize_refused", "Findings by reason code", ["reason"])
_unclassified = Counter("infopump_normalize_unclassified_lines", "Lines whose SKU no mapping knows")


class NormalizeStage:
    """See agents.stage.Stage. One worker's share of ``pos.raw``; state by terminal."""

    source = RAW

    def __init__(self, registry: Registry, partitions: int, tick_ms: int, idle_ms: int) -> None:
        self._registry = registry
        self._partitions = partitions
        self._tick_ms = tick_ms
        self._watermarks = Watermarks(registry, self._partition_of, idle_ms)
        self._homes: dict[str, int] = {}
        self.reset()

    def reset(self) -> None:
        """See Stage."""
        self._catalogue = Catalogue(self._registry)
        self._usual = UsualPrices()
        self._states: dict[str, TerminalState] = {}
        self._dirty: set[str] = set()
        self._waiting: list[Taken] = []
        self._waiting_lines = 0
        self._cells: defaultdict[tuple[int, str], list[pa.Table]] = defaultdict(list)
        self._out: list[Outgoing] = []
        self._watermarks.reset()

    def apply(self, record: Incoming) -> None:
        """See Stage."""
        try:
            self._apply(record)
        except Exception as error:
            self._give_up(record, error)

    def drain(self) -> list[Outgoing]:
        """See Stage."""
        self._work()
        out, self._out = self._out, []
        for (partition, city), rows in self._cells.items():
            watermark = self._watermarks.of(partition, city)
            out.append(cells_message(city, partition, watermark, self._watermarks.sources(city), rows))
        self._cells.clear()
        return out

    def dirty(self) -> dict[bytes, bytes]:
        """See Stage."""
        self._work()
        blocks = {t.encode(): self._states[t].to_bytes(self._catalogue, self._usual) for t in sorted(self._dirty)}
        self._dirty.clear()
        return blocks

    def restore(self, key: bytes, block: bytes) -> None:
        """See Stage."""
        terminal = self._registry.terminal(key.decode())
        if terminal is None:
            log.warning("state of a terminal that is no longer registered", terminal=key.decode())
            return
        state = from_bytes(block, len(self._states), self._catalogue, self._usual)
        self._states[terminal.terminal_id] = state
        self._watermarks.set(terminal, state.watermark)

    def _apply(self, record: Incoming) -> None:
        content_type = record.headers.get(CONTENT_TYPE, b"").decode("ascii", "replace")
        decoded = read(record.value, content_type)
        if decoded.envelope is None:
            self._refuse(record, decoded.findings, decoded)
            return
        header = decoded.envelope.header
        terminal = self._sender(record, header.terminal_id)
        if isinstance(terminal, Finding):
            self._refuse(record, [terminal], decoded)
            return
        state = self._states.get(header.terminal_id)
        if state is None:
            state = self._states[header.terminal_id] = TerminalState(len(self._states), terminal.enterprise)
        if record.offset <= state.applied:
            _envelopes.labels("applied before").inc()
            return
        if header.seq in state.seqs:
            _envelopes.labels("repeated").inc()
        else:
            self._take(record, decoded, terminal, state)
            before = state.seqs.gap
            state.seqs.add(header.seq)
            _missing.inc(max(0, state.seqs.gap - before))
            _envelopes.labels("taken").inc()
        state.enterprise = terminal.enterprise
        state.applied = record.offset
        state.watermark = max(state.watermark, header.sent_at)
        self._watermarks.set(terminal, state.watermark)
        self._dirty.add(header.terminal_id)

    def _sender(self, record: Incoming, terminal_id: str) -> TerminalRecord | Finding:
        if record.key != terminal_id.encode():
            got = (record.key or b"")[:64].decode("utf-8", "replace")
            return Finding(Reason.KEY_MISMATCH, "key", terminal_id, got or "none")
        home = self._partition_of(terminal_id)
        if record.partition != home:
            return Finding(Reason.WRONG_PARTITION, "partition", str(home), str(record.partition))
        terminal = self._registry.terminal(terminal_id)
        if terminal is None:
            return Finding(Reason.UNKNOWN_TERMINAL, "terminal_id", "a registered terminal", terminal_id)
        return terminal

    def _take(self, record: Incoming, decoded: Decoded, terminal: TerminalRecord, state: TerminalState) -> None:
        assert decoded.envelope is not None  # noqa: S101 (for the type checker: the caller has looked)
        header, lines = decoded.envelope.header, decoded.envelope.lines
        taken = Taken(
            partition=record.partition,
            offset=record.offset,
            arrived=record.timestamp,
            terminal=terminal,
            shop=state.shop,
            seq=header.seq,
            sent_at=header.sent_at,
            lines=lines,
            findings=decoded.findings,
            refused=decoded.refused,
        )
        # An envelope without lines still moves its city's watermark.
        self._cells[record.partition, terminal.county[:4]] += ()
        if lines.num_rows or decoded.refused:
            self._waiting.append(taken)
            self._waiting_lines += lines.num_rows
            if self._waiting_lines >= BULK_LINES or len(self._waiting) >= BULK_ENVELOPES:
                self._work()

    def _work(self) -> None:
        """Normalise what waits. If that fails, one by one, so that only the envelope at fault is refused."""
        waiting, self._waiting, self._waiting_lines = self._waiting, [], 0
        if not waiting:
            return
        # By partition for the messages; within one, and so within a terminal, by offset as they came.
        waiting.sort(key=lambda taken: taken.partition)
        try:
            self._normalise(waiting)
        except Exception:
            log.exception("bulk failed", envelopes=len(waiting))
            for taken in waiting:
                try:
                    self._normalise([taken])
                except Exception as error:
                    self._give_up_lines(taken, error)

    def _normalise(self, envelopes: list[Taken]) -> None:
        lines = pa.concat_batches([e.lines for e in envelopes])
        sizes = [e.lines.num_rows for e in envelopes]
        envelope = np.repeat(np.arange(len(envelopes)), sizes)
        arrived = np.array([e.arrived for e in envelopes])[envelope]
        keep, found = bad_lines(lines, arrived, envelope)
        findings: defaultdict[int, list[Finding]] = defaultdict(list)
        refused: dict[int, list[dict[str, object]]] = {}
        if keep is not None:
            for i, finding in found:
                findings[int(envelope[i])].append(finding)
            starts = np.cumsum([0, *sizes])
            for e in findings:
                mine = slice(int(starts[e]), int(starts[e + 1]))
                refused[e] = refused_rows(lines.slice(mine.start, sizes[e]), keep[mine])
            lines, envelope = lines.filter(pa.array(keep)), envelope[keep]
        clean = normalise(envelopes, lines, envelope, self._catalogue, self._usual)
        texts = self._catalogue.texts.texts
        offsets = np.array([e.offset for e in envelopes])
        of_cell, cells = cells_of(clean, self._tick_ms, offsets, [e.terminal.county for e in envelopes], texts)
        messages = clean_messages(envelopes, clean, texts)
        # Nothing may fail from here on: what is sent and what is counted belong together.
        for e, taken in enumerate(envelopes):
            if e in refused or taken.refused:
                message = line_refusal(taken, findings[e], refused.get(e, []))
                self._reject(message, taken.findings + findings[e])
        self._out += messages
        for place, table in split_cells(envelopes, of_cell, cells).items():
            self._cells[place].append(table)
        _lines.inc(len(envelope))
        _unclassified.inc(int(np.count_nonzero(clean.quality & Quality.UNCLASSIFIED)))

    def _refuse(self, record: Incoming, findings: list[Finding], decoded: Decoded | None = None) -> None:
        self._reject(refusal(record, findings, decoded), findings)
        _envelopes.labels("refused").inc()

    def _give_up(self, record: Incoming, error: Exception) -> None:
        # The last line of defence: whatever it was, the stream goes on and the envelope is not lost.
        log.exception("envelope failed", partition=record.partition, offset=record.offset)
        self._refuse(record, [Finding(Reason.INTERNAL, "value", "to be processed", repr(error)[:200])])

    def _give_up_lines(self, taken: Taken, error: Exception) -> None:
        log.exception("lines failed", partition=taken.partition, offset=taken.offset)
        finding = Finding(Reason.INTERNAL, "lines", "to be normalised", repr(error)[:200])
        rows = refused_rows(taken.lines, np.zeros(taken.lines.num_rows, np.bool_))
        self._reject(line_refusal(taken, [finding], rows), [finding])

    def _reject(self, message: Outgoing, findings: list[Finding]) -> None:
        for finding in findings:
            _refused.labels(finding.reason).inc()
        self._out.append(message)

    def _partition_of(self, terminal_id: str) -> int:
        home = self._homes.get(terminal_id)
        if home is None:
            if len(self._homes) >= _MAX_HOMES:
                self._homes.clear()
            home = self._homes[terminal_id] = (murmur2(terminal_id.encode()) & 0x7FFFFFFF) % self._partitions
        return home
