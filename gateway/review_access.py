"""Who may review: named people, each with a token of their own, known to the gateway as digests in a file."""

import hashlib
import hmac
import os
import re
import secrets
import stat
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from streams.decisions import MAX_AUTHOR

_NAME: Final = re.compile(rf"[^\s#]{{1,{MAX_AUTHOR}}}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_MAX_FILE: Final = 1 << 20
_HEADER: Final = "# reviewers: name, SHA-256 of the token\n"
CALLS_A_MINUTE: Final = 60


class ReviewersError(ValueError):
    """The file of reviewers cannot be used; says what was expected and what to do. Names no path."""


class Reviewers:
    """The reviewers of a file, read anew whenever it has changed: nobody restarts a gateway for a new colleague."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._seen: tuple[int, ...] = ()
        self._known: list[tuple[str, bytes]] = []

    def who(self, token: str) -> str | None:
        """The name of the reviewer whose token this is. Compares with each in constant time. Raises ReviewersError."""
        mine = digest(token).encode()
        found = None
        for name, known in self._read():
            if hmac.compare_digest(mine, known):
                found = name
        return found

    def _read(self) -> list[tuple[str, bytes]]:
        if self._file is None:
            raise ReviewersError(
                "nobody is named as a reviewer: set gateway.reviewers to a file, make a token with "
                "`infopump review token NAME`, and start the gateway again"
            )
        try:
            with self._file.open("rb") as opened:
                about = os.fstat(opened.fileno())
                if about.st_mode & 0o077:
                    raise ReviewersError(
                        "expected the file of gateway.reviewers to be open to its owner alone (mode 600), got "
                        f"{stat.S_IMODE(about.st_mode):o}: chmod 600 it"
                    )
                # With its times alone, a file that was written twice within one tick of the clock would seem the same.
                seen = (about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
                if seen != self._seen:
                    self._known = _parsed(opened.read(_MAX_FILE + 1))
                    self._seen = seen
        except OSError as error:
            raise ReviewersError(
                f"the file of gateway.reviewers cannot be read ({error.strerror}): make it with "
                "`infopump review token NAME`"
            ) from error
        return self._known


def digest(token: str) -> str:
    """What the file holds of a token: 64 hexadecimal digits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def add_reviewer(file: Path, name: str) -> tuple[str, bool]:
    """A new token for a reviewer, and whether it replaces an earlier one of the same name.

    The file is made where there is none (mode 600), and replaced whole or not at all. Raises ReviewersError, OSError.
    """
    if not _NAME.fullmatch(name) or not name.isprintable():
        raise ReviewersError(f"expected a name of 1 to {MAX_AUTHOR} characters without blanks and #, got {name!r}")
    text = file.read_text(encoding="utf-8") if file.exists() else _HEADER
    _parsed(text.encode())
    kept = [line for line in text.splitlines() if line.split()[:1] != [name]]
    token = secrets.token_urlsafe(32)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _replace(file, "\n".join([*kept, f"{name} {digest(token)}", ""]))
    return token, len(kept) < len(text.splitlines())


class Rate:
    """At most ``most`` calls a minute of each name. ``clock`` in seconds."""

    def __init__(self, most: int = CALLS_A_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._calls: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def wait(self, name: str) -> float:
        """Takes a call and returns 0, or refuses it and returns the seconds until the next one is taken."""
        with self._lock:
            now = self._clock()
            calls = self._calls.setdefault(name, deque())
            while calls and calls[0] <= now - 60:
                calls.popleft()
            if len(calls) >= self._most:
                return calls[0] + 60 - now
            calls.append(now)
            return 0.0


def _parsed(content: bytes) -> list[tuple[str, bytes]]:
    if len(content) > _MAX_FILE:
        raise ReviewersError(f"expected a file of reviewers of at most {_MAX_FILE} bytes, got more")
    found = []
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = line.split()
        if len(words) != 2 or not _NAME.fullmatch(words[0]) or not _DIGEST.fullmatch(words[1]):
            # What stands there may be a token by mistake: it is not repeated.
            raise ReviewersError(
                f"file of reviewers, line {number}: expected a name and the SHA-256 of a token (64 digits 0-9 a-f), "
                "got something else: use `infopump review token NAME`"
            )
        found.append((words[0], words[1].encode()))
    return found


def _replace(file: Path, text: str) -> None:
    # Made with mode 600.
    number, made = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        Path(made).replace(file)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise
