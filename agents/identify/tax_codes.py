"""The tax classification code on invoices (商品和服务税收分类编码, 19 digits) and what it is in the taxonomy."""

import csv
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from streams.taxonomy import taxonomy

DIGITS: Final = 19
_LONGEST: Final = 13


class TaxEntry(NamedTuple):
    """A prefix of the code. ``codes``: the taxonomy codes that it spans, the most usual one first."""

    prefix: str
    codes: tuple[str, ...]
    title: str


class TaxCodesError(ValueError):
    """A row of the file is not as it should be."""


@cache
def entries() -> dict[str, TaxEntry]:
    """All prefixes, from ``data/tax_codes.csv``. Raises TaxCodesError at a row that is wrong."""
    found: dict[str, TaxEntry] = {}
    with (files("agents.identify") / "data" / "tax_codes.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            prefix, codes = row["prefix"], tuple(row["codes"].split())
            if not prefix.isdigit() or len(prefix) % 2 == 0 or len(prefix) > _LONGEST or prefix in found:
                raise TaxCodesError(f"prefix: expected 1, 3, 5 ... digits, once, got {prefix!r}")
            unknown = [c for c in codes if c not in taxonomy()]
            if unknown or not codes:
                raise TaxCodesError(f"{prefix}: expected codes of the taxonomy, got {row['codes']!r}")
            found[prefix] = TaxEntry(prefix, codes, row["title"])
    return found


def tax_entry(text: str) -> TaxEntry | None:
    """The longest known prefix of a code; None where none is known or the text is no such code.

    Zeros at the end may be missing, as some exports drop them.

    >>> tax_entry("1010115010100000000").codes, tax_entry("1010000000000000000")
    (('0901',), None)
    """
    code = text.strip()
    if not (code.isascii() and code.isdigit() and len(code) <= DIGITS):
        return None
    known = entries()
    # Section, and then two digits a level.
    return next(filter(None, (known.get(code[:n]) for n in range(min(len(code), _LONGEST), 0, -1) if n % 2)), None)
