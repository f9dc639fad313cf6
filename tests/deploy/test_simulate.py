import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.root import app
from deploy.errors import DeployError

SMALL = ["--days", "80", "--regions", "3306", "--goods", "2", "--events", "panic_buying"]


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["simulate", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stderr


@pytest.mark.parametrize("words", [["{out}", *SMALL], [*SMALL, "{out}"], ["trade", "{out}", *SMALL]])
def test_a_folder_gets_input_and_truth(words: list[str], tmp_path: Path) -> None:
    said = run(*[word.format(out=tmp_path / "out") for word in words])
    assert said.startswith("960 rows, ")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["input.csv", "truth.csv"]


def test_what_was_simulated_can_be_injected_into(tmp_path: Path) -> None:
    run(str(tmp_path / "out"), *SMALL[:-1], "none")
    said = run("inject", str(tmp_path / "out/input.csv"), str(tmp_path / "cases"), "--files", "2", "--peaks", "3")
    assert "injections in 2 files" in said
    with (tmp_path / "cases/truth.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["file"] for row in rows} == {"inj_000", "inj_001"}
    assert {row["size"] for row in rows} == {"3"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{out}", "--events", "flood"], "expected any of panic_buying"),
        (["{out}", "--cadence", "yearly"], "expected one of 5min"),
        (["inject", "{out}/none.csv", "{out}"], "none.csv"),
        (["inject", "{out}/none.csv", "{out}", "--peaks", "much"], "--peaks: expected numbers joined by commas"),
        (["inject", "{out}/none.csv", "{out}", "--fractions", "0"], "--fractions: expected numbers above 0"),
    ],
)
def test_wrong_words_are_answered_in_one_line(words: list[str], said: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["simulate", *[word.format(out=tmp_path) for word in words]])
    assert isinstance(result.exception, DeployError)
    assert said in str(result.exception)
