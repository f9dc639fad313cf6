"""Detect: watermarks close ticks, repeats change nothing, late rows are counted, state survives."""

from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.signals_message import key_of
from agents.stage import Incoming, Outgoing
from detectors.bars import Bar
from detectors.block import BlockError
from detectors.pace import DAY_MS, HOUR_MS
from streams.columns import CELLS_SCHEMA, TOLD, from_bytes, to_bytes
from streams.records import Signal
from streams.topics import SIGNALS
from tests.agents.city import CITY, Cell, cells
from tests.agents.rush import IDLE, RUSH_AT, START, TICK, block_of, counted, messages, signals, stage


@pytest.fixture(scope="module")
def feed() -> list[Incoming]:
    return messages()


@pytest.fixture(scope="module")
def undisturbed(feed: list[Incoming]) -> list[Outgoing]:
    detect = stage()
    for record in feed:
        detect.apply(record)
    return detect.drain()


def test_a_rush_is_said_as_signals_keyed_by_the_family_of_their_kind(undisturbed: list[Outgoing]) -> None:
    assert {o.topic for o in undisturbed} == {SIGNALS}
    rush = [s for s in signals(undisturbed) if s.code == "1001" and s.kind == "panic_buying" and s.tick >= RUSH_AT]
    assert any(r.region == "330602" for s in rush for r in s.readings)
    assert all(o.key == key_of(s.kind) for o, s in zip(undisturbed, signals(undisturbed), strict=True))
    assert {s.city for s in rush} == {CITY}


def test_a_signal_is_named_by_city_commodity_kind_and_tick(undisturbed: list[Outgoing]) -> None:
    names = [(s.city, s.code, s.kind, s.tick) for s in signals(undisturbed)]
    assert len(names) == len(set(names))


def test_repeated_records_change_nothing(feed: list[Incoming], undisturbed: list[Outgoing]) -> None:
    detect, before = stage(), counted("repeated_rows")
    for record in feed:
        detect.apply(record)
        detect.apply(record)
    assert detect.drain() == undisturbed
    assert counted("repeated_rows") > before


def test_a_crash_between_checkpoints_gives_the_same_signals(feed: list[Incoming], undisturbed: list[Outgoing]) -> None:
    """Killed at the worst place each time: outputs sent and blocks saved, but the last records delivered again."""
    sent: dict[tuple[str, str, int], bytes] = {}
    saved: dict[bytes, bytes] = {}
    detect = stage()
    for start in range(0, len(feed), 40):
        detect.reset()
        for key, block in saved.items():
            detect.restore(key, block)
        for record in feed[max(start - 15, 0) : start + 40]:
            detect.apply(record)
        for o in detect.drain():
            s = msgspec.json.decode(o.value, type=Signal)
            name = (s.code, s.kind, s.tick)
            assert sent.setdefault(name, o.value) == o.value
        saved.update(detect.dirty())
    assert list(sent.values()) == [o.value for o in undisturbed]


def test_a_crash_before_the_state_is_saved_sends_the_same_signals_again(
    feed: list[Incoming], undisturbed: list[Outgoing]
) -> None:
    detect = stage()
    for record in feed[:-10]:
        detect.apply(record)
    first, saved = detect.drain(), detect.dirty()
    for record in feed[-10:]:
        detect.apply(record)
    lost = detect.drain()
    detect.reset()
    for key, block in saved.items():
        detect.restore(key, block)
    for record in feed[-10:]:
        detect.apply(record)
    assert detect.drain() == lost
    assert first + lost == undisturbed


def test_only_changed_cities_are_dirty() -> None:
    detect = stage()
    detect.apply(cells([Cell(0, "330602", "1001", START)], START))
    detect.apply(cells([Cell(0, "330102", "1001", START)], START, city="3301"))
    assert set(detect.dirty()) == {b"3306", b"3301"}
    detect.apply(cells([], START + TICK, city="3301"))
    assert set(detect.dirty()) == {b"3301"}
    assert detect.dirty() == {}


