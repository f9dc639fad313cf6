"""Detect: what comes late corrects its tick while the bar is open, and bars close in order, also across a crash."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from agents.detect import DetectStage
from agents.escalate import EscalateStage
from agents.stage import Incoming, Outgoing
from detectors.bars import Bar
from detectors.block import Block
from detectors.pace import DAY_MS, HOUR_MS
from detectors.rulebook import load_rulebook
from streams.columns import CELLS_SCHEMA, from_bytes, to_bytes
from streams.records import AlertEvent, Kind, Signal
from streams.topics import SIGNALS
from tests.agents.city import CITY, Cell, cells
from tests.agents.rush import (
    COUNTIES,
    RUSH_AT,
    START,
    TICK,
    Noting,
    block_of,
    counted,
    messages,
    signals,
    stage,
)


def test_rows_of_a_closed_tick_correct_it_as_long_as_its_bar_is_open() -> None:
    seen: list[Bar] = []
    detect, before = stage(seen), counted("corrections")
    detect.apply(cells([Cell(0, "330602", "1001", START)], START + 3 * TICK))
    detect.apply(cells([Cell(1, "330603", "1001", START + TICK), Cell(2, "330602", "1001", START + 3 * TICK)], START))
    assert counted("corrections") == before + 1
    block = block_of(detect)
    assert block.applied == {0: 2}
    assert len(block.pending.rows()) == 1
    assert block.baseline.lines[:, 0] == pytest.approx([2.0, 1.0, 1.0], rel=1e-2)
    detect.apply(cells([Cell(3, "330602", "1001", START + 11 * TICK)], START + HOUR_MS))
    detect.apply(cells([Cell(4, "330602", "1001", START)], START + HOUR_MS + 2 * TICK - 1))
    assert seen == []
    detect.apply(cells([], START + HOUR_MS + 2 * TICK))
    [bar] = seen
    assert (bar.start, bar.lines.tolist()) == (START, [[4.0], [1.0]])


def test_rows_of_a_closed_bar_are_counted_and_left_out() -> None:
    seen: list[Bar] = []
    detect, before = stage(seen), counted("late_rows")
    detect.apply(cells([Cell(0, "330602", "1001", START)], START + HOUR_MS + 2 * TICK))
    detect.apply(cells([Cell(1, "330602", "1001", START + 11 * TICK)], START))
    detect.apply(cells([Cell(2, "330602", "1001", START - 40 * DAY_MS)], START))
    assert counted("late_rows") == before + 2
    assert block_of(detect).baseline.lines[1, 0] == pytest.approx(1.0, rel=1e-2)
    assert [bar.lines.tolist() for bar in seen] == [[[1.0]]]


def test_bars_come_in_their_order_however_many_one_message_closes() -> None:
    seen: list[Bar] = []
    detect = stage(seen)
    rows = [Cell(i, "330602", "1001", START + hour * HOUR_MS) for i, hour in enumerate((0, 1, 4))]
    detect.apply(cells(rows, START + 6 * HOUR_MS))
    assert [(bar.start - START) // HOUR_MS for bar in seen] == [0, 1, 2, 3, 4]
    assert [float(bar.lines[0, 0]) for bar in seen] == [1.0, 1.0, 0.0, 0.0, 1.0]


class Speaking(Noting):
    """Says a rise of salt and a surge of every bar."""

    kinds: Collection[Kind] = ("price_spike", "demand_surge")

    def judge(self, _: Block, bar: Bar) -> list[Signal]:
        return [Signal(CITY, "1001", kind, bar.start, bar.bar_ms, 1.0, []) for kind in self.kinds]


def spoken(feed: Iterable[Incoming], tick_ms: int = TICK) -> list[Signal]:
    detect = DetectStage(tick_ms, 30 * DAY_MS, load_rulebook(), 10 * 60_000, Speaking([]))
    for record in feed:
        detect.apply(record)
    return signals(detect.drain())


def test_ticks_and_bars_are_said_in_the_order_of_event_time_wherever_messages_end() -> None:
    feed = messages(RUSH_AT + 3 * HOUR_MS)
    merged = [joined(feed, partition) for partition in (0, 1)]
    fine = spoken(feed)
    assert {s.kind for s in fine if s.tick_ms == TICK} == {"panic_buying"}
    assert spoken(merged) == fine


def test_a_commodity_begins_with_its_first_tick_wherever_messages_end() -> None:
    """In one message a good's first sale is known of before the days that went before it are judged."""
    rng = np.random.default_rng(2)
    rows = [Cell(0, "330602", "1001", START + i * TICK, int(1 + rng.poisson(2))) for i in range(4 * 288)]
    rows += [Cell(0, "330602", "1501", RUSH_AT), Cell(0, "330603", "1501", RUSH_AT + TICK, 60, 30_000)]
    rows = [row._replace(offset=i) for i, row in enumerate(rows)]
    feed = [cells([row], row.tick + TICK, offset=i) for i, row in enumerate(rows)]
    one_by_one, together = stage(), stage()
    for record in feed:
        one_by_one.apply(record)
    together.apply(joined(feed, 0, partitions=1))
    assert together.drain() == one_by_one.drain()
    ages = [block_of(detect).baseline.age[:, 1].tolist() for detect in (one_by_one, together)]
    assert ages == [[2.0, 2.0, 1.0], [2.0, 2.0, 1.0]]


