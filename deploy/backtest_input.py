"""The input of a backtest: a CSV of series as columns, its rows in periods, and what is wrong with the others."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from deploy.errors import DeployError
from detectors.pace import DAY_MS, HOUR_MS, WEEK_MS
from detectors.state import Floats, Ints
from detectors.tree import ALL

MEASURES: Final = ("price", "qty", "stock")
KEYS: Final = ("ts", "region", "commodity")
MONTH_MS: Final = round(30.4375 * DAY_MS)
_CHINA: Final = timezone(timedelta(hours=8))
_USUAL_MS: Final = (
    *(1_000 * n for n in (1, 5, 10, 15, 30)),
    *(60_000 * n for n in (1, 2, 5, 10, 15, 20, 30)),
    *(HOUR_MS * n for n in (1, 2, 3, 4, 6, 8, 12)),
    DAY_MS,
    WEEK_MS,
    MONTH_MS,
)
_MONTH_RANGE: Final = (27 * DAY_MS, 32 * DAY_MS)
_NEAR: Final = 0.02
"""A cadence this near to a usual one is that one."""
_NUMBER: Final = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"


class InputError(DeployError):
    """The input is not what was expected; says where, what was expected and what came."""


@dataclass(frozen=True)
class Wrong:
    """A row that was skipped."""

    line: int
    reason: str


@dataclass(frozen=True)
class Input:
    """Rows sorted by period; arrays of shape (n,) where nothing else is said."""

    tick_ms: int
    numbers: Ints
    """(periods,): number of each period that has rows, counted from the first"""
    starts: Ints
    """(periods,): ms UTC"""
    texts: list[str]
    """the time of each period as the input first wrote it"""
    bounds: Ints
    """(periods + 1,): where the rows of each period begin"""
    regions: list[str]
    commodities: list[str]
    region: Ints
    commodity: Ints
    values: dict[str, Floats]
    """by measure, NaN where empty; measures that are empty throughout are left out"""
    wrong: list[Wrong]
    rows: int
    """rows of the file, wrong ones too"""


def read_input(path: Path, progress: Callable[[int], None] = lambda _: None) -> Input:
    """Read and check a file of the backtest's contract. Raises InputError where nothing can be made of it."""
    table, line, wrong = _table(path)
    progress(path.stat().st_size)
    rows = table.num_rows + len(wrong)
    keep = np.ones(table.num_rows, np.bool_)

    def refuse(which: npt.NDArray[np.bool_], reason: Callable[[int], str]) -> None:
        for i in np.flatnonzero(which & keep).tolist():
            wrong.append(Wrong(int(line[i]), reason(i)))
        keep[which] = False

    time, times = _coded(table["ts"])
    moments = [_moment(text) for text in times]
    bad = np.array([m is None for m in moments], np.bool_)
    refuse(bad[time], lambda i: f"ts: expected a date or a date-time such as 2026-01-31T08:00, got {times[time[i]]!r}")
    tags = {}
    for name in ("region", "commodity"):
        code, texts = _coded(table[name])
        forbidden = np.array([text in ("", ALL) or ";" in text for text in texts], np.bool_)
        refuse(forbidden[code], _said(name, f"a name other than {ALL!r} and without ';'", code, texts))
        tags[name] = (code, texts)
    values = {}
    for name in MEASURES:
        if name in table.column_names:
            values[name] = _numbers(table[name], name, refuse)
    if not any((~np.isnan(v[keep])).any() for v in values.values()):
        wrong.sort(key=lambda w: w.line)
        first = f"; the first: line {wrong[0].line}: {wrong[0].reason}" if wrong else ""
        raise InputError(f"{path}: expected rows with a price, qty or stock; got none that can be used{first}")
    ms = np.array([0 if m is None else m for m in moments], np.int64)[time]
    return _sorted(ms, time, times, tags, values, keep, line, wrong, rows)


def _table(path: Path) -> tuple[pa.Table, Ints, list[Wrong]]:
    """The file as text and numbers, the line of each row, and the rows that have too few or too many fields."""
    skipped: list[tuple[int, int, int]] = []

    def skip(row: Any) -> str:
        skipped.append((row.number, row.expected_columns, row.actual_columns))
        return "skip"

    def read(numeric: bool) -> pa.Table:
        skipped.clear()
        numbers = pa.float64() if numeric else pa.string()
        return csv.read_csv(
            path,
            read_options=csv.ReadOptions(use_threads=False),
            parse_options=csv.ParseOptions(invalid_row_handler=skip, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(KEYS, pa.string()) | dict.fromkeys(MEASURES, numbers),
                null_values=["", " "],
                strings_can_be_null=False,
            ),
        )

    try:
        try:
            table = read(numeric=True)
        except pa.ArrowInvalid:
            table = read(numeric=False)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected a CSV file in UTF-8 with a line of column names ({error})") from error
    missing = [name for name in KEYS if name not in table.column_names]
    if missing or not any(m in table.column_names for m in MEASURES):
        raise InputError(
            f"{path}, line 1: expected the columns ts, region, commodity and any of price, qty, stock; "
            f"got {', '.join(table.column_names)}"
        )
    wrong = [Wrong(n, f"expected {e} fields, got {a}") for n, e, a in skipped if a > 1]
    line = np.setdiff1d(np.arange(2, table.num_rows + len(skipped) + 2), [n for n, _, _ in skipped], assume_unique=True)
    return table, line, wrong


