"""Stores of a version before: they keep what they have and get their rollups, wherever the migration is interrupted."""

from pathlib import Path

from sinks import schema
from sinks.embedded import EmbeddedStore
from sinks.rows import read_signal
from streams.records import encode
from tests.sinks import market
from tests.sinks.kept import AS_KEPT, exact, put, rows_of


def test_a_store_of_version_2_keeps_its_signals_and_gets_its_rollups_wherever_it_is_interrupted(
    new_path: Path,
) -> None:
    store = EmbeddedStore(new_path)
    store._execute(schema.CREATE_VERSIONS)
    for migration in schema.MIGRATIONS[:2]:
        for statement in migration.statements:
            store._execute(statement)
        store._execute(schema.RECORD, version=migration.version, name=migration.name)
    put(store, market.lines(10, 100), "before")
    for n in range(3):
        store.insert("signals", read_signal(encode(market.signal(market.MONTH_END + n)), 0), f"s{n}")
    third = schema.MIGRATIONS[2].statements
    for end in (*range(1, 14), len(third) - 2, len(third)):
        for statement in third[:end]:
            store._execute(statement)
    store.migrate()
    assert store.query("SELECT count() AS n, uniqExact(tick) AS t FROM signals").to_pylist() == [{"n": 3, "t": 3}]
    assert not store.query("SHOW TABLES LIKE '%copied%'").num_rows
    exact(store)
    put(store, market.lines(3, 100, offset=50), "after")
    exact(store)
    store.close()


def test_a_store_of_version_5_gets_its_contributions_wherever_it_is_interrupted_and_of_lines_that_are_gone(
    store_path: Path,
) -> None:
    store = EmbeddedStore(store_path)
    store._execute(schema.CREATE_VERSIONS)
    for migration in schema.MIGRATIONS[:5]:
        for statement in migration.statements:
            store._execute(statement)
        store._execute(schema.RECORD, version=migration.version, name=migration.name)
    put(store, market.lines(10, 100), "before")
    sixth = schema.MIGRATIONS[5].statements
    for end in range(1, len(sixth) + 1):
        for statement in sixth[:end]:
            store._execute(statement)
    store.migrate()
    exact(store)
    put(store, market.lines(3, 100, offset=50), "after")
    exact(store)
    kept = rows_of(store, AS_KEPT["contributions_1d"], 1)
    store._execute("TRUNCATE TABLE sales")
    for statement in sixth[:4]:
        store._execute(statement)
    assert rows_of(store, AS_KEPT["contributions_1d"], 1) == kept
    assert not store.query("SHOW TABLES LIKE 'heartbeats'").num_rows
    store.close()
