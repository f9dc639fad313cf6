"""From the messages of a topic to the columns of its tables. A message that cannot be read becomes a row of its own."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from sinks.acknowledgements import ACKNOWLEDGED, read_heartbeat
from sinks.articles import DECISIONS, SKUS, read_registry, read_skus
from sinks.corrections import job_of
from sinks.reading import TAG, TIME, UnreadableError, decoded, table_of
from streams import topics
from streams.columns import CLEAN_SCHEMA, from_bytes
from streams.envelope import KINDS, MAX_TEXT
from streams.reasons import Finding, Reason
from streams.records import Alert, AlertCommand, AlertEvent, Rejected, Signal

_ALERT_FIELDS: Final = frozenset(Alert.__struct_fields__) - {"counties"}

REJECTED: Final = pa.schema(
    [
        ("at", TIME),
        ("source", TAG),
        ("raw_partition", pa.int32()),
        ("raw_offset", pa.int64()),
        ("terminal_id", TAG),
        ("seq", pa.int64()),
        ("reason", TAG),
        ("field", TAG),
        ("expected", pa.string()),
        ("got", pa.string()),
        ("line", pa.int64()),
        ("lines", pa.uint32()),
        ("envelopes", pa.uint8()),
    ]
)
"""One row a finding. ``source`` is the topic that ``raw_partition`` and ``raw_offset`` are of. ``lines`` (refused
lines of an envelope that was taken) and ``envelopes`` (1: refused whole) stand in the first row of a refusal, 0 in the
others: their sums are exact counts."""

SIGNALS: Final = pa.schema(
    [
        ("tick", TIME),
        ("tick_ms", pa.int64()),
        ("city", TAG),
        ("code", TAG),
        ("kind", TAG),
        ("readings", pa.uint32()),
        ("region", TAG),
        ("p", pa.float64()),
        ("observed", pa.float64()),
        ("expected", pa.float64()),
        ("since", TIME),
        ("terminals", pa.uint32()),
        ("tests_per_day", pa.float64()),
        ("data", pa.string()),
    ]
)
"""One row a signal. ``region`` to ``terminals`` are those of the reading with the smallest p; without a reading (it is
over) the region is the city and p is 1. ``data`` is the whole signal in JSON."""

ALERTS: Final = pa.schema(
    [
        ("alert_id", pa.string()),
        ("revision", pa.uint32()),
        ("published", TIME),
        ("state", TAG),
        ("kind", TAG),
        ("level", TAG),
        ("peak_level", TAG),
        ("commodity", TAG),
        ("commodity_zh", TAG),
        ("commodity_en", TAG),
        ("region", TAG),
        ("region_zh", TAG),
        ("region_en", TAG),
        ("provinces", pa.list_(pa.string())),
        ("counties", pa.list_(pa.string())),
        ("observed", pa.float64()),
        ("expected", pa.float64()),
        ("ratio", pa.float64()),
        ("terminals", pa.uint32()),
        ("onset", TIME),
        ("detected", TIME),
        ("updated", TIME),
        ("recurrence_days", pa.float64()),
        ("clause", pa.string()),
        ("rulebook", TAG),
        ("data", pa.string()),
    ]
)
"""One row a revision of an alert; ``data`` is the whole CloudEvent in JSON."""


ACTIONS: Final = pa.schema(
    [
        *(("command_id", pa.string()), ("alert_id", pa.string()), ("revision", pa.uint32()), ("at", TIME)),
        *(("author", TAG), ("action", TAG), ("assignee", TAG), ("until", TIME), ("comment", pa.string())),
    ]
)
"""One row for each thing that a person did with an alert: the fields of ``streams.records.AlertCommand``."""


def read_clean(value: bytes, partition: int) -> pa.Table:
    """Lines of one ``pos.clean`` message, columns of CLEAN_SCHEMA. Raises UnreadableError."""
    try:
        table = from_bytes(value, CLEAN_SCHEMA)
        table.validate(full=True)
        job_of(table.schema)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableError(Reason.UNREADABLE, "an Arrow stream of clean lines", str(error)) from error
    if empty := [name for name, column in zip(table.column_names, table.columns, strict=True) if column.null_count]:
        raise UnreadableError(Reason.MISSING_FIELD, "a value in every column of every line", f"none in {empty}")
    kinds = {kind for chunk in table["kind"].chunks for kind in chunk.dictionary.to_pylist()}
    if not kinds <= set(KINDS):
        raise UnreadableError(Reason.INTERNAL, f"kinds among {KINDS}", str(sorted(kinds, key=str)))
    span = pc.min_max(table["raw_partition"]).as_py()
    if table.num_rows and (span["min"], span["max"]) != (partition, partition):
        raise UnreadableError(Reason.INTERNAL, f"lines of raw partition {partition} alone", str(span))
    return table


def read_rejected(value: bytes, partition: int) -> pa.Table:  # noqa: ARG001 (one signature for all topics)
    """Findings of one ``pos.rejected`` message, columns of REJECTED. Raises UnreadableError."""
    record = decoded(value, Rejected)
    first = {"lines": len(record.lines), "envelopes": int(record.whole)}
    findings = record.findings or [Finding(Reason.INTERNAL, "findings", "at least one", "none")]
    return table_of(
        REJECTED,
        [
            {
                "at": record.at,
                "source": topics.RAW,
                "raw_partition": record.raw_partition,
                "raw_offset": record.raw_offset,
                "terminal_id": record.terminal_id[:MAX_TEXT],
                "seq": record.seq,
                "reason": finding.reason,
                "field": finding.field[:MAX_TEXT],
                "expected": finding.expected[:MAX_TEXT],
                "got": finding.got[:MAX_TEXT],
                "line": finding.line,
                **(first if number == 0 else {"lines": 0, "envelopes": 0}),
            }
            for number, finding in enumerate(findings)
        ],
    )


def read_signal(value: bytes, partition: int) -> pa.Table:  # noqa: ARG001 (one signature for all topics)
    """One ``signals`` message, columns of SIGNALS. Raises UnreadableError."""
    signal = decoded(value, Signal)
    worst = min(signal.readings, key=lambda reading: reading.p, default=None)
    return table_of(
        SIGNALS,
        [
            {
                "tick": signal.tick,
                "tick_ms": signal.tick_ms,
                "city": signal.city,
                "code": signal.code,
                "kind": signal.kind,
                "readings": len(signal.readings),
                "region": worst.region if worst else signal.city,
                "p": worst.p if worst else 1.0,
                "observed": worst.observed if worst else 0.0,
                "expected": worst.expected if worst else 0.0,
                "since": worst.since if worst else signal.tick,
                "terminals": worst.terminals if worst else 0,
                "tests_per_day": signal.tests_per_day,
                "data": value.decode(),
            }
        ],
    )


def read_alert(value: bytes, partition: int) -> pa.Table:  # noqa: ARG001 (one signature for all topics)
    """One ``alerts`` message, columns of ALERTS; a tombstone has no row. Raises UnreadableError."""
    if not value:
        return ALERTS.empty_table()
    event = decoded(value, AlertEvent)
    alert = event.data
    same = {name: getattr(alert, name) for name in ALERTS.names if name in _ALERT_FIELDS}
    return table_of(
        ALERTS,
        [
            {
                **same,
                "published": _published(event.time),
                "commodity_zh": alert.commodity_name.zh,
                "commodity_en": alert.commodity_name.en,
                "region_zh": alert.region_name.zh,
                "region_en": alert.region_name.en,
                "counties": [county.region for county in alert.counties],
                "data": value.decode(),
            }
        ],
    )


def read_command(value: bytes, partition: int) -> pa.Table:  # noqa: ARG001 (one signature for all topics)
    """One ``alert.commands`` message, columns of ACTIONS; a tombstone has no row. Raises UnreadableError."""
    if not value:
        return ACTIONS.empty_table()
    return table_of(ACTIONS, [msgspec.structs.asdict(decoded(value, AlertCommand))])


def _published(time: str) -> datetime:
    try:
        return datetime.fromisoformat(time)
    except ValueError as error:
        raise UnreadableError(Reason.UNREADABLE, "a time in RFC 3339", time) from error


READERS: Final[dict[str, Callable[[bytes, int], pa.Table]]] = {
    topics.CLEAN: read_clean,
    topics.REJECTED: read_rejected,
    topics.SIGNALS: read_signal,
    topics.ALERTS: read_alert,
    topics.SKUS: read_skus,
    topics.REGISTRY: read_registry,
    topics.HEARTBEATS: read_heartbeat,
    topics.COMMANDS: read_command,
}
"""How a message of each topic that the writer consumes is read: its value and its partition in, rows out."""

EMPTY: Final[dict[str, pa.Schema]] = {
    topics.CLEAN: CLEAN_SCHEMA,
    topics.REJECTED: REJECTED,
    topics.SIGNALS: SIGNALS,
    topics.ALERTS: ALERTS,
    topics.SKUS: SKUS,
    topics.REGISTRY: DECISIONS,
    topics.HEARTBEATS: ACKNOWLEDGED,
    topics.COMMANDS: ACTIONS,
}


def unreadable_row(topic: str, partition: int, offset: int, at: int, error: UnreadableError) -> pa.Table:
    """The row of ``rejected`` that stands for a message that could not be read. ``at``: the message's time, ms UTC."""
    return table_of(
        REJECTED,
        [
            {
                "at": at,
                "source": topic,
                "raw_partition": partition,
                "raw_offset": offset,
                "terminal_id": "",
                "seq": None,
                "reason": error.reason,
                "field": "",
                "expected": error.expected[:MAX_TEXT],
                "got": error.got[:MAX_TEXT],
                "line": None,
                "lines": 0,
                "envelopes": 0,
            }
        ],
    )
