"""``publish`` and ``audit-table`` as a person runs them, against a store that is served."""

import csv
import datetime as dt
import json
import stat
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from deploy.cli.root import app
from deploy.errors import DeployError
from sinks.articles import read_registry
from sinks.blocks import split
from sinks.embedded import EmbeddedStore
from sinks.query import serve_roles
from streams.columns import CLEAN_SCHEMA
from streams.records import EnterpriseRecord, encode
from tests.sinks.test_quality import GOOD, noon

DAYS = [dt.date(2026, 3, 2) + dt.timedelta(n) for n in range(7)]
COUNTIES = ("330602", "330603", "330604", "330102", "330105", "310101", "310104")
CODES = ("0301", "030101", "0302", "0801", "0802", "1001", "1401")
MERGED = ("E-4", "E-5")


def lines() -> pa.Table:
    """A week of sales of chains that are nearly everywhere, and of shops that are alone with what they sell."""
    rng = np.random.default_rng(3)
    rows: list[dict[str, Any]] = []
    for n, day in enumerate(DAYS):
        for enterprise, size in enumerate((9_000, 8_000, 7_500, 7_000, 900, 400)):
            for county in COUNTIES if enterprise < 4 else COUNTIES[enterprise - 4 :: 3]:
                for code in CODES if enterprise < 4 else CODES[enterprise::5]:
                    if enterprise < 4 and rng.random() < 0.25:
                        continue
                    amount = int(size * rng.uniform(0.5, 2))
                    measured = 0 if code == "1401" else amount // 3
                    rows.append(
                        GOOD
                        | {"enterprise": f"E-{enterprise}", "terminal_id": f"T-{enterprise}", "county": county}
                        | {"code": code, "amount": amount, "base_qty": measured, "sku": code, "name": code}
                        | {"ts": noon(day), "sent_at": noon(day), "seq": n * 10_000 + len(rows), "line": 0}
                        | {"raw_offset": len(rows)}
                    )
    return pa.Table.from_pylist(rows, schema=CLEAN_SCHEMA)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("published")
    store = EmbeddedStore(folder / "store")
    store.migrate()
    for table, rows in split(lines()).items():
        if rows.num_rows:
            store.insert(table, rows, table)
    # Two of the shops have merged since that week.
    for enterprise in MERGED:
        record = EnterpriseRecord(enterprise, name=enterprise, holding="shops", valid_from=noon(DAYS[-1]) + 86_400_000)
        store.insert("enterprise_records", read_registry(encode(record), 0), enterprise)
    folder.chmod(0o700)
    service = serve_roles(store, folder / "store.sock")
    yield folder
    service.close()
    store.close()


def infopump(data: Path, *words: str | Path) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(data), *map(str, words)])


def error_of(result: Result) -> DeployError:
    assert isinstance(result.exception, DeployError)
    return result.exception


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(path.read_text(encoding="utf-8"))))


def test_a_table_of_a_day_is_safe_by_the_store_and_by_the_truth_beside_it(data: Path, tmp_path: Path) -> None:
    out, truth = tmp_path / "table.csv", tmp_path / "truth.csv"
    result = infopump(
        data, "publish", "--level", "county", "--day", DAYS[0].isoformat(), "--out", out, "--truth-out", truth
    )
    assert result.exit_code == 0, result
    assert "% of them hidden" in result.stderr
    assert stat.S_IMODE(truth.stat().st_mode) == 0o600
    rows = rows_of(out)
    hidden, shown = ([row for row in rows if row["mark"] == mark] for mark in ("x", ""))
    assert hidden
    assert shown
    assert all(
        row["turnover_yuan"] == row["base_qty"] == row["mean_price"] == row["enterprises"] == "" for row in hidden
    )
    assert all(int(row["enterprises"]) >= 3 for row in shown)
    assert {row["level"] for row in rows} == {"county", "city", "province", "nation"}
    assert infopump(data, "audit-table", out).exit_code == 0
    for words in ([out, "--truth", truth], [out]):
        result = infopump(data, "audit-table", *words, "--json")
        # The store answers in this process, and its log stands before.
        assert json.loads(result.stdout.splitlines()[-1]) == {"faults": [], "breaches": []}
        assert f"{len(hidden)} hidden cells" in result.stderr


