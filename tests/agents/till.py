"""A till for tests: registered terminals, envelopes as Kafka records, and what a stage sent, as tables."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pyarrow as pa
from aiokafka.partitioner import murmur2

from agents.identify.chain import Chain
from agents.naming.verdict import DECLINED, Verdict
from agents.normalize.catalogue import Describe
from agents.normalize.stage import NormalizeStage
from agents.registry import Registry
from agents.stage import Incoming, Outgoing
from streams.codec import encode_arrow
from streams.columns import CELLS_SCHEMA, CLEAN_SCHEMA, from_bytes
from streams.envelope import ARROW, CONTENT_TYPE, LINE_SCHEMA, Header
from streams.records import Mapping, MappingRecord, Rejected, SkuSightings, TerminalRecord, encode
from streams.topics import CELLS, CLEAN, RAW, REJECTED, SKUS

NOW = 1_760_000_000_000
PARTITIONS = 4
TICK = 300_000
SALT = Mapping("SALT", "1001", "袋", 400)
PORK = Mapping("PORK", "0301", "kg")
WORDS = {"苹果": "0901", "大白菜": "0801"}
OIL = Mapping("OIL", "0201", "桶", 5000)


def registry(terminals: Iterable[str] = ("T-1",), county: str = "330602") -> Registry:
    known = Registry()
    for t in terminals:
        known.apply(encode(TerminalRecord(t, "E-1", county)))
    known.apply(encode(MappingRecord("E-1", [SALT, PORK, OIL])))
    return known


def by_word(names: Sequence[str], specs: Sequence[str]) -> list[Verdict]:
    """A classifier that knows two words, and 老牌 as a brand."""
    found = (next((WORDS[w] for w in WORDS if w in name), "") for name in names)
    brands = ("老牌" if "老牌" in name else "" for name in names)
    return [Verdict(c, 0.9, b, ()) if c else DECLINED._replace(brand=b) for c, b in zip(found, brands, strict=True)]


def stage(
    known: Registry | None = None, describe: Describe | None = None, *, idle_ms: int = 3_600_000
) -> NormalizeStage:
    known = known or registry()
    return NormalizeStage(known, PARTITIONS, TICK, idle_ms, describe or Chain(known, by_word).describe)


def home(terminal_id: str) -> int:
    return int(murmur2(terminal_id.encode()) & 0x7FFFFFFF) % PARTITIONS


def lines(*rows: dict[str, Any]) -> pa.RecordBatch:
    base = {"ts": NOW, "kind": "sale", "sku": "SALT", "unit": "袋", "qty": 1000, "amount": 250}
    full = [{"line": i, **base, **row} for i, row in enumerate(rows)]
    return pa.RecordBatch.from_pylist(full, schema=pa.schema([f.with_nullable(True) for f in LINE_SCHEMA]))


def record(
    offset: int, seq: int, *rows: dict[str, Any], terminal: str = "T-1", sent_at: int = NOW, **changes: Any
) -> Incoming:
    value = encode_arrow(Header(1, terminal, seq, sent_at), lines(*rows))
    said: dict[str, Any] = {
        "topic": RAW,
        "partition": home(terminal),
        "offset": offset,
        "timestamp": NOW,
        "key": terminal.encode(),
        "value": value,
        "headers": {CONTENT_TYPE: ARROW.encode()},
    }
    return Incoming(**{**said, **changes})


def _tables(sent: list[Outgoing], topic: str, schema: pa.Schema) -> pa.Table:
    found = [from_bytes(o.value, schema) for o in sent if o.topic == topic]
    return pa.concat_tables([t.replace_schema_metadata(None) for t in found]) if found else schema.empty_table()


def clean(sent: list[Outgoing]) -> pa.Table:
    return _tables(sent, CLEAN, CLEAN_SCHEMA)


def cells(sent: list[Outgoing]) -> pa.Table:
    return _tables(sent, CELLS, CELLS_SCHEMA)


def metadata(sent: list[Outgoing], city: str) -> list[dict[bytes, bytes]]:
    return [pa.ipc.open_stream(o.value).schema.metadata for o in sent if o.topic == CELLS and o.key == city.encode()]


def sightings(sent: list[Outgoing]) -> list[SkuSightings]:
    return [msgspec.json.decode(o.value, type=SkuSightings) for o in sent if o.topic == SKUS]


def rejected(sent: list[Outgoing]) -> list[Rejected]:
    return [msgspec.json.decode(o.value, type=Rejected) for o in sent if o.topic == REJECTED]
