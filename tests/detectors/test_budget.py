"""The budget of false alerts."""

import math

import pytest

from detectors.budget import DEFAULT, MONTH_DAYS, BudgetError, affordable, parse_budget, required_recurrence
from streams.records import LEVELS, Level


def test_every_level_may_be_given_in_any_order_and_case() -> None:
    budget = parse_budget(" i=0.1, IV=4 ,III=2,ii=.5")
    assert budget.per_month == {"I": 0.1, "II": 0.5, "III": 2.0, "IV": 4.0}


def test_one_number_is_shared_as_the_default_is() -> None:
    budget = parse_budget("13.2")
    assert sum(budget.per_month.values()) == pytest.approx(13.2)
    assert budget.per_month["III"] == pytest.approx(2.0 * DEFAULT["III"])


@pytest.mark.parametrize("text", ["III=0.2", "II=3", "IV=0.05", "I=9", "I=0,IV=0"])
def test_a_graver_level_never_has_more_than_a_lighter_one(text: str) -> None:
    budget = parse_budget(text).per_month
    values = [budget[level] for level in LEVELS]
    assert values == sorted(values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected false alerts a month, 0 or more, for the whole budget; got ''"),
        ("-1", "got '-1'"),
        ("nan", "got 'nan'"),
        ("V=2", "expected one of I, II, III, IV before '=', got 'V=2'"),
        ("III=two", "for level III; got 'two'"),
        ("III=2,III", "expected LEVEL=NUMBER, got 'III'"),
        ("III=2,", "expected one of I, II, III, IV"),
        ("III=2,iii=3", "level III is given twice"),
        ("II=3,III=2", "level II is graver than level III .* expected at most 2, got 3"),
        ("III=inf", "got 'inf'"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, words: str) -> None:
    with pytest.raises(BudgetError, match=words):
        parse_budget(text)


def test_there_is_at_least_one_jurisdiction() -> None:
    with pytest.raises(BudgetError, match="at least one jurisdiction, got 0"):
        parse_budget("1", jurisdictions=0)


def test_two_a_month_must_be_rarer_than_once_in_half_a_month() -> None:
    assert required_recurrence(parse_budget("III=2"), "III") == pytest.approx(MONTH_DAYS / 2.0)
    assert required_recurrence(parse_budget("III=2", jurisdictions=31), "III") == pytest.approx(MONTH_DAYS / 62.0)
    assert required_recurrence(parse_budget("I=0"), "I") == math.inf


@pytest.mark.parametrize(
    ("level", "days", "said"),
    [
        ("I", 400.0, "I"),
        ("I", 70.0, "II"),
        ("II", 16.0, "III"),
        ("III", 10.0, "IV"),
        ("I", 1.0, None),
        ("IV", 9e9, "IV"),
    ],
)
def test_an_alert_that_is_not_rare_enough_falls_to_the_level_that_it_can_pay(
    level: Level, days: float, said: Level | None
) -> None:
    assert affordable(parse_budget("IV=4,III=2,II=0.5,I=0.1"), level, days) == said
