import socket
import sys
from pathlib import Path

from deploy.processes import Process, free_port, is_free, spawn, stop, tail
from tests.waiting import until


def python(code: str, output: Path) -> Process:
    return spawn([sys.executable, "-c", code], output=output)


def test_a_child_has_its_own_session_and_its_output_in_a_file(tmp_path: Path) -> None:
    output = tmp_path / "log"
    process = python("import os; print(os.getsid(0) == os.getpid())", output)
    assert process.wait(20) == 0
    assert output.read_text() == "True\n"


def test_stop_asks_first(tmp_path: Path) -> None:
    output = tmp_path / "log"
    process = python(
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit('good bye'))\n"
        "print('ready', flush=True); signal.pause()",
        output,
    )
    until(lambda: "ready" in output.read_text(), 20, "the child")
    assert stop(process, 10)
    assert "good bye" in output.read_text()


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    output = tmp_path / "log"
    process = python(
        "import signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()",
        output,
    )
    until(lambda: "ready" in output.read_text(), 20, "the child")
    assert not stop(process, 0.2)
    assert process.returncode == -9
    assert stop(process, 0.2), "a second time there is nothing to do"


def test_a_port_is_free_until_someone_listens_there() -> None:
    port = free_port()
    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == ""
    log.write_text("".join(f"行 {n}\n\tat java.lang\n" for n in range(9_000)), encoding="utf-8")
    assert tail(log, 2) == "行 8998\n行 8999"
    assert tail(log, since=log.stat().st_size) == ""
