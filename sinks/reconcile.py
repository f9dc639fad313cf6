"""Proof that nothing was lost and nothing counted twice: what was acknowledged, sent, stored, refused and rolled up.

Pure: tallies of envelopes and answers of the store in, differences out. An envelope is ``(terminal_id, seq)``; the
first under that number counts, and each of its lines must be stored or refused. A day is the day in China of its
``sent_at``; of rollups, which know no ``sent_at``, that of ``ts``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

Place = tuple[int, int]
"""raw partition and offset"""
Envelope = tuple[str, int]
"""terminal and its number"""

LISTED: Final = 20
"""Envelopes that are named one by one."""


class Sent(NamedTuple):
    """One message of ``pos.raw`` that could be read."""

    terminal_id: str
    seq: int
    day: str
    lines: int
    place: Place


class Held(NamedTuple):
    """One row of ``envelopes``: lines that are stored of it."""

    terminal_id: str
    seq: int
    day: str
    lines: int
    place: Place


class Told(NamedTuple):
    """What a terminal says of one day, by its last heartbeat."""

    lines: int
    """acknowledged"""
    seq: int
    """the last number that it had given"""
    waiting: bool
    """whether something was sent by then that was not acknowledged"""


@dataclass(slots=True)
class Count:
    """Lines of one terminal and day."""

    terminal_id: str
    day: str
    acknowledged: int | None = None
    """None: no heartbeat told"""
    raw: int = 0
    """in ``pos.raw``"""
    gone: int = 0
    """in the store, from where ``pos.raw`` no longer reaches"""
    stored: int = 0
    refused: int = 0
    repeated: int = 0
    """envelopes that came again, and count once"""
    faults: list[str] = field(default_factory=list)


class Raw:
    """What stands in ``pos.raw``, envelope by envelope."""

    def __init__(self) -> None:
        self.first: dict[Envelope, Sent] = {}
        self.refused: dict[Place, Sent] = {}
        """envelopes that were refused whole though they could be read"""
        self.repeated: list[Sent] = []
        self.gone: dict[Envelope, Sent] = {}
        """envelopes that the store has, and ``pos.raw`` no longer"""

    def forgot(self, row: Held, refused: int) -> None:
        """An envelope stood before where ``pos.raw`` begins by now; ``refused``: its lines that were."""
        self.gone[row.terminal_id, row.seq] = Sent(row.terminal_id, row.seq, row.day, row.lines + refused, row.place)

    def add(self, one: Sent, *, refused: bool) -> None:
        """The next message of its partition; ``refused``: it stands in ``rejected`` as a whole."""
        if refused:
            self.refused[one.place] = one
        elif (one.terminal_id, one.seq) in self.first:
            self.repeated.append(one)
        else:
            self.first[one.terminal_id, one.seq] = one


def compare(
    raw: Raw, held: Iterable[Held], refused_lines: Mapping[Place, int], told: Mapping[tuple[str, str], Told]
) -> list[Count]:
    """One count a terminal and day, with what is wrong; by day and terminal.

    Parameters
    ----------
    raw
        Envelopes of the days that are asked for.
    held
        Rows of ``envelopes`` of these days.
    refused_lines
        Refused lines of envelopes that were taken, by where they stand in ``pos.raw``.
    told
        By terminal and day.
    """
    counts: dict[tuple[str, str], Count] = {}

    def of(one: Sent | Held) -> Count:
        return counts.setdefault((one.day, one.terminal_id), Count(one.terminal_id, one.day))

    stored: dict[Envelope, list[Held]] = {}
    for row in held:
        stored.setdefault((row.terminal_id, row.seq), []).append(row)
        of(row).stored += row.lines
    for key, sent in raw.first.items():
        refused = refused_lines.get(sent.place, 0)
        there = sum(row.lines for row in stored.get(key, ()))
        count = of(sent)
        count.raw += sent.lines
        count.refused += refused
        if there + refused != sent.lines:
            count.faults.append(f"{_name(sent)}: {sent.lines} lines, {there} of them stored and {refused} refused")
    for sent in raw.refused.values():
        of(sent).raw += sent.lines
        of(sent).refused += sent.lines
    for sent in raw.gone.values():
        of(sent).gone += sent.lines
        of(sent).refused += refused_lines.get(sent.place, 0)
    for sent in raw.repeated:
        of(sent).repeated += 1
    for key, rows in stored.items():
        if len(rows) > 1:
            of(rows[0]).faults.append(f"{' and '.join(_name(row) for row in rows)}: one envelope, stored twice")
        if key not in raw.first and key not in raw.gone:
            of(rows[0]).faults.append(f"{_name(rows[0])}: {rows[0].lines} lines are stored of what is not in pos.raw")
    numbers: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for sent in (*raw.first.values(), *raw.refused.values(), *raw.gone.values()):
        numbers.setdefault((sent.terminal_id, sent.day), []).append((sent.seq, sent.lines))
    for (terminal, day), said in told.items():
        count = counts.setdefault((day, terminal), Count(terminal, day))
        count.acknowledged = said.lines
        came = sum(lines for seq, lines in numbers.get((terminal, day), ()) if seq <= said.seq)
        if came < said.lines or (came != said.lines and not said.waiting):
            count.faults.append(f"{said.lines} lines were acknowledged, {came} came")
    return [counts[key] for key in sorted(counts)]


def _name(one: Sent | Held) -> str:
    return f"seq {one.seq} at {one.place[0]}:{one.place[1]}"
