import stat
from pathlib import Path

from deploy import runfile
from deploy.locks import Lock
from deploy.runfile import RunInfo, RunningProcess

INFO = RunInfo(
    pid=1,
    started="2026-01-01T00:00:00+00:00",
    bootstrap="127.0.0.1:9092",
    gateway="http://127.0.0.1:8080",
    socket="/data/store.sock",
    logs="/data/logs",
    processes={"gateway": RunningProcess(2, "http://127.0.0.1:8080/healthz")},
)


def test_what_runs_is_read_while_its_lock_is_held(tmp_path: Path) -> None:
    lock = Lock(tmp_path / runfile.LOCK)
    lock.acquire()
    runfile.write(tmp_path, INFO)
    assert runfile.read(tmp_path) == INFO
    lock.release()
    assert runfile.read(tmp_path) is None, "a file that a killed system has left says nothing"


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    runfile.write(tmp_path, INFO)
    runfile.write(tmp_path, INFO)
    assert stat.S_IMODE((tmp_path / runfile.FILE).stat().st_mode) == 0o600


def test_a_damaged_or_missing_file_is_no_system(tmp_path: Path) -> None:
    lock = Lock(tmp_path / runfile.LOCK)
    lock.acquire()
    assert runfile.read(tmp_path) is None
    (tmp_path / runfile.FILE).write_text("{")
    assert runfile.read(tmp_path) is None
    runfile.remove(tmp_path)
    runfile.remove(tmp_path)
