import pyarrow as pa

from sinks import dimensions, schema
from streams.columns import CLEAN_SCHEMA
from streams.regions import regions
from streams.taxonomy import taxonomy


def test_every_clean_column_is_kept_for_sales() -> None:
    assert sorted(schema.LINE_TABLES["sales"]) == sorted(CLEAN_SCHEMA.names)


def test_prices_and_stock_take_clean_columns_only() -> None:
    for columns in schema.LINE_TABLES.values():
        assert set(columns) <= set(CLEAN_SCHEMA.names)


def test_versions_are_numbered_from_one_without_a_gap() -> None:
    assert [m.version for m in schema.MIGRATIONS] == list(range(1, len(schema.MIGRATIONS) + 1))


def test_only_migrations_after_the_applied_version_are_pending() -> None:
    assert schema.pending(0) == schema.MIGRATIONS
    assert schema.pending(schema.MIGRATIONS[-1].version) == ()


def test_every_statement_can_be_repeated() -> None:
    for migration in schema.MIGRATIONS:
        for statement in migration.statements:
            assert "IF NOT EXISTS" in statement or "IF EXISTS" in statement or statement.startswith("INSERT")


def test_what_a_migration_fills_it_empties_first() -> None:
    for migration in schema.MIGRATIONS:
        for before, statement in zip(migration.statements, migration.statements[1:], strict=False):
            if statement.startswith("INSERT INTO "):
                assert before == f"TRUNCATE TABLE IF EXISTS {statement.split()[2]}"


def test_the_dimensions_hold_every_commodity_and_region_with_what_stands_above_it() -> None:
    goods, places = dimensions.taxonomy_rows(), dimensions.region_rows()
    assert goods["code"].to_pylist() == list(taxonomy())
    assert goods.schema.field("monitored").type == pa.bool_()
    assert places["code"].to_pylist() == list(regions())
    by_code = {row["code"]: row for row in places.to_pylist()}
    assert (by_code["330602"]["level"], by_code["330602"]["parent"]) == ("county", "3306")
    assert (by_code["3306"]["level"], by_code["3306"]["parent"]) == ("city", "33")
    assert (by_code["33"]["level"], by_code["33"]["parent"]) == ("province", "00")
