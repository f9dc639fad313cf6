"""Labels of scales: the item and its weight or price inside of one number, by the layout of the enterprise."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from biip.checksums import gs1_price_weight_check_digit, gs1_standard_check_digit

from streams.records import LabelLayout

_CHECKED: Final = (4, 5)
"""Digits for which GS1 says how a price or weight is checked (General Specifications 7.9.2 to 7.9.4)."""


class Label(NamedTuple):
    """What a label says. ``item`` is prefix and item number, such as ``21:12345``: the SKU that mappings go by."""

    item: str
    grams: int | None
    fen: int | None


def fault(layout: LabelLayout) -> str:
    """Why a layout cannot be read, or an empty text.

    >>> fault(LabelLayout("21", 13, (2, 7), (7, 12), "weight")), fault(LabelLayout("21", 13, (2, 7), (7, 14), "weight"))
    ('', 'measure: expected digits within 0 to 12, got 7 to 14')
    """
    end = layout.length - layout.check_digit
    for name, (first, last) in (("item", layout.item), ("measure", layout.measure)):
        if not 0 <= first < last <= end:
            return f"{name}: expected digits within 0 to {end}, got {first} to {last}"
    if not (layout.prefix.isascii() and layout.prefix.isdigit() and len(layout.prefix) < layout.length):
        return f"prefix: expected digits, got {layout.prefix!r}"
    if layout.scale < 1:
        return f"scale: expected 1 or more, got {layout.scale}"
    if layout.price_check is not None:
        if not 0 <= layout.price_check < end:
            return f"price_check: expected a digit within 0 to {end}, got {layout.price_check}"
        digits = layout.measure[1] - layout.measure[0]
        if digits not in _CHECKED:
            return f"price_check: only a measure of 4 or 5 digits has one, this has {digits}"
    return ""


def read_label(layouts: Iterable[LabelLayout], sku: str) -> Label | None:
    """What the first layout that fits reads in a number; None where none fits or a check digit is wrong.

    >>> read_label([LabelLayout("21", 13, (2, 7), (7, 12), "weight")], "2112345012506")
    Label(item='21:12345', grams=1250, fen=None)
    """
    if not (sku.isascii() and sku.isdigit()):
        return None
    return next(filter(None, (_read(layout, sku) for layout in layouts)), None)


def _read(layout: LabelLayout, sku: str) -> Label | None:
    if len(sku) != layout.length or not sku.startswith(layout.prefix):
        return None
    if layout.check_digit and int(sku[-1]) != gs1_standard_check_digit(sku[:-1]):
        return None
    measure = sku[slice(*layout.measure)]
    if layout.price_check is not None and int(sku[layout.price_check]) != gs1_price_weight_check_digit(measure):
        return None
    item = f"{layout.prefix}:{sku[slice(*layout.item)]}"
    value = int(measure) * layout.scale
    return Label(item, value, None) if layout.measures == "weight" else Label(item, None, value)
