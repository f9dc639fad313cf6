"""The processes that a supervisor keeps alive: how each is started, asked for its health, and started again."""

import http.client
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from deploy.broker import Broker
from deploy.errors import DeployError
from deploy.processes import LOOPBACK, Process, free_port, is_free, spawn, stop, tail

STOP_SECONDS: Final = 15.0
FIRST_PAUSE: Final = 0.5
MAX_RESTARTS: Final = 5
WINDOW_SECONDS: Final = 60.0
WRONG_USE: Final = 2
"""Exit status of a process that was told something it cannot use: starting it again would not help."""


def pause_before_restart(ends: Sequence[float], now: float, status: int | None) -> float | None:
    """Seconds to wait before a process that has ended is started again; None: give it up.

    ``ends`` are the times at which it ended before, this one included. The pause doubles with each end within
    ``WINDOW_SECONDS``; after ``MAX_RESTARTS`` of them, or where it ended with ``WRONG_USE``, it is given up.
    """
    recent = sum(1 for end in ends if now - end < WINDOW_SECONDS)
    if status == WRONG_USE or recent > MAX_RESTARTS:
        return None
    return FIRST_PAUSE * 2.0 ** (max(recent, 1) - 1)


class Supervised(Protocol):
    """What a supervisor keeps alive."""

    name: str

    @property
    def pid(self) -> int | None:
        """None while it does not run."""

    @property
    def health(self) -> str:
        """URL of its health check, or its address."""

    @property
    def log(self) -> Path:
        """Its log file."""

    def ended(self) -> int | None:
        """The exit status once it has ended, None while it runs."""

    def start(self) -> None:
        """Start it, also again."""

    def stop(self) -> None:
        """End it; harmless when it has ended."""

    def trouble(self) -> str | None:
        """What its health check says; None when it is well."""


class Child:
    """A process of ours: ``infopump`` with a command, its log in a file, its health on a port.

    ``port`` is tried first and may be 0; where it is taken, a free one is used. ``command(port)`` gives the words of
    the command line, ``environ(port)`` the whole environment.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[int], Sequence[str]],
        environ: Callable[[int], Mapping[str, str]],
        *,
        log: Path,
        port: int,
        host: str = LOOPBACK,
    ) -> None:
        self.name = name
        self._command = command
        self._environ = environ
        self._log = log
        self._host = host
        self.port = port
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def url(self) -> str:
        """Base URL of what it serves."""
        return f"http://{reachable(self._host)}:{self.port}"

    @property
    def health(self) -> str:
        return f"{self.url}/healthz"

    @property
    def log(self) -> Path:
        return self._log

    def ended(self) -> int | None:
        return self._process.poll() if self._process else None

    def start(self) -> None:
        if not self.port or not is_free(self.port, self._host):
            self.port = free_port(self._host)
        self._process = spawn(
            # -P: a folder named like one of ours in the working directory must not be taken for it.
            [sys.executable, "-P", "-m", "deploy.cli", *self._command(self.port)],
            output=self._log,
            environ=self._environ(self.port),
            append=True,
        )

    def stop(self) -> None:
        if self._process is not None:
            stop(self._process, STOP_SECONDS)

    def trouble(self) -> str | None:
        return ask_health(f"{reachable(self._host)}:{self.port}")


class BrokerChild:
    """The embedded broker as something to be kept alive; started and stopped by its owner."""

    name = "broker"

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    @property
    def pid(self) -> int | None:
        return self._broker.pid

    @property
    def health(self) -> str:
        return self._broker.bootstrap

    @property
    def log(self) -> Path:
        return self._broker.log

    def ended(self) -> int | None:
        return self._broker.ended()

    def start(self) -> None:
        self._broker.restart()

    def stop(self) -> None:
        self._broker.stop()

    def trouble(self) -> str | None:
        return None if self._broker.alive else "not running"


def reachable(host: str) -> str:
    """``host`` as it stands in a URL here: a server that listens on all addresses is asked on the loopback."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 (compared, not bound)
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def ask_health(address: str, timeout: float = 1.0) -> str | None:
    """What ``/healthz`` at ``host:port`` says is wrong; None: well. Goes straight there, past any proxy."""
    connection = http.client.HTTPConnection(address, timeout=timeout)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        text = answer.read(1_000).decode(errors="replace").strip()
        return None if answer.status == http.client.OK else text or f"status {answer.status}"
    except (OSError, http.client.HTTPException) as error:
        return f"does not answer ({error})"
    finally:
        connection.close()


class Minder:
    """Watches one process: notices its end, waits, starts it again, or gives it up."""

    def __init__(self, child: Supervised) -> None:
        self.child = child
        self.given_up: str | None = None
        self._ends: list[float] = []
        self._start_at: float | None = None

    def step(self, tell: Callable[[str], None]) -> bool:
        """Look once; True when the process was started again."""
        now = time.monotonic()
        if self.given_up:
            return False
        if self._start_at is not None:
            if now < self._start_at:
                return False
            self._start_at = None
            try:
                self.child.start()
            except (DeployError, OSError) as error:
                self.given_up = f"{self.child.name} cannot be started again: {error}"
                return False
            return True
        status = self.child.ended()
        if status is not None:
            self._on_end(status, now, tell)
        return False

    def _on_end(self, status: int, now: float, tell: Callable[[str], None]) -> None:
        self._ends.append(now)
        pause = pause_before_restart(self._ends, now, status)
        if pause is None:
            self.given_up = (
                f"{self.child.name} ended with status {status} and is not started again; {self.child.log} ends:\n"
                f"{tail(self.child.log)}"
            )
        else:
            tell(f"{self.child.name} ended with status {status}; it is started again in {pause:g} s")
            self._start_at = now + pause
