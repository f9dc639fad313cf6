"""``infopump review`` as a person or a script runs it, against a store that is served."""

import json
import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.root import app
from deploy.errors import DeployError
from gateway.review_access import Reviewers
from sinks.query import serve
from tests.gateway.reviewing import AREA, RICE, Registry, stocked
from tests.waiting import until


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data of a system whose writer runs and whose broker takes every decision."""
    folder = tmp_path / "data"
    with stocked(folder / "store") as store:
        folder.chmod(0o700)
        service = serve(store, folder / "store.sock")
        registry = Registry(store)
        monkeypatch.setenv("INFOPUMP_KAFKA__BOOTSTRAP", "unused:0")
        monkeypatch.setattr("deploy.reviewing.Decider", lambda _: registry)
        yield folder
        service.close()


def infopump(data: Path, *words: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(data), "review", *words], env=env)


def refused(result: Result) -> str:
    assert isinstance(result.exception, DeployError), result.output
    return str(result.exception)


def queue(data: Path, *words: str) -> set[tuple[str, str]]:
    found = json.loads(infopump(data, "list", "--json", *words).stdout)
    return {(a["enterprise"], a["sku"]) for a in found["articles"]}


def test_the_queue_is_a_table_or_json(data: Path) -> None:
    result = infopump(data, "list", "--limit", "2")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr == "2 of 5 articles; 4 have a suggestion\n"
    whole = infopump(data, "list", "--match", "东北").stdout
    for text in ("东北大米 5kg", "0101 大米 Rice", "70%", "head noun 大米", RICE):
        assert text in whole
    assert queue(data, "--match", "大米", "--below", "0.5") == {("E-2", RICE)}
    assert len(queue(data, "--all")) == 6


def test_an_article_is_decided_and_the_log_says_by_whom(data: Path) -> None:
    said = infopump(data, "accept", "E-1", RICE, "--author", "li").stderr
    assert said == f"accepted as 0101 大米 Rice: 东北大米 5kg (SKU {RICE} of E-1)\n"
    words = ("--code", "0102", "--content", "5kg", "--note", "looked", "--author", "wang")
    assert infopump(data, "correct", "E-1", RICE, *words).exit_code == 0
    assert infopump(data, "split", "E-1", AREA).exit_code == 0
    assert ("E-1", AREA) not in queue(data)
    log = json.loads(infopump(data, "log", "--json", "--sku", RICE).stdout)
    kept = [(e["holds"], e["decision"]["author"], e["decision"]["verdict"]) for e in log]
    assert kept == [(True, "wang", "corrected"), (False, "li", "accepted")]
    assert log[0]["decision"]["content"] == 5000
    assert "looked" in infopump(data, "log", "--by", "wang").stdout
    assert infopump(data, "withdraw", "E-1", AREA).exit_code == 0
    assert ("E-1", AREA) in queue(data)


def test_a_decision_that_cannot_be_taken_is_one_line(data: Path) -> None:
    assert "has no suggestion" in refused(infopump(data, "accept", "E-1", AREA))
    assert "no article 'x'" in refused(infopump(data, "split", "E-1", "x"))
    assert "got '0199'" in refused(infopump(data, "correct", "E-1", RICE, "--code", "0199"))
    wrong = infopump(data, "correct", "E-1", RICE, "--code", "0101", "--content", "much").exception
    assert isinstance(wrong, DeployError)
    assert wrong.exit_status == 2
    assert infopump(data, "log").stderr == "no decision was found\n"


def test_a_pattern_is_shown_before_it_is_accepted_and_nobody_is_passed_over(data: Path) -> None:
    dry = infopump(data, "accept-all", "--match", "大米", "--dry-run")
    assert (dry.stdout.count("大米 Rice"), dry.stderr) == (2, "2 suggestions would be accepted\n")
    assert "give --yes" in refused(infopump(data, "accept-all", "--match", "大米"))
    assert "expected a pattern" in refused(infopump(data, "accept-all", "--match", " * "))
    assert infopump(data, "log").stderr == "no decision was found\n"
    done = infopump(data, "accept-all", "--match", "大米", "--at-least", "0.5", "--yes", "--author", "li")
    assert done.stderr == "1 suggestions accepted\n"
    assert queue(data, "--match", "大米") == {("E-2", RICE)}


def test_without_a_terminal_the_keys_are_refused_with_a_way_out(data: Path) -> None:
    assert "needs a terminal; on a pipe use `infopump review list`" in refused(infopump(data))


def test_without_a_writer_or_a_broker_it_says_what_to_start(tmp_path: Path, data: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    for words in (["list"], ["log"], ["accept", "E-1", RICE], ["accept-all", "--match", "x"]):
        assert "start the system with `infopump up`" in refused(infopump(elsewhere, *words))
    said = refused(infopump(data, "accept", "E-1", RICE, env={"INFOPUMP_KAFKA__BOOTSTRAP": ""}))
    assert "no broker" in said


def test_a_token_is_printed_once_and_its_reviewer_is_known(data: Path, tmp_path: Path) -> None:
    assert "gateway.reviewers is not set" in refused(infopump(data, "token", "li"))
    file = tmp_path / "reviewers"
    env = {"INFOPUMP_GATEWAY__REVIEWERS": str(file)}
    result = CliRunner().invoke(app, ["review", "token", "li"], env=env)
    token = result.stdout.strip()
    assert Reviewers(file).who(token) == "li"
    assert token not in result.stderr
    assert "the earlier one has ended" in CliRunner().invoke(app, ["review", "token", "li"], env=env).stderr
    assert Reviewers(file).who(token) is None


@dataclass
class Screen:
    """What a program has written on a terminal."""

    terminal: int
    text: bytes = b""

    def has(self, *words: str) -> bool:
        ready = select.poll()
        ready.register(self.terminal, select.POLLIN)
        while ready.poll(0):
            self.text += os.read(self.terminal, 4096)
        return all(word.encode() in self.text for word in words)


def test_the_keys_work_on_a_real_terminal_and_leave_it_as_it_was(data: Path) -> None:
    ours, theirs = pty.openpty()
    before, screen = termios.tcgetattr(theirs), Screen(ours)
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "deploy.cli", "--data-dir", str(data), "review", "--match", "东北"],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            until(lambda: screen.has("东北大米", "quit") or process.poll() is not None, 30, "the first article")
            os.write(ours, b"\x1b[Akq")
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
    after = termios.tcgetattr(theirs)
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, said) == (0, "1 skipped\n")
    assert after == before
