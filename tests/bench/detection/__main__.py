"""Measure detection and print markdown tables.

Run: python -m tests.bench.detection [--out TABLES.md] [--full] [--files N] [--without product referee nab controls]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np

from streams.world import Floats
from tests.bench.detection import nab, referee
from tests.bench.detection.cases import Case, make_cases, pairs, run_baseline
from tests.bench.detection.controls import STORIES, run_story
from tests.bench.detection.product import run_product
from tests.bench.detection.report import calibration_plot, calibration_table, commit, controls_table, found_table
from tests.bench.detection.scoring import BUDGET_DAYS, Found, calibration, found_at

PARTS: Final = ("product", "referee", "nab", "controls")
PRODUCT: Final = "infopump"
QUICK_FILES, FULL_FILES = 8, 40
SHARED: Final = Path(__file__).resolve().parents[4] / "shared"


def main() -> None:
    """Print the report, and write it where ``--out`` says."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.detection", description="Measure detection.")
    parser.add_argument("--out", type=Path, help="write the tables there, and the calibration plots beside them")
    parser.add_argument("--full", action="store_true", help="all files; without it some five minutes")
    parser.add_argument("--files", type=int, help="injected files a background")
    parser.add_argument("--without", nargs="*", choices=PARTS, default=[], help="leave out")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with the referee and the real data")
    parser.add_argument("--cases", type=Path, help="cases that the referee has prepared and injected before")
    asked = parser.parse_args()
    files = asked.files or (FULL_FILES if asked.full else QUICK_FILES)
    wanted = [part for part in PARTS if part not in asked.without]
    began = time.monotonic()
    out: list[str] = []

    def say(text: str) -> None:
        out.append(text)
        print(text, flush=True)

    say(f"Measured on commit {commit()}, {files} injected files a background.\n")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for case in make_cases(files):
            say(_case(case, "product" in wanted, folder, asked.out, asked.full))
        if "controls" in wanted and "product" in wanted:
            for name, plan in STORIES.items():
                lines, stray, months = run_story(plan, folder)
                say(f"## Events and controls: {name}\n\n{controls_table(lines)}\n")
                say(f"Alerts that spoke of nothing that had happened: {stray} in {months:.0f} months.\n")
        if "nab" in wanted and (asked.shared / "data/nab").is_dir():
            say(nab.report(asked.shared / "data/nab"))
        if "referee" in wanted and "product" in wanted and referee.present(asked.shared):
            try:
                say(referee.report(asked.shared, folder, None if asked.full else files, asked.cases))
            except subprocess.CalledProcessError as error:
                print(f"the referee failed:\n{error.stderr}", file=sys.stderr)
    print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)
    if asked.out:
        asked.out.write_text("\n".join(out), encoding="utf-8")


def _case(case: Case, product: bool, folder: Path, out: Path | None, full: bool) -> str:
    """Tables of one background."""
    rows: dict[str, dict[str, Found | None]] = {}
    ratios: dict[str, dict[float, float]] = {}
    curves: dict[str, Floats] = {}
    for name in ((PRODUCT,) if product else ()) + case.methods:
        # river learns one series at a time.
        part = case if name != "HalfSpaceTrees" or full else case.fewer(3)
        try:
            clean, runs = (
                run_product(part.clean, [grid for grid, _ in part.files], part.kind, folder)
                if name == PRODUCT
                else run_baseline(part, name)
            )
        except subprocess.CalledProcessError as error:
            print(f"{name} failed on {case.name}:\n{error.stderr}", file=sys.stderr)
            continue
        told = pairs(part, runs)
        rows[name] = {budget: found_at(clean, told, case.clock, days) for budget, days in BUDGET_DAYS.items()}
        if name != "HalfSpaceTrees":  # gives scores, no p
            ratios[name] = calibration(clean, case.clock.score_from)
            curves[name] = clean.p[case.clock.score_from :].ravel()
    if out is not None:
        plot = out.with_name(f"{out.stem}-{case.name.replace(', ', '-')}.svg")
        plot.write_text(calibration_plot({name: np.asarray(p) for name, p in curves.items()}), encoding="utf-8")
    shape = " x ".join(str(n) for n in case.clean.values[case.measure].shape)
    return (
        f"## {case.name}: {shape} regions, commodities, periods\n\n{found_table(rows)}\n\n"
        f"Observed over nominal on clean data:\n\n{calibration_table(ratios)}\n"
    )


if __name__ == "__main__":
    main()
