"""What a crash left of a block, on the newest engine: the same as ``test_server.py`` shows on a server of 2018."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from sinks import doubts
from sinks.blocks import split
from sinks.dialect import Kind
from sinks.doubts import Doubts
from sinks.embedded import EmbeddedStore
from sinks.schema import MIGRATIONS
from sinks.server import ServerStore
from sinks.tags import tidy
from sinks.views import Views
from streams.columns import to_bytes
from tests.sinks import market
from tests.sinks.contents import contents, rollups

TOKEN = "pos.clean@x:0:0-9/sales"
SETTINGS = ServerStore.ONE_BLOCK | ServerStore.SINCE_2018 | {"insert_deduplicate": 0}
SAID = ", ".join(f"{name} = {value}" for name, value in SETTINGS.items())


class Engine:
    """The embedded engine in the place of a server; it is gone after so many steps."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._store = store
        self.left = 1 << 30

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """See ``sinks.doubts.Server``."""
        said = f"{sql} SETTINGS {SAID}" if sql.startswith("INSERT") else sql
        reads = sql.startswith(("SELECT", "DESCRIBE"))
        answer = self._store._writer.query(said, "JSONCompact" if reads else "TSV").bytes()
        self._step()
        return [tuple(_whole(value) for value in row) for row in json.loads(answer)["data"]] if reads else []

    def send(self, table: str, rows: pa.Table) -> None:
        """See ``sinks.doubts.Server``."""
        statement = f"INSERT INTO {table} ({', '.join(rows.column_names)}) SETTINGS {SAID}"
        with self._store._writer.send_insert(statement, "ArrowStream") as stream:
            stream.append(to_bytes(tidy(rows)))
            stream.finish()
        self._step()

    def _step(self) -> None:
        self.left -= 1
        if self.left <= 0:
            raise EOFError("cut off")


def _whole(value: Any) -> Any:
    """JSON has numbers of 64 bits as text."""
    return int(value) if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < 16 else value


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path_factory.mktemp("doubts"))
    store.migrate()
    store._execute(doubts.CREATE)
    yield store
    store.close()


@pytest.fixture
def engine(embedded: EmbeddedStore) -> Engine:
    clear(embedded)
    return Engine(embedded)


def clear(store: EmbeddedStore) -> None:
    for table in ("sales", "inserts", *rollups(Kind.PLAIN)):
        store._execute(f"TRUNCATE TABLE {table}")


def rows() -> pa.Table:
    return split(market.lines(10, 100, kinds=("sale", "return")))["sales"]


def insert(engine: Engine, after: int = 1 << 30) -> bool:
    """Insert the block as a process does that begins anew; whether it was cut off."""
    engine.left = after
    try:
        Doubts(engine, "infopump", Views(s for m in MIGRATIONS for s in m.statements)).insert("sales", rows(), TOKEN)
    except EOFError:
        return True
    finally:
        engine.left = 1 << 30
    return False


def found(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    return contents(engine.ask, "infopump", Kind.PLAIN)


@pytest.fixture
def whole(engine: Engine, embedded: EmbeddedStore) -> dict[str, list[tuple[Any, ...]]]:
    """What one block leaves in all tables, which are empty again."""
    insert(engine)
    left = found(engine)
    clear(embedded)
    assert left["cells_1h"]
    assert left["cells_1d"]
    return left


def test_a_block_whose_insert_breaks_off_at_any_step_counts_once(
    engine: Engine, embedded: EmbeddedStore, whole: dict[str, list[tuple[Any, ...]]]
) -> None:
    after = 1
    while insert(engine, after):
        assert not insert(engine)
        assert not insert(engine)
        assert found(engine) == whole
        clear(embedded)
        after += 1
    assert after > 3


@pytest.mark.parametrize("kept", ["", "sales", "cells_1h", "cells_1d"])
def test_each_rollup_that_had_not_landed_is_completed_rollups_of_rollups_too(
    engine: Engine, whole: dict[str, list[tuple[Any, ...]]], kept: str
) -> None:
    # Five steps: who runs, what stands aside, what is noted, the parts, the new note; the insert is the sixth.
    assert insert(engine, 6)
    for table, partition in engine.ask(
        "SELECT DISTINCT table, partition FROM system.parts WHERE database = 'infopump' AND active"
    ):
        of_a_rollup = table in rollups(Kind.PLAIN) or table == "sales"
        if of_a_rollup and table != kept and str(partition) != "202509":
            engine.ask(f"ALTER TABLE {table} DROP PARTITION {partition}")
    assert found(engine) != whole
    for after in (9, 25, 60):
        insert(engine, after)
    assert not insert(engine)
    assert found(engine) == whole
    assert not engine.ask("SELECT name FROM system.tables WHERE database = 'infopump' AND name LIKE 'aside_%'")


def test_merges_between_a_crash_and_the_repeat_hide_nothing(
    engine: Engine, embedded: EmbeddedStore, whole: dict[str, list[tuple[Any, ...]]]
) -> None:
    assert insert(engine, 6)
    engine.ask("ALTER TABLE cells_1h DROP PARTITION 202510")
    for table in ("sales", *rollups(Kind.PLAIN)):
        embedded._execute(f"OPTIMIZE TABLE {table} FINAL")
    assert not insert(engine)
    assert found(engine) == whole
