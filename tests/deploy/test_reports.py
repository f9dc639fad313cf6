"""``quality`` and ``recode`` as a person runs them, against a store that is served."""

import csv
import datetime as dt
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.root import app
from deploy.errors import DeployError
from sinks.articles import read_registry
from sinks.blocks import split
from sinks.embedded import EmbeddedStore
from sinks.query import serve
from streams.records import encode
from tests.sinks import market

SKU = "6901234500001"


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    store = EmbeddedStore(folder / "store")
    store.migrate()
    for table, rows in split(market.lines(20, 100)).items():
        store.insert(table, rows, table)
    store.insert("decisions", read_registry(encode(market.decision("E-1", SKU, "0302")), 0), "d")
    folder.chmod(0o700)
    service = serve(store, folder / "store.sock")
    yield folder
    service.close()
    store.close()


def infopump(data: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(data), *words])


def test_the_quality_of_a_day_and_of_days_is_text_json_or_csv(data: Path) -> None:
    days = ("--day", "2025-10-01", "--days", "2")
    text = infopump(data, "quality", *days)
    assert (text.exit_code, text.stderr) == (0, "")
    assert text.stdout.startswith("E-1: ")
    one = json.loads(infopump(data, "quality", *days, "--enterprise", "E-2", "--json").stdout)
    assert [(e["enterprise"], e["days"], e["first_day"]) for e in one] == [("E-2", 2, "2025-09-30")]
    rows = list(csv.DictReader(StringIO(infopump(data, "quality", *days, "--csv").stdout)))
    assert {row["dimension"] for row in rows} == set(one[0]["lights"])
    assert json.loads(infopump(data, "quality", "--day", "2025-10-01", "--json").stdout)[0]["days"] == 1


def test_a_time_without_lines_gives_no_report_and_says_so(data: Path) -> None:
    for words in ([], ["--mistakes"], ["--silent"]):
        result = infopump(data, "quality", *words, "--json")
        assert (result.exit_code, json.loads(result.stdout)) == (0, [])
        assert result.stderr == "nothing was found in that time\n"


@pytest.mark.parametrize("words", [["--json", "--csv"], ["--mistakes", "--silent"]])
def test_words_of_quality_that_exclude_each_other_are_wrong_use(data: Path, words: list[str]) -> None:
    found = infopump(data, "quality", *words).exception
    assert isinstance(found, DeployError)
    assert found.exit_status == 2


def test_a_dry_run_says_what_a_recode_would_do_from_that_day_of_china_on(data: Path) -> None:
    result = infopump(data, "recode", "--since", "2025-09-01", "--dry-run", "--json")
    rows = json.loads(result.stdout)
    assert {(r["enterprise"], r["sku"], r["code"], r["new_code"]) for r in rows} == {("E-1", SKU, "0301", "0302")}
    assert result.stderr == f"{sum(r['lines'] for r in rows)} lines of 1 articles to correct\n"
    assert SKU in infopump(data, "recode", "--since", "2025-09-01", "--dry-run").stdout
    later = dt.date(2025, 10, 3).isoformat()
    assert json.loads(infopump(data, "recode", "--since", later, "--dry-run", "--json").stdout) == []


def test_a_recode_without_a_broker_says_what_to_do(data: Path) -> None:
    found = infopump(data, "recode", "--since", "2025-09-01").exception
    assert isinstance(found, DeployError)
    assert "no broker" in str(found)
