"""Rulebooks are data, and checked."""

from importlib.resources import files

import pytest

from detectors.rulebook import (
    Rulebook,
    RulebookError,
    level_of,
    load_rulebook,
    read_rulebook,
    rulebooks,
    ruling,
    shipped,
)
from detectors.rulebook_check import faults
from detectors.rulebook_measures import MEASURES as KNOWN
from detectors.spread import MEASURES
from streams.evidence import Measured

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
    with pytest.raises(RulebookError, match=r"expected one of national, .*; got 'mars'"):
        load_rulebook("mars")


LOCAL = """
name = "local"
version = "1"
title = { zh = "试", en = "test" }
jurisdiction = ["3702"]
[[sources]]
id = "s"
title = "a source"
[[clauses]]
id = "price"
level = "III"
source = "s"
text = { zh = "试", en = "test" }
when = { commodities = ["01", "02"], all = [
  { measure = "price_rise", window = "1w", value = 0.3 },
  { any = [{ measure = "stock_pct_of_normal", op = "<", value = 50 }, { measure = "kinds", value = 3 }] },
] }
"""


def graded(*readings: Measured, **whole: float) -> str | None:
    said = ruling(read_rulebook(LOCAL), whole, readings)
    return said.clause if said else None


def reading(commodity: str = "0101", **measures: float) -> Measured:
    return Measured("370202", commodity, measures)


def test_a_book_without_numbers_has_those_of_the_nation() -> None:
    book, national = read_rulebook(LOCAL), load_rulebook()
    assert (book.numbers, book.city, book.province) == (national.numbers, national.city, national.province)
    assert (book.holds_in("370202"), book.holds_in("370102"), book.holds_in("37")) == (True, False, False)


def test_all_of_a_group_must_hold_of_one_reading() -> None:
    assert graded(reading(price_rise_1w=0.3, stock_pct_of_normal=40.0)) == "price"
    assert graded(reading(price_rise_1w=0.3), reading(stock_pct_of_normal=40.0)) is None
    assert graded(reading(price_rise_1w=0.3), kinds=3) == "price"


def test_a_clause_holds_of_its_commodities_alone() -> None:
    assert graded(reading("0201", price_rise_1w=0.3), kinds=3) == "price"
    assert graded(reading("0301", price_rise_1w=0.3), kinds=3) is None
    assert graded(reading("*", price_rise_1w=0.3), kinds=3) is None


@pytest.mark.parametrize("op", [">=", "<", "<=", "=="])
def test_what_is_not_measured_is_never_true(op: str) -> None:
    text = LOCAL.replace('window = "1w", value', f'window = "1w", op = "{op}", value')
    assert ruling(read_rulebook(text), {"kinds": 3.0}, [reading(demand_ratio=9.0)]) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('window = "1w"', 'window = "2w"', "price_rise: expected a window of '', '1d', .*; got '2w'"),
        ('measure = "kinds",', 'measure = "kinds", window = "1d",', "kinds: expected a window of ''; got '1d'"),
        ('"01", "02"', '"01", "77"', "clause price: expected the first digits of a commodity, got '77'"),
        ('["3702"]', '["3799"]', "jurisdiction: expected division codes of 2, 4 or 6 digits; got '3799'"),
        ("[[sources]]", "[budget]\nIII = -1.0\n[[sources]]", "budget.III: expected false alerts a month, 0 or more"),
        ("[[sources]]", "[budget]\nII = 2.0\nIII = 1.0\n[[sources]]", "budget.III: expected at least 2.0"),
        (
            'text = { zh = "试", en = "test" }',
            'text = { zh = "试", en = "" }',
            "clause price: expected a text.en, got none",
        ),
    ],
)
def test_a_wrong_local_rulebook_is_refused_with_the_place(old: str, new: str, message: str) -> None:
    assert old in LOCAL
    with pytest.raises(RulebookError, match=message):
        read_rulebook(LOCAL.replace(old, new))


