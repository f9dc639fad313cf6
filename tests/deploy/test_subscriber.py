import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from websockets.sync.server import ServerConnection, serve

from deploy import subscriber
from deploy.subscriber import Reader, SubscribeError, pause, subscribe, websocket_url
from streams.records import AlertEvent
from tests.deploy.alerts import event

RANK = [0, 0, 0, 0, 0.0, 0]


def hello(epoch: str, offset: int, *, recovered: bool = False) -> str:
    return to_json({"hello": {"epoch": epoch, "offset": offset, "recovered": recovered, "version": 1}})


def snapshot(*events: AlertEvent) -> str:
    return to_json({"snapshot": list(events), "ranks": [RANK for _ in events]})


def message(offset: int, one: AlertEvent) -> str:
    return to_json({"offset": offset, "rank": RANK, "event": one})


def to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def ids(events: list[AlertEvent]) -> list[str]:
    return [e.id for e in events]


@contextmanager
def gateway(*visits: Callable[[ServerConnection], None]) -> Iterator[str]:
    """A server that treats its first client by the first of ``visits``, the next by the second, and so on."""
    turns = iter(visits)

    def handle(connection: ServerConnection) -> None:
        next(turns)(connection)

    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriber, "FIRST_PAUSE", 0.01)


def test_a_snapshot_and_what_follows_come_in_order() -> None:
    reader = Reader()
    assert reader.take(hello("e1", 7)) == []
    assert ids(reader.take(snapshot(event(), event(alert_id="oil")))) == ["salt-33/1", "oil/1"]
    assert ids(reader.take(message(8, event(revision=2)))) == ["salt-33/2"]
    assert reader.query() == "epoch=e1&offset=8"


def test_a_connection_lost_between_hello_and_its_snapshot_does_not_skip_the_snapshot() -> None:
    reader = Reader()
    reader.take(hello("e1", 7))
    assert reader.query() == ""
    reader.take(hello("e1", 8))
    assert ids(reader.take(snapshot(event()))) == ["salt-33/1"]
    assert reader.query() == "epoch=e1&offset=8"


def test_a_snapshot_after_a_break_repeats_nothing() -> None:
    reader = Reader()
    reader.take(hello("e1", 0))
    reader.take(message(1, event(revision=2)))
    reader.take(hello("e2", 0))
    assert ids(reader.take(snapshot(event(revision=2), event(alert_id="oil")))) == ["oil/1"]
    assert reader.query() == "epoch=e2&offset=0"


def test_a_ping_says_when_the_gateway_is_behind() -> None:
    reader = Reader()
    reader.take(to_json({"ping": 1, "trouble": "no answer from the broker"}))
    assert reader.trouble == "no answer from the broker"
    reader.take(to_json({"ping": 2}))
    assert reader.trouble == ""


@pytest.mark.parametrize("text", ["", "[]", '{"snapshot": 3}', "<html>"])
def test_what_is_no_message_is_an_error(text: str) -> None:
    with pytest.raises(SubscribeError, match="expected a message of the gateway's protocol"):
        Reader().take(text)


def test_after_a_break_it_resumes_where_it_was() -> None:
    asked: list[str] = []

    def first(connection: ServerConnection) -> None:
        connection.send(hello("e1", 4))
        connection.send(snapshot())
        connection.send(message(5, event()))
        connection.close(1012, "service restart")

    def second(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append(connection.request.path)
        connection.send(hello("e1", 5, recovered=True))
        connection.send(message(6, event(revision=2)))
        connection.recv()

    heard: list[str] = []
    with gateway(first, second) as base:
        stream = subscribe(base, None, heard.append)
        assert [e.id for e in itertools.islice(stream, 2)] == ["salt-33/1", "salt-33/2"]
        stream.close()  # type: ignore[attr-defined] # a generator
    assert asked == ["/ws?epoch=e1&offset=5"]
    assert "1012 service restart" in heard[0]


def test_the_token_goes_in_the_header_and_not_in_the_address() -> None:
    seen: list[tuple[str, str | None]] = []

    def visit(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append((connection.request.path, connection.request.headers.get("Authorization")))
        connection.close(4500, "unauthorized")

    with gateway(visit) as base, pytest.raises(SubscribeError, match=r"4500 \(unauthorized\): set INFOPUMP_GATEWAY"):
        next(subscribe(base, "sesame-open-123", lambda _: None))
    assert seen == [("/ws", "Bearer sesame-open-123")]


def test_a_code_that_forbids_to_come_back_ends_it() -> None:
    with (
        gateway(lambda connection: connection.close(4501, "bad request")) as base,
        pytest.raises(SubscribeError, match=r"4501 \(bad request\)"),
    ):
        next(subscribe(base, None, lambda _: None))


def test_a_gateway_that_falls_silent_is_left_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriber, "SILENCE_SECONDS", 0.1)
    done = threading.Event()

    def silent(connection: ServerConnection) -> None:
        connection.send(hello("e1", 0))
        done.wait(20)

    def lively(connection: ServerConnection) -> None:
        connection.send(hello("e1", 0, recovered=True))
        connection.send(message(1, event()))

    with gateway(silent, lively) as base:
        try:
            assert next(subscribe(base, None, lambda _: None)).id == "salt-33/1"
        finally:
            done.set()


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws"),
        ("https://alerts.example/", "wss://alerts.example/ws"),
        ("ws://h:1/ws", "ws://h:1/ws"),
    ],
)
def test_the_address_of_the_websocket(base: str, url: str) -> None:
    assert websocket_url(base) == url


@pytest.mark.parametrize("base", ["8080", "ftp://x", "http://"])
def test_what_is_no_address_is_an_error(base: str) -> None:
    with pytest.raises(SubscribeError, match="expected an address like"):
        websocket_url(base)


def test_pauses_grow_and_have_an_end() -> None:
    assert all(pause(n) <= subscriber.MAX_PAUSE for n in (0, 5, 500))
    assert pause(500) >= subscriber.MAX_PAUSE / 2
