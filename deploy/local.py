"""The whole system on one machine: starts every process, keeps it alive, says where it is, and takes it down."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

from deploy import runfile
from deploy.broker import Broker
from deploy.children import BrokerChild, Child, Minder, Supervised
from deploy.errors import DeployError
from deploy.locks import Lock
from deploy.processes import tail
from deploy.runfile import RunInfo, RunningProcess
from deploy.settings import CONFIG, HEALTH_OFFSET, PREFIX, STAGES, Settings, to_environ

READY_SECONDS: Final = 90.0
LOOK_EVERY: Final = 0.2
REPEAT_SECONDS: Final = 3.0

Talk = Callable[[str], None]


class LocalError(DeployError):
    """The system did not come up, or lost a process for good; quotes that process's log."""


class SystemRunning(LocalError):  # noqa: N818 (what is the case, not what went wrong)
    """Another supervisor runs a system on the same data."""


def _silent(_: str) -> None:
    """Say nothing."""


class LocalSystem:
    """Broker, workers, writer and gateway as children of this process; a context manager that starts and stops them.

    With ``settings.kafka.bootstrap`` that cluster is used and no broker is started. ``overrides`` are variables that
    the children get on top of the settings; addresses cannot be changed by them. ``talk`` hears, in one line each,
    what is being done and what went wrong.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        data_dir: Path | None = None,
        stages: Sequence[str] = STAGES,
        writer: bool = True,
        gateway: bool = True,
        overrides: Mapping[str, str] | None = None,
        talk: Talk = _silent,
    ) -> None:
        self._settings = settings.model_copy(update={"data_dir": data_dir}) if data_dir else settings
        self.data_dir = self._settings.data_dir
        self._overrides = dict(overrides or {})
        self._talk = talk
        self._lock = Lock(self.data_dir / runfile.LOCK)
        self._started = ""
        self.bootstrap = self._settings.kafka.bootstrap or ""
        kafka = self._settings.kafka
        self._broker: Broker | None = None
        if not kafka.bootstrap:
            self._broker = Broker(self.data_dir, port=kafka.port, heap_mb=kafka.heap_mb)
        # In the order of the flow: each is stopped before the one that it feeds.
        self._children = [self._worker(stage) for stage in stages]
        self._writer = self._child("writer", "writer") if writer else None
        self._gateway = self._gateway_child() if gateway else None
        self._children += [child for child in (self._writer, self._gateway) if child]
        self._minders: list[Minder] = []
        self._watch: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def gateway_url(self) -> str:
        """Base URL of the gateway. Raises ValueError without one."""
        if self._gateway is None:
            raise ValueError("this system was made without a gateway")
        return self._gateway.url

    @property
    def socket(self) -> Path:
        """Where the writer answers questions."""
        return self._settings.store_socket

    @property
    def logs(self) -> Path:
        """The folder with one log for each process."""
        return self.data_dir / "logs"

    @property
    def failure(self) -> str | None:
        """Why the system cannot go on; None while it can."""
        return next((minder.given_up for minder in self._minders if minder.given_up), None)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and wait until every health check is well; on any failure nothing stays behind.

        Raises SystemRunning where a system runs on the same data, LocalError where a process does not come up,
        BrokerError and TopicError as they are.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A reader of the run file holds the lock for an instant.
        if not self._lock.acquire(timeout=0.5):
            running = runfile.read(self.data_dir)
            pid = f"process {running.pid}" if running else "still starting or stopping"
            raise SystemRunning(
                f"a system already runs on {self.data_dir} ({pid}): stop it, or give another --data-dir"
            )
        try:
            self._start_all()
        except BaseException:
            self.stop()
            raise

    def _start_all(self) -> None:
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        runfile.remove(self.data_dir)
        self._prepare_logs()
        if self._broker is not None:
            self._talk("starting Kafka")
            self.bootstrap = self._broker.start()
            self._minders.append(Minder(BrokerChild(self._broker)))
        self._ensure_topics()
        self._talk(f"starting {', '.join(child.name for child in self._children)}")
        for child in self._children:
            child.start()
            self._minders.append(Minder(child))
        self._watch = threading.Thread(target=self._keep_alive, name="supervisor", daemon=True)
        self._watch.start()
        self._wait_until_well()
        self._write_run_file()

    def _prepare_logs(self) -> None:
        self.logs.mkdir(exist_ok=True)
        for child in self._children:
            if child.log.exists():
                child.log.replace(child.log.with_suffix(".log.1"))

    def _ensure_topics(self) -> None:
        from streams import topics

        kafka = self._settings.kafka
        topics.ensure(self.bootstrap, kafka.partitions, replication=kafka.replication)

    def _wait_until_well(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        waiting: dict[str, Child] = {child.name: child for child in self._children}
        while waiting:
            self.check()
            troubles = {name: child.trouble() for name, child in waiting.items()}
            waiting = {name: waiting[name] for name, trouble in troubles.items() if trouble is not None}
            if time.monotonic() > deadline:
                name, child = next(iter(waiting.items()))
                raise LocalError(
                    f"{name} is not well after {READY_SECONDS:.0f} s: {troubles[name]}; {child.log} ends:\n"
                    f"{tail(child.log)}"
                )
            time.sleep(0.05 if waiting else 0)

    def _keep_alive(self) -> None:
        while not self._stopping.wait(LOOK_EVERY):
            again = [minder.step(self._talk) for minder in self._minders]
            if any(again) and self._children:
                self._write_run_file()

    def check(self) -> None:
        """Raises LocalError when a process was given up."""
        if self.failure:
            raise LocalError(self.failure)

    def wait(self) -> None:
        """Block for as long as the system runs; raises LocalError when a process was given up."""
        while not self._stopping.wait(LOOK_EVERY):
            self.check()

    def troubles(self) -> dict[str, str | None]:
        """What each process's health check says now; None is well."""
        return {minder.child.name: minder.child.trouble() for minder in self._minders}

    def memory(self) -> dict[str, int]:
        """Resident bytes of each process that runs, the supervisor included."""
        import psutil

        found: dict[str, int] = {}
        pids = {minder.child.name: minder.child.pid for minder in self._minders} | {"supervisor": os.getpid()}
        for name, pid in pids.items():
            try:
                if pid is not None:
                    found[name] = psutil.Process(pid).memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return found

    def stop(self) -> None:
        """End every process in the order of the flow, so that each can hand on what it has, and the broker last."""
        self._stopping.set()
        if self._watch is not None and self._watch is not threading.current_thread():
            self._watch.join()
        runfile.remove(self.data_dir)
        for child in self._children:
            child.stop()
        if self._broker is not None:
            self._broker.stop()
        self._lock.release()

    def _worker(self, stage: str) -> Child:
        return self._child(stage, "worker", stage)

    def _child(self, name: str, *command: str) -> Child:
        base = self._settings.health.base_port
        return Child(
            name,
            lambda port: (*command, "--health-port", str(port)),
            lambda _: self._environ(),
            log=self.logs / f"{name}.log",
            port=base + HEALTH_OFFSET[name] if base else 0,
        )

    def _gateway_child(self) -> Child:
        gateway = self._settings.gateway
        return Child(
            "gateway",
            lambda _: ("gateway",),
            lambda port: self._environ() | {f"{PREFIX}GATEWAY__PORT": str(port)},
            log=self.logs / "gateway.log",
            port=gateway.port,
            host=gateway.host,
        )

    def _environ(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
        addresses = {f"{PREFIX}KAFKA__BOOTSTRAP": self.bootstrap, CONFIG: ""}
        return inherited | to_environ(self._settings) | self._overrides | addresses

    def _write_run_file(self) -> None:
        processes = {
            child.name: RunningProcess(child.pid or 0, child.health) for child in self._supervised() if child.pid
        }
        runfile.write(
            self.data_dir,
            RunInfo(
                pid=os.getpid(),
                started=self._started,
                bootstrap=self.bootstrap,
                gateway=self._gateway.url if self._gateway else None,
                socket=str(self.socket) if self._writer else None,
                logs=str(self.logs),
                processes=processes,
            ),
        )

    def _supervised(self) -> list[Supervised]:
        return [minder.child for minder in self._minders]


@contextmanager
def interruptible() -> Iterator[None]:
    """Turns SIGINT, SIGTERM and SIGHUP into KeyboardInterrupt, so that ``with LocalSystem`` cleans up.

    A repeat within REPEAT_SECONDS is the same wish (``make`` passes on what the whole process group has got already);
    a later one breaks off the cleaning, and the guard ends the children.
    """
    last = float("-inf")

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > REPEAT_SECONDS:
            last = now
            raise KeyboardInterrupt

    # SIGINT too: a process that a script has put into the background starts with it ignored.
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
