"""Injections into a background: known rises of known size in series that are otherwise as they were."""

from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np

from streams.simulate.tradegrid import Grid, TradeError, write_grid
from streams.simulate.tradeshape import SHAPES, multipliers
from streams.simulate.tradetruth import Happening, write_truth
from streams.world import Floats, Ints

QTY_PEAKS: Final = (1.3, 1.6, 2.0, 3.0)
PRICE_PEAKS: Final = (1.1, 1.2, 1.5, 2.0)
_DAYS: Final = {"qty": {"step": 7, "ramp": 10, "lognormal": 14}, "price": {"step": 10, "ramp": 10, "lognormal": 14}}
_HOURLY_DAYS: Final = {"step": 2, "ramp": 2, "lognormal": 3}
_GAP_DAYS: Final = {"qty": 30, "price": 90}
_TRIES: Final = 400
_MOST_MISSING: Final = 0.3
_OPENS, _CLOSES = 8, 18


@dataclass(frozen=True, slots=True)
class Design:
    """What is injected; every combination is drawn before any comes again."""

    files: int = 20
    per_file: int = 3
    """few, so that events stay rare in what an adaptive detector learns from"""
    measure: str = ""
    """``qty`` or ``price``; by default ``qty`` where the background has it"""
    peaks: tuple[float, ...] = ()
    shapes: tuple[str, ...] = SHAPES
    fractions: tuple[float, ...] = (0.3, 1.0)
    """share of a group's regions"""
    after: float = 0.3
    """share of the record in which nothing is injected"""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class _Group:
    code: str
    regions: Ints
    single: bool
    """holds one region: a fraction says nothing"""


def inject(grid: Grid, design: Design) -> list[tuple[Grid, list[Happening]]]:
    """One background with its injections for each file; all rows are otherwise those of ``grid``.

    Raises TradeError where the measure is missing or the record is too short for any injection.
    """
    measure = design.measure or ("qty" if "qty" in grid.values else "price")
    if measure not in grid.values:
        raise TradeError(f"measure: expected one of {', '.join(grid.values)}, got {measure!r}")
    peaks = design.peaks or (QTY_PEAKS if measure == "qty" else PRICE_PEAKS)
    extents = ("one", "all") if measure == "qty" and len(grid.commodities) > 1 else ("one",)
    deck = list(product(peaks, design.shapes, design.fractions, extents))
    rng = np.random.default_rng([design.seed, 78])
    order: list[int] = []
    files = []
    for number in range(design.files):
        values, told = grid.values[measure].copy(), list[Happening]()
        taken: dict[str, list[int]] = {}
        for _ in range(_TRIES):
            if len(told) == design.per_file:
                break
            order = order or rng.permutation(len(deck)).tolist()
            done = _one(grid, measure, values, deck[order[-1]], taken, design.after, rng)
            if done is not None:
                order.pop()
                told.append(done)
        if not told:
            raise TradeError(f"the background is too short: no room for an injection in {len(grid.times)} periods")
        name = f"inj_{number:03d}"
        named = [_named(h, name) for h in told]
        files.append((Grid(grid.times, grid.regions, grid.commodities, {**grid.values, measure: values}), named))
    return files


def write_injections(folder: Path, grid: Grid, files: list[tuple[Grid, list[Happening]]]) -> int:
    """Write ``input.csv`` (clean), ``inj_NNN.csv`` and ``truth.csv``; returns the injections. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    write_grid(folder / "input.csv", grid)
    for number, (injected, _) in enumerate(files):
        write_grid(folder / f"inj_{number:03d}.csv", injected)
    told = [h for _, happenings in files for h in happenings]
    write_truth(folder / "truth.csv", told, grid.texts)
    return len(told)


def _groups(regions: tuple[str, ...]) -> list[_Group]:
    """Cities of division codes; regions without a code are one group."""
    codes = all(r.isdigit() and len(r) in (4, 6) for r in regions)
    names = [r[:4] if codes else "" for r in regions]
    found = []
    for name in sorted(set(names)):
        members = np.array([i for i, n in enumerate(names) if n == name])
        found.append(_Group(name if len(set(names)) > 1 else "", members, len(members) == 1))
    return found


def _one(
    grid: Grid,
    measure: str,
    values: Floats,
    what: tuple[float, str, float, str],
    taken: dict[str, list[int]],
    after: float,
    rng: np.random.Generator,
) -> Happening | None:
    """Inject once, in place; None where the draw did not fit."""
    peak, shape, fraction, extent = what
    pace = max(1, round(grid.per_day))
    length = (_HOURLY_DAYS if pace > 1 else _DAYS[measure])[shape] * pace
    first = int(len(grid.times) * after)
    if first + length >= len(grid.times):
        return None
    groups = _groups(grid.regions)
    group = groups[int(rng.integers(len(groups)))]
    start = int(rng.integers(first, len(grid.times) - length))
    if pace > 1:
        # Begins while shops are open.
        hour = int(rng.integers(_OPENS, _CLOSES))
        now = int(grid.times[start].astype("datetime64[h]").astype(np.int64) % 24)
        start += (hour - now) % 24 * pace // 24
    regions = group.regions
    if not group.single:
        regions = np.sort(rng.choice(regions, max(1, round(fraction * len(regions))), replace=False))
    goods = np.arange(len(grid.commodities))
    if extent == "one":
        # By weight for sales: a good that nobody buys tells nothing.
        size = np.nan_to_num(np.nanmean(np.nan_to_num(values[regions]), axis=(0, 2))) + 1e-9
        goods = goods[[rng.choice(len(goods), p=size / size.sum() if measure == "qty" else None)]]
    alone = group.code if measure == "qty" else f"{group.code}/{goods[0]}"
    near = _GAP_DAYS[measure] * pace if pace == 1 else 14 * pace
    at = np.ix_(regions, goods, np.arange(start, min(start + length, len(grid.times))))
    if start + length >= len(grid.times) or any(abs(start - s) < near + length for s in taken.get(alone, [])):
        return None
    if np.isnan(values[at]).mean() > _MOST_MISSING:
        return None
    taken.setdefault(alone, []).append(start)
    ramp = length // 4 if pace > 1 else 5
    values[at] = _rounded(values[at] * multipliers(shape, peak, length, ramp), grid.values[measure], measure, rng)
    names = ("*",) if extent == "all" else tuple(grid.commodities[g] for g in goods)
    return Happening(
        kind="demand_surge" if measure == "qty" else "price_spike",
        first=start,
        last=start + length - 1,
        regions=("*",)
        if not group.code and len(regions) == len(grid.regions)
        else tuple(grid.regions[i] for i in regions),
        commodities=names,
        size=peak,
        shape=shape,
        fraction=1.0 if group.single else fraction,
        label=f"{shape} x{peak:g}",
        group=group.code + ("!" if measure == "price" else ""),
    )


def _rounded(values: Floats, like: Floats, measure: str, rng: np.random.Generator) -> Floats:
    """Whole numbers stay whole, by chance up or down so that the mean is kept; others get as many places as before."""
    known = like[~np.isnan(like)]
    if measure == "price":
        return np.round(values, 2)
    for step in (1.0, 0.1, 0.01, 0.001):
        if np.allclose(known / step, np.rint(known / step), atol=1e-6):
            low = np.floor(values / step + 1e-9)
            up = rng.random(values.shape) < values / step - low
            return np.round((low + up) * step, 4)
    return values


def _named(happening: Happening, file: str) -> Happening:
    return replace(happening, file=file)
