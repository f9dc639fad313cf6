"""The quality of what enterprises send, as questions to the store and the limits by which the answers are judged.

Pure: SQL out, no I/O but the file of limits. Each question gives one row an enterprise (or an article), about what was
sold, priced or counted in a period; corrections of our own are no fault of the sender and are left out.
"""

# ruff: noqa: S608
# Names are our own; an enterprise's is quoted.

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal, NamedTuple

from sinks.schema import LINE_TABLES
from streams.columns import Quality
from streams.taxonomy import UNCLASSIFIED
from streams.topics import RAW

Light = Literal["green", "amber", "red"]
DAY_MS: Final = 86_400_000
_OWN: Final = int(Quality.REVERSAL | Quality.RECODED)
_FIELDS: Final = ("name", "spec", "unit")
"""What must be said of an article when it is first sent."""


class Period(NamedTuple):
    """Ms UTC, the end exclusive."""

    start: int
    end: int

    def before(self) -> "Period":
        """The period of the same length before this one."""
        return Period(2 * self.start - self.end, self.start)


@dataclass(frozen=True, slots=True)
class Limit:
    """Above which share a measure is not good."""

    dimension: str
    amber: float
    red: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as good data."""

    least: int
    measures: dict[str, Limit]
    days_back: int
    steady_days: int
    chance: float

    def light(self, measure: str, share: float | None, of: int) -> Light | None:
        """The light of a measure that is ``share`` of ``of`` things; None where it is not judged.

        >>> limits().light("late_lines", 0.1, 1000), limits().light("late_lines", 0.1, 3)
        ('amber', None)
        """
        limit = self.measures.get(measure)
        if limit is None or share is None or of < self.least:
            return None
        return "red" if share > limit.red else "amber" if share > limit.amber else "green"


@cache
def limits() -> Limits:
    """The limits of ``data/quality.toml``."""
    read = tomllib.loads((files("sinks") / "data" / "quality.toml").read_text(encoding="utf-8"))
    least, silence = read.pop("least"), read.pop("silence")
    return Limits(least, {name: Limit(**table) for name, table in read.items()}, **silence)


def lines(period: Period, enterprise: str = "") -> str:
    """``enterprise, lines, late, p50, p90, p99`` (seconds from ``ts`` to ``sent_at``) of lines as sent."""
    delay = "(toUnixTimestamp64Milli(sent_at) - toUnixTimestamp64Milli(ts)) / 1000"
    quantiles = ", ".join(f"quantile({q / 100})(delay) AS p{q}" for q in (50, 90, 99))
    sent = _sent(f"enterprise, quality, {delay} AS delay", _within("ts", period, enterprise))
    return (
        f"SELECT enterprise, count() AS lines, countIf(bitAnd(quality, {int(Quality.LATE)}) != 0) AS late, {quantiles} "
        f"FROM ({sent}) GROUP BY enterprise ORDER BY enterprise"
    )


def coded(period: Period, enterprise: str = "") -> str:
    """``enterprise, method, coded, lines, value`` (fen, returns counted as positive) of sales as they hold now."""
    return (
        f"SELECT enterprise, method, code != '{UNCLASSIFIED}' AS coded, count() AS lines, sum(abs(amount)) AS value "
        f"FROM sales_now WHERE {_within('ts', period, enterprise)} "
        "GROUP BY enterprise, method, coded ORDER BY enterprise, value DESC, method, coded"
    )


def numbers(period: Period, enterprise: str = "") -> str:
    """``enterprise, numbers, unseen``: the numbers of envelopes between a terminal's first and last in the period, and
    how many of them show neither a line nor a refusal: lost, still to come, or sent without lines."""
    sent = _sent("enterprise, terminal_id, seq", _within("sent_at", period, enterprise))
    refused = f"SELECT terminal_id, seq FROM rejected WHERE seq IS NOT NULL AND {_refused(period)}"
    return f"""
