"""Run the panel and the escalation over an input, period by period: chances, alerts and a summary."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import numpy as np

from deploy.backtest_input import Input
from deploy.backtest_plot import draw
from deploy.backtest_signals import SignalsFile
from deploy.errors import DeployError
from detectors import incident, panel
from detectors.adjacency import Centres
from detectors.budget import Budget
from detectors.incident import Incidents, Rules
from detectors.incident_rows import Row, rows
from detectors.pace import DAY_MS, Pace
from detectors.panel import KINDS, Frame, Panel
from detectors.panel_findings import findings
from detectors.rulebook import Rulebook
from detectors.state import Floats
from detectors.tree import Tree
from streams.records import Alert, Kind

MOST_EMPTY: Final = 400
"""Periods without a row that are stepped through; of a longer gap only so many."""
_CHINA: Final = timezone(timedelta(hours=8))


class BacktestError(DeployError):
    """A backtest that cannot be finished; says what to do."""


@dataclass
class Summary:
    """What a backtest has read and said."""

    observations: int
    series: int
    periods: int
    skipped: int
    signals: int = 0
    alerts: int = 0
    by_chance: float = 0.0
    """alerts that chance alone would give in as many days"""
    by_kind: Counter[Kind] = field(default_factory=Counter)


def run(
    given: Input,
    out: Path,
    signals: Path | None,
    books: tuple[Rulebook, ...],
    budget: Budget | None = None,
    plot: Path | None = None,
    progress: Callable[[int], None] = lambda _: None,
    *,
    metrics: bool = False,
    centres: Centres | None = None,
) -> Summary:
    """Step through all periods; write alerts, and signals where wanted.

    ``metrics``: the values are no trade, and are judged by the univariate path alone. ``centres``: where regions lie,
    beside the division codes. Raises BacktestError where a file cannot be written.
    """
    pace = Pace.of(given.tick_ms)
    tree = Tree.of(given.regions, given.commodities)
    state = Panel.new(tree, pace, metrics=metrics, centres=centres)
    rules = Rules(books, frozenset(given.regions), given.tick_ms, budget)
    incidents = Incidents()
    revisions: list[Alert] = []
    summary = Summary(
        observations=len(given.region),
        series=len(np.unique(given.region * len(given.commodities) + given.commodity)),
        periods=len(given.numbers),
        skipped=len(given.wrong),
    )
    try:
        with _signals(signals, tree) as file:
            for k, start_ms, text, frame in frames(given):
                said = panel.step(state, frame, start_ms)
                if file is not None and text is not None:
                    file.add(text, said.p)
                found = findings(state, said, start_ms, rules.least_days())
                revisions += incident.step(incidents, found, start_ms, rules)
                progress(k + 1)
            if file is not None:
                file.flush()
                summary.signals = file.written
        raised = rows([*revisions, *incident.finish(incidents, rules)])
        _write(out, raised, given)
        if plot is not None:
            draw(plot, raised, given)
    except OSError as error:
        raise BacktestError(f"{error.filename}: {error.strerror}") from error
    summary.alerts = len(raised)
    days = summary.periods * given.tick_ms / DAY_MS
    summary.by_chance = min(days / max(rules.least_days(), 1.0), float(len(raised)))
    summary.by_kind = Counter(row.kind for row in raised)
    return summary


def _signals(path: Path | None, tree: Tree) -> AbstractContextManager[SignalsFile | None]:
    return nullcontext() if path is None else SignalsFile(path, tree.regions, tree.commodities, KINDS)


def frames(given: Input) -> Iterator[tuple[int, int, str | None, Frame]]:
    """Each period: its number among those with rows, start (ms UTC), its time as text (None: it has no row), values."""
    shape = len(given.regions), len(given.commodities)
    nothing = Frame(**{name: np.full(shape, np.nan) for name in given.values})
    last = int(given.numbers[0])
    for k, number in enumerate(given.numbers.tolist()):
        start = int(given.starts[k])
        gap = min(number - last - 1, MOST_EMPTY)
        for i in range(gap, 0, -1):
            yield k, start - i * given.tick_ms, None, nothing
        rows = slice(int(given.bounds[k]), int(given.bounds[k + 1]))
        values: dict[str, Floats] = {}
        for name, column in given.values.items():
            values[name] = np.full(shape, np.nan)
            values[name][given.region[rows], given.commodity[rows]] = column[rows]
        yield k, start, given.texts[k], Frame(**values)
        last = number


def _write(out: Path, raised: list[Row], given: Input) -> None:
    daily = given.tick_ms >= DAY_MS
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        for row in raised:
            cells = row._asdict() | {
                "detected": _time(row.detected, daily),
                "onset": _time(row.onset, daily),
                "score": round(row.score, 1),
                "recurrence_days": round(row.recurrence_days, 1),
                "regions": ";".join(row.regions),
                "commodities": ";".join(row.commodities),
            }
            writer.writerow(cells.values())


def _time(ms: int, daily: bool) -> str:
    moment = datetime.fromtimestamp(ms / 1000, _CHINA).replace(tzinfo=None)
    return moment.date().isoformat() if daily else moment.isoformat(timespec="seconds")
