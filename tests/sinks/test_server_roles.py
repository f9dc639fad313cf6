"""Roles on a newer server: the engine of chDB with the users that ``infopump store-users`` prints, and one of 2018."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from sinks import native
from sinks.access import Limits
from sinks.articles import read_registry
from sinks.blocks import split
from sinks.config import Login
from sinks.dialect import Dialect, Kind
from sinks.query import ask, serve_roles, socket_of
from sinks.readers import Readers
from sinks.roles import ASKING, Role, rights_of
from sinks.server import ServerStore
from sinks.shown import views
from sinks.statements import AUDITORS
from sinks.store import QueryError, QueryRefusedError, StoreError
from streams.records import EnterpriseRecord, encode
from tests.sinks.server import PASSWORD, READER, Server
from tests.sinks.server_engine import CONFIG, SAID, EngineStore, connect, write_config
from tests.sinks.test_roles import FIGURE, HOSTILE, NAME, SECRETS, sales

NEW = (26, 9, 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where an engine was migrated, and filled, by a writer with no more than what is printed for it."""
    made = tmp_path_factory.mktemp("engine")
    store = EngineStore(write_config(made))
    for _ in range(2):
        store.migrate()
    store.retain(3)
    for table, rows in split(sales()).items():
        for _ in range(2):
            store.insert(table, rows, f"pos.clean@x:0:0-9/{table}")
    for n, name in enumerate(("sister-a", "sister-b")):
        record = EnterpriseRecord(name, name=name, holding="sisters", county="330106", valid_from=0)
        store.insert("enterprise_records", read_registry(encode(record), 0), f"registry@x:0:{n}-{n}/enterprise_records")
    store.close()
    return made


@pytest.fixture
def store(folder: Path) -> Iterator[EngineStore]:
    made = EngineStore(write_config(folder))
    yield made
    made.close()


def test_an_analyst_of_a_server_gets_at_nothing_that_is_not_shown(store: EngineStore) -> None:
    for sql in HOSTILE:
        with pytest.raises(QueryError) as refused:
            store.query_as(Role.ANALYST, sql)
        assert not [one for one in SECRETS if one in str(refused.value) and one not in sql]


def test_each_role_is_answered_in_its_own_database(store: EngineStore) -> None:
    amounts = "SELECT county, sum(amount) AS n FROM cells_1d GROUP BY county ORDER BY county"
    shown = store.query_as(Role.ANALYST, amounts).to_pylist()
    assert shown == [{"county": "330602", "n": 2 * 3_003}]
    assert len(store.query(amounts)) == 5
    contributed = "SELECT enterprise, sum(amount) AS n FROM sales_now GROUP BY enterprise"
    assert {"enterprise": NAME, "n": 6 * FIGURE} in store.query_as(Role.PUBLISHER, contributed).to_pylist()
    for name in store.query_as(Role.ANALYST, "SHOW TABLES")["name"].to_pylist():
        rows = str(store.query_as(Role.ANALYST, f"SELECT * FROM {name}").to_pylist())
        assert not [one for one in SECRETS if one in rows]


