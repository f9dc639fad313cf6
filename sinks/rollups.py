"""Rollups of sales, in the form that those of version 3 share: sums that add, so that corrections net out."""

# ruff: noqa: S608
# Every name in these statements is our own.

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sinks.tables import table
from streams.columns import Quality

OWN: Final = int(Quality.REVERSAL | Quality.RECODED)
REVERSED: Final = f"bitAnd(quality, {int(Quality.REVERSAL)}) != 0"
SIGN: Final = f"toInt64(if({REVERSED}, -1, 1))"
"""A reversal takes its line back instead of being counted as one."""
_PRICED: Final = (
    f"kind = 'sale' AND bitAnd(quality, {int(Quality.OUTLIER | Quality.UNIT_MISTAKE | Quality.NO_AMOUNT)}) = 0"
)
"""Sales whose price can be compared: a return repeats an earlier price, the others are marked as mistaken."""
FILL: Final = "SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0"

CELL_COLUMNS: Final = """
    code LowCardinality(String),
    county LowCardinality(String),
    city LowCardinality(String) ALIAS substring(county, 1, 4),
    province LowCardinality(String) ALIAS substring(county, 1, 2),
    channel LowCardinality(String),
"""
_OF_LINE: Final = {
    "lines": SIGN,
    "base_qty": "l.base_qty",
    "amount": "l.amount",
    "priced_amount": "if(l.base_qty != 0, l.amount, 0)",
    "promo_lines": f"if(promo, {SIGN}, 0)",
    "promo_amount": "if(promo, l.amount, 0)",
}
"""What each sum of a cell adds of a line. ``priced_amount`` is the amount of lines whose base quantity is known: with
``base_qty`` it gives unit values."""
CELL_SUMS: Final = tuple(_OF_LINE)


def of_day(column: str) -> str:
    """Day of China. Rounding whole seconds takes a tenth of the time that rounding a DateTime64 does."""
    return f"toDate(toDateTime({column}, 'UTC'), 'Asia/Shanghai')"


@dataclass(frozen=True, slots=True)
class Rollup:
    """A table of sums over sales."""

    name: str
    columns: str
    """with ``{sums}`` where the sums stand"""
    keys: Mapping[str, str]
    """columns that they are summed by, each as said of a line; the table is sorted by them"""
    sums: Mapping[str, str]
    """sums, each as what one line adds"""
    by: str
    """the column whose month parts the table"""
    where: str = "1"

    @property
    def select(self) -> str:
        """The question that fills it."""
        return self.grouped(self.where)

    def grouped(self, where: str, **more: str) -> str:
        """The question for lines of another choice, by further columns too."""
        keys = {**more, **self.keys}
        sums = ", ".join(f"sum({added}) AS {name}" for name, added in self.sums.items())
        return f"SELECT {_named(keys)}, {sums} FROM sales AS l WHERE {where} GROUP BY {', '.join(keys)}"

    @property
    def lines(self) -> str:
        """What each line adds, by itself."""
        places = {"city": "l.city", "province": "l.province"} if "county" in self.keys else {}
        return f"SELECT {_named({**places, **self.keys, **self.sums})} FROM sales AS l WHERE {self.where}"


def _named(columns: Mapping[str, str]) -> str:
    return ", ".join(said if said == name else f"{said} AS {name}" for name, said in columns.items())


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def made(name: str, columns: str, sums: Mapping[str, str], by: str, order: str) -> str:
    """The statement that makes the table of a rollup."""
    added = ", ".join(f"{one} Int64 CODEC(T64, ZSTD(1))" for one in sums)
    return table(name, columns.format(sums=added), f"SummingMergeTree(({', '.join(sums)}))", by, order)


def rollup(of: Rollup) -> tuple[str, ...]:
    """Its table, the view that keeps it, and what was sold before: nobody writes during a migration, so that it can be
    emptied and filled again."""
    return (
        made(of.name, of.columns, of.sums, of.by, ", ".join(of.keys)),
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {of.name}_from_sales TO {of.name} AS {of.select}",
        f"TRUNCATE TABLE IF EXISTS {of.name}",
        f"INSERT INTO {of.name} {of.select} {FILL}",
    )


def cells(unit: str, kind: str, start: str) -> Rollup:
    """County x code x channel x unit of time."""
    return Rollup(
        f"cells_1{unit[0]}",
        f"{CELL_COLUMNS} {unit} {kind} CODEC(Delta, ZSTD(1)), {{sums}}",
        {**_same("code", "county", "channel"), unit: start},
        _OF_LINE,
        unit,
    )


