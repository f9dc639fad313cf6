"""Asks the store which envelopes of a partition it has: what ``sequences.repeats`` needs to know."""

# ruff: noqa: S608
# Every name in these statements is our own, and texts are quoted.

from collections.abc import Iterable, Mapping
from typing import Final

from sinks.sequences import Envelope
from sinks.store import Store

_AT_ONCE: Final = 500
"""Envelopes asked for by one statement, fewer where their names are long."""
_ROOM: Final = 60_000
"""Bytes of a list: a server reads 262,144 of a statement by default, and a list is twice as long when it is parsed."""


class Written:
    """The terminals of one partition: the highest number of each, and the envelopes that stand in the store.

    Memory is one number and one name a terminal: some 20 MB for 100,000 (``tests/bench/bench_sequences.py``).
    """

    def __init__(self, store: Store, partition: int) -> None:
        self._store = store
        answer = store.look_up(
            f"SELECT terminal_id, max(seq) AS seq FROM terminal_seqs WHERE raw_partition = {partition} "
            "GROUP BY terminal_id"
        )
        self.highest: dict[str, int] = dict(
            zip(answer["terminal_id"].to_pylist(), answer["seq"].to_pylist(), strict=True)
        )

    def add(self, highest: Mapping[str, int]) -> None:
        """A block with these numbers is written."""
        self.highest.update(highest)

    def stored(self, envelopes: Iterable[Envelope]) -> dict[Envelope, int]:
        """The raw offsets of those that are there. Raises QueryError."""
        found: dict[Envelope, int] = {}
        for some in _statements(envelopes):
            answer = self._store.look_up(
                "SELECT terminal_id, seq, min(raw_offset) AS raw_offset FROM envelopes "
                f"WHERE (terminal_id, seq) IN ({some}) GROUP BY terminal_id, seq"
            )
            for row in answer.to_pylist():
                found[row["terminal_id"], row["seq"]] = row["raw_offset"]
        return found


def _statements(envelopes: Iterable[Envelope]) -> Iterable[str]:
    """Lists of tuples as SQL, none longer than a statement may be."""
    waiting: list[str] = []
    size = 0
    for terminal, seq in sorted(set(envelopes)):
        one = f"({_quoted(terminal)}, {seq})"
        if waiting and (len(waiting) >= _AT_ONCE or size + len(one.encode()) > _ROOM):
            yield ", ".join(waiting)
            waiting, size = [], 0
        waiting.append(one)
        size += len(one.encode()) + 2
    if waiting:
        yield ", ".join(waiting)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
