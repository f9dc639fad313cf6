"""Which stored lines are known as something else by now, as questions to the store. Pure: SQL, no I/O.

A line's article is known as something else where a person decided so (the last decision holds; the names of a SKU that
was split are articles of their own), or where normalize describes it otherwise than before because it learned from
decisions, or a decision was withdrawn. So is one whose unit could not be measured, where a decision said what it holds.
"""

# ruff: noqa: S608
# Names are our own; the one text that is not, a terminal's, is quoted.

from typing import Final, NamedTuple

from sinks.corrections import MOST
from sinks.schema import LINE_TABLES
from streams.columns import Quality
from streams.records import SPLIT

LEARNED: Final = ("gtin", "category", "name_confirmed", "learned")
"""Methods whose descriptions follow from decisions on other articles."""
_REVIEW: Final = "review"


class After(NamedTuple):
    """The last line of a page."""

    terminal_id: str
    seq: int
    line: int


def plan(table: str, since: int) -> str:
    """The question how many lines of ``table`` from ``since`` (ms UTC) on are to be corrected.

    Answers ``raw_partition, enterprise, sku, name, code, new_code, lines, amount`` (fen; 0 for stock), one row for each
    article, raw partition and pair of codes.
    """
    amount = "0" if table == "stock" else "sum(amount)"
    return (
        f"{_affected(table, since)} SELECT raw_partition, enterprise, sku, any(name) AS name, code, new_code, "
        f"toInt64(count()) AS lines, toInt64({amount}) AS amount FROM affected "
        "GROUP BY raw_partition, enterprise, sku, code, new_code "
        "ORDER BY raw_partition, enterprise, sku, code, new_code"
    )


def page(table: str, since: int, partition: int, code: str, after: After | None, limit: int) -> str:
    """The question for the next ``limit`` lines of a raw partition and a code that are to be corrected, by identity.

    Answers the table's columns, and of the article now ``new_code, article`` (its SKU), ``new_brand, new_confidence,
    described`` (g, ml or thousandths of a piece in one unit as normalize says, else 0) and ``content`` (of a pack, as
    the decision says, else 0).
    """
    # By the code first: it is what the tables are sorted by.
    of = f"code = {_quoted(code)} AND raw_partition = {partition}"
    if after is not None:
        of += f" AND (terminal_id, seq, line) > ({_quoted(after.terminal_id)}, {after.seq}, {after.line})"
    return f"{_affected(table, since, of)} SELECT * FROM affected ORDER BY terminal_id, seq, line LIMIT {limit}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _affected(table: str, since: int, of: str = "1") -> str:
    learned = ", ".join(f"'{method}'" for method in LEARNED)
    columns = ", ".join(f"l.{name} AS {name}" for name in LINE_TABLES[table])
    return f"""
WITH verdicts AS (
    SELECT enterprise, sku, argMax(verdict, k) AS verdict, argMax(code, k) AS code, argMax(brand, k) AS brand,
           argMax(content, k) AS content
    FROM (SELECT *, (at, decision_id) AS k FROM decisions) GROUP BY enterprise, sku
), splits AS (
    SELECT enterprise, sku FROM verdicts WHERE verdict = 'split'
), told AS (
    SELECT toString(enterprise) AS e, splitByString('{SPLIT}', sku)[1] AS s FROM verdicts
    UNION ALL SELECT toString(enterprise), sku FROM verdicts
    UNION ALL SELECT toString(enterprise), sku FROM skus WHERE method IN ({learned})
), lines AS (
    SELECT *, if((enterprise, sku) IN splits, concat(sku, '{SPLIT}', name), toString(sku)) AS article
    FROM {table}_now
    WHERE ts >= fromUnixTimestamp64Milli(toInt64({since})) AND (enterprise, sku) IN told AND {of}
), affected AS (
    SELECT {columns}, l.article AS article, v.verdict IN ('accepted', 'corrected') AS decided,
           multiIf(decided, v.code,
                   d.method IN ('', '{_REVIEW}'), '',
                   v.verdict = 'withdrawn' OR l.article != l.sku OR d.method IN ({learned}), d.code,
                   '') AS new_code,
           multiIf(decided AND v.brand != '', v.brand, d.brand != '', d.brand, l.brand) AS new_brand,
           if(decided, toFloat32(1), d.confidence) AS new_confidence,
           if(d.code = new_code, d.per_unit, 0) AS described,
           if(decided, v.content, 0) AS content
    FROM lines AS l
    LEFT JOIN verdicts AS v ON v.enterprise = l.enterprise AND v.sku = l.article
    LEFT JOIN skus AS d ON d.enterprise = l.enterprise AND d.sku = l.article AND d.unit = l.unit
    WHERE new_code NOT IN ('', l.code) OR (
        decided AND described > 0 AND bitAnd(l.quality, {int(Quality.UNIT_UNKNOWN)}) != 0
        AND abs(l.qty) <= intDiv({MOST}, greatest(described, 1))
    )
)"""
