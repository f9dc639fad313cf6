"""Plays a simulated market through a fleet of terminals: its past as fast as possible, its present by the clock."""

import time
from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa

from streams.codec import encode_arrow, read
from streams.envelope import REQUIRED, VERSION, Header
from streams.simulate.dirt import dirty
from streams.simulate.market import Simulator
from streams.terminal import Fleet, Terminal
from streams.topics import DAY_MS, HOUR_MS
from streams.world import Ints

HISTORY_WINDOW_MS: Final = 12 * HOUR_MS
STEP_MS: Final = 60_000
STEPS_PER_TURN: Final = 5
"""A shop sends every 5 simulated minutes, a fifth of the shops each minute"""
_DIRTY_LINES: Final = 3


class Player:
    """Sends what a simulator's shops sell, each shop through its own terminal.

    Parameters
    ----------
    simulator
        The market and its events.
    fleet
        Terminals are made in it by the ids of the world's shops.
    dirty_every_ms
        Simulated time between dirty envelopes while live; None: clean. A dirty envelope holds copies of lines and
        takes a ``seq`` of its own; every line of it must be refused, so sums are those of the clean lines.
    clock, sleep
        Seconds; to be replaced in tests.
    """

    def __init__(
        self,
        simulator: Simulator,
        fleet: Fleet,
        *,
        dirty_every_ms: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.simulator = simulator
        self.dirty_envelopes = 0
        self._terminals = [fleet.terminal(t) for t in simulator.world.shops.terminal_id.tolist()]
        self._dirty_every_ms = dirty_every_ms
        self._dirty_from = 0
        self._rng = np.random.default_rng([simulator.world.seed, 9])
        self._clock = clock
        self._sleep = sleep

    def history(self, days: int, end_ms: int, progress: Callable[[int], None]) -> int:
        """Send the ``days`` before ``end_ms``: an envelope a shop and 12 hours with lines, at last a beat of all.

        ``sent_at`` of an envelope is the start of its window: before it, all shops have sent all. So no shop is ever
        hours ahead of its neighbours, whose lines would then come late. ``progress`` is called with the lines sent so
        far. Returns their number.
        """
        lines = 0
        for start in range(end_ms - days * DAY_MS, end_ms, HISTORY_WINDOW_MS):
            end = min(start + HISTORY_WINDOW_MS, end_ms)
            for terminal, table in self._by_shop(self.simulator.advance(start, end)):
                terminal.send(table, start)
                lines += table.num_rows
            progress(lines)
        for terminal in self._terminals:
            terminal.beat(end_ms)
        return lines

    def live(
        self, start_ms: int, speed: float, until: Callable[[], bool], on_step: Callable[[int], None] = lambda _: None
    ) -> int:
        """Trade from ``start_ms`` on, ``speed`` times as fast as the clock, until ``until()`` is true.

        In steps of a simulated minute: a fifth of the shops send what they sold in the last five, or a beat where it
        is nothing; then ``on_step`` is called with the simulated time, ms UTC. At the end every shop sends what is
        left, so that all lines from ``start_ms`` to the last step are sent. Returns their number.
        """
        began = self._clock()
        sent = np.full(len(self._terminals), start_ms)
        turn = np.arange(len(self._terminals)) % STEPS_PER_TURN
        now, step, lines = start_ms, 0, 0
        while not until():
            step += 1
            now = start_ms + step * STEP_MS
            wait = began + step * STEP_MS / 1000 / speed - self._clock()
            if wait > 0:
                self._sleep(wait)
            lines += self._send(sent, turn == step % STEPS_PER_TURN, now)
            on_step(now)
        return lines + self._send(sent, sent < now, now)

    def _send(self, sent: Ints, due: np.ndarray[tuple[int], np.dtype[np.bool_]], now: int) -> int:
        """Send what the shops ``due`` sold since ``sent``, which moves to ``now``; returns the lines."""
        if not due.any():
            return 0
        table = self.simulator.advance(int(sent[due].min()), now)
        shop = table.column("shop").to_numpy()
        ts = table.column("ts").cast(pa.int64()).to_numpy()
        table = table.filter(pa.array(due[shop] & (ts >= sent[shop])))
        silent = due.copy()
        for terminal, part in self._by_shop(table):
            terminal.send(part, now)
            self._soil(terminal, part, now)
            silent[part.column("shop")[0].as_py()] = False
        for shop_number in np.flatnonzero(silent).tolist():
            self._terminals[shop_number].beat(now)
        sent[due] = now
        return int(table.num_rows)

    def _by_shop(self, table: pa.Table) -> list[tuple[Terminal, pa.Table]]:
        # Once for all shops: a dictionary of the whole market would be cut down for each of them.
        table = table.cast(pa.schema([_plain(field) for field in table.schema]))
        shops, first = np.unique(table.column("shop").to_numpy(), return_index=True)
        ends = np.append(first, table.num_rows)[1:]
        pieces = zip(shops.tolist(), first.tolist(), ends.tolist(), strict=True)
        return [(self._terminals[shop], table.slice(start, end - start)) for shop, start, end in pieces]

    def _soil(self, terminal: Terminal, lines: pa.Table, now: int) -> None:
        """Now and then a few of the lines just sent go out again, dirty."""
        if self._dirty_every_ms is None or now < self._dirty_from:
            return
        self._dirty_from = now + self._dirty_every_ms
        few = lines.slice(0, _DIRTY_LINES).select(list(REQUIRED)).combine_chunks().to_batches()[0]
        value = encode_arrow(Header(VERSION, terminal.terminal_id, terminal.next_seq, now), few)
        spoiled, content_type = dirty(value, self._rng)
        found = read(spoiled, content_type)
        carried = found.envelope.lines.num_rows + len(found.refused) if found.envelope else 0
        terminal.send_bytes(spoiled, content_type, sent_at=now, carried=carried)
        self.dirty_envelopes += 1


def _plain(field: pa.Field) -> pa.Field:
    return field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field
