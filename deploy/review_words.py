"""Articles and commodities in plain words, for a reviewer at a terminal. Pure."""

import re
from typing import Final

from gateway.reviews import Article
from streams.commodity import Commodity
from streams.taxonomy import UNCLASSIFIED, name_of, node, taxonomy

_CONTENT: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(g|kg|ml|l|pc|pcs)?", re.IGNORECASE)
_THOUSANDTHS: Final = {"": 1, "g": 1, "kg": 1000, "ml": 1, "l": 1000, "pc": 1000, "pcs": 1000}
MAX_CONTENT: Final = 10**9


def printable(text: str) -> str:
    r"""What a till sent, without anything that could steer a terminal.

    >>> printable("rice\x1b[2J\n5kg")
    'rice·[2J·5kg'
    """
    return "".join(c if c.isprintable() else "·" for c in text)


def yuan(fen: int) -> str:
    """An amount for people.

    >>> yuan(123456), yuan(-5)
    ('1,234.56', '-0.05')
    """
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02}"


def code_text(code: str) -> str:
    """A code with its names; a dash where nothing is suggested.

    >>> code_text("1001"), code_text("99")
    ('1001 食盐 Table salt', '-')
    """
    if code in ("", UNCLASSIFIED):
        return "-"
    names = name_of(code)
    return f"{code} {names.zh} {names.en}"


def path_text(code: str) -> str:
    """The names above a commodity and its own, in Chinese, from the top.

    >>> path_text("1001")
    '盐糖 › 食盐'
    """
    parts = [node(code[:length]) for length in range(2, len(code) + 1, 2)]
    return " › ".join(dict.fromkeys(part.name_zh for part in parts))


def suggestion(article: Article) -> str:
    """The suggestion of an article."""
    return code_text(article.code)


def find_commodities(text: str, limit: int = 9) -> list[Commodity]:
    """Commodities by the first digits of a code, or by a part of a name in either language, the nearest ones first.

    >>> [c.code for c in find_commodities("食盐")], find_commodities("1001")[0].name_en
    (['1001'], 'Table salt')
    """
    wanted = text.strip().casefold()
    if not wanted:
        return []
    known = [c for c in taxonomy().values() if c.code != UNCLASSIFIED]
    if wanted.isdecimal():
        return [c for c in known if c.code.startswith(wanted)][:limit]
    ranked = [(nearness, c) for c in known if (nearness := _nearness(c, wanted)) is not None]
    ranked.sort(key=lambda pair: (pair[0], pair[1].code))
    return [c for _, c in ranked[:limit]]


def content_of(text: str) -> int:
    """g, ml or thousandths of a piece in one pack, from ``500g``, ``1.5L``, ``12pc`` or a bare number of them.

    >>> content_of("500g"), content_of("1.5 L"), content_of("12pc"), content_of("400")
    (500, 1500, 12000, 400)

    Raises ValueError.
    """
    found = _CONTENT.fullmatch(text.strip())
    amount = round(float(found[1]) * _THOUSANDTHS[(found[2] or "").lower()]) if found else -1
    if not 0 < amount <= MAX_CONTENT:
        raise ValueError(f"expected what one pack holds, such as 500g, 1.5L or 12pc, got {text!r}")
    return amount


def _nearness(commodity: Commodity, wanted: str) -> tuple[int, int] | None:
    """0 the name itself, 1 its beginning, 2 within it; then the shorter name. None: not in it."""
    ranks = [
        (0 if name == wanted else 1 if name.startswith(wanted) else 2, len(name))
        for name in (commodity.name_zh.casefold(), commodity.name_en.casefold())
        if wanted in name
    ]
    return min(ranks, default=None)
