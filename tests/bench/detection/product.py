"""The product under test: ``infopump backtest`` as a command, and what it writes."""

import csv
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from streams.simulate.tradegrid import Grid, write_grid
from streams.simulate.tradetruth import Times
from streams.world import Floats
from tests.bench.detection.scoring import Signals

COMMAND: Final = str(Path(sys.executable).with_name("infopump"))


@dataclass(frozen=True, slots=True)
class Alert:
    """One row of ALERTS."""

    detected: np.datetime64
    kind: str
    level: str
    recurrence_days: float
    regions: tuple[str, ...]
    commodities: tuple[str, ...]


def backtest(grid: Grid, folder: Path, name: str) -> tuple[Path, Path]:
    """Run the command over a grid; the paths of ALERTS and SIGNALS. Raises CalledProcessError."""
    source, alerts, signals = (folder / f"{name}{end}.csv" for end in ("", ".alerts", ".signals"))
    write_grid(source, grid)
    command = [COMMAND, "backtest", str(source), "--out", str(alerts), "--signals", str(signals)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return alerts, signals


def read_signals(path: Path, kind: str, times: Times) -> Signals:
    """p of one kind; a series that is not named was not scored."""
    types = {
        "ts": pa.timestamp("s"),
        "region": pa.string(),
        "commodity": pa.string(),
        "kind": pa.string(),
        "p": pa.float64(),
    }
    table = pa_csv.read_csv(path, convert_options=pa_csv.ConvertOptions(column_types=types))
    table = table.filter(pa.compute.equal(table.column("kind"), kind))
    text = [table.column(c).to_numpy(zero_copy_only=False).astype(str) for c in ("region", "commodity")]
    joined = np.char.add(np.char.add(text[0], "\t"), text[1]) if table.num_rows else np.empty(0, str)
    names, column = np.unique(joined, return_inverse=True)
    p: Floats = np.full((len(times), len(names)), np.nan)
    p[np.searchsorted(times, table.column("ts").to_numpy().astype(times.dtype)), column] = table.column("p").to_numpy()
    keys = [name.partition("\t")[::2] for name in names.tolist()]
    return Signals(tuple(keys), p)


def read_alerts(path: Path) -> list[Alert]:
    """All rows of ALERTS, by the time of detection."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [
        Alert(
            np.datetime64(row["detected"].replace(" ", "T"), "s"),
            row["kind"],
            row["level"],
            float(row["recurrence_days"] or "nan"),
            _list(row["regions"], row["region"]),
            _list(row["commodities"], row["commodity"]),
        )
        for row in rows
    ]
    return sorted(found, key=lambda alert: alert.detected)


def run_product(clean: Grid, injected: Sequence[Grid], kind: str, folder: Path) -> tuple[Signals, list[Signals]]:
    """p of the product on a clean background and on each injected one."""
    found = []
    for number, grid in enumerate([clean, *injected]):
        alerts, signals = backtest(grid, folder, f"file{number:03d}")
        found.append(read_signals(signals, kind, grid.times))
        for path in (alerts, signals):
            path.unlink()
    return found[0], found[1:]


def _list(many: str, one: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(word for word in many.split(";") if word), one]))
