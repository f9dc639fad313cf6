"""Mends the engine's deduplication logs after a crash, before the engine reads them.

A MergeTree table writes the id of a block into ``deduplication_logs/`` and only then renames the part into place. A
process that is killed in between leaves an id without its part: the block, inserted again, would be taken for a repeat
and lost. Every record whose part is not on disk is therefore struck out when the store is opened.
"""

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

_ADDED: Final = "1"


class Part(NamedTuple):
    """A data part by its name ``partition_min_max_level``: the range of block numbers that it holds."""

    partition: str
    first: int
    last: int


def part_of(name: str) -> Part | None:
    """The part that a directory or a record names; None for other directories (``detached``, ``tmp_insert_…``)."""
    fields = name.split("_")
    if len(fields) not in (4, 5) or not all(field.isdecimal() for field in fields[1:]):
        return None
    return Part(fields[0], int(fields[1]), int(fields[2]))


class Covered:
    """Which block numbers stand on disk; a merged part covers those that it was made of."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._ranges: dict[str, list[tuple[int, int]]] = {}
        for partition, first, last in sorted(parts, key=lambda p: (p.partition, p.first, -p.last)):
            ranges = self._ranges.setdefault(partition, [])
            if not ranges or last > ranges[-1][1]:
                ranges.append((first, last))

    def holds(self, part: Part) -> bool:
        """Whether ``part``, or one that it was merged into, is there."""
        ranges = self._ranges.get(part.partition, [])
        at = bisect_right(ranges, part.first, key=lambda r: r[0]) - 1
        return at >= 0 and part.last <= ranges[at][1]


def keep_written(records: Iterable[str], parts: Iterable[Part]) -> list[str]:
    """The records of a log, each ``operation TAB part TAB block id``, without the additions that have no part.

    Records of another form are kept as they are: the engine judges them.
    """
    covered = Covered(parts)
    return [record for record in records if not _is_unwritten(record, covered)]


def _is_unwritten(record: str, covered: Covered) -> bool:
    operation, _, rest = record.partition("\t")
    part = part_of(rest.partition("\t")[0])
    return operation == _ADDED and part is not None and not covered.holds(part)


def mend(engine: Path) -> int:
    """Strike out the records without a part in every table below ``engine``; returns how many there were.

    The engine must not be running. An interrupted call can be repeated.
    """
    return sum(_mend_table(engine, logs) for logs in sorted(engine.glob("store/*/*/deduplication_logs")))


def _mend_table(engine: Path, logs: Path) -> int:
    parts = list(_parts(logs.parent))
    struck = 0
    for file in sorted(logs.glob("deduplication_log_*.txt")):
        records = file.read_text(encoding="utf-8").splitlines()
        kept = keep_written(records, parts)
        if len(kept) == len(records):
            continue
        struck += len(records) - len(kept)
        # Beside the tables: the engine takes every file in the folder of the logs for a log.
        mended = engine / "deduplication_log.mended"
        mended.write_text("".join(f"{record}\n" for record in kept), encoding="utf-8")
        mended.replace(file)
    return struck


def _parts(table: Path) -> Iterator[Part]:
    with os.scandir(table) as entries:
        for entry in entries:
            part = part_of(entry.name)
            if part is not None:
                yield part
