"""The Numenta Anomaly Benchmark: its corpus, its scoring by the standard profile, and what our univariate path earns.

Source: Lavin and Ahmad 2015, "Evaluating real-time anomaly detection algorithms"; NAB v1.1, scoring by sweeping a
threshold over the whole corpus. A detection in a window earns by how early it is, each one outside costs; the first
15 % of a file (750 rows at most) are for learning.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from streams.world import Bools, Floats, Ints

FALSE_WEIGHT: Final = 0.11
_PROBATION: Final = 0.15
_PROBATION_ROWS: Final = 5000
PUBLISHED: Final = {"windowed Gaussian": 39.6, "HTM": 70.1, "ARTime": 74.9}


@dataclass(frozen=True, slots=True)
class File:
    """One file of the corpus."""

    name: str
    times: np.ndarray[tuple[int], np.dtype[np.datetime64]]
    """(T,) datetime64[s]"""
    values: Floats
    windows: tuple[tuple[int, int], ...]
    """first and last row of each anomaly's window"""

    @property
    def probation(self) -> int:
        """Rows at the begin that are not scored."""
        return int(_PROBATION * min(len(self.values), _PROBATION_ROWS))


def read_corpus(folder: Path) -> list[File]:
    """All files below ``folder/data`` with the windows of ``folder/labels``, by name. Raises OSError."""
    labels = json.loads((folder / "labels/combined_windows.json").read_text(encoding="utf-8"))
    found = []
    for name in sorted(labels):
        with (folder / "data" / name).open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        times = np.array([row["timestamp"] for row in rows], "datetime64[s]")
        spans = [[np.datetime64(end[:19].replace(" ", "T"), "s") for end in window] for window in labels[name]]
        windows = tuple((int(np.argmax(times == a)), int(np.argmax(times == b))) for a, b in spans)
        found.append(File(name, times, np.array([float(row["value"]) for row in rows]), windows))
    return found


def sigmoid(position: Floats) -> Floats:
    """NAB's scaled sigmoid: 1 far to the left, 0 at the window's end, -1 from three widths behind it."""
    scaled: Floats = 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, 3.0))) - 1.0
    return np.where(position > 3.0, -1.0, scaled)


def worth(file: File) -> tuple[Floats, Ints]:
    """What a detection earns or costs in each row (T,), and the number of its window, -1 outside, -2 in probation."""
    rows = np.arange(len(file.values))
    earns, window = np.full(len(rows), -FALSE_WEIGHT), np.full(len(rows), -1)
    for number, (first, last) in enumerate(sorted(file.windows)):
        width = last - first + 1
        after = rows > last
        earns[after] = sigmoid((rows[after] - last) / max(1, width - 1)) * FALSE_WEIGHT
        inside = (rows >= first) & (rows <= last)
        earns[inside] = sigmoid(-(last - rows[inside] + 1) / width) / sigmoid(np.array(-1.0))
        window[inside] = number
    window[: file.probation] = -2
    return earns, window


def score(files: Sequence[File], scores: Sequence[Floats]) -> tuple[float, float]:
    """The normalised score, where saying nothing is 0 and perfection 100, and the threshold that gives it.

    ``scores`` are one array (T,) a file, higher is more anomalous; one threshold holds for the whole corpus.
    """
    changes: list[tuple[Floats, Floats]] = []
    total = sum(len(file.windows) for file in files)
    for file, given in zip(files, scores, strict=True):
        earns, window = worth(file)
        outside = window == -1
        changes.append((given[outside], earns[outside]))
        for number in range(len(file.windows)):
            at = window == number
            changes.append(_window_steps(given[at], earns[at]))
    level = np.concatenate([level for level, _ in changes])
    gain = np.concatenate([gain for _, gain in changes])
    order = np.argsort(-level, kind="stable")
    raw = np.cumsum(gain[order]) - total
    # A threshold takes all rows with the same score at once.
    last: Bools = np.append(np.diff(level[order]) != 0, True)
    best = int(np.argmax(np.where(last, raw, -np.inf)))
    # Above every score nothing is said, which is the null detector.
    if raw[best] <= -total:
        return 0.0, float("inf")
    return float(100.0 * (raw[best] + total) / (2.0 * total)), float(level[order][best])


def _window_steps(given: Floats, earns: Floats) -> tuple[Floats, Floats]:
    """Thresholds at which a window's earnings change, and by how much: only its earliest detection counts."""
    if not len(given):
        return given, earns
    # The miss (-1) is undone by the first detection; an earlier row that needs a lower threshold adds the rest.
    order = np.argsort(-given, kind="stable")
    best = np.maximum.accumulate(earns[order])
    return given[order], np.diff(best, prepend=-1.0)


def report(folder: Path) -> str:
    """The score of the univariate path, in markdown."""
    from tests.bench.detection.univariate import scores_of

    files = read_corpus(folder)
    found, limit = score(files, scores_of(files))
    published = ", ".join(f"{name} {value}" for name, value in PUBLISHED.items())
    return f"## NAB, standard profile\n\n{found:.1f} at p <= {10.0**-limit:.2g} (published: {published})\n"
