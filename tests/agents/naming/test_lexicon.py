import pytest

from agents.naming.lexicon import Lexicon, LexiconError, Term, lexicon, merge, read_terms
from streams.taxonomy import taxonomy

HEADER = "term\tkind\tcode\tstrength\n"


def words(*terms: Term) -> Lexicon:
    return Lexicon(terms)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("牛奶\tnoun\t0601", "line 2: expected 4 fields parted by tabs, got 3"),
        ("Milk\tnoun\t0601\t2", "term: expected lower case"),
        ("牛奶\tverb\t0601\t2", "kind: expected one of noun, suffix, brand, word, got 'verb'"),
        ("牛奶\tnoun\t0699\t2", "code: expected a code of the taxonomy, got '0699'"),
        ("牛奶\tnoun\t\t2", "code: expected a code"),
        ("牛奶\tnoun\t0601\t7", "strength: expected 1 to 4 for a noun, 0 to 4 else, got '7'"),
        ("奶\tnoun\t0601\t2", "make it a suffix"),
    ],
)
def test_a_wrong_row_is_named_with_what_was_expected_and_what_came(row: str, says: str) -> None:
    with pytest.raises(LexiconError, match=says) as caught:
        read_terms("some.tsv", [HEADER, row + "\n"])
    assert str(caught.value).startswith("some.tsv, line 2")


def test_a_file_without_the_header_is_refused() -> None:
    with pytest.raises(LexiconError, match=r"expected the header"):
        read_terms("some.tsv", ["牛奶\tnoun\t0601\t2\n"])


def test_comments_and_empty_lines_are_left_out() -> None:
    assert read_terms("f", [HEADER, "# milk\n", "\n", "牛奶\tnoun\t0601\t2\n"]) == [Term("牛奶", "noun", "0601", 2)]


def test_of_a_word_in_two_files_the_noun_and_then_the_stronger_holds() -> None:
    noun, brand = Term("小米", "noun", "0104", 2), Term("小米", "brand", "98", 3)
    weak = Term("小米", "noun", "0104", 1)
    assert merge([brand, weak, noun]) == [noun]


def test_a_latin_word_matches_whole_words_and_their_plurals_only() -> None:
    found = words(Term("pea", "noun", "0806", 1), Term("tomato", "noun", "080401", 1))
    assert [m.term.text for m in found.matches("sweet peas tomatoes")] == ["pea", "tomato"]
    assert found.matches("peanut") == found.matches("chickpea") == []


def test_every_word_of_the_product_names_a_code_that_exists() -> None:
    terms = lexicon().terms
    assert len(terms) > 5_000
    assert {t.code for t in terms if t.code} <= set(taxonomy())
