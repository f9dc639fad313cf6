"""The hub: newest revisions, resume without a silent gap, and slow clients that harm nobody."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway import hub as hub_module
from gateway.hub import TAKE, Hub, Subscriber
from gateway.protocol import Close, Position
from tests.gateway.factory import make_event


class Screen:
    """A client as the README describes it: it applies what it is sent, and fails on any gap."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.epoch = ""
        self.offset = 0
        self.known: dict[str, int] = {}
        self.closed: list[Close] = []
        self.recovered = False
        self.subscriber: Subscriber | None = None

    def connect(self) -> None:
        at = Position(self.epoch, self.offset) if self.epoch else None
        self.subscriber = self.hub.subscribe(at, self.closed.append)

    def drop(self) -> None:
        if self.subscriber is not None:
            self.hub.unsubscribe(self.subscriber)
            self.subscriber = None

    def read(self) -> None:
        """One handful."""
        assert self.subscriber is not None
        for message in self.subscriber.take():
            self.apply(json.loads(message))

    def read_all(self) -> None:
        assert self.subscriber is not None
        while self.subscriber.wake.is_set():
            self.read()

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
    screen.read_all()
    return screen


def test_a_first_visit_gets_hello_and_a_snapshot_in_rank_order() -> None:
    hub = Hub()
    hub.publish(make_event("small", level="IV"))
    hub.publish(make_event("large", level="I"))
    hub.publish(make_event("over", level="I", state="closed"))
    first, second = (json.loads(m) for m in hub.subscribe(None, lambda _: None).take())
    assert first == {"hello": {"epoch": hub.epoch, "offset": 3, "recovered": False, "version": 1}}
    assert [e["subject"] for e in second["snapshot"]] == ["large", "small"]
    assert sorted(second["ranks"]) == second["ranks"]


def test_a_known_or_older_revision_is_ignored() -> None:
    hub = Hub()
    assert hub.publish(make_event(revision=2, level="III"))
    assert not hub.publish(make_event(revision=2, level="IV"))
    assert not hub.publish(make_event(revision=1, level="IV"))
    assert hub.offset == 1
    assert live(hub) == {"salt-1": 2}


def test_a_client_that_comes_back_gets_what_it_missed_in_order() -> None:
    hub = Hub()
    screen = watching(hub)
    hub.publish(make_event("a"))
    screen.read_all()
    screen.drop()
    for n in range(2, 6):
        hub.publish(make_event("a", n))
    screen.connect()
    screen.read_all()
    assert screen.recovered
    assert (screen.offset, screen.known) == (5, {"a": 5})


def test_a_client_that_is_up_to_date_recovers_with_nothing_to_send() -> None:
    hub = Hub()
    screen = watching(hub)
    screen.drop()
    screen.connect()
    screen.read_all()
    assert screen.recovered


@pytest.mark.parametrize("missed", [3, 4])
def test_a_gap_that_the_ring_cannot_fill_is_owned_up_to(missed: int) -> None:
    hub = Hub(ring=3)
    screen = watching(hub)
    screen.drop()
    for n in range(1, missed + 1):
        hub.publish(make_event("a", n))
    screen.connect()
    screen.read_all()
    assert screen.recovered is (missed == 3)
    assert screen.known == {"a": missed}


@pytest.mark.parametrize("at", [Position("another epoch", 1), Position("", 0)])
def test_another_epoch_gets_a_snapshot(at: Position) -> None:
    hub = Hub()
    hub.publish(make_event())
    assert json.loads(hub.subscribe(at, lambda _: None).take()[0])["hello"]["recovered"] is False


def test_an_offset_from_the_future_gets_a_snapshot() -> None:
    hub = Hub()
    hub.publish(make_event())
    assert json.loads(hub.subscribe(Position(hub.epoch, 2), lambda _: None).take()[0])["hello"]["recovered"] is False


def test_each_life_of_the_gateway_has_an_epoch_of_its_own() -> None:
    assert Hub().epoch != Hub().epoch


def test_race_an_event_between_hello_and_the_first_read_is_neither_lost_nor_sent_twice() -> None:
    hub = Hub()
    hub.publish(make_event("a", 1))
    screen = Screen(hub)
    screen.connect()
    hub.publish(make_event("a", 2))
    screen.read_all()
    assert (screen.offset, screen.known) == (2, {"a": 2})


def test_race_an_event_after_the_last_read_wakes_the_client() -> None:
    hub = Hub()
    screen = watching(hub)
    assert screen.subscriber is not None
    assert not screen.subscriber.wake.is_set()
    hub.publish(make_event())
    assert screen.subscriber.wake.is_set()


def test_race_a_client_that_was_sent_away_reads_once_more_and_gets_no_newer_event_in_place_of_an_old_one() -> None:
    hub = Hub(ring=2)
    screen = watching(hub)
    for n in range(1, 9):
        hub.publish(make_event("a", n))
    screen.read()
    assert screen.closed == [Close.SLOW]
    assert screen.offset == 0
    assert screen.subscriber is not None
    assert not screen.subscriber.wake.is_set(), "its task would turn for ever"


def test_a_client_that_does_not_read_is_sent_away_and_others_get_all() -> None:
    hub = Hub(ring=10)
    slow, quick = watching(hub), watching(hub)
    for n in range(1, 31):
        hub.publish(make_event("a", n))
        quick.read_all()
    assert slow.closed == [Close.SLOW]
    assert quick.closed == []
    assert quick.known == {"a": 30}
    assert hub.subscribers == 1


def test_a_client_far_behind_is_served_by_the_handful() -> None:
    hub = Hub(ring=1_000)
    screen = watching(hub)
    screen.drop()
    for n in range(1, 501):
        hub.publish(make_event("a", n))
    screen.connect()
    assert screen.subscriber is not None
    assert len(screen.subscriber.take()) == 1 + TAKE


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
    for n in range(4):
        hub.publish(make_event(f"ended-{n}", state="expired"))
    hub.publish(make_event("ended-2", 2, state="open"))
    hub.publish(make_event("ended-4", state="closed"))
    assert {k.alert.alert_id for k in hub.ranked()} == {"live", "ended-2", "ended-3", "ended-4"}
    assert live(hub) == {"live": 1, "ended-2": 2}


def test_revisions_are_those_of_the_ring() -> None:
    hub = Hub(ring=3)
    for n in range(1, 5):
        hub.publish(make_event("a", n))
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
        taken = self.hub.publish(make_event(alert, revision, state=state))
        assert taken is (revision > before)
        self.published[alert] = max(before, revision)

    @rule(n=st.integers(0, 1))
    def connect_anew(self, n: int) -> None:
        self.screens[n].drop()
        self.screens[n].closed.clear()
        self.screens[n].connect()

    @rule(n=st.integers(0, 1))
    def read(self, n: int) -> None:
        screen = self.screens[n]
        if screen.subscriber is not None and not screen.closed:
            screen.read_all()
            assert screen.offset == self.hub.offset
            assert screen.known == live(self.hub)

    @rule(n=st.integers(0, 1))
    def drop(self, n: int) -> None:
        self.screens[n].drop()

    @invariant()
    def a_client_is_sent_away_once_at_most(self) -> None:
        assert all(len(s.closed) <= 1 for s in self.screens)


TestScreensAndEvents = ScreensAndEvents.TestCase
TestScreensAndEvents.settings = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
