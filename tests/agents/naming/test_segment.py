import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.naming.fold import fold
from agents.naming.lexicon import Lexicon, Term
from agents.naming.segment import parse

WORDS = Lexicon(
    [
        Term("番茄", "noun", "080401", 1),
        Term("番茄酱", "noun", "1109", 3),
        Term("酱油", "noun", "1101", 2),
        Term("薯片", "noun", "15", 3),
        Term("味精", "noun", "1103", 3),
        Term("牛肉", "noun", "0302", 1),
        Term("牛奶", "noun", "0601", 2),
        Term("钙片", "noun", "98", 3),
        Term("草莓", "noun", "0908", 1),
        Term("饼干", "noun", "1302", 3),
        Term("milk", "noun", "0601", 2),
    ]
)


def parts(name: str) -> list[tuple[str, str]]:
    parsed = parse(fold([name])[0], WORDS)
    return [(s.term.text, "flavour" if s.flavour else "inner" if s.inner else "") for s in parsed.segments]


def test_the_longest_words_cover_a_name() -> None:
    assert parts("番茄酱") == [("番茄酱", "")]


def test_of_two_equal_covers_the_later_word_wins() -> None:
    assert parts("番茄酱油") == [("番茄", ""), ("酱油", "")]


@pytest.mark.parametrize("name", ["番茄味薯片", "番茄风味薯片", "薯片番茄味", "薯片(番茄味)", "番茄夹心薯片"])
def test_what_stands_before_a_taste_is_a_flavour(name: str) -> None:
    assert ("番茄", "flavour") in parts(name)
    assert ("薯片", "") in parts(name)


def test_a_word_that_begins_with_taste_makes_no_flavour() -> None:
    assert parts("牛肉味精") == [("牛肉", ""), ("味精", "")]


def test_what_is_added_is_no_head() -> None:
    assert parts("钙片加牛奶") == [("钙片", ""), ("牛奶", "flavour")]


def test_words_in_brackets_are_marked() -> None:
    assert parts("饼干【草莓】") == [("饼干", ""), ("草莓", "inner")]


def test_full_width_and_traditional_characters_are_folded() -> None:
    assert fold(["ＭＩＬＫ牛奶", "雞蛋麵", "手電筒"]) == ["milk牛奶", "鸡蛋面", "手电筒"]


def test_a_name_of_many_lines_stays_one_name() -> None:
    assert len(fold(["牛奶\n饼干\u2028x", "b"])) == 2


def test_what_no_word_covers_is_told() -> None:
    parsed = parse("乐事番茄薯片霸", WORDS)
    assert [parsed.text[a:b] for a, b in parsed.rest] == ["乐事", "霸"]


@given(st.lists(st.text(max_size=60), max_size=5))
def test_no_text_stops_it(names: list[str]) -> None:
    folded = fold(names)
    assert len(folded) == len(names)
    for text in folded:
        parsed = parse(text, WORDS)
        ends = [0]
        for s in parsed.segments:
            assert ends[-1] <= s.start < s.end <= len(text)
            ends.append(s.end)
