import datetime as dt
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest

from sinks import schema
from sinks.access import Limits
from sinks.blocks import split
from sinks.embedded import EmbeddedStore
from sinks.rows import read_alert, read_rejected, read_signal
from sinks.store import InsertError, QueryError, SchemaError, StoreError, StoreLockedError
from streams.records import encode
from streams.regions import regions
from streams.taxonomy import taxonomy
from tests.sinks import market

SUMS = "SELECT count() AS n, sum(qty) AS q, sum(base_qty) AS b, sum(amount) AS a FROM sales"
CELLS = "SELECT sum(lines) AS n, sum(base_qty) AS b, sum(amount) AS a FROM cells_1h"


@pytest.fixture
def store(store_path: Path) -> Iterator[EmbeddedStore]:
    made = EmbeddedStore(store_path)
    made.migrate()
    yield made
    made.close()


class ForgetfulStore(EmbeddedStore):
    """Does not look for repeats in rollups: what the engine does unless it is told to."""

    INSERT_SETTINGS: ClassVar[dict[str, int]] = {
        **EmbeddedStore.INSERT_SETTINGS,
        "deduplicate_blocks_in_dependent_materialized_views": 0,
    }


def sales(envelopes: int = 10, each: int = 100, **more: int) -> pa.Table:
    return split(market.lines(envelopes, each, kinds=("sale", "return"), **more))["sales"]


def sums(store: EmbeddedStore) -> tuple[market.Sums, market.Sums]:
    own, cells = store.query(SUMS).to_pylist()[0], store.query(CELLS).to_pylist()[0]
    lines = market.Sums(own["n"], own["q"], own["b"], own["a"])
    return lines, market.Sums(cells["n"], own["q"], cells["b"], cells["a"])


def exact(store: EmbeddedStore, rows: pa.Table) -> bool:
    return sums(store) == (market.sums_of([rows]),) * 2


def test_a_block_of_100_000_rows_over_two_months_counts_once_however_often_it_is_inserted(store: EmbeddedStore) -> None:
    rows = sales(100, 1000)
    assert rows.num_rows == 100_000
    for _ in range(3):
        store.insert("sales", rows, "pos.clean@x:0:0-99/sales")
    assert exact(store, rows)
    months = store.query("SELECT uniqExact(toYYYYMM(ts)) AS n FROM sales")["n"][0].as_py()
    assert months == 2


def test_a_block_of_which_one_month_had_landed_is_completed(store: EmbeddedStore) -> None:
    rows = sales()
    months = [ts.month for ts in rows["ts"].to_pylist()]
    store.insert("sales", rows.filter(pa.array([m == 9 for m in months])), "t")
    assert not exact(store, rows)
    store.insert("sales", rows, "t")
    assert exact(store, rows)


def test_a_block_that_had_landed_but_for_its_rollup_is_completed(store: EmbeddedStore) -> None:
    rows = sales()
    view = store.query("SHOW CREATE TABLE cells_1h_from_sales")["statement"][0].as_py()
    store._execute("DROP VIEW cells_1h_from_sales")
    store.insert("sales", rows, "t")
    store._execute(view)
    store.insert("sales", rows, "t")
    assert exact(store, rows)


def test_other_rows_under_another_token_are_added(store: EmbeddedStore) -> None:
    first, second = sales(), sales(offset=100)
    store.insert("sales", first, "t1")
    store.insert("sales", second, "t2")
    store.insert("sales", first, "t1")
    assert exact(store, pa.concat_tables([first, second]))


def test_without_deduplication_of_views_a_repeat_doubles_the_rollup(store_path: Path) -> None:
    """The check that the tests above bite."""
    store = ForgetfulStore(store_path)
    store.migrate()
    rows = sales()
    store.insert("sales", rows, "t")
    store.insert("sales", rows, "t")
    lines, cells = sums(store)
    store.close()
    assert lines == market.sums_of([rows])
    assert cells.lines == 2 * lines.lines


@pytest.mark.parametrize("table", ["sales", "cells_1h"])
def test_a_part_that_was_noted_but_not_renamed_when_the_process_died_is_written_again(
    store_path: Path, table: str
) -> None:
    """The engine notes a block's id before the part is in place: killed in between, it would refuse the block."""
    rows = sales()
    store = EmbeddedStore(store_path)
    store.migrate()
    store.insert("sales", rows, "t")
    parts = store.query(
        f"SELECT path FROM system.parts WHERE active AND table = '{table}' AND database = 'infopump' ORDER BY name"
    )
    store.close()
    shutil.rmtree(parts["path"][0].as_py())
    store = EmbeddedStore(store_path)
    assert not exact(store, rows)
    store.insert("sales", rows, "t")
    assert exact(store, rows)
    store.close()


