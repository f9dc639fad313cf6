"""What each role can get out of the real engine: hostile questions of an analyst, and which cells are shown."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pytest

from sinks.articles import read_registry
from sinks.blocks import split
from sinks.embedded import EmbeddedStore
from sinks.roles import ASKING, Role
from sinks.rows import read_alert, read_command
from sinks.store import QueryError, QueryRefusedError
from streams.columns import CLEAN_SCHEMA
from streams.records import AlertCommand, EnterpriseRecord, encode
from tests.sinks import market

NAME, SHOP, ARTICLE, FIGURE = "hidden-chain", "till-of-hidden-chain", "6900000000077", 777_777_777
SECRETS: Final = (NAME, SHOP, ARTICLE, str(FIGURE))
DAY: Final = "2025-10-01"


@dataclass(frozen=True)
class Sale:
    """Lines of one shop: what it sells for ``amount`` fen each."""

    county: str
    enterprise: str
    amount: int
    code: str = "1001"
    brand: str = ""
    hours: int = 2


SOLD: Final = (
    # Three that are alike: shown.
    *(Sale("330602", f"chain-{n}", 1_000 + n, brand="everyone's") for n in range(3)),
    # One alone, two, and three of which one sells nearly all: not shown.
    Sale("330604", NAME, FIGURE, brand="own brand"),
    Sale("330108", NAME, FIGURE),
    Sale("330108", "chain-1", 500),
    *(Sale("310115", name, amount) for name, amount in ((NAME, FIGURE), ("chain-1", 500), ("chain-2", 500))),
    # Three names, of which two are one holding: not shown.
    *(Sale("330106", name, 2_000) for name in ("chain-1", "sister-a", "sister-b")),
)


def sales() -> pa.Table:
    """The lines of SOLD, one shop each, hour by hour from the first of the day in China on."""
    rows: list[dict[str, Any]] = []
    for n, one in enumerate(SOLD):
        for hour in range(one.hours):
            ts = market.MONTH_END + hour * market.HOUR
            shop, sku = (SHOP, ARTICLE) if one.enterprise == NAME else (f"T-{n}", f"69000000001{n:02d}")
            rows.append(
                {
                    **{"ts": ts, "sent_at": ts, "kind": "sale", "code": one.code, "county": one.county, "line": hour},
                    **{"channel": "supermarket", "enterprise": one.enterprise, "terminal_id": f"{shop}-{one.county}"},
                    **{"seq": n + 1, "raw_partition": 0, "raw_offset": n, "sku": sku, "name": "盐", "unit": "kg"},
                    **{"brand": one.brand, "origin": "CN", "lot": "", "method": "registry", "confidence": 1.0},
                    **{"quality": 0, "qty": 1_000, "base_qty": 1_000, "amount": one.amount, "promo": False},
                    "unit_price": one.amount * 100,
                }
            )
    return pa.Table.from_pylist(rows, schema=CLEAN_SCHEMA)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    made = EmbeddedStore(tmp_path_factory.mktemp("roles") / "store")
    made.migrate()
    for table, rows in split(sales()).items():
        made.insert(table, rows, table)
    stock = market.lines(2, 200, kinds=["stock"])
    made.insert("stock", split(stock)["stock"], "s")
    for n, name in enumerate(("sister-a", "sister-b")):
        record = EnterpriseRecord(name, name=name, holding="sisters", county="330106", valid_from=0)
        made.insert("enterprise_records", read_registry(encode(record), 0), f"e{n}")
    made.insert("alerts", read_alert(encode(market.alert(1)), 0), "a")
    said = AlertCommand("c", "a-1", "acknowledge", "Li", market.MONTH_END, comment=f"{NAME} says so")
    made.insert("alert_actions", read_command(encode(said), 0), "c")
    yield made
    made.close()


HOSTILE: Final = (
    # Tables of lines and of names, by every way there is to name one.
    "SELECT * FROM sales",
    "SELECT * FROM infopump.sales",
    "SELECT * FROM `infopump`.`sales`",
    "SELECT enterprise FROM infopump.sales",
    "SELECT max(amount) FROM infopump.sales",
    "SELECT count() FROM infopump.sales",
    "SELECT * FROM infopump.sales_now",
    "SELECT * FROM infopump.sales_known_at(at = '2030-01-01 00:00:00')",
    "SELECT * FROM infopump.items_1d",
    "SELECT * FROM infopump.envelopes",
    "SELECT * FROM infopump.presence",
    "SELECT * FROM infopump.cells_1d",
    "SELECT * FROM infopump.cells_1h",
    "SELECT * FROM infopump.cells_1m",
    "SELECT * FROM infopump.price_buckets_1d",
    "SELECT * FROM infopump.terminal_seqs",
    "SELECT * FROM infopump.reversals",
    "SELECT * FROM infopump.enterprise_records",
    "SELECT * FROM infopump.alerts",
    "SELECT * FROM infopump.alert_actions",
    "SELECT comment FROM alert_actions",
    "SELECT author FROM alert_actions",
    "SELECT data FROM alerts",
    "SELECT * FROM infopump_publisher.sales_now",
    "SELECT * FROM infopump_publisher.enterprises",
    "SELECT * FROM infopump.cells_1h_from_sales",
    "SELECT enterprise FROM cells_1d",
    "SELECT terminal_id FROM cells_1m",
    "SELECT s.each FROM cells_1d",
    "SELECT each, safe FROM cells_1d",
    # Through what stands around a table.
    "WITH sales AS (SELECT * FROM infopump.sales) SELECT * FROM sales",
    "WITH cells_1d AS (SELECT * FROM infopump.items_1d) SELECT * FROM cells_1d",
    "WITH (SELECT max(amount) FROM infopump.sales) AS m SELECT m",
    "WITH RECURSIVE r AS (SELECT enterprise FROM infopump.sales UNION ALL SELECT * FROM r) SELECT * FROM r LIMIT 5",
    "SELECT (SELECT any(enterprise) FROM infopump.sales)",
    "SELECT (SELECT groupArray(tuple(*)) FROM infopump.sales)",
    "SELECT county FROM regions WHERE code IN (SELECT county FROM infopump.sales)",
    "SELECT code FROM regions WHERE code IN infopump.sales",
    "SELECT 'hidden-chain' IN (SELECT enterprise FROM infopump.sales)",
    "SELECT EXISTS (SELECT 1 FROM infopump.sales WHERE enterprise = 'hidden-chain')",
    "SELECT * FROM regions AS r JOIN infopump.sales AS s ON s.county = r.code",
    "SELECT * FROM regions AS r, infopump.sales AS s",
    "SELECT * FROM cells_1d UNION ALL SELECT * FROM infopump.cells_1d",
    "SELECT * FROM cells_1d EXCEPT SELECT * FROM infopump.cells_1d",
    "SELECT * FROM (SELECT * FROM (SELECT enterprise FROM infopump.sales))",
    "SELECT * FROM view(SELECT enterprise FROM infopump.sales)",
    "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT enterprise FROM infopump.sales))",
    "SELECT * FROM viewIfPermitted(SELECT enterprise FROM infopump.sales ELSE null('enterprise String'))",
    "SELECT * FROM merge('infopump', 'sales')",
    "SELECT * FROM merge(infopump, '.*')",
    "SELECT * FROM mergeTreeIndex('infopump', 'sales')",
    "SELECT * FROM mergeTreeIndex(infopump, 'sales', with_marks = true)",
    "SELECT * FROM mergeTreeProjection('infopump', 'sales', 'p')",
    "SELECT * FROM mergeTreeTextIndex('infopump', 'sales', 'i')",
    "SELECT * FROM remote('127.0.0.1', infopump.sales)",
    "SELECT * FROM cluster('default', infopump.sales)",
    "SELECT * FROM loop(infopump.sales) LIMIT 5",
    "SELECT * FROM loop('infopump', 'sales') LIMIT 5",
    "SELECT * FROM dictionary('infopump.sales')",
    "SELECT dictGet('infopump.sales', 'enterprise', 1)",
    "SELECT joinGet('infopump.sales', 'enterprise', 1)",
    "SELECT joinGetOrNull(infopump.sales, 'enterprise', 1)",
    "SELECT * FROM generateRandom('a Int8') LIMIT 1",
    "SELECT * FROM executable('x', 'TSV', 'a Int8')",
    "SELECT * FROM file('sales', 'TSV')",
    # What the engine tells of itself.
    "SELECT query FROM system.processes",
    "SELECT query FROM system.query_log",
    "SELECT query IN system.processes",
    "SELECT 1 IN (SELECT query FROM system.processes)",
    "SELECT 1 IN system.processes",
    "SELECT * FROM system.parts",
    "SELECT * FROM system.parts_columns",
    "SELECT * FROM system.columns",
    "SELECT * FROM system.tables",
    "SELECT * FROM System.tables",
    "SELECT * FROM `system`.`tables`",
    "SELECT as_select FROM system.tables WHERE database = 'infopump_analyst'",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM INFORMATION_SCHEMA.COLUMNS",
    "SELECT * FROM system.part_log",
    "SELECT * FROM system.query_cache",
    "SELECT * FROM system.settings",
    "SELECT * FROM system.grants",
    "SELECT * FROM system.users",
    "SELECT * FROM system.mutations",
    "SELECT * FROM system.detached_parts",
    "SHOW CREATE TABLE cells_1d",
    "SHOW CREATE TABLE infopump.sales",
    "SHOW CREATE VIEW cells_1d",
    "SHOW CREATE cells_1d",
    "SHOW PROCESSLIST",
    "SHOW GRANTS",
    "SHOW COLUMNS FROM sales FROM infopump",
    "SHOW INDEX FROM sales FROM infopump",
    "SHOW FUNCTIONS",
    "DESCRIBE infopump.sales",
    "DESCRIBE TABLE sales",
    "DESCRIBE (SELECT * FROM infopump.sales)",
    "EXPLAIN SELECT * FROM cells_1d",
    "EXPLAIN SYNTAX SELECT * FROM cells_1d",
    "EXPLAIN QUERY TREE SELECT * FROM cells_1d",
    "EXPLAIN ESTIMATE SELECT * FROM cells_1d WHERE county = '330604'",
    "EXPLAIN PIPELINE SELECT * FROM infopump.sales",
    # Out of the role.
    "SET ROLE auditor",
    "SET ROLE ALL",
    "SET DEFAULT ROLE auditor TO default",
    "GRANT SELECT ON infopump.* TO analyst",
    "EXECUTE AS default SELECT * FROM infopump.sales",
    "USE infopump",
    "SELECT * FROM cells_1d SETTINGS final = 0",
    "CREATE VIEW infopump_analyst.v AS SELECT * FROM infopump.sales",
    "ALTER TABLE cells_1d MODIFY SQL SECURITY NONE",
    "INSERT INTO regions (code) VALUES ('1')",
)


@pytest.mark.parametrize("sql", HOSTILE)
def test_an_analyst_gets_at_nothing_that_is_not_shown(store: EmbeddedStore, sql: str) -> None:
    with pytest.raises(QueryError) as refused:
        store.query_as(Role.ANALYST, sql)
    assert not [one for one in SECRETS if one in str(refused.value) and one not in sql]


@pytest.mark.parametrize("sql", [one for one in HOSTILE[::4] if "infopump_publisher" not in one])
def test_nor_does_a_publisher(store: EmbeddedStore, sql: str) -> None:
    with pytest.raises(QueryError):
        store.query_as(Role.PUBLISHER, sql)


def test_the_same_is_an_auditors_to_ask(store: EmbeddedStore) -> None:
    for sql in ("SELECT enterprise FROM sales", "SELECT * FROM items_1d", "SELECT name FROM system.tables"):
        assert store.query_as(Role.AUDITOR, sql).num_rows
    assert NAME in str(store.query("SELECT DISTINCT enterprise FROM infopump.sales").to_pylist())


def test_an_analyst_sees_all_of_every_view_and_none_of_it_is_secret(store: EmbeddedStore) -> None:
    names = store.query_as(Role.ANALYST, "SHOW TABLES")["name"].to_pylist()
    assert {"cells_1m", "cells_1h", "cells_1d", "price_relatives", "alerts", "taxonomy"} <= set(names)
    for name in names:
        rows = str(store.query_as(Role.ANALYST, f"SELECT * FROM {name}").to_pylist())
        assert not [one for one in SECRETS if one in rows]
        assert store.query_as(Role.ANALYST, f"DESCRIBE TABLE {name}").num_rows


@pytest.mark.parametrize("name", ["cells_1m", "cells_1h", "cells_1d", "price_quantiles_1d", "price_buckets_1d"])
def test_a_cell_is_shown_where_three_holdings_sold_and_none_dominates(store: EmbeddedStore, name: str) -> None:
    every = store.query(f"SELECT DISTINCT county FROM {name}")["county"].to_pylist()
    shown = store.query_as(Role.ANALYST, f"SELECT DISTINCT county FROM {name}")["county"].to_pylist()
    assert (sorted(every), shown) == (["310115", "330106", "330108", "330602", "330604"], ["330602"])


def test_what_is_shown_is_what_the_rollup_says(store: EmbeddedStore) -> None:
    columns = "code, county, city, province, channel, lines, base_qty, amount, priced_amount, promo_lines, promo_amount"
    for table, unit in (("cells_1m", "minute"), ("cells_1h", "hour"), ("cells_1d", "day")):
        sql = f"SELECT {columns}, {unit} FROM {table} WHERE county = '330602' ORDER BY ALL"
        rows = store.query_as(Role.ANALYST, sql).to_pylist()
        assert rows == store.query(sql).to_pylist()
        assert sum(row["amount"] for row in rows) == 2 * 3_003


def test_an_own_brand_is_left_out_and_a_shared_one_is_summed(store: EmbeddedStore) -> None:
    sql = "SELECT brand, lines, amount FROM sales_by_brand WHERE brand != ''"
    assert store.query_as(Role.ANALYST, sql).to_pylist() == [{"brand": "everyone's", "lines": 6, "amount": 6_006}]


@pytest.mark.parametrize("name", ["cells_1m", "cells_1h", "cells_1d"])
@pytest.mark.parametrize(
    "test",
    [
        "throwIf(amount {of} {guess})",
        "intDiv(1, amount - {guess} * ({of_one}))",
        "toUInt8(if(amount {of} {guess}, 'x', '1'))",
        "sleepEachRow(if(amount {of} {guess}, 3, 0))",
        "amount {of} {guess} AND throwIf(county = '330604')",
    ],
)
def test_a_condition_that_fails_on_a_hidden_figure_tells_nothing(store: EmbeddedStore, name: str, test: str) -> None:
    """An optimiser may test a condition before the view's own: an error would tell one row from another."""
    heard = []
    for guess in (FIGURE, FIGURE * 2, FIGURE - 1):
        condition = test.format(of="=", of_one="1", guess=guess)
        try:
            heard.append(str(store.query_as(Role.ANALYST, f"SELECT count() FROM {name} WHERE {condition}").to_pylist()))
        except QueryError as error:
            heard.append(str(error).replace(str(guess), "?").split("(", 1)[0])
    assert len(set(heard)) == 1


