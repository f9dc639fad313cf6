import os
import subprocess
import sys
from pathlib import Path

import psutil

from deploy import guard
from tests.waiting import until

PARENT = """
import subprocess, sys, time
from deploy import guard
child = subprocess.Popen(guard.command(sys.executable, "-c", {code!r}))
print(child.pid, flush=True)
time.sleep(60)
"""


def start_parent(code: str) -> tuple[subprocess.Popen[str], psutil.Process]:
    """A parent with a guarded child; the child writes one line once it is ready."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT.format(code=code)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    assert parent.stdout.readline() == "ready\n"
    return parent, child


def kill(parent: subprocess.Popen[str]) -> None:
    parent.kill()
    parent.communicate()


def test_a_child_dies_with_a_killed_parent() -> None:
    parent, child = start_parent("import time; print('ready', flush=True); time.sleep(60)")
    kill(parent)
    until(lambda: not child.is_running(), 5, "the end of the child")


def test_the_guard_leaves_no_process_between_parent_and_program() -> None:
    parent, child = start_parent("import time; print('ready', flush=True); time.sleep(60)")
    try:
        assert child.ppid() == parent.pid
        assert "guard.py" not in " ".join(child.cmdline())
    finally:
        kill(parent)


def test_a_child_that_does_not_end_by_itself_is_ended_after_a_grace() -> None:
    parent, child = start_parent(
        "import signal, time\n"
        "from deploy import guard\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "guard.watch_parent(0.1)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    kill(parent)
    until(lambda: not child.is_running(), 10, "the end of the stubborn child")


def test_a_program_is_not_started_for_a_parent_that_is_gone(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    command = guard.command(sys.executable, "-c", f"open({str(witness)!r}, 'w').close()")
    command[command.index(str(os.getpid()))] = "1"
    assert subprocess.run(command, timeout=20, check=False).returncode == 1
    assert not witness.exists()


def test_an_unguarded_process_is_not_watched() -> None:
    code = "import threading; from deploy import guard; guard.watch_parent(0); print(threading.active_count())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"
