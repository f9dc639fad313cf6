"""What analysts and publishers are shown: two databases of views over the tables.

An analyst's view has the name and the columns of the table or view it is of, so that a question reads the same. A cell
is shown where at least three holdings sold in it on its day and no one of them can be told from the rest (the p % rule,
``sinks.disclosure``); others are left out. That keeps single figures back, not differences: a province's sum of a brand
less the sum of its other brands may still be somebody's. Only what ``infopump publish`` writes is safe to give out.

The views run with the rights of who made them. Since an optimiser may test a reader's condition on a row before the
view's own, each figure is 0 where its cell is not shown, whatever is asked of it.
"""

# ruff: noqa: S608
# Every name in these statements is our own.

from collections.abc import Iterator
from typing import Final

from sinks.disclosure import Rule
from sinks.rollups import CELL_SUMS, of_day
from sinks.schema import DATABASE

_RULE: Final = Rule()
_CELL: Final = ("code", "county", "channel")
_PLACES: Final = "substring(county, 1, 4) AS city, substring(county, 1, 2) AS province"
_FEW: Final = _RULE.minimum
"""Terminals below which an alert shows no quantity."""

_SAFE: Final = f"length(each) >= {_RULE.minimum} AND arraySum(each) - each[1] - each[2] >= {_RULE.p / 100} * each[1]"
"""Whether a cell is shown; ``each`` is what its holdings sold, in fen, largest first."""
_EACH: Final = "arrayReverseSort(groupArrayIf(sold, sold > 0)) AS each"
_PLACE: Final = "cityHash64(county, channel) AS place"
"""One number is joined by in half the time of two strings; no two counties and channels share one."""


_PRICES: Final = (
    ("price_buckets_1d", ("day",), ("bucket", "lines")),
    ("price_quantiles_1d", ("day",), ("lines", "p10", "p25", "median", "p75", "p90")),
    ("price_relatives", ("day",), ("items", "log_relatives", "relative")),
)
"""What is shown of prices: table or view, unit of time, figures."""


def views(database: str = DATABASE, definer: str = "CURRENT_USER", *, sharded: bool | None = None) -> tuple[str, ...]:
    """The statements that make both databases, to be said by who owns the tables; they can be repeated.

    ``definer``: with whose rights the views look, as SQL; on a cluster, where another says them, it must be named. They
    follow the program as the dimension tables do, and hold no data. ``sharded``: whether parts of a cell may stand on
    several nodes, which takes longer to judge; where it is not said, they may if a definer is named.
    """
    if sharded is None:
        sharded = definer != "CURRENT_USER"
    analyst, publisher = f"{database}_analyst", f"{database}_publisher"
    made = {f"{analyst}.{name}": select for name, select in _for_analysts(database, sharded=sharded)}
    made |= {f"{publisher}.{name}": select for name, select in _for_publishers(database)}
    return (
        *(f"CREATE DATABASE IF NOT EXISTS {name}" for name in (analyst, publisher)),
        *(
            f"CREATE OR REPLACE VIEW {name} DEFINER = {definer} SQL SECURITY DEFINER AS {select}"
            for name, select in made.items()
        ),
    )


def _for_analysts(of: str, *, sharded: bool) -> Iterator[tuple[str, str]]:
    for name in ("taxonomy", "regions", "lunar_dates"):
        yield name, f"SELECT * FROM {of}.{name}"
    judged = _judged(of, sharded=sharded)
    for unit, table in {"minute": "cells_1m", "hour": "cells_1h", "day": "cells_1d"}.items():
        yield table, _cells(judged, of, table, tuple(dict.fromkeys(("day", unit))), CELL_SUMS)
    for table, units, figures in _PRICES:
        yield table, _cells(judged, of, table, units, figures)
    yield "stock_1d", _stock(of)
    for what in ("brand", "origin"):
        yield f"sales_by_{what}", _by(of, what)
    yield "reporting_1d", f"SELECT day, county, registered, reported FROM {of}.reporting_1d"
    yield (
        "signals",
        (
            "SELECT tick, tick_ms, city, code, kind, readings, region, p, "
            f"{_enough('observed')}, {_enough('expected')}, since, terminals, tests_per_day FROM {of}.signals FINAL"
        ),
    )
    yield (
        "alerts",
        (
            "SELECT alert_id, revision, published, state, kind, level, peak_level, commodity, commodity_zh, "
            f"commodity_en, region, region_zh, region_en, provinces, counties, "
            f"{_enough('observed')}, {_enough('expected')}, ratio, terminals, onset, detected, "
            f"updated, recurrence_days, clause, rulebook FROM {of}.alerts FINAL"
        ),
    )
    # Neither who acted nor what was written: a comment may name a shop.
    yield "alert_actions", f"SELECT alert_id, revision, at, action, until FROM {of}.alert_actions FINAL"


def _for_publishers(of: str) -> Iterator[tuple[str, str]]:
    for name in ("taxonomy", "regions"):
        yield name, f"SELECT * FROM {of}.{name}"
    yield "sales_now", f"SELECT ts, code, county, province, enterprise, base_qty, amount FROM {of}.sales_now"
    yield "enterprises", f"SELECT enterprise, holding, valid_from, valid_to FROM {of}.enterprises"


