"""The twenty questions on four simulated weeks: from rollups as from lines, and against what numpy and Arrow say."""

import datetime as dt
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

from deploy.cli.root import app
from deploy.notebook import markdown
from sinks.embedded import EmbeddedStore
from sinks.questions import from_lines, questions
from tests.sinks.questioning import LAST_YEAR, RUSH, TODAY, filled_store

Row = dict[str, Any]
Key = tuple[Any, ...]
ITEM: Final = ["code", "county", "channel", "terminal_id", "sku", "unit"]
WEEK: Final = dt.timedelta(7)


class Feed:
    """The store and the lines in it, with day and hour of China, city and province."""

    def __init__(self, store: EmbeddedStore, lines: pa.Table) -> None:
        self.store = store
        tags = [name for name in lines.column_names if pa.types.is_dictionary(lines.schema.field(name).type)]
        for name in tags:
            lines = lines.set_column(lines.column_names.index(name), name, lines[name].cast(pa.string()))
        local = pa.array(lines["ts"].cast(pa.int64()).to_numpy() + 8 * 3_600_000, pa.timestamp("ms"))
        sent = pa.array(lines["sent_at"].cast(pa.int64()).to_numpy() + 8 * 3_600_000, pa.timestamp("ms"))
        county = lines["county"]
        self.lines = (
            lines.append_column("day", local.cast(pa.date32()))
            .append_column("sent_day", sent.cast(pa.date32()))
            .append_column("clock", pc.hour(local))
            .append_column("city", pc.utf8_slice_codeunits(county, 0, 4))
            .append_column("province", pc.utf8_slice_codeunits(county, 0, 2))
        )
        self.sales = self.lines.filter(pc.is_in(self.lines["kind"], pa.array(["sale", "return"])))

    def ask(self, name: str) -> list[Row]:
        rows: list[Row] = self.store.query(questions()[name].on(TODAY)).to_pylist()
        return rows

    def sold(self, first: dt.date, last: dt.date = TODAY, code: str = "") -> pa.Table:
        """Sales and returns of days and of a commodity with all below it."""
        within = pc.and_(pc.greater_equal(self.sales["day"], first), pc.less_equal(self.sales["day"], last))
        return self.sales.filter(pc.and_(within, pc.starts_with(self.sales["code"], code)))

    def prices(self, first: dt.date, last: dt.date, code: str = "") -> dict[Key, tuple[float, float]]:
        """What was paid for each item, and its price, in some days."""
        rows = self.sold(first, last, code)
        good = pc.equal(pc.bit_wise_and(rows["quality"], pa.scalar(112, pa.uint16())), 0)
        sums = added(rows.filter(pc.and_(good, pc.equal(rows["kind"], "sale"))), ITEM, "amount", "qty")
        return {key: (paid, paid / qty) for key, (paid, qty) in sums.items() if paid > 0 and qty > 0}

    def relatives(self) -> dict[Key, float]:
        """Log relative of each item of today against seven days before."""
        now, then = self.prices(TODAY, TODAY), self.prices(TODAY - WEEK, TODAY - WEEK)
        return {key: math.log(now[key][1] / then[key][1]) for key in now.keys() & then.keys()}


def added(rows: pa.Table, keys: list[str], *values: str) -> dict[Key, tuple[int, ...]]:
    """Sums by key."""
    sums = rows.group_by(keys).aggregate([(value, "sum") for value in values])
    columns = [sums[key].to_pylist() for key in keys], [sums[f"{value}_sum"].to_pylist() for value in values]
    return dict(zip(zip(*columns[0], strict=True), zip(*columns[1], strict=True), strict=True))


def close(found: dict[Any, Any], want: dict[Any, Any]) -> None:
    assert found.keys() == want.keys()
    assert want
    for key, value in want.items():
        assert found[key] == pytest.approx(value, rel=1e-9), key


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Feed]:
    store = EmbeddedStore(tmp_path_factory.mktemp("questions") / "store")
    store.migrate()
    yield Feed(store, filled_store(store))
    store.close()


