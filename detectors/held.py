"""Prices that one shop's past cannot explain: told from mistakes of single articles by the rest of the city.

Normalize holds back prices at twice or half the usual one, and sudden falls: a wrong unit, a promotion that nobody
told, or the truth. Here they pass where LEAST articles of the city's shops say the same of a commodity within a day.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Final

import numpy as np

from detectors.pace import DAY_MS, HOUR_MS, PRICE_MEMORY_MS, Pace
from detectors.pending import HELD, HELD_NEW, LOG_HELD, LOG_RELATIVE, RELATIVES, Rows
from detectors.state import Axes, Ints, Mask, State
from streams.ticks import number_of

LEAST: Final = 3
"""Articles of shops newly held in the same direction within a day, from which on it is the market that moves."""
HOURS: Final = 24


@dataclass(slots=True)
class Held(State):
    """Directions are 0 for up, 1 for down. What waits for the next tick is kept beside it, as rows."""

    new: Annotated[Ints, Axes((2, HOURS, "codes"), "i8")]
    """articles newly held, in a ring of hours (of ticks where these are longer)"""
    hour: Annotated[Ints, Axes((HOURS,), "i8")]
    """number of the hour in each place of the ring"""
    moved: Annotated[Ints, Axes((2, "codes"), "i8")]
    """last tick (start, ms UTC) at which what was held passed, 0: never"""


def release(state: Held, waiting: Rows, rows: Rows, tick: int, pace: Pace) -> tuple[Rows, Rows]:
    """Judge what is held in a closed tick, in place: its rows with the relatives that pass, and what waits on.

    A commodity moves in a direction when LEAST articles became held in it within a day; it goes on to move for as long
    as there is no day without any that is held. Then what is held counts, and with it what did not pass in the last two
    hours (in the tick before, where ticks are longer): as far back as the price detector looks. Older ones never pass.

    Parameters
    ----------
    waiting
        What did not pass yet: what this gave for the tick before.
    rows
        All rows of the tick (start, ms UTC).
    """
    if len(waiting):
        waiting = waiting.taken(np.flatnonzero(tick - waiting.tick <= max(PRICE_MEMORY_MS, pace.tick_ms)))
    held = np.flatnonzero(rows.sums[HELD])
    if not len(held):
        return rows, waiting
    way, code = _way(rows)[held], rows.code[held]
    _count(state, way, code, rows.sums[HELD_NEW, held].astype(np.int64), tick, pace)
    moving = _moving(state, tick, pace)
    passes = moving[way, code]
    state.moved[way[passes], code[passes]] = tick
    go = moving[_way(waiting), waiting.code]
    late = waiting.taken(np.flatnonzero(go))
    rest = Rows.joined([waiting.taken(np.flatnonzero(~go)), _alone(rows.taken(held[~passes]))])
    passing = np.zeros(len(rows), np.bool_)
    passing[held[passes]] = True
    both = Rows.joined([rows, late])
    sums = both.sums.copy()
    passing = np.concatenate([passing, np.ones(len(late), np.bool_)])
    sums[RELATIVES] += sums[HELD] * passing
    sums[LOG_RELATIVE] += sums[LOG_HELD] * passing
    return replace(both, sums=sums), rest


def add_late(state: Held, waiting: Rows, rows: Rows, tick: int, pace: Pace) -> Rows:
    """Count what became held in rows of a tick that was closed, in place, and let what is held in them wait.

    It passes with the next that is held, if the market moves by then. Returns what waits.
    """
    held = np.flatnonzero(rows.sums[HELD])
    if not len(held):
        return waiting
    hour = number_of(tick, max(HOUR_MS, pace.tick_ms))
    # Its place in the ring may be that of a newer hour by now.
    if state.hour[hour % HOURS] <= hour:
        new = rows.sums[HELD_NEW, held].astype(np.int64)
        _count(state, _way(rows)[held], rows.code[held], new, tick, pace)
    return Rows.joined([waiting, _alone(rows.taken(held))])


def _alone(rows: Rows) -> Rows:
    """The same rows with nothing but what is held: the rest of them counts in its own tick."""
    sums = np.zeros_like(rows.sums)
    sums[[HELD, LOG_HELD]] = rows.sums[[HELD, LOG_HELD]]
    return replace(rows, sums=sums, partition=np.zeros_like(rows.partition), chains=np.zeros_like(rows.chains))


def _way(rows: Rows) -> Ints:
    way: Ints = (rows.sums[LOG_HELD] < 0.0).astype(np.int64)
    return way


def _count(state: Held, way: Ints, code: Ints, new: Ints, tick: int, pace: Pace) -> None:
    hour = number_of(tick, max(HOUR_MS, pace.tick_ms))
    place = hour % HOURS
    if state.hour[place] != hour:
        state.hour[place] = hour
        state.new[:, place] = 0
    np.add.at(state.new[:, place], (way, code), new)


def _moving(state: Held, tick: int, pace: Pace) -> Mask:
    """(2, commodities)"""
    span = max(HOUR_MS, pace.tick_ms)
    recent = state.hour > number_of(tick, span) - max(DAY_MS // span, 1)
    enough: Mask = state.new[:, recent].sum(axis=1) >= LEAST
    return enough | ((state.moved > 0) & (tick - state.moved <= max(DAY_MS, pace.tick_ms)))
