"""The jars of the embedded Kafka: fetched once into the user's cache, and never used without a check of every hash.

``kafka.lock`` names each jar and its SHA-256, so it does not matter which mirror a jar comes from.
``python -m deploy.jars`` writes that file anew.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from deploy.errors import DeployError

KAFKA_VERSION: Final = "4.4.0"
LOG4J_VERSION: Final = "2.26.1"
ROOTS: Final = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    # Not redundant: jgo would take 3.9.1, which a library further down asks for, and the broker would not start.
    f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}",
    f"org.apache.logging.log4j:log4j-slf4j2-impl:{LOG4J_VERSION}",
    f"org.apache.logging.log4j:log4j-core:{LOG4J_VERSION}",
)
ATTEMPTS: Final = 3
PARALLEL: Final = 8
TIMEOUT_SECONDS: Final = 30

Progress = Callable[[int, int, int], None]
"""Told ``(jars done, jars in all, bytes read so far)``."""


class JarError(DeployError):
    """The jars are not what the lock says, or cannot be had."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock: ``group:artifact:version sha256``."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @property
    def line(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version} {self.sha256}"


def read_lock(text: str | None = None) -> tuple[Jar, ...]:
    """The jars of ``kafka.lock`` (or of ``text``), by file name."""
    if text is None:
        text = (files("deploy") / "kafka.lock").read_text(encoding="utf-8")
    jars = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            coordinate, sha256 = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return tuple(sorted(jars, key=lambda jar: jar.filename))


def directory_of(jars: tuple[Jar, ...]) -> Path:
    """Where these jars are kept: by version and by lock, so that another lock never meets the jars of this one."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infopump"
    digest = hashlib.sha256("\n".join(jar.line for jar in jars).encode()).hexdigest()
    return root / f"kafka-{KAFKA_VERSION}-{digest[:8]}"


def verify(directory: Path, jars: tuple[Jar, ...]) -> list[Path]:
    """The class path, every file looked at. Raises JarError that names the jar that is missing, extra or wrong."""
    remedy = f"delete {directory} and run `infopump setup`"
    present = {path.name for path in directory.iterdir()}
    wanted = {jar.filename for jar in jars}
    for name in sorted(wanted - present):
        raise JarError(f"{name} is missing from {directory}: {remedy}")
    for name in sorted(present - wanted):
        raise JarError(f"{name} in {directory} is not in the lock: {remedy}")
    for jar in jars:
        with (directory / jar.filename).open("rb") as file:
            got = hashlib.file_digest(file, "sha256").hexdigest()
        if got != jar.sha256:
            raise JarError(f"{jar.filename}: expected SHA-256 {jar.sha256}, got {got}: {remedy}")
    return [directory / jar.filename for jar in jars]


def ensure(progress: Progress | None = None) -> list[Path]:
    """The class path of the embedded Kafka, every jar checked; fetched first where the cache has none.

    Raises JarError where a jar is wrong or cannot be had.
    """
    jars = read_lock()
    directory = directory_of(jars)
    if not directory.is_dir():
        fetch(directory, jars, progress)
    return verify(directory, jars)


def fetch(directory: Path, jars: tuple[Jar, ...], progress: Progress | None = None) -> None:
    """Download the jars beside ``directory``, check them, then move them there in one step."""
    try:
        from jgo.maven import MavenContext, PythonResolver
    except ImportError:
        raise JarError("the embedded broker needs the extra `broker`: pip install 'infopump[broker]'") from None
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{directory.name}.", dir=directory.parent) as temporary:
        repository, flat = Path(temporary) / "repository", Path(temporary) / "jars"
        flat.mkdir()
        tally = _Tally(len(jars), progress)
        context = MavenContext(
            resolver=PythonResolver(progress_callback=tally.file),
            repo_cache=repository,
            remote_repos=_repositories(),
            timeout=TIMEOUT_SECONDS,
        )
        pool = ThreadPoolExecutor(PARALLEL)
        try:
            for jar, path in zip(jars, pool.map(lambda jar: _download(context, jar), jars), strict=True):
                path.rename(flat / jar.filename)
                tally.done()
        finally:
            # An interrupt or an error must not wait for the jars that are still queued.
            pool.shutdown(cancel_futures=True)
        verify(flat, jars)
        try:
            flat.rename(directory)
        except OSError:
            # Another process was faster; what it put there is checked like our own.
            if not directory.is_dir():
                raise


def _download(context: Any, jar: Jar) -> Path:
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            path: Path = artifact.resolve()
        except (OSError, RuntimeError) as error:  # requests' own errors are OSErrors
            Path(artifact.cached_path).unlink(missing_ok=True)
            if attempt == ATTEMPTS:
                raise JarError(
                    f"{jar.filename} cannot be fetched from the Maven repository ({error}): look at the network and "
                    "the proxy, then run `infopump setup` again"
                ) from error
            time.sleep(attempt)
        else:
            return path
    raise AssertionError("unreachable")


def _repositories() -> dict[str, str]:
    """Mirrors from the user's jgo configuration first, then Maven Central."""
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL

    return {**GlobalSettings.load().repositories, "central": MAVEN_CENTRAL_URL}


class _Tally:
    """Counts what comes in, over all download threads."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._jars = 0
        self._bytes = 0

    @contextmanager
    def file(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield self._read

    def _read(self, count: int) -> None:
        self._bytes += count
        self._report()

    def done(self) -> None:
        self._jars += 1
        self._report()

    def _report(self) -> None:
        if self._progress:
            self._progress(self._jars, self._total, self._bytes)


def resolve() -> tuple[Jar, ...]:
    """Ask the Maven repository what ROOTS need, download it and take the hashes. Raises JarError on a mix of Kafkas."""
    from jgo.maven import MavenContext, PythonResolver

    with tempfile.TemporaryDirectory(prefix="infopump-lock-") as temporary:
        context = MavenContext(
            resolver=PythonResolver(), repo_cache=Path(temporary), remote_repos=_repositories(), timeout=TIMEOUT_SECONDS
        )
        inputs, transitive = context.resolver.resolve([context.create_dependency(root) for root in ROOTS])
        needed = [d.artifact for d in (*inputs, *transitive) if d.scope in (None, "compile", "runtime")]
        jars = []
        for artifact in needed:
            with artifact.resolve().open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            jars.append(Jar(artifact.groupId, artifact.artifactId, artifact.version, digest))
    mixed = [jar.filename for jar in jars if jar.group == "org.apache.kafka" and jar.version != KAFKA_VERSION]
    if mixed:
        raise JarError(f"expected Kafka {KAFKA_VERSION} throughout, got {', '.join(mixed)}: name it in ROOTS")
    return tuple(sorted(jars, key=lambda jar: jar.filename))


def write_lock(jars: tuple[Jar, ...], path: Path) -> None:
    """Replace the lock file."""
    head = "# Written by `make lock-kafka`: each jar of the embedded Kafka and its SHA-256.\n"
    temporary = path.with_suffix(".new")
    temporary.write_text(head + "".join(f"{jar.line}\n" for jar in jars), encoding="utf-8")
    shutil.move(temporary, path)


if __name__ == "__main__":
    found = resolve()
    write_lock(found, Path(__file__).with_name("kafka.lock"))
    sys.stderr.write(f"{len(found)} jars locked\n")