def test_a_publisher_has_contributions_without_shops_and_articles(store: EmbeddedStore) -> None:
    columns = store.query_as(Role.PUBLISHER, "DESCRIBE sales_now")["name"].to_pylist()
    assert columns == ["ts", "code", "county", "province", "enterprise", "base_qty", "amount"]
    rows = store.query_as(Role.PUBLISHER, "SELECT enterprise, sum(amount) AS n FROM sales_now GROUP BY enterprise")
    assert {"enterprise": NAME, "n": 6 * FIGURE} in rows.to_pylist()
    with pytest.raises(QueryError, match="UNKNOWN_TABLE"):
        store.query_as(Role.PUBLISHER, "SELECT * FROM cells_1d")


@pytest.mark.parametrize("role", ASKING)
def test_a_role_outlives_a_question_that_failed(store: EmbeddedStore, role: Role) -> None:
    for _ in range(2):
        with pytest.raises(QueryError):
            store.query_as(role, "SELECT nothing FROM taxonomy")
        assert store.query_as(role, "SELECT currentRoles() AS roles").to_pylist() == [{"roles": [role.value]}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(number) AS n FROM numbers(10)",
        "SELECT c.code, t.name_zh, sum(c.amount) AS n FROM cells_1d AS c JOIN taxonomy AS t USING (code) GROUP BY ALL",
        "WITH x AS (SELECT * FROM cells_1h) SELECT count() FROM x",
        "SELECT * FROM infopump_analyst.cells_1d",
        "DESCRIBE cells_1d",
        "SHOW TABLES",
        "SELECT action FROM alert_actions",
        "SELECT level, observed FROM alerts",
    ],
)
def test_what_an_analyst_may_ask_is_answered(store: EmbeddedStore, sql: str) -> None:
    assert store.query_as(Role.ANALYST, sql).num_rows


def test_who_is_refused_hears_why(store: EmbeddedStore) -> None:
    with pytest.raises(QueryRefusedError, match="EXPLAIN: it is for auditors"):
        store.query_as(Role.ANALYST, "EXPLAIN SELECT 1")
    with pytest.raises(QueryRefusedError, match="database among infopump_analyst, got infopump"):
        store.query_as(Role.ANALYST, "SELECT * FROM infopump.sales")