def test_prices_and_quantities_stand_only_where_units_are_one_and_everything_was_measured(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "table.csv"
    infopump(data, "publish", "--level", "nation", "--day", DAYS[0].isoformat(), "--out", out)
    by_code = {row["code"]: row for row in rows_of(out)}
    total, pork, drinks = by_code["00"], by_code["03"], by_code["14"]
    assert (total["region_zh"], total["name_zh"], total["unit"], total["base_qty"]) == ("全国", "合计", "", "")
    assert float(pork["mean_price"]) == pytest.approx(
        float(pork["turnover_yuan"]) / int(pork["base_qty"]) * 1000, abs=0.01
    )
    assert (drinks["base_qty"], drinks["mean_price"]) == ("", "")
    assert by_code["030100"]["name_zh"].endswith("（未细分）")


def test_a_table_in_which_one_hidden_figure_is_filled_in_is_broken_and_the_status_is_1(
    data: Path, tmp_path: Path
) -> None:
    out, truth = tmp_path / "table.csv", tmp_path / "truth.csv"
    infopump(data, "publish", "--level", "county", "--day", DAYS[1].isoformat(), "--out", out, "--truth-out", truth)
    figures = {(row["region"], row["code"]): row for row in rows_of(truth)}
    rows = rows_of(out)
    marked = [row for row in rows if row["mark"]]
    assert marked
    for row in marked[1:]:
        known = figures[row["region"], row["code"]]
        yuan = f"{int(known['turnover.total']) / 100:.2f}"
        quantity = known["base_qty.total"] if row["unit"] else ""
        row.update(mark="", turnover_yuan=yuan, base_qty=quantity)
    bad = tmp_path / "bad.csv"
    with bad.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for words in ([bad, "--truth", truth], [bad]):
        result = infopump(data, "audit-table", *words)
        assert error_of(result).exit_status == 1
        assert "must stay possible" in result.stdout
    found = json.loads(infopump(data, "audit-table", bad, "--truth", truth, "--json").stdout)
    assert found["faults"] == []
    assert any(one["low"] == one["high"] == one["value"] for one in found["breaches"])


def test_a_row_that_is_missing_or_says_something_else_is_a_fault(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    infopump(data, "publish", "--level", "nation", "--day", DAYS[0].isoformat(), "--out", out)
    text = out.read_text(encoding="utf-8").splitlines()
    row = next(n for n, line in enumerate(text) if ",08,蔬菜," in line)
    changed = [*text[:row], text[row].replace(".", "1.", 1), *text[row + 2 :]]
    out.write_text("\n".join(changed) + "\n", encoding="utf-8")
    result = infopump(data, "audit-table", out)
    assert error_of(result).exit_status == 1
    assert "the figures are not those of the store" in result.stdout
    assert "the row is missing" in result.stdout


def test_a_week_after_its_days_keeps_what_they_hide(data: Path, tmp_path: Path) -> None:
    days = []
    for day in DAYS:
        days.append(tmp_path / f"{day}.csv")
        assert (
            infopump(data, "publish", "--level", "county", "--day", day.isoformat(), "--out", days[-1]).exit_code == 0
        )
    week = tmp_path / "week.csv"
    before = [word for path in days for word in ("--earlier", path)]
    result = infopump(
        data, "publish", "--level", "county", "--span", "week", "--day", DAYS[3].isoformat(), "--out", week, *before
    )
    assert result.exit_code == 0, result
    assert rows_of(week)[0]["day"] == "2026-03-02/2026-03-08"
    assert infopump(data, "audit-table", week, *days).exit_code == 0


def test_enterprises_of_one_holding_count_as_one_by_the_register_unless_a_file_says_otherwise(
    data: Path, tmp_path: Path
) -> None:
    holdings, out = tmp_path / "holdings.csv", tmp_path / "table.csv"
    words = ("publish", "--level", "nation", "--day", DAYS[0].isoformat(), "--out", out)
    counted = []
    files: list[dict[str, str]] = [{}, {"E-5": "E-5"}, {"E-3": "H", "E-4": "H", "E-5": "H"}, {"E-3": "shops"}]
    for said in files:
        holdings.write_text("enterprise,holding\n" + "".join(f"{one},{of}\n" for one, of in said.items()))
        infopump(data, *words, *(("--holdings", holdings) if said else ()))
        total = next(row for row in rows_of(out) if row["code"] == "00")
        counted.append((int(total["enterprises"]), total["turnover_yuan"]))
    assert [number for number, _ in counted] == [5, 6, 4, 4]
    assert len({turnover for _, turnover in counted}) == 1


def test_the_store_is_asked_in_the_publisher_s_role_alone(data: Path, tmp_path: Path) -> None:
    log = data / "questions.jsonl"
    before = len(log.read_text(encoding="utf-8").splitlines())
    out = tmp_path / "table.csv"
    assert infopump(data, "publish", "--day", DAYS[0].isoformat(), "--out", out).exit_code == 0
    assert infopump(data, "audit-table", out).exit_code == 0
    asked = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()[before:]]
    assert {one["role"] for one in asked} == {"publisher"}
    assert not any(one["error"] for one in asked)


@pytest.mark.parametrize(
    ("text", "words"),
    [("p = 200", "expected at least 2 contributors"), ("q = 1", "expected numbers"), ("p = ", "expected numbers")],
)
def test_a_rule_that_cannot_be_used_is_said(data: Path, tmp_path: Path, text: str, words: str) -> None:
    rule = tmp_path / "rule.toml"
    rule.write_text(text, encoding="utf-8")
    result = infopump(data, "publish", "--day", DAYS[0].isoformat(), "--out", tmp_path / "t.csv", "--rule", rule)
    assert words in str(error_of(result))


def test_wrong_words_a_day_without_sales_and_a_missing_writer_are_said(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    same = infopump(data, "publish", "--day", DAYS[0].isoformat(), "--out", out, "--truth-out", out)
    assert error_of(same).exit_status == 2
    none = infopump(data, "publish", "--day", "2020-01-01", "--out", out)
    assert "nothing was sold on 2020-01-01" in str(error_of(none))
    alone = infopump(tmp_path / "elsewhere", "publish", "--day", DAYS[0].isoformat(), "--out", out)
    assert f"no writer runs on {tmp_path / 'elsewhere'}: start one with" in str(error_of(alone))
    assert not out.exists()


def test_a_county_table_after_the_city_table_of_the_day_says_the_same_of_cities(data: Path, tmp_path: Path) -> None:
    city, county = tmp_path / "city.csv", tmp_path / "county.csv"
    day = ("--day", DAYS[2].isoformat())
    assert infopump(data, "publish", "--level", "city", *day, "--out", city).exit_code == 0
    result = infopump(data, "publish", "--level", "county", *day, "--out", county, "--earlier", city)
    assert result.exit_code == 0, result
    again = {tuple(row.values()) for row in rows_of(county)}
    assert {tuple(row.values()) for row in rows_of(city)} <= again
    assert infopump(data, "audit-table", city, county).exit_code == 0
