"""Which article each line is of: only the different ones are looked up, and only the new ones described."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from agents.identify.chain import Description, Sight
from agents.identify.labels import read_label
from agents.naming.measure import measure
from agents.normalize.catalogue import Catalogue, News
from agents.normalize.groups import Ints, Tags, distinct, tagged
from agents.normalize.taken import Taken
from agents.registry import Registry
from streams.records import SPLIT, SkuRecord
from streams.taxonomy import node
from streams.validate import int64

_SEEN: Final = ("name", "spec", "barcode", "category", "tax_code", "brand")
"""Columns that say what an article is, in the order of Sight."""


@dataclass(frozen=True, slots=True)
class Articles:
    """Articles of n lines. ``sku`` is the effective one: differs from that of the lines where a scale's label was read
    or the SKU was split by name."""

    row: Ints
    """catalogue row, int64 (n,)"""
    sku: Tags
    unit: Tags
    grams: Ints | None
    """g in one unit of sale, as printed on the scale's label, int64 (n,), 0: not said; None: of no line"""


@dataclass(slots=True)
class _Different:
    """The different articles of a bulk: catalogue row, effective SKU, and grams on the label, 0 where there is none."""

    rows: Ints
    skus: list[str]
    grams: Ints
    of_line: Ints
    """index of each line's article, int64 (n,)"""
    rewritten: bool = False
    """whether any SKU is not that of its lines"""


def articles_of(
    envelopes: list[Taken], lines: pa.RecordBatch, envelope: Ints, catalogue: Catalogue, registry: Registry
) -> Articles:
    """Articles of the lines, all of them described in the catalogue. Parameters as of ``normalise``."""
    catalogue.renew()
    sku, unit = tagged(lines.column("sku")), tagged(lines.column("unit"))
    found = _different([e.terminal.enterprise for e in envelopes], envelope, sku, unit, catalogue, registry)
    catalogue.part(found.rows)
    if catalogue.split[found.rows].any():
        _split(found, lines, catalogue)
    _describe(found, envelopes, lines, envelope, catalogue)
    return Articles(
        row=found.rows[found.of_line],
        sku=Tags(found.of_line, pa.array(found.skus, pa.string())) if found.rewritten else sku,
        unit=unit,
        grams=_grams(found, catalogue),
    )


def _different(
    enterprises: list[str], envelope: Ints, sku: Tags, unit: Tags, catalogue: Catalogue, registry: Registry
) -> _Different:
    names: dict[str, int] = {}
    enterprise = np.array([names.setdefault(e, len(names)) for e in enterprises], np.int64)
    skus, units = len(sku.texts), len(unit.texts)
    shelf_of_line = (enterprise * units)[envelope] + unit.index
    # By shelf first, so that the articles of a shelf stand together.
    key, of_line = distinct(shelf_of_line * skus + sku.index, len(names) * units * skus)
    shelves, which = np.divmod(key, skus)
    called, unit_texts, sku_texts = list(names), unit.texts.to_pylist(), sku.texts.to_pylist()
    rows: list[int] = []
    said = [sku_texts[i] for i in which.tolist()]
    found = _Different(np.zeros(0, np.int64), said, np.zeros(len(key), np.int64), of_line)
    edges = (np.flatnonzero(np.diff(shelves)) + 1).tolist()
    for first, last in pairwise([0, *edges, len(key)] if len(key) else [0]):
        of, its_unit = divmod(int(shelves[first]), units)
        layouts = registry.labels(called[of])
        for i in range(first, last) if layouts else ():
            label = read_label(layouts, said[i])
            if label is not None:
                said[i], found.grams[i], found.rewritten = label.item, label.grams or 0, True
        rows += catalogue.rows_of(catalogue.shelf(called[of], unit_texts[its_unit]), said[first:last])
    found.rows = np.array(rows, np.int64)
    return found


def _split(found: _Different, lines: pa.RecordBatch, catalogue: Catalogue) -> None:
    """Give the lines of SKUs that were split by name articles of their own, behind the others."""
    at = np.flatnonzero(catalogue.split[found.rows][found.of_line])
    name = tagged(lines.column("name").take(pa.array(at)))
    names = len(name.texts)
    key, of_line = distinct(found.of_line[at] * names + name.index, len(found.rows) * names)
    article, which = np.divmod(key, names)
    texts = name.texts.to_pylist()
    skus = [found.skus[a] + SPLIT + texts[i] for a, i in zip(article.tolist(), which.tolist(), strict=True)]
    shelves = [catalogue.shelf_of(row) for row in found.rows[article].tolist()]
    rows = [row for shelf, sku in zip(shelves, skus, strict=True) for row in catalogue.rows_of(shelf, [sku])]
    found.of_line = found.of_line.copy()
    found.of_line[at] = len(found.rows) + of_line
    found.rows = np.concatenate([found.rows, np.array(rows, np.int64)])
    found.grams = np.concatenate([found.grams, found.grams[article]])
    found.skus += skus
    found.rewritten = True


def _describe(
    found: _Different, envelopes: list[Taken], lines: pa.RecordBatch, envelope: Ints, catalogue: Catalogue
) -> None:
    """Describe what is new, or was changed in the registry, by its first line here."""
    which = np.flatnonzero(catalogue.wanting(found.rows))
    if not len(which):
        return
    n = len(found.of_line)
    first = np.full(len(found.rows), n)
    # Backwards, so that the first line is written last.
    first[found.of_line[::-1]] = np.arange(n - 1, -1, -1)
    line_of: dict[int, int] = {}
    for row, line in sorted(zip(found.rows[which].tolist(), first[which].tolist(), strict=True), key=lambda p: p[1]):
        line_of.setdefault(row, line)
    rows, at = list(line_of), list(line_of.values())
    texts = [tagged(lines.column(name).take(pa.array(at))).texts_of_lines() for name in _SEEN]
    sights = []
    for i, row in enumerate(rows):
        shelf = catalogue.shelf_of(row)
        sights.append(Sight(shelf.enterprise, catalogue.skus[row], shelf.unit, *(t[i] for t in texts)))
    ts = int64(lines.column("ts"))
    for row, sight, description in catalogue.describe(rows, sights):
        line = line_of[row]
        e = envelopes[int(envelope[line])]
        record = _record(sight, description, int(ts[line]))
        catalogue.news.append(News(e.partition, e.offset, e.arrived, record))


def _record(sight: Sight, description: Description, seen_at: int) -> SkuRecord:
    content = description.content
    return SkuRecord(
        enterprise=sight.enterprise,
        sku=sight.sku,
        unit=sight.unit,
        code=description.code,
        method=description.method,
        confidence=description.confidence,
        seen_at=seen_at,
        name=sight.name,
        spec=sight.spec,
        barcode=sight.barcode,
        category=sight.category,
        tax_code=sight.tax_code,
        brand=description.brand,
        suggested=description.suggested,
        reasons=list(description.reasons),
        qty=content.qty if content else 0.0,
        content_unit=content.unit if content else "",
        packs=content.packs if content else 0,
        per_unit=description.per_unit,
        quality=int(description.marks),
    )


def _grams(found: _Different, catalogue: Catalogue) -> Ints | None:
    """What scales' labels say that a piece weighs, of goods that are measured by weight and were sent by the piece."""
    for i in np.flatnonzero(found.grams).tolist():
        row = int(found.rows[i])
        code = catalogue.texts.texts[catalogue.code[row]]
        if node(code).base_unit != "kg" or measure(catalogue.shelf_of(row).unit, "pc", None).per_unit != 1000:
            found.grams[i] = 0
    return found.grams[found.of_line] if found.grams.any() else None
