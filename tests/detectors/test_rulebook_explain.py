"""Why this level: each clause against what the alert carries, and nothing else."""

import msgspec
import pytest

from detectors.incident import Finding, Incidents, Rules, step
from detectors.pace import DAY_MS
from detectors.rulebook import load_rulebook, rulebooks
from detectors.rulebook_explain import Answer, explain, lowered
from streams.records import Alert

URUMQI = frozenset({"650102", "650103", "650104"})


@pytest.fixture
def alert() -> Alert:
    finding = Finding("650102", "0801", "price_spike", 1e-9, 900.0, 0, 1.6, 1.0, measures={"price_rise_1w": 0.6})
    (one,) = step(Incidents(), [finding], DAY_MS, Rules(rulebooks(), URUMQI, DAY_MS))
    return msgspec.json.decode(msgspec.json.encode(one), type=Alert)


def answer(alert: Alert, book: str, clause: str) -> Answer:
    (said,) = [e for e in explain(alert, rulebooks()) if e.book.name == book]
    return next(a for a in said.answers if a.clause.id == clause)


def test_the_gravest_book_comes_first_and_each_that_grades_it_is_there(alert: Alert) -> None:
    assert (alert.level, alert.clause, alert.rulebook) == ("II", "II.larger-price", "urumqi-2007 2007.1")
    assert [said.book.name for said in explain(alert, rulebooks())] == ["urumqi-2007", "national"]
    assert not lowered(alert)


def test_a_test_has_value_operator_and_threshold_in_both_languages(alert: Alert) -> None:
    (test,) = answer(alert, "urumqi-2007", "II.larger-price").tests
    assert test.holds
    assert test.text.en == "price rise in a week: 60 % >= 50 %"
    assert test.text.zh == "一周价格涨幅：60 % >= 50 %"


def test_what_does_not_hold_says_so_and_what_is_not_measured_too(alert: Alert) -> None:
    (test,) = answer(alert, "urumqi-2007", "I.serious-price").tests
    assert not test.holds
    (test,) = answer(alert, "urumqi-2007", "I.serious-stock-out").tests
    assert test.text.en == "days out of stock: not measured > 7"


def test_a_clause_over_other_commodities_says_that_this_is_none_of_them(alert: Alert) -> None:
    (test,) = answer(alert, "national", "IV.price-fuel").tests
    assert test.text.en.endswith("commodities 2201, 2202 (this one is none of them)")


def test_the_reading_that_was_asked_is_named_and_the_whole_is_not(alert: Alert) -> None:
    assert answer(alert, "urumqi-2007", "II.larger-price").where == ("650102", "0801")
    assert answer(alert, "national", "IV.county").where is None


def test_the_source_is_named_with_its_address(alert: Alert) -> None:
    source = answer(alert, "urumqi-2007", "II.larger-price").source
    assert source.zh.startswith("Urumqi")
    assert source.en.startswith("http")


def test_what_the_explanation_says_holds_is_what_held_when_it_was_graded(alert: Alert) -> None:
    for said in explain(alert, rulebooks()):
        for one in said.answers:
            assert one.holds == one.tests[0].holds == (one.clause.id in said.ruling.held)


def test_a_book_of_another_version_is_named(alert: Alert) -> None:
    said = msgspec.structs.replace(alert.rulings[0], rulebook="urumqi-2007 2006.9")
    (first, _) = explain(msgspec.structs.replace(alert, rulings=[said, alert.rulings[1]]), rulebooks())
    assert first.other_version() == "urumqi-2007 2006.9"


def test_an_alert_of_an_older_version_explains_nothing(alert: Alert) -> None:
    assert explain(msgspec.structs.replace(alert, rulings=[], evidence=None), [load_rulebook()]) == []
