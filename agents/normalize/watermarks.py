"""How far the terminals of a city have sent, so that a tick can be closed: event time, no clock."""

from collections.abc import Callable
from typing import Final

from agents.registry import Registry
from streams.records import TerminalRecord
from streams.ticks import number_of, start_of

MOST_BARS: Final = 24
"""So many bars, the last ones, are told at once: those of a longer silence are closed by then."""


def bars_told(before: int, now: int, bar_ms: int) -> list[int]:
    """Starts (ms UTC) of the bars of which a terminal has sent everything now, and had not before.

    ``before`` and ``now`` are its watermarks, ms UTC; 0 before its first word. Watermarks never fall, so each bar is
    told once.

    >>> bars_told(3_600_000, 10_800_001, 3_600_000)
    [3600000, 7200000]
    """
    first, after = number_of(before, bar_ms), number_of(now, bar_ms)
    if not before or first == after:
        return []
    return [start_of(number, bar_ms) for number in range(max(first, after - MOST_BARS), after)]


class Watermarks:
    """Latest ``sent_at`` of each terminal by (raw partition, city), against the terminals that the registry names.

    A terminal that is registered but has sent nothing yet counts from the first word of any of its neighbours; one
    that is more than ``idle_ms`` behind the furthest of them no longer holds the others back.
    """

    def __init__(self, registry: Registry, partition_of: Callable[[str], int], idle_ms: int) -> None:
        self._registry = registry
        self._partition_of = partition_of
        self._idle_ms = idle_ms
        self._changes = -1
        self._expected: dict[tuple[int, str], list[str]] = {}
        self._sources: dict[str, list[int]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget what was sent."""
        self._sent: dict[tuple[int, str], dict[str, int]] = {}
        self._first: dict[tuple[int, str], int] = {}

    def set(self, terminal: TerminalRecord, sent_at: int) -> None:
        """Note that a terminal has sent everything before ``sent_at``, ms UTC."""
        place = self._partition_of(terminal.terminal_id), terminal.county[:4]
        sent = self._sent.get(place)
        if sent is None:
            sent = self._sent[place] = {}
            self._first[place] = sent_at
        elif sent_at < self._first[place]:
            self._first[place] = sent_at
        sent[terminal.terminal_id] = sent_at

    def of(self, partition: int, city: str) -> int:
        """Ms UTC before which nothing is missing from this city in this partition; 0 where nothing has come."""
        place = partition, city
        sent = self._sent.get(place)
        if not sent:
            return 0
        first = self._first[place]
        furthest = max(sent.values())
        waiting = (sent.get(t, first) for t in self._terminals().get(place, ()))
        return min((w for w in waiting if w >= furthest - self._idle_ms), default=furthest)

    def sources(self, city: str) -> list[int]:
        """The raw partitions in which this city has registered terminals."""
        self._terminals()
        return self._sources.get(city, [])

    def _terminals(self) -> dict[tuple[int, str], list[str]]:
        if self._changes != self._registry.changes:
            self._changes = self._registry.changes
            self._expected = {}
            for t in list(self._registry.terminals.values()):
                place = self._partition_of(t.terminal_id), t.county[:4]
                self._expected.setdefault(place, []).append(t.terminal_id)
            self._sources = {}
            for partition, city in sorted(self._expected):
                self._sources.setdefault(city, []).append(partition)
        return self._expected