def _coded(column: pa.ChunkedArray) -> tuple[Ints, list[str]]:
    """Index into the different texts, and these."""
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    texts = [text.strip() for text in coded.dictionary.to_pylist()]
    index = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    names = sorted(set(texts))
    at = {name: i for i, name in enumerate(names)}
    return np.array([at[text] for text in texts], np.int64)[index], names


def _moment(text: str) -> int | None:
    """Ms UTC of a date or date-time; without a zone it is China's time. None where it is neither."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_CHINA)
    return round(moment.astimezone(UTC).timestamp() * 1000)


def _said(name: str, expected: str, code: Ints, texts: list[str]) -> Callable[[int], str]:
    return lambda i: f"{name}: expected {expected}, got {texts[code[i]]!r}"


def _numbers(column: pa.ChunkedArray, name: str, refuse: Callable[..., None]) -> Floats:
    """The values of a measure; what is no number, not finite, or negative where that cannot be, is refused."""
    least = 0.0 if name == "stock" else -math.inf
    expected = {"price": "a number above 0", "qty": "a finite number", "stock": "a number from 0 on"}[name]
    if not pa.types.is_floating(column.type):
        text = column.combine_chunks()
        odd = pc.and_(
            pc.invert(pc.match_substring_regex(text, _NUMBER)), pc.not_equal(pc.utf8_trim_whitespace(text), "")
        )
        refuse(odd.to_numpy(zero_copy_only=False), lambda i: f"{name}: expected {expected}, got {text[i].as_py()!r}")
        sound = pc.if_else(pc.match_substring_regex(text, _NUMBER), pc.utf8_trim_whitespace(text), None)
        column = pc.cast(sound, pa.float64())
    values: Floats = column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    values = np.asarray(values, np.float64)
    low = values <= 0.0 if name == "price" else values < least
    refuse(np.isinf(values) | low, lambda i: f"{name}: expected {expected}, got {float(values[i])!r}")
    return values


def _sorted(
    ms: Ints,
    time: Ints,
    times: list[str],
    tags: dict[str, tuple[Ints, list[str]]],
    values: dict[str, Floats],
    keep: npt.NDArray[np.bool_],
    line: Ints,
    wrong: list[Wrong],
    rows: int,
) -> Input:
    tick_ms = _cadence(np.unique(ms[keep]))
    number = _numbered(ms, int(ms[keep].min()), tick_ms)
    order = np.flatnonzero(keep)
    region, regions = _used(*tags["region"], order)
    commodity, commodities = _used(*tags["commodity"], order)
    order = order[np.lexsort((line[order], commodity[order], region[order], number[order]))]
    key = np.stack([number[order], region[order], commodity[order]])
    again = np.flatnonzero((np.diff(key, axis=1) == 0).all(axis=0)) + 1
    wrong += [Wrong(int(line[order[i]]), "expected each ts, region and commodity once, got it again") for i in again]
    order = np.delete(order, again)
    wrong.sort(key=lambda w: w.line)
    numbers, first = np.unique(number[order], return_index=True)
    return Input(
        tick_ms=tick_ms,
        numbers=numbers - numbers[0],
        starts=ms[order[first]],
        texts=[times[t] for t in time[order[first]].tolist()],
        bounds=np.append(first, len(order)),
        regions=regions,
        commodities=commodities,
        region=region[order],
        commodity=commodity[order],
        values={name: v[order] for name, v in values.items() if not np.isnan(v[order]).all()},
        wrong=wrong,
        rows=rows,
    )


def _used(code: Ints, names: list[str], rows: Ints) -> tuple[Ints, list[str]]:
    """The index and the names, of those names alone that these rows use."""
    used = np.flatnonzero(np.bincount(code[rows], minlength=len(names)))
    return np.searchsorted(used, code), [names[i] for i in used.tolist()]


def _cadence(ms: Ints) -> int:
    """The length of a period, ms: the (lower) median step between times, or the usual length that is near to it."""
    if len(ms) < 2:
        return DAY_MS
    steps = np.sort(np.diff(ms))
    step = int(steps[(len(steps) - 1) // 2])
    if _MONTH_RANGE[0] <= step <= _MONTH_RANGE[1]:
        return MONTH_MS
    return next((usual for usual in _USUAL_MS if abs(step - usual) <= _NEAR * usual), max(step, 1_000))


def _numbered(ms: Ints, first: int, tick_ms: int) -> Ints:
    """The number of the period of each time; months are those of the calendar, days those of China."""
    if tick_ms == MONTH_MS:
        month = (ms + 8 * HOUR_MS).astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
        return np.asarray(month)
    if tick_ms >= DAY_MS:
        return np.asarray(np.floor_divide(ms - first + tick_ms // 2, tick_ms))
    return np.asarray(np.floor_divide(ms + 8 * HOUR_MS, tick_ms))
