"""An envelope between its reading and its lines' normalisation."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from streams.reasons import Finding
from streams.records import TerminalRecord


@dataclass(slots=True)
class Taken:
    """An envelope that was read and whose sender is known; its lines are not checked yet."""

    partition: int
    offset: int
    arrived: int
    terminal: TerminalRecord
    shop: int
    """number of the terminal in this worker"""
    seq: int
    sent_at: int
    lines: pa.RecordBatch
    findings: list[Finding]
    refused: list[dict[str, Any]]
    """lines that could not be read, and why"""
