"""The store on a real server: what goes in comes out, once, whatever was there of it before."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sinks import native, schema
from sinks.access import Limits
from sinks.blocks import split
from sinks.config import Login, WriterConfig
from sinks.dialect import Kind
from sinks.doubts import QUERY_PREFIX
from sinks.embedded import EmbeddedStore
from sinks.roles import Role
from sinks.rows import read_alert, read_rejected
from sinks.server import ServerStore
from sinks.store import InsertError, QueryError, QueryRefusedError, SchemaError, StoreError
from sinks.writer import open_store
from streams.records import encode
from streams.taxonomy import taxonomy
from tests.sinks import market
from tests.sinks.contents import contents
from tests.sinks.cutting import PIECES, TOKEN, CutOff, cut_off, exact, leave, sales, sums
from tests.sinks.server import PASSWORD, READER, USER, Server
from tests.waiting import until


@pytest.fixture(scope="module")
def tables(server: Server) -> list[str]:
    """A database with tables, and their names."""
    store = ServerStore(server.config("market"))
    store.migrate()
    store.close()
    made = server.ask("SELECT name FROM system.tables WHERE database = 'market' AND engine LIKE '%MergeTree'")
    return sorted({name for (name,) in made} - {"schema_versions", "taxonomy", "regions", "lunar_dates"})


@pytest.fixture
def empty(server: Server, tables: list[str]) -> Server:
    """The server, with nothing in the tables."""
    for table in tables:
        server.ask(f"TRUNCATE TABLE market.{table}")
    return server


@pytest.fixture
def store(empty: Server) -> Iterator[ServerStore]:
    made = ServerStore(empty.config("market"))
    yield made
    made.close()


def test_a_block_of_100_000_rows_over_two_months_counts_once_however_often_it_is_inserted(store: ServerStore) -> None:
    rows = sales(100, 1000)
    for _ in range(3):
        store.insert("sales", rows, TOKEN)
    assert exact(store, rows)
    parts = store.query("SELECT partition FROM system.parts WHERE database = 'market' AND table = 'sales' AND active")
    assert sorted(parts["partition"].to_pylist()) == ["202509", "202510"]


def test_a_block_is_remembered_by_the_next_process(store: ServerStore, server: Server) -> None:
    rows = sales()
    store.insert("sales", rows, TOKEN)
    other = ServerStore(server.config("market"))
    other.insert("sales", rows, TOKEN)
    other.close()
    assert exact(store, rows)


def test_other_rows_under_another_token_are_added(store: ServerStore) -> None:
    first, second = sales(), sales(offset=100)
    store.insert("sales", first, TOKEN)
    store.insert("sales", second, "pos.clean@x:0:100-199/sales")
    assert exact(store, pa.concat_tables([first, second]))


def test_what_is_sent_without_asking_what_is_there_counts_twice(store: ServerStore) -> None:
    """The check that the tests above and below bite."""
    rows = sales()
    for _ in range(2):
        store._send("sales", rows, store._plain_settings())
    assert sums(store)[1].lines == 2 * rows.num_rows


@pytest.mark.parametrize("compress", [False, True])
def test_every_column_comes_back_as_it_went_in_but_for_milliseconds(empty: Server, compress: bool) -> None:
    """A server of 2018 has whole seconds."""
    store = ServerStore(empty.config("market", compress=compress))
    for table, rows in split(market.lines(4, 50)).items():
        store.insert(table, rows, f"t:0/{table}")
        columns = ", ".join(rows.column_names)
        found = store.query(f"SELECT {columns} FROM {table} ORDER BY raw_offset, line").to_pylist()
        wanted = rows.sort_by([("raw_offset", "ascending"), ("line", "ascending")]).to_pylist()
        for row in wanted:
            row |= {time: row[time].replace(microsecond=0) for time in ("ts", "sent_at")}
        assert found == wanted
    store.close()


def test_lists_numbers_that_may_lack_and_words_of_any_number_are_taken(store: ServerStore) -> None:
    store.insert("alerts", read_alert(encode(market.alert()), 0), "a:1/alerts")
    row = store.query("SELECT counties, commodity_zh FROM alerts").to_pylist()
    assert row == [{"counties": ["330602"], "commodity_zh": "食盐"}]
    refused = (market.refusal(0, 1, refused=3), market.refusal(0, 2, whole=True))
    for n, record in enumerate(refused):
        store.insert("rejected", read_rejected(encode(record), 0), f"r:{n}/rejected")
    assert sorted(store.query("SELECT seq FROM rejected")["seq"].to_pylist(), key=str) == [2, 2, 2, None]
    for words in (256, 257, 70_000):
        rows = sales(2, words // 2 + 1).slice(0, words)
        names = pa.array([f"名 {n}" for n in range(words)])
        rows = rows.set_column(rows.column_names.index("name"), "name", names.dictionary_encode())
        store.insert("sales", rows, f"pos.clean@x:0:0-{words}/sales")
        found = store.query("SELECT uniqExact(name) AS n FROM sales WHERE name LIKE '名%'")
        assert found["n"].to_pylist() == [words]


@pytest.fixture
def whole(store: ServerStore, server: Server) -> dict[str, list[tuple[Any, ...]]]:
    """What one block leaves in all tables, which are empty again."""
    store.insert("sales", sales(), TOKEN)
    found = contents(server.ask, "market", Kind.OLD)
    for table in (*found, "inserts"):
        server.ask(f"TRUNCATE TABLE market.{table}")
    return found


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_block_whose_insert_breaks_off_at_any_step_counts_once(
    server: Server, tables: list[str], whole: dict[str, list[tuple[Any, ...]]], carried_out: bool
) -> None:
    after = 1
    while cut_off(server, sales(), after, carried_out=carried_out):
        assert not cut_off(server, sales(), 1 << 30)
        assert contents(server.ask, "market", Kind.OLD) == whole
        for table in tables:
            server.ask(f"TRUNCATE TABLE market.{table}")
        after += 1
    assert after > 3


@pytest.mark.parametrize("lacking", PIECES)
def test_a_block_of_which_some_pieces_had_landed_is_completed_with_the_others_alone(
    server: Server, whole: dict[str, list[tuple[Any, ...]]], lacking: list[str]
) -> None:
    leave(server, lacking)
    assert (contents(server.ask, "market", Kind.OLD) == whole) is (not lacking)
    assert not cut_off(server, sales(), 1 << 30)
    assert contents(server.ask, "market", Kind.OLD) == whole


def test_a_completion_that_breaks_off_at_any_step_is_completed_in_turn(
    server: Server, tables: list[str], whole: dict[str, list[tuple[Any, ...]]]
) -> None:
    broken = True
    after = 1
    while broken:
        leave(server, PIECES[1])
        broken = cut_off(server, sales(), after)
        cut_off(server, sales(), after + 17)
        assert not cut_off(server, sales(), 1 << 30)
        assert contents(server.ask, "market", Kind.OLD) == whole
        for table in tables:
            server.ask(f"TRUNCATE TABLE market.{table}")
        after += 15
    assert after > 30


def test_a_block_in_doubt_is_not_confused_by_others_that_come_before_it_is_inserted_again(
    server: Server, whole: dict[str, list[tuple[Any, ...]]]
) -> None:
    leave(server, PIECES[1])
    store = ServerStore(server.config("market"))
    second = sales(partition=1, offset=500)
    store.insert("sales", second, "pos.clean@x:1:500-599/sales")
    store.insert("sales", sales(), TOKEN)
    assert exact(store, pa.concat_tables([sales(), second]))
    store.close()


def test_while_an_insert_of_a_connection_that_is_gone_still_runs_nothing_is_inserted(
    server: Server, store: ServerStore
) -> None:
    gone = native.connect(server.config("market"), "market", USER, PASSWORD)
    gone.establish_connection(store._plain_settings())
    gone.connection.send_query("INSERT INTO sales (code) VALUES", query_id=f"{QUERY_PREFIX}gone")
    gone.connection.send_external_tables(None)
    gone.receive_sample_block()
    with pytest.raises(InsertError, match="still run"):
        store.insert("sales", sales(), TOKEN)
    gone.disconnect()

    def inserted() -> bool:
        try:
            store.insert("sales", sales(), TOKEN)
        except InsertError:
            return False
        return True

    until(inserted, 30, "the insert that has no client any more to end")
    assert exact(store, sales())


def test_a_server_that_is_killed_is_an_error_until_it_is_back(server: Server) -> None:
    # A database of its own: one of 2018 that is killed has its truncated rows again.
    store = ServerStore(server.config("killed"))
    store.migrate()
    rows, later = sales(), sales(offset=100)
    store.insert("sales", rows, TOKEN)
    server.kill()
    with pytest.raises(InsertError, match="1000 rows for sales"):
        store.insert("sales", later, "pos.clean@x:0:100-199/sales")
    with pytest.raises(QueryError, match="refused"):
        store.query("SELECT 1 AS n")
    with pytest.raises(StoreError, match="expected a ClickHouse server at"):
        ServerStore(server.config("market"))
    server.start()
    store.insert("sales", rows, TOKEN)
    store.insert("sales", later, "pos.clean@x:0:100-199/sales")
    assert exact(store, pa.concat_tables([rows, later]))
    store.close()


def test_a_reader_cannot_write_and_is_held_to_limits(empty: Server) -> None:
    limits = Limits(seconds=1, result_rows=1000)
    for auditor in (None, Login(READER, PASSWORD)):
        store = ServerStore(empty.config("market", auditor=auditor), limits)
        for sql in ("CREATE TABLE x (n Int8) ENGINE = Log", "DROP TABLE sales", "INSERT INTO sales (code) SELECT '1'"):
            with pytest.raises(QueryRefusedError, match="expected SELECT"):
                store.query(sql)
        for sql in (
            "SELECT 1 SETTINGS readonly = 0",
            "SELECT number FROM numbers(1001)",
            "SELECT 1; SELECT 2",
            "SELECT",
        ):
            with pytest.raises(QueryError):
                store.query(sql)
        with pytest.raises(QueryRefusedError, match="at most"):
            store.query("SELECT " + "1 + " * 20_000 + "1")
        reader = store._readers._readers[Role.AUDITOR]
        with pytest.raises(native.FAILURES, match="readonly"):
            reader._client.execute("DROP TABLE sales", settings=reader._settings())
        assert store.query("SELECT 1 AS n")["n"].to_pylist() == [1]
        store.close()


def test_migrating_again_changes_nothing(store: ServerStore) -> None:
    store.insert("sales", sales(), TOKEN)
    store.retain(3)
    store.migrate()
    for table, count in (("schema_versions", len(schema.MIGRATIONS)), ("taxonomy", len(taxonomy())), ("sales", 1000)):
        assert store.query(f"SELECT count() AS n FROM {table}")["n"].to_pylist() == [count]


def test_a_migration_that_was_cut_off_is_completed_and_a_newer_one_left_alone(empty: Server) -> None:
    cut = CutOff(empty.config("migrated"))
    cut.left = 60
    with pytest.raises(StoreError, match="cut off"):
        cut.migrate()
    cut.close()
    store = ServerStore(empty.config("migrated"))
    store.migrate()
    store.insert("sales", sales(), TOKEN)
    assert exact(store, sales())
    row = {"version": pa.array([99], pa.uint32()), "name": ["of the future"]}
    store._send("schema_versions", pa.table(row), store._plain_settings())
    with pytest.raises(SchemaError, match="newer infopump"):
        store.migrate()
    store.close()


def test_rows_that_do_not_fit_are_an_error_and_the_store_goes_on(store: ServerStore) -> None:
    for rows, said in (
        (pa.table({"nonsense": [1]}), "nonsense"),
        (pa.table({"ts": ["x"]}), "3 rows|1 rows"),
        (pa.table({"qty": pa.array([None, 1], pa.int64())}), "expected a value in every row"),
    ):
        with pytest.raises(InsertError, match=said):
            store.insert("sales", rows, "pos.clean@x:3:0-1/sales")
    with pytest.raises(InsertError, match="expected a table"):
        store.insert("cells_1h", sales(), TOKEN)
    store.insert("sales", sales(), TOKEN)
    assert exact(store, sales())


def test_a_wrong_password_or_name_is_told_and_no_secret_is(server: Server) -> None:
    with pytest.raises(StoreError, match="lets infopump in") as caught:
        ServerStore(server.config("market", password="sesame"))
    assert "sesame" not in str(caught.value)
    assert "sesame" not in repr(server.config("market", password="sesame", auditor=Login("a", "sesame")))
    for wrong in ({"database": "a; DROP"}, {"cluster": "a'b"}):
        with pytest.raises(StoreError, match="expected a name"):
            ServerStore(server.config(**({"database": "market"} | wrong)))
    with pytest.raises(StoreError, match="expected a cluster of servers of version"):
        ServerStore(server.config("market", cluster="main"))


def test_the_writer_opens_the_store_that_its_settings_name(empty: Server, tmp_path: Path) -> None:
    config = WriterConfig("nowhere:1", tmp_path, server=empty.config("market"))
    for wanted, made in ((ServerStore, config), (EmbeddedStore, replace(config, server=None))):
        store = open_store(made)
        assert type(store) is wanted
        store.close()


def test_a_closed_store_says_so(empty: Server) -> None:
    store = ServerStore(empty.config("market"))
    for _ in range(2):
        store.close()
    with pytest.raises(StoreError, match="closed"):
        store.query("SELECT 1")
    with pytest.raises(StoreError, match="closed"):
        store.insert("sales", sales(), TOKEN)
