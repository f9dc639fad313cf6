"""The contract's CSV as arrays over regions, commodities and periods, and back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from streams.simulate.tradetruth import Times, period_texts
from streams.world import Floats

MEASURES: Final = ("price", "qty", "stock")
_MAX_CELLS: Final = 60_000_000


class TradeError(ValueError):
    """A file or a request that cannot be simulated; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Trade by region, commodity and period; NaN where nothing is told."""

    times: Times
    """(T,) datetime64[s], local time, rising"""
    regions: tuple[str, ...]
    commodities: tuple[str, ...]
    values: dict[str, Floats]
    """by measure, each (regions, commodities, T)"""

    @property
    def daily(self) -> bool:
        """Whether periods are days or longer."""
        return bool((self.times == self.times.astype("datetime64[D]")).all())

    @property
    def texts(self) -> list[str]:
        """The periods as the contract writes them."""
        return period_texts(self.times, self.daily)

    @property
    def per_day(self) -> float:
        """Periods a day, by the median distance."""
        if len(self.times) < 2:
            return 1.0
        return 86_400.0 / max(1.0, float(np.median(np.diff(self.times).astype(np.int64))))


def read_grid(path: Path) -> Grid:
    """Read a contract CSV. Of two rows with the same key the later counts.

    Raises TradeError where the file lacks a column, holds no row or a value is not a number; OSError.
    """
    text = dict.fromkeys(("region", "commodity"), pa.string())
    numbers = dict.fromkeys(MEASURES, pa.float64())
    times = pa_csv.ConvertOptions(column_types={**text, **numbers, "ts": pa.timestamp("s")}, strings_can_be_null=False)
    try:
        table = pa_csv.read_csv(path, convert_options=times)
    except pa.ArrowInvalid as error:
        raise TradeError(f"{path}: {error}") from error
    measures = [m for m in MEASURES if m in table.column_names]
    missing = [name for name in ("ts", "region", "commodity") if name not in table.column_names]
    if missing or not measures or not table.num_rows:
        raise TradeError(
            f"{path}: expected rows with ts, region, commodity and any of {', '.join(MEASURES)}, "
            f"got {table.num_rows} rows with {', '.join(table.column_names)}"
        )
    stamps, at = np.unique(table.column("ts").to_numpy(), return_inverse=True)
    regions, region = np.unique(table.column("region").to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
    codes, code = np.unique(table.column("commodity").to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
    shape = (len(regions), len(codes), len(stamps))
    check_size(*shape)
    values = {}
    for measure in measures:
        values[measure] = np.full(shape, np.nan)
        values[measure][region, code, at] = table.column(measure).to_numpy(zero_copy_only=False)
    return Grid(stamps.astype("datetime64[s]"), tuple(regions.tolist()), tuple(codes.tolist()), values)


def write_grid(path: Path, grid: Grid) -> int:
    """Write a contract CSV by time, region and commodity; cells without any value are no rows. Returns the rows.

    Raises OSError.
    """
    filled = [m for m in MEASURES if m in grid.values]
    told = np.any([~np.isnan(grid.values[m]) for m in filled], axis=0)
    at, region, code = np.nonzero(np.moveaxis(told, -1, 0))
    columns: dict[str, pa.Array] = {
        "ts": pa.array(grid.texts).take(pa.array(at)),
        "region": pa.array(grid.regions).take(pa.array(region)),
        "commodity": pa.array(grid.commodities).take(pa.array(code)),
    }
    for measure in MEASURES:
        if measure in grid.values:
            column = grid.values[measure][region, code, at]
            columns[measure] = pa.array(_plain(column), mask=np.isnan(column))
    # pyarrow's "needed" puts quotes around every text, and "none" cannot write one that holds a comma or a quote.
    special = any(set(',"\r\n') & set(name) for name in grid.regions + grid.commodities)
    style = "needed" if special else "none"
    pa_csv.write_csv(pa.table(columns), path, pa_csv.WriteOptions(quoting_style=style, quoting_header="none"))
    return len(at)


def check_size(*shape: int) -> None:
    """Raises TradeError where an array of this shape would not fit into memory."""
    if np.prod(shape, dtype=np.float64) > _MAX_CELLS:
        raise TradeError(f"expected at most {_MAX_CELLS:,} cells, got {' x '.join(f'{n:,}' for n in shape)}")


def _plain(column: Floats) -> np.ndarray[tuple[int], np.dtype[np.generic]]:
    """Counts as integers, else four places."""
    known = column[~np.isnan(column)]
    if (known == np.rint(known)).all():
        return np.nan_to_num(column).astype(np.int64)
    return np.round(column, 4)