def joined(feed: list[Incoming], partition: int, partitions: int = 2) -> Incoming:
    """All messages of a raw partition as one."""
    mine = [from_bytes(m.value, CELLS_SCHEMA) for m in feed[partition::partitions]]
    batch = pa.concat_tables(table.unify_dictionaries() for table in mine).unify_dictionaries().combine_chunks()
    said = mine[-1].schema.metadata
    value = to_bytes(batch.to_batches()[0].replace_schema_metadata(said))
    return replace(feed[partition], value=value)


def test_where_a_tick_is_as_long_as_a_bar_no_kind_is_said_twice_of_it() -> None:
    names = [(s.code, s.kind, s.tick) for s in spoken(messages(), HOUR_MS)]
    assert ("1001", "price_spike", RUSH_AT) in names
    assert any(kind == "panic_buying" for _, kind, _ in names)
    assert len(names) == len(set(names))


def test_stock_goes_into_the_bar_and_is_no_evidence_of_trade() -> None:
    seen: list[Bar] = []
    detect = stage(seen, lateness=0)
    detect.apply(cells([Cell(0, "330602", "1001", START, lines=0, quantity=0, stock=7000, skus=4, zero=1)], START))
    detect.apply(cells([], START + HOUR_MS))
    [bar] = seen
    assert (bar.stock[0, 0], bar.zero_share[0, 0]) == (7000.0, 0.25)
    assert not block_of(detect).baseline.shops.any()


@pytest.fixture(scope="module")
def late_feed() -> list[Incoming]:
    return messages(RUSH_AT + 2 * HOUR_MS, late=0.1)


def test_killed_at_every_record_the_signals_and_bars_are_those_of_an_undisturbed_run(late_feed: list[Incoming]) -> None:
    """With rows that come up to an hour and a half late: some correct their tick, some are left out."""
    bars: list[Bar] = []
    again: list[Bar] = []
    straight, disturbed = stage(bars), stage(again)
    before = counted("corrections"), counted("late_rows")
    for record in late_feed:
        straight.apply(record)
    assert counted("corrections") > before[0] + 100
    assert counted("late_rows") > before[1] + 100
    sent = []
    for record in late_feed:
        disturbed.apply(record)
        sent += disturbed.drain()
        saved = disturbed.dirty()
        disturbed.reset()
        for key, block in saved.items():
            disturbed.restore(key, block)
        disturbed.apply(record)
        assert disturbed.drain() == []
    assert sent == straight.drain()
    assert [bar_bytes(bar) for bar in again] == [bar_bytes(bar) for bar in bars]
    assert len(bars) == 4 * 24 + 1


def bar_bytes(bar: Bar) -> tuple[object, ...]:
    return tuple(value.tobytes() if isinstance(value, np.ndarray) else value for value in bar)


def test_a_rush_that_comes_half_an_hour_late_is_said_when_the_next_tick_closes() -> None:
    detect, said = stage(), []
    feed = messages(RUSH_AT + 3 * HOUR_MS, lift=1.0)
    for record in feed:
        detect.apply(record)
        said += signals(detect.drain())
    assert not [s for s in said if s.tick >= RUSH_AT and s.readings]
    word = RUSH_AT + 3 * HOUR_MS
    rush = [Cell(10**6 + i, "330602", "1001", word - (6 - i) * TICK, 20, 10_000) for i in range(3)]
    detect.apply(cells(rush, word, partition=1, sources="0,1"))
    for partition in (0, 1):
        rows = [Cell(2 * 10**6, "330602", "1001", word, 20, 10_000)] if partition == 0 else []
        detect.apply(cells(rows, word + TICK, partition=partition, sources="0,1"))
    [first] = [s for s in signals(detect.drain()) if s.readings]
    assert (first.code, first.kind, first.tick) == ("1001", "panic_buying", word)
    reading = next(r for r in first.readings if r.region == "330602")
    assert reading.since == word - 6 * TICK


def test_the_same_records_give_the_same_alerts_bit_for_bit(late_feed: list[Incoming]) -> None:
    def played() -> list[Outgoing]:
        detect = stage()
        counties = frozenset(COUNTIES)
        escalate = EscalateStage(lambda: counties, load_rulebook(), lambda: datetime(2026, 1, 1, tzinfo=UTC))
        out: list[Outgoing] = []
        for number, record in enumerate(late_feed):
            detect.apply(record)
            for i, o in enumerate(detect.drain()):
                escalate.apply(Incoming(SIGNALS, 0, number << 10 | i, 0, o.key, o.value, o.headers))
            out += escalate.drain()
        return out

    first = played()
    assert first == played()
    assert {msgspec.json.decode(o.value, type=AlertEvent).data.commodity for o in first} == {"1001"}
