import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.root import app
from deploy.errors import DeployError

DATA = Path(str(files("streams") / "data"))


def test_the_taxonomy_of_the_package_adds_up_and_has_a_log() -> None:
    result = CliRunner().invoke(app, ["taxonomy", "check"])
    assert (result.exit_code, result.stdout) == (0, "")
    assert "184 nodes hold" in result.stderr
    log = CliRunner().invoke(app, ["taxonomy", "log", "--json"])
    assert [row["change"] for row in json.loads(log.stdout)[:184]] == ["new"] * 184
    assert CliRunner().invoke(app, ["taxonomy", "log"]).stdout.startswith("version 1, ")


def test_a_code_is_shown_with_all_below_it() -> None:
    shown = CliRunner().invoke(app, ["taxonomy", "show", "0101"]).stdout.splitlines()
    assert shown[0] == "  0101 大米  Rice  kg  monitored emergency"
    assert shown[1].startswith("    010101 籼米")
    nodes = json.loads(CliRunner().invoke(app, ["taxonomy", "show", "0101", "--version", "1", "--json"]).stdout)
    assert [node["code"] for node in nodes] == ["0101", "010101", "010102", "010103"]


@pytest.mark.parametrize(
    ("words", "said"), [(["777777"], "there never was a code 777777"), (["--version", "99"], "from 1 to")]
)
def test_what_never_was_cannot_be_shown(words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["taxonomy", "show", *words])
    assert isinstance(result.exception, DeployError)
    assert result.exception.exit_status == 2
    assert said in str(result.exception)


def test_a_code_that_is_used_again_is_refused_with_status_1(tmp_path: Path) -> None:
    for name in ("taxonomy.csv", "taxonomy_changes.csv"):
        shutil.copy(DATA / name, tmp_path)
    with (tmp_path / "taxonomy_changes.csv").open("a", encoding="utf-8") as changes:
        changes.write("2,2027-01-01,retire,010103,,not sold alone,Li\n2,2027-01-01,new,010103,,again,Li\n")
    result = CliRunner().invoke(app, ["taxonomy", "check", "--folder", str(tmp_path)])
    assert "code 010103 is used again" in result.stdout
    assert isinstance(result.exception, DeployError)
    assert result.exception.exit_status == 1
