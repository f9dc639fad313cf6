"""What normalize sends: clean batches by raw partition, cells by city, refusals."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agents.normalize.bulk import Clean
from agents.normalize.catalogue import Catalogue, News
from agents.normalize.cells import Place
from agents.normalize.groups import Tags, distinct, tagged, tagged_of
from agents.normalize.taken import Taken
from agents.stage import Incoming, Outgoing
from streams.codec import Decoded
from streams.columns import CLEAN_SCHEMA, CONTENT, RAW_PARTITION, SOURCES, WATERMARK, to_bytes
from streams.envelope import CONTENT_TYPE, KINDS
from streams.reasons import Finding
from streams.records import Rejected, SkuSightings, encode
from streams.topics import CELLS, CLEAN, REJECTED, SKUS

_HEADERS: Final = {CONTENT_TYPE: CONTENT.encode()}
_WIRE_TEXTS: Final = ("name", "origin", "lot")
_NUMBERS: Final = ("confidence", "qty", "amount", "base_qty", "unit_price", "promo", "quality")
_SKUS: Final = 500
"""With all their texts at their longest these take less than a message may."""
_KINDS: Final = pa.array(KINDS)


def clean_messages(envelopes: list[Taken], clean: Clean, catalogue: Catalogue) -> list[Outgoing]:
    """One message of ``pos.clean`` for each raw partition among the envelopes, which must come by partition."""
    partition = np.array([e.partition for e in envelopes], np.int32)
    first_line = np.concatenate([[0], np.cumsum(clean.counts)])
    tags = _tags(envelopes, clean, catalogue)
    columns = _columns(envelopes, clean)
    out = []
    edges = np.flatnonzero(np.diff(partition)) + 1
    for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(partition)], strict=True):
        start, end = int(first_line[first]), int(first_line[last])
        if start == end:
            continue
        arrays = []
        for field in CLEAN_SCHEMA:
            if field.name in tags:
                arrays.append(tags[field.name].part(start, end))
            else:
                arrays.append(columns[field.name].slice(start, end - start))
        batch = pa.RecordBatch.from_arrays(arrays, schema=CLEAN_SCHEMA)
        key = envelopes[int(clean.envelope[start])].terminal.terminal_id.encode()
        # The same partition as in pos.raw: offsets of the two can be told from each other.
        out.append(Outgoing(CLEAN, key, to_bytes(batch), int(partition[first]), _HEADERS))
    return out


def _tags(envelopes: list[Taken], clean: Clean, catalogue: Catalogue) -> dict[str, Tags]:
    counts, lines = clean.counts, clean.lines
    texts = pa.array(catalogue.texts.texts, pa.string())
    tags = {name: tagged(lines.column(name)) for name in _WIRE_TEXTS}
    return {
        **tags,
        "terminal_id": tagged_of([e.terminal.terminal_id for e in envelopes], counts),
        "kind": Tags(clean.kind.astype(np.int32), _KINDS),
        "enterprise": tagged_of([e.terminal.enterprise for e in envelopes], counts),
        "county": tagged_of([e.terminal.county for e in envelopes], counts),
        "channel": _channel(lines, tagged_of([e.terminal.channel for e in envelopes], counts)),
        "sku": clean.articles.sku,
        "unit": clean.articles.unit,
        "brand": _brand(lines, clean, catalogue),
        "code": Tags(clean.code, texts),
        "method": Tags(clean.method, texts),
    }


def _columns(envelopes: list[Taken], clean: Clean) -> dict[str, pa.Array]:
    def per_line(values: list[int], dtype: type[np.int64] | type[np.int32] = np.int64) -> pa.Array:
        return pa.array(np.repeat(np.array(values, dtype), clean.counts))

    return {
        "seq": per_line([e.seq for e in envelopes]),
        "line": clean.lines.column("line"),
        "raw_partition": per_line([e.partition for e in envelopes], np.int32),
        "raw_offset": per_line([e.offset for e in envelopes]),
        "ts": clean.lines.column("ts"),
        "sent_at": per_line([e.sent_at for e in envelopes]).view(CLEAN_SCHEMA.field("sent_at").type),
        **{name: pa.array(getattr(clean, name)) for name in _NUMBERS},
    }


def _brand(lines: pa.RecordBatch, clean: Clean, catalogue: Catalogue) -> Tags:
    """The line's own brand where it was sent, else the article's."""
    used, index = distinct(catalogue.brand[clean.articles.row].astype(np.int64), len(catalogue.brands.texts))
    usual = Tags(index, pa.array([catalogue.brands.texts[i] for i in used.tolist()], pa.string()))
    said = lines.column("brand")
    if said.null_count == len(said):
        return usual
    own = tagged(said)
    sent = pc.not_equal(own.texts, "").to_numpy(zero_copy_only=False)[own.index]
    both = pa.concat_arrays([own.texts, usual.texts])
    return Tags(np.where(sent, own.index, len(own.texts) + usual.index), both)


def _channel(lines: pa.RecordBatch, usual: Tags) -> Tags:
    said = lines.column("channel")
    if said.null_count == len(said):
        return usual
    return tagged(pc.coalesce(said, usual.texts.take(pa.array(usual.index))))


def sku_messages(news: list[News]) -> list[Outgoing]:
    """Messages of ``skus``: the articles described, by raw partition and enterprise, at most ``_SKUS`` in each."""
    groups: dict[tuple[int, str], list[News]] = {}
    for one in news:
        groups.setdefault((one.partition, one.sku.enterprise), []).append(one)
    out = []
    for (partition, enterprise), group in groups.items():
        for part in (group[i : i + _SKUS] for i in range(0, len(group), _SKUS)):
            last = max(part, key=lambda one: one.offset)
            sightings = SkuSightings(partition, last.offset, last.arrived, [one.sku for one in part])
            out.append(Outgoing(SKUS, enterprise.encode(), encode(sightings), partition))
    return out


def cells_message(place: Place, watermark: int, sources: list[int], rows: pa.RecordBatch) -> Outgoing:
    """One message of ``market.cells``: rows of one city from one raw partition (or none), and how far it has come."""
    partition, city = place
    metadata = {
        WATERMARK: str(watermark),
        SOURCES: ",".join(map(str, sources)),
        RAW_PARTITION: str(partition),
    }
    return Outgoing(CELLS, city.encode(), to_bytes(rows.replace_schema_metadata(metadata)), None, _HEADERS)


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