def test_a_tick_stays_open_until_every_source_has_passed_its_end() -> None:
    detect = stage()
    detect.apply(cells([Cell(0, "330602", "1001", START)], START + 2 * TICK, sources="0,1"))
    assert block_of(detect).cursor is None
    detect.apply(cells([Cell(0, "330603", "1001", START)], START + TICK, partition=1, sources="0,1"))
    block = block_of(detect)
    assert block.cursor == START + TICK
    assert block.baseline.lines[:, 0].tolist() == [2.0, 1.0, 1.0]


def test_a_source_that_stays_silent_holds_ticks_open_for_the_idle_time_only() -> None:
    detect = stage()
    detect.apply(cells([Cell(0, "330602", "1001", START)], START + IDLE - 1, sources="0,1"))
    assert block_of(detect).cursor is None
    detect.apply(cells([], START + IDLE, sources="0,1"))
    assert block_of(detect).cursor == START + IDLE


def test_ticks_without_rows_are_ticks_without_sales() -> None:
    detect = stage()
    detect.apply(cells([Cell(0, "330602", "1001", START)], START + 10 * TICK))
    block = block_of(detect)
    assert block.cursor == START + 10 * TICK
    assert block.baseline.age[1, 0] == 10.0


def test_a_city_silent_for_days_is_passed_over() -> None:
    detect = stage()
    detect.apply(cells([Cell(0, "330602", "1001", START)], START + 10 * DAY_MS))
    block = block_of(detect)
    assert block.cursor == START + 10 * DAY_MS
    assert block.baseline.age[1, 0] == 288.0


def test_unclassified_goods_are_not_watched_but_provisional_groups_are() -> None:
    detect = stage()
    rows = [Cell(i, "330602", code, START) for i, code in enumerate(("99", "98", "9903", "1001"))]
    detect.apply(cells(rows, START + TICK))
    assert block_of(detect).codes == ["1001", "9903"]


def test_a_relative_that_is_no_number_does_not_spoil_the_state() -> None:
    detect = stage()
    detect.apply(cells([Cell(0, "330602", "1001", START, relative=float("nan"))], START + TICK))
    assert np.isfinite(block_of(detect).price.total).all()


def test_a_held_relative_that_is_no_number_counts_as_none() -> None:
    detect = stage()
    rows = [Cell(i, "330602", "1001", START, held=float("inf"), new=1) for i in range(3)]
    detect.apply(cells(rows, START + TICK))
    block = block_of(detect)
    assert not block.held.new.any()
    assert np.isfinite(block.price.total).all()


def test_what_is_held_alone_waits_and_passes_with_two_others() -> None:
    detect = stage()
    detect.apply(cells([Cell(0, "330602", "1001", START, held=0.7, new=1)], START + TICK))
    assert len(block_of(detect).waiting) == 1
    rows = [Cell(i, "330603", "1001", START + TICK, held=0.7, new=1) for i in (1, 2)]
    detect.apply(cells(rows, START + 2 * TICK))
    block = block_of(detect)
    assert (len(block.waiting), block.price.weight[:, 0].tolist()) == (0, [3.0, 1.0, 2.0])


def test_held_rows_that_come_again_are_not_counted_again() -> None:
    detect = stage()
    message = cells([Cell(i, "330602", "1001", START, held=0.7, new=1) for i in range(2)], START + TICK)
    for _ in range(3):
        detect.apply(message)
    block = block_of(detect)
    assert (int(block.held.new.sum()), float(block.price.weight.sum())) == (2, 0.0)


@given(st.binary(max_size=200), st.one_of(st.none(), st.binary(max_size=8)))
def test_no_bytes_stop_the_stream(value: bytes, key: bytes | None) -> None:
    detect, before = stage(), counted("bad_messages")
    detect.apply(Incoming("market.cells", 0, 0, 0, key, value, {}))
    assert counted("bad_messages") == before + 1
    assert detect.dirty() == {}


