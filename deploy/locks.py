"""A lock on a directory that ends with its holder: the kernel lets go of it, even after SIGKILL."""

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any


class Lock:
    """An exclusive ``flock`` on a file that says who holds it.

    The lock belongs to the open file: a child that inherits ``fileno()`` keeps it until both are gone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self, timeout: float = 0.0) -> bool:
        """Take the lock, waiting at most ``timeout`` seconds; False when another holds it."""
        deadline = time.monotonic() + timeout
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= deadline:
                    os.close(fd)
                    return False
                time.sleep(0.05)
            else:
                self._fd = fd
                return True

    def release(self) -> None:
        """Let go; harmless when not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def taken(self) -> bool:
        """Whether someone holds it now."""
        try:
            fd = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(fd)
        return False

    def fileno(self) -> int:
        """The descriptor that holds the lock."""
        if self._fd is None:
            raise ValueError(f"{self._path} is not held")
        return self._fd

    def sign(self, **holder: Any) -> None:
        """Write into the file who holds it, for the one who meets it taken."""
        os.ftruncate(self.fileno(), 0)
        os.pwrite(self.fileno(), json.dumps(holder).encode(), 0)

    def holder(self) -> dict[str, Any]:
        """What the holder wrote; empty when it has not yet."""
        try:
            text = self._path.read_text(encoding="utf-8")
            return dict(json.loads(text)) if text else {}
        except (OSError, ValueError):
            return {}
