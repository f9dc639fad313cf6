"""The attack on random tables, before and after secondary suppression, and a day of the whole nation made safe.

Run: python -m tests.bench.bench_disclosure [TABLES] [--nation [PROVINCE …]]. The nation is made up: 12 chains in half
of the counties, 8 a province, 5 a city and 2 shops a county, of skewed sizes; not all of them have every commodity.
"""

import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np

from sinks.attack import attack
from sinks.disclosure import Rule, is_sensitive
from sinks.frame import period
from sinks.published import UNMEASURED, read_table, table_text
from sinks.publishing import audit, protect
from sinks.suppression import suppress
from sinks.tabulation import LEVELS, Cells, Contributions, tabulate
from streams.regions import regions
from streams.taxonomy import taxonomy
from tests.sinks.confidential import DAY, Shape, table, target_of

SHAPES = (Shape(), Shape(1, 2, 4, 6, 5), Shape(3, 2, 2, 20, 11), Shape(2, 3, 3, 9, 8))


def random_tables(tables: int) -> None:
    """What is lost and what is found over so many tables."""
    sensitive = broken = again = 0
    cells = primary = secondary = 0
    value = hidden_value = sensitive_value = 0.0
    began = time.process_time()
    for seed in range(tables):
        one = table(seed, SHAPES[seed % len(SHAPES)])
        target = target_of(one)
        cells += len(one.frame)
        value += target.value.sum()
        if not target.hidden.any():
            continue
        sensitive += 1
        broken += bool(attack(target, first=True))
        hidden = suppress(one.frame, target)
        again += bool(attack(replace(target, hidden=hidden), first=True))
        primary += int(target.hidden.sum())
        secondary += int((hidden & ~target.hidden).sum())
        sensitive_value += target.value[target.hidden].sum()
        hidden_value += target.value[hidden].sum()
    print(f"{tables:,} random tables, {cells / tables:.0f} cells each; {sensitive:,} have sensitive cells")
    print(f"  broken when only these are hidden: {broken:,}; after secondary suppression: {again:,}")
    print(f"  sensitive: {primary / cells:.1%} of cells, {sensitive_value / value:.1%} of value (all levels counted)")
    print(f"  hidden:    {(primary + secondary) / cells:.1%} of cells, {hidden_value / value:.1%} of value")
    print(f"  {time.process_time() - began:.0f} s of CPU")


def nation(provinces: list[str]) -> Cells:
    """A day of counties by commodities, of all provinces or of some."""
    rng = np.random.default_rng(1)
    counties = sorted(c for c in regions() if len(c) == LEVELS["county"] and (not provinces or c[:2] in provinces))
    inner = {one.parent for one in taxonomy().values()}
    codes = sorted(code for code in taxonomy() if code not in inner)
    number = np.arange(len(counties))
    places: list[Any] = []
    for count, share, digits in ((12, 0.5, 0), (8, 0.4, 2), (5, 0.5, 4), (2, 1.0, 6)):
        names = np.array([code[:digits] for code in counties])
        for place in np.unique(names):
            there = number[names == place]
            places += [there[rng.random(len(there)) < share] for _ in range(count)]
    holding = np.repeat(np.arange(len(places)), [len(one) for one in places])
    county = np.concatenate(places)
    size, breadth = rng.lognormal(12, 1.2, len(places)), rng.uniform(0.3, 0.95, len(places))
    demand, common = rng.lognormal(0, 1, len(codes)), np.clip(rng.beta(4, 1.2, len(codes)), 0.05, 1)
    at, code = np.nonzero(rng.random((len(holding), len(codes))) < breadth[holding][:, None] * common)
    turnover = np.ceil(size[holding[at]] * demand[code] * rng.lognormal(0, 0.7, len(at))).astype(np.int64)
    quantity = np.ceil(turnover / rng.lognormal(0, 0.2, len(at))).astype(np.int64)
    values = {"turnover": turnover, "base_qty": quantity, UNMEASURED: np.zeros(len(at), np.int64)}
    parts = [one.astype(np.int32) for one in (county[at], code, np.zeros(len(at)), holding[at])]
    print(f"{len(counties):,} counties, {len(codes)} commodities sold, {len(places):,} holdings, {len(at):,} figures")
    rows = Contributions(counties, codes, parts[0], parts[1], parts[2], parts[3], values)
    return tabulate(rows, [period(DAY)], [[0]], "county")


def whole_nation(provinces: list[str]) -> None:
    """How long it takes to make the table safe and to attack it as it is published, and what is lost."""
    start = time.perf_counter(), time.process_time()

    def spent() -> str:
        wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
        return f"{wall:.0f} s, {cpu:.0f} s of CPU"

    cells = nation(provinces)
    print(f"{len(cells.frame):,} cells tabulated after {spent()}", flush=True)
    rule, mine = Rule(), cells.of(DAY, "county")
    hidden = protect(cells, rule, mine)
    print(f"made safe, turnover and quantity, after {spent()}", flush=True)
    faults, found = audit(cells, [read_table(table_text(cells, hidden, DAY, "county"))], rule)
    print(f"attacked as published after {spent()}: {len(faults)} faults, {len(found)} breaches")
    value = cells.measures["turnover"].total
    sensitive = is_sensitive(cells.measures["turnover"], rule)
    for level, digits in LEVELS.items():
        here = cells.depth == digits
        shares = [(of & here).sum() / here.sum() for of in (sensitive, hidden)]
        lost = value[hidden & here].sum() / value[here].sum()
        print(
            f"  {level:<9} {here.sum():>9,} cells, sensitive {shares[0]:.2%}, hidden {shares[1]:.2%}, value {lost:.2%}"
        )


def main() -> None:
    """Print what was measured."""
    words = sys.argv[1:]
    if "--nation" in words:
        whole_nation(words[words.index("--nation") + 1 :])
    else:
        random_tables(int(words[0]) if words else 1_000)


if __name__ == "__main__":
    main()
