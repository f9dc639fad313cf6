"""What every rollup keeps, against what its lines say."""

import datetime as dt
from typing import Any

import pyarrow as pa

from sinks.blocks import split
from sinks.embedded import EmbeddedStore

DAY = "toDate(ts, 'Asia/Shanghai')"
SUMS = (
    "sum(entry) AS lines, sum(s.base_qty) AS base_qty, sum(s.amount) AS amount, sumIf(s.amount, s.base_qty != 0) AS "
    "priced_amount, sumIf(entry, promo) AS promo_lines, sumIf(s.amount, promo) AS promo_amount"
)
OF_CELLS = "sum(lines), sum(base_qty), sum(amount), sum(priced_amount), sum(promo_lines), sum(promo_amount)"
COMPARABLE = "kind = 'sale' AND bitAnd(quality, 112) = 0"
BY_LINES = {
    "cells_1m": f"SELECT code, county, channel, toStartOfMinute(ts) AS t, {SUMS} FROM sales AS s GROUP BY ALL",
    "cells_1h": f"SELECT code, county, channel, toStartOfHour(ts) AS t, {SUMS} FROM sales AS s GROUP BY ALL",
    "cells_1d": f"SELECT code, county, channel, {DAY} AS t, {SUMS} FROM sales AS s GROUP BY ALL",
    "items_1d": (
        f"SELECT {DAY} AS day, code, county, channel, enterprise, terminal_id, sku, unit, sum(entry) AS lines, "
        "sum(s.base_qty) AS base_qty, sum(s.amount) AS amount, sumIf(s.amount, promo) AS promo_amount, "
        f"sumIf(qty, {COMPARABLE}) AS priced_qty, sumIf(s.amount, {COMPARABLE}) AS priced_amount "
        "FROM sales AS s GROUP BY ALL"
    ),
    "contributions_1d": (
        f"SELECT {DAY} AS day, code, county, channel, enterprise, sum(s.amount) FROM sales AS s GROUP BY ALL"
    ),
    "brand_contributions_1d": (
        f"SELECT {DAY} AS day, code, province, brand, origin, enterprise, sum(entry), sum(s.base_qty), sum(s.amount) "
        "FROM sales AS s GROUP BY ALL"
    ),
    "price_buckets_1d": (
        f"SELECT code, county, channel, {DAY} AS day, toInt16(ceil(log(unit_price) / log(1.01 / 0.99))) AS bucket, "
        "sum(entry) AS lines FROM sales WHERE kind = 'sale' AND unit_price > 0 AND bitAnd(quality, 32) = 0 GROUP BY ALL"
    ),
}
AS_KEPT = {
    "cells_1m": f"SELECT code, county, channel, minute, {OF_CELLS} FROM cells_1m GROUP BY ALL",
    "cells_1h": f"SELECT code, county, channel, hour, {OF_CELLS} FROM cells_1h GROUP BY ALL",
    "cells_1d": f"SELECT code, county, channel, day, {OF_CELLS} FROM cells_1d GROUP BY ALL",
    "items_1d": (
        "SELECT day, code, county, channel, enterprise, terminal_id, sku, unit, sum(lines), sum(base_qty), "
        "sum(amount), sum(promo_amount), sum(priced_qty), sum(priced_amount) FROM items_1d GROUP BY ALL"
    ),
    "contributions_1d": (
        "SELECT day, code, county, channel, enterprise, sum(amount) FROM contributions_1d "
        "ARRAY JOIN contributed.1 AS enterprise, contributed.2 AS amount GROUP BY ALL"
    ),
    "brand_contributions_1d": (
        "SELECT day, code, province, brand, origin, enterprise, sum(lines), sum(base_qty), sum(amount) "
        "FROM brand_contributions_1d GROUP BY ALL"
    ),
    "price_buckets_1d": "SELECT code, county, channel, day, bucket, sum(lines) FROM price_buckets_1d GROUP BY ALL",
}

SUMS_OF = {"price_buckets_1d": 1, "contributions_1d": 1, "brand_contributions_1d": 3}
"""How many sums the last columns are, where not six."""


def put(store: EmbeddedStore, lines: pa.Table, token: str) -> None:
    for table, rows in split(lines).items():
        if rows.num_rows:
            store.insert(table, rows, f"{token}/{table}")


def rows_of(store: EmbeddedStore, sql: str, sums: int) -> list[tuple[Any, ...]]:
    """Sorted rows without those whose sums, the last columns, are all nothing: what was corrected away."""
    rows = [tuple(_plain(value) for value in row.values()) for row in store.query(sql).to_pylist()]
    return sorted(row for row in rows if any(row[-sums:]))


def _plain(value: Any) -> Any:
    return value.timestamp() if isinstance(value, dt.datetime) else str(value) if isinstance(value, dt.date) else value


def exact(store: EmbeddedStore) -> None:
    """Every rollup says what its lines say."""
    for name, sql in BY_LINES.items():
        sums = SUMS_OF.get(name, 6)
        by_lines, kept = rows_of(store, sql, sums), rows_of(store, AS_KEPT[name], sums)
        assert kept == by_lines, name
        assert by_lines, name
