"""The report of data quality on lines whose faults are known."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from deploy.quality import CHINA, DIMENSIONS, Enterprise, Measure, csv_text, period_of, report, summary, table
from sinks import quality
from sinks.articles import read_registry, read_skus
from sinks.blocks import split
from sinks.embedded import EmbeddedStore
from sinks.quality import Limits, limits
from sinks.rows import read_rejected
from streams.columns import CLEAN_SCHEMA, Quality
from streams.records import encode
from tests.sinks import market
from tests.sinks.test_recodes import recode

LAST = dt.date(2026, 3, 31)
WEEK = period_of(LAST, 7)
GOOD: dict[str, Any] = {
    **{"raw_partition": 0, "kind": "sale", "county": "330602", "channel": "supermarket", "unit": "kg", "brand": ""},
    **{"origin": "", "lot": "", "code": "0301", "method": "registry", "confidence": 1.0, "qty": 1000, "amount": 900},
    **{"base_qty": 1000, "unit_price": 90_000, "promo": False, "quality": 0},
}


def noon(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(12), CHINA).timestamp() * 1000)


def a_day(enterprise: str, day: dt.date, lines: int = 40, **more: Any) -> list[dict[str, Any]]:
    """``lines`` sales of different SKUs of one shop, one envelope, five seconds late."""
    seq = day.toordinal()
    start = noon(day)
    return [
        GOOD
        | {"enterprise": enterprise, "terminal_id": f"T-{enterprise}", "seq": seq, "raw_offset": seq, "line": n}
        | {"ts": start + n * 1000, "sent_at": start + n * 1000 + 5_000, "sku": f"S{n}", "name": f"猪肉 {n}"}
        | more
        for n in range(lines)
    ]


def days(number: int, last: dt.date = LAST) -> list[dt.date]:
    return [last - dt.timedelta(days=back) for back in range(number)][::-1]


class Market:
    """A store, and what is put into it."""

    def __init__(self, store: EmbeddedStore) -> None:
        self.store, self._blocks = store, 0

    def sell(self, *rows: list[dict[str, Any]]) -> None:
        lines = pa.Table.from_pylist([row for some in rows for row in some], schema=CLEAN_SCHEMA)
        self._blocks += 1
        for name, of_table in split(lines).items():
            if of_table.num_rows:
                self.store.insert(name, of_table, f"{name}/{self._blocks}")

    def report(self, enterprise: str) -> Enterprise:
        return next(one for one in report(self.store.query, WEEK) if one.enterprise == enterprise)

    def measure(self, name: str, enterprise: str = "E") -> Measure:
        return next(m for m in self.report(enterprise).measures if m.name == name)


@pytest.fixture
def shop(store_path: Any) -> Iterator[Market]:
    store = EmbeddedStore(store_path)
    store.migrate()
    made = Market(store)
    made.sell(*(a_day("E", day) for day in days(28)), *(a_day("good", day) for day in days(28)))
    yield made
    store.close()


def test_an_enterprise_without_fault_is_green_in_all_that_can_be_judged(shop: Market) -> None:
    one = shop.report("good")
    judged = dict.fromkeys(DIMENSIONS, "green")
    assert one.lights == judged
    assert (one.lines, one.days, one.first_day) == (280, 7, "2026-03-25")
    assert [(m.method, m.coded, m.lines, m.value) for m in one.methods] == [("registry", True, 1.0, 1.0)]
    assert {m.trend for m in one.measures} <= {"same", "unknown"}


def test_late_lines_show_in_share_and_quantiles_and_against_the_week_before(shop: Market) -> None:
    late = a_day("E", LAST, 60, quality=int(Quality.LATE), sent_at=noon(LAST) + 7_200_000, seq=10**6)
    shop.sell(late)
    share = shop.measure("late_lines")
    assert (share.value, share.before, share.trend, share.light) == (60 / 340, 0.0, "worse", "amber")
    assert (shop.measure("delay_p50").value, shop.measure("delay_p50").unit) == (5.0, "seconds")
    assert (shop.measure("delay_p99").value or 0) > 7_000


def test_what_was_not_coded_counts_by_lines_and_by_value(shop: Market) -> None:
    shop.sell(
        a_day("E", LAST, 40, code="99", method="none", amount=9_000, quality=int(Quality.UNCLASSIFIED), seq=10**6)
    )
    assert shop.measure("uncoded_lines").value == 40 / 320
    assert shop.measure("uncoded_value").value == pytest.approx(360_000 / (360_000 + 280 * 900))
    assert shop.report("E").lights["coding"] == "red"
    assert {(m.method, m.coded) for m in shop.report("E").methods} == {("registry", True), ("none", False)}


def test_coding_follows_a_recode_and_timeliness_does_not_see_it(shop: Market) -> None:
    shop.sell(a_day("E", LAST, 40, code="99", method="none", sku="N", quality=int(Quality.UNCLASSIFIED), seq=10**6))
    before = shop.report("E")
    shop.store.insert("decisions", read_registry(encode(market.decision("E", "N", "0302")), 0), "d")
    assert recode(shop.store, rows=50, at=noon(LAST) + 10**10) == 40
    after = shop.report("E")
    assert after.lines == before.lines
    assert [m for m in after.measures if m.dimension != "coding"] == [
        m for m in before.measures if m.dimension != "coding"
    ]
    assert shop.measure("uncoded_lines").value == 0.0
    assert [m.method for m in after.methods] == ["registry", "recode"]


def test_unit_mistakes_are_listed_with_what_they_are_away_from(shop: Market) -> None:
    shop.sell(
        a_day("E", LAST, 3, sku="S1", unit_price=45_000, quality=int(Quality.UNIT_MISTAKE), seq=10**6),
        a_day("E", LAST, 1, sku="S2", unit_price=9_000, kind="price", quality=int(Quality.UNIT_MISTAKE), seq=10**6 + 1),
    )
    assert shop.measure("unit_mistakes").value == 4 / 284
    listed = shop.store.query(quality.mistaken_articles(WEEK)).to_pylist()
    assert [(r["enterprise"], r["sku"], r["lines"], r["shops"]) for r in listed] == [
        ("E", "S1", 3, 1),
        ("E", "S2", 1, 1),
    ]
    assert [(r["price"], r["usual"], r["step"]) for r in listed] == [(45_000, 90_000, 0.5), (9_000, 90_000, 0.1)]
    assert shop.store.query(quality.mistaken_articles(WEEK, "good")).num_rows == 0


def test_a_unit_that_is_mistaken_all_week_stands_against_the_weeks_before_and_older_mistakes_are_not_listed(
    shop: Market,
) -> None:
    bad = {"sku": "M", "unit_price": 180_000, "quality": int(Quality.UNIT_MISTAKE)}
    for number, day in enumerate(days(21)):
        fault = bad if number >= 12 else {"sku": "M"}
        shop.sell(a_day("E", day, 2, **fault, seq=10**6 + number))
    row = shop.store.query(quality.mistaken_articles(WEEK, "E")).to_pylist()[0]
    assert (row["sku"], row["lines"], row["usual"], row["step"]) == ("M", 14, 90_000, 2.0)


def test_a_sku_that_was_sold_every_day_and_is_not_any_more_is_silent(shop: Market) -> None:
    for number, sku in enumerate(("steady", "rare", "stopped")):
        of = {"steady": days(28), "rare": days(28)[::4], "stopped": days(28)[:-6]}[sku]
        shop.sell(*(a_day("E", day, 1, sku=sku, name=sku, seq=10**6 + number) for day in of))
    listed = shop.store.query(quality.silent_articles(WEEK)).to_pylist()
    assert [(r["sku"], r["silent_days"], r["days_sold"]) for r in listed] == [("stopped", 6, 22)]
    assert shop.measure("silent_skus").of == 43
    assert shop.measure("silent_skus").value == 1 / 43


def test_a_shop_that_was_closed_has_no_silent_skus(shop: Market) -> None:
    shop.sell(*(a_day("closed", day) for day in days(28)[:-6]), a_day("closed", LAST, 1, sku="other"))
    assert shop.store.query(quality.silent_articles(WEEK, "closed")).num_rows == 0


def test_a_line_that_stands_again_in_another_envelope_is_a_duplicate_and_one_in_the_same_is_not(shop: Market) -> None:
    again = a_day("E", LAST, 5)
    shop.sell([row | {"seq": 10**6, "raw_offset": 10**6} for row in again])
    shop.sell([row | {"line": 900 + n} for n, row in enumerate(a_day("good", LAST, 5))])
    assert shop.measure("duplicate_lines").value == 5 / 285
    assert shop.measure("duplicate_lines", "good").value == 0.0
    assert shop.report("E").lights["duplicates"] == "red"


def test_skipped_numbers_refused_lines_and_empty_fields_are_incomplete(shop: Market) -> None:
    shop.sell(a_day("E", LAST, 1, seq=LAST.toordinal() + 10))
    for number, one in enumerate((market.refusal(0, 1, refused=7), market.refusal(0, 2))):
        sent = msgspec.structs.replace(one, terminal_id="T-E", at=noon(LAST), seq=LAST.toordinal() + 1 + number)
        shop.store.insert("rejected", read_rejected(encode(sent), 0), f"r{number}")
    seen = msgspec.structs.replace(market.article("E", "new", "0301", unit=""), seen_at=noon(LAST))
    shop.store.insert("skus", read_skus(encode(market.sightings(seen)), 0), "s")
    assert shop.measure("unseen_numbers").value == 7 / 17
    assert shop.measure("refused_lines").value == 9 / (281 + 9)
    assert (shop.measure("empty_unit").value, shop.measure("empty_spec").value) == (1.0, 1.0)
    assert (shop.measure("empty_name").value, shop.measure("empty_fields").of) == (0.0, 3)
    assert shop.report("E").lights["completeness"] == "red"


def test_one_enterprise_is_asked_for_by_its_name_whatever_that_is(shop: Market) -> None:
    shop.sell(a_day("O'Neill\\", LAST))
    assert [one.enterprise for one in report(shop.store.query, WEEK, "O'Neill\\")] == ["O'Neill\\"]
    assert report(shop.store.query, WEEK, "' OR 1 --") == []


def test_the_report_is_a_table_and_a_text(shop: Market) -> None:
    found = report(shop.store.query, WEEK)
    rows = table(found)
    assert rows.num_rows == 2 * len(found[0].measures)
    assert (
        csv_text(rows).splitlines()[0]
        == "enterprise,first_day,days,lines,dimension,measure,unit,value,of,before,trend,light"
    )
    text = summary(found)
    assert text[0] == "E: 280 lines in 7 days from 2026-03-25"
    assert text[1].startswith("  completeness green  timeliness green")
    assert table([]).num_rows == 0


def test_every_limit_is_of_a_measure_and_a_dimension_and_amber_comes_before_red(shop: Market) -> None:
    names = {m.name: m.dimension for m in shop.report("E").measures}
    for name, limit in limits().measures.items():
        assert names[name] == limit.dimension in DIMENSIONS
        assert 0 < limit.amber < limit.red < 1


@pytest.mark.parametrize(
    ("share", "of", "light"), [(0.0, 100, "green"), (0.06, 100, "amber"), (0.3, 100, "red"), (0.3, 9, None)]
)
def test_a_light_needs_enough_to_judge_by(share: float, of: int, light: str | None) -> None:
    found: Limits = limits()
    assert found.light("late_lines", share, of) == light
    assert found.light("delay_p50", share, of) is None


def test_a_period_is_made_of_days_of_china() -> None:
    week = period_of(dt.date(2026, 1, 7), 7)
    assert dt.datetime.fromtimestamp(week.start / 1000, dt.UTC).isoformat() == "2025-12-31T16:00:00+00:00"
    assert week.before() == period_of(dt.date(2025, 12, 31), 7)
