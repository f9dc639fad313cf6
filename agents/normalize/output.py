"""What normalize sends: clean batches by raw partition, cells by city, refusals."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agents.normalize.bulk import Clean, Ints, Taken, filled
from agents.stage import Incoming, Outgoing
from streams.codec import Decoded
from streams.columns import CELLS_SCHEMA, CLEAN_SCHEMA, CONTENT, RAW_PARTITION, SOURCES, WATERMARK, to_bytes
from streams.envelope import CONTENT_TYPE
from streams.reasons import Finding
from streams.records import Rejected, encode
from streams.topics import CELLS, CLEAN, REJECTED

_HEADERS: Final = {CONTENT_TYPE: CONTENT.encode()}
_WIRE_TEXTS: Final = ("sku", "name", "unit", "brand", "origin", "lot")


def clean_messages(envelopes: list[Taken], clean: Clean, texts: list[str]) -> list[Outgoing]:
    """One message of ``pos.clean`` for each raw partition among the envelopes, which must come by partition."""
    if not len(clean.envelope):
        return []
    batch = _clean_batch(envelopes, clean, texts)
    of_line = np.array([e.partition for e in envelopes])[clean.envelope]
    partitions, first = np.unique(of_line, return_index=True)
    out = []
    for partition, start, end in zip(partitions.tolist(), first, np.append(first, len(of_line))[1:], strict=False):
        part = batch.slice(start, end - start)
        key = envelopes[int(clean.envelope[start])].terminal.terminal_id.encode()
        # The same partition as in pos.raw: offsets of the two can be told from each other.
        out.append(Outgoing(CLEAN, key, to_bytes(part), partition, _HEADERS))
    return out


def _clean_batch(envelopes: list[Taken], clean: Clean, texts: list[str]) -> pa.RecordBatch:
    of_line, lines = clean.envelope.astype(np.int32), clean.lines

    def tag(values: list[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(of_line, pa.array(values, pa.string()))

    def per_line(values: list[int], dtype: pa.DataType) -> pa.Array:
        return pa.array(np.array(values)[of_line]).cast(dtype)

    columns: dict[str, pa.Array] = {
        "terminal_id": tag([e.terminal.terminal_id for e in envelopes]),
        "seq": per_line([e.seq for e in envelopes], pa.int64()),
        "line": lines.column("line"),
        "raw_partition": per_line([e.partition for e in envelopes], pa.int32()),
        "raw_offset": per_line([e.offset for e in envelopes], pa.int64()),
        "ts": lines.column("ts"),
        "sent_at": per_line([e.sent_at for e in envelopes], pa.timestamp("ms", "UTC")),
        "kind": lines.column("kind").dictionary_encode(),
        "enterprise": tag([e.terminal.enterprise for e in envelopes]),
        "county": tag([e.terminal.county for e in envelopes]),
        "channel": _channel(lines, tag([e.terminal.channel for e in envelopes])),
        "code": pa.DictionaryArray.from_arrays(clean.code, pa.array(texts, pa.string())),
        "method": pa.DictionaryArray.from_arrays(clean.method, pa.array(texts, pa.string())),
    }
    for name in _WIRE_TEXTS:
        columns[name] = filled(lines.column(name), "").dictionary_encode()
    for name in ("confidence", "qty", "amount", "base_qty", "unit_price", "promo", "quality"):
        columns[name] = pa.array(getattr(clean, name))
    return pa.RecordBatch.from_arrays([columns[f.name] for f in CLEAN_SCHEMA], schema=CLEAN_SCHEMA)


def _channel(lines: pa.RecordBatch, usual: pa.Array) -> pa.Array:
    said = lines.column("channel")
    if said.null_count == len(said):
        return usual
    return pc.coalesce(said, usual.cast(pa.string())).dictionary_encode()


def split_cells(envelopes: list[Taken], envelope: Ints, cells: pa.Table) -> dict[tuple[int, str], pa.Table]:
    """Rows of ``cells`` by (raw partition, city), in their order: complete columns of CELLS_SCHEMA."""
    partition = np.array([e.partition for e in envelopes], np.int32)
    places = sorted({(e.partition, e.terminal.county[:4]) for e in envelopes})
    number = {place: i for i, place in enumerate(places)}
    of_row = np.array([number[e.partition, e.terminal.county[:4]] for e in envelopes], np.int64)[envelope]
    cells = cells.add_column(0, CELLS_SCHEMA.field("raw_partition"), pa.array(partition[envelope]))
    order = np.argsort(of_row, kind="stable")
    cells = cells.take(pa.array(order))
    edges = np.searchsorted(of_row[order], np.arange(len(places) + 1)).tolist()
    return {place: cells.slice(edges[i], edges[i + 1] - edges[i]) for i, place in enumerate(places)}


def cells_message(city: str, partition: int, watermark: int, sources: list[int], rows: list[pa.Table]) -> Outgoing:
    """One message of ``market.cells``: rows of one city from one raw partition (or none), and how far it has come."""
    metadata = {
        WATERMARK: str(watermark),
        SOURCES: ",".join(map(str, sources)),
        RAW_PARTITION: str(partition),
    }
    table = pa.concat_tables(rows) if rows else CELLS_SCHEMA.empty_table()
    batch = table.unify_dictionaries().combine_chunks().replace_schema_metadata(metadata)
    return Outgoing(CELLS, city.encode(), to_bytes(batch), None, _HEADERS)


def refusal(record: Incoming, findings: list[Finding], decoded: Decoded | None) -> Outgoing:
    """An envelope refused whole, with its bytes."""
    header = decoded.header if decoded else None
    rejected = Rejected(
        raw_partition=record.partition,
        raw_offset=record.offset,
        at=record.timestamp,
        findings=findings,
        terminal_id=header.terminal_id if header else (record.key or b"").decode("utf-8", "replace")[:64],
        seq=header.seq if header else None,
        whole=True,
        payload=record.value,
    )
    return Outgoing(REJECTED, record.key or b"", encode(rejected), record.partition)


def line_refusal(envelope: Taken, findings: list[Finding], rows: list[dict[str, object]]) -> Outgoing:
    """The refused lines of an envelope that was taken, all in one record: those unread and those found bad."""
    rejected = Rejected(
        raw_partition=envelope.partition,
        raw_offset=envelope.offset,
        at=envelope.arrived,
        findings=envelope.findings + findings,
        terminal_id=envelope.terminal.terminal_id,
        seq=envelope.seq,
        lines=envelope.refused + rows,
    )
    return Outgoing(REJECTED, envelope.terminal.terminal_id.encode(), encode(rejected), envelope.partition)
