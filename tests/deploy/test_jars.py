import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy import jars
from deploy.jars import Jar, JarError

CONTENT = {"alpha": b"first jar", "beta": b"second jar"}


def locked(**wrong: str) -> tuple[Jar, ...]:
    return tuple(
        Jar("org.example", name, "1.0", wrong.get(name) or hashlib.sha256(data).hexdigest())
        for name, data in CONTENT.items()
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Two jars as the lock says."""
    folder = tmp_path / "jars"
    folder.mkdir()
    for name, data in CONTENT.items():
        (folder / f"{name}-1.0.jar").write_bytes(data)
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the base class's)
        """Say nothing."""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Maven repository on this machine; its folder."""
    root = tmp_path / "mirror"
    for name, data in CONTENT.items():
        folder = root / "org" / "example" / name / "1.0"
        folder.mkdir(parents=True)
        (folder / f"{name}-1.0.jar").write_bytes(data)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(jars, "_repositories", lambda: {"mirror": f"http://127.0.0.1:{server.server_port}"})
        monkeypatch.setattr(jars, "ATTEMPTS", 1)
        yield root
        server.shutdown()
        thread.join()


def test_the_class_path_is_every_jar_of_the_lock(directory: Path) -> None:
    assert jars.verify(directory, locked()) == [directory / "alpha-1.0.jar", directory / "beta-1.0.jar"]


def test_a_missing_jar_is_named(directory: Path) -> None:
    (directory / "beta-1.0.jar").unlink()
    with pytest.raises(JarError, match=r"beta-1\.0\.jar is missing .* delete .* and run `infopump setup`"):
        jars.verify(directory, locked())


def test_a_jar_too_many_is_named(directory: Path) -> None:
    (directory / "evil-1.0.jar").write_bytes(b"x")
    with pytest.raises(JarError, match=r"evil-1\.0\.jar .* is not in the lock"):
        jars.verify(directory, locked())


def test_a_changed_jar_is_named(directory: Path) -> None:
    (directory / "alpha-1.0.jar").write_bytes(b"first jaR")
    with pytest.raises(JarError, match=r"alpha-1\.0\.jar: expected SHA-256 .*, got .* delete"):
        jars.verify(directory, locked())


def test_jars_are_fetched_checked_and_put_in_place(mirror: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int, int]] = []
    target = tmp_path / "cache" / "kafka"
    jars.fetch(target, locked(), lambda *state: seen.append(state))
    assert [path.read_bytes() for path in jars.verify(target, locked())] == list(CONTENT.values())
    assert seen[-1] == (2, 2, sum(len(data) for data in CONTENT.values()))
    assert [path.name for path in target.parent.iterdir()] == ["kafka"]


def test_a_jar_that_is_not_what_the_lock_says_is_never_put_in_place(mirror: Path, tmp_path: Path) -> None:
    target = tmp_path / "cache" / "kafka"
    with pytest.raises(JarError, match=r"beta-1\.0\.jar: expected SHA-256 0000"):
        jars.fetch(target, locked(beta="0" * 64))
    assert list(target.parent.iterdir()) == []


def test_a_jar_that_cannot_be_had_is_an_error_that_says_what_to_look_at(mirror: Path, tmp_path: Path) -> None:
    (mirror / "org/example/alpha/1.0/alpha-1.0.jar").unlink()
    with pytest.raises(JarError, match=r"alpha-1\.0\.jar cannot be fetched .* look at the network"):
        jars.fetch(tmp_path / "kafka", locked())
    assert not (tmp_path / "kafka").exists()


def test_a_faster_process_is_no_obstacle(mirror: Path, directory: Path) -> None:
    jars.fetch(directory, locked())
    assert len(jars.verify(directory, locked())) == 2


def test_another_lock_has_another_place() -> None:
    assert jars.directory_of(locked()) != jars.directory_of(locked(beta="0" * 64))


def test_a_lock_that_is_written_reads_the_same(tmp_path: Path) -> None:
    jars.write_lock(locked(), tmp_path / "kafka.lock")
    assert jars.read_lock((tmp_path / "kafka.lock").read_text()) == locked()


def test_the_lock_of_the_package_holds_one_kafka_and_no_address() -> None:
    lock = jars.read_lock()
    kafkas = {jar.version for jar in lock if jar.group == "org.apache.kafka"}
    assert kafkas == {jars.KAFKA_VERSION}
    assert all(len(jar.sha256) == 64 for jar in lock)
    for root in jars.ROOTS:
        assert root in {f"{jar.group}:{jar.artifact}:{jar.version}" for jar in lock}
    assert "://" not in "".join(jar.line for jar in lock)
