"""What a reviewer may ask and say, without a store."""

import msgspec
import pytest

from gateway.reviews import Article, Overtaken, ReviewError, Search, Wish, decision_of
from streams.decisions import check
from streams.records import SPLIT, Verdict

SEEN = Article(
    enterprise="E-1",
    sku="S",
    unit="kg",
    name="东北大米",
    spec="5kg",
    barcode="690",
    category="粮油",
    tax_code="103",
    brand="",
    code="0101",
    method="name",
    confidence=0.7,
    reasons=[],
    quality=0,
)


def wish(verdict: Verdict, code: str = "", sku: str = "S") -> Wish:
    return Wish("E-1", sku, verdict, code, content=5000, note="seen")


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"code": "01'"}, "code: expected the first digits"),
        ({"code": "٣"}, "code: expected the first digits"),
        ({"match": "x" * 201}, "match: expected at most 200 characters, got 201"),
        ({"match": "a\0b"}, "match: expected text"),
        ({"enterprise": "\ud800"}, "enterprise: expected text"),
        ({"below": 1.1}, "below: expected a confidence"),
        ({"at_least": float("nan")}, "at_least: expected a confidence"),
        ({"days": 0}, "days: expected 1 to 366, got 0"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(wanted: dict[str, object], says: str) -> None:
    with pytest.raises(ReviewError, match=says):
        Search(**wanted)  # type: ignore[arg-type] # one of several fields


def test_a_decision_carries_the_article_as_it_was_seen_and_the_code_before() -> None:
    made = check(decision_of(wish("corrected", "0102"), SEEN, decision_id="d", author="li", at=7))
    assert (made.verdict, made.code, made.suggested, made.author, made.at) == ("corrected", "0102", "0101", "li", 7)
    assert (made.name, made.barcode, made.category, made.tax_code) == ("东北大米", "690", "粮油", "103")
    assert (made.content, made.note) == (5000, "seen")


def test_an_accepted_article_gets_the_code_that_was_suggested() -> None:
    for said in ("", "0101"):
        assert check(decision_of(wish("accepted", said), SEEN, decision_id="d", author="li", at=7)).code == "0101"


@pytest.mark.parametrize(
    ("said", "article", "says"),
    [
        ("0102", SEEN, "suggested as 0101 by now, not as 0102"),
        ("", msgspec.structs.replace(SEEN, code="99"), "no suggestion"),
        ("", msgspec.structs.replace(SEEN, decided="split", decided_at=1), "was split meanwhile"),
    ],
)
def test_a_suggestion_that_is_not_the_one_seen_is_not_accepted(said: str, article: Article, says: str) -> None:
    with pytest.raises(Overtaken, match=says):
        decision_of(wish("accepted", said), article, decision_id="d", author="li", at=7)


def test_a_withdrawn_decision_stands_in_nobodys_way() -> None:
    again = msgspec.structs.replace(SEEN, decided="withdrawn", decided_at=1)
    assert decision_of(wish("accepted"), again, decision_id="d", author="li", at=7).code == "0101"


def test_a_decision_comes_after_the_last_one_whatever_the_clock_says() -> None:
    before = msgspec.structs.replace(SEEN, decided="accepted", decided_at=1_000)
    assert decision_of(wish("withdrawn"), before, decision_id="d", author="li", at=7).at == 1_001


def test_an_article_of_a_split_is_not_split_again() -> None:
    with pytest.raises(ReviewError, match="comes from a split"):
        decision_of(wish("split", sku=f"S{SPLIT}大米"), SEEN, decision_id="d", author="li", at=7)
