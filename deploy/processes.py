"""Children that die with this process: started through the guard, stopped with a deadline."""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from deploy import guard

LOOPBACK: Final = "127.0.0.1"

# The guard's mark is tied to the thread that starts the child, so one thread that never ends starts them all.
_SPAWNER: Final = ThreadPoolExecutor(1, thread_name_prefix="spawner")

Process = subprocess.Popen[bytes]


def spawn(
    argv: Sequence[str],
    *,
    output: Path,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
    append: bool = False,
    pass_fds: Sequence[int] = (),
) -> Process:
    """Start ``argv`` in a session of its own, out of the reach of a terminal's Ctrl-C, its output in a file."""

    def start() -> Process:
        with output.open("ab" if append else "wb") as file:
            return subprocess.Popen(
                guard.command(*argv),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environ,
                cwd=directory,
                start_new_session=True,
                pass_fds=pass_fds,
            )

    return _SPAWNER.submit(start).result()


def stop(process: Process, seconds: float) -> bool:
    """SIGTERM, then SIGKILL after ``seconds``; True when it ended by itself. Harmless on one that is gone."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        # It leads its own session: what it may have started goes with it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False
    return True


def free_port(host: str = LOOPBACK) -> int:
    """A port that nobody listened on a moment ago."""
    with closing(_socket_for(host)) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    with closing(_socket_for(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _socket_for(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)


def tail(path: Path, lines: int = 12, *, since: int = 0) -> str:
    """The last lines of a log after the byte ``since``, without the frames of Java's stacks; empty without a log."""
    try:
        with path.open("rb") as file:
            file.seek(max(since, path.stat().st_size - 65_536))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join([line for line in text.splitlines() if not line.startswith("\tat ")][-lines:])
