"""Late rows: what comes after its tick was closed, while its bar is open, corrects the sums that are kept.

The detectors of ticks keep no past ticks, so what they made of one is mended where it is linear in the row. Against the
same row in time, with k ticks closed since its tick began:

- exact: the bar; lines and quantity of the level; block and visit under way; the evidence of a window that goes back to
  the tick (quantity, lines, shops);
- exact but for the little that the level of the ticks in between would have been higher (a row's share of a level that
  fades by half in seven days): the CUSUM of such a window, and a price mean of more than four lines;
- a lower bound, so that no alarm comes of lateness alone: a CUSUM that was zero since. The row must carry it over the
  ticks in between as if nothing had been sold in them;
- not corrected: the dispersion of a block that has ended, centre and restlessness of prices, what was said already, and
  in a tick with rows in time and late ones the winsorising, that takes the two apart.

What comes of it is said when the next tick closes.
"""

import numpy as np

from detectors import bars, baseline, held
from detectors.baseline import Usual
from detectors.block import Block
from detectors.pending import Rows
from detectors.price import MEMORY_LINES
from detectors.state import Cells, Mask
from detectors.surge import add_late
from detectors.watch import free_of_flags, trade


def correct(block: Block, rows: Rows) -> None:
    """Apply rows of closed ticks whose bars are open, in place. Raises ValueError where a bar is closed."""
    for tick in np.unique(rows.tick).tolist():
        part = rows.taken(np.flatnonzero(rows.tick == tick))
        bars.add(block.bars, part, tick, block.pace)
        block.waiting = held.add_late(block.held, block.waiting, part, tick, block.pace)
        _correct_tick(block, tick, part.dense(len(block.units), len(block.codes)))


def _correct_tick(block: Block, tick: int, cells: Cells) -> None:
    pace, cursor = block.pace, block.cursor
    if cursor is None:
        raise ValueError("late rows: expected a city with closed ticks, got one with none")
    since = (cursor - tick) // pace.tick_ms
    slot = pace.visit(tick) % pace.slots
    at = baseline.usual(block.baseline, float(block.profile.value[slot]), pace)
    panic = free_of_flags(block, cursor - pace.tick_ms)[0]
    add_late(block.surge, cells, at, since)
    _price(block, cells, since)
    under_way = pace.visit(tick) == block.profile.visit[0]
    lines = trade(cells, at, panic)
    if lines is not None:
        if under_way:
            block.profile.visit[1] += lines
        else:
            block.profile.sold[slot] += lines
    _level(block, cells, at, panic, since, under_way)


def _level(block: Block, cells: Cells, at: Usual, free: Mask, since: int, under_way: bool) -> None:
    state = block.baseline
    faded = free * block.pace.level_decay ** (since - 1)
    state.quantity += faded * np.minimum(cells.quantity, baseline.most(at))
    state.lines += faded * np.maximum(cells.lines, 0.0)
    np.maximum(state.shops, np.bitwise_count(cells.partitions), out=state.shops)
    if under_way:
        state.block_quantity += free * cells.quantity


def _price(block: Block, cells: Cells, since: int) -> None:
    state, priced = block.price, cells.relatives > 0.0
    faded = np.where(state.weight > MEMORY_LINES, block.pace.price_decay ** (since - 1), 1.0)
    state.total += faded * cells.log_relative
    state.weight += faded * cells.relatives
    np.minimum(state.silence, since - 1.0, out=state.silence, where=priced)
    inside = priced & (state.run >= since)
    state.run_lines += inside * cells.relatives
    state.partitions |= cells.partitions * inside