@pytest.mark.parametrize("name", questions())
def test_a_question_has_an_answer_and_rollups_say_what_the_lines_say(feed: Feed, name: str) -> None:
    sql = questions()[name].on(TODAY)
    answer = feed.store.query(sql)
    assert answer.num_rows > 0
    by_lines = feed.store.query(from_lines(sql))
    assert by_lines.column_names == answer.column_names
    assert len(answer) == len(by_lines)
    keys = [n for n in answer.column_names if not pa.types.is_floating(answer.schema.field(n).type)]
    for one, other in zip(by_key(answer, keys), by_key(by_lines, keys), strict=True):
        for column, value in one.items():
            assert other[column] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value)


def by_key(answer: pa.Table, keys: list[str]) -> list[Row]:
    return sorted(answer.to_pylist(), key=lambda row: [str(row[key]) for key in keys])


def test_there_are_twenty_questions_and_an_analyst_needs_no_name_for_most() -> None:
    assert len(questions()) == 20
    analyst = [one for one in questions().values() if one.role == "analyst"]
    assert len(analyst) >= 15
    naming = re.compile(
        r"\b(items_1d|(FROM|JOIN) (sales|prices|stock|presence|terminals|skus)|enterprise|terminal_id|sku)\b"
    )
    assert [one.name for one in analyst if naming.search(one.sql)] == []


def test_the_page_of_questions_is_what_the_questions_say() -> None:
    page = Path(__file__).parents[2] / "sinks" / "QUESTIONS.md"
    assert page.read_text(encoding="utf-8") == markdown()


