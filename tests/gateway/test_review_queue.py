"""Which articles wait, in which order, and what a search finds, asked of a real store."""

from collections.abc import Iterator

import pytest

from gateway.review_desk import Desk
from gateway.reviews import Key, Search
from tests.gateway.reviewing import ALL_WAITING, AREA, MEAT, OURS, RICE, SALT, silent_broker, stocked, waiting


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk at which nobody decides."""
    with stocked(tmp_path_factory.mktemp("still") / "store") as made:
        yield Desk(made.query, silent_broker)


def test_what_is_unsure_or_has_no_suggestion_waits_with_the_greatest_sales_first(still: Desk) -> None:
    page = still.page(Search(), 100)
    assert {(a.enterprise, a.sku) for a in page.articles} == ALL_WAITING
    assert (page.total, page.suggested) == (5, 4)
    values = [a.value for a in page.articles]
    assert values == sorted(values, reverse=True)
    rice = next(a for a in page.articles if a.key == Key("E-1", RICE))
    assert (rice.name, rice.spec, rice.category, rice.reasons) == ("东北大米 5kg", "5kg", "粮油", ["head noun 大米"])
    assert (rice.code, rice.method, rice.lines > 0, rice.decided) == ("0101", "name", True, "")


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (Search(enterprise="E-2"), {("E-2", RICE), ("E-2", OURS)}),
        (Search(code="01"), {("E-1", RICE), ("E-2", RICE)}),
        (Search(match="大米"), {("E-1", RICE), ("E-2", RICE)}),
        (Search(match="大米*"), set()),
        (Search(match="*大米"), {("E-2", RICE)}),
        (Search(match="东北*kg"), {("E-1", RICE)}),
        (Search(match="SALT"), {("E-1", SALT), ("E-2", OURS)}),
        (Search(match="%"), {("E-1", SALT)}),
        (Search(match="_'\\"), {("E-1", SALT)}),
        (Search(match="' OR 1=1 --"), set()),
        (Search(enterprise="E-1' OR '1'='1"), set()),
        (Search(below=0.5), {("E-1", AREA), ("E-2", RICE)}),
        (Search(at_least=0.65), {("E-1", RICE), ("E-2", OURS)}),
        (Search(everything=True), ALL_WAITING | {("E-1", MEAT)}),
        (Search(everything=True, suggested=True, enterprise="E-1"), {("E-1", RICE), ("E-1", MEAT), ("E-1", SALT)}),
    ],
)
def test_a_search_finds_what_it_says_and_nothing_else(still: Desk, search: Search, found: set[tuple[str, str]]) -> None:
    assert waiting(still, search) == found
    assert still.page(search, 1).total == len(found)


def test_pages_follow_on_each_other(still: Desk) -> None:
    pages = [still.page(Search(), 2, offset).articles for offset in (0, 2, 4, 6)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert {a.key for page in pages for a in page} == ALL_WAITING
