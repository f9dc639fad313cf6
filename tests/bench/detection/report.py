"""The report's tables and its calibration plot, as text."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from tests.bench.detection.controls import Line
from tests.bench.detection.scoring import BUDGET_DAYS, LEVELS, Found

_SIZE: Final = 360
_EDGE: Final = 48
_DECADES: Final = 5
_COLOURS: Final = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2", "#7f7f7f")


def commit() -> str:
    """The commit that is measured; a "+" where files differ from it."""
    git = ["git", "-C", str(Path(__file__).parent)]
    name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False)
    return (name.stdout.strip() or "unknown") + ("+" if changed.stdout.strip() else "")


def found_table(rows: Mapping[str, Mapping[str, Found | None]]) -> str:
    """Found share and mean delay of each method (rows) at each budget."""
    head = ["method", *(f"one a {name}: found | mean delay, days" for name in BUDGET_DAYS)]
    lines = [" | ".join(["", *head, ""]).strip(), "|" + "---|" * (1 + 2 * len(BUDGET_DAYS))]
    for method, by_budget in rows.items():
        cells = [f"{f.share:.0%} of {f.events} | {f.delay_days:.1f}" if f else "– | –" for f in by_budget.values()]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def calibration_table(rows: Mapping[str, Mapping[float, float]]) -> str:
    """Observed over nominal of each method at each level."""
    lines = ["| method | " + " | ".join(f"p < {level:g}" for level in LEVELS) + " |", "|---|" + "---|" * len(LEVELS)]
    for method, ratios in rows.items():
        lines.append(f"| {method} | " + " | ".join(f"{ratios[level]:.2g}" for level in LEVELS) + " |")
    return "\n".join(lines)


def controls_table(lines: Sequence[Line]) -> str:
    """What was raised at events and controls of a story."""
    out = ["| what | role | raised at | delay, days | levels |", "|---|---|---|---|---|"]
    for line in lines:
        delay = "–" if np.isnan(line.delay_days) else f"{line.delay_days:.1f}"
        levels = ", ".join(line.levels) or "–"
        out.append(f"| {line.name} | {line.role} | {line.alarmed} of {line.count} | {delay} | {levels} |")
    return "\n".join(out)


def calibration_plot(curves: Mapping[str, np.ndarray[tuple[int], np.dtype[np.float64]]]) -> str:
    """An SVG: observed share of clean p below a nominal one, both on log scales; the diagonal is what was promised.

    ``curves`` are all p of each method on clean data, in any order.
    """

    def at(decades: float) -> float:
        return _EDGE + decades / _DECADES * _SIZE

    side = _SIZE + 2 * _EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side + 120}" height="{side}" font-family="sans-serif" '
        'font-size="11">',
        f'<rect width="{side + 120}" height="{side}" fill="white"/>',
        f'<path d="M{at(0)} {at(0)} L{at(_DECADES)} {at(_DECADES)}" stroke="#999" stroke-dasharray="4"/>',
    ]
    for decade in range(_DECADES + 1):
        parts.append(f'<text x="{at(decade) - 12:.0f}" y="{side - 26}">1e-{decade}</text>')
        parts.append(f'<text x="6" y="{at(decade) + 4:.0f}">1e-{decade}</text>')
    parts.append(f'<text x="{at(1.6):.0f}" y="{side - 8}">nominal p (rare to the right), clean data</text>')
    parts.append(f'<text x="6" y="{_EDGE - 20}">observed share</text>')
    nominal = np.linspace(0, _DECADES, 26)
    for number, (name, p) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        known = np.sort(p[~np.isnan(p)])
        share = np.searchsorted(known, 10.0**-nominal) / max(1, len(known))
        points = [(x, -np.log10(y)) for x, y in zip(nominal.tolist(), share.tolist(), strict=True) if y > 0]
        path = " L".join(f"{at(x):.1f} {at(min(y, _DECADES)):.1f}" for x, y in points)
        if points:
            parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        parts.append(f'<text x="{side - 20}" y="{_EDGE + 16 * number}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
