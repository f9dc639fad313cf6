"""The supervisor with real processes as its children."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy import runfile
from deploy.children import ask_health
from deploy.local import LocalError, LocalSystem, SystemRunning
from deploy.settings import load
from tests.waiting import until

pytestmark = pytest.mark.e2e

SUPERVISOR = """
import sys
from pathlib import Path
from deploy.local import LocalSystem, interruptible
from deploy.settings import load
with interruptible():
    try:
        with LocalSystem(load(), data_dir=Path(sys.argv[1]), stages=(), writer=False) as system:
            print("up", flush=True)
            system.wait()
    except KeyboardInterrupt:
        sys.exit(0)
"""


@pytest.fixture
def system(broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSystem]:
    """A gateway alone, on the shared broker."""
    monkeypatch.setenv("INFOPUMP_KAFKA__BOOTSTRAP", broker)
    monkeypatch.setenv("INFOPUMP_GATEWAY__PORT", "0")
    made = LocalSystem(load(), data_dir=tmp_path / "data", stages=(), writer=False)
    yield made
    made.stop()


def supervise(data_dir: Path, *command: str) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A supervisor in another process, once it has said a line, and its children."""
    supervisor = subprocess.Popen([sys.executable, "-P", *command], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    assert supervisor.stdout.readline()
    running = runfile.read(data_dir)
    assert running is not None
    return supervisor, [psutil.Process(process.pid) for process in running.processes.values()]


def infopump(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "deploy.cli", *words], capture_output=True, text=True, timeout=60, check=False
    )


def gateway_pid(system: LocalSystem) -> int:
    running = runfile.read(system.data_dir)
    assert running is not None
    return running.processes["gateway"].pid


def gateway(system: LocalSystem) -> psutil.Process:
    return psutil.Process(gateway_pid(system))


def test_other_commands_find_the_running_system(system: LocalSystem) -> None:
    system.start()
    running = runfile.read(system.data_dir)
    assert running is not None
    assert running.gateway == system.gateway_url
    assert running.bootstrap == system.bootstrap
    assert ask_health(system.gateway_url.removeprefix("http://")) is None
    assert system.troubles() == {"gateway": None}
    memory = system.memory()
    assert set(memory) == {"gateway", "supervisor"}
    assert all(size > 10 << 20 for size in memory.values())
    child = gateway(system)
    system.stop()
    assert not child.is_running()
    assert runfile.read(system.data_dir) is None


def test_no_secret_stands_on_a_command_line(system: LocalSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFOPUMP_GATEWAY__TOKEN", "sesame-open-123")
    guarded = LocalSystem(load(), data_dir=system.data_dir, stages=(), writer=False)
    with guarded:
        child = gateway(guarded)
        assert "sesame" not in " ".join(child.cmdline())
        assert child.environ()["INFOPUMP_GATEWAY__TOKEN"] == "sesame-open-123"
        assert "sesame" not in (guarded.data_dir / runfile.FILE).read_text()


def test_a_killed_child_is_started_again(system: LocalSystem) -> None:
    system.start()
    before = gateway(system)
    before.kill()
    until(lambda: gateway_pid(system) != before.pid, 20, "another gateway")
    until(lambda: system.troubles() == {"gateway": None}, 20, "a healthy gateway")
    system.check()


def test_a_child_that_cannot_run_fails_the_start_and_its_log_is_quoted(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFOPUMP_KAFKA__BOOTSTRAP", broker)
    nonsense = LocalSystem(
        load(), data_dir=tmp_path / "data", stages=(), writer=False, overrides={"INFOPUMP_NONSENSE": "1"}
    )
    with pytest.raises(LocalError, match=r"(?s)gateway ended with status 2.*INFOPUMP_NONSENSE"):
        nonsense.start()
    assert runfile.read(tmp_path / "data") is None


def test_a_second_system_on_the_same_data_is_refused(system: LocalSystem) -> None:
    system.start()
    other = LocalSystem(load(), data_dir=system.data_dir, stages=(), writer=False)
    with pytest.raises(SystemRunning, match=rf"already runs on .* \(process {os.getpid()}\)"):
        other.start()
    system.check()


def test_the_log_of_the_last_run_is_kept(system: LocalSystem) -> None:
    system.start()
    system.stop()
    with LocalSystem(load(), data_dir=system.data_dir, stages=(), writer=False):
        assert "gateway stopped" in (system.logs / "gateway.log.1").read_text()
        assert "gateway stopped" not in (system.logs / "gateway.log").read_text()


def test_nothing_is_left_when_the_body_fails(system: LocalSystem) -> None:
    def run() -> psutil.Process:
        with system:
            children.append(gateway(system))
            raise ZeroDivisionError

    children: list[psutil.Process] = []
    with pytest.raises(ZeroDivisionError):
        run()
    assert not children[0].is_running()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_takes_everything_down_also_when_it_comes_twice(number: signal.Signals, system: LocalSystem) -> None:
    supervisor, children = supervise(system.data_dir, "-c", SUPERVISOR, str(system.data_dir))
    supervisor.send_signal(number)
    supervisor.send_signal(number)
    assert supervisor.wait(30) == 0
    supervisor.communicate()
    assert not [child for child in children if child.is_running()]
    assert "gateway stopped" in (system.logs / "gateway.log").read_text()


def test_the_whole_system_comes_up_and_dies_with_a_killed_supervisor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFOPUMP_GATEWAY__PORT", "0")
    monkeypatch.setenv("INFOPUMP_HEALTH__BASE_PORT", "0")
    data_dir = tmp_path / "data"
    words = ("--data-dir", str(data_dir))
    supervisor, children = supervise(data_dir, "-m", "deploy.cli", *words, "up")
    try:
        assert len(children) == 6
        examined = infopump(*words, "doctor")
        assert examined.returncode == 0, examined.stdout
        assert json.loads(infopump(*words, "query", "SELECT 40 + 2 AS answer", "--json").stdout) == [{"answer": 42}]
        assert infopump(*words, "query", "SELECT 'a,b' AS x", "--csv").stdout == 'x\n"a,b"\n'
        refused = infopump(*words, "query", "SELEC 1")
        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr
    finally:
        supervisor.kill()
        supervisor.communicate()
    until(lambda: not any(child.is_running() for child in children), 20, "the end of every process")
    assert runfile.read(data_dir) is None
