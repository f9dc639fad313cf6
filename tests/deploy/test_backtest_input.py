"""The backtest's input: what is read, and what is said of rows that are not as expected."""

from pathlib import Path

import numpy as np
import pytest

from deploy.backtest_input import MONTH_MS, Input, InputError, read_input
from detectors.pace import DAY_MS, HOUR_MS, WEEK_MS

HEAD = "ts,region,commodity,price,qty,stock\n"


def read(tmp_path: Path, text: str) -> Input:
    path = tmp_path / "input.csv"
    path.write_text(text, encoding="utf-8")
    return read_input(path)


def test_rows_are_sorted_into_periods_with_empty_fields_missing(tmp_path: Path) -> None:
    given = read(tmp_path, HEAD + "2024-01-02,b,x,2.5,,7\n2024-01-01,a,x,,3,\n2024-01-02,a,x,,4,\n")
    assert given.tick_ms == DAY_MS
    assert given.texts == ["2024-01-01", "2024-01-02"]
    assert given.bounds.tolist() == [0, 1, 3]
    assert [given.regions[i] for i in given.region] == ["a", "a", "b"]
    assert np.array_equal(given.values["qty"], [3.0, 4.0, np.nan], equal_nan=True)
    assert np.array_equal(given.values["price"], [np.nan, np.nan, 2.5], equal_nan=True)
    assert not given.wrong


@pytest.mark.parametrize(
    ("times", "tick_ms"),
    [
        (["2024-01-01T08:00:00", "2024-01-01T08:00:10", "2024-01-01T08:00:20"], 10_000),
        (["2024-01-01T08:00", "2024-01-01T08:05", "2024-01-01T08:15"], 300_000),
        (["2024-01-01 08:00", "2024-01-01 09:00", "2024-01-01 10:00"], HOUR_MS),
        (["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-06"], DAY_MS),
        (["2024-01-01", "2024-01-08", "2024-01-15"], WEEK_MS),
        (["2024-01-01", "2024-02-01", "2024-03-01"], MONTH_MS),
    ],
)
def test_the_cadence_is_inferred(tmp_path: Path, times: list[str], tick_ms: int) -> None:
    given = read(tmp_path, "ts,region,commodity,qty\n" + "".join(f"{ts},a,x,1\n" for ts in times))
    assert given.tick_ms == tick_ms
    assert given.texts == times


def test_gaps_keep_the_numbers_of_the_periods(tmp_path: Path) -> None:
    given = read(tmp_path, "ts,region,commodity,qty\n2024-01-01,a,x,1\n2024-01-02,a,x,1\n2024-01-09,a,x,1\n")
    assert given.numbers.tolist() == [0, 1, 8]


def test_months_are_those_of_the_calendar(tmp_path: Path) -> None:
    times = [f"2023-{m:02d}-01" for m in range(1, 13)] + ["2024-03-01"]
    given = read(tmp_path, "ts,region,commodity,qty\n" + "".join(f"{ts},a,x,1\n" for ts in times))
    assert given.numbers.tolist() == [*range(12), 14]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("31.1.2024,a,x,1,1,1", "ts: expected a date or a date-time such as 2026-01-31T08:00, got '31.1.2024'"),
        ("2024-01-01,,x,1,1,1", "region: expected a name other than '*' and without ';', got ''"),
        ("2024-01-01,a,*,1,1,1", "commodity: expected a name other than '*' and without ';', got '*'"),
        ("2024-01-01,a,x,0,1,1", "price: expected a number above 0, got 0.0"),
        ("2024-01-01,a,x,1,many,1", "qty: expected a finite number, got 'many'"),
        ("2024-01-01,a,x,1,inf,1", "qty: expected a finite number, got inf"),
        ("2024-01-01,a,x,1,1,-1", "stock: expected a number from 0 on, got -1.0"),
        ("2024-01-01,a,x", "expected 6 fields, got 3"),
    ],
)
def test_a_wrong_row_is_skipped_and_named_with_its_line(tmp_path: Path, row: str, said: str) -> None:
    given = read(tmp_path, HEAD + "2024-01-01,b,x,1,1,1\n" + row + "\n2024-01-02,b,x,1,1,1\n")
    assert [(w.line, w.reason) for w in given.wrong] == [(3, said)]
    assert len(given.region) == 2
    assert given.rows == 3
    assert given.regions == ["b"]


def test_a_repeated_row_is_wrong_and_the_first_one_counts(tmp_path: Path) -> None:
    given = read(tmp_path, "ts,region,commodity,qty\n2024-01-01,a,x,1\n2024-01-01,a,x,2\n")
    assert [w.line for w in given.wrong] == [3]
    assert given.values["qty"].tolist() == [1.0]


def test_lines_are_counted_right_behind_a_row_with_too_few_fields(tmp_path: Path) -> None:
    given = read(tmp_path, "ts,region,commodity,qty\n2024-01-01,a\n2024-01-01,a,x,much\n2024-01-02,a,x,1\n")
    assert [w.line for w in given.wrong] == [2, 3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ts,region,qty\n2024-01-01,a,1\n", "expected the columns ts, region, commodity and any of price, qty, stock"),
        ("ts,region,commodity\n2024-01-01,a,b\n", "any of price, qty, stock; got ts, region, commodity"),
        ("ts,region,commodity,qty\nx,a,b,1\n", "expected rows with a price, qty or stock; got none"),
        ("", "expected a CSV file in UTF-8"),
    ],
)
def test_a_file_of_which_nothing_can_be_made_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("*", r"\*")):
        read(tmp_path, text)
