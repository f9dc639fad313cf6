"""Who asked what: each question to the store as one line of JSON in a file that only grows.

Where it cannot be written, no answer is given. The file is open to its owner alone, since a question may name an
enterprise; nothing here shortens or rotates it.
"""

import json
import os
import pwd
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sinks.store import StoreError


class AuditError(StoreError):
    """A question could not be written down, so it is not answered."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question. ``uid`` and ``pid`` are the kernel's word on who asked; ``seconds`` until the answer."""

    role: str
    uid: int
    pid: int
    sql: str
    rows: int | None
    """of the answer; None where there is none"""
    error: str
    seconds: float


class AuditLog:
    """The file at ``path``, made with mode 600. Raises AuditError where it cannot be opened, or others may read it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise AuditError(f"expected to write to {path}, got: {error}") from error
        if os.fstat(self._file).st_mode & 0o077:
            os.close(self._file)
            raise AuditError(f"expected {path} to be open to its owner alone: chmod 600 {path}")
        self._writing = threading.Lock()

    def write(self, asked: Asked) -> None:
        """Add one question. Raises AuditError."""
        entry = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "user": _name(asked.uid)} | asdict(asked)
        line = json.dumps(entry, ensure_ascii=False).encode(errors="replace") + b"\n"
        with self._writing:
            try:
                written = os.write(self._file, line)
            except OSError as error:
                raise AuditError(f"expected to note the question in {self.path} before an answer: {error}") from error
        if written != len(line):
            raise AuditError(f"the question was written to {self.path} in part only: is the disk full?")

    def close(self) -> None:
        """Let the file go."""
        with self._writing:
            # The number may be another file's from now on.
            open_file, self._file = self._file, -1
        os.close(open_file)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"