@pytest.mark.parametrize("name", shipped())
def test_every_clause_of_a_shipped_rulebook_speaks_both_languages_and_has_a_source_to_look_up(name: str) -> None:
    book = load_rulebook(name)
    assert faults(book) == []
    assert all(clause.text.zh and clause.text.en for clause in book.clauses)
    assert all(source.url.startswith("http") for source in book.sources)


def test_the_books_that_hold_by_themselves_are_those_with_a_jurisdiction() -> None:
    names = [book.name for book in rulebooks()]
    assert names[0] == "national"
    assert {"urumqi-2007", "zhejiang-2004"} < set(names)
    assert "signal-lights" not in names
    assert [book.name for book in rulebooks("signal-lights")][:2] == ["signal-lights", "national"]


@pytest.mark.parametrize(
    ("name", "commodity", "measures", "whole", "wanted"),
    [
        ("national", "0301", {"price_rise_1d": 0.051}, {}, "IV.price-staples"),
        ("national", "2201", {"price_rise_1d": 0.09}, {}, None),
        ("national", "2201", {"price_rise_1d": 0.11}, {}, "IV.price-fuel"),
        ("urumqi-2007", "0801", {"price_rise_1w": 0.3}, {}, "III.mild-price"),
        ("urumqi-2007", "0801", {"price_rise_1w": 0.5}, {}, "II.larger-price"),
        ("urumqi-2007", "0801", {"price_rise_1w": 1.0}, {}, "I.serious-price"),
        ("urumqi-2007", "0801", {"stock_out_days": 3.0}, {"is_stock_out": 1.0}, "II.larger-stock-out"),
        ("nanning-2020", "0801", {"price_rise_1w": 0.3}, {"places": 1.0}, "IV.blue"),
        ("nanning-2020", "0801", {"price_rise_1w": 0.3}, {"counties": 2.0}, "III.yellow"),
        ("nanning-2020", "0801", {"price_rise_1w": 0.3}, {"urban_share": 1.0}, "II.orange"),
        ("nanning-2020", "0801", {"price_rise_1w": 0.2}, {"urban_share": 1.0}, None),
        ("qingdao-price-2014", "0801", {"price_rise_1d": 0.31}, {"places": 1.0}, "IV.blue"),
        ("qingdao-price-2014", "0801", {"price_rise_1w": 0.61}, {"kinds": 3.0}, "III.yellow"),
        ("qingdao-price-2014", "0801", {"price_rise_1w": 0.61}, {"kinds": 1.0}, None),
        ("signal-lights", "0301", {"price_rise_10d": 0.05}, {}, "IV.yellow-pork"),
        ("signal-lights", "0101", {"price_rise_10d": 0.05}, {}, "III.red-grain"),
        ("zhejiang-2004", "0101", {"price_rise_10d": 0.11}, {"capitals": 1.0}, "II.major"),
        ("zhejiang-2004", "2201", {"price_rise_1d": 0.06}, {}, None),
        ("grain-city-b", "0101", {"price_rise_1d": 0.2, "stock_pct_of_normal": 49.0}, {}, "IV.alert"),
        ("grain-city-b", "0101", {"price_rise_1d": 0.2, "stock_pct_of_normal": 50.0}, {}, None),
        ("hog-national-2021", "0301", {"hog_grain_ratio": 5.5}, {"days": 21.0}, "II.fall"),
    ],
)
def test_the_shipped_books_grade_as_their_sources_say(
    name: str, commodity: str, measures: dict[str, float], whole: dict[str, float], wanted: str | None
) -> None:
    said = ruling(load_rulebook(name), whole, [Measured("650102", commodity, measures)])
    assert (said and said.clause) == wanted


def test_the_readme_explains_every_measure_and_its_example_can_be_used() -> None:
    text = (files("detectors") / "rulebooks" / "README.md").read_text(encoding="utf-8")
    assert [name for name in KNOWN if f"`{name}`" not in text] == []
    example = text.partition("```toml\n")[2].partition("```")[0]
    assert [clause.id for clause in read_rulebook(example).clauses] == ["III.price"]
