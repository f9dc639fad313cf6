"""``run.json`` in the data directory: where the parts of a running system are, for the other commands."""

import os
from pathlib import Path
from typing import Final

import msgspec

from deploy.locks import Lock

FILE: Final = "run.json"
LOCK: Final = "run.lock"


class RunningProcess(msgspec.Struct, frozen=True):
    """One process of the system; ``health`` is the URL of its health check."""

    pid: int
    health: str


class RunInfo(msgspec.Struct, frozen=True):
    """A system that runs: its supervisor's pid, its addresses, its processes by name."""

    pid: int
    started: str
    """RFC 3339, UTC"""
    bootstrap: str
    gateway: str | None
    """base URL"""
    socket: str | None
    """where the writer answers questions"""
    logs: str
    processes: dict[str, RunningProcess]


def write(data_dir: Path, info: RunInfo) -> None:
    """Put it there in one step, readable by its owner alone."""
    temporary = data_dir / f".{FILE}.new"
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(info), indent=2))
    temporary.replace(data_dir / FILE)


def remove(data_dir: Path) -> None:
    """Take it away; harmless when it is not there."""
    (data_dir / FILE).unlink(missing_ok=True)


def read(data_dir: Path) -> RunInfo | None:
    """What runs on this data; None when nothing does, also where a killed system has left its file."""
    if not Lock(data_dir / LOCK).taken():
        return None
    try:
        return msgspec.json.decode((data_dir / FILE).read_bytes(), type=RunInfo)
    except (OSError, msgspec.DecodeError):
        return None
