"""The queue and the decisions against a real store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.review_desk import MOST, Desk
from gateway.reviews import NoSuchArticle, Overtaken, ReviewError, Search, Wish
from sinks.embedded import EmbeddedStore
from streams.decisions import DecisionError, NotWritten
from streams.records import SPLIT
from tests.gateway.reviewing import (
    ALL_WAITING,
    AREA,
    BOX,
    NOW,
    RICE,
    SALT,
    SlowWriter,
    article,
    describe,
    desk_at,
    silent_broker,
    stocked,
    waiting,
)
from tests.sinks import market


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    with stocked(tmp_path / "store") as made:
        yield made


@pytest.fixture
def desk(store: EmbeddedStore) -> Desk:
    return desk_at(store)[0]


def test_the_value_is_what_was_sold_less_what_came_back(store: EmbeddedStore, desk: Desk) -> None:
    rice = next(a for a in desk.page(Search(enterprise="E-1", match="东北"), 1).articles)
    [sold] = store.query(
        f"SELECT sum(amount) AS value, toInt64(count()) AS lines FROM sales WHERE enterprise = 'E-1' AND sku = '{RICE}'"
    ).to_pylist()
    assert (rice.value, rice.lines) == (sold["value"], sold["lines"])
    few = desk.page(Search(enterprise="E-1", match="东北", days=1), 1).articles[0]
    assert 0 < few.lines < rice.lines


def test_a_decided_article_waits_no_more_and_waits_again_when_that_is_withdrawn(desk: Desk) -> None:
    desk.decide("li", [Wish("E-1", AREA, "corrected", "0301", note="seen in the shop")])
    assert ("E-1", AREA) not in waiting(desk)
    desk.decide("li", [Wish("E-1", AREA, "withdrawn")])
    assert waiting(desk) == ALL_WAITING
    entries = desk.log(Search())
    assert [(e.holds, e.decision.verdict, e.decision.author) for e in entries] == [
        (False, "withdrawn", "li"),
        (False, "corrected", "li"),
    ]
    assert entries[1].decision.note == "seen in the shop"


def test_the_log_is_asked_by_article_author_and_name(desk: Desk) -> None:
    desk.decide("li", [Wish("E-1", RICE, "accepted", "0101"), Wish("E-2", RICE, "split")])
    desk.decide("wang", [Wish("E-1", SALT, "accepted")])
    assert {e.decision.sku for e in desk.log(Search(), author="li")} == {RICE}
    assert [e.decision.enterprise for e in desk.log(Search(match="泰国"))] == ["E-2"]
    assert [e.holds for e in desk.log(Search(enterprise="E-1"), sku=SALT)] == [True]
    assert [e.decision.author for e in desk.log(Search(), limit=1)] == ["wang"]


def test_the_names_of_a_split_article_wait_as_articles_until_that_is_withdrawn(
    store: EmbeddedStore, desk: Desk
) -> None:
    desk.decide("li", [Wish("E-1", AREA, "split")])
    parts = {("E-1", f"{AREA}{SPLIT}{name}") for name in ("苹果", "梨")}
    describe(store, *(article(e, s, s.partition(SPLIT)[2], "0901", 0.5) for e, s in sorted(parts)))
    assert waiting(desk) == ALL_WAITING - {("E-1", AREA)} | parts
    desk.decide("li", [Wish("E-1", f"{AREA}{SPLIT}梨", "corrected", "0902")])
    assert waiting(desk) == ALL_WAITING - {("E-1", AREA)} | {("E-1", f"{AREA}{SPLIT}苹果")}
    desk.decide("li", [Wish("E-1", AREA, "withdrawn")])
    assert waiting(desk) == ALL_WAITING


def test_an_article_in_several_units_waits_once_as_it_was_described_last(store: EmbeddedStore, desk: Desk) -> None:
    describe(store, article("E-1", RICE, "东北大米 散装", "010102", 0.6, unit="斤"), at=market.MONTH_END + 1)
    found = desk.page(Search(enterprise="E-1", match="大米"), 10)
    assert (found.total, [(a.unit, a.code) for a in found.articles]) == (1, [("斤", "010102")])


def test_an_article_that_nobody_sent_is_named(desk: Desk) -> None:
    with pytest.raises(NoSuchArticle, match=r"no article 'none' of 'E-1' is known, and 1 more"):
        desk.decide("li", [Wish("E-1", RICE, "accepted"), Wish("E-1", "none", "split"), Wish("E'", "\\", "split")])
    assert desk.log(Search()) == []


def test_all_are_decided_or_none(store: EmbeddedStore) -> None:
    desk, registry = desk_at(store)
    with pytest.raises(DecisionError, match="code: expected a code of the taxonomy"):
        desk.decide("li", [Wish("E-1", RICE, "accepted"), Wish("E-1", SALT, "corrected", "0199")])
    with pytest.raises(ReviewError, match="each article once"):
        desk.decide("li", [Wish("E-1", RICE, "accepted"), Wish("E-1", RICE, "split")])
    with pytest.raises(ReviewError, match=f"1 to {MOST}, got 0"):
        desk.decide("li", [])
    assert registry.decisions == []


def test_a_suggestion_that_another_reviewer_has_decided_on_is_not_accepted_though_the_store_is_late(
    store: EmbeddedStore,
) -> None:
    desk = Desk(store.query, late := SlowWriter(), lambda: NOW)
    desk.decide("li", [Wish("E-1", RICE, "corrected", "0102")])
    with pytest.raises(Overtaken, match="was corrected meanwhile"):
        desk.decide("wang", [Wish("E-1", RICE, "accepted", "0101")])
    desk.decide("wang", [Wish("E-1", RICE, "withdrawn")])
    assert [one.at for one in late.decisions] == [NOW, NOW + 1]


def test_what_the_broker_did_not_take_is_not_remembered_as_decided(store: EmbeddedStore) -> None:
    desk = Desk(store.query, silent_broker)
    for _ in range(2):
        with pytest.raises(NotWritten):
            desk.decide("li", [Wish("E-1", RICE, "accepted")])


def test_a_pattern_accepts_as_many_suggestions_as_were_expected(store: EmbeddedStore) -> None:
    desk, registry = desk_at(store)
    search = Search(match="大米", everything=True)
    with pytest.raises(Overtaken, match="expected 3 articles with a suggestion, found 2"):
        desk.accept_matching("li", search, 3)
    assert registry.decisions == []
    assert {(d.enterprise, d.sku, d.code) for d in desk.accept_matching("li", search, 2)} == {
        ("E-1", RICE, "0101"),
        ("E-2", RICE, "0101"),
    }
    assert desk.accept_matching("li", search, 0) == []


def test_a_pattern_that_finds_too_many_is_refused_and_many_are_decided_at_once(
    store: EmbeddedStore,
) -> None:
    desk, _ = desk_at(store)
    names = [f"{'很长的名字' * 10}{i}" for i in range(MOST)]
    describe(store, *(article("E-3", f"{'9' * 30}{SPLIT}{n}", n, "0101", 0.5) for n in names), at=NOW)
    describe(store, article("E-3", "9" * 30, "", "99", 0.0), at=NOW + 2)
    desk.decide("li", [Wish("E-3", "9" * 30, "split")])
    found = desk.matching(Search(match="很长"))
    assert len(found) == MOST
    assert len(desk.accept("li", found)) == MOST
    assert desk.page(Search(match="很长"), 1).total == 0
    describe(store, *(article("E-3", f"x{i}", "很多", "0101", 0.5) for i in range(MOST + 1)), at=NOW + 1)
    with pytest.raises(ReviewError, match=f"at most {MOST} articles, found {MOST + 1}"):
        desk.matching(Search(match="很多"))


def test_a_mapped_article_waits_only_where_it_is_named(desk: Desk) -> None:
    assert ("E-1", BOX) not in waiting(desk, Search(everything=True))
    assert desk.decide("li", [Wish("E-1", BOX, "corrected", "0301")])[0].suggested == "0201"