WITH sent AS ({sent}), shops AS (
    SELECT terminal_id, any(enterprise) AS enterprise, min(seq) AS first, max(seq) AS last
    FROM sent GROUP BY terminal_id
), said AS (
    SELECT terminal_id, toInt64(seq) AS seq FROM sent UNION ALL SELECT terminal_id, toInt64(seq) FROM ({refused})
), seen AS (
    SELECT terminal_id, uniqExact(seq) AS numbers FROM said INNER JOIN shops USING (terminal_id)
    WHERE seq BETWEEN first AND last GROUP BY terminal_id
)
SELECT enterprise, sum(last - first + 1) AS numbers, sum(last - first + 1 - seen.numbers) AS unseen
FROM shops INNER JOIN seen USING (terminal_id) GROUP BY enterprise ORDER BY enterprise"""


def refused(period: Period, enterprise: str = "") -> str:
    """``enterprise, lines, envelopes`` refused in the period, of terminals with good lines in 90 days."""
    of = _sent("terminal_id, enterprise", _within("ts", Period(period.end - 90 * DAY_MS, period.end), enterprise))
    return (
        f"SELECT enterprise, sum(lines) AS lines, sum(envelopes) AS envelopes FROM rejected INNER JOIN "
        f"(SELECT terminal_id, any(enterprise) AS enterprise FROM ({of}) GROUP BY terminal_id) AS t "
        f"USING (terminal_id) WHERE {_refused(period)} GROUP BY enterprise ORDER BY enterprise"
    )


def first_sights(period: Period, enterprise: str = "") -> str:
    """``enterprise, articles, name, spec, unit``: articles met in the period, and how many of them lack each field."""
    empty = ", ".join(f"countIf({name} = '') AS {name}" for name in _FIELDS)
    return (
        f"SELECT enterprise, count() AS articles, {empty} FROM (SELECT enterprise AS enterprise, name AS name, "
        f"spec AS spec, unit AS unit FROM skus WHERE {_within('seen_at', period, enterprise)}) "
        "GROUP BY enterprise ORDER BY enterprise"
    )


def unit_mistakes(period: Period, enterprise: str = "") -> str:
    """``enterprise, priced, mistakes``: sales and price tags with a unit price, and those a step of a unit away."""
    priced = _sent(
        "enterprise, quality", f"unit_price > 0 AND {_within('ts', period, enterprise)}", ("sales", "prices")
    )
    mistake = f"bitAnd(quality, {int(Quality.UNIT_MISTAKE)}) != 0"
    return (
        f"SELECT enterprise, count() AS priced, countIf({mistake}) AS mistakes FROM ({priced}) "
        "GROUP BY enterprise ORDER BY enterprise"
    )


def mistaken_articles(period: Period, enterprise: str = "") -> str:
    """The articles behind ``unit_mistakes``, the worst first: ``enterprise, sku, name, unit, code, shops, lines, first,
    last, price, usual`` (medians in 1e-4 yuan per base unit, of the mistaken lines and of the others back to four weeks
    before the end; 0: there are none) and ``step``, how many times the usual one the mistaken one is."""
    back = Period(min(period.start, period.end - limits().days_back * DAY_MS), period.end)
    columns = "enterprise, sku, name, unit, code, terminal_id, ts, unit_price, quality"
    priced = _sent(columns, f"unit_price > 0 AND {_within('ts', back, enterprise)}", ("sales", "prices"))
    return (
        "SELECT enterprise, sku, any(name) AS name, unit, any(code) AS code, uniqExactIf(terminal_id, bad) AS shops, "
        "countIf(bad) AS lines, minIf(ts, bad) AS first, maxIf(ts, bad) AS last, "
        "toInt64(quantileIf(0.5)(unit_price, bad)) AS price, "
        "if(countIf(NOT marked) > 0, toInt64(quantileIf(0.5)(unit_price, NOT marked)), 0) AS usual, "
        "if(usual > 0, round(price / usual, 3), 0) AS step "
        f"FROM (SELECT *, bitAnd(quality, {int(Quality.UNIT_MISTAKE)}) != 0 AS marked, "
        f"marked AND {_within('ts', period, '')} AS bad FROM ({priced})) "
        "GROUP BY enterprise, sku, unit HAVING lines > 0 ORDER BY lines DESC, enterprise, sku, unit"
    )


def silent(period: Period, enterprise: str = "") -> str:
    """``enterprise, steady, silent``: shelves (SKU and shop) sold steadily before the period's end, and the silent."""
    return (
        f"SELECT enterprise, count() AS steady, countIf(is_silent) AS silent FROM ({_shelves(period, enterprise)}) "
        "GROUP BY enterprise ORDER BY enterprise"
    )


