"""The backtest as a whole: the files that it writes, and that nothing in them knows the future."""

import csv
from pathlib import Path

import numpy as np
import pytest

from deploy.backtest_input import read_input
from deploy.backtesting import Summary, run
from detectors.incident_rows import Row
from detectors.rulebook import rulebooks

START = np.datetime64("2023-03-01")
Said = tuple[Summary, list[dict[str, str]], list[dict[str, str]]]
SHOPS = ("310101", "310102", "310103", "320101")
GOODS = ("rice", "salt", "oil")
RUSH = 90


def market(days: int = 120, rush: float = 5.0, rise: float = 1.5) -> list[tuple[str, str, str, float, int]]:
    """Rows (ts, region, commodity, price, qty): salt is bought in Shanghai from day 90 on, oil gets dearer there."""
    rng = np.random.default_rng(7)
    rows = []
    week = np.array([0.9, 0.9, 0.95, 1.0, 1.1, 1.3, 1.2])
    for day in range(days):
        ts = START + day
        season = week[(ts.astype("datetime64[D]").astype(int) + 3) % 7]
        for shop in SHOPS:
            for good in GOODS:
                hit = day >= RUSH and shop.startswith("3101")
                qty = rng.poisson(
                    rng.gamma(20, 60 * season / 20) * (rush if hit and good == "salt" and day < RUSH + 5 else 1.0)
                )
                price = 5.0 * (rise if hit and good == "oil" else 1.0) * np.exp(rng.normal(0, 0.01))
                rows.append((str(ts), shop, good, round(float(price), 3), int(qty)))
    return rows


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def backtest(tmp_path: Path, rows: list[tuple[str, str, str, float, int]], name: str = "run") -> Said:
    source, alerts, signals = (tmp_path / f"{name}.{kind}.csv" for kind in ("input", "alerts", "signals"))
    with source.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("ts", "region", "commodity", "price", "qty"))
        writer.writerows(rows)
    summary = run(read_input(source), alerts, signals, rulebooks("national"))
    return summary, read(alerts), read(signals)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Said:
    return backtest(tmp_path_factory.mktemp("backtest"), market())


def test_a_rush_is_told_on_its_first_day_where_it_is(
    whole: Said,
) -> None:
    rushes = [
        a for a in whole[1] if a["kind"] in ("demand_surge", "panic_buying") and a["detected"] >= str(START + RUSH)
    ]
    assert rushes[0]["detected"] == str(START + RUSH)
    assert rushes[0]["region"].startswith("3101")
    assert rushes[0]["commodity"] in ("salt", "*")
    assert "310101" in rushes[0]["regions"]
    assert rushes[0]["onset"] <= rushes[0]["detected"]


def test_a_rise_of_the_price_is_told_within_days(
    whole: Said,
) -> None:
    rises = [a for a in whole[1] if a["kind"] == "price_spike" and a["detected"] >= str(START + RUSH)]
    assert rises[0]["detected"] <= str(START + RUSH + 3)
    assert "oil" in rises[0]["commodities"]


def test_the_columns_are_those_of_the_contract(
    whole: Said,
) -> None:
    summary, alerts, signals = whole
    assert tuple(alerts[0]) == Row._fields
    assert tuple(signals[0]) == ("ts", "region", "commodity", "kind", "p")
    assert {s["kind"] for s in signals} == {"demand_surge", "demand_drop", "price_spike", "price_drop", "stock_out"}
    assert all(0.0 <= float(s["p"]) <= 1.0 for s in signals)
    assert {s["region"] for s in signals} == {*SHOPS, "3101", "*"}
    assert len({a["alert_id"] for a in alerts}) == len(alerts) == summary.alerts
    assert summary.observations == 120 * len(SHOPS) * len(GOODS)
    assert summary.by_chance == min(4.0, summary.alerts)


