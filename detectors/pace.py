"""What follows from the length of a tick: how fast each memory fades, how long a series must be known."""

from dataclasses import dataclass
from functools import cache
from typing import Final, Self

from streams.ticks import number_of

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS

LEVEL_HALF_LIFE_MS: Final = 7 * DAY_MS
DISPERSION_HALF_LIFE_MS: Final = 14 * DAY_MS
PRICE_MEMORY_MS: Final = 2 * HOUR_MS
WARM_MS: Final = 2 * DAY_MS
WARM_TICKS: Final = 7
EXIT_MS: Final = 21 * DAY_MS
HOLD_MS: Final = 6 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Pace:
    """Constants of one tick length. Decays are per tick, in (0, 1)."""

    tick_ms: int
    level_decay: float
    dispersion_decay: float
    price_decay: float
    ticks_per_day: float
    warm_ticks: int
    """ticks for which a series must be known before it is tested"""
    slot_ms: int
    """length of a slot of the seasonal profile"""
    slots: int
    """slots of a week: hours for ticks under a day, days for daily ticks, one for longer ones"""

    @classmethod
    @cache
    def of(cls, tick_ms: int) -> Self:
        """The pace of a tick length in ms. Raises ValueError where it is not positive."""
        if tick_ms <= 0:
            raise ValueError(f"tick_ms: expected a positive number of ms, got {tick_ms}")
        slot_ms = HOUR_MS if tick_ms < DAY_MS else DAY_MS if tick_ms < WEEK_MS else WEEK_MS
        return cls(
            tick_ms=tick_ms,
            level_decay=0.5 ** (tick_ms / LEVEL_HALF_LIFE_MS),
            dispersion_decay=0.5 ** (tick_ms / DISPERSION_HALF_LIFE_MS),
            price_decay=0.5 ** (tick_ms / PRICE_MEMORY_MS),
            ticks_per_day=DAY_MS / tick_ms,
            warm_ticks=max(WARM_TICKS, -(-WARM_MS // tick_ms)),
            slot_ms=slot_ms,
            slots=WEEK_MS // slot_ms,
        )

    def visit(self, tick: int) -> int:
        """Number of the slot since 1970 in which a tick (start, ms UTC) lies, local time."""
        return number_of(tick, self.slot_ms)
