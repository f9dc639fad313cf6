from pathlib import Path

import pytest

from deploy import checks
from deploy.checks import Finding
from deploy.processes import free_port
from deploy.runfile import RunInfo, RunningProcess
from deploy.settings import load
from streams.observe import serve_health


def running(**health: int) -> RunInfo:
    return RunInfo(
        pid=1,
        started="",
        bootstrap="127.0.0.1:1",
        gateway=None,
        socket=None,
        logs="/data/logs",
        processes={name: RunningProcess(2, f"http://127.0.0.1:{port}/healthz") for name, port in health.items()},
    )


def test_python_and_the_extras_of_this_installation_are_well() -> None:
    assert checks.python().verdict == "ok"
    assert {checks.installed(extra, needed=True).verdict for extra in checks.EXTRAS} == {"ok"}


def test_a_missing_extra_is_bad_only_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checks.EXTRAS, "store", {"no_such_module": "no-such-dist"})
    assert checks.installed("store", needed=False) == Finding(
        "extra store", "note", "without no_such_module", "pip install 'infopump[store]'"
    )
    assert checks.installed("store", needed=True).verdict == "bad"


def test_jars_that_were_not_fetched_are_bad_unless_a_cluster_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert checks.kafka_jars(load()) == Finding("Kafka jars", "bad", "not fetched", "run `infopump setup`")
    assert checks.kafka_jars(load(kafka={"bootstrap": "kafka-1:9092"})).verdict == "ok"


def test_a_data_directory_that_cannot_be_written_to_is_bad(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert checks.data_dir(tmp_path / "a" / "b").verdict == "ok"
    assert checks.data_dir(Path("/proc/infopump")).verdict == "bad"


@pytest.mark.parametrize(("free", "verdict"), [(10 << 20, "bad"), (5 << 30, "note"), (50 << 30, "ok")])
def test_room_on_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, verdict: str) -> None:
    class Usage:
        def __init__(self) -> None:
            self.free = free

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage())
    assert checks.disk(tmp_path).verdict == verdict


def test_a_port_that_another_program_has_is_noted_and_our_own_is_not() -> None:
    taken = serve_health(0, lambda: None)
    settings = load(gateway={"port": taken}, health={"base_port": 0})
    (foreign,) = checks.ports(settings, None)
    assert foreign.verdict == "note"
    assert f"gateway {taken}" in foreign.found
    (own,) = checks.ports(settings, running(gateway=taken))
    assert own.verdict == "ok"


def test_a_broker_that_does_not_answer_is_bad_and_none_is_only_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ANSWER_SECONDS", 0.5)
    assert checks.broker(load(), None).verdict == "note"
    dead = f"127.0.0.1:{free_port()}"
    finding = checks.broker(load(kafka={"bootstrap": dead}), None)
    assert (finding.verdict, finding.advice) == ("bad", "look at kafka.bootstrap")
    assert dead in finding.found


def test_each_process_is_asked_for_its_health() -> None:
    well, ill = serve_health(0, lambda: None), serve_health(0, lambda: "stalled at 7")
    found = list(checks.processes(running(detect=well, writer=ill)))
    assert [(f.check, f.verdict) for f in found] == [("detect", "ok"), ("writer", "bad")]
    assert found[1].found == "stalled at 7"
    assert found[1].advice == "look at /data/logs/writer.log"
    assert list(checks.processes(None)) == []
