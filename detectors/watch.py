"""One tick of one city: judge it by what is usual, say what is not, and only then learn from it."""

from typing import Final, NamedTuple

import numpy as np

from detectors import baseline, price, profile, surge
from detectors.baseline import Usual
from detectors.block import Block
from detectors.pace import DAY_MS, EXIT_MS, HOLD_MS, HOUR_MS, Pace
from detectors.rulebook import Numbers
from detectors.state import Cells, Floats, Mask
from detectors.surge import Window
from streams.records import Kind, Signal, UnitReading
from streams.ticks import CHINA_MS

KINDS: Final[tuple[Kind, ...]] = ("panic_buying", "price_spike")
_PANIC, _PRICE = range(2)
THOUSANDTHS: Final = 1_000.0
LEAST_SHARE: Final = 0.5


class _Judged(NamedTuple):
    p: Floats
    window: Window
    supported: Mask
    scale: Floats
    """(units, commodities): observed and expected of the window times this are what a reading says"""
    tests_per_day: float


def watch(block: Block, tick: int, cells: Cells, numbers: Numbers) -> list[Signal]:
    """Apply one closed tick (start, ms UTC) to the block, in place; the signals that it gives rise to.

    What is usual is taken from before the tick, so that nothing is judged by itself. A commodity that is flagged
    anywhere in the city is not learned from anywhere in it, until six hours after the last flag. After 21 days of flags
    it is learned anew: what lasts so long is the new normal.
    """
    pace, episodes = block.pace, block.episodes
    signals: list[Signal] = []
    recent = bool(np.any(tick - episodes.last <= _echo_ms(pace, numbers)))
    if recent:
        _exits(block, tick)
    if profile.ended(block.profile, tick, pace):
        profile.fold(block.profile, pace)
        baseline.fold(block.baseline, pace)
    slot = profile.enter(block.profile, tick, pace)
    season, drift_sq = float(block.profile.value[slot]), float(block.profile.drift_sq[slot])
    at = baseline.usual(block.baseline, season, pace)
    found = (
        surge.step(block.surge, cells, at, drift_sq, numbers.watch_p, season > profile.FLOOR),
        price.step(block.price, cells, numbers.price_rise, pace),
    )
    for kind, p in enumerate(found):
        flagged = p < numbers.watch_p
        told = np.zeros(p.shape[1], np.bool_)
        if flagged.any():
            judged = _judged(block, kind, p, at)
            flagged &= judged.supported
            told = np.logical_or.reduce(flagged, axis=0)
            fresh = told & (tick - episodes.last[kind] > _hold(pace))
            episodes.start[kind, fresh] = tick
            episodes.last[kind, told] = tick
            signals += _told(block, kind, tick, judged, flagged)
        if recent:
            signals += _over(block, kind, tick, ~told, numbers)
    free = free_of_flags(block, tick)
    baseline.learn(block.baseline, cells, at, season, free[_PANIC].astype(np.float64), pace)
    price.learn(block.price, cells, free[_PRICE].astype(np.float64), pace)
    lines = trade(cells, at, free[_PANIC])
    if lines is not None:
        profile.learn(block.profile, lines)
    return signals


def skip(block: Block, first: int, last: int, numbers: Numbers) -> list[Signal]:
    """Nothing came for more than a day: learn nothing from ``first`` to ``last``, and end what was going on."""
    surge.quiet(block.surge)
    price.quiet(block.price)
    signals = []
    for kind in range(len(KINDS)):
        going = block.episodes.last[kind] >= first - _echo_ms(block.pace, numbers)
        signals += [_signal(block, kind, int(c), last) for c in np.flatnonzero(going)]
    return signals


def free_of_flags(block: Block, tick: int) -> Mask:
    """(kinds, commodities): whether, after ``tick``, a commodity was flagged nowhere in the city for long enough."""
    free: Mask = tick - block.episodes.last >= _hold(block.pace)
    return free


