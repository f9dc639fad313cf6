"""From the panel's verdicts on nodes to findings with their measures and evidence."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from detectors import days_of_supply, demand, in_stock_sales, panel_evidence, rises, scan, stockout
from detectors.incident import Finding
from detectors.panel import Panel, Verdicts
from detectors.state import Floats, Ints, Mask
from detectors.supply import Verdict
from streams.records import Kind

MOST: Final = 200
"""Findings of one kind and period: the rarest. More would say nothing new."""
MOST_PARENTS: Final = 20
"""Parents of which the members are looked for, a kind and period: the rarest."""
_DEMAND: Final[dict[Kind, bool]] = {"demand_surge": False, "demand_drop": True}
_PRICE: Final[dict[Kind, int]] = {"price_spike": 0, "price_drop": 1}
_SIGN: Final = (1.0, -1.0)


class _Seen(NamedTuple):
    """What stands behind a kind, each (regions, commodities)."""

    observed: Floats
    expected: Floats
    since: Floats
    """ms UTC"""


def findings(state: Panel, said: Verdicts, start_ms: int, least_days: float) -> list[Finding]:
    """The nodes that chance alone would say so of less than once in ``least_days``.

    With a parent come those of its regions that the scan puts behind it, with its days: their own p may be common.
    """
    found: list[Finding] = []
    for kind, days in said.recurrence.items():
        explained = _explained(state, said, kind)
        wanted = (days >= least_days) & ~explained
        if not wanted.any():
            continue
        seen = _seen(state, kind, start_ms)
        rows, columns = _rarest(said.p[kind], wanted)
        rarity = days[rows, columns]
        if kind in _DEMAND and state.univariate is None:
            rows, columns, rarity = _with_members(state, kind, seen, rows, columns, rarity, explained)
        measures = _measures(state, kind)
        kinds = max(int(wanted[:, : state.tree.goods].any(axis=0).sum()), 1)
        for i, (r, c) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            found.append(
                Finding(
                    region=state.tree.regions[r],
                    commodity=state.tree.commodities[c],
                    kind=kind,
                    p=float(said.p[kind][r, c]),
                    recurrence_days=float(rarity[i]),
                    since=int(seen.since[r, c]),
                    observed=float(np.nan_to_num(seen.observed[r, c])),
                    expected=float(np.nan_to_num(seen.expected[r, c])),
                    kinds=kinds,
                    measures=_of_node(measures, r, c),
                    evidence=panel_evidence.of_demand(state, kind == "demand_drop", r, c)
                    if kind in _DEMAND and state.univariate is None and i < panel_evidence.MOST
                    else None,
                )
            )
    return found


def _explained(state: Panel, said: Verdicts, kind: Kind) -> Mask:
    """Nodes of which the supply verdict says something else: (regions, commodities).

    What a region sells too little of is no news of its own where it is closed, not heard, or cut off from supply; too
    much, where a feed catches up on what it had held back.
    """
    explained = np.zeros(state.tree.shape, np.bool_)
    if said.verdicts is not None and kind in ("demand_drop", "stock_out"):
        explained[: state.tree.leaves] = (said.verdicts != Verdict.NORMAL)[:, None]
    if said.verdicts is not None and kind == "demand_surge":
        explained[: state.tree.leaves] = (said.verdicts == Verdict.FEED_FAULT)[:, None]
    return explained


def _rarest(p: Floats, wanted: Mask) -> tuple[Ints, Ints]:
    rows, columns = np.nonzero(wanted)
    order = np.argsort(p[rows, columns], kind="stable")[:MOST]
    return rows[order].astype(np.int64), columns[order].astype(np.int64)


def _with_members(
    state: Panel, kind: Kind, seen: _Seen, rows: Ints, columns: Ints, rarity: Floats, explained: Mask
) -> tuple[Ints, Ints, Floats]:
    """The nodes and their days, and behind them the members of the best subset below each of the rarest parents.

    What the supply verdict explains is no member either.
    """
    tree = state.tree
    leaf, parent = tree.below
    found = dict(zip(zip(rows.tolist(), columns.tolist(), strict=True), rarity.tolist(), strict=True))
    parents = [node for node in found if node[0] >= tree.leaves][:MOST_PARENTS]
    dispersion = panel_evidence.dispersion(state, kind == "demand_drop") if parents else rarity
    for r, c in parents:
        column = slice(c, c + 1)
        members = scan.best_subset(
            seen.observed[None, : tree.leaves, column],
            seen.expected[None, : tree.leaves, column],
            dispersion[: tree.leaves, column],
            leaf[parent == r - tree.leaves],
            up=kind == "demand_surge",
        )
        for region in members.regions.tolist():
            if not explained[region, c]:
                found.setdefault((region, c), found[r, c])
    nodes = np.array(list(found), np.int64).reshape(-1, 2)
    return nodes[:, 0], nodes[:, 1], np.array(list(found.values()))


def _seen(state: Panel, kind: Kind, start_ms: int) -> _Seen:
    now = np.full(state.tree.shape, float(start_ms))
    if kind in _DEMAND and state.univariate is None:
        of = demand.evidence(state.demand, state.pace, down=_DEMAND[kind])
        return _Seen(of.observed, of.expected, np.where(np.isnan(of.since), now, of.since))
    if kind in _PRICE and state.judged is not None:
        side = _PRICE[kind]
        usual, relative = (
            np.exp(_SIGN[side] * a[side].astype(np.float64)) for a in (state.judged.usual, state.judged.relative)
        )
        begun = state.quotes.restlessness.since[side].astype(np.float64)
        ago = np.where(begun > 0.0, state.periods - begun, 0.0)
        return _Seen(relative, usual, now - ago * state.pace.tick_ms)
    if kind == "stock_out":
        ago = _leaves(state, stockout.days_out(state.stockout))
        return _Seen(np.zeros(now.shape), np.zeros(now.shape), now - np.nan_to_num(ago) * 86_400_000.0)
    return _Seen(np.zeros(now.shape), np.zeros(now.shape), now)


def _measures(state: Panel, kind: Kind) -> dict[str, Callable[[int, int], float]]:
    """What rules and evidence ask of a node, by name: functions of its row and column."""
    arrays: dict[str, Floats] = {}
    if kind in _PRICE:
        arrays |= rises.rises(state.quotes.shelf, state.tree, state.pace)
    if kind in _DEMAND and state.univariate is None:
        if state.judged is not None:
            arrays["price_ratio"] = np.exp(state.judged.relative[0].astype(np.float64))
        lift = state.lift.drop if _DEMAND[kind] else state.lift.surge
        arrays["festival_lift"] = np.broadcast_to(np.exp(lift), state.tree.shape)
    if kind in ("stock_out", "supply_interruption"):
        arrays["stock_out_days"] = _leaves(state, stockout.days_out(state.stockout))
        known = state.stockout.stocked > 0.0
        stock = np.where(known, state.stockout.stock, np.nan).astype(np.float64)
        daily = in_stock_sales.daily(state.stockout, state.pace).astype(np.float64)
        normal = days_of_supply.normal_days(state.tree.commodities[: state.tree.goods])
        nothing = np.full(stock.shape, np.nan)
        arrays["stock_pct_of_normal"] = _leaves(state, days_of_supply.percent_of_normal(stock, nothing, daily, normal))
    return {name: _reader(array) for name, array in arrays.items()}


def _reader(array: Floats) -> Callable[[int, int], float]:
    return lambda r, c: float(array[r, c])


def _of_node(measures: Mapping[str, Callable[[int, int], float]], r: int, c: int) -> dict[str, float]:
    values = {name: of(r, c) for name, of in measures.items()}
    return {name: round(value, 6) for name, value in values.items() if np.isfinite(value)}


def _leaves(state: Panel, given: Floats) -> Floats:
    """Values of the given series among all nodes; NaN for the sums."""
    out = np.full(state.tree.shape, np.nan)
    out[: state.tree.leaves, : state.tree.goods] = given
    return out
