"""The review queue as questions to the store. Pure: SQL, no I/O."""

# ruff: noqa: S608
# Names are our own; every text that is not is quoted.

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gateway.reviews import MAX_KEY, Key, Search, plain_text
from streams.records import SPLIT, Decision
from streams.taxonomy import UNCLASSIFIED

_SQL_BYTES: Final = 40_000
"""Of keys in one question; the store takes 64 kB of SQL."""
_SETTLED: Final = "'review', 'registry'"
_DESCRIBED: Final = (
    "enterprise, sku, unit, name, spec, barcode, category, tax_code, brand, code, method, confidence, reasons, quality"
)
_SKUS: Final = "(SELECT * REPLACE (if(suggested != '', suggested, code) AS code) FROM skus)"
"""Articles with what is suggested for them: a code that was too unsure to be taken as well."""
_ONE: Final = "ORDER BY enterprise, sku, described_at DESC, unit LIMIT 1 BY enterprise, sku"
"""Of an article sold in several units: what was said last."""


def quoted(text: str) -> str:
    r"""A text as a literal of the store's SQL.

    >>> print(quoted("a'b\\"))
    'a\'b\\'
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def like(pattern: str) -> str:
    r"""A pattern for LIKE: part of a text, or all of it where ``*`` stands for anything.

    >>> like("大米"), like("大米*kg"), like("100%_")
    ('%大米%', '大米%kg', '%100\\%\\_%')
    """
    plain = re.sub(r"([\\%_])", r"\\\1", pattern)
    return plain.replace("*", "%") if "*" in pattern else f"%{plain}%"


def queue(search: Search, limit: int, offset: int = 0) -> str:
    """The question for a page of the queue: the columns of Article, the greatest sales first."""
    return (
        f"WITH {_standing()}, waiting AS ({_waiting(search, _DESCRIBED)}), sold AS ("
        "SELECT enterprise, sku, sum(amount) AS value, sum(entry) AS lines FROM sales "
        f"WHERE ts > (SELECT max(ts) FROM sales) - INTERVAL {search.days} DAY "
        # The SKU alone: twice as fast as the pair, and the few that are of others too many find no partner below.
        f"AND {_of(search)} AND sku IN (SELECT sku FROM waiting) GROUP BY enterprise, sku) "
        "SELECT w.*, toInt64(s.value) AS value, toInt64(s.lines) AS lines "
        "FROM waiting AS w LEFT JOIN sold AS s ON s.enterprise = w.enterprise AND s.sku = w.sku "
        f"ORDER BY value DESC, lines DESC, enterprise, sku LIMIT {limit:d} OFFSET {offset:d}"
    )


def totals(search: Search) -> str:
    """The question how many articles a search finds, and how many of them have a suggestion: ``total, suggested``."""
    return (
        f"WITH {_standing()} SELECT toInt64(count()) AS total, toInt64(countIf(code != '{UNCLASSIFIED}')) AS suggested "
        f"FROM ({_waiting(search, 'enterprise, sku, code')})"
    )


def lookups(keys: Iterable[Key]) -> Iterator[str]:
    """The questions for these articles, decided or not: the columns of Article without their sales."""
    for piece in _pieces(keys):
        chosen = f"(enterprise, sku) IN ({', '.join(piece)})"
        yield (
            f"WITH {_standing(chosen)} "
            "SELECT d.*, s.decided AS decided, toUnixTimestamp64Milli(s.decided_at) AS decided_at "
            f"FROM (SELECT {_DESCRIBED} FROM {_SKUS} WHERE {chosen} {_ONE}) AS d "
            "LEFT JOIN standing AS s ON s.enterprise = d.enterprise AND s.sku = d.sku"
        )


def log(search: Search, sku: str, author: str, limit: int, offset: int = 0) -> str:
    """The question for decisions, the newest first: their columns, ``at`` in ms, and ``holds``: whether it does.

    Of ``search`` the enterprise and the pattern count.
    """
    parts = ["1"]
    for column, wanted in (("enterprise", search.enterprise), ("sku", sku), ("author", author)):
        plain_text(column, wanted, MAX_KEY)
        if wanted:
            parts.append(f"{column} = {quoted(wanted)}")
    if search.match:
        parts.append(f"name ILIKE {quoted(like(search.match))}")
    columns = ", ".join(name for name in Decision.__struct_fields__ if name != "at")
    return (
        "WITH last AS (SELECT enterprise, sku, max((at, decision_id)) AS newest "
        "FROM decisions GROUP BY enterprise, sku) "
        f"SELECT {columns}, toUnixTimestamp64Milli(d.at) AS at, "
        "(d.at, decision_id) = newest AND verdict != 'withdrawn' AS holds "
        "FROM decisions AS d INNER JOIN last USING (enterprise, sku) "
        f"WHERE {' AND '.join(parts)} ORDER BY d.at DESC, decision_id DESC LIMIT {limit:d} OFFSET {offset:d}"
    )


def _standing(chosen: str = "1") -> str:
    return (
        "standing AS (SELECT enterprise, sku, argMax(verdict, (at, decision_id)) AS decided, max(at) AS decided_at "
        f"FROM decisions WHERE {chosen} GROUP BY enterprise, sku)"
    )


def _waiting(search: Search, columns: str) -> str:
    whole = f"splitByString('{SPLIT}', sku)[1]"
    return (
        f"SELECT {columns} FROM {_SKUS} WHERE {_condition(search)} "
        "AND (enterprise, sku) NOT IN (SELECT enterprise, sku FROM standing WHERE decided != 'withdrawn') "
        # What a split brought forth is no article any more when that is withdrawn.
        f"AND (position(sku, '{SPLIT}') = 0 "
        f"OR (enterprise, {whole}) IN (SELECT enterprise, sku FROM standing WHERE decided = 'split')) {_ONE}"
    )


def _of(search: Search) -> str:
    return f"enterprise = {quoted(search.enterprise)}" if search.enterprise else "1"


def _condition(search: Search) -> str:
    parts = [f"method NOT IN ({_SETTLED})", _of(search)]
    if search.code:
        parts.append(f"startsWith(code, '{search.code}')")
    if search.match:
        parts.append(f"name ILIKE {quoted(like(search.match))}")
    if not search.everything:
        parts.append(f"(confidence < {search.below!r} OR code = '{UNCLASSIFIED}')")
    if search.at_least:
        parts.append(f"confidence >= {search.at_least!r}")
    if search.suggested:
        parts.append(f"code != '{UNCLASSIFIED}'")
    return " AND ".join(parts)


def _pieces(keys: Iterable[Key]) -> Iterator[Sequence[str]]:
    piece: list[str] = []
    size = 0
    for key in keys:
        texts = (plain_text(field, text, MAX_KEY) for field, text in zip(Key._fields, key, strict=True))
        literal = f"({', '.join(map(quoted, texts))})"
        # Each stands twice in a question.
        length = 2 * (len(literal.encode()) + 2)
        if piece and size + length > _SQL_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(literal)
        size += length
    if piece:
        yield piece
