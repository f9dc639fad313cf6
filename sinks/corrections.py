"""Corrections: a stored line is taken back by an entry that negates it, and entered again as it is known since.

The line that was stored stays. Both entries have its identity and its time, so that sums, counts of entries and rollups
follow by themselves; their ``sent_at`` is when the line was corrected, so that what was known at any time before is
what had been sent until then.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streams.columns import CLEAN_SCHEMA, Quality

METHOD: Final = "recode"
"""Method of both entries."""
KEEP: Final = -1
"""In ``Change.per_unit``: base quantity and unit price stay as they are."""
_JOB: Final = b"recode_job"
_NEGATED: Final = ("qty", "amount", "base_qty")
MOST: Final = 1 << 62
"""Base quantities stay below."""
_ANEW: Final = int(Quality.UNCLASSIFIED | Quality.UNIT_UNKNOWN | Quality.UNIT_MISTAKE | Quality.RECODED)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What becomes of n lines: all arrays of shape (n,)."""

    code: pa.Array
    sku: pa.Array
    brand: pa.Array
    confidence: pa.Array
    """float32"""
    per_unit: Ints
    """g, ml or thousandths of a piece in one unit; 0: not known, KEEP: as it was"""
    unclassified: npt.NDArray[np.bool_]


def job_of(schema: pa.Schema) -> int | None:
    """Number of the job that made a message of corrections; None for lines. Raises ValueError where it is no number."""
    said = (schema.metadata or {}).get(_JOB)
    return None if said is None else int(said)


def marked(rows: pa.Table, job: int) -> pa.Table:
    """``rows`` as a message of corrections; without rows it is where the job begins."""
    return rows.replace_schema_metadata({_JOB: str(job).encode()})


def begin(job: int) -> pa.Table:
    """The message with which a job begins: the writer drops what earlier jobs send behind it."""
    return marked(CLEAN_SCHEMA.empty_table(), job)


def correct(held: pa.Table, change: Change, at: int) -> pa.Table:
    """The entries that turn ``held`` into what ``change`` says.

    Parameters
    ----------
    held
        n lines that hold, columns of CLEAN_SCHEMA.
    change
        What becomes of each.
    at
        ms UTC: when they are corrected. A line that says that it was sent later is corrected just after that.

    Returns
    -------
    pa.Table
        2n rows of CLEAN_SCHEMA: the reversals, then the new entries, both in the order of ``held``.
    """
    sent = _ints(held["sent_at"].cast(pa.int64()))
    known = pa.array(np.maximum(sent + 1, at)).cast(pa.timestamp("ms", "UTC"))
    method = pa.array([METHOD] * held.num_rows, pa.string())
    quality = _ints(held["quality"])
    back = {
        "sent_at": known,
        "method": method,
        "quality": pa.array(quality & ~int(Quality.RECODED) | int(Quality.REVERSAL), pa.uint16()),
        **{name: pc.negate(held[name]) for name in _NEGATED},
    }
    base_qty, unit_price, unknown = _measured(held, change.per_unit)
    marks = (
        quality & ~_ANEW
        | int(Quality.RECODED)
        | np.where(change.unclassified, int(Quality.UNCLASSIFIED), 0)
        | np.where(unknown, int(Quality.UNIT_UNKNOWN), 0)
    )
    anew = {
        "sent_at": known,
        "method": method,
        "quality": pa.array(marks, pa.uint16()),
        "code": change.code,
        "sku": change.sku,
        "brand": change.brand,
        "confidence": change.confidence,
        "base_qty": pa.array(base_qty),
        "unit_price": pa.array(unit_price),
    }
    return pa.concat_tables([_entered(held, back), _entered(held, anew)])


def _measured(held: pa.Table, per_unit: Ints) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """Base quantity and unit price, and where neither can be known; as normalize reckons them."""
    kind = np.array(held["kind"].cast(pa.string()).to_pylist(), np.str_)
    qty, amount = _ints(held["qty"]), _ints(held["amount"])
    keep, tag = per_unit == KEEP, kind == "price"
    was_unknown = (_ints(held["quality"]) & int(Quality.UNIT_UNKNOWN)) != 0
    # Quantities whose measure goes beyond what is stored are not known either.
    measure = np.where(np.abs(qty) > MOST // np.maximum(per_unit, 1), 0, np.maximum(per_unit, 0))
    base = (np.abs(qty) * measure + 500) // 1000
    per = np.where(tag, measure, base)
    priced = (kind != "stock") & (per > 0) & (amount != 0)
    price = np.where(priced, np.rint(np.abs(amount) * 100_000.0 / np.maximum(per, 1)), 0.0).astype(np.int64)
    signed = np.where(tag, 0, base) * np.where(qty < 0, -1, 1)
    return (
        np.where(keep, _ints(held["base_qty"]), signed),
        np.where(keep, _ints(held["unit_price"]), price),
        np.where(keep, was_unknown, measure == 0),
    )


def _entered(held: pa.Table, changed: dict[str, pa.Array]) -> pa.Table:
    columns = [_as(changed.get(field.name, held[field.name]), field.type) for field in CLEAN_SCHEMA]
    return pa.table(columns, schema=CLEAN_SCHEMA)


def _as(column: pa.Array | pa.ChunkedArray, wanted: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if column.type == wanted:
        return column
    if pa.types.is_dictionary(wanted):
        return column.cast(pa.string()).dictionary_encode()
    return column.cast(wanted)


def _ints(column: pa.ChunkedArray) -> Ints:
    values: Ints = column.to_numpy().astype(np.int64)
    return values
