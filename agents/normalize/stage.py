"""Normalize: an envelope becomes clean lines, cells of its city, and refusals with their reasons."""

from collections import defaultdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import structlog
from aiokafka.partitioner import murmur2
from prometheus_client import Counter

from agents.normalize.catalogue import Catalogue
from agents.normalize.cells import cells_of
from agents.normalize.output import CityCells, CleanEnvelope, clean_messages, filled
from agents.normalize.relatives import learn, relatives
from agents.normalize.terminal import TerminalState, from_bytes
from agents.normalize.watermarks import Watermarks
from agents.registry import Registry
from agents.stage import Incoming, Outgoing
from streams.codec import Decoded, decode
from streams.columns import Quality
from streams.envelope import CONTENT_TYPE, KINDS, PRICE, RETURN, STOCK, Envelope
from streams.reasons import Finding, Reason
from streams.records import Rejected, TerminalRecord, encode
from streams.topics import RAW, REJECTED
from streams.validate import int64

log = structlog.get_logger(__name__)

LATE_MS: Final = 3_600_000
_KIND_NAMES: Final = pa.array(KINDS)
_lines = Counter("infopump_normalize_lines", "Lines normalised")
_envelopes = Counter("infopump_normalize_envelopes", "Envelopes by what became of them", ["result"])
_refused = Counter("infopump_normalize_refused", "Findings by reason code", ["reason"])
_unclassified = Counter("infopump_normalize_unclassified_lines", "Lines whose SKU no mapping knows")


