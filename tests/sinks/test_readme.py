"""The questions in the README are asked."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from sinks.articles import read_registry, read_skus
from sinks.blocks import split
from sinks.embedded import EmbeddedStore
from sinks.quality import limits
from sinks.rows import read_alert, read_rejected
from sinks.schema import TABLES
from streams.columns import CLEAN_SCHEMA
from streams.records import encode
from tests.sinks import market

README = (Path(__file__).parents[2] / "sinks" / "README.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    made = EmbeddedStore(tmp_path_factory.mktemp("readme") / "store")
    made.migrate()
    now = made.query("SELECT toUnixTimestamp64Milli(now64(3)) AS n")["n"][0].as_py()
    unsure = CLEAN_SCHEMA.field("confidence")
    for offset, sure in ((0, 1.0), (100, 0.5)):
        lines = market.lines(20, 200, offset=offset, around=now - 36 * market.HOUR)
        confidence = pa.array([sure] * lines.num_rows, pa.float32())
        lines = lines.set_column(lines.schema.get_field_index("confidence"), unsure, confidence)
        for table, rows in split(lines).items():
            made.insert(table, rows, f"{table}/{sure}")
    for table, rows in split(market.lines(1, 300, around=now - 20 * market.HOUR, kinds=["stock"], seed=1)).items():
        if rows.num_rows:
            made.insert(table, rows.set_column(rows.column_names.index("qty"), "qty", [[0] * 300]), "zero")
    made.insert("skus", read_skus(encode(market.sightings(market.article("E-1", "S", "0301"))), 0), "skus")
    made.insert("decisions", read_registry(encode(market.decision("E-1", "S", "0301")), 0), "decisions")
    for n in (1, 2):
        made.insert("alerts", read_alert(encode(market.alert(n)), 0), f"a{n}")
        made.insert("rejected", read_rejected(encode(market.refusal(0, n)), 0), f"r{n}")
    yield made
    made.close()


@pytest.mark.parametrize("sql", QUESTIONS, ids=[q.split("\n")[0][:40] for q in QUESTIONS])
def test_a_question_of_the_readme_has_an_answer(store: EmbeddedStore, sql: str) -> None:
    assert store.query(sql).num_rows > 0


def test_the_readme_has_questions_and_names_every_table() -> None:
    assert len(QUESTIONS) >= 6
    rollups = {"cells_1h", "cells_1d", "items_1d", "sales_1d", "reversals"}
    assert all(f"`{table}`" in README for table in {*TABLES, *rollups})


def test_the_readme_names_every_measure_of_quality_and_every_table_is_there(store: EmbeddedStore) -> None:
    assert all(f"`{measure}`" in README for measure in limits().measures)
    shown = {name for name in store.query("SHOW TABLES")["name"].to_pylist() if "_from_" not in name}
    assert all(f"`{name}`" in README for name in shown - {"schema_versions"})
