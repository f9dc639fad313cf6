"""What a reader may ask, judged by the real engine: hostile SQL against a real store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.embedded import EmbeddedStore
from sinks.roles import Role
from sinks.statements import is_description, parse_request
from sinks.store import QueryError, QueryRefusedError
from tests.sinks import market

WRITES = (
    "INSERT INTO sales (code) VALUES ('x')",
    "INSERT INTO sales SELECT * FROM sales",
    "INSERT INTO FUNCTION file('{out}') SELECT 1",
    "CREATE TABLE t (a Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE t (a Int8)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE FUNCTION f AS x -> x",
    "CREATE USER u",
    "GRANT ALL ON *.* TO default",
    "DROP TABLE sales",
    "DROP DATABASE infopump",
    "TRUNCATE TABLE sales",
    "RENAME TABLE sales TO gone",
    "DETACH TABLE sales",
    "ATTACH TABLE x",
    "OPTIMIZE TABLE sales FINAL",
    "ALTER TABLE sales DELETE WHERE 1",
    "DELETE FROM sales WHERE 1",
    "UPDATE sales SET code = '' WHERE 1",
    "BACKUP TABLE sales TO File('{out}')",
    "SYSTEM STOP MERGES",
    "SYSTEM SHUTDOWN",
    "KILL QUERY WHERE 1",
    "SET readonly = 0",
    "SET max_execution_time = 0",
    "USE system",
    "EXCHANGE TABLES sales AND prices",
    "MOVE USER u TO x",
    "SELECT 1; DROP TABLE sales",
    "SELECT 1; SELECT 2",
    "SELECT 1 /* ; */; -- \nDROP TABLE sales",
    "DESCRIBE sales; DROP TABLE sales",
    "SELECT 1 PARALLEL WITH DROP TABLE sales",
    "EXPLAIN AST DROP TABLE sales",
    "EXECUTE AS default SELECT 1",
)
DATA_VERBS = (
    *("INSERT", "CREATE", "GRANT", "DROP", "TRUNCATE", "RENAME", "DETACH", "ATTACH", "OPTIMIZE", "ALTER", "DELETE"),
    *("UPDATE", "BACKUP", "SET"),
)
WAYS_OUT = (
    "SELECT 1 INTO OUTFILE '{out}'",
    "SELECT 1 INTO OUTFILE '{out}' TRUNCATE FORMAT CSV",
    "SELECT 1 UNION ALL SELECT 2 INTO OUTFILE '{out}'",
    "EXPLAIN SYNTAX SELECT 1 INTO OUTFILE '{out}'",
    "EXPLAIN SELECT 1 INTO OUTFILE '{out}'",
    "SHOW TABLES INTO OUTFILE '{out}'",
    "(SELECT 1) INTO OUTFILE '{out}'",
    "WITH x AS (SELECT 1) SELECT * FROM x INTO OUTFILE '{out}'",
    "DESCRIBE sales INTO OUTFILE '{out}'",
    "SELECT 'it\\'s' INTO OUTFILE '{out}'",
)
WAYS_IN = (
    "SELECT file('{secret}')",
    "SELECT `file`('{secret}')",
    "EXPLAIN SELECT file('{secret}')",
    "DESCRIBE (SELECT file('{secret}'))",
    "SELECT arrayMap(file, ['{secret}'])",
    "SELECT arrayMap(x -> file(x), ['{secret}'])",
    "SELECT COLUMNS('a') APPLY(file) FROM (SELECT '{secret}' AS a)",
    "SELECT * APPLY(x -> file(x)) FROM (SELECT '{secret}' AS a)",
    "SELECT 1 WHERE file('{secret}') != ''",
    "SELECT (SELECT file('{secret}'))",
    "WITH file('{secret}') AS f SELECT f",
    "SELECT count() FROM sales ORDER BY file('{secret}')",
    "SELECT * FROM file('{secret}', 'LineAsString')",
    "SELECT * FROM FILE('{secret}')",
    "DESCRIBE file('{secret}')",
    "DESCRIBE TABLE file('{secret}')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM `{secret}`",
    "SELECT * FROM default.`{secret}`",
    "SELECT 1 IN (SELECT * FROM file('{secret}'))",
    "SELECT * FROM numbers(1) JOIN file('{secret}') AS f ON 1",
    "SELECT * FROM view(SELECT * FROM file('{secret}'))",
    "SELECT * FROM url('http://127.0.0.1:9/x', 'LineAsString')",
    "DESCRIBE url('http://127.0.0.1:9/x.csv')",
    "SELECT * FROM s3('http://127.0.0.1:9/bucket/x.csv')",
    "DESCRIBE s3('http://127.0.0.1:9/bucket/x.csv')",
    "SELECT * FROM remote('127.0.0.1:9', system.one)",
    "SELECT * FROM cluster('default', system.one)",
    "SELECT * FROM mysql('127.0.0.1:9', 'd', 't', 'u', 'p')",
    "SELECT * FROM postgresql('127.0.0.1:9', 'd', 't', 'u', 'p')",
    "SELECT * FROM sqlite('{secret}', 't')",
    "SELECT * FROM executable('cat {secret}', 'TSV', 'a String')",
    "DESCRIBE executable('cat {secret}', 'TSV', 'a String')",
    "SELECT * FROM filesystem('/etc')",
    "SELECT * FROM deltaLakeLocal('/etc')",
    "SELECT * FROM icebergLocal('/etc')",
    "SELECT * FROM merge('system', '.*')",
    "SELECT * FROM dictionary('x')",
    "SELECT * FROM eval('SELECT 1')",
    "SELECT * FROM python(secret)",
    "SELECT * FROM Python(secret)",
    "SELECT aiGenerate('hello')",
    "SELECT AIClassify('hello', ['a'])",
    "SELECT * FROM input('a Int8')",
    "SELECT 1 FORMAT CSV",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)",
    "SELECT \0",
    "",
    ";",
    "this is not SQL",
)
QUESTIONS = (
    "SELECT count() FROM sales",
    "select code, sum(amount) from infopump.sales group by code order by 2 desc limit 3;",
    "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
    "SELECT s.code, t.name_zh FROM sales AS s JOIN taxonomy AS t USING (code) LIMIT 1",
    "SELECT ';', '-- not a comment', 'INTO OUTFILE', 'file(''x'')', 'it\\'s' -- a comment",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "SELECT arrayMap(x -> x + 1, [1, 2])",
    "SELECT quantile(0.5)(amount) OVER (PARTITION BY code) FROM sales LIMIT 1",
    "SELECT toStartOfDay(ts, 'Asia/Shanghai') AS day, sum(amount) FROM sales GROUP BY day ORDER BY day",
    "SELECT number FROM numbers(3)",
    "SELECT * FROM values('a Int8', 1, 2)",
    "EXPLAIN SELECT count() FROM sales",
    "SHOW TABLES",
    "DESCRIBE sales",
    "DESC TABLE infopump.sales;",
    "SHOW CREATE TABLE cells_1h",
    "SELECT name FROM system.columns WHERE table = 'sales'",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    made = EmbeddedStore(tmp_path_factory.mktemp("hostile") / "store")
    made.migrate()
    made.insert("sales", market.lines(1, 50).drop(["kind"]).select(["ts", "code", "county", "amount"]), "t")
    yield made
    made.close()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    found = tmp_path / "secret.csv"
    found.write_text("do not tell\n")
    return found


@pytest.mark.parametrize("sql", [*WRITES, *WAYS_OUT, *WAYS_IN])
def test_hostile_sql_is_refused_and_changes_nothing(store: EmbeddedStore, sql: str, out: Path, secret: Path) -> None:
    with pytest.raises(QueryError) as caught:
        store.query(sql.replace("{out}", str(out)).replace("{secret}", str(secret)))
    assert "do not tell" not in str(caught.value)
    assert not out.exists()
    assert store.query("SELECT count() AS n, getSetting('readonly') AS r FROM sales").to_pylist() == [{"n": 50, "r": 1}]


@pytest.mark.parametrize("sql", QUESTIONS)
def test_a_question_is_answered(store: EmbeddedStore, sql: str) -> None:
    assert store.query(sql).num_rows > 0


@pytest.mark.parametrize("sql", [s for s in WRITES if s.startswith(DATA_VERBS)])
def test_the_engine_itself_refuses_what_writes_even_where_nobody_judges(store: EmbeddedStore, sql: str) -> None:
    """The second wall: read-only settings and missing grants."""
    with pytest.raises(QueryError):
        store._ask(sql.replace("{out}", "/nowhere"), "Null", Role.AUDITOR)
    assert store.query("SELECT count() AS n FROM sales").to_pylist() == [{"n": 50}]


def test_the_engine_has_no_grant_to_leave_the_process_even_without_readonly(store: EmbeddedStore, secret: Path) -> None:
    for source in (
        f"file('{secret}')",
        "url('http://127.0.0.1:9/x.csv')",
        "remote('127.0.0.1:9', system.one)",
        "s3('http://127.0.0.1:9/bucket/x.csv')",
        f"sqlite('{secret}', 't')",
    ):
        with pytest.raises(RuntimeError, match=r"(?i)not enough privileges"):
            store._writer.query(f"SELECT * FROM {source}")


def test_every_function_that_calls_a_service_is_refused(store: EmbeddedStore) -> None:
    """A newer engine may bring more of them."""
    names = store.query("SELECT name FROM system.functions WHERE categories = 'AI' OR alias_to ILIKE 'ai%'")
    assert names.num_rows >= 16
    for name in names["name"].to_pylist():
        with pytest.raises(QueryRefusedError, match="not for readers"):
            store.query(f"SELECT {name}('x')")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60))
@settings(max_examples=200)
def test_the_text_that_is_judged_is_the_text_that_is_run(store: EmbeddedStore, text: str) -> None:
    judged = parse_request(text).removeprefix("SELECT parseQueryToJSON(").removesuffix(")")
    # Nothing but the literal: what the engine makes of it is what came in.
    assert store._ask(f"SELECT hex({judged})", "TSVRaw", Role.AUDITOR).decode().strip() == text.encode().hex().upper()


def test_a_deeply_nested_statement_is_refused_not_a_crash(store: EmbeddedStore) -> None:
    with pytest.raises(QueryError):
        store.query("SELECT " + "(" * 900 + "1" + ")" * 900)
    with pytest.raises(QueryError):
        store.query("SELECT " + "-(" * 5_000 + "1" + ")" * 5_000)
    assert store.query("SELECT 1 AS n")["n"].to_pylist() == [1]


@pytest.mark.parametrize(
    "sql", ["DESCRIBE file('x')", "DESCRIBE a, b", "DESCRIBE (SELECT 1)", "DESC url", "SHOW CREATE x.y"]
)
def test_only_a_plain_table_name_may_be_described_without_being_judged(sql: str) -> None:
    assert is_description(sql) == (sql == "DESC url")
