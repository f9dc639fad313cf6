"""A terminal tells of each bar once, when it has sent all its sales of it; cells carry the bit of its enterprise."""

from collections.abc import Iterable

import pyarrow as pa
import pytest

from agents.normalize.stage import NormalizeStage
from agents.stage import Incoming, Outgoing
from detectors.pace import HOUR_MS
from streams.chains import mask_of
from streams.columns import TOLD
from streams.ticks import tick_of
from tests.agents.till import NOW, cells, home, metadata, record, registry, stage

HOUR = tick_of(NOW, HOUR_MS)


def told(sent: list[Outgoing]) -> list[tuple[int, float]]:
    """Offset of the envelope, and the bar in hours after that of NOW."""
    rows = [row for row in cells(sent).to_pylist() if row["code"] == TOLD]
    assert all(row["terminals"] == 1 and row["county"] == "330602" for row in rows)
    assert not any(row[name] for row in rows for name in ("lines", "base_qty", "relatives", "stock_skus", "chains"))
    return [(row["raw_offset"], (row["tick"] - HOUR) / HOUR_MS) for row in rows]


def beats(*hours: float, line: bool = False) -> list[Incoming]:
    """Envelopes sent so many hours after the beginning of the hour of NOW."""
    rows = [{"ts": HOUR}] if line else []
    return [record(i, i + 1, *rows, sent_at=HOUR + int(h * HOUR_MS)) for i, h in enumerate(hours)]


def sent(envelopes: Iterable[Incoming], normalize: NormalizeStage | None = None, each: bool = False) -> list[Outgoing]:
    normalize = normalize or stage()
    out = []
    for envelope in envelopes:
        normalize.apply(envelope)
        out += normalize.drain() if each else []
    return out + normalize.drain()


@pytest.mark.parametrize("line", [False, True])
@pytest.mark.parametrize("each", [False, True])
def test_a_bar_is_told_of_once_by_the_envelope_that_passes_its_end(line: bool, each: bool) -> None:
    envelopes = beats(0.5, 0.9, 1.0, 1.5, 2.2, 2.3, line=line)
    assert told(sent(envelopes, each=each)) == [(2, 0.0), (4, 1.0)]


def test_nothing_is_told_of_what_was_before_the_first_word() -> None:
    assert told(sent(beats(5.5))) == []


def test_an_envelope_tells_of_all_bars_that_it_passes_but_of_no_more_than_a_day() -> None:
    assert told(sent(beats(0.5, 3.5))) == [(1, 0.0), (1, 1.0), (1, 2.0)]
    assert [bar for _, bar in told(sent(beats(0.5, 200.0)))] == list(range(176, 200))


def test_a_clock_that_goes_back_tells_of_nothing_again() -> None:
    assert told(sent(beats(0.5, 2.5, 0.5, 2.6, 3.0))) == [(1, 0.0), (1, 1.0), (4, 2.0)]


def test_envelopes_that_come_again_and_those_of_unknown_terminals_tell_of_nothing() -> None:
    first, second = beats(0.5, 1.5)
    unknown = record(2, 1, terminal="T-9", sent_at=HOUR + 9 * HOUR_MS)
    assert told(sent([first, second, first, second, unknown])) == [(1, 0.0)]


def test_a_restart_tells_of_what_followed_the_checkpoint_by_the_same_offsets() -> None:
    envelopes = beats(0.5, 1.5, 2.5, 3.5)
    normalize, again = stage(), stage()
    sent(envelopes[:2], normalize)
    for key, block in normalize.dirty().items():
        again.restore(key, block)
    assert told(sent(envelopes, again)) == [(2, 1.0), (3, 2.0)]


def test_rows_come_by_rising_offset_and_with_the_watermark_that_they_are_part_of() -> None:
    rows = [{"ts": HOUR, "sku": sku} for sku in ("SALT", "PORK")]
    envelopes = [record(i, i + 1, *rows, sent_at=HOUR + (i + 1) * HOUR_MS) for i in range(3)]
    out = sent(envelopes)
    table = cells(out)
    assert table["raw_offset"].to_pylist() == [0, 0, 1, 1, 1, 2, 2, 2]
    [said] = metadata(out, "3306")
    assert int(said[b"watermark"]) == HOUR + 3 * HOUR_MS
    assert told(out) == [(1, 1.0), (2, 2.0)]


def test_terminals_of_other_places_tell_in_the_messages_of_their_places() -> None:
    known = registry(("T-1", "T-2", "T-3", "T-4"))
    out = sent(
        (
            record(i, i + 1, terminal=t, sent_at=HOUR + i * HOUR_MS + 1)
            for i in range(2)
            for t in ("T-1", "T-2", "T-3", "T-4")
        ),
        stage(known),
    )
    rows = [row for row in cells(out).to_pylist() if row["code"] == TOLD]
    assert sorted(row["raw_partition"] for row in rows) == sorted(home(f"T-{i}") for i in (1, 2, 3, 4))


def test_a_cell_carries_the_bit_of_its_enterprise() -> None:
    table = cells(sent([record(0, 1, {"ts": HOUR}, {"ts": HOUR, "sku": "PORK", "unit": "kg"})]))
    assert table["chains"].to_pylist() == [mask_of("E-1")] * 2
    assert pa.types.is_uint64(table["chains"].type)
