"""Which lines break the schema's rules, by columns, of one envelope or of many at once."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streams.envelope import KINDS, MAX_AHEAD_MS, MAX_INT, MAX_TEXT, REQUIRED, TEXTS
from streams.reasons import Finding, Reason

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
_KINDS: Final = pa.array(KINDS)


def bad_lines(
    lines: pa.RecordBatch, arrived: Ints, envelope: Ints | None = None
) -> tuple[Mask | None, list[tuple[int, Finding]]]:
    """Mask of the lines to keep (None: all of them), and the row and finding of each line left out.

    Parameters
    ----------
    lines
        Columns of ``LINE_SCHEMA``, of one envelope or of several behind each other.
    arrived
        int64 (n,): ms UTC at which each line's envelope arrived.
    envelope
        int64 (n,), rising: which envelope a line is of; None: all of one.

    A line with several faults is reported with the first of them.
    """
    n = lines.num_rows
    key = _line_keys(lines, envelope)
    if _sound(lines, arrived, key):
        return None, []
    keep = np.ones(n, dtype=np.bool_)
    findings: list[tuple[int, Finding]] = []

    def refuse(bad: Mask, reason: Reason, field: str, expected: str) -> None:
        hit = np.flatnonzero(bad & keep)
        keep[hit] = False
        column, numbers = lines.column(field), lines.column("line")
        if pa.types.is_timestamp(column.type):
            # As a number: a time may lie beyond what a datetime holds.
            column = column.cast(pa.int64())
        findings.extend(
            (i, Finding(reason, field, expected, str(column[i])[:200], numbers[i].as_py())) for i in hit.tolist()
        )

    for name in REQUIRED:
        if lines.column(name).null_count:
            refuse(_numpy(pc.is_null(lines.column(name))), Reason.MISSING_FIELD, name, "a value")
    for name in TEXTS:
        column = lines.column(name)
        if column.null_count < n and (pc.max(pc.binary_length(column)).as_py() or 0) > MAX_TEXT:
            too_long = pc.fill_null(pc.greater(pc.utf8_length(column), MAX_TEXT), False)
            refuse(_numpy(too_long), Reason.TOO_LONG, name, f"at most {MAX_TEXT} characters")
    refuse(~_numpy(pc.is_in(lines.column("kind"), _KINDS)), Reason.WRONG_TYPE, "kind", " | ".join(KINDS))
    refuse(_numpy(pc.equal(lines.column("sku"), "")), Reason.MISSING_FIELD, "sku", "a code")
    for name in ("qty", "amount"):
        values = _int64(lines, name)
        refuse(values < 0, Reason.NEGATIVE, name, "0 or more (a return is a kind, not a sign)")
        refuse(values > MAX_INT, Reason.OUT_OF_RANGE, name, f"at most {MAX_INT}")
    ts = _int64(lines, "ts")
    refuse(ts > arrived + MAX_AHEAD_MS, Reason.FUTURE_TIME, "ts", "at most 24 h after arrival")
    refuse(ts < 0, Reason.OUT_OF_RANGE, "ts", "a time after 1970")
    order = np.argsort(key, kind="stable")
    again = np.zeros(n, dtype=np.bool_)
    again[order[1:]] = key[order][1:] == key[order][:-1]
    refuse(again, Reason.DUPLICATE_LINE, "line", "each number once")
    return (None if keep.all() else keep), findings


def _line_keys(lines: pa.RecordBatch, envelope: Ints | None) -> Ints:
    """What must be unique: the line's number within its envelope; a missing number is unlike all others."""
    column = lines.column("line")
    if column.null_count:
        said = int64(column.cast(pa.int64()).fill_null(-1))
        numbers = np.where(said < 0, (1 << 16) + np.arange(len(said)), said)
    else:
        numbers = column.to_numpy().astype(np.int64)
    return numbers if envelope is None else numbers + (envelope << 32)


def _sound(lines: pa.RecordBatch, arrived: Ints, key: Ints) -> bool:
    """Whether no line breaks any rule: the common case, decided by a few minima and maxima."""
    n = lines.num_rows
    if n == 0:
        return True
    if any(lines.column(name).null_count for name in REQUIRED):
        return False
    for name in TEXTS:
        column = lines.column(name)
        if column.null_count < n:
            length = pc.min_max(pc.binary_length(column))
            if length["max"].as_py() > MAX_TEXT or (name == "sku" and length["min"].as_py() == 0):
                return False
    for name in ("qty", "amount"):
        values = int64(lines.column(name))
        if values.min() < 0 or values.max() > MAX_INT:
            return False
    ts = int64(lines.column("ts"))
    return bool(
        ts.min() >= 0
        and (ts <= arrived + MAX_AHEAD_MS).all()
        and (key[1:] > key[:-1]).all()
        and pc.all(pc.is_in(lines.column("kind"), _KINDS)).as_py()
    )


def int64(column: pa.Array) -> Ints:
    """Whole numbers or times (ms) of a column without nulls, not copied."""
    values: Ints = column.to_numpy().view(np.int64)
    return values


def _numpy(mask: pa.Array) -> Mask:
    values: Mask = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return values


def _int64(lines: pa.RecordBatch, name: str) -> Ints:
    column = lines.column(name)
    return int64(pc.fill_null(column, pa.scalar(0, column.type)) if column.null_count else column)