def test_every_column_comes_back_as_it_went_in(store: EmbeddedStore) -> None:
    lines = market.lines(4, 50)
    for table, rows in split(lines).items():
        store.insert(table, rows, f"t/{table}")
        columns = ", ".join(rows.column_names)
        found = store.query(f"SELECT {columns} FROM {table} ORDER BY raw_offset, line")
        wanted = rows.sort_by([("raw_offset", "ascending"), ("line", "ascending")])
        assert found.to_pylist() == wanted.to_pylist()


def test_city_and_province_come_from_the_county(store: EmbeddedStore) -> None:
    store.insert("sales", sales(), "t")
    for table in ("sales", "cells_1h"):
        rows = store.query(f"SELECT DISTINCT county, city, province FROM {table}").to_pylist()
        assert {(r["city"], r["province"]) for r in rows} == {(r["county"][:4], r["county"][:2]) for r in rows}


def test_the_hours_of_the_rollup_are_those_of_the_lines(store: EmbeddedStore) -> None:
    store.insert("sales", sales(), "t")
    by_line = store.query(
        "SELECT code, county, channel, toStartOfHour(ts) AS hour, count() AS n, sum(amount) AS a FROM sales "
        "GROUP BY ALL ORDER BY ALL"
    )
    by_cell = store.query(
        "SELECT code, county, channel, hour, sum(lines) AS n, sum(amount) AS a FROM cells_1h GROUP BY ALL ORDER BY ALL"
    )
    assert [list(r.values()) for r in by_line.to_pylist()] == [list(r.values()) for r in by_cell.to_pylist()]


def test_dictionaries_with_repeated_words_are_taken(store: EmbeddedStore) -> None:
    rows = sales(1, 4)
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), pa.array(["a", "b", "a", "unused"]))
    twice = rows.set_column(rows.column_names.index("enterprise"), "enterprise", words)
    store.insert("sales", twice, "t")
    assert store.query("SELECT enterprise FROM sales ORDER BY line")["enterprise"].to_pylist() == words.to_pylist()


def test_refusals_signals_and_revisions_are_stored_and_repeats_of_a_revision_count_once(store: EmbeddedStore) -> None:
    for n, record in enumerate((market.refusal(0, 1, refused=3), market.refusal(0, 2, whole=True))):
        store.insert("rejected", read_rejected(encode(record), 0), f"r{n}")
    for n, revision in enumerate((1, 2, 2)):
        store.insert("alerts", read_alert(encode(market.alert(revision)), 0), f"a{n}")
        store.insert("signals", read_signal(encode(market.signal(market.MONTH_END + revision)), 0), f"s{n}")
    refused = store.query("SELECT sum(lines) AS lines, sum(envelopes) AS envelopes, count() AS n FROM rejected")
    assert refused.to_pylist() == [{"lines": 3, "envelopes": 1, "n": 4}]
    assert store.query("SELECT revision FROM alerts ORDER BY revision")["revision"].to_pylist() == [1, 2]
    assert store.query("SELECT count() AS n FROM signals")["n"].to_pylist() == [2]
    row = store.query("SELECT onset, counties, commodity_zh FROM alerts LIMIT 1").to_pylist()[0]
    assert row["onset"] == dt.datetime(2025, 10, 1, tzinfo=dt.UTC)
    assert (row["counties"], row["commodity_zh"]) == (["330602"], "食盐")


