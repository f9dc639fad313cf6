"""The hub: newest revisions, resume without a silent gap, and slow clients that harm nobody."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway import hub as hub_module
from gateway.hub import HANDFUL, Hub, Subscriber
from gateway.protocol import Close, Position
from tests.gateway.factory import make_event


class Screen:
    """A client as the README describes it: it applies what it is sent, and fails on any gap.

    ``full`` is set by the test: a client that does not read.
    """

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.epoch = ""
        self.offset = 0
        self.known: dict[str, int] = {}
        self.closed: list[Close] = []
        self.recovered = False
        self.full = False
        self.pushes: list[int] = []
        self.turns: list[Callable[[], None]] = []
        self.subscriber: Subscriber | None = None

    def push(self, messages: Sequence[bytes]) -> None:
        assert not self.closed, "written after the close frame"
        self.pushes.append(len(messages))
        for message in messages:
            self.apply(json.loads(message))

    def later(self, action: Callable[[], None]) -> None:
        self.turns.append(action)

    def evict(self, why: Close) -> None:
        self.closed.append(why)

    def take_turns(self) -> None:
        while self.turns:
            self.turns.pop(0)()

    def connect(self) -> None:
        at = Position(self.epoch, self.offset) if self.epoch else None
        self.subscriber = self.hub.subscribe(at, self)

    def drop(self) -> None:
        if self.subscriber is not None:
            self.hub.unsubscribe(self.subscriber)
            self.subscriber = None

    def read_again(self) -> None:
        self.full = False
        assert self.subscriber is not None
        self.subscriber.flow()
        self.take_turns()

    def apply(self, message: dict[str, Any]) -> None:
        if "hello" in message:
            hello = message["hello"]
            self.recovered = hello["recovered"]
            if self.recovered:
                assert (hello["epoch"], hello["offset"]) == (self.epoch, self.offset)
            self.epoch, self.offset = hello["epoch"], hello["offset"]
        elif "snapshot" in message:
            assert not self.recovered
            self.known = {e["data"]["alert_id"]: e["data"]["revision"] for e in message["snapshot"]}
        else:
            assert message["offset"] == self.offset + 1, "a gap, or a repeat"
            self.offset += 1
            alert = message["event"]["data"]
            self.known[alert["alert_id"]] = alert["revision"]
            if alert["state"] in ("closed", "expired"):
                del self.known[alert["alert_id"]]


def live(hub: Hub) -> dict[str, int]:
    return {k.alert.alert_id: k.alert.revision for k in hub.ranked() if k.alert.state in ("open", "acknowledged")}


def watching(hub: Hub) -> Screen:
    screen = Screen(hub)
    screen.connect()
    screen.take_turns()
    return screen


class Listener(Screen):
    """Keeps the messages as they came."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.messages: list[Any] = []

    def apply(self, message: dict[str, Any]) -> None:
        self.messages.append(message)


def first_words(hub: Hub, at: Position | None) -> list[Any]:
    listener = Listener(hub)
    hub.subscribe(at, listener)
    return listener.messages


def test_a_first_visit_gets_hello_and_a_snapshot_in_rank_order() -> None:
    hub = Hub()
    hub.publish(make_event("small", level="IV"), make_event("large", level="I"))
    hub.publish(make_event("over", level="I", state="closed"))
    first, second = first_words(hub, None)
    assert first == {"hello": {"epoch": hub.epoch, "offset": 3, "recovered": False, "version": 1}}
    assert [e["subject"] for e in second["snapshot"]] == ["large", "small"]
    assert sorted(second["ranks"]) == second["ranks"]


def test_a_known_or_older_revision_is_ignored() -> None:
    hub = Hub()
    assert hub.publish(make_event(revision=2, level="III")) == [True]
    assert hub.publish(make_event(revision=2, level="IV"), make_event(revision=1, level="IV")) == [False, False]
    assert hub.offset == 1
    assert live(hub) == {"salt-1": 2}


def test_a_client_that_comes_back_gets_what_it_missed_in_order() -> None:
    hub = Hub()
    screen = watching(hub)
    hub.publish(make_event("a"))
    screen.drop()
    for n in range(2, 6):
        hub.publish(make_event("a", n))
    screen.connect()
    assert screen.recovered
    assert (screen.offset, screen.known) == (5, {"a": 5})


def test_a_client_that_is_up_to_date_recovers_with_nothing_to_send() -> None:
    hub = Hub()
    screen = watching(hub)
    screen.drop()
    screen.connect()
    assert screen.recovered


@pytest.mark.parametrize("missed", [3, 4])
def test_a_gap_that_the_ring_cannot_fill_is_owned_up_to(missed: int) -> None:
    hub = Hub(ring=3)
    screen = watching(hub)
    screen.drop()
    for n in range(1, missed + 1):
        hub.publish(make_event("a", n))
    screen.connect()
    assert screen.recovered is (missed == 3)
    assert screen.known == {"a": missed}


@pytest.mark.parametrize("at", [Position("another epoch", 1), Position("", 0)])
def test_another_epoch_gets_a_snapshot(at: Position) -> None:
    hub = Hub()
    hub.publish(make_event())
    assert first_words(hub, at)[0]["hello"]["recovered"] is False


def test_an_offset_from_the_future_gets_a_snapshot() -> None:
    hub = Hub()
    hub.publish(make_event())
    assert first_words(hub, Position(hub.epoch, 2))[0]["hello"]["recovered"] is False


def test_each_life_of_the_gateway_has_an_epoch_of_its_own() -> None:
    assert Hub().epoch != Hub().epoch


