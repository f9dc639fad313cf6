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

from agents.identify.chain import Chain
from agents.naming.classifier import classifier
from agents.normalize.articles import articles_of
from agents.normalize.bulk import normalise
from agents.normalize.catalogue import Catalogue, Describe
from agents.normalize.cells import Gathered, Told, cells_of
from agents.normalize.output import cells_message, clean_messages, line_refusal, refusal, sku_messages
from agents.normalize.prices import UsualPrices
from agents.normalize.taken import Taken
from agents.normalize.terminal import TerminalState, from_bytes
from agents.normalize.watermarks import Watermarks, bars_told
from agents.registry import Registry
from agents.stage import Incoming, Outgoing
from detectors.bars import bar_ms
from detectors.pace import Pace
from streams.codec import Decoded, read, refused_rows
from streams.columns import Quality
from streams.envelope import CONTENT_TYPE, Envelope
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
_unclassified = Counter("infopump_normalize_unclassified_lines", "Lines of articles that nothing classifies")
_described = Counter("infopump_normalize_described_articles", "Articles described, or described anew", ["method"])


class NormalizeStage:
    """See agents.stage.Stage. One worker's share of ``pos.raw``; state by terminal."""

    source = RAW

    def __init__(
        self, registry: Registry, partitions: int, tick_ms: int, idle_ms: int, describe: Describe | None = None
    ) -> None:
        """``describe`` says what articles are; without it the chain does, with the name classifier."""
        self._registry = registry
        self._describe = describe or Chain(registry, classifier()).describe
        self._partitions = partitions
        self._tick_ms = tick_ms
        self._bar_ms = bar_ms(Pace.of(tick_ms))
        self._watermarks = Watermarks(registry, self._partition_of, idle_ms)
        self._homes: dict[str, int] = {}
        self.reset()

    def reset(self) -> None:
        """See Stage."""
        self._catalogue = Catalogue(self._registry, self._describe)
        self._usual = UsualPrices()
        self._states: dict[str, TerminalState] = {}
        self._dirty: set[str] = set()
        self._waiting: list[Taken] = []
        self._waiting_lines = 0
        self._taken = 0
        self._cells = Gathered()
        self._out: list[Outgoing] = []
        self._watermarks.reset()

    def apply(self, record: Incoming) -> None:
        """See Stage."""
        try:
            content_type = record.headers.get(CONTENT_TYPE, b"").decode("ascii", "replace")
            self.take(record, read(record.value, content_type))
        except Exception as error:
            self._give_up(record, error)

    def drain(self) -> list[Outgoing]:
        """See Stage."""
        self._work()
        out, self._out = self._out, []
        out += sku_messages(self._catalogue.news)
        for one in self._catalogue.news:
            _described.labels(one.sku.method).inc()
        self._catalogue.news.clear()
        for place, rows in self._cells.take(self._catalogue.texts.texts):
            out.append(cells_message(place, self._watermarks.of(*place), self._watermarks.sources(place[1]), rows))
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

    def take(self, record: Incoming, decoded: Decoded) -> None:
        """Apply a record that was read: what the hot path begins with."""
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
            self._keep(record, decoded.envelope, decoded, terminal, state.shop)
            skipped = state.seqs.add(header.seq)
            if skipped > 0:
                _missing.inc(skipped)
        state.enterprise = terminal.enterprise
        state.applied = record.offset
        said, state.watermark = state.watermark, max(state.watermark, header.sent_at)
        bars = bars_told(said, state.watermark, self._bar_ms)
        if bars:
            self._cells.tell(Told((record.partition, terminal.county[:4]), record.offset, terminal.county, bars))
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

    def _keep(
        self, record: Incoming, envelope: Envelope, decoded: Decoded, terminal: TerminalRecord, shop: int
    ) -> None:
        header, lines = envelope.header, envelope.lines
        # An envelope without lines still moves its city's watermark.
        self._cells.touch((record.partition, terminal.county[:4]))
        self._taken += 1
        if lines.num_rows or decoded.refused:
            taken = Taken(
                partition=record.partition,
                offset=record.offset,
                arrived=record.timestamp,
                terminal=terminal,
                shop=shop,
                seq=header.seq,
                sent_at=header.sent_at,
                lines=lines,
                findings=decoded.findings,
                refused=decoded.refused,
            )
            self._waiting.append(taken)
            self._waiting_lines += lines.num_rows
            if self._waiting_lines >= BULK_LINES or len(self._waiting) >= BULK_ENVELOPES:
                self._work()

    def _work(self) -> None:
        """Normalise what waits. If that fails, one by one, so that only the envelope at fault is refused."""
        # Counted here, once for many: a counter has a lock.
        _envelopes.labels("taken").inc(self._taken)
        waiting, self._waiting, self._waiting_lines, self._taken = self._waiting, [], 0, 0
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
        arrived = np.repeat(np.array([e.arrived for e in envelopes], np.int64), sizes)
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
        articles = articles_of(envelopes, lines, envelope, self._catalogue, self._registry)
        clean = normalise(envelopes, lines, envelope, articles, self._catalogue, self._usual)
        cells = cells_of(clean, self._tick_ms, len(self._catalogue.texts.texts))
        messages = clean_messages(envelopes, clean, self._catalogue)
        # Nothing may fail from here on: what is sent and what is counted belong together.
        for e, taken in enumerate(envelopes):
            if e in refused or taken.refused:
                message = line_refusal(taken, findings[e], refused.get(e, []))
                self._reject(message, taken.findings + findings[e])
        self._out += messages
        self._cells.add(envelopes, cells)
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
