import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner


def infopump(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "deploy.cli", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | variables,
    )


def test_each_command_has_help_with_an_example() -> None:
    from deploy.cli.root import app

    runner = CliRunner()
    listing = runner.invoke(app, ["--help"]).stdout
    commands = re.findall(r"^  ([a-z-]+)  ", listing.partition("Commands:")[2], re.MULTILINE)
    assert {"setup", "up", "worker", "query", "doctor"} <= set(commands)
    for command in commands:
        assert "Example: " in runner.invoke(app, [command, "--help"]).stdout, command


def test_the_version_is_one_line() -> None:
    assert infopump("--version").stdout == infopump("version").stdout
    assert infopump("version").stdout.startswith("infopump ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no-such-command"], "No such command"),
        (["worker", "digest"], "expected one of normalize, detect, escalate, got 'digest'"),
        (["query", "SELECT 1", "--json", "--csv"], "exclude each other"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_was_expected(words: list[str], said: str) -> None:
    result = infopump(*words)
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_worker_is_given_the_settings_of_the_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    from agents import worker
    from deploy.cli.root import app

    given: list[worker.WorkerConfig] = []

    def run(_: str, config: worker.WorkerConfig) -> int:
        given.append(config)
        return 0

    monkeypatch.setattr(worker, "run", run)
    detect = {"tick_seconds": 60, "idle_seconds": 120, "lateness_seconds": 90}
    environ = {f"INFOPUMP_DETECT__{name.upper()}": str(value) for name, value in detect.items()}
    done = CliRunner().invoke(app, ["worker", "detect"], env={"INFOPUMP_KAFKA__BOOTSTRAP": "127.0.0.1:1", **environ})
    assert done.exit_code == 0, done.output
    [config] = given
    assert (config.tick_ms, config.idle_ms, config.lateness_ms) == (60_000, 120_000, 90_000)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["query", "SELECT 1"], "no writer runs on"),
        (["topics"], "no broker: set INFOPUMP_KAFKA__BOOTSTRAP"),
        (["subscribe", "--url", "8080"], "expected an address like http://127.0.0.1:8080"),
    ],
)
def test_an_expected_error_is_one_line_without_a_traceback(words: list[str], said: str) -> None:
    result = infopump(*words)
    assert (result.returncode, result.stdout) == (1, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_wrong_setting_ends_with_2_and_is_named() -> None:
    result = infopump("settings", INFOPUMP_KAFKA__PARTITIONS="four")
    assert result.returncode == 2
    assert result.stderr.startswith("infopump: kafka.partitions: ")


def test_settings_are_toml_with_their_sources_and_without_secrets() -> None:
    import tomllib

    result = infopump(
        "--data-dir", "/srv/x", "settings", INFOPUMP_GATEWAY__TOKEN="sesame-open-123", INFOPUMP_KAFKA__PARTITIONS="8"
    )
    assert "sesame" not in result.stdout + result.stderr
    read = tomllib.loads(result.stdout)
    assert read["data_dir"] == "/srv/x"
    assert read["kafka"]["partitions"] == 8
    assert "# command line" in result.stdout
    assert "# INFOPUMP_KAFKA__PARTITIONS" in result.stdout
    rows = json.loads(infopump("settings", "--json").stdout)
    assert {"key": "kafka.partitions", "value": "4", "source": "default"} in rows


def test_the_doctor_finds_what_is_bad(tmp_path: Path) -> None:
    result = infopump("doctor", "--json", XDG_CACHE_HOME=str(tmp_path / "cache"))
    findings = {finding["check"]: finding for finding in json.loads(result.stdout)}
    assert result.returncode == 1
    assert findings["Kafka jars"]["advice"] == "run `infopump setup`"
    assert findings["Java"]["verdict"] == "ok"


def test_a_folder_named_like_ours_in_the_working_directory_is_not_taken() -> None:
    Path("deploy").mkdir()
    Path("deploy/__init__.py").write_text("raise SystemExit('the wrong one')\n")
    assert infopump("version").returncode == 0


@pytest.mark.e2e
def test_topics_are_created_once_and_configured_again(broker: str) -> None:
    done = json.loads(infopump("topics", "--json", INFOPUMP_KAFKA__BOOTSTRAP=broker).stdout)
    assert set(done.values()) == {"configured"}
    table = infopump("topics", INFOPUMP_KAFKA__BOOTSTRAP=broker).stdout
    assert "pos.raw        configured    4 partitions  delete          kept 7 d" in table
    wrong = infopump("topics", INFOPUMP_KAFKA__BOOTSTRAP=broker, INFOPUMP_KAFKA__PARTITIONS="5")
    assert wrong.returncode == 1
    assert "expected 5 partitions, has 4" in wrong.stderr


@pytest.mark.e2e
def test_the_broker_in_the_foreground_is_found_by_the_other_commands(tmp_path: Path) -> None:
    data = ["--data-dir", str(tmp_path / "data")]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "deploy.cli", *data, "broker"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        bootstrap = process.stdout.readline().strip()
        assert bootstrap.startswith("127.0.0.1:")
        assert set(json.loads(infopump(*data, "topics", "--json").stdout).values()) == {"created"}
        findings = {f["check"]: f for f in json.loads(infopump(*data, "doctor", "--json").stdout)}
        assert findings["broker"]["found"].startswith(f"{bootstrap}, 1 nodes")
        again = infopump(*data, "broker")
        assert again.returncode == 1
        assert str(process.pid) in again.stderr
    finally:
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert err.endswith("stopped\n")
