"""A market played through terminals: nothing is lost, nothing doubled, no promise broken, and the clock kept."""

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from streams.codec import decode
from streams.simulate import Player, Rush, Simulator
from streams.simulate.player import HISTORY_WINDOW_MS
from streams.terminal import Fleet
from streams.world import World, make_world
from tests.streams.simulate.moments import MINUTE, array, at
from tests.streams.wire import FAR_FUTURE_MS, Received, Wire


class SteppingClock:
    """Time passes only while one sleeps, and a little with every look."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        self.now += 0.001
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(3, shops=12)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def fleet(wire: Wire) -> Fleet:
    return Fleet(wire.producer)


def player(world: World, fleet: Fleet, clock: SteppingClock | None = None, **more: int) -> Player:
    clock = clock or SteppingClock()
    simulator = Simulator(world, 1, [Rush(at(hour=10), "330102")])
    return Player(simulator, fleet, clock=clock, sleep=clock.sleep, **more)


def after(steps: int) -> Callable[[], bool]:
    """Whether it was asked more than ``steps`` times."""
    asked = iter(range(10**9))
    return lambda: next(asked) >= steps


def sums(world: World, received: list[Received]) -> tuple[int, int, int]:
    """Lines, quantity and amount of what can be read, good lines only."""
    total = np.zeros(3, dtype=np.int64)
    for record in received:
        lines = decode(record.value, record.content_type, FAR_FUTURE_MS).envelope
        if lines is not None:
            qty, amount = (lines.lines.column(n).to_numpy() for n in ("qty", "amount"))
            total += (len(qty), qty.sum(), amount.sum())
    return int(total[0]), int(total[1]), int(total[2])


def truth(table: pa.Table) -> tuple[int, int, int]:
    return table.num_rows, int(array(table, "qty").sum()), int(array(table, "amount").sum())


def assert_no_promise_is_broken(received: list[Received]) -> None:
    """In the order of a partition no line is earlier than what its own, or any, terminal had promised by then."""
    promised: dict[int, int] = defaultdict(int)
    for record in received:
        envelope = record.envelope
        times = envelope.lines.column("ts").cast(pa.int64()).to_numpy()
        assert times.min(initial=1 << 62) >= promised[record.partition]
        promised[record.partition] = max(promised[record.partition], envelope.header.sent_at)


def assert_seqs_have_no_gaps(received: list[Received]) -> None:
    seqs: dict[str, list[int]] = defaultdict(list)
    for record in received:
        seqs[record.key].append(record.envelope.header.seq)
    for found in seqs.values():
        assert found == list(range(1, len(found) + 1))


def test_history_sends_every_line_once_and_ends_with_a_beat_of_every_terminal(
    world: World, wire: Wire, fleet: Fleet
) -> None:
    progress: list[int] = []
    playing = player(world, fleet)
    end = at(days=2, hour=10)
    count = playing.history(2, end, progress.append)
    table = playing.simulator.advance(at(hour=10), end)
    received = wire.received(fleet.totals.envelopes_sent)
    assert sums(world, received) == truth(table)
    assert count == table.num_rows == progress[-1]
    assert progress == sorted(progress)
    assert_seqs_have_no_gaps(received)
    last = {r.key: r.envelope for r in received}
    assert len(last) == 12
    assert all(e.lines.num_rows == 0 and e.header.sent_at == end for e in last.values())


def test_history_never_promises_what_another_shop_has_yet_to_send(world: World, wire: Wire, fleet: Fleet) -> None:
    playing = player(world, fleet)
    playing.history(1, at(days=1), lambda _: None)
    received = wire.received(fleet.totals.envelopes_sent)
    assert_no_promise_is_broken(received)
    assert (
        max(r.envelope.header.sent_at for r in received if r.envelope.lines.num_rows) == at(days=1) - HISTORY_WINDOW_MS
    )


def test_live_sends_every_line_from_the_start_to_the_last_step_once(world: World, wire: Wire, fleet: Fleet) -> None:
    playing = player(world, fleet)
    steps: list[int] = []
    start = at(hour=9, minute=58)
    count = playing.live(start, 60.0, after(13), steps.append)
    assert steps == [start + i * MINUTE for i in range(1, 14)]
    table = playing.simulator.advance(start, steps[-1])
    received = wire.received(fleet.totals.envelopes_sent)
    assert sums(world, received) == truth(table)
    assert count == table.num_rows > 0
    assert_seqs_have_no_gaps(received)
    for record in received:
        times = record.envelope.lines.column("ts").cast(pa.int64()).to_numpy()
        sent_at = record.envelope.header.sent_at
        assert times.max(initial=0) < sent_at
        assert times.min(initial=sent_at) >= sent_at - 5 * MINUTE


def test_live_every_shop_sends_or_beats_every_five_minutes(world: World, wire: Wire, fleet: Fleet) -> None:
    playing = player(world, fleet)
    start = at(hour=3)
    playing.live(start, 60.0, after(10), lambda _: None)
    received = wire.received(fleet.totals.envelopes_sent)
    said: dict[str, list[int]] = defaultdict(list)
    for record in received:
        assert record.envelope.lines.num_rows == 0
        said[record.key].append((record.envelope.header.sent_at - start) // MINUTE)
    assert len(said) == 12
    for shop, terminal_id in enumerate(world.shops.terminal_id.tolist()):
        first = shop % 5 or 5
        assert said[terminal_id] == sorted({first, first + 5, 10})


def test_live_keeps_to_a_clock_sixty_times_as_fast(world: World, fleet: Fleet) -> None:
    clock = SteppingClock()
    began = clock.now
    player(world, fleet, clock).live(at(hour=3), 60.0, after(20), lambda _: None)
    assert len(clock.slept) == 20
    assert clock.now - began == pytest.approx(20.0, abs=0.1)


def test_live_does_not_sleep_while_it_is_behind(world: World, fleet: Fleet) -> None:
    clock = SteppingClock()

    def stall(now: int) -> None:
        if now == at(hour=3, minute=1):
            clock.now += 5.5

    player(world, fleet, clock).live(at(hour=3), 60.0, after(10), stall)
    assert len(clock.slept) == 10 - 5


def test_dirty_envelopes_come_beside_the_clean_ones_and_leave_the_sums_alone(
    world: World, wire: Wire, fleet: Fleet
) -> None:
    playing = player(world, fleet, dirty_every_ms=5 * MINUTE)
    start = at(hour=10)
    playing.live(start, 60.0, after(60), lambda _: None)
    received = wire.received(fleet.totals.envelopes_sent)
    refused = [r for r in received if decode(r.value, r.content_type, FAR_FUTURE_MS).findings]
    assert 8 <= playing.dirty_envelopes <= 12
    assert len(refused) == playing.dirty_envelopes
    assert sums(world, received) == truth(playing.simulator.advance(start, start + 60 * MINUTE))
