"""From many decoded envelopes to clean columns at once: units, unit prices, relatives, marks. Pure, by columns."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from agents.normalize.catalogue import Catalogue
from agents.normalize.prices import OUTLIER, UsualPrices, learn, relatives
from streams.columns import Quality
from streams.envelope import KINDS, PRICE, RETURN, STOCK
from streams.reasons import Finding
from streams.records import TerminalRecord
from streams.validate import int64

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LATE_MS: Final = 3_600_000
_KIND_NAMES: Final = pa.array(KINDS)


@dataclass(frozen=True, slots=True)
class Taken:
    """An envelope that was read and whose sender is known; its lines are not checked yet."""

    partition: int
    offset: int
    arrived: int
    terminal: TerminalRecord
    shop: int
    """number of the terminal in this worker"""
    seq: int
    sent_at: int
    lines: pa.RecordBatch
    findings: list[Finding]
    refused: list[dict[str, Any]]
    """lines that could not be read, and why"""


@dataclass(frozen=True, slots=True)
class Clean:
    """Normalised lines; all arrays of shape (n,), in the order of ``lines``, signs as in CLEAN_SCHEMA."""

    lines: pa.RecordBatch
    envelope: Ints
    """which envelope a line is of, rising"""
    kind: npt.NDArray[np.int8]
    code: npt.NDArray[np.int32]
    method: npt.NDArray[np.int32]
    confidence: npt.NDArray[np.float32]
    qty: Ints
    amount: Ints
    base_qty: Ints
    unit_price: Ints
    promo: Mask
    quality: npt.NDArray[np.uint16]
    relative: Floats
    """log price relative"""
    has_relative: Mask


def normalise(
    envelopes: list[Taken], lines: pa.RecordBatch, envelope: Ints, catalogue: Catalogue, usual: UsualPrices
) -> Clean:
    """Normalise the checked lines of many envelopes and learn their prices.

    Parameters
    ----------
    envelopes
        In an order that keeps each terminal's envelopes in the order of their offsets.
    lines
        Their good lines behind each other, columns of ``LINE_SCHEMA``.
    envelope
        int64 (n,), rising: index into ``envelopes`` of each line.
    """
    row = _rows(envelopes, lines, envelope, catalogue)
    shop = np.array([e.shop for e in envelopes], np.int64)[envelope]
    kind = _numpy(pc.index_in(lines.column("kind"), _KIND_NAMES)).astype(np.int8)
    ts, wire_qty, amount = (int64(lines.column(name)) for name in ("ts", "qty", "amount"))
    promo = _numpy(filled(lines.column("promo"), False))
    sign = np.where(kind == RETURN, -1, 1)
    measure = catalogue.per_unit[row]
    base_qty = (wire_qty * measure + 500) // 1000
    # A sale's price is what was paid over what was got; a price tag's is that of one unit.
    per = np.where(kind == PRICE, measure, base_qty)
    priced = (kind != STOCK) & (per > 0) & (amount > 0)
    # fen per g (ml, 1/1000 piece) x 100 (fen to 1e-4 yuan) x 1000 (to kg, L, piece)
    unit_price = np.where(priced, np.rint(amount * 100_000.0 / np.maximum(per, 1)), 0.0).astype(np.int64)
    priced &= unit_price > 0
    log_price = np.log(np.where(priced, unit_price, 1))

    relative = np.zeros(len(row))
    has_relative = np.zeros(len(row), np.bool_)
    outlier = np.zeros(len(row), np.bool_)
    comparable = priced & ~promo & (kind != RETURN)
    slot = usual.slots(shop, row)
    for part in _rounds(envelopes, envelope):
        rel, known = relatives(usual, slot[part], log_price[part])
        absurd = np.abs(rel) > OUTLIER
        relative[part], outlier[part] = rel, absurd
        has_relative[part] = known & comparable[part] & ~absurd
        teaching = part[comparable[part] & ~absurd]
        learn(usual, slot[teaching], log_price[teaching], ts[teaching].astype(np.float64))

    sent_at = np.array([e.sent_at for e in envelopes], np.int64)[envelope]
    quality = (
        catalogue.quality[row]
        | np.where(sent_at - ts > LATE_MS, Quality.LATE, 0)
        | np.where((kind != STOCK) & ~priced & (measure > 0), Quality.NO_AMOUNT, 0)
        | np.where(priced & outlier, Quality.OUTLIER, 0)
    ).astype(np.uint16)
    return Clean(
        lines=lines,
        envelope=envelope,
        kind=kind,
        code=catalogue.code[row],
        method=catalogue.method[row],
        confidence=catalogue.confidence[row],
        qty=wire_qty * sign,
        amount=amount * sign,
        base_qty=np.where(kind == PRICE, 0, base_qty) * sign,
        unit_price=unit_price,
        promo=promo,
        quality=quality,
        relative=relative,
        has_relative=has_relative,
    )


def _rows(envelopes: list[Taken], lines: pa.RecordBatch, envelope: Ints, catalogue: Catalogue) -> Ints:
    """Catalogue row of each line: only the different articles are looked up."""
    names: dict[str, int] = {}
    enterprise = np.array([names.setdefault(e.terminal.enterprise, len(names)) for e in envelopes], np.int64)
    catalogue.renew(set(names))
    sku, unit = (filled(lines.column(c), "").dictionary_encode() for c in ("sku", "unit"))
    skus, units = max(len(sku.dictionary), 1), max(len(unit.dictionary), 1)
    key = (enterprise[envelope] * skus + _numpy(sku.indices)) * units + _numpy(unit.indices)
    different, inverse = np.unique(key, return_inverse=True)
    called = list(names)
    articles = zip(
        [called[i] for i in (different // (skus * units)).tolist()],
        sku.dictionary.take(pa.array(different // units % skus)).to_pylist(),
        unit.dictionary.take(pa.array(different % units)).to_pylist(),
        strict=True,
    )
    rows: Ints = catalogue.rows_of(list(articles))[inverse]
    return rows


def _rounds(envelopes: list[Taken], envelope: Ints) -> list[Ints]:
    """Lines by rounds: the n-th envelope of every terminal is in round n.

    A relative is taken against the usual price before its envelope, so each envelope must see what the terminal's
    earlier ones have taught; and the result does not depend on how many envelopes came together.
    """
    met: dict[int, int] = {}
    nth = np.zeros(len(envelopes), np.int64)
    for i, e in enumerate(envelopes):
        nth[i] = met[e.shop] = met.get(e.shop, -1) + 1
    if not nth.any():
        return [np.arange(len(envelope))]
    of_line = nth[envelope]
    order = np.argsort(of_line, kind="stable")
    return np.split(order, np.searchsorted(of_line[order], np.arange(1, nth.max() + 1)))


def filled(column: pa.Array, value: object) -> pa.Array:
    """The column with ``value`` for nulls."""
    return column.fill_null(value) if column.null_count else column


def _numpy(column: pa.Array) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values
