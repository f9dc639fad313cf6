"""Ticks: equal stretches of event time, counted from midnight in China, so that a day's tick is a day of trade."""

from datetime import UTC, datetime
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

CHINA_MS: Final = 8 * 3_600_000
"""China's time is UTC+8 everywhere and all year."""

Time = TypeVar("Time", int, npt.NDArray[np.int64])


def number_of(ts: Time, tick_ms: int) -> Time:
    """How many ticks begin before or at ``ts`` (ms UTC) since 1970 in China's time."""
    return (ts + CHINA_MS) // tick_ms


def start_of(number: Time, tick_ms: int) -> Time:
    """Ms UTC at which tick ``number`` begins.

    >>> start_of(number_of(1_668_830_400_000, 86_400_000), 86_400_000)  # 2022-11-19 12:00 in China
    1668787200000
    """
    return number * tick_ms - CHINA_MS


def tick_of(ts: Time, tick_ms: int) -> Time:
    """Ms UTC at which the tick of ``ts`` begins."""
    return start_of(number_of(ts, tick_ms), tick_ms)


def china_day(ts: int) -> str:
    """The day in China of ``ts`` (ms UTC).

    >>> china_day(1_668_787_199_999), china_day(1_668_787_200_000)
    ('2022-11-18', '2022-11-19')
    """
    return datetime.fromtimestamp((ts + CHINA_MS) / 1000, UTC).strftime("%Y-%m-%d")
