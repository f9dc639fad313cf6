"""Settings of the writer process."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WriterConfig:
    """What a writer needs to know."""

    bootstrap: str
    path: Path
    """directory of the embedded store; one process at a time may open it"""
    block_rows: int = 50_000
    """a block is written when it has as many rows (the last message may bring it above)"""
    flush_seconds: float = 1.0
    """or when its first message is as old as this"""
    health_port: int = 0
    """0: any free port"""
    socket: Path | None = None
    """Unix domain socket of the query service; None: no service"""
    group: str = "infopump-writer"