def test_race_an_event_while_a_client_is_served_by_the_handful_is_neither_lost_nor_sent_twice() -> None:
    hub = Hub(ring=1_000)
    screen = watching(hub)
    screen.drop()
    for n in range(1, 3 * HANDFUL):
        hub.publish(make_event("a", n))
    screen.connect()
    hub.publish(make_event("a", 1_000))
    assert len(screen.turns) == 1, "one turn at a time"
    screen.take_turns()
    assert (screen.offset, screen.known) == (3 * HANDFUL, {"a": 1_000})
    assert max(screen.pushes) == HANDFUL


def test_race_a_turn_that_comes_after_the_client_has_gone_writes_nothing() -> None:
    hub = Hub(ring=1_000)
    screen = watching(hub)
    screen.drop()
    for n in range(1, 3 * HANDFUL):
        hub.publish(make_event("a", n))
    screen.connect()
    pushed = len(screen.pushes)
    screen.drop()
    screen.take_turns()
    assert len(screen.pushes) == pushed


def test_race_a_client_that_was_sent_away_has_room_again_and_gets_no_newer_event_in_place_of_an_old_one() -> None:
    hub = Hub(ring=2)
    screen = watching(hub)
    screen.full = True
    for n in range(1, 9):
        hub.publish(make_event("a", n))
    screen.read_again()
    assert screen.closed == [Close.SLOW]
    assert screen.offset == 0


def test_a_client_that_does_not_read_for_a_while_gets_all_when_it_does() -> None:
    hub = Hub()
    screen = watching(hub)
    screen.full = True
    for n in range(1, 6):
        hub.publish(make_event("a", n))
    assert screen.offset == 0
    screen.read_again()
    assert (screen.offset, screen.known) == (5, {"a": 5})


def test_a_client_that_does_not_read_is_sent_away_and_others_get_all() -> None:
    hub = Hub(ring=10)
    slow, quick = watching(hub), watching(hub)
    slow.full = True
    for n in range(1, 31):
        hub.publish(make_event("a", n))
    assert slow.closed == [Close.SLOW]
    assert quick.closed == []
    assert quick.known == {"a": 30}
    assert hub.subscribers == 1


def test_events_that_come_together_are_written_together() -> None:
    hub = Hub()
    screen = watching(hub)
    hub.publish(*(make_event("a", n) for n in range(1, 6)))
    assert screen.pushes == [2, 5]


def test_closing_tells_every_client_why() -> None:
    hub = Hub()
    screens = [watching(hub) for _ in range(3)]
    hub.close(Close.RESTART)
    assert [s.closed for s in screens] == [[Close.RESTART]] * 3
    assert hub.subscribers == 0


def test_the_snapshot_is_encoded_once_between_two_events() -> None:
    hub = Hub()
    hub.publish(make_event())
    assert hub.snapshot() is hub.snapshot()
    before = hub.snapshot()
    hub.publish(make_event(revision=2))
    assert hub.snapshot() != before


def test_ended_alerts_are_forgotten_in_the_end_and_live_ones_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "ENDED_KEPT", 2)
    hub = Hub()
    hub.publish(make_event("live"))
    hub.publish(*(make_event(f"ended-{n}", state="expired") for n in range(4)))
    hub.publish(make_event("ended-2", 2, state="open"))
    hub.publish(make_event("ended-4", state="closed"))
    assert {k.alert.alert_id for k in hub.ranked()} == {"live", "ended-2", "ended-3", "ended-4"}
    assert live(hub) == {"live": 1, "ended-2": 2}


def test_revisions_are_those_of_the_ring() -> None:
    hub = Hub(ring=3)
    hub.publish(*(make_event("a", n) for n in range(1, 5)))
    hub.publish(make_event("b", 1))
    assert [json.loads(bytes(r))["data"]["revision"] for r in hub.revisions("a")] == [3, 4]
    assert hub.revisions("unknown") == []
    assert Hub().revisions("a") == []


class ScreensAndEvents(RuleBasedStateMachine):
    """Whatever happens in whatever order: no gap, and who has read all knows what the hub knows."""

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub(ring=4)
        self.screens = [Screen(self.hub) for _ in range(2)]
        self.published: dict[str, int] = {}

    @rule(alert=st.sampled_from("abc"), step=st.integers(0, 2), state=st.sampled_from(["open", "closed"]))
    def publish(self, alert: str, step: int, state: str) -> None:
        before = self.published.get(alert, 0)
        revision = max(1, before + step)
        assert self.hub.publish(make_event(alert, revision, state=state)) == [revision > before]
        self.published[alert] = max(before, revision)

    @rule(n=st.integers(0, 1))
    def connect_anew(self, n: int) -> None:
        screen = self.screens[n]
        screen.drop()
        screen.closed.clear()
        screen.full = False
        screen.connect()

    @rule(n=st.integers(0, 1))
    def stop_reading(self, n: int) -> None:
        self.screens[n].full = True

    @rule(n=st.integers(0, 1))
    def read_again(self, n: int) -> None:
        if self.screens[n].subscriber is not None:
            self.screens[n].read_again()

    @rule(n=st.integers(0, 1))
    def drop(self, n: int) -> None:
        self.screens[n].drop()

    @invariant()
    def who_reads_knows_what_the_hub_knows(self) -> None:
        for screen in self.screens:
            assert len(screen.closed) <= 1
            if screen.subscriber is not None and not screen.full and not screen.closed:
                assert screen.offset == self.hub.offset
                assert screen.known == live(self.hub)


TestScreensAndEvents = ScreensAndEvents.TestCase
TestScreensAndEvents.settings = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
