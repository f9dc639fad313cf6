"""From the panel's verdicts on nodes to findings with their measures and evidence."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from detectors import (
    days_of_supply,
    demand,
    discovery,
    in_stock_sales,
    neighbourhood,
    panel_evidence,
    rises,
    scan,
    stockout,
    yearly,
)
from detectors.evidence import FALLS
from detectors.incident import Finding
from detectors.panel import Panel, Verdicts
from detectors.state import Floats, Mask
from detectors.supply import Reason, Verdict
from streams.evidence import Evidence
from streams.records import Kind

MOST: Final = 200
"""Findings of one kind and period: the rarest. More would say nothing new."""
MOST_PARENTS: Final = 20
"""Parents of which the members are looked for, a kind and period: the rarest."""
MOST_GOODS: Final = 8
"""Goods that are named of a circle; where more are off, all goods together are."""
_DEMAND: Final[dict[Kind, bool]] = {"demand_surge": False, "demand_drop": True}
_PRICE: Final[dict[Kind, int]] = {"price_spike": 0, "price_drop": 1}
_SIGN: Final = (1.0, -1.0)


_Node = tuple[int, int]
"""row and column of a node"""


class _Rare(NamedTuple):
    """How rare a node is."""

    p: float
    days: float


class _Seen(NamedTuple):
    """What stands behind a kind, each (regions, commodities)."""

    observed: Floats
    expected: Floats
    since: Floats
    """ms UTC"""


def findings(state: Panel, said: Verdicts, start_ms: int, least_days: float) -> list[Finding]:
    """The nodes that chance alone would say so of less than once in ``least_days``.

    With a parent come those of its regions that the scan puts behind it, with its days: their own p may be common. So
    it is with the regions and goods of a circle of neighbours that is as rare.
    """
    found: list[Finding] = []
    for kind, days in said.recurrence.items():
        explained = _explained(state, said, kind)
        wanted = (days >= least_days) & ~explained
        around = _around(state, said, kind, explained, least_days) if kind in _DEMAND else {}
        if not (wanted.any() or around):
            continue
        seen = _seen(state, kind, start_ms)
        p = said.p[kind]
        nodes = {(r, c): _Rare(float(p[r, c]), float(days[r, c])) for r, c in _rarest(p, wanted)}
        if kind in _DEMAND and state.univariate is None:
            nodes = _with_members(state, kind, seen, nodes, p, explained)
            nodes |= {node: rare for node, rare in around.items() if node not in nodes}
        measures = _measures(state, kind)
        goods = set(np.flatnonzero(wanted[:, : state.tree.goods].any(axis=0)).tolist()) | {c for _, c in around}
        kinds = max(len(goods - {state.tree.goods}), 1)
        for i, ((r, c), rare) in enumerate(nodes.items()):
            found.append(
                Finding(
                    region=state.tree.regions[r],
                    commodity=state.tree.commodities[c],
                    kind=kind,
                    p=rare.p,
                    recurrence_days=rare.days,
                    since=int(seen.since[r, c]),
                    observed=float(np.nan_to_num(seen.observed[r, c])),
                    expected=float(np.nan_to_num(seen.expected[r, c])),
                    kinds=kinds,
                    measures=_of_node(measures, r, c)
                    | {"false_share": round(float(discovery.false_share(state.discovery, rare.days)), 3)},
                    evidence=_evidence(state, kind, r, c) if i < panel_evidence.MOST else None,
                )
            )
    return found


def _evidence(state: Panel, kind: Kind, row: int, column: int) -> Evidence | None:
    if kind in _DEMAND and state.univariate is None:
        return panel_evidence.of_demand(state, _DEMAND[kind], row, column)
    if kind in _PRICE and state.judged is not None:
        return panel_evidence.of_price(state, kind == "price_drop", row, column)
    return None


def _explained(state: Panel, said: Verdicts, kind: Kind) -> Mask:
    """Nodes of which the supply verdict says something else: (regions, commodities).

    What a region sells too little of is no news of its own where it is closed, not heard, or cut off from supply; too
    much, where a feed catches up on what it had held back, or its clock is wrong: not where fewer terminals are heard.
    """
    explained = np.zeros(state.tree.shape, np.bool_)
    if said.verdicts is not None and kind in ("demand_drop", "stock_out"):
        explained[: state.tree.leaves] = (said.verdicts != Verdict.NORMAL)[:, None]
    if said.verdicts is not None and kind == "demand_surge":
        other = said.reasons != Reason.PART_UNHEARD if said.reasons is not None else True
        explained[: state.tree.leaves] = ((said.verdicts == Verdict.FEED_FAULT) & other)[:, None]
    return explained


def _rarest(p: Floats, wanted: Mask) -> list[_Node]:
    rows, columns = np.nonzero(wanted)
    order = np.argsort(p[rows, columns], kind="stable")[:MOST]
    return list(zip(rows[order].tolist(), columns[order].tolist(), strict=True))


def _with_members(
    state: Panel, kind: Kind, seen: _Seen, nodes: Mapping[_Node, _Rare], p: Floats, explained: Mask
) -> dict[_Node, _Rare]:
    """The nodes, and behind them the members of the best subset below each of the rarest parents.

    What the supply verdict explains is no member either.
    """
    tree = state.tree
    leaf, parent = tree.below
    found = dict(nodes)
    parents = [node for node in found if node[0] >= tree.leaves][:MOST_PARENTS]
    dispersion = panel_evidence.dispersion(state, kind == "demand_drop") if parents else p
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
                found.setdefault((region, c), _Rare(float(p[region, c]), found[r, c].days))
    return found


def _around(state: Panel, said: Verdicts, kind: Kind, explained: Mask, least_days: float) -> dict[_Node, _Rare]:
    """The regions and goods of circles that stand out. One region alone is no matter of its neighbours."""
    found: dict[_Node, _Rare] = {}
    tree = state.tree
    for find in said.finds:
        if find.days < least_days or _DEMAND[kind] != find.down:
            continue
        part = neighbourhood.parts(find, state.circles, state.demand, tree, state.pace)
        goods = part.commodities.tolist()
        if len(goods) > MOST_GOODS:
            goods = [tree.goods] if len(tree.commodities) > tree.goods else goods[:MOST_GOODS]
        regions = [r for r in part.regions.tolist() if not explained[r].all()]
        if len(regions) > 1:
            for r in regions:
                for c in goods:
                    found.setdefault((r, c), _Rare(find.p, find.days))
    return found


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
        arrays["price_rise_year"] = yearly.rise(state.yearly, state.tree)
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
    if kind in FALLS and state.reporting is not None:
        arrays["reporting_share"] = np.broadcast_to(state.reporting[:, None], state.tree.shape)
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
