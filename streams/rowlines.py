"""Rows of a file to lines: times, quantities and amounts by the map, and who sold what."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.csvrows import Bools, Ints, Problems, Rows
from streams.decimals import parse, to_int
from streams.envelope import KINDS, RETURN, SALE, STOCK
from streams.filemap import Code, Map, MapError, Source
from streams.records import Mapping, TerminalRecord
from streams.ticks import number_of

_HOUR_MS: Final = 3_600_000
_OPTIONAL: Final = ("name", "spec", "brand", "origin")


@dataclass(frozen=True, slots=True)
class Measures:
    """A value a row: ms UTC, thousandths of the unit (negative: brought back), fen, and two marks."""

    ts: Ints
    qty: Ints
    amount: Ints
    promo: Bools
    out: Bools
    """out of stock"""


def columns_of(how: Map) -> set[str]:
    """The columns that a map speaks of."""
    parts = (
        *(how.time, how.sku, how.qty, how.terminal, how.county, how.enterprise, how.channel, how.code),
        *(how.price, how.amount, how.promo, how.stockout, how.name, how.spec, how.brand, how.origin),
    )
    names = {p.column for p in parts if p is not None and p.column is not None}
    return names | ({how.time.hour} if how.time.hour else set())


def measure(rows: Rows, how: Map, problems: Problems) -> tuple[Rows, Measures]:
    """The rows that can be read, and what they say; the others are noted in ``problems``."""
    keep = np.ones(rows.table.num_rows, dtype=np.bool_)

    def check(good: Bools, column: str, expected: str) -> None:
        bad = np.flatnonzero(keep & ~good)
        problems.add(rows.line[bad], column, expected, (v.as_py() for v in rows.column(column).take(pa.array(bad))))
        keep[bad] = False

    for source, expected in ((how.sku, "a code"), (how.terminal, "an id"), (how.enterprise, "an id")):
        if source.column is not None:
            check(_mask(pc.not_equal(rows.column(source.column), "")), source.column, expected)
    if how.county.column is not None:
        check(
            _mask(pc.match_substring_regex(rows.column(how.county.column), r"^\d{6}$")), how.county.column, "6 digits"
        )
    ts, timed = _local(rows, how)
    check(timed, how.time.column, f"a time as {how.time.format}")
    if how.time.hour is not None:
        hour, whole = to_int(parse(rows.column(how.time.hour)), Decimal(1))
        check(whole & (hour >= 0) & (hour < 24), how.time.hour, "an hour, 0 to 23")
        ts = ts + hour * _HOUR_MS
    taken = parse(rows.column(how.qty.column))
    qty, good = to_int(taken, 1000 * how.qty.scale)
    check(good, how.qty.column, "a quantity")
    amount = np.zeros_like(qty)
    if how.price is not None:
        amount, good = to_int(
            pc.multiply(taken, parse(rows.column(how.price.column))), 100 * how.qty.scale * how.price.scale
        )
        check(good & (np.sign(amount) * np.sign(qty) >= 0), how.price.column, "a price of 0 or more")
    elif how.amount is not None:
        amount, good = to_int(parse(rows.column(how.amount.column)), 100 * how.amount.scale)
        check(
            good & ((amount >= 0) | (qty < 0)), how.amount.column, "an amount, below 0 only for what was brought back"
        )
    measures = Measures(_utc(np.where(keep, ts, 0), how.zone), qty, np.abs(amount), _promo(rows, how), _out(rows, how))
    kept = Measures(*(getattr(measures, name)[keep] for name in Measures.__slots__))
    return Rows(rows.table.filter(pa.array(keep)), rows.line[keep]), kept


def lines_of(rows: Rows, how: Map, measures: Measures, terminal: Ints) -> pa.Table:
    """Lines by tick, terminal and time, with ``tick`` and ``terminal`` in front of the columns of ``LINE_SCHEMA``."""
    sold, out = np.flatnonzero(measures.qty), np.flatnonzero(measures.out)
    row = np.concatenate([sold, out])
    kind = np.concatenate([np.where(measures.qty[sold] > 0, SALE, RETURN), np.full(len(out), STOCK)])
    tick = number_of(measures.ts[row], how.tick_ms)
    order = np.lexsort((row, measures.ts[row], terminal[row], tick))
    row, kind, tick = row[order], kind[order], tick[order]
    sale = kind != STOCK
    columns = {
        "tick": pa.array(tick),
        "terminal": pa.array(terminal[row]),
        "ts": pa.array(measures.ts[row]).cast(pa.timestamp("ms", "UTC")),
        "kind": pa.array(KINDS).take(pa.array(kind)),
        "sku": texts(rows, how.sku).take(pa.array(row)),
        "unit": pa.repeat(pa.scalar(how.qty.unit), len(row)),
        "qty": pa.array(np.where(sale, np.abs(measures.qty[row]), 0)),
        "amount": pa.array(np.where(sale, measures.amount[row], 0)),
        "promo": pa.array(measures.promo[row]),
    }
    for name in _OPTIONAL:
        source: Source | None = getattr(how, name)
        if source is not None:
            columns[name] = texts(rows, source).take(pa.array(row))
    return pa.table(columns)


def terminals_of(rows: Rows, how: Map) -> tuple[list[TerminalRecord], Ints]:
    """The terminals by id, and the index of each row's; county, enterprise and channel are those of its first row."""
    ids, row_of, index = _groups(texts(rows, how.terminal))
    first = pa.array(row_of)
    counties = _counties(rows, how, first)
    enterprises = texts(rows, how.enterprise).take(first).to_pylist()
    channels = texts(rows, how.channel).take(first).to_pylist()
    return [TerminalRecord(*each) for each in zip(ids, enterprises, counties, channels, strict=True)], index


