"""The state block: an exact round trip, and no other bytes taken for it."""

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from detectors import bars
from detectors.bars import Bars
from detectors.block import Block, BlockError
from detectors.chains import Chains
from detectors.pace import HOUR_MS, Pace
from detectors.pending import Pending, Rows
from detectors.watch import watch
from streams.ticks import tick_of
from tests.detectors.market import FIVE_MINUTES, NUMBERS, START, Market

PACE = Pace.of(FIVE_MINUTES)


def row(unit: int, code: int, each: float, partition: int, chains: int = 0) -> Rows:
    """One row, all of whose sums are ``each``."""
    sums, masks = np.full((10, 1), each), np.array([[partition], [chains]], np.uint64)
    return Rows(np.array([START]), np.array([unit]), np.array([code]), sums, *masks)


def block(ticks: int = 200) -> Block:
    market = Market(3, 4, lines=20.0)
    city = market.block()
    for i in range(ticks):
        tick = START + 8 * HOUR_MS + i * FIVE_MINUTES
        watch(city, tick, market.cells(tick), NUMBERS)
    city.applied, city.said, city.sources = {0: 17, 3: 4}, {0: 99}, [0, 3]
    city.waiting = row(2, 1, 0.7, 0, chains=4)
    city.held.new[1, 3, 2] = 2
    for tick in (START, START + HOUR_MS):
        bars.add(city.bars, city.waiting, tick, PACE)
    city.first, city.cursor, city.heard = START, START + 200 * FIVE_MINUTES, START
    bars.tell(city.bars, np.array([START + HOUR_MS] * 3), np.array([1, 3, 3]))
    city.pending.add(row(1, 2, 1 / 3, 1, chains=2))
    return city


def test_a_block_comes_back_bit_for_bit() -> None:
    written = block().to_bytes()
    assert Block.from_bytes(written, PACE).to_bytes() == written


def of_version(written: bytes, version: int, without: tuple[str, ...], measures: int) -> bytes:
    """The same block as an older version wrote it: without some parts, with fewer sums in a row."""
    length = int.from_bytes(written[:4], "little")
    head = msgspec.msgpack.decode(written[4 : 4 + length])
    raw = pa.decompress(written[4 + length :], head["size"], codec="zstd", asbytes=True)
    arrays, parts, at = [], [], 0
    for name, dtype, shape in head["arrays"]:
        array = np.frombuffer(raw, dtype, int(np.prod(shape)), at).reshape(shape)
        at += array.nbytes
        if name.partition(".")[0] not in without and name not in without and not name.endswith(".chains"):
            array = array[:measures] if name in ("pending.sums", "waiting.sums") else array
            arrays.append([name, dtype, list(array.shape)])
            parts.append(array.tobytes())
    raw = b"".join(parts)
    said = msgspec.msgpack.encode({**head, "version": version, "arrays": arrays, "size": len(raw)})
    return len(said).to_bytes(4, "little") + said + bytes(pa.compress(raw, codec="zstd", asbytes=True))


def bare(measures: int) -> Block:
    """A block without bars, whose row knows of the first measures only."""
    city = block()
    city.bars = Bars.empty(units=len(city.units), codes=len(city.codes))
    city.bars.until = tick_of(START + 200 * FIVE_MINUTES, HOUR_MS)
    city.waiting, city.pending = Rows.empty(), Pending()
    old = row(1, 2, 1 / 3, 1)
    old.sums[measures:] = 0.0
    city.pending.add(old)
    return city


def test_a_block_of_version_1_comes_back_with_nothing_held_and_no_bars() -> None:
    city = bare(4)
    city.held.new[:] = 0
    written = city.to_bytes()
    assert Block.from_bytes(of_version(written, 1, ("held", "waiting", "bars"), 4), PACE).to_bytes() == written


def test_a_block_of_version_2_comes_back_with_no_bars_and_no_stock() -> None:
    city = bare(7)
    city.waiting = row(2, 1, 0.0, 0)
    written = city.to_bytes()
    assert Block.from_bytes(of_version(written, 2, ("bars",), 7), PACE).to_bytes() == written


def test_a_block_of_version_3_comes_back_with_no_chains_and_no_presence() -> None:
    city = block()
    city.bars.told, city.bars.chains = {}, Chains.empty(units=len(city.units), codes=len(city.codes))
    city.waiting = row(2, 1, 0.7, 0)
    city.pending = Pending(row(1, 2, 1 / 3, 1))
    written = city.to_bytes()
    new = ("bars.number", "bars.masks", "bars.told_starts", "bars.told")
    assert Block.from_bytes(of_version(written, 3, new, 10), PACE).to_bytes() == written


def test_a_restored_block_goes_on_as_if_nothing_had_happened() -> None:
    market = Market(3, 4, lines=20.0)
    straight = block()
    restored = Block.from_bytes(straight.to_bytes(), PACE)
    for i in range(300):
        tick = START + 8 * HOUR_MS + (200 + i) * FIVE_MINUTES
        for city in (straight, restored):
            watch(city, tick, market.cells(tick, {(0, 0): 8.0}), NUMBERS)
    assert restored.to_bytes() == straight.to_bytes()


def test_room_is_made_for_new_counties_and_commodities_only() -> None:
    city = block()
    before = city.baseline.quantity.copy()
    city.make_room(["330604", "330699"], ["0001", "7777"])
    assert city.units[-1] == "330699"
    assert city.codes[-1] == "7777"
    assert np.array_equal(city.baseline.quantity[:4, :4], before)
    assert not city.baseline.quantity[4:].any()
    assert city.surge.window.shape == (4, 3, 5, 5)
    assert [sums.shape for sums in city.bars.sums.values()] == [(8, 5, 5)] * 2
    assert sum(float(sums.sum()) for sums in city.bars.sums.values()) == pytest.approx(2 * 7 * 0.7)


@pytest.mark.parametrize("bad", [b"", b"\x00", b"\xff" * 40, b"\x02\x00\x00\x00{}"])
def test_other_bytes_are_refused(bad: bytes) -> None:
    with pytest.raises(BlockError, match="expected a block of version 4"):
        Block.from_bytes(bad, PACE)


def test_a_cut_block_is_refused() -> None:
    written = block().to_bytes()
    with pytest.raises(BlockError, match="expected a block of version 4"):
        Block.from_bytes(written[:-30], PACE)


def test_a_block_of_another_tick_is_refused_with_what_to_do() -> None:
    with pytest.raises(BlockError, match="expected ticks of 3600000 ms, got 300000: set the tick back"):
        Block.from_bytes(block(1).to_bytes(), Pace.of(HOUR_MS))
