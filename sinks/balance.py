"""Whether rollups are the sums of their lines: one question to the lines and one to the rollup, the same numbers.

Each sum is weighted by a hash of what its rollup is by, so that what is missing in one place and too much in another
does not cancel; hashes stay below 2^16, and sums wrap alike on both sides.
"""

# ruff: noqa: S608
# Every name in these statements is our own.

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pyarrow as pa

from sinks.rollups import OWN, SIGN, of_day

Ask = Callable[[str], pa.Table]
_TRIES: Final = 10
"""So often both are asked while lines come in."""


@dataclass(frozen=True, slots=True)
class Balance:
    """``lines`` and ``rollup`` are expressions by name; ``{w}`` is the weight. Both are asked by ``day``."""

    name: str
    of: str
    """the table that it is made of"""
    lines: dict[str, str]
    rollup: dict[str, str]
    by: str
    """what the weight is of"""
    day: str
    """the day of a line"""
    rollup_day: str = "day"
    where: str = "1"
    rollup_from: str = ""
    """how the rollup is asked, where that is not by its name"""


_SUMS: Final = ("base_qty", "amount")


def _weighed(columns: dict[str, str], by: str) -> str:
    weight = f"toInt64(cityHash64({by}) % 65521)"
    return ", ".join(
        f"sum({what}) AS all_{name}, sum({what} * {weight}) AS {name}_by" for name, what in columns.items()
    )


def _of_sales(name: str, by: str, rollup_day: str = "day") -> Balance:
    lines = {"lines": f"toInt64({SIGN})"} | {column: column for column in _SUMS}
    rollup = {"lines": "lines"} | {column: column for column in _SUMS}
    return Balance(name, "sales", lines, rollup, by, of_day("ts"), rollup_day)


def _counted(name: str, of: str, day: str, rollup_day: str = "day") -> Balance:
    where = f"bitAnd(quality, {OWN}) = 0"
    return Balance(name, of, {of: "toInt64(1)"}, {of: f"toInt64({of})"}, "terminal_id", day, rollup_day, where)


_LINES: Final = ("sales", "prices", "stock")
BALANCES: Final = (
    _of_sales("cells_1h", "code, county, channel", of_day("hour")),
    _of_sales("cells_1d", "code, county, channel"),
    _of_sales("items_1d", "code, county, terminal_id, sku"),
    _of_sales("sales_1d", "code, brand, origin"),
    _of_sales("brand_contributions_1d", "code, brand, origin, enterprise"),
    Balance(
        "contributions_1d",
        "sales",
        {"amount": "amount"},
        {"amount": "amount"},
        "code, county, channel, enterprise",
        of_day("ts"),
        rollup_from="contributions_1d ARRAY JOIN contributed.1 AS enterprise, contributed.2 AS amount",
    ),
    Balance(
        "presence",
        "envelopes",
        {"envelopes": "toInt64(1)", "lines": "toInt64(sales + prices + stock)"},
        {"envelopes": "envelopes", "lines": "lines"},
        "terminal_id",
        of_day("sent_at"),
    ),
    *(_counted("envelopes", of, of_day("sent_at"), of_day("sent_at")) for of in _LINES),
)


def faults(ask: Ask, day: date | None, done: Callable[[], None] = lambda: None) -> list[str]:
    """What does not add up, by rollup and day of China. ``day`` None: all. Raises QueryError."""
    found = []
    for one in BALANCES:
        for _ in range(_TRIES):
            left = _answer(ask, one.of, one.lines, one.by, one.day, one.where, day)
            right = _answer(ask, one.rollup_from or one.name, one.rollup, one.by, one.rollup_day, "1", day)
            # Where a block came in between, the two speak of different moments.
            if left == _answer(ask, one.of, one.lines, one.by, one.day, one.where, day):
                break
        none = {kind: 0 for name in one.lines for kind in (f"all_{name}", f"{name}_by")}
        for at in sorted(left.keys() | right.keys()):
            lines, rollup = left.get(at, none), right.get(at, none)
            for what in one.lines:
                mine, theirs = rollup[f"all_{what}"], lines[f"all_{what}"]
                if mine != theirs:
                    found.append(f"{one.name}, {at}: {what} {mine:,}, of the lines {theirs:,}")
                elif lines[f"{what}_by"] != rollup[f"{what}_by"]:
                    found.append(f"{one.name}, {at}: {what} adds up, but not by {one.by}")
        done()
    return found


def _answer(
    ask: Ask, table: str, columns: dict[str, str], by: str, of: str, where: str, day: date | None
) -> dict[date, dict[str, Any]]:
    within = "" if day is None else f" AND at = '{day.isoformat()}'"
    answer = ask(f"SELECT {of} AS at, {_weighed(columns, by)} FROM {table} WHERE {where}{within} GROUP BY at")
    return {_date(row.pop("at")): row for row in answer.to_pylist()}


def _date(value: Any) -> date:
    # The engine's Date comes as days since 1970.
    return value if isinstance(value, date) else date.fromordinal(date(1970, 1, 1).toordinal() + int(value))