def trade(cells: Cells, at: Usual, free: Mask) -> float | None:
    """The city's trade of a tick in usual lines: that of the ``free`` commodities, scaled up to all.

    None with less than half of the trade free: the rest says nothing about the hour.
    """
    lines_a_day = at.lines_a_day[0]
    usual_lines = float(lines_a_day.sum())
    share = float(lines_a_day[free].sum()) / usual_lines if usual_lines > 0.0 else 1.0
    return float(surge.lines_worth(cells, at)[free].sum()) / share if share >= LEAST_SHARE else None


def _exits(block: Block, tick: int) -> None:
    episodes = block.episodes
    lasting = (tick - episodes.last <= _hold(block.pace)) & (tick - episodes.start > EXIT_MS)
    for kind, code in np.argwhere(lasting).tolist():
        for state in (block.baseline, block.surge) if kind == _PANIC else (block.price,):
            state.forget(code)
        episodes.start[kind, code] = tick


def _judged(block: Block, kind: int, p: Floats, at: Usual) -> _Judged:
    pace = block.pace
    if kind == _PRICE:
        window = price.window(block.price)
        sound = price.supported(block.price, window, at, pace)
        return _Judged(p, window, sound, np.ones_like(p), price.tests_per_day(block.price, pace))
    window = surge.window(block.surge)
    a_day = pace.ticks_per_day / THOUSANDTHS / np.maximum(window.ticks, 1.0)
    return _Judged(p, window, surge.supported(window, at), a_day, surge.tests_per_day(at, pace.ticks_per_day))


def _told(block: Block, kind: int, tick: int, judged: _Judged, flagged: Mask) -> list[Signal]:
    signals = []
    for code in np.flatnonzero(np.logical_or.reduce(flagged, axis=0)).tolist():
        readings = [_reading(block, judged, u, code, tick) for u in np.flatnonzero(flagged[:, code]).tolist()]
        signals.append(_signal(block, kind, code, tick, judged.tests_per_day, readings))
    return signals


def _reading(block: Block, judged: _Judged, unit: int, code: int, tick: int) -> UnitReading:
    at, window = (unit, code), judged.window
    return UnitReading(
        region=block.units[unit],
        p=float(judged.p[at]),
        observed=float(window.observed[at] * judged.scale[at]),
        expected=float(window.expected[at] * judged.scale[at]),
        since=tick - (int(window.ticks[at]) - 1) * block.pace.tick_ms,
        terminals=int(window.shops[at]),
    )


def _over(block: Block, kind: int, tick: int, quiet: Mask, numbers: Numbers) -> list[Signal]:
    """Empty signals: at once when it is over, then every hour for as long as an incident may have to count the hours.

    They carry the event time to the incident: without them it would not know that time has passed.
    """
    last, pace = block.episodes.last[kind], block.pace
    since = tick - last
    echo = (last > 0) & quiet & (since <= _echo_ms(pace, numbers))
    if not echo.any():
        return []
    if (tick + CHINA_MS) % max(HOUR_MS, pace.tick_ms):
        echo &= since == pace.tick_ms
    return [_signal(block, kind, int(c), tick) for c in np.flatnonzero(echo)]


def _signal(
    block: Block,
    kind: int,
    code: int,
    tick: int,
    tests_per_day: float = 0.0,
    readings: list[UnitReading] | None = None,
) -> Signal:
    return Signal(
        city=block.units[0],
        code=block.codes[code],
        kind=KINDS[kind],
        tick=tick,
        tick_ms=block.pace.tick_ms,
        tests_per_day=tests_per_day,
        readings=readings or [],
    )


def silent(block: Block, tick: int) -> bool:
    """Whether, at the end of ``tick``, the city has sent nothing for more than a day: closed, or its feeds are down."""
    return tick + block.pace.tick_ms - block.heard > max(DAY_MS, block.pace.tick_ms)


def _hold(pace: Pace) -> int:
    return max(HOLD_MS, pace.tick_ms)


def _echo_ms(pace: Pace, numbers: Numbers) -> int:
    hours = numbers.hysteresis_hours + numbers.expiry_hours
    return int(hours * HOUR_MS) + 2 * max(HOUR_MS, pace.tick_ms)