def silent_articles(period: Period, enterprise: str = "") -> str:
    """``enterprise, terminal_id, sku, name, code, days_sold, days_open, last_sold, silent_days, chance``."""
    return (
        "SELECT enterprise, terminal_id, sku, name, code, days_sold, days_open, last_sold, silent_days, chance "
        f"FROM ({_shelves(period, enterprise)}) WHERE is_silent ORDER BY chance, enterprise, terminal_id, sku"
    )


def duplicates(period: Period, enterprise: str = "") -> str:
    """``enterprise, lines, twice``: sales and returns, and those that stand again in another envelope of the terminal
    with the same SKU, time, quantity and amount."""
    sold = _sent("enterprise, terminal_id, sku, ts, qty, amount, seq", _within("ts", period, enterprise), ("sales",))
    return (
        "SELECT enterprise, sum(n) AS lines, sum(n - most) AS twice FROM "
        "(SELECT enterprise, sum(c) AS n, max(c) AS most "
        "FROM (SELECT enterprise, terminal_id, sku, ts, qty, amount, seq, count() AS c "
        f"FROM ({sold}) GROUP BY ALL) "
        "GROUP BY enterprise, terminal_id, sku, ts, qty, amount) GROUP BY enterprise ORDER BY enterprise"
    )


def _shelves(period: Period, enterprise: str) -> str:
    """Shelves sold steadily, as Bernoulli trials by day: sold on ``days_sold`` of the ``days_open`` of its shop from
    its first to its last sale; since then the shop was open on ``silent_days``."""
    limit = limits()
    back = Period(period.end - limit.days_back * DAY_MS, period.end)
    day = "toDate(toDateTime(ts, 'UTC'), 'Asia/Shanghai')"
    sold = f"SELECT *, {day} AS day FROM sales_now WHERE kind = 'sale' AND {_within('ts', back, enterprise)}"
    return (
        f"WITH sold AS ({sold}), shops AS (SELECT terminal_id, groupUniqArray(day) AS open FROM sold "
        "GROUP BY terminal_id) SELECT s.*, arrayCount(d -> d BETWEEN first_sold AND last_sold, open) AS days_open, "
        "arrayCount(d -> d > last_sold, open) AS silent_days, "
        f"pow(1 - days_sold / (days_open + 1), silent_days) AS chance, chance < {limit.chance} AS is_silent "
        "FROM (SELECT enterprise, terminal_id, sku, any(name) AS name, any(code) AS code, uniqExact(day) AS days_sold, "
        "min(day) AS first_sold, max(day) AS last_sold FROM sold GROUP BY enterprise, terminal_id, sku "
        f"HAVING days_sold >= {limit.steady_days}) AS s INNER JOIN shops USING (terminal_id)"
    )


def _sent(columns: str, where: str, tables: tuple[str, ...] = tuple(LINE_TABLES)) -> str:
    """Lines as they were sent, without our corrections."""
    return " UNION ALL ".join(
        f"SELECT {columns} FROM {table} WHERE bitAnd(quality, {_OWN}) = 0 AND {where}" for table in tables
    )


def _within(column: str, period: Period, enterprise: str) -> str:
    start, end = (f"fromUnixTimestamp64Milli(toInt64({at}))" for at in period)
    return f"{column} >= {start} AND {column} < {end} AND {_of(enterprise)}"


def _of(enterprise: str) -> str:
    if not enterprise:
        return "1"
    quoted = enterprise.replace("\\", "\\\\").replace("'", "\\'")
    return f"enterprise = '{quoted}'"


def _refused(period: Period) -> str:
    return f"source = '{RAW}' AND {_within('at', period, '')}"
