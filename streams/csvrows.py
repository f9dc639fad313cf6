"""A CSV file (plain or .gz) as text columns with the line number of each row; broken rows are left out and noted."""

import csv
import gzip
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from streams.filemap import Join, MapError

MAX_LISTED: Final = 100
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in one line of the file (1 is the header)."""

    line: int
    field: str
    expected: str
    got: str


@dataclass(slots=True)
class Problems:
    """All are counted, the first MAX_LISTED of each sort are listed."""

    count: int = 0
    listed: list[Problem] = field(default_factory=list)

    def add(self, lines: Ints, field_name: str, expected: str, got: Iterable[object]) -> None:
        """Note one problem a line."""
        self.count += len(lines)
        found = zip(lines[:MAX_LISTED].tolist(), got, strict=False)
        self.listed += [Problem(line, field_name, expected, str(value)[:200]) for line, value in found]


@dataclass(frozen=True, slots=True)
class Rows:
    """Text columns by name, and the line of the file on which each row stands."""

    table: pa.Table
    line: Ints

    def column(self, name: str) -> pa.Array:
        """One column in one piece."""
        column = self.table.column(name).combine_chunks()
        return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def read_rows(path: Path, names: set[str], join: Join | None, encoding: str, problems: Problems) -> Rows:
    """The columns ``names`` of a file, those of the joined one included.

    Raises MapError where a column is missing, or the file cannot be read as CSV in that encoding.
    """
    if not path.is_file():
        raise MapError(f"{path}: expected a CSV file, found none")
    own = header_of(path, encoding)
    others = names - set(own)
    if not others:
        return _read(path, sorted(names), encoding, problems)
    if join is None:
        raise MapError(f"{path.name}: expected the columns {_list(others)}, got {', '.join(own)}")
    beside = path.parent / join.file
    if not beside.is_file():
        raise MapError(f"{path.name}: its map takes {_list(others)} from {join.file} in the same folder: put it there")
    missing = (others | {join.on}) - set(header_of(beside, encoding))
    if missing:
        raise MapError(f"{path.name}, {join.file}: expected the columns {_list(missing)} in one of them, found none")
    rows = _read(path, sorted(names - others | {join.on}), encoding, problems)
    faults = Problems()
    second = _read(beside, sorted(others | {join.on}), encoding, faults)
    if faults.count:
        raise MapError(
            f"{join.file}: expected rows of equal length, got {faults.listed[0].got} on line {faults.listed[0].line}"
        )
    at = pc.index_in(rows.column(join.on), value_set=second.column(join.on))
    table = rows.table
    for name in sorted(others):
        table = table.append_column(name, pc.fill_null(second.column(name).take(at), ""))
    return Rows(table, rows.line)


def header_of(path: Path, encoding: str) -> list[str]:
    """The names in the first line. Raises MapError where it cannot be read."""
    try:
        zipped = path.suffix == ".gz"
        with gzip.open(path, "rt", encoding=encoding) if zipped else path.open(encoding=encoding) as text:
            first = next(csv.reader(text), [])
    except (OSError, UnicodeError, LookupError, csv.Error, EOFError) as error:
        raise MapError(f"{path}: expected CSV in {encoding}: {error}") from error
    return [first[0].removeprefix("\ufeff"), *first[1:]] if first else []


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _read(path: Path, names: list[str], encoding: str, problems: Problems) -> Rows:
    broken: list[pa_csv.InvalidRow] = []

    def skip(row: pa_csv.InvalidRow) -> str:
        broken.append(row)
        return "skip"

    try:
        table = pa_csv.read_csv(
            path,
            # One thread: only then does Arrow know the number of a broken row.
            read_options=pa_csv.ReadOptions(use_threads=False, encoding=encoding),
            parse_options=pa_csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=skip),
            convert_options=pa_csv.ConvertOptions(
                include_columns=names, column_types={n: pa.string() for n in names}, strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise MapError(f"{path}: expected CSV in {encoding}: {error}") from error
    bad = np.array([row.number for row in broken], dtype=np.int64)
    line = np.setdiff1d(np.arange(2, 2 + table.num_rows + len(bad)), bad)
    problems.add(
        bad,
        "line",
        f"{broken[0].expected_columns} columns" if broken else "",
        (f"{row.actual_columns}: {row.text}" for row in broken),
    )
    # An empty line is no row.
    said = np.zeros(table.num_rows, dtype=np.bool_)
    for column in table.columns:
        said |= pc.not_equal(column, "").to_numpy()
    return Rows(table.filter(pa.array(said)), line[said])
