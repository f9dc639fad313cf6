"""One source of tables: what each engine is told."""

import re
from collections.abc import Iterator

import pytest

from sinks import schema
from sinks.dialect import WHOLE, Dialect, DialectError, Kind, dialect_of
from sinks.embedded import EmbeddedStore
from sinks.views import Views

CLUSTER = Dialect(Kind.CLUSTER, "main", "infopump")
OLD = Dialect(Kind.OLD)
STATEMENTS = [
    f"CREATE DATABASE IF NOT EXISTS {schema.DATABASE}",
    schema.CREATE_VERSIONS,
    *(statement for migration in schema.MIGRATIONS for statement in migration.statements),
    *schema.retention(3),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path_factory.mktemp("engine"))
    store.migrate()
    yield store
    store.close()


def clustered() -> list[str]:
    return [said for statement in STATEMENTS for said in CLUSTER.render(statement)]


def rows_go_to(engine: EmbeddedStore) -> set[str]:
    """Every table that rows are sent to, or that a view fills."""
    found = engine.query(f"SELECT name FROM system.tables WHERE database = '{schema.DATABASE}' AND engine LIKE '%Tree'")
    return set(found["name"].to_pylist())


def test_one_server_and_the_embedded_engine_take_every_statement_as_it_is_written() -> None:
    for statement in STATEMENTS:
        assert Dialect().render(statement) == (" ".join(statement.split()),)


def test_every_statement_for_a_cluster_is_one_that_the_engine_can_parse(engine: EmbeddedStore) -> None:
    for said in clustered():
        quoted = said.replace("\\", "\\\\").replace("'", "\\'")
        assert engine.query(f"SELECT formatQuery('{quoted}') AS q")["q"][0].as_py()


def test_every_statement_for_a_cluster_reaches_all_of_its_nodes() -> None:
    for said in clustered():
        if not said.startswith("INSERT "):
            assert " ON CLUSTER 'main'" in said
        else:
            assert "parallel_distributed_insert_select = 2" in said


def test_every_table_of_a_cluster_is_replicated_and_remembers_its_blocks_for_a_year() -> None:
    made = [said for said in clustered() if said.startswith("CREATE TABLE ") and " ENGINE = Distributed" not in said]
    assert made
    for said in made:
        assert re.search(
            r"ENGINE = Replicated\w*MergeTree\('/clickhouse/tables/\{uuid\}/(\{shard\}|all)', '\{replica\}'", said
        )
        assert "non_replicated" not in said
        if "deduplication_window" in said:
            assert "replicated_deduplication_window_seconds = 31622400" in said


def test_shared_tables_have_one_over_them_and_tables_that_are_whole_have_none() -> None:
    said = " ".join(clustered())
    assert "CREATE TABLE IF NOT EXISTS sales_local ON CLUSTER 'main' (ts " in said
    assert (
        "CREATE TABLE IF NOT EXISTS sales ON CLUSTER 'main' AS sales_local "
        "ENGINE = Distributed('main', 'infopump', 'sales_local', cityHash64(terminal_id))"
    ) in said
    assert "CREATE TABLE IF NOT EXISTS skus ON CLUSTER" in said
    assert "skus_local" not in said
    assert "ReplicatedSummingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', (lines, " in said


def test_rows_for_a_cluster_go_to_whole_tables_or_by_terminal(engine: EmbeddedStore) -> None:
    made = [said for said in clustered() if " ENGINE = Distributed" in said]
    by_terminal = {said.split()[5] for said in made if "terminal_id" in said}
    assert WHOLE | by_terminal >= schema.TABLES
    assert rows_go_to(engine) <= WHOLE | {said.split()[5] for said in made}


def test_views_of_a_cluster_fill_the_tables_of_their_own_node() -> None:
    for said in clustered():
        if said.startswith("CREATE MATERIALIZED VIEW "):
            target = re.search(r" TO (\w+)", said)
            assert target is not None
            for table in [target[1], *re.findall(r"\bFROM (\w+)", said)]:
                assert table.endswith("_local") or table in WHOLE