def test_every_role_is_served_on_its_own_socket(store: EngineStore, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    service = serve_roles(store, tmp_path / "store.sock")
    try:
        counted = {role: ask(socket_of(role, tmp_path / "store.sock"), "SHOW TABLES").num_rows for role in ASKING}
        with pytest.raises(QueryError, match="EXPLAIN: it is for auditors"):
            ask(socket_of(Role.ANALYST, tmp_path / "store.sock"), "EXPLAIN SELECT 1")
    finally:
        service.close()
    assert counted[Role.AUDITOR] > counted[Role.ANALYST] > counted[Role.PUBLISHER] > 0


@pytest.fixture
def held(folder: Path) -> Iterator[Readers]:
    """Who asks, with the printed profile and row policies in force."""
    address = write_config(folder, as_reader=True)
    made = Readers(CONFIG, lambda *login: connect(address, *login[:2]), NEW, Kind.PLAIN, Limits())
    yield made
    made.close()


def test_a_reader_with_the_printed_profile_is_answered_and_cannot_leave_its_limits(held: Readers) -> None:
    assert held.query_as(Role.ANALYST, "SELECT getSetting('readonly') AS r, getSetting('final') AS f").to_pylist() == [
        {"r": 2, "f": True}
    ]
    client = held._readers[Role.ANALYST]._client
    for changed in ("readonly = 0", "readonly = 1", "max_execution_time = 0", "max_result_rows = 0", "final = 0"):
        with pytest.raises(Exception, match=r"readonly mode|should not be changed"):
            client.execute(f"SELECT 1 SETTINGS {changed}")
    with pytest.raises(Exception, match=r"readonly mode|Not enough privileges"):
        client.execute("CREATE TABLE x (n Int8) ENGINE = Log")


def test_who_is_granted_a_table_by_mistake_sees_none_of_its_rows_and_all_of_the_views(held: Readers) -> None:
    """The auditor's grants are the mistake: here the policies hold whoever asks."""
    for table in ("sales", "items_1d", "sales_now"):
        assert held.query_as(Role.AUDITOR, f"SELECT count() AS n FROM {table}")["n"].to_pylist() == [0]
    shown = held.query_as(Role.ANALYST, "SELECT sum(amount) AS n FROM cells_1d")
    assert shown["n"].to_pylist() == [2 * 3_003]


def test_a_role_without_a_user_is_refused_with_the_setting_that_is_missing(folder: Path) -> None:
    store = EngineStore(write_config(folder), replace(CONFIG, analyst=None, publisher=None))
    try:
        for role in (Role.ANALYST, Role.PUBLISHER):
            with pytest.raises(QueryRefusedError, match=rf"set store\.server\.{role}\.user and its password"):
                store.query_as(role, "SELECT 1")
        with pytest.raises(QueryRefusedError, match="expected a role among analyst, auditor, publisher, got writer"):
            store.query_as(Role.WRITER, "SELECT 1")
        assert store.query("SELECT 1 AS n")["n"].to_pylist() == [1]
    finally:
        store.close()
    with pytest.raises(StoreError, match="closed"):
        store.query_as(Role.AUDITOR, "SELECT 1")


def test_a_writer_without_the_grants_for_the_views_is_told_what_to_run(folder: Path) -> None:
    without = [said for said in SAID if " ON infopump_analyst." not in said or not said.endswith("_writer")]
    store = EngineStore(write_config(folder, without))
    try:
        with pytest.raises(StoreError, match=r"views of analysts .* cannot be made.*u-writer needs what"):
            store.migrate()
    finally:
        store.close()


def test_a_server_without_such_views_keeps_analysts_out(server: Server) -> None:
    user = Login(READER, PASSWORD)
    store = ServerStore(server.config("market", analyst=user, auditor=user, publisher=user))
    try:
        store.migrate()
        for role in (Role.ANALYST, Role.PUBLISHER):
            with pytest.raises(QueryRefusedError, match=rf"24\.4 or later.*hide lines from {role}s, got 18\.16\.1"):
                store.query_as(role, "SELECT 1")
        asked_as = store.query_as(Role.AUDITOR, "SELECT user FROM system.processes WHERE query LIKE '%processes%'")
        assert asked_as["user"].to_pylist() == [READER]
    finally:
        store.close()


def test_where_a_server_cannot_show_its_parse_a_role_of_views_may_only_select_and_describe(server: Server) -> None:
    server.ask("CREATE DATABASE IF NOT EXISTS market_analyst")
    config = server.config("market", analyst=Login(READER, PASSWORD))
    readers = Readers(config, partial(native.connect, config), NEW, Kind.OLD, Limits())
    try:
        for sql in ("EXPLAIN SELECT 1", "SHOW CREATE TABLE x", "SHOW PROCESSLIST", "EXISTS TABLE x", "DROP TABLE x"):
            with pytest.raises(QueryRefusedError, match="expected SELECT, WITH, DESCRIBE or SHOW TABLES"):
                readers.query_as(Role.ANALYST, sql)
        assert readers.query_as(Role.ANALYST, "SELECT 1 AS n")["n"].to_pylist() == [1]
    finally:
        readers.close()


def test_a_role_may_name_the_databases_of_its_server_alone() -> None:
    assert rights_of(Role.ANALYST, "market").databases == {"market_analyst"}
    assert rights_of(Role.AUDITOR, "market").databases >= {"market", "market_analyst", "market_publisher", "system"}
    assert "infopump" not in rights_of(Role.AUDITOR, "market").databases
    assert rights_of(Role.AUDITOR) == AUDITORS


def test_the_views_of_a_cluster_are_made_on_every_node_and_parsed_by_the_engine(store: EngineStore) -> None:
    cluster = Dialect(Kind.CLUSTER, "main", "market")
    for statement in views("market", "`u-writer`"):
        (said,) = cluster.render(statement)
        assert said.split(" DEFINER")[0].endswith(" ON CLUSTER 'main'")
        quoted = said.replace("\\", "\\\\").replace("'", "\\'")
        formatted = store.query(f"SELECT formatQuery('{quoted}') AS q")["q"][0].as_py()
        assert ("DEFINER = `u-writer` SQL SECURITY DEFINER" in formatted) == ("VIEW" in said)