def test_lines_of_any_number_of_months_are_one_block(store: EmbeddedStore) -> None:
    """A terminal with a wrong clock must not stop the writer: by default the engine takes 100 partitions at most."""
    rows = sales(1, 110)
    spread = [dt.datetime(1971 + i // 12, i % 12 + 1, 1, tzinfo=dt.UTC) for i in range(110)]
    column = pa.array(spread, pa.timestamp("ms", "UTC"))
    rows = rows.set_column(rows.column_names.index("ts"), "ts", column)
    for _ in range(2):
        store.insert("sales", rows, "t")
    assert exact(store, rows)


def test_migrating_again_changes_nothing(store: EmbeddedStore) -> None:
    store.insert("sales", sales(), "t")
    store.migrate()
    counts = store.query(
        "SELECT (SELECT count() FROM schema_versions) AS v, (SELECT count() FROM taxonomy) AS t, "
        "(SELECT count() FROM regions) AS r, (SELECT count() FROM sales) AS s"
    )
    assert counts.to_pylist() == [{"v": len(schema.MIGRATIONS), "t": len(taxonomy()), "r": len(regions()), "s": 1000}]


def test_a_migration_that_was_interrupted_is_completed(new_path: Path) -> None:
    store = EmbeddedStore(new_path)
    store._execute(schema.CREATE_VERSIONS)
    for statement in schema.MIGRATIONS[0].statements[:3]:
        store._execute(statement)
    store.migrate()
    assert store.query("SELECT count() AS n FROM cells_1h")["n"].to_pylist() == [0]
    store.close()


def test_tables_of_a_newer_program_are_left_alone(store: EmbeddedStore) -> None:
    store._execute(schema.RECORD, version=99, name="of the future")
    with pytest.raises(SchemaError, match="newer infopump"):
        store.migrate()


def test_a_second_store_on_the_same_directory_is_refused(store: EmbeddedStore, store_path: Path) -> None:
    with pytest.raises(StoreLockedError, match="infopump query"):
        EmbeddedStore(store_path)
    assert store.query("SELECT 1 AS n")["n"].to_pylist() == [1]


def test_a_second_process_on_the_same_directory_is_told_what_to_do(store: EmbeddedStore, store_path: Path) -> None:
    code = (
        f"from pathlib import Path; from sinks.embedded import EmbeddedStore; EmbeddedStore(Path({str(store_path)!r}))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert other.returncode == 1
    assert "StoreLockedError" in other.stderr
    assert "One process at a time may open" in other.stderr
    assert store.query("SELECT 1 AS n")["n"].to_pylist() == [1]


def test_a_store_can_be_opened_again_and_keeps_its_rows(store_path: Path) -> None:
    rows = sales()
    for _ in range(2):
        store = EmbeddedStore(store_path)
        store.migrate()
        store.insert("sales", rows, "t")
        store.close()
    store = EmbeddedStore(store_path)
    assert exact(store, rows)
    store.close()


def test_a_path_that_the_engine_would_misread_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="path without"):
        EmbeddedStore(tmp_path / "a?b")


def test_a_path_of_any_other_characters_is_taken(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "数据 & co".replace("&", "+") / "<store>")
    store.migrate()
    store.close()


def test_rows_that_do_not_fit_are_an_error_and_the_store_goes_on(store: EmbeddedStore) -> None:
    with pytest.raises(InsertError, match="nonsense"):
        store.insert("sales", pa.table({"nonsense": [1]}), "t")
    rows = sales()
    store.insert("sales", rows, "t")
    assert exact(store, rows)


@pytest.mark.parametrize(
    ("table", "token"), [("sales; DROP TABLE sales", "t"), ("cells_1h", "t"), ("sales", "a'b"), ("sales", "")]
)
def test_names_that_could_be_more_than_names_are_refused(store: EmbeddedStore, table: str, token: str) -> None:
    with pytest.raises(InsertError, match="expected a"):
        store.insert(table, sales(), token)


def test_a_closed_store_says_so(store_path: Path) -> None:
    store = EmbeddedStore(store_path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.query("SELECT 1")
    with pytest.raises(StoreError, match="closed"):
        store.insert("sales", sales(), "t")


def test_a_question_that_takes_too_long_too_much_or_too_many_is_ended(store_path: Path) -> None:
    store = EmbeddedStore(store_path, Limits(seconds=1, memory_bytes=50 << 20, result_rows=1000, result_bytes=1 << 20))
    for sql, said in (
        ("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1", "(?i)timeout"),
        ("SELECT number, count() FROM numbers(100000000) GROUP BY number", "(?i)memory"),
        ("SELECT number FROM numbers(1001)", "(?i)limit for result"),
        ("SELECT repeat(toString(number), 1000) FROM numbers(900)", "(?i)limit for result"),
        ("SELECT " + "1 + " * 20_000 + "1", "at most"),
    ):
        with pytest.raises(QueryError, match=said):
            store.query(sql)
        # What the engine had written of the answer must not stand before the next one.
        assert store.query("SELECT 1 AS n")["n"].to_pylist() == [1]
    store.close()
