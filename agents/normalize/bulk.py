"""From many decoded envelopes to clean columns at once: units, unit prices, relatives, marks. Pure, by columns."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from agents.normalize.articles import Articles
from agents.normalize.catalogue import Catalogue
from agents.normalize.groups import Floats, Ints, Mask
from agents.normalize.prices import Held, Offers, UsualPrices, judge
from agents.normalize.taken import Taken
from streams.columns import Quality
from streams.envelope import KINDS, PRICE, RETURN, STOCK
from streams.validate import int64

LATE_MS: Final = 3_600_000
MAX_BASE: Final = 1 << 50
"""Largest base quantity of a line, a billion tonnes: so the totals of an envelope cannot overflow an Int64."""
_KIND_NAMES: Final = pa.array(KINDS)


@dataclass(frozen=True, slots=True)
class Clean:
    """Normalised lines; all arrays of shape (n,), in the order of ``lines``, signs as in CLEAN_SCHEMA."""

    lines: pa.RecordBatch
    envelope: Ints
    """which envelope a line is of, rising"""
    counts: Ints
    """how many lines each envelope has"""
    articles: Articles
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
    held: Held | None
    """None: no line is held"""


def normalise(
    envelopes: list[Taken],
    lines: pa.RecordBatch,
    envelope: Ints,
    articles: Articles,
    catalogue: Catalogue,
    usual: UsualPrices,
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
    articles
        Of the lines, described in ``catalogue``.
    """
    counts = np.bincount(envelope, minlength=len(envelopes))
    row = articles.row
    kind = _numpy(pc.index_in(lines.column("kind"), _KIND_NAMES)).astype(np.int8)
    ts, wire_qty, amount = (int64(lines.column(name)) for name in ("ts", "qty", "amount"))
    promo = _promo(lines.column("promo"))
    returned = kind == RETURN
    measure, marks = catalogue.per_unit[row], catalogue.quality[row]
    if articles.grams is not None:
        weighed = articles.grams > 0
        measure = np.where(weighed, articles.grams, measure)
        marks[weighed] &= ~np.uint16(Quality.UNIT_UNKNOWN | Quality.UNIT_GUESSED)
    base_qty = _base_quantity(wire_qty, measure, marks)
    traded = kind != STOCK
    # A sale's price is what was paid over what was got; a price tag's is that of one unit.
    tag = kind == PRICE
    per = np.where(tag, measure, base_qty) if tag.any() else base_qty
    priced = traded & (per > 0) & (amount > 0)
    # fen per g (ml, 1/1000 piece) x 100 (fen to 1e-4 yuan) x 1000 (to kg, L, piece)
    unit_price = np.rint(np.where(priced, amount * 100_000.0 / np.maximum(per, 1), 0.0)).astype(np.int64)
    priced &= unit_price > 0

    code = catalogue.code[row]
    judged = judge(
        usual,
        Offers(
            shop=np.repeat(np.array([e.shop for e in envelopes], np.int64), counts),
            row=row,
            log_price=np.log(np.where(priced, unit_price, 1)),
            log_unit=catalogue.log_unit[row],
            priced=priced,
            comparable=priced & ~promo & ~returned,
            ts=ts,
            code=code,
            texts=catalogue.texts.texts,
            envelope=envelope,
            place=[(e.partition, e.terminal.county[:4]) for e in envelopes],
            offset=np.array([e.offset for e in envelopes], np.int64),
            rounds=_rounds(envelopes, counts),
        ),
    )
    late_after = np.repeat(np.array([e.sent_at - LATE_MS for e in envelopes], np.int64), counts)
    quality = marks | judged.marks
    quality[ts < late_after] |= np.uint16(Quality.LATE)
    quality[traded & ~priced & (measure > 0)] |= np.uint16(Quality.NO_AMOUNT)
    if tag.any():
        base_qty[tag] = 0
    return Clean(
        lines=lines,
        envelope=envelope,
        counts=counts,
        articles=articles,
        kind=kind,
        code=code,
        method=catalogue.method[row],
        confidence=catalogue.confidence[row],
        qty=_signed(wire_qty, returned),
        amount=_signed(amount, returned),
        base_qty=_signed(base_qty, returned),
        unit_price=unit_price,
        promo=promo,
        quality=quality,
        relative=judged.relative,
        has_relative=judged.has_relative,
        held=judged.held,
    )


def _base_quantity(wire_qty: Ints, measure: Ints, marks: npt.NDArray[np.uint16]) -> Ints:
    """Base units of each line. What no integer can hold is a mistake of unit: marked, and its ``measure`` set to 0."""
    if len(wire_qty) and int(wire_qty.max()) * int(measure.max()) > MAX_BASE * 1000:
        wrong = wire_qty.astype(np.float64) * measure > MAX_BASE * 1000.0
        measure[wrong] = 0
        marks[wrong] |= np.uint16(Quality.UNIT_UNKNOWN)
    return (wire_qty * measure + 500) // 1000


def _rounds(envelopes: list[Taken], counts: Ints) -> list[Ints | slice]:
    """Lines by rounds: the n-th envelope of every terminal is in round n.

    A relative is taken against the usual price before its envelope, so each envelope must see what the terminal's
    earlier ones have taught; and the result does not depend on how many envelopes came together.
    """
    met: dict[int, int] = {}
    nth = np.zeros(len(envelopes), np.uint16)
    for i, e in enumerate(envelopes):
        nth[i] = met[e.shop] = met.get(e.shop, -1) + 1
    if len(met) == len(envelopes):
        return [slice(None)]
    # Of 16 bits: numpy sorts these by their digits, ten times as fast.
    of_line = np.repeat(nth, counts)
    order = np.argsort(of_line, kind="stable")
    return list(np.split(order, np.cumsum(np.bincount(of_line))[:-1]))


def _promo(said: pa.Array) -> Mask:
    if said.null_count == len(said):
        return np.zeros(len(said), np.bool_)
    return _numpy(said.fill_null(False) if said.null_count else said)


def _signed(values: Ints, returned: Mask) -> Ints:
    return np.where(returned, -values, values) if returned.any() else values


def _numpy(column: pa.Array) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values