def mappings_of(rows: Rows, how: Map) -> dict[str, list[Mapping]]:
    """What each enterprise's SKUs are, by the category of their first row."""
    enterprises, _, enterprise = _groups(texts(rows, how.enterprise))
    skus, _, sku = _groups(texts(rows, how.sku))
    keys, first = np.unique(enterprise * len(skus) + sku, return_index=True)
    categories = rows.column(how.code.column).take(pa.array(first)).to_pylist()
    mappings: dict[str, list[Mapping]] = {name: [] for name in enterprises}
    for key, category in zip(keys.tolist(), categories, strict=True):
        code = commodity(how.code, category)
        if code:
            mappings[enterprises[key // len(skus)]].append(Mapping(skus[key % len(skus)], code, unit=how.qty.unit))
    return mappings


def commodity(how: Code, category: str) -> str:
    """The taxonomy's code for a category of the file, empty where the map knows none.

    >>> commodity(Code("group", prefix="99"), "5"), commodity(Code("group", values={"salt": "1001"}), "rice")
    ('9905', '')
    """
    if how.values is not None:
        return how.values.get(category, "")
    return (
        f"{how.prefix}{int(category):02d}" if category.isascii() and category.isdigit() and int(category) < 100 else ""
    )


def texts(rows: Rows, source: Source) -> pa.Array:
    """What a source says in each row."""
    if source.column is None:
        return pa.repeat(pa.scalar(source.constant, pa.string()), rows.table.num_rows)
    column = rows.column(source.column)
    return pc.binary_join_element_wise(source.prefix, column, "") if source.prefix else column


def _groups(values: pa.Array) -> tuple[list[str], Ints, Ints]:
    """The different texts in order, the first row of each, and the number of each row's."""
    found = values.dictionary_encode()
    words = np.array(found.dictionary.to_pylist(), dtype=np.object_)
    order = np.argsort(words, kind="stable")
    codes = np.argsort(order)[found.indices.to_numpy()]
    _, first = np.unique(codes, return_index=True)
    return words[order].tolist(), first, codes


def _counties(rows: Rows, how: Map, first: pa.Array) -> list[str]:
    if how.county.count_from is not None:
        return [f"{int(how.county.count_from) + i:06d}" for i in range(len(first))]
    counties: list[str] = texts(rows, Source(how.county.column, how.county.constant)).take(first).to_pylist()
    return counties


def _local(rows: Rows, how: Map) -> tuple[Ints, Bools]:
    """Ms since 1970 of the local clock, without the hour's column, and whether it could be read."""
    parsed = pc.strptime(rows.column(how.time.column), format=how.time.format, unit="ms", error_is_null=True)
    local: Ints = pc.fill_null(parsed.cast(pa.int64()), 0).to_numpy() + how.time.at_ms
    return local, _mask(parsed.is_valid())


def _utc(local: Ints, zone: str) -> Ints:
    try:
        zoned = pc.assume_timezone(
            pa.array(local).cast(pa.timestamp("ms")), timezone=zone, ambiguous="earliest", nonexistent="earliest"
        )
    except pa.ArrowException as error:
        raise MapError(f"zone: expected an IANA name or an offset such as +08:00, got {zone!r}: {error}") from error
    utc: Ints = zoned.cast(pa.int64()).to_numpy()
    return utc


def _promo(rows: Rows, how: Map) -> Bools:
    if how.promo is None:
        return np.zeros(rows.table.num_rows, dtype=np.bool_)
    number = parse(rows.column(how.promo.column))
    limit = how.promo.below if how.promo.below is not None else how.promo.above
    compare = pc.less if how.promo.below is not None else pc.greater
    return _mask(compare(number, pa.scalar(limit, number.type)))


def _out(rows: Rows, how: Map) -> Bools:
    if how.stockout is None:
        return np.zeros(rows.table.num_rows, dtype=np.bool_)
    return _mask(pc.equal(rows.column(how.stockout.column), how.stockout.equals))


def _mask(values: pa.Array) -> Bools:
    mask: Bools = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return mask
