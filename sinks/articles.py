"""Articles as normalize describes them (``skus``); decisions, terminals and enterprises of ``registry``: as rows."""

from collections.abc import Sequence
from typing import Final

import msgspec
import pyarrow as pa

from sinks.reading import TAG, TIME, decoded, table_of
from streams.records import Decision, EnterpriseRecord, SkuSightings, TerminalRecord

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


TERMINALS: Final = pa.schema(
    [
        *(("terminal_id", TAG), ("enterprise", TAG), ("county", TAG), ("channel", TAG)),
        *(("valid_from", TIME), ("valid_to", TIME)),
    ]
)
"""One row a record of a terminal: the fields of ``streams.records.TerminalRecord``; ``valid_to`` 1970: none said."""

ENTERPRISES: Final = pa.schema(
    [
        *(("enterprise", TAG), ("name", pa.string()), ("holding", TAG), ("county", TAG)),
        *(("valid_from", TIME), ("valid_to", TIME)),
    ]
)
"""One row a record of an enterprise. A holding that was not said is the enterprise itself."""

_REGISTRY: Final = {"decisions": DECISIONS, "terminal_records": TERMINALS, "enterprise_records": ENTERPRISES}


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
    """The record of one ``registry`` message: columns of DECISIONS, TERMINALS or ENTERPRISES, by what it is.

    Mappings and tombstones have no row. Raises UnreadableError.
    """
    # The kind first: a record of a thousand mappings has no row, and need not be read.
    kind = decoded(value, _Kind).type if value else ""
    if kind == "decision":
        return table_of(DECISIONS, [msgspec.structs.asdict(decoded(value, Decision))])
    if kind == "terminal":
        return table_of(TERMINALS, [msgspec.structs.asdict(decoded(value, TerminalRecord))])
    if kind == "enterprise":
        record = decoded(value, EnterpriseRecord)
        said = msgspec.structs.asdict(record) | {"holding": record.holding or record.enterprise}
        return table_of(ENTERPRISES, [{name: said[name] for name in ENTERPRISES.names}])
    return DECISIONS.empty_table()


def split_registry(rows: Sequence[pa.Table]) -> dict[str, pa.Table]:
    """What ``read_registry`` read, by the table that takes it."""
    by = {name: [one for one in rows if one.schema.equals(schema)] for name, schema in _REGISTRY.items()}
    return {name: pa.concat_tables(found).unify_dictionaries() for name, found in by.items() if found}