@pytest.mark.parametrize("days", [60, RUSH + 1, 110])
def test_what_is_said_of_a_day_does_not_depend_on_later_rows(tmp_path: Path, whole: Said, days: int) -> None:
    cut = str(START + days - 1)
    _, alerts, signals = backtest(tmp_path, [row for row in market() if row[0] <= cut])
    assert signals == [s for s in whole[2] if s["ts"] <= cut]
    same = ("alert_id", "detected", "onset", "region", "commodity", "kind")
    assert [[a[k] for k in same] for a in alerts] == [[a[k] for k in same] for a in whole[1] if a["detected"] <= cut]


def test_a_series_that_begins_later_does_not_change_what_was_said_before(tmp_path: Path, whole: Said) -> None:
    new = [(str(START + day), "440101", "fish", 9.0, 40) for day in range(100, 120)]
    _, _, signals = backtest(tmp_path, sorted(market() + new))
    before = [(s["ts"], s["region"], s["commodity"], s["kind"]) for s in signals if s["ts"] < str(START + 100)]
    assert before == [(s["ts"], s["region"], s["commodity"], s["kind"]) for s in whole[2] if s["ts"] < str(START + 100)]


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path, whole: Said) -> None:
    rows = market()
    np.random.default_rng(1).shuffle(rows)
    assert backtest(tmp_path, rows)[1:] == whole[1:]


def test_a_rush_with_a_cut_price_in_all_goods_is_no_panic(tmp_path: Path) -> None:
    rows = [
        (
            ts,
            region,
            good,
            round(price * 0.7, 3) if ts >= str(START + RUSH) else price,
            qty * 3 if ts >= str(START + RUSH) else qty,
        )
        for ts, region, good, price, qty in market(100, 1.0, 1.0)
    ]
    _, alerts, _ = backtest(tmp_path, rows)
    kinds = {a["kind"] for a in alerts if a["detected"] >= str(START + RUSH)}
    assert "demand_surge" in kinds
    assert "panic_buying" not in kinds


def test_metrics_of_any_kind_are_judged_by_the_univariate_path(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    source = tmp_path / "input.csv"
    start = np.datetime64("2024-01-01T00:00")
    rows = [
        f"{start + 5 * i},machine,heat,{rng.normal(70.0, 1.0) + (40.0 if i >= 1900 else 0.0):.3f}" for i in range(2000)
    ]
    source.write_text("\n".join(["ts,region,commodity,qty", *rows]) + "\n", encoding="utf-8")
    run(read_input(source), tmp_path / "a.csv", tmp_path / "s.csv", rulebooks("national"), metrics=True)
    signals = read(tmp_path / "s.csv")
    low = [s["ts"] for s in signals if s["kind"] == "demand_surge" and float(s["p"]) <= 0.004]
    assert str(start + 5 * 1900) in low
    assert {s["kind"] for s in signals} == {"demand_surge", "demand_drop"}


def test_a_weak_rush_of_neighbouring_shops_is_told_where_they_lie(tmp_path: Path) -> None:
    rng, shops = np.random.default_rng(6), [f"shop {i}" for i in range(30)]
    lines = ["ts,region,commodity,qty"]
    for day in range(220):
        rate = rng.gamma(20.0, 60.0 / 20.0, (30, 2))
        if day >= 215:
            rate[:9, 0] *= 1.5
        sold = rng.poisson(rate)
        lines += [f"{START + day},{shops[i]},{good},{sold[i, j]}" for i in range(30) for j, good in enumerate("ab")]
    (tmp_path / "input.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    given, books = read_input(tmp_path / "input.csv"), rulebooks("national")
    places = {shop: (110.0 + 0.1 * i + 1e-4 * i * i, 30.0) for i, shop in enumerate(shops)}
    told = []
    for centres in (None, places):
        run(given, tmp_path / "a.csv", None, books, centres=centres)
        surges = [a for a in read(tmp_path / "a.csv") if a["kind"] == "demand_surge" and a["commodity"] == "a"]
        told.append({tuple(a["regions"].split(";")) for a in surges if a["detected"] >= str(START + 215)})
    beside = [set(regions) for regions in told[1] - told[0]]
    assert any(len(regions & set(shops[:9])) >= 4 and len(regions - set(shops[:9])) <= 1 for regions in beside)
