"""Time of one period over a whole country's counties, state in memory, and how fast a backtest reads a daily file.

Run: python -m tests.bench.bench_panel [--counties 3000] [--commodities 184]
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.panel import Frame, Panel, step
from detectors.tree import Tree
from streams.regions import regions
from streams.simulate.trade import make_trade
from streams.simulate.tradegrid import write_grid
from streams.simulate.tradeplan import Plan
from streams.taxonomy import taxonomy
from tests.bench.detection.product import COMMAND

_START_MS = 1_704_038_400_000
"""2024-01-01 in China"""
_PERIODS = 4


def country(counties: int, commodities: int) -> Tree:
    """A tree over so many real counties and codes of the taxonomy."""
    places = sorted(code for code in regions() if len(code) == 6)[:counties]
    return Tree.of(places, sorted(taxonomy())[:commodities])


def measure(tree: Tree, tick_ms: int) -> None:
    """Print the time of a period, after a first that allocates, and the size of the state."""
    rng = np.random.default_rng(1)
    shape = tree.leaves, tree.goods
    panel = Panel.new(tree, Pace.of(tick_ms))
    spent = []
    for number in range(_PERIODS):
        price = np.exp(rng.normal(2.0, 0.05, shape))
        qty = rng.poisson(20.0, shape).astype(np.float64)
        frame = Frame(qty=qty, price=price, stock=rng.poisson(90.0, shape).astype(np.float64))
        before = time.process_time()
        step(panel, frame, _START_MS + number * tick_ms)
        spent.append(time.process_time() - before)
    size = sum(array.nbytes for state in panel.states().values() for array in state.arrays().values())
    nodes = tree.shape[0] * tree.shape[1]
    print(
        f"{tick_ms // HOUR_MS:>3} h: {shape[0]:,} x {shape[1]} ({shape[0] * shape[1]:,} series, {nodes:,} nodes): "
        f"{min(spent[1:]):.2f} s at best, {np.mean(spent[1:]):.2f} s on average, state {size / 1e9:.2f} GB"
    )


def backtest() -> None:
    """Print observations a second of the command, its start included."""
    grid = make_trade(Plan(days=365, regions=("33",), goods=12, events=())).grid
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "input.csv"
        rows = write_grid(source, grid)
        words = [str(source), "--out", f"{folder}/alerts.csv", "--signals", f"{folder}/signals.csv"]
        before = time.monotonic()
        subprocess.run([COMMAND, "backtest", *words], check=True, capture_output=True)
        spent = time.monotonic() - before
    values = rows * len(grid.values)
    print(f"backtest, daily: {rows:,} rows, {values:,} values in {spent:.1f} s: {rows / spent:,.0f} rows/s")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_panel", description="Measure the panel.")
    parser.add_argument("--counties", type=int, default=3000)
    parser.add_argument("--commodities", type=int, default=184)
    asked = parser.parse_args()
    tree = country(asked.counties, asked.commodities)
    for tick_ms in (HOUR_MS, DAY_MS):
        measure(tree, tick_ms)
    backtest()


if __name__ == "__main__":
    main()