def test_the_command_lists_them_and_writes_a_notebook_and_a_page(tmp_path: Path) -> None:
    run = CliRunner()
    listed = run.invoke(app, ["notebook-examples"])
    assert listed.exit_code == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(questions())
    for suffix in ("ipynb", "md"):
        assert run.invoke(app, ["notebook-examples", "--out", str(tmp_path / f"q.{suffix}")]).exit_code == 0
    cells = json.loads((tmp_path / "q.ipynb").read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        if cell["cell_type"] == "code":
            compile(cell["source"], "cell", "exec")
    assert sum(cell["cell_type"] == "code" for cell in cells) == 21
    assert (tmp_path / "q.md").read_text(encoding="utf-8") == markdown()
    refused = run.invoke(app, ["notebook-examples", "--out", "q.txt"])
    assert "expected a file .ipynb or .md" in str(refused.exception)


def test_pork_by_lunar_date(feed: Feed) -> None:
    def prices(day: dt.date) -> dict[Key, float]:
        rows = feed.sold(day, day, "0301")
        rows = rows.filter(pc.not_equal(rows["base_qty"], 0))
        return {key: amount * 10 / qty for key, (amount, qty) in added(rows, ["city"], "amount", "base_qty").items()}

    now, then = prices(TODAY), prices(LAST_YEAR)
    answer = feed.ask("pork_by_lunar_date")
    close({(r["city"],): r["price"] for r in answer}, now)
    close({(r["city"],): r["last_year"] for r in answer}, then)
    close({(r["city"],): r["percent"] for r in answer}, {c: 100 * (now[c] / then[c] - 1) for c in now})


def test_weekly_ranking(feed: Feed) -> None:
    logs: dict[str, list[float]] = defaultdict(list)
    for key, value in feed.relatives().items():
        logs[key[0]].append(value)
    want = {code: 100 * math.expm1(np.mean(found)) for code, found in logs.items() if len(found) >= 10}
    answer = feed.ask("weekly_ranking")
    close({r["code"]: r["percent"] for r in answer}, want)
    assert all(a["percent"] >= b["percent"] for a, b in pairwise(answer))
    assert {r["code"]: r["matched"] for r in answer} == {code: len(logs[code]) for code in want}


def test_jevons_and_laspeyres(feed: Feed) -> None:
    meats: dict[Key, list[float]] = defaultdict(list)
    goods: dict[Key, list[float]] = defaultdict(list)
    for key, value in feed.relatives().items():
        if key[0].startswith("03"):
            meats[key[0], key[1][:4]].append(value)
        if key[0] < "10":
            goods[key[0], key[1][:2]].append(value)
    jevons = {(r["code"], r["city"]): r["jevons"] for r in feed.ask("jevons")}
    close(jevons, {key: 100 * math.exp(np.mean(logs)) for key, logs in meats.items()})
    spent = added(feed.sold(TODAY - dt.timedelta(13), TODAY - WEEK), ["code", "province"], "amount")
    top: dict[str, float] = defaultdict(float)
    below: dict[str, float] = defaultdict(float)
    for key, logs in goods.items():
        top[key[1]] += spent[key][0] * math.exp(np.mean(logs))
        below[key[1]] += spent[key][0]
    want = {province: 100 * top[province] / below[province] for province in top}
    close({r["province"]: r["laspeyres"] for r in feed.ask("laspeyres")}, want)


def test_geks_tornqvist(feed: Feed) -> None:
    weeks = [feed.prices(TODAY - n * WEEK - dt.timedelta(6), TODAY - n * WEEK, "0301") for n in (3, 2, 1, 0)]
    # An item is a shop's SKU in a unit, whatever its code and channel are said to be.
    weeks = [{key[3:]: value for key, value in week.items()} for week in weeks]

    def tornqvist(a: dict[Key, tuple[float, float]], b: dict[Key, tuple[float, float]]) -> float:
        both = sorted(a.keys() & b.keys())
        log = np.log([b[k][1] / a[k][1] for k in both])
        shares = [np.array([w[k][0] for k in both]) / sum(w[k][0] for k in both) for w in (a, b)]
        return float(((shares[0] + shares[1]) / 2 * log).sum())

    want = {
        TODAY - (3 - t) * WEEK - dt.timedelta(6): 100
        * math.exp(np.mean([tornqvist(weeks[0], link) + tornqvist(link, weeks[t]) for link in weeks]))
        for t in range(4)
    }
    close({r["week"]: r["geks"] for r in feed.ask("geks_tornqvist")}, want)


def test_where_salt_ran_out_and_how_the_rush_spread(feed: Feed) -> None:
    stock = feed.lines.filter(pc.and_(pc.equal(feed.lines["kind"], "stock"), pc.equal(feed.lines["code"], "1001")))
    shelves: dict[Key, tuple[int, int]] = {}
    for row in stock.select(["county", "day", "terminal_id", "sku", "ts", "qty"]).to_pylist():
        key = (row["county"], row["day"], row["terminal_id"], row["sku"])
        shelves[key] = max(shelves.get(key, (0, 0)), (int(row["ts"].timestamp()), row["qty"]))
    of: dict[Key, list[bool]] = defaultdict(list)
    for key, (_, qty) in shelves.items():
        of[key[:2]].append(qty == 0)
    out = {key for key, empty in of.items() if 2 * sum(empty) >= len(empty) and TODAY - key[1] <= dt.timedelta(30)}
    days: dict[str, list[dt.date]] = defaultdict(list)
    for county, day in sorted(out):
        days[county].append(day)
    answer = feed.ask("out_of_salt")
    told = {(r["county"], r["since"] + dt.timedelta(n)) for r in answer for n in range(r["days"])}
    assert told == out
    assert set(RUSH.starts()) <= set(days)
    spread = {r["county"]: r["began"] for r in feed.ask("spread_of_a_rush")}
    local = {
        county: dt.datetime.fromtimestamp(start / 1000, dt.timezone(dt.timedelta(hours=8))).strftime("%Y-%m-%d %H:00")
        for county, start in RUSH.starts().items()
    }
    assert {county: spread[county] for county in local} == local


def test_days_of_supply(feed: Feed) -> None:
    stock = feed.lines.filter(pc.and_(pc.equal(feed.lines["kind"], "stock"), pc.equal(feed.lines["day"], TODAY)))
    held = added(stock, ["code", "province"], "base_qty")
    sold = added(feed.sold(TODAY - dt.timedelta(6)), ["code", "province"], "base_qty")
    want = {key: 7 * qty / sold[key][0] for key, (qty,) in held.items()}
    close({(r["code"], r["province"]): r["days"] for r in feed.ask("days_of_supply")}, want)


def test_share_of_promotions_and_channels(feed: Feed) -> None:
    week = feed.sold(TODAY - dt.timedelta(6))
    every = added(week, ["province", "channel"], "amount")
    promo = added(week.filter(week["promo"]), ["province", "channel"], "amount")
    share = {(r["province"], r["channel"]): r["percent"] for r in feed.ask("share_of_promotions")}
    close(share, {key: 100 * promo[key][0] / amount for key, (amount,) in every.items()})
    known = week.filter(pc.not_equal(week["base_qty"], 0))
    price = {key: a * 10 / q for key, (a, q) in added(known, ["code", "channel"], "amount", "base_qty").items()}
    close({(r["code"], r["channel"]): r["price"] for r in feed.ask("channels")}, price)


def test_reporting_rate(feed: Feed) -> None:
    today = feed.lines.filter(pc.equal(feed.lines["sent_day"], TODAY))
    seen = {(r["province"], r["terminal_id"]) for r in today.select(["province", "terminal_id"]).to_pylist()}
    shops = {(r["province"], r["terminal_id"]) for r in feed.lines.select(["province", "terminal_id"]).to_pylist()}
    want = {
        p: 100 * sum(q == p for q, _ in seen) / sum(q == p for q, _ in shops)
        for p in {province for province, _ in shops}
    }
    close({r["province"]: r["percent"] for r in feed.ask("reporting_rate")}, want)


def test_median_price_is_within_one_percent(feed: Feed) -> None:
    rows = feed.sold(TODAY, TODAY, "08")
    rows = rows.filter(pc.and_(pc.equal(rows["kind"], "sale"), pc.greater(rows["unit_price"], 0)))
    rows = rows.filter(pc.equal(pc.bit_wise_and(rows["quality"], pa.scalar(32, pa.uint16())), 0))
    prices: dict[Key, list[int]] = defaultdict(list)
    for row in rows.select(["code", "province", "unit_price"]).to_pylist():
        prices[row["code"], row["province"]].append(row["unit_price"])
    answer = feed.ask("median_price")
    assert {(r["code"], r["province"]): r["sold"] for r in answer} == {key: len(v) for key, v in prices.items()}
    for row in answer:
        found = sorted(prices[row["code"], row["province"]])
        middle = len(found) // 2
        low, high = found[max(middle - 1, 0)] / 10_000, found[middle] / 10_000
        assert low * 0.9899 <= row["median"] <= high * 1.0101


def test_turnover_hours_origins_and_brands(feed: Feed) -> None:
    week, before = feed.sold(TODAY - dt.timedelta(6)), feed.sold(TODAY - dt.timedelta(13), TODAY - WEEK)
    now, then = (added(rows, ["code"], "amount") for rows in (week, before))
    percent = {(r["code"],): r["percent"] for r in feed.ask("turnover")}
    close(percent, {key: 100 * (now[key][0] / amount - 1) for key, (amount,) in then.items()})
    total = sum(amount for (amount,) in now.values())
    clock = {(r["clock"],): r["percent"] for r in feed.ask("hours_of_the_day")}
    close(clock, {key: 100 * amount / total for key, (amount,) in added(week, ["clock"], "amount").items()})
    origins = added(week.filter(pc.not_equal(week["origin"], "")), ["code", "origin"], "amount")
    of: dict[str, float] = defaultdict(float)
    foreign: dict[str, float] = defaultdict(float)
    for (code, origin), (amount,) in origins.items():
        of[code] += amount
        foreign[code] += amount if origin != "CN" else 0
    close({r["code"]: r["percent"] for r in feed.ask("origins")}, {c: 100 * foreign[c] / of[c] for c in of})
    brands: dict[str, list[float]] = defaultdict(list)
    for (code, _), (amount,) in added(
        week.filter(pc.not_equal(week["brand"], "")), ["code", "brand"], "amount"
    ).items():
        brands[code].append(amount)
    want = {code: sum((x / sum(amounts)) ** 2 for x in amounts) for code, amounts in brands.items()}
    close({r["code"]: r["herfindahl"] for r in feed.ask("brands")}, want)
