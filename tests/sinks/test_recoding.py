"""Recode jobs against a real broker, writer and engine: ended anywhere and run again, the sums are the same."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from deploy.cli.root import app
from deploy.recoding import WRITER, RecodeError, Recoding, planned
from sinks.config import WriterConfig
from sinks.embedded import EmbeddedStore
from sinks.query import serve
from sinks.writer import Writer
from streams.records import encode
from streams.topics import CLEAN, REGISTRY
from streams.topics import SKUS as SKU_TOPIC
from tests.sinks import market
from tests.waiting import until

pytestmark = pytest.mark.e2e

GROUP = WRITER
NOW = market.MONTH_END + 90 * 24 * market.HOUR
SKUS = ("6901234500001", "6901234500002", "6901234500005")
BY_CODE = (
    "SELECT code, count() AS n, sum(qty) AS q, sum(base_qty) AS b, sum(amount) AS a FROM sales_now GROUP BY code "
    "ORDER BY code"
)
ROLLED_UP = (
    "SELECT code, sum(lines) AS n, sum(base_qty) AS b, sum(amount) AS a FROM cells_1h GROUP BY code HAVING n != 0 "
    "ORDER BY code"
)


def killed(bootstrap: str, socket: Path, now: int, nth: int, when: str) -> bool:
    """Whether a job in a process of its own was killed at its ``nth`` message of corrections."""
    driver, root = Path(__file__).with_name("recoder.py"), Path(__file__).parents[2]
    words = [sys.executable, str(driver), bootstrap, str(socket), GROUP, str(now), str(nth), when]
    return subprocess.Popen(words, cwd=root).wait(60) == -signal.SIGKILL


@pytest.fixture
def store(quiet: str, store_path: Path) -> Iterator[EmbeddedStore]:
    """A store with lines of four partitions and three decisions, and a writer that follows."""
    made = EmbeddedStore(store_path)
    made.migrate()
    writer = Writer(WriterConfig(quiet, store_path, 500, 0.05, group=GROUP), made)
    stop = threading.Event()

    def follow() -> None:
        while not stop.is_set():
            writer.step(0.02)

    thread = threading.Thread(target=follow)
    thread.start()
    lines = [market.lines(10, 100, partition=p) for p in range(4)]
    market.send(quiet, [(CLEAN, p, market.clean_message(table)) for p, table in enumerate(lines)])
    market.send(quiet, [(REGISTRY, 0, encode(market.decision("E-1", sku, "0302"))) for sku in SKUS])
    wanted = sum(table.num_rows for table in lines)
    count = "SELECT (SELECT count() FROM sales) + (SELECT count() FROM prices) + (SELECT count() FROM stock) AS n"
    until(lambda: made.query(count)["n"][0].as_py() == wanted, 30, "the lines to be written", every=0.1)
    decided = "SELECT count() AS n FROM decisions"
    until(lambda: made.query(decided)["n"][0].as_py() == len(SKUS), 30, "the decisions to be written", every=0.1)
    yield made
    stop.set()
    thread.join()
    writer.close()
    made.close()


def summed(store: EmbeddedStore) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    return store.query(BY_CODE).to_pylist(), store.query(ROLLED_UP).to_pylist()


def wanted(store: EmbeddedStore) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    """The sums by code that a job must lead to, reckoned from the lines themselves."""
    skus = ", ".join(f"'{sku}'" for sku in SKUS)
    moved = f"if(enterprise = 'E-1' AND sku IN ({skus}), '0302', toString(code))"
    rows = store.query(
        f"SELECT c AS code, count() AS n, sum(qty) AS q, sum(base_qty) AS b, sum(amount) AS a "
        f"FROM (SELECT *, {moved} AS c FROM sales) GROUP BY c ORDER BY c"
    ).to_pylist()
    return rows, [{name: row[name] for name in ("code", "n", "b", "a")} for row in rows]


def test_a_job_killed_before_within_or_after_any_message_and_run_again_gives_the_same_sums(
    quiet: str, store: EmbeddedStore, tmp_path: Path
) -> None:
    want = wanted(store)
    (tmp_path / "socket").mkdir(mode=0o700)
    service = serve(store, tmp_path / "socket" / "s")
    try:
        for number, (nth, when) in enumerate(((1, "within"), (2, "before"), (3, "within"), (4, "after"))):
            assert killed(quiet, tmp_path / "socket" / "s", NOW + number, nth, when)
    finally:
        service.close()
    left = sum(one.lines for one in planned(store.query, 0))
    seen: list[tuple[int, int]] = []
    done = Recoding(quiet, store.query, now=NOW + 10, group=GROUP, rows=20).run(0, lambda n, of: seen.append((n, of)))
    assert summed(store) == want
    assert 0 < seen[-1][0] == seen[-1][1] == sum(one.lines for one in done) <= left
    assert planned(store.query, 0) == []


def test_a_job_run_twice_changes_nothing_the_second_time(quiet: str, store: EmbeddedStore) -> None:
    want = wanted(store)
    assert Recoding(quiet, store.query, now=NOW, group=GROUP).run(0)
    rows = store.query("SELECT count() AS n FROM sales")["n"][0].as_py()
    assert Recoding(quiet, store.query, now=NOW + 1, group=GROUP).run(0) == []
    assert store.query("SELECT count() AS n FROM sales")["n"][0].as_py() == rows
    assert summed(store) == want


def test_a_job_behind_which_a_later_one_has_begun_says_so_and_doubles_nothing(quiet: str, store: EmbeddedStore) -> None:
    want = wanted(store)
    late = Recoding(quiet, store.query, now=NOW + 5, group=GROUP)

    class Overtaken(Recoding):
        def send(self, partition: int, rows: pa.Table) -> None:
            if rows.num_rows and not overtaken:
                overtaken.append(late.run(0))
            super().send(partition, rows)

    overtaken: list[object] = []
    Overtaken(quiet, store.query, now=NOW, group=GROUP, rows=20).run(0)
    assert summed(store) == want


def test_a_job_whose_clock_stands_before_an_earlier_job_says_that_it_did_nothing(
    quiet: str, store: EmbeddedStore
) -> None:
    Recoding(quiet, store.query, now=NOW + 5, group=GROUP).run(market.MONTH_END + 10**10)
    with pytest.raises(RecodeError, match="Run it again"):
        Recoding(quiet, store.query, now=NOW, group=GROUP).run(0)


def test_the_command_corrects_what_its_dry_run_announced(
    quiet: str, store: EmbeddedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    want = wanted(store)
    monkeypatch.setenv("INFOPUMP_KAFKA__BOOTSTRAP", quiet)
    data = tmp_path / "data"
    service = serve(store, data / "store.sock")
    words = ["--data-dir", str(data), "recode", "--since", "2025-09-01", "--json"]
    try:
        announced = CliRunner().invoke(app, [*words, "--dry-run"])
        done = CliRunner().invoke(app, words)
    finally:
        service.close()
    assert (done.exit_code, done.stdout) == (0, announced.stdout)
    assert "3 articles corrected" in done.stderr
    assert summed(store) == want


def test_a_job_without_a_writer_gives_up_and_says_so(quiet: str) -> None:
    def never(sql: str) -> pa.Table:
        raise AssertionError(sql)

    market.send(quiet, [(topic, 0, b"") for topic in (CLEAN, REGISTRY, SKU_TOPIC)])
    with pytest.raises(RecodeError, match="the writer has not moved"):
        Recoding(quiet, never, now=NOW, group="nobody", patience=1.0).run(0)


def test_decisions_stay_though_the_topic_is_compacted_and_other_records_are_passed_over(
    quiet: str, store: EmbeddedStore
) -> None:
    later = market.decision("E-1", SKUS[0], "0401", at=market.MONTH_END + 1)
    terminal = b'{"type":"terminal","terminal_id":"T","enterprise":"E-1","county":"330602"}'
    market.send(
        quiet,
        [(REGISTRY, 0, terminal), (REGISTRY, 0, None), (REGISTRY, 0, encode(later)), (REGISTRY, 0, encode(later))],
    )
    found = until(
        lambda: store.query(f"SELECT author, code FROM decisions WHERE sku = '{SKUS[0]}' ORDER BY at").to_pylist()[1:],
        20,
        "the second decision",
    )
    assert found == [{"author": "Li", "code": "0401"}]
    assert store.query("SELECT count() AS n FROM rejected")["n"][0].as_py() == 0
