import json
import os
import socket as sockets
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from sinks.audit import AuditError, AuditLog
from sinks.embedded import EmbeddedStore
from sinks.query import QueryError, Service, SocketError, StoreNotRunning, ask, serve, serve_roles, socket_of
from sinks.roles import Role
from sinks.store import MAX_SQL, StoreError
from tests.sinks import market
from tests.waiting import until


class EchoStore:
    """Answers with the question."""

    def migrate(self) -> None:
        raise NotImplementedError

    def retain(self, years: int) -> None:
        raise NotImplementedError

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        raise NotImplementedError

    def query(self, sql: str) -> pa.Table:
        return pa.table({"asked": [sql]})

    def look_up(self, sql: str) -> pa.Table:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class SlowStore(EchoStore):
    """Answers when it is let go."""

    def __init__(self) -> None:
        self.go, self.asked = threading.Event(), 0

    def query(self, sql: str) -> pa.Table:
        self.asked += 1
        self.go.wait(30)
        return super().query(sql)


class ClosedStore(EchoStore):
    """Cannot answer any more."""

    def query(self, sql: str) -> pa.Table:
        raise StoreError(f"expected an open store, {sql} came too late")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "store.sock"


@pytest.fixture
def service(path: Path) -> Iterator[Service]:
    served = serve(EchoStore(), path)
    yield served
    served.close()


def test_an_answer_of_the_real_store_arrives_with_its_types(tmp_path: Path, path: Path) -> None:
    store = EmbeddedStore(tmp_path / "store")
    store.migrate()
    lines = market.lines(1, 20, kinds=["price"]).drop(["kind"])
    store.insert("prices", lines, "t")
    served = serve(store, path)
    try:
        answer = ask(path, "SELECT ts, code, amount, promo FROM prices ORDER BY line")
        assert answer.to_pylist() == lines.select(["ts", "code", "amount", "promo"]).to_pylist()
        with pytest.raises(QueryError, match="Unknown expression identifier `nothing`"):
            ask(path, "SELECT nothing FROM prices")
        with pytest.raises(QueryError, match="INTO OUTFILE"):
            ask(path, "SELECT 1 INTO OUTFILE 'x'")
        with pytest.raises(QueryError, match="Syntax error"):
            ask(path, "SELECT FROM WHERE")
        assert ask(path, "SELECT count() AS n FROM prices")["n"].to_pylist() == [20]
    finally:
        served.close()
        store.close()


def test_sql_arrives_as_it_was_asked(service: Service, path: Path) -> None:
    for sql in ("SELECT '盐'", "a\nb\r\n", "", "x" * MAX_SQL):
        assert ask(path, sql)["asked"].to_pylist() == [sql]