def test_a_new_column_comes_below_and_above_and_a_lifetime_below_alone() -> None:
    added = CLUSTER.render("ALTER TABLE sales ADD COLUMN IF NOT EXISTS n UInt8 CODEC(ZSTD(1))")
    assert added == (
        "ALTER TABLE sales_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS n UInt8 CODEC(ZSTD(1))",
        "ALTER TABLE sales ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS n UInt8",
    )
    assert CLUSTER.render("ALTER TABLE sales MODIFY TTL ts + INTERVAL 3 YEAR") == (
        "ALTER TABLE sales_local ON CLUSTER 'main' MODIFY TTL ts + INTERVAL 3 YEAR",
    )
    assert CLUSTER.render("ALTER TABLE skus MODIFY TTL seen_at + INTERVAL 3 YEAR")[0].startswith("ALTER TABLE skus ON")


def test_a_table_that_goes_goes_below_and_above() -> None:
    assert CLUSTER.render("DROP TABLE IF EXISTS cells_1h") == (
        "DROP TABLE IF EXISTS cells_1h ON CLUSTER 'main' SYNC",
        "DROP TABLE IF EXISTS cells_1h_local ON CLUSTER 'main' SYNC",
    )
    assert CLUSTER.render("DROP VIEW IF EXISTS v") == ("DROP VIEW IF EXISTS v ON CLUSTER 'main' SYNC",)


@pytest.mark.parametrize("statement", ["RENAME TABLE IF EXISTS sales TO lines", "OPTIMIZE TABLE sales"])
def test_a_statement_that_a_cluster_would_have_to_guess_at_is_refused(statement: str) -> None:
    with pytest.raises(DialectError, match="expected a statement of a known form"):
        CLUSTER.render(statement)


def test_a_server_of_2018_is_told_nothing_that_it_does_not_know() -> None:
    said = " ".join(one for statement in STATEMENTS for one in OLD.render(statement))
    for new in (
        "CODEC",
        "DateTime64",
        "Bool",
        "SETTINGS",
        "TTL",
        "DROP VIEW",
        "COLUMN IF NOT EXISTS",
        "now64",
        " AS l ",
    ):
        assert new not in said
    assert "LowCardinality(String)" in said
    assert OLD.render(
        "CREATE TABLE IF NOT EXISTS t (a DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)), b Bool CODEC(ZSTD(1)))"
    ) == ("CREATE TABLE IF NOT EXISTS t (a DateTime('UTC'), b UInt8)",)


def test_what_a_server_of_2018_must_be_asked_before_is_known() -> None:
    (said,) = OLD.render("ALTER TABLE sales ADD COLUMN IF NOT EXISTS entry Int8 ALIAS 1")
    assert OLD.adds(said) == ("sales", "entry")
    assert Dialect().adds("ALTER TABLE sales ADD COLUMN IF NOT EXISTS entry Int8") is None
    assert Dialect().adds("DROP TABLE IF EXISTS sales") is None


@pytest.mark.parametrize(
    ("version", "kind"), [((18, 16, 1), Kind.OLD), ((21, 12, 3), Kind.PLAIN), ((26, 1, 1), Kind.PLAIN)]
)
def test_a_server_is_spoken_to_as_its_version_says(version: tuple[int, ...], kind: Kind) -> None:
    assert dialect_of(version, "", "infopump").kind is kind


def test_a_cluster_needs_servers_that_know_a_block_by_its_token_in_all_its_tables() -> None:
    assert dialect_of((24, 8, 2), "main", "infopump") == CLUSTER
    with pytest.raises(DialectError, match=r"expected a cluster of servers of version 24\.8 or later, got 23\.8\.1"):
        dialect_of((23, 8, 1), "main", "infopump")


def test_each_table_reaches_each_of_its_rollups_by_one_way_alone() -> None:
    """What ``sinks.doubts`` relies on: a block makes one part in a partition of a rollup."""
    views = Views(STATEMENTS)
    for table in schema.TABLES:
        targets = [view.target for view in views.after(table)]
        assert len(targets) == len(set(targets))
        assert not set(targets) & schema.TABLES


def test_a_view_that_was_dropped_is_followed_no_more_and_one_that_follows_a_rollup_comes_after_it() -> None:
    views = Views(
        [
            "CREATE MATERIALIZED VIEW IF NOT EXISTS a TO x AS SELECT n FROM sales WHERE n",
            "CREATE MATERIALIZED VIEW IF NOT EXISTS b TO y AS SELECT n FROM x AS l",
            "CREATE MATERIALIZED VIEW IF NOT EXISTS c TO z AS SELECT n FROM sales",
            "DROP VIEW IF EXISTS c",
        ]
    )
    assert [(view.target, view.of("aside")) for view in views.after("sales")] == [
        ("x", "SELECT n FROM aside WHERE n"),
        ("y", "SELECT n FROM aside AS l"),
    ]