@pytest.mark.parametrize("key", [None, b"", b"33060", b"\xff\xff\xff\xff", b"abcd"])
def test_a_key_that_is_no_city_is_counted_as_bad(key: bytes | None) -> None:
    detect, before = stage(), counted("bad_messages")
    detect.apply(replace(cells([Cell(0, "330602", "1001", START)], START), key=key))
    assert counted("bad_messages") == before + 1
    assert detect.dirty() == {}


@pytest.mark.parametrize("metadata", [{}, {b"watermark": b"x", b"sources": b"0", b"raw_partition": b"0"}])
def test_a_message_without_its_metadata_is_counted_as_bad(metadata: dict[bytes, bytes]) -> None:
    good = cells([Cell(0, "330602", "1001", START)], START)
    table = from_bytes(good.value, CELLS_SCHEMA).replace_schema_metadata(metadata)
    detect, before = stage(), counted("bad_messages")
    detect.apply(Incoming("market.cells", 0, 0, 0, good.key, to_bytes(table), {}))
    assert counted("bad_messages") == before + 1


def test_nulls_where_the_schema_forbids_them_are_counted_as_bad() -> None:
    good = cells([Cell(0, "330602", "1001", START)], START)
    table = from_bytes(good.value, CELLS_SCHEMA)
    none = table.set_column(4, CELLS_SCHEMA.field("tick"), pa.array([None], pa.int64()))
    detect, before = stage(), counted("bad_messages")
    detect.apply(Incoming("market.cells", 0, 0, 0, good.key, to_bytes(none), {}))
    assert counted("bad_messages") == before + 1


def test_a_block_of_other_bytes_is_refused() -> None:
    with pytest.raises(BlockError, match="expected a block of version 4"):
        stage().restore(b"3306", b"other bytes")


def told(offset: int, county: str, hour: int) -> Cell:
    """One terminal has sent all its sales of the hour."""
    return Cell(offset, county, TOLD, START + hour * HOUR_MS, lines=0, quantity=0)


def test_terminals_that_told_of_an_hour_are_counted_once_by_county_and_are_no_commodity() -> None:
    seen: list[Bar] = []
    detect = stage(seen)
    lines = [Cell(i, county, "1001", START) for i, county in enumerate(("330602", "330603"))]
    rows = [told(2, "330602", 0), told(3, "330602", 0), told(4, "330603", 1), told(5, "330699", 0)]
    message = cells([*lines, *rows], START + HOUR_MS)
    for _ in range(3):
        detect.apply(message)
    block = block_of(detect)
    assert (block.codes, block.units) == (["1001"], [CITY, "330602", "330603"])
    detect.apply(cells([told(6, "330603", 0)], START + HOUR_MS + 300_000))
    detect.apply(cells([], START + 3 * HOUR_MS))
    assert [bar.told.tolist() for bar in seen] == [[2.0, 1.0], [0.0, 1.0]]


def test_a_terminal_that_tells_when_the_bar_is_closed_is_late() -> None:
    seen: list[Bar] = []
    detect, before = stage(seen), counted("late_rows")
    detect.apply(cells([Cell(0, "330602", "1001", START)], START + 2 * HOUR_MS))
    detect.apply(cells([told(1, "330602", 0), told(2, "330602", 1)], START + 4 * HOUR_MS))
    assert [bar.told.tolist() for bar in seen] == [[0.0], [1.0], [0.0]]
    assert counted("late_rows") == before + 1


def test_messages_of_before_there_were_chains_are_read() -> None:
    message = cells([Cell(0, "330602", "1001", START, chains=4)], START + TICK)
    new, old = stage(), stage()
    new.apply(message)
    table = from_bytes(message.value, CELLS_SCHEMA)
    old.apply(replace(message, value=to_bytes(table.drop_columns(["chains"]))))
    one, other = block_of(new), block_of(old)
    assert one.bars.chains.masks.max() == 4
    assert not other.bars.chains.masks.any()
    other.bars.chains = one.bars.chains
    assert other.to_bytes() == one.to_bytes()
