"""Rulebooks are data, and checked."""

from typing import Any

import pytest

from detectors.rulebook import Rulebook, RulebookError, level_of, load_rulebook, read_rulebook
from detectors.spread import MEASURES

BOOK = """
name = "test"
version = "1"
title = { zh = "试", en = "test" }
[numbers]
watch_p = 1e-4
recurrence_days = 30.0
panic_ratio = 2.0
price_rise = 0.05
revise_ratio = 0.25
hysteresis_hours = 6.0
expiry_hours = 24.0
[city]
share = 0.5
at_least = 2
[province]
share = 0.5
at_least = 2
[[sources]]
id = "s"
title = "a source"
[[clauses]]
id = "both"
level = "II"
source = "s"
text = { zh = "试", en = "test" }
when = { all = [
  { measure = "places", value = 3 },
  { any = [{ measure = "capitals", value = 1 }, { measure = "large_cities", op = ">", value = 1 }] },
] }
[[clauses]]
id = "one"
level = "IV"
source = "s"
text = { zh = "试", en = "test" }
when = { measure = "places", value = 1 }
"""


def level(book: Rulebook, **measures: float) -> tuple[str, str] | None:
    return level_of({**dict.fromkeys(MEASURES, 0.0), **measures}, book)


@pytest.mark.parametrize(
    ("measures", "wanted"),
    [
        ({}, None),
        ({"places": 1}, ("IV", "IV.county")),
        ({"places": 2, "large_cities": 1}, ("III", "III.city")),
        ({"places": 2, "large_cities": 1, "capitals": 1, "provinces": 1}, ("II", "II.capital")),
        ({"places": 9, "large_cities": 3, "large_provinces": 1, "provinces": 1}, ("II", "II.province")),
        ({"places": 30, "large_cities": 9, "large_provinces": 2, "provinces": 2}, ("I", "I.provinces")),
    ],
)
def test_the_nations_levels_follow_the_area(measures: dict[str, float], wanted: tuple[str, str] | None) -> None:
    assert level(load_rulebook(), **measures) == wanted


def test_groups_of_all_and_any_are_nested() -> None:
    book = read_rulebook(BOOK)
    assert level(book, places=3, capitals=1) == ("II", "both")
    assert level(book, places=3, large_cities=2) == ("II", "both")
    assert level(book, places=3, large_cities=1) == ("IV", "one")
    assert level(book, places=2, capitals=1) == ("IV", "one")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('measure = "places", value = 1 }', 'measure = "spaces", value = 1 }', "expected a measure of places"),
        ('{ measure = "places", value = 1 }', "{ value = 1 }", "clause one: expected one of measure, any, all; got 0"),
        ('id = "one"', 'id = "both"', "clause both: expected its id once, got it 2 times"),
        ('source = "s"', 'source = "t"', "expected a source of .'s'., got 't'"),
        ("watch_p = 1e-4", "watch_p = 2.0", "numbers.watch_p: expected between 0 and 1, got 2.0"),
        ("panic_ratio = 2.0", "panic_ratio = 1.0", "numbers.panic_ratio: expected above 1, got 1.0"),
        ("at_least = 2", "at_least = 0", "city.at_least: expected at least 1, got 0"),
        ("panic_ratio = 2.0", 'panic_ratio = "two"', "Expected `float`, got `str`"),
        ("panic_ratio = 2.0", "panic_rate = 2.0", "unknown field `panic_rate`"),
        ('level = "IV"', 'level = "V"', "Invalid enum value 'V'"),
        ('op = ">"', 'op = "=>"', "Invalid enum value '=>'"),
        ("[numbers]", "[numbers", "rulebook:"),
    ],
)
def test_a_wrong_rulebook_is_refused_with_the_place(old: str, new: str, message: str) -> None:
    assert old in BOOK
    with pytest.raises(RulebookError, match=message):
        read_rulebook(BOOK.replace(old, new))


def test_an_unknown_rulebook_names_those_that_there_are() -> None:
    with pytest.raises(RulebookError, match="expected one of national; got 'mars'"):
        load_rulebook("mars")


def test_every_clause_of_a_shipped_rulebook_speaks_both_languages() -> None:
    for clause in load_rulebook().clauses:
        said: Any = clause.text
        assert said.zh
        assert said.en