MINUTES: Final = cells("minute", "DateTime('UTC')", "toStartOfMinute(toDateTime(ts, 'UTC'))")
HOURS: Final = cells("hour", "DateTime('UTC')", "toStartOfHour(toDateTime(ts, 'UTC'))")
DAYS: Final = cells("day", "Date", of_day("ts"))

ITEMS: Final = Rollup(
    "items_1d",
    """
    day Date CODEC(Delta, ZSTD(1)),
    code LowCardinality(String),
    county LowCardinality(String),
    city LowCardinality(String) ALIAS substring(county, 1, 4),
    province LowCardinality(String) ALIAS substring(county, 1, 2),
    channel LowCardinality(String),
    enterprise LowCardinality(String),
    terminal_id LowCardinality(String),
    sku LowCardinality(String),
    unit LowCardinality(String),
    {sums}
    """,
    {"day": of_day("ts"), **_same("code", "county", "channel", "enterprise", "terminal_id", "sku", "unit")},
    {
        **{name: _OF_LINE[name] for name in ("lines", "base_qty", "amount", "promo_amount")},
        "priced_qty": f"if({_PRICED}, qty, 0)",
        "priced_amount": f"if({_PRICED}, l.amount, 0)",
    },
    "day",
)
"""Shop x SKU x unit x day of China: what price indices match. ``priced_qty`` is in thousandths of ``unit``, so that
what has no base quantity has a price as well."""

BUCKETS: Final = Rollup(
    "price_buckets_1d",
    f"{CELL_COLUMNS} day Date CODEC(Delta, ZSTD(1)), bucket Int16 CODEC(Delta, ZSTD(1)), {{sums}}",
    {
        **_same("code", "county", "channel"),
        "day": of_day("ts"),
        "bucket": "toInt16(ceil(log(unit_price) / log(1.01 / 0.99)))",
    },
    {"lines": SIGN},
    "day",
    f"unit_price > 0 AND kind = 'sale' AND bitAnd(quality, {int(Quality.OUTLIER)}) = 0",
)
"""DDSketch of Masson, Rim and Lee (VLDB 2019) with a relative error of 1 %, kept as rows instead of as a state of the
engine: buckets merge by adding, in any order to the same sums, and give back what a correction takes back, which a
state cannot. Bucket b stands for 2 g^b / (g + 1), where g = 1.01 / 0.99."""

BRAND_CONTRIBUTIONS: Final = Rollup(
    "brand_contributions_1d",
    """
    day Date CODEC(Delta, ZSTD(1)),
    code LowCardinality(String),
    province LowCardinality(String),
    brand LowCardinality(String),
    origin LowCardinality(String),
    enterprise LowCardinality(String),
    {sums}
    """,
    {
        "day": of_day("ts"),
        **_same("code"),
        "province": "substring(county, 1, 2)",
        **_same("brand", "origin", "enterprise"),
    },
    {name: _OF_LINE[name] for name in ("lines", "base_qty", "amount")},
    "day",
)
"""``sales_1d`` by enterprise: an own brand is its chain's alone."""

_ITEM: Final = "cityHash64(code, county, channel, terminal_id, sku, unit)"
RELATIVES: Final = (
    "SELECT day, code, county, channel, toInt64(count()) AS items, sum(log_relative) AS log_relatives, "
    "exp(log_relatives / items) AS relative FROM ("
    "SELECT a.day AS day, a.code AS code, a.county AS county, a.channel AS channel, "
    "log(a.priced_amount / a.priced_qty) - log(b.price) AS log_relative "
    f"FROM (SELECT *, {_ITEM} AS item FROM items_1d WHERE priced_amount > 0 AND priced_qty > 0) AS a "
    f"INNER JOIN (SELECT day + 7 AS day, {_ITEM} AS item, priced_amount / priced_qty AS price FROM items_1d "
    "WHERE priced_amount > 0 AND priced_qty > 0) AS b ON a.day = b.day AND a.item = b.item"
    ") GROUP BY day, code, county, channel"
)
"""Each item against itself seven days before. It names no enterprise: what is shown is how many items there were, and
the sum of the logarithms of their relatives. Joined by one hash: by all columns of the key it took twice as long."""
