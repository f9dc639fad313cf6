import datetime as dt
import itertools

import pyarrow as pa
import pytest
from holidays.calendars.chinese import _ChineseLunisolar

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


def test_lines_are_kept_for_two_years_at_least() -> None:
    assert all(f"INTERVAL {schema.RETENTION_YEARS} YEAR" in s for s in schema.retention(schema.RETENTION_YEARS)[1::2])
    with pytest.raises(ValueError, match="at least 2 years"):
        schema.retention(1)


def test_what_a_migration_fills_it_empties_first() -> None:
    for migration in schema.MIGRATIONS:
        for before, statement in zip(migration.statements, migration.statements[1:], strict=False):
            if statement.startswith("INSERT INTO "):
                # A copy by the same key needs no emptying.
                copied = statement.startswith("INSERT INTO signals_copied SELECT * FROM signals ")
                assert copied or before == f"TRUNCATE TABLE IF EXISTS {statement.split()[2]}"


def test_the_dimensions_hold_every_commodity_and_region_with_what_stands_above_it() -> None:
    goods, places = dimensions.taxonomy_rows(), dimensions.region_rows()
    assert goods["code"].to_pylist() == list(taxonomy())
    assert goods.schema.field("monitored").type == pa.bool_()
    assert places["code"].to_pylist() == list(regions())
    by_code = {row["code"]: row for row in places.to_pylist()}
    assert (by_code["330602"]["level"], by_code["330602"]["parent"]) == ("county", "3306")
    assert (by_code["3306"]["level"], by_code["3306"]["parent"]) == ("city", "33")
    assert (by_code["33"]["level"], by_code["33"]["parent"]) == ("province", "00")


def test_the_lunar_calendar_has_every_day_once_and_months_of_29_or_30_days() -> None:
    rows = dimensions.lunar_rows().to_pylist()
    assert (rows[0]["day"], rows[-1]["day"]) == (dt.date(2015, 1, 1), dt.date(2045, 12, 31))
    assert all(b["day"] - a["day"] == dt.timedelta(1) for a, b in itertools.pairwise(rows))
    ends = [a["lunar_day"] for a, b in itertools.pairwise(rows) if b["lunar_day"] == 1]
    assert set(ends) == {29, 30}
    leap = {(row["lunar_year"], row["lunar_month"]) for row in rows if row["leap"]}
    assert leap == {
        *((2017, 6), (2020, 4), (2023, 2), (2025, 6), (2028, 5), (2031, 3), (2033, 11)),
        *((2036, 6), (2039, 5), (2042, 2), (2044, 7)),
    }


def test_festivals_fall_on_their_lunar_dates() -> None:
    known = _ChineseLunisolar()
    day = {
        (row["lunar_year"], row["lunar_month"], row["lunar_day"]): row["day"]
        for row in dimensions.lunar_rows().to_pylist()
        if not row["leap"]
    }
    for year in range(2015, 2045):
        assert day[year, 1, 1] == known.lunar_new_year_date(year)[0]
        assert day[year, 4, 8] == known.buddha_birthday_date(year)[0]
        assert day[year, 5, 5] == known.dragon_boat_date(year)[0]
        assert day[year, 8, 15] == known.mid_autumn_date(year)[0]
        assert day[year, 9, 9] == known.double_ninth_date(year)[0]
