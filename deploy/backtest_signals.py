"""SIGNALS of a backtest: the chance of each scored observation, written as they come."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from detectors.state import Floats, Ints
from streams.records import Kind

COLUMNS: Final = ("ts", "region", "commodity", "kind", "p")
_SCHEMA: Final = pa.schema([(name, pa.string()) for name in COLUMNS[:4]] + [("p", pa.float64())])
_BATCH: Final = 200_000
_DIGITS: Final = 7


class SignalsFile:
    """Rows in the order of time, region, commodity and kind; use as a context, whole or not at all. Raises OSError."""

    def __init__(self, path: Path, regions: Sequence[str], commodities: Sequence[str], kinds: Sequence[Kind]) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._kinds = tuple(kinds)
        nodes = [(r, c) for r in regions for c in commodities]
        self._region = pa.array([r for r, _ in nodes], pa.string())
        self._commodity = pa.array([c for _, c in nodes], pa.string())
        self._kind = pa.array(self._kinds, pa.string())
        self._waiting: list[tuple[str, Ints, Ints, Floats]] = []
        self._rows = 0
        self.written = 0

    def __enter__(self) -> Self:
        self._file = self._part.open("wb")
        self._writer = csv.CSVWriter(self._file, _SCHEMA, write_options=csv.WriteOptions(quoting_style="needed"))
        return self

    def __exit__(self, *failed: type[BaseException] | BaseException | TracebackType | None) -> None:
        if failed[0] is None:
            self.flush()
        self._writer.close()
        self._file.close()
        if failed[0] is None:
            self._part.replace(self._path)
        else:
            self._part.unlink()

    def add(self, ts: str, p: Mapping[Kind, Floats]) -> None:
        """The chances of one period by kind, each (regions, commodities), NaN where nothing was judged."""
        stacked = np.stack([p[k].ravel() if k in p else np.full(len(self._region), np.nan) for k in self._kinds], 1)
        node, kind = np.nonzero(~np.isnan(stacked))
        self._waiting.append((ts, node, kind, stacked[node, kind]))
        self._rows += len(node)
        if self._rows >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if not self._rows:
            return
        texts = pa.array([ts for ts, *_ in self._waiting], pa.string())
        when = np.repeat(np.arange(len(self._waiting)), [len(node) for _, node, _, _ in self._waiting])
        node, kind, p = (np.concatenate([w[i] for w in self._waiting]) for i in (1, 2, 3))
        columns = [texts.take(when), self._region.take(node), self._commodity.take(node), self._kind.take(kind)]
        self._writer.write_table(pa.table([*columns, pa.array(rounded(p))], _SCHEMA))
        self.written += self._rows
        self._waiting, self._rows = [], 0


def rounded(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """To seven significant digits: no more of a chance is known, and files are half as long.

    >>> rounded(np.array([0.123456789, 1e-300, 0.0])).tolist()
    [0.1234568, 1e-300, 0.0]
    """
    size = np.floor(np.log10(np.maximum(p, 1e-300)))
    # A power above 308 is none; so small a chance is left as it is.
    scale = 10.0 ** np.minimum(_DIGITS - 1 - size, 300.0)
    return np.where(size > -290, np.round(p * scale) / scale, p)
