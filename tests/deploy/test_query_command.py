"""``query`` as a person runs it, against a store that is served."""

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner, Result

from deploy.cli.root import app
from deploy.errors import DeployError
from sinks.embedded import EmbeddedStore
from sinks.query import serve, socket_of
from sinks.roles import ASKING

TYPED = (
    "SELECT toUInt64(18446744073709551615) AS big, toDecimal64('12.34', 2) AS yuan, "
    "toDateTime64('2026-03-01 08:00:00.123', 3, 'UTC') AS at, toDate('2026-03-01') AS day, '盐' AS name"
)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    store = EmbeddedStore(folder / "store")
    store.migrate()
    socket = folder / "store.sock"
    services = [serve(store, socket_of(role, socket), role) for role in ASKING]
    yield folder
    for service in services:
        service.close()
    store.close()


def infopump(data: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(data), *words])


def test_one_asks_as_an_analyst_unless_one_says_otherwise(data: Path) -> None:
    assert infopump(data, "query", "SELECT count() AS n FROM cells_1d", "--json").stdout == '[{"n": 0}]\n'
    refused = infopump(data, "query", "SELECT count() FROM infopump.sales")
    assert isinstance(refused.exception, DeployError)
    assert "infopump_analyst" in str(refused.exception)
    assert (
        infopump(data, "query", "SELECT count() AS n FROM infopump.sales", "--as", "auditor", "--json").exit_code == 0
    )
    assert infopump(data, "query", "SELECT count() AS n FROM enterprises", "--as", "publisher").exit_code == 0


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_an_export_keeps_the_types_of_the_store(data: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"out.{form}"
    done = infopump(data, "query", TYPED, "--format", form, "--out", str(out))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"1 rows in {out}\n")
    read = parquet.read_table(out) if form == "parquet" else pa.ipc.open_file(out).read_all()
    assert read.schema.field("big").type == pa.uint64()
    assert pa.types.is_decimal(read.schema.field("yuan").type)
    assert read.schema.field("at").type == pa.timestamp("ms", "UTC")
    (row,) = read.to_pylist()
    assert (row["big"], row["yuan"], row["name"]) == (2**64 - 1, Decimal("12.34"), "盐")
    assert row["at"] == dt.datetime(2026, 3, 1, 8, 0, 0, 123_000, tzinfo=dt.UTC)
    assert not list(tmp_path.glob("*.part"))


def test_text_goes_into_a_file_as_it_goes_to_the_terminal(data: Path, tmp_path: Path) -> None:
    for form in ("table", "json", "csv"):
        out = tmp_path / form
        shown = infopump(data, "query", TYPED, "--format", form).stdout
        assert infopump(data, "query", TYPED, "--format", form, "--out", str(out)).exit_code == 0
        assert out.read_text(encoding="utf-8") == shown
    assert json.loads((tmp_path / "json").read_text(encoding="utf-8"))[0]["name"] == "盐"


def test_what_cannot_be_written_leaves_nothing_behind_and_says_so(data: Path, tmp_path: Path) -> None:
    twice = "SELECT a.number, b.number FROM numbers(2) AS a, numbers(2) AS b"
    for sql, out in ((TYPED, tmp_path / "no" / "out"), ("SELECT 1 AS a, 2 AS `a `", tmp_path)):
        done = infopump(data, "query", sql, "--format", "parquet", "--out", str(out))
        assert done.exit_code != 0
    assert infopump(data, "query", twice, "--csv").exit_code == 0
    assert not list(tmp_path.glob("*.part"))


def test_parquet_needs_a_file_and_forms_exclude_each_other(data: Path) -> None:
    for words in (["--format", "parquet"], ["--format", "csv", "--json"]):
        done = infopump(data, "query", "SELECT 1", *words)
        assert isinstance(done.exception, DeployError)
        assert done.exception.exit_status == 2


def test_users_of_a_server_are_printed_without_their_passwords(data: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse battery\n")
    words = ("store-users", "--user", "li", "--role", "analyst", "--password-file", str(secret))
    text = infopump(data, *words).stdout
    assert "CREATE USER OR REPLACE `li`" in text
    assert "correct horse" not in text
    assert isinstance(infopump(data, "store-users", "--user", "li").exception, DeployError)
