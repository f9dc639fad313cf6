"""The twenty questions of an analyst: SQL in ``data/questions``, for any day, from the rollups or from the lines."""

# ruff: noqa: S608
# Every name in these statements is our own.

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from sinks.rollups import BUCKETS, DAYS, HOURS, ITEMS, RELATIVES, of_day

YESTERDAY: Final = "toDate(now(), 'Asia/Shanghai') - 1"
"""The day that a question is asked of, as its SQL says it."""

_1D: Final = f"SELECT code, brand, origin, province, {of_day('ts')} AS day, entry AS lines, base_qty, amount FROM sales"
_1H: Final = f"SELECT {of_day('ts')} AS day, {HOURS.lines.removeprefix('SELECT ')}"
_FROM_LINES: Final = {
    "price_relatives": RELATIVES,
    "items_1d": ITEMS.select,
    "sales_by_brand": _1D,
    "sales_by_origin": _1D,
    "cells_1d": DAYS.lines,
    "cells_1h": _1H,
    "price_buckets_1d": BUCKETS.lines,
}
"""What each rollup says, said of ``sales``: views on rollups first. Sums of what is not summed yet are the same; only
items must be whole, because their prices are compared."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``role`` is who may ask it: an analyst sees no enterprise, shop or article."""

    name: str
    title: str
    role: Literal["analyst", "auditor"]
    notes: str
    sql: str
    """of yesterday, in China's time"""

    def on(self, day: date) -> str:
        """The SQL for another day."""
        return self.sql.replace(YESTERDAY, f"toDate('{day.isoformat()}')")

    @property
    def has_rollup(self) -> bool:
        """Whether it asks a rollup at all."""
        return from_lines(self.sql) != self.sql


def from_lines(sql: str) -> str:
    """The same question asked of the lines: each rollup is replaced by what fills it."""
    for name, select in _FROM_LINES.items():
        sql = re.sub(rf"\b(FROM|JOIN) {name}\b", rf"\1 ({select})", sql)
    return sql


@cache
def questions() -> dict[str, Question]:
    """All questions by name, in order."""
    folder = files("sinks") / "data" / "questions"
    found = sorted((file.name, file.read_text(encoding="utf-8")) for file in folder.iterdir())
    return {one.name: one for one in (_read(name, text) for name, text in found)}


def _read(file: str, text: str) -> Question:
    lines = text.splitlines()
    head = [line.removeprefix("-- ") for line in lines if line.startswith("-- ")]
    role: Literal["analyst", "auditor"] = "auditor" if head[1] == "for: auditor" else "analyst"
    sql = "\n".join(line for line in lines if not line.startswith("-- "))
    return Question(file.removesuffix(".sql").partition("_")[2], head[0], role, " ".join(head[2:]), sql)
