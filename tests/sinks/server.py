"""A real ClickHouse server for tests: one on the PATH, else Debian's 18.16, unpacked into a cache, not installed."""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from clickhouse_driver import Client, errors

from deploy.processes import LOOPBACK, Process, free_port, spawn, tail
from sinks.config import ServerConfig
from tests.waiting import until

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infopump" / "clickhouse-18.16"
USER: Final = "infopump"
PASSWORD: Final = "a password of the tests"
READER: Final = "reader"

_PACKAGES: Final = (
    *("clickhouse-server", "clickhouse-common", "libboost-filesystem1.74.0", "libboost-program-options1.74.0"),
    *("libcapnp-0.9.2", "libcctz2", "libcpuinfo0", "libdouble-conversion3", "libfarmhash0", "libicu72", "libjemalloc2"),
    *("libltdl7", "libmariadb3", "libmetrohash1", "libodbc2", "libpcre3", "libpococrypto80", "libpocodata80"),
    *("libpocodataodbc80", "libpocofoundation80", "libpocojson80", "libpocomongodb80", "libpoconet80"),
    *("libpoconetssl80", "libpocoutil80", "libpocoxml80", "librdkafka1", "libre2-9"),
)
_CONFIG: Final = """<yandex>
  <logger><level>information</level><log>{folder}/server.log</log><errorlog>{folder}/errors.log</errorlog></logger>
  <listen_host>127.0.0.1</listen_host><tcp_port>{port}</tcp_port>
  <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>
  <users_config>{folder}/users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <timezone>UTC</timezone><mark_cache_size>67108864</mark_cache_size>
</yandex>
"""
_USERS: Final = f"""<yandex>
  <profiles><default/></profiles><quotas><default/></quotas>
  <users>
    {
    "".join(
        f"<{name}><password>{PASSWORD}</password><profile>default</profile><quota>default</quota>"
        f"<networks><ip>127.0.0.1</ip></networks></{name}>"
        for name in (USER, READER)
    )
}
  </users>
</yandex>
"""


class NoServerError(RuntimeError):
    """There is no server here, and none can be had; the text says why."""


class Server:
    """A server process on a directory of its own; it can be killed and started again there."""

    def __init__(self, folder: Path) -> None:
        """Raises NoServerError."""
        self._command, self._environ = find()
        self._folder, self.port = folder, free_port()
        (folder / "config.xml").write_text(_CONFIG.format(folder=folder, port=self.port))
        (folder / "users.xml").write_text(_USERS)
        self._process: Process | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        output = self._folder / "output.txt"
        command = [*self._command, f"--config-file={self._folder / 'config.xml'}"]
        process = spawn(command, output=output, environ=self._environ, directory=self._folder, append=True)
        self._process = process

        def answers() -> bool:
            if process.poll() is not None:
                raise NoServerError(f"the server ended: {tail(output)} {tail(self._folder / 'errors.log')}")
            return self.ask("SELECT 1") == [(1,)]

        until(answers, 60, "the server to answer", every=0.05)

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def cpu_seconds(self) -> float:
        """What all of its threads have used since it was started."""
        if self._process is None:
            return 0.0
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def config(self, database: str, **changed: Any) -> ServerConfig:
        """How a store reaches it."""
        known: dict[str, Any] = {"user": USER, "password": PASSWORD, "database": database, "compress": False}
        return ServerConfig(LOOPBACK, self.port, **(known | changed))

    def ask(self, sql: str, database: str = "") -> list[tuple[Any, ...]]:
        """The rows of an answer, from a connection of its own; none where nobody answers."""
        client = Client(LOOPBACK, self.port, user=USER, password=PASSWORD, database=database, connect_timeout=5)
        try:
            answer: list[tuple[Any, ...]] = client.execute(sql)
        except (errors.NetworkError, OSError, EOFError):
            return []
        finally:
            client.disconnect()
        return answer


def find() -> tuple[list[str], dict[str, str]]:
    """The command that starts a server, and its environment. Raises NoServerError."""
    if own := shutil.which("clickhouse-server"):
        return [own], dict(os.environ)
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NoServerError("no clickhouse-server on the PATH, and no Debian packages to take one from")
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with (CACHE.parent / "clickhouse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not CACHE.is_dir():
            _unpack()
    libraries = [str(CACHE / "usr" / "lib" / "x86_64-linux-gnu"), str(CACHE / "lib" / "x86_64-linux-gnu")]
    return [str(CACHE / "usr" / "sbin" / "clickhouse-server")], os.environ | {"LD_LIBRARY_PATH": ":".join(libraries)}


def _unpack() -> None:
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as made:
        folder = Path(made)
        try:
            _run("apt-get", "-qq", "download", *_PACKAGES, folder=folder)
        except NoServerError:
            # Lists that were never fetched know no package.
            _run("apt-get", "-qq", "update", folder=folder)
            _run("apt-get", "-qq", "download", *_PACKAGES, folder=folder)
        for package in folder.glob("*.deb"):
            _run("dpkg-deb", "-x", package.name, "root", folder=folder)
        (folder / "root").rename(CACHE)


def _run(*command: str, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise NoServerError(f"{' '.join(command[:3])}: {done.stderr.strip()[-300:]}")