def test_a_statement_above_the_limit_is_refused_at_both_ends(service: Service, path: Path) -> None:
    with pytest.raises(QueryError, match=str(MAX_SQL)):
        ask(path, "x" * (MAX_SQL + 1))
    with sockets.socket(sockets.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(f"POST / HTTP/1.1\r\nContent-Length: {MAX_SQL + 1}\r\n\r\n".encode())
        assert b" 413 " in client.recv(4096).split(b"\r\n")[0]


@pytest.mark.parametrize(
    "request_text",
    [
        b"POST / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\xff\xfe",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
    ],
)
def test_what_is_not_a_question_gets_an_error_and_the_service_goes_on(
    service: Service, path: Path, request_text: bytes
) -> None:
    with sockets.socket(sockets.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(request_text)
        status = client.recv(4096).split(b"\r\n")[0]
    assert b"200" not in status
    assert ask(path, "again")["asked"].to_pylist() == ["again"]


def test_only_the_owner_may_enter(service: Service, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    with pytest.raises(SocketError, match="755"):
        serve(EchoStore(), shared / "s")


def test_a_path_that_is_too_long_for_a_socket_is_refused_with_its_limit(tmp_path: Path) -> None:
    with pytest.raises(SocketError, match="107 bytes"):
        serve(EchoStore(), tmp_path / ("盐" * 40))


def test_the_socket_of_a_killed_process_is_replaced(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with sockets.socket(sockets.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(StoreNotRunning):
        ask(path, "SELECT 1")
    served = serve(EchoStore(), path)
    assert ask(path, "now")["asked"].to_pylist() == ["now"]
    served.close()
    assert not path.exists()


def test_the_socket_of_a_living_process_is_left_alone(service: Service, path: Path) -> None:
    with pytest.raises(SocketError, match="stop that one"):
        serve(EchoStore(), path)
    assert ask(path, "still")["asked"].to_pylist() == ["still"]


def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_text("important")
    with pytest.raises(SocketError, match="something else"):
        serve(EchoStore(), path)
    assert path.read_text() == "important"


def test_nobody_there_is_told_apart_from_a_bad_question(path: Path) -> None:
    with pytest.raises(StoreNotRunning, match="infopump"):
        ask(path, "SELECT 1")


def test_a_closed_store_is_an_error_not_a_hang(path: Path) -> None:
    served = serve(ClosedStore(), path)
    with pytest.raises(QueryError, match="came too late"):
        ask(path, "SELECT 1")
    served.close()


def test_whoever_does_not_get_an_answer_in_time_hears_so(path: Path) -> None:
    store = SlowStore()
    served = serve(store, path)
    with pytest.raises(QueryError, match=r"within 0\.2 s"):
        ask(path, "SELECT 1", timeout=0.2)
    store.go.set()
    served.close()


def test_more_questions_than_are_taken_at_once_are_sent_away(path: Path) -> None:
    store = SlowStore()
    served = serve(store, path)
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(ask, path, f"{n}") for n in range(4)]
        until(lambda: store.asked == 4, 10, "four questions to be under way")
        with pytest.raises(QueryError, match="ask again later"):
            ask(path, "one too many")
        store.go.set()
        assert sorted(answer.result()["asked"][0].as_py() for answer in running) == ["0", "1", "2", "3"]
        assert ask(path, "after")["asked"].to_pylist() == ["after"]
    served.close()


def test_a_client_that_leaves_early_does_no_harm(service: Service, path: Path) -> None:
    for part in (b"", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nSEL"):
        with sockets.socket(sockets.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(part)
    assert ask(path, "still")["asked"].to_pylist() == ["still"]
    assert os.path.lexists(path)


def test_each_role_asks_on_its_own_socket_and_every_question_is_written_down(tmp_path: Path, path: Path) -> None:
    store = EmbeddedStore(tmp_path / "store")
    store.migrate()
    served = serve_roles(store, path)
    log = path.with_name("questions.jsonl")
    try:
        assert ask(path, "SELECT count() AS n FROM sales")["n"].to_pylist() == [0]
        analyst = socket_of(Role.ANALYST, path)
        with pytest.raises(QueryError, match="UNKNOWN_TABLE"):
            ask(analyst, "SELECT count() FROM sales")
        assert ask(analyst, "SELECT count() AS n FROM lunar_dates")["n"][0].as_py() > 0
        assert ask(socket_of(Role.PUBLISHER, path), "SELECT * FROM sales_now").num_rows == 0
        noted = [json.loads(line) for line in log.read_text().splitlines()]
    finally:
        served.close()
        store.close()
    assert [(one["role"], one["rows"]) for one in noted] == [
        ("auditor", 1),
        ("analyst", None),
        ("analyst", 1),
        ("publisher", 0),
    ]
    assert noted[1]["sql"] == "SELECT count() FROM sales"
    assert "sales" in noted[1]["error"]
    assert {(one["uid"], one["pid"]) for one in noted} == {(os.geteuid(), os.getpid())}
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert not [socket for socket in path.parent.iterdir() if socket.is_socket()]


def test_questions_of_earlier_days_stay_in_the_log(path: Path) -> None:
    for n in range(2):
        served = serve_roles(EchoStore(), path)
        ask(path, f"question {n}")
        served.close()
    asked = path.with_name("questions.jsonl").read_text().splitlines()
    assert [json.loads(line)["sql"] for line in asked] == ["question 0", "question 1"]


def test_what_cannot_be_written_down_is_not_answered(tmp_path: Path, path: Path) -> None:
    audit = AuditLog(tmp_path / "log")
    served = serve(EchoStore(), path, audit=audit)
    audit.close()
    with pytest.raises(QueryError, match="before an answer"):
        ask(path, "SELECT 1")
    served.close()


def test_a_log_that_others_may_read_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    log.chmod(0o644)
    with pytest.raises(AuditError, match="chmod 600"):
        AuditLog(log)


def test_a_group_may_be_let_in_to_ask_as_analysts(tmp_path: Path, path: Path) -> None:
    shared = tmp_path / "analysts" / "store.sock"
    store = EmbeddedStore(tmp_path / "store")
    store.migrate()
    served = serve_roles(store, path, shared)
    try:
        assert stat.S_IMODE(shared.stat().st_mode) == 0o660
        assert stat.S_IMODE(shared.parent.stat().st_mode) & 0o027 == 0
        assert ask(shared, "SELECT count() AS n FROM regions").num_rows == 1
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        served.close()
        store.close()


def test_a_store_without_roles_is_for_auditors_alone(path: Path) -> None:
    with pytest.raises(StoreError, match="role analyst"):
        serve(EchoStore(), path, Role.ANALYST)
    served = serve_roles(EchoStore(), path)
    assert not socket_of(Role.ANALYST, path).exists()
    served.close()