class NormalizeStage:
    """See agents.stage.Stage. One worker's share of ``pos.raw``; state by terminal."""

    source = RAW

    def __init__(self, registry: Registry, partitions: int, tick_ms: int, idle_ms: int) -> None:
        self._registry = registry
        self._partitions = partitions
        self._tick_ms = tick_ms
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []
        self._catalogues: dict[str, Catalogue] = {}
        self._watermarks = Watermarks(registry, self._partition_of, idle_ms)
        self._homes: dict[str, int] = {}
        self.reset()

    def reset(self) -> None:
        """See Stage."""
        self._states: dict[str, TerminalState] = {}
        self._dirty: set[str] = set()
        self._clean: defaultdict[int, list[CleanEnvelope]] = defaultdict(list)
        self._cells: defaultdict[tuple[int, str], CityCells] = defaultdict(CityCells)
        self._out: list[Outgoing] = []
        self._watermarks.reset()

    def apply(self, record: Incoming) -> None:
        """See Stage."""
        try:
            self._apply(record)
        except Exception as error:
            # The last line of defence: whatever it was, the stream goes on and the envelope is not lost.
            log.exception("envelope failed", partition=record.partition, offset=record.offset)
            self._refuse(record, [Finding(Reason.INTERNAL, "value", "to be processed", repr(error)[:200])])

    def drain(self) -> list[Outgoing]:
        """See Stage."""
        out, self._out = self._out, []
        for envelopes in self._clean.values():
            out += clean_messages(envelopes, self._texts)
        for (partition, city), cells in self._cells.items():
            watermark = self._watermarks.of(partition, city)
            sources = ",".join(map(str, self._watermarks.sources(city)))
            out += cells.messages(city, partition, watermark, sources, self._texts)
        self._clean.clear()
        self._cells.clear()
        return out

    def dirty(self) -> dict[bytes, bytes]:
        """See Stage."""
        blocks = {}
        for terminal_id in sorted(self._dirty):
            terminal = self._registry.terminals[terminal_id]
            catalogue = self._catalogue(terminal.enterprise)
            blocks[terminal_id.encode()] = self._states[terminal_id].to_bytes(catalogue)
        self._dirty.clear()
        return blocks

    def restore(self, key: bytes, block: bytes) -> None:
        """See Stage."""
        terminal = self._registry.terminal(key.decode())
        if terminal is None:
            log.warning("state of a terminal that is no longer registered", terminal=key.decode())
            return
        state = from_bytes(block, self._catalogue(terminal.enterprise))
        self._states[terminal.terminal_id] = state
        self._watermarks.set(terminal, state.watermark)

    def _apply(self, record: Incoming) -> None:
        content_type = record.headers.get(CONTENT_TYPE, b"").decode("ascii", "replace")
        decoded = decode(record.value, content_type, record.timestamp)
        if decoded.envelope is None:
            self._refuse(record, decoded.findings, decoded)
            return
        header = decoded.envelope.header
        terminal, finding = self._sender(record, header.terminal_id)
        if terminal is None:
            self._refuse(record, [finding] if finding else [], decoded)
            return
        state = self._states.setdefault(header.terminal_id, TerminalState())
        if record.offset <= state.applied:
            _envelopes.labels("applied before").inc()
            return
        repeated = header.seq in state.seqs
        if not repeated:
            self._take(record, decoded.envelope, terminal, state)
            if decoded.findings:
                self._refuse_lines(record, decoded)
        _envelopes.labels("repeated" if repeated else "taken").inc()
        state.seqs.add(header.seq)
        state.applied = record.offset
        state.watermark = max(state.watermark, header.sent_at)
        self._watermarks.set(terminal, state.watermark)
        self._dirty.add(header.terminal_id)

    def _sender(self, record: Incoming, terminal_id: str) -> tuple[TerminalRecord | None, Finding | None]:
        if record.key != terminal_id.encode():
            got = (record.key or b"")[:64].decode("utf-8", "replace")
            return None, Finding(Reason.KEY_MISMATCH, "key", terminal_id, got or "none")
        home = self._partition_of(terminal_id)
        if record.partition != home:
            return None, Finding(Reason.WRONG_PARTITION, "partition", str(home), str(record.partition))
        terminal = self._registry.terminal(terminal_id)
        if terminal is None:
            return None, Finding(Reason.UNKNOWN_TERMINAL, "terminal_id", "a registered terminal", terminal_id)
        return terminal, None

    def _take(self, record: Incoming, envelope: Envelope, terminal: TerminalRecord, state: TerminalState) -> None:
        lines = envelope.lines
        n = lines.num_rows
        city_cells = self._cells[record.partition, terminal.county[:4]]
        if not n:
            return
        catalogue = self._catalogue(terminal.enterprise)
        sku, unit = (filled(lines.column(c), "").dictionary_encode() for c in ("sku", "unit"))
        of_unit = len(unit.dictionary)
        pair, inverse = np.unique(
            _numpy(sku.indices).astype(np.int64) * of_unit + _numpy(unit.indices), return_inverse=True
        )
        skus = sku.dictionary.take(pa.array(pair // of_unit)).to_pylist()
        units = unit.dictionary.take(pa.array(pair % of_unit)).to_pylist()
        row = catalogue.rows_of(list(zip(skus, units, strict=True)))[inverse]

        kind = _numpy(pc.index_in(lines.column("kind"), _KIND_NAMES)).astype(np.int8)
        ts = int64(lines.column("ts"))
        sign = np.where(kind == RETURN, -1, 1)
        wire_qty = _numpy(lines.column("qty"))
        amount = _numpy(lines.column("amount"))
        promo = _numpy(filled(lines.column("promo"), False))
        measure = catalogue.per_unit[row]
        base_qty = (wire_qty * measure + 500) // 1000
        # A sale's price is what was paid over what was got; a price tag's is that of one unit.
        per = np.where(kind == PRICE, measure, base_qty)
        priced = (kind != STOCK) & (per > 0) & (amount > 0)
        # fen per g (ml, 1/1000 piece) x 100 (fen to 1e-4 yuan) x 1000 (to kg, L, piece)
        unit_price = np.where(priced, np.rint(amount * 100_000.0 / np.maximum(per, 1)), 0.0).astype(np.int64)
        priced &= unit_price > 0
        log_price = np.log(np.where(priced, unit_price, 1))

        state.usual.grow(len(catalogue.pairs))
        relative, outlier = relatives(state.usual, row, log_price)
        comparable = priced & ~promo & (kind != RETURN) & ~outlier
        quality = (
            catalogue.quality[row]
            | np.where(envelope.header.sent_at - ts > LATE_MS, Quality.LATE, 0)
            | np.where((kind != STOCK) & ~priced & (measure > 0), Quality.NO_AMOUNT, 0)
            | np.where(priced & outlier, Quality.OUTLIER, 0)
        ).astype(np.uint16)
        met = comparable & ~np.isnan(state.usual.log_price[row])
        learn(state.usual, row[comparable], log_price[comparable], ts[comparable].astype(np.float64))

        code = catalogue.code[row]
        traded = np.where(kind == PRICE, 0, base_qty) * sign
        clean = CleanEnvelope(
            terminal, envelope.header.seq, envelope.header.sent_at, record.partition, record.offset, lines, kind,
            code, catalogue.method[row], catalogue.confidence[row], wire_qty * sign, amount * sign, traded,
            unit_price, quality,
        )  # fmt: skip
        cells = cells_of(kind, code, ts, traded, amount * sign, wire_qty, relative, met, self._tick_ms)
        self._clean[record.partition].append(clean)
        city_cells.parts.append((record.offset, terminal.county, cells))
        _lines.inc(n)
        _unclassified.inc(int(np.count_nonzero(quality & Quality.UNCLASSIFIED)))

    def _refuse(self, record: Incoming, findings: list[Finding], decoded: Decoded | None = None) -> None:
        header = decoded.header if decoded else None
        self._reject(
            Rejected(
                raw_partition=record.partition,
                raw_offset=record.offset,
                at=record.timestamp,
                findings=findings,
                terminal_id=header.terminal_id if header else (record.key or b"").decode("utf-8", "replace")[:64],
                seq=header.seq if header else None,
                whole=True,
                payload=record.value,
            ),
            record,
        )
        _envelopes.labels("refused").inc()

    def _refuse_lines(self, record: Incoming, decoded: Decoded) -> None:
        header = decoded.header
        self._reject(
            Rejected(
                raw_partition=record.partition,
                raw_offset=record.offset,
                at=record.timestamp,
                findings=decoded.findings,
                terminal_id=header.terminal_id if header else "",
                seq=header.seq if header else None,
                lines=decoded.refused,
            ),
            record,
        )

    def _reject(self, rejected: Rejected, record: Incoming) -> None:
        for finding in rejected.findings:
            _refused.labels(finding.reason).inc()
        self._out.append(Outgoing(REJECTED, record.key or b"", encode(rejected), record.partition))

    def _catalogue(self, enterprise: str) -> Catalogue:
        version = self._registry.version(enterprise)
        catalogue = self._catalogues.get(enterprise)
        if catalogue is None:
            known = self._registry.mappings(enterprise)
            catalogue = self._catalogues[enterprise] = Catalogue(known, self._number, version)
        elif catalogue.version != version:
            catalogue.renew(version)
        return catalogue

    def _number(self, text: str) -> int:
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self._texts)
            self._texts.append(text)
        return number

    def _partition_of(self, terminal_id: str) -> int:
        home = self._homes.get(terminal_id)
        if home is None:
            if len(self._homes) > 1_000_000:
                self._homes.clear()
            home = self._homes[terminal_id] = (murmur2(terminal_id.encode()) & 0x7FFFFFFF) % self._partitions
        return home


def _numpy(column: pa.Array) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values
