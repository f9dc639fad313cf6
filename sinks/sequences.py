"""The second line of defence against counting twice: which numbers of its terminals a partition has written.

An envelope is ``(terminal_id, seq)``, wherever in ``pos.raw`` it stands. Normalize drops one that comes again; should
its state be lost, the writer still does. What is known of a terminal is its highest number: an envelope above it is
new, and only one that is not is looked up in the store (``envelopes``, ordered by terminal and number). So memory is
one number a terminal, however many envelopes there were and however often its numbers skip (empty envelopes leave no
lines), and nothing is dropped that is not in the store.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
KINDS_OF: Final = {"sales": ("sale", "return"), "prices": ("price",), "stock": ("stock",)}
"""Which kinds of lines stand in which table."""
_SAME: Final = ("terminal_id", "seq", "raw_partition", "raw_offset", "sent_at", "enterprise", "county")
ENVELOPES: Final = (*_SAME, *KINDS_OF)
"""Columns of the table ``envelopes``."""
Envelope = tuple[str, int]
"""terminal and its number"""
Stored = Callable[[Iterable[Envelope]], Mapping[Envelope, int]]
"""The raw offsets under which those of some envelopes stand in the store that are there."""


class Repeats(NamedTuple):
    """Rows that tell of envelopes written before, and the highest number of each terminal with those of the block."""

    keep: npt.NDArray[np.bool_]
    """bool (rows,)"""
    highest: dict[str, int]
    """of the terminals in the block"""


def repeats(lines: pa.Table, known: Mapping[str, int], stored: Stored, *, again: bool) -> Repeats:
    """Tell new envelopes from those that were written under another raw offset.

    Parameters
    ----------
    lines
        Clean lines of one partition in the order of their raw offsets; those of an envelope stand together.
    known
        Highest number written of each terminal.
    stored
        Asked for envelopes that are not above what is known: after a crash, and where a terminal repeats itself.
    again
        Whether these lines may be in the store already, because their block was begun before: what stands there under
        the same offset is this very block. Without it that is a repeat as well: offsets of the group were set back.
    """
    starts = _starts(lines)
    if not len(starts):
        return Repeats(np.ones(lines.num_rows, np.bool_), {})
    first = lines.take(pa.array(starts))
    offset, seq = (_int64(first.column(name)) for name in ("raw_offset", "seq"))
    names = first.column("terminal_id").combine_chunks().dictionary_encode()
    terminals: list[str] = names.dictionary.to_pylist()
    of: Ints = names.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    before = np.array([known.get(name, -1) for name in terminals], np.int64)
    suspect = _not_above(of, seq, before)
    dropped = np.zeros(len(starts), np.bool_)
    if suspect.any():
        which = np.flatnonzero(suspect).tolist()
        there = stored((terminals[of[i]], int(seq[i])) for i in which)
        here: dict[tuple[int, int], int] = {}
        for i in np.flatnonzero(np.isin(of, of[suspect])).tolist():
            here.setdefault((int(of[i]), int(seq[i])), i)
        for i in which:
            at = there.get((terminals[of[i]], int(seq[i])))
            dropped[i] = here[int(of[i]), int(seq[i])] < i or (at is not None and (at != offset[i] or not again))
    highest = before.copy()
    np.maximum.at(highest, of, seq)
    sizes = np.diff([*starts.tolist(), lines.num_rows])
    return Repeats(np.repeat(~dropped, sizes), dict(zip(terminals, highest.tolist(), strict=True)))


def without(lines: pa.Table, keep: npt.NDArray[np.bool_]) -> pa.Table:
    """The rows that are kept."""
    return lines if keep.all() else lines.filter(pa.array(keep))


def envelopes_of(lines: pa.Table) -> pa.Table:
    """One row an envelope: its identity, and how many lines it has for each table; columns of ``ENVELOPES``."""
    starts = _starts(lines)
    first = lines.take(pa.array(starts)) if len(starts) else lines.slice(0, 0)
    columns = {name: first.column(name) for name in _SAME}
    for name, kinds in KINDS_OF.items():
        mine = pc.is_in(lines["kind"].cast(pa.string()), pa.array(kinds)).to_numpy().astype(np.int64)
        counts = np.add.reduceat(mine, starts) if len(starts) else mine
        columns[name] = pa.chunked_array([pa.array(counts, pa.uint32())])
    return pa.table(columns)


def _starts(lines: pa.Table) -> Ints:
    """Number of the first row of each envelope, int64 (envelopes,)."""
    offset = _int64(lines.column("raw_offset"))
    if not len(offset):
        return np.zeros(0, np.int64)
    return np.concatenate([[0], np.flatnonzero(np.diff(offset)) + 1]).astype(np.int64)


def _not_above(of: Ints, seq: Ints, before: Ints) -> npt.NDArray[np.bool_]:
    """Whether an envelope's number is not above all earlier ones of its terminal, bool (envelopes,)."""
    # By rank: numbers themselves may be as large as they like.
    _, rank = np.unique(seq, return_inverse=True)
    order = np.argsort(of, kind="stable")
    terminal, number = of[order], rank[order]
    heads = np.concatenate([[True], np.diff(terminal) != 0])
    earlier = np.concatenate([[-1], number[:-1]])
    earlier[heads] = -1
    # The running maximum within each terminal: the ranks of the next one are lifted above all of this one's.
    lift = np.cumsum(heads) * (len(seq) + 1)
    result = np.zeros(len(of), np.bool_)
    result[order] = number <= np.maximum.accumulate(earlier + lift) - lift
    return result | (seq <= before[of])


def _int64(column: pa.ChunkedArray) -> Ints:
    values: Ints = column.to_numpy().astype(np.int64)
    return values
