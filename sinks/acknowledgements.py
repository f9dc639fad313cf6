"""What terminals say was acknowledged: heartbeats as rows, one for each day that they count."""

from typing import Final

import pyarrow as pa

from sinks.reading import TAG, TIME, UnreadableError, decoded, table_of
from streams.reasons import Reason
from streams.records import Heartbeat

ACKNOWLEDGED: Final = pa.schema(
    [
        ("terminal_id", TAG),
        ("session", pa.int64()),
        ("day", pa.date32()),
        ("at", TIME),
        ("seq", pa.int64()),
        ("spooled", pa.uint32()),
        ("envelopes", pa.uint64()),
        ("lines", pa.uint64()),
    ]
)
"""Counts of a session grow: the last row of a terminal, session and day holds, and sessions add up."""


def read_heartbeat(value: bytes, partition: int) -> pa.Table:  # noqa: ARG001 (one signature for all topics)
    """One ``heartbeats`` message, columns of ACKNOWLEDGED. Raises UnreadableError."""
    beat = decoded(value, Heartbeat)
    same = {
        "terminal_id": beat.terminal_id,
        "session": beat.session,
        "at": beat.at,
        "seq": beat.seq,
        "spooled": beat.spooled,
    }
    try:
        days = pa.array([one.day for one in beat.days], pa.string()).cast(pa.date32()).to_pylist()
    except pa.ArrowInvalid as error:
        raise UnreadableError(Reason.UNREADABLE, "days as YYYY-MM-DD", str(error)) from error
    return table_of(
        ACKNOWLEDGED,
        [
            {**same, "day": day, "envelopes": one.envelopes, "lines": one.lines}
            for day, one in zip(days, beat.days, strict=True)
        ],
    )
