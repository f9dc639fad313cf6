"""Articles as normalize describes them (``skus``), and what people decided of them (``registry``), as rows."""

from typing import Final

import msgspec
import pyarrow as pa

from sinks.reading import TAG, TIME, decoded, table_of
from streams.records import Decision, SkuSightings

SKUS: Final = pa.schema(
    [
        *(("enterprise", TAG), ("sku", pa.string()), ("unit", TAG), ("name", pa.string()), ("spec", pa.string())),
        *(("barcode", pa.string()), ("category", TAG), ("tax_code", TAG), ("brand", TAG), ("code", TAG)),
        *(("method", TAG), ("confidence", pa.float32()), ("suggested", TAG), ("reasons", pa.list_(pa.string()))),
        *(("qty", pa.float64()), ("content_unit", TAG), ("packs", pa.uint32()), ("per_unit", pa.int64())),
        *(("quality", pa.uint16()), ("seen_at", TIME), ("described_at", TIME)),
        *(("raw_partition", pa.int32()), ("raw_offset", pa.int64())),
    ]
)
"""One row an article (enterprise, sku, unit) as it was described at ``described_at``, by a line of ``seen_at``."""

DECISIONS: Final = pa.schema(
    [
        *(("decision_id", pa.string()), ("enterprise", TAG), ("sku", pa.string()), ("verdict", TAG), ("author", TAG)),
        *(("at", TIME), ("code", TAG), ("suggested", TAG), ("unit", TAG), ("content", pa.int64()), ("brand", TAG)),
        *(("name", pa.string()), ("barcode", pa.string()), ("category", TAG), ("tax_code", TAG), ("note", pa.string())),
    ]
)
"""One row a decision: the fields of ``streams.records.Decision``."""


class _Kind(msgspec.Struct):
    type: str


def read_skus(value: bytes, partition: int) -> pa.Table:  # noqa: ARG001 (one signature for all topics)
    """Articles of one ``skus`` message, columns of SKUS. Raises UnreadableError."""
    sightings = decoded(value, SkuSightings)
    said = {
        "described_at": sightings.at,
        "raw_partition": sightings.raw_partition,
        "raw_offset": sightings.raw_offset,
    }
    return table_of(SKUS, [msgspec.structs.asdict(sku) | said for sku in sightings.skus])


def read_registry(value: bytes, partition: int) -> pa.Table:  # noqa: ARG001 (one signature for all topics)
    """The decision of one ``registry`` message, columns of DECISIONS; other records and tombstones have no row.

    Raises UnreadableError.
    """
    # The kind first: a record of a thousand mappings is no decision, and need not be read.
    if not value or decoded(value, _Kind).type != "decision":
        return DECISIONS.empty_table()
    decision = decoded(value, Decision)
    return table_of(DECISIONS, [msgspec.structs.asdict(decision)])