def _holders(of: str) -> str:
    # As they stand now: enterprises that have merged count as one in the past too.
    return f"SELECT enterprise, argMax(holding, valid_from) AS holding FROM {of}.enterprise_records GROUP BY enterprise"


_HOLDER: Final = "if(h.holding = '', i.enterprise, h.holding) AS holder"


def _held(of: str, keys: str, select: str, sums: str = "") -> str:
    """Sums by ``keys`` and holding, of what ``select`` says by enterprise as ``i``."""
    return (
        f"SELECT {keys}, {_HOLDER}, sum(i.sold) AS sold{sums} FROM ({select}) AS i "
        f"LEFT JOIN ({_holders(of)}) AS h ON h.enterprise = i.enterprise GROUP BY {keys}, holder"
    )


def _judged(of: str, *, sharded: bool) -> str:
    """Day, code and place of each cell, and whether it is shown."""
    contributions = f"{of}.contributions_1d FINAL"
    if sharded:
        # Each shard has its terminals' part of a cell.
        keys = "day, code, county, channel"
        whole = f"SELECT {keys}, sumMap(i.contributed) AS contributed FROM {of}.contributions_1d AS i GROUP BY {keys}"
        contributions = f"({whole})"
    return (
        "WITH (SELECT (groupArray(enterprise), groupArray(holding)) "
        f"FROM ({_holders(of)}) WHERE holding NOT IN ('', enterprise)) AS held "
        f"SELECT day, code, {_PLACE}, if(hasAny(contributed.1, held.1), arrayReduce('sumMap', "
        "[arrayMap(one -> transform(one, held.1, held.2, one), contributed.1)], [contributed.2]).2, contributed.2) "
        f"AS sold, arrayReverseSort(arrayFilter(one -> one > 0, sold)) AS each, {_SAFE} AS safe FROM {contributions}"
    )


def _cells(judged: str, of: str, table: str, units: tuple[str, ...], figures: tuple[str, ...]) -> str:
    """Cells of a rollup, each looked up in the day's contributions to it.

    Joined by what readers name, day and code, so that their conditions on these hold for the contributions too.
    """
    own = ", ".join((*_CELL, *units))
    # A row that is not merged yet is part of a cell: the condition below sees whole ones only with FINAL.
    shown = ", ".join(f"if(s.safe, c.{name}, 0) AS {name}" for name in figures)
    names = ", ".join(f"c.{name} AS {name}" for name in (*_CELL, *units))
    return (
        f"SELECT {names}, {_PLACES}, {shown} FROM "
        f"(SELECT {own}, {_PLACE}, {', '.join(figures)} FROM {of}.{table}) AS c "
        f"INNER JOIN ({judged}) AS s ON s.day = c.day AND s.code = c.code AND s.place = c.place WHERE s.safe"
    )


def _stock(of: str) -> str:
    keys = "day, code, county, city, province, channel"
    shelves = (
        f"SELECT {of_day('ts')} AS day, code, county, city, province, channel, enterprise, argMax(l.qty, ts) AS qty, "
        f"argMax(l.base_qty, ts) AS held FROM {of}.stock_now AS l GROUP BY {keys}, enterprise, terminal_id, sku, unit"
    )
    by_enterprise = (
        f"SELECT {keys}, enterprise, toInt64(1) AS sold, toInt64(count()) AS n, toInt64(countIf(qty = 0)) AS out, "
        f"sum(held) AS held FROM ({shelves}) GROUP BY {keys}, enterprise"
    )
    held = _held(of, keys, by_enterprise, ", sum(i.n) AS n, sum(i.out) AS out, sum(i.held) AS held")
    return (
        f"SELECT {keys}, if(safe, n, 0) AS items, if(safe, out, 0) AS empty, if(safe, held, 0) AS base_qty FROM ("
        f"SELECT {keys}, count() >= {_FEW} AS safe, sum(n) AS n, sum(out) AS out, sum(held) AS held FROM ({held}) "
        f"GROUP BY {keys}) WHERE safe"
    )


def _by(of: str, what: str) -> str:
    """By brand or origin: an own brand is its chain's alone."""
    keys = f"day, code, province, {what}"
    by_enterprise = (
        f"SELECT {keys}, enterprise, sum(l.lines) AS n, sum(l.base_qty) AS qty, sum(l.amount) AS sold "
        f"FROM {of}.brand_contributions_1d AS l GROUP BY {keys}, enterprise"
    )
    held = _held(of, keys, by_enterprise, ", sum(i.n) AS n, sum(i.qty) AS qty")
    return (
        f"SELECT {keys}, if(safe, n, 0) AS lines, if(safe, qty, 0) AS base_qty, if(safe, all, 0) AS amount FROM ("
        f"SELECT {keys}, {_EACH}, {_SAFE} AS safe, sum(n) AS n, sum(qty) AS qty, sum(sold) AS all FROM ({held}) "
        f"GROUP BY {keys}) WHERE safe"
    )


def _enough(name: str) -> str:
    return f"if(terminals >= {_FEW}, {name}, NULL) AS {name}"
