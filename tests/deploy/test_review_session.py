"""The review by keys, typed by a test, on a screen that is kept as text."""

from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from deploy.review_session import Session
from gateway.review_desk import Desk
from gateway.reviews import Search
from sinks.embedded import EmbeddedStore
from streams.decisions import NotWritten
from streams.records import Decision
from tests.gateway.reviewing import AREA, RICE, SALT, Registry, desk_at, stocked


class Typist:
    """Presses keys and gives lines in their order; then there are no more."""

    def __init__(self, keys: str, lines: Sequence[str] = ()) -> None:
        self._keys, self._lines = list(keys), list(lines)
        self.asked: list[str] = []

    def key(self) -> str:
        return self._keys.pop(0) if self._keys else ""

    def line(self, prompt: str) -> str:
        self.asked.append(prompt)
        return self._lines.pop(0)


class ForgetfulBroker:
    """Does not answer at its first call."""

    def __init__(self, then: Registry) -> None:
        self._then: Registry = then
        self._called = False

    def __call__(self, decisions: Sequence[Decision]) -> None:
        if not self._called:
            self._called = True
            raise NotWritten("no answer within 15 s")
        self._then(decisions)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    with stocked(tmp_path / "store") as made:
        yield made


def session(desk: Desk, typist: Typist, search: Search | None = None) -> tuple[Session, StringIO]:
    screen = StringIO()
    console = Console(file=screen, width=100, highlight=False)
    return Session(desk, search or Search(enterprise="E-1"), "li", typist, console), screen


def decided(registry: Registry) -> list[tuple[str, str, str]]:
    return [(d.sku, d.verdict, d.code) for d in registry.decisions]


def order(desk: Desk) -> list[str]:
    return [a.sku for a in desk.page(Search(enterprise="E-1"), 10).articles]


def test_each_key_does_what_it_says(store: EmbeddedStore) -> None:
    desk, registry = desk_at(store)
    key_of = {RICE: "a", AREA: "s", SALT: "k"}
    one, _ = session(desk, Typist("".join(key_of[sku] for sku in order(desk)) + "q"))
    one.run()
    assert sorted(decided(registry)) == [(RICE, "accepted", "0101"), (AREA, "split", "")]
    assert {d.author for d in registry.decisions} == {"li"}
    assert one.tally.text() in ("1 accepted, 1 split, 1 skipped", "1 split, 1 accepted, 1 skipped")


def test_the_screen_shows_what_is_known_and_why(store: EmbeddedStore) -> None:
    desk, _ = desk_at(store)
    one, screen = session(desk, Typist("q"), Search(match="东北"))
    one.run()
    shown = screen.getvalue()
    for text in (
        "1 of 1",
        "东北大米 5kg",
        RICE,
        "E-1",
        "粮油",
        "0101 大米 Rice",
        "70%, by name",
        "head noun 大米",
        "yuan",
    ):
        assert text in shown
    assert max(len(line) for line in shown.splitlines()) <= 100
    assert one.tally.text() == "nothing decided"


def test_a_correction_is_found_by_name_and_chosen_by_number(store: EmbeddedStore) -> None:
    desk, registry = desk_at(store)
    one, screen = session(desk, typist := Typist("c", ["no such good", "米", "1"]), Search(match="东北"))
    one.run()
    assert decided(registry) == [(RICE, "corrected", "0101")]
    assert "nothing is called 'no such good'" in screen.getvalue()
    assert "籼米" in screen.getvalue()
    assert [prompt.partition(" ")[0] for prompt in typist.asked] == ["what", "what", "number,"]


@pytest.mark.parametrize(
    ("lines", "code"), [(["010102"], "010102"), (["table salt"], "1001"), (["01", "0102"], "0102")]
)
def test_a_correction_that_is_clear_needs_no_choice(store: EmbeddedStore, lines: list[str], code: str) -> None:
    desk, registry = desk_at(store)
    session(desk, Typist("c", lines), Search(match="东北"))[0].run()
    assert decided(registry) == [(RICE, "corrected", code)]


def test_a_correction_can_be_left(store: EmbeddedStore) -> None:
    desk, registry = desk_at(store)
    one, screen = session(desk, Typist("cq", ["米", ""]))
    one.run()
    assert (registry.decisions, "not corrected" in screen.getvalue()) == ([], True)


def test_the_last_decisions_are_undone_one_by_one_and_come_back(store: EmbeddedStore) -> None:
    desk, registry = desk_at(store)
    first, second, third = order(desk)
    one, screen = session(desk, Typist("uss" + "uu" + "kkk"))
    one.run()
    assert decided(registry) == [
        (first, "split", ""),
        (second, "split", ""),
        (second, "withdrawn", ""),
        (first, "withdrawn", ""),
    ]
    assert "nothing to undo" in screen.getvalue()
    assert one.tally.text() == "3 skipped"
    assert order(desk) == [first, second, third]


def test_the_last_article_of_all_can_be_undone_as_well(store: EmbeddedStore) -> None:
    desk, registry = desk_at(store)
    one, screen = session(desk, Typist("auk"), Search(match="东北"))
    one.run()
    assert [d.verdict for d in registry.decisions] == ["accepted", "withdrawn"]
    assert "nothing waits any more" in screen.getvalue()


def test_what_was_not_taken_is_said_and_the_article_stays(store: EmbeddedStore) -> None:
    _, registry = desk_at(store)
    desk = Desk(store.query, ForgetfulBroker(registry))
    one, screen = session(desk, Typist("xaa"), Search(match="东北"))
    one.run()
    assert decided(registry) == [(RICE, "accepted", "0101")]
    assert "[not done] no answer within 15 s" in screen.getvalue()
    assert "expected one of a, c, s, k, u, q" in screen.getvalue()
    assert one.tally.text() == "1 accepted"


def test_an_article_without_a_suggestion_cannot_be_accepted(store: EmbeddedStore) -> None:
    desk, registry = desk_at(store)
    one, screen = session(desk, Typist("aq"), Search(match="特价"))
    one.run()
    assert (registry.decisions, "has no suggestion" in screen.getvalue()) == ([], True)
    assert " a  accept" not in screen.getvalue()
