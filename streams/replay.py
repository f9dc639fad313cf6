"""Files of real sales, read by a column map and sent through terminals in the order of time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from streams.csvrows import Problem, Problems, read_rows
from streams.filemap import Map, MapError, load_map
from streams.records import Mapping, TerminalRecord
from streams.rowlines import columns_of, lines_of, mappings_of, measure, terminals_of
from streams.terminal import Fleet
from streams.ticks import start_of

__all__ = ["Chunk", "Map", "MapError", "Problem", "Replay", "drive", "load_map", "read"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """The lines of one tick, by terminal; columns as of ``LINE_SCHEMA`` but ``line``."""

    start_ms: int
    end_ms: int
    lines: dict[str, pa.Table]


@dataclass(frozen=True, slots=True)
class Replay:
    """A file, read: who sent, what the SKUs are, and the lines."""

    terminals: list[TerminalRecord]
    mappings: dict[str, list[Mapping]]
    """by enterprise; SKUs whose category the map does not know are left out"""
    rows: int
    """rows of the file, malformed ones included"""
    lines: int
    malformed: int
    """rows left out"""
    problems: list[Problem]
    """what is wrong with the malformed ones: the first of each sort"""
    tick_ms: int
    idle_ms: int
    table: pa.Table
    """all lines by tick, terminal and time; ``tick`` and ``terminal`` (index into ``terminals``) stand in front"""

    def chunks(self) -> Iterator[Chunk]:
        """Ticks with lines in the order of time. A tick starts at a multiple of ``tick_ms`` since 1970, UTC."""
        tick = self.table.column("tick").to_numpy()
        terminal = self.table.column("terminal").to_numpy()
        columns = self.table.drop_columns(["tick", "terminal"])
        cuts = np.flatnonzero((np.diff(tick) != 0) | (np.diff(terminal) != 0)) + 1
        bounds = [0, *cuts.tolist(), len(tick)] if len(tick) else [0]
        lines: dict[str, pa.Table] = {}
        for start, end in pairwise(bounds):
            lines[self.terminals[terminal[start]].terminal_id] = columns.slice(start, end - start)
            if end == len(tick) or tick[end] != tick[start]:
                begin = start_of(int(tick[start]), self.tick_ms)
                yield Chunk(begin, begin + self.tick_ms, lines)
                lines = {}


def read(file: Path, how: Map) -> Replay:
    """Read a CSV file, ``.csv`` or ``.csv.gz``, whole (about 200 bytes of memory a row).

    A row gives a ``sale``, or a ``return`` where its quantity is negative, or nothing where that is 0; and a ``stock``
    line with quantity 0 where the map's stock-out flag is set. Quantities become thousandths, money fen, both rounded
    half up from the decimals as they stand. A row that cannot be read is counted, listed and left out. Raises MapError
    where map and file do not fit.
    """
    problems = Problems()
    rows = read_rows(file, columns_of(how), how.join, how.encoding, problems)
    total = rows.table.num_rows + problems.count
    rows, measures = measure(rows, how, problems)
    terminals, terminal = terminals_of(rows, how)
    table = lines_of(rows, how, measures, terminal)
    return Replay(
        terminals=terminals,
        mappings=mappings_of(rows, how),
        rows=total,
        lines=table.num_rows,
        malformed=problems.count,
        problems=problems.listed,
        tick_ms=how.tick_ms,
        idle_ms=how.idle_ms,
        table=table,
    )


def drive(
    replay: Replay,
    fleet: Fleet,
    *,
    speed: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[int], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Send a replay through ``fleet``, tick by tick, and return the number of lines.

    In every tick with lines each terminal sends its own, or a beat, with the tick's end as ``sent_at``; after the last
    one all beat one tick later, so that downstream can close it. ``speed`` None: as fast as it goes; N: N times as fast
    as it happened, each tick at its end. ``progress`` gets the lines sent so far. Raises DeliveryError at the end where
    the broker did not acknowledge all.
    """
    terminals = [fleet.terminal(t.terminal_id) for t in replay.terminals]
    began, first, end, lines = clock(), None, 0, 0
    for chunk in replay.chunks():
        first = chunk.start_ms if first is None else first
        end = chunk.end_ms
        if speed is not None:
            sleep(max(0.0, began + (end - first) / 1000 / speed - clock()))
        for terminal in terminals:
            own = chunk.lines.get(terminal.terminal_id)
            if own is None:
                terminal.beat(end)
            else:
                terminal.send(own, end)
                lines += own.num_rows
        progress(lines)
    if first is not None:
        for terminal in terminals:
            terminal.beat(end + replay.tick_ms)
    fleet.flush()
    fleet.heartbeats()
    return lines
