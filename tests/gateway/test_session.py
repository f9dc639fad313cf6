"""WebSockets against a real server: greeting, resume, token, limits, slow clients."""

import json
import socket
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from gateway.config import GatewayConfig, Limits
from gateway.protocol import Close
from tests.gateway.factory import make_event
from tests.gateway.serving import ServedGateway, receive, served
from tests.waiting import until

TOKEN = "a token of some length"


@pytest.fixture(scope="module")
def gateway() -> Iterator[ServedGateway]:
    with served(limits=Limits(ping=0.2)) as one:
        yield one


@pytest.fixture(scope="module")
def locked() -> Iterator[ServedGateway]:
    with served(GatewayConfig("unused:0", port=0, token=TOKEN), Limits(token_wait=0.3)) as one:
        yield one


def hear_out(client: ClientConnection) -> None:
    """Take all that comes until the connection is closed."""
    while True:
        client.recv(timeout=10)


def close_of(client: ClientConnection) -> tuple[int, str]:
    """Code and reason of the server's close frame."""
    with pytest.raises(ConnectionClosed) as closed:
        hear_out(client)
    assert closed.value.rcvd is not None, "the connection was lost without a close frame"
    return closed.value.rcvd.code, closed.value.rcvd.reason


def test_an_event_is_pushed_and_a_lost_connection_resumed(gateway: ServedGateway) -> None:
    with gateway.connect() as client:
        hello = receive(client)["hello"]
        assert hello["recovered"] is False
        assert "snapshot" in receive(client)
        gateway.publish(make_event("pushed", 1))
        assert receive(client)["offset"] == hello["offset"] + 1
    gateway.publish(make_event("pushed", 2), make_event("pushed", 3))
    with gateway.connect(f"?epoch={hello['epoch']}&offset={hello['offset'] + 1}") as client:
        again = receive(client)["hello"]
        assert (again["recovered"], again["offset"]) == (True, hello["offset"] + 1)
        assert [receive(client)["event"]["data"]["revision"] for _ in range(2)] == [2, 3]


def test_a_client_of_an_earlier_epoch_gets_a_snapshot(gateway: ServedGateway) -> None:
    gateway.publish(make_event("kept"))
    with gateway.connect("?epoch=earlier&offset=7") as client:
        assert receive(client)["hello"]["recovered"] is False
        assert "kept" in [e["subject"] for e in receive(client)["snapshot"]]


def test_pings_come_while_nothing_happens_and_tell_of_trouble(gateway: ServedGateway) -> None:
    with gateway.connect() as client:
        receive(client), receive(client)
        first = json.loads(client.recv(timeout=5))
        assert abs(first["ping"] / 1000 - time.time()) < 5
        assert "trouble" not in first
        gateway.trouble = "no answer from the broker"
        try:
            until(lambda: json.loads(client.recv(timeout=5)).get("trouble") == gateway.trouble, 5, "the trouble")
        finally:
            gateway.trouble = None


@pytest.mark.parametrize("query", ["?epoch=e", "?offset=1", "?epoch=e&offset=x"])
def test_half_a_position_is_closed_as_a_bad_request(gateway: ServedGateway, query: str) -> None:
    with gateway.connect(query) as client:
        assert close_of(client) == (4501, "bad request")


@pytest.mark.parametrize("message", ["hello?", b"bytes", '{"token":1}'])
def test_a_client_that_talks_is_closed(gateway: ServedGateway, message: str | bytes) -> None:
    with gateway.connect() as client:
        receive(client)
        client.send(message)
        assert close_of(client)[0] == Close.BAD_REQUEST.code


def test_a_token_that_nobody_asked_for_is_borne_once(gateway: ServedGateway) -> None:
    with gateway.connect() as client:
        client.send('{"token":"left over from another day"}')
        receive(client), receive(client)
        gateway.publish(make_event("borne"))
        assert receive(client)["event"]["subject"] == "borne"
        client.send('{"token":"again"}')
        assert close_of(client)[0] == Close.BAD_REQUEST.code


def test_a_long_message_is_closed_by_the_limit(gateway: ServedGateway) -> None:
    with gateway.connect() as client:
        client.send('{"token":"' + "x" * 5_000 + '"}')
        assert close_of(client)[0] == Close.MESSAGE_TOO_BIG.code


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1"])
def test_a_page_of_another_site_gets_no_websocket(gateway: ServedGateway, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, gateway.connect(origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_our_own_page_gets_one(gateway: ServedGateway) -> None:
    with gateway.connect(origin=gateway.url) as client:
        assert "hello" in receive(client)


def test_a_program_shows_its_token_in_a_header(locked: ServedGateway) -> None:
    with locked.connect(additional_headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        assert "hello" in receive(client)
    with locked.connect(additional_headers={"Authorization": "Bearer wrong"}) as client:
        assert close_of(client) == (4500, "unauthorized")


def test_a_browser_shows_it_in_its_first_message(locked: ServedGateway) -> None:
    with locked.connect(origin=locked.url) as client:
        client.send(json.dumps({"token": TOKEN}))
        assert "hello" in receive(client)


@pytest.mark.parametrize("token", ["wrong", "", TOKEN + " "])
def test_a_wrong_token_is_closed(locked: ServedGateway, token: str) -> None:
    with locked.connect() as client:
        client.send(json.dumps({"token": token}))
        assert close_of(client) == (4500, "unauthorized")


def test_a_client_that_shows_no_token_is_closed_before_it_hears_anything(locked: ServedGateway) -> None:
    with locked.connect() as client:
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == Close.UNAUTHORIZED.code


def test_a_token_in_the_address_is_worth_nothing(locked: ServedGateway) -> None:
    with locked.connect("?token=secret") as client:
        assert close_of(client)[0] == Close.UNAUTHORIZED.code


def test_clients_beyond_the_limit_are_told_to_come_back() -> None:
    with served(limits=Limits(connections=1)) as gateway:
        with gateway.connect() as first:
            receive(first)
            with gateway.connect() as second:
                assert close_of(second) == (4002, "too many connections")

        def let_in() -> bool:
            with gateway.connect() as third:
                try:
                    return "hello" in receive(third)
                except ConnectionClosed:
                    return False

        until(let_in, 5, "the place of the first client")


def test_race_a_client_that_comes_before_the_backlog_is_read_hears_nothing_until_then() -> None:
    with served(ready=False) as gateway, gateway.connect() as client:
        gateway.publish(make_event("backlog"))
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.2)
        gateway.call(gateway.hub.ready.set)
        assert receive(client)["hello"]["offset"] == 1
        assert [e["subject"] for e in receive(client)["snapshot"]] == ["backlog"]


def test_a_backlog_that_takes_too_long_sends_clients_away() -> None:
    with served(limits=Limits(ready_wait=0.1), ready=False) as gateway, gateway.connect() as client:
        assert close_of(client) == (4001, "not ready")


def stalled_client(gateway: ServedGateway) -> socket.socket:
    """A raw client that has shaken hands and from then on reads nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", gateway.port))
    sock.sendall(
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    sock.settimeout(10)
    assert b" 101 " in sock.recv(64)
    return sock


def fill(gateway: ServedGateway, client: ClientConnection, until_closed: int) -> int:
    """Publish until the server has sent that many clients away; the other client must get all of it in order."""
    deadline, sent = time.monotonic() + 20, 0
    offset = receive(client)["hello"]["offset"]
    receive(client)
    while gateway.call(lambda: gateway.hub.subscribers) > until_closed:
        assert time.monotonic() < deadline, "the slow client is still there"
        sent += 1
        gateway.publish(make_event(f"fill-{sent % 10}", sent, clause="x" * 20_000))
        offset += 1
        assert receive(client)["offset"] == offset
    return sent


def test_race_a_client_that_stops_reading_is_sent_away_and_the_others_notice_nothing() -> None:
    config = GatewayConfig("unused:0", port=0, ring=20)
    with served(config) as gateway, gateway.connect() as healthy, stalled_client(gateway) as stalled:
        until(lambda: gateway.call(lambda: gateway.hub.subscribers) == 2, 5, "both clients")
        fill(gateway, healthy, until_closed=1)
        frame = b"\x88" + bytes([2 + len("slow consumer")]) + (4000).to_bytes(2) + b"slow consumer"
        heard = bytearray()
        while not heard.endswith(frame):
            chunk = stalled.recv(1 << 16)
            assert chunk, "the connection ended without a close frame"
            heard += chunk


def test_race_a_client_that_takes_nothing_for_too_long_is_sent_away_before_the_ring_is_full() -> None:
    limits = Limits(stall=0.2, ping=0.1)
    with served(limits=limits) as gateway, gateway.connect() as healthy, stalled_client(gateway) as stalled:
        until(lambda: gateway.call(lambda: gateway.hub.subscribers) == 2, 5, "both clients")
        assert fill(gateway, healthy, until_closed=1) < 10_000
        assert stalled.fileno() >= 0


def test_a_server_that_stops_says_so_to_every_client() -> None:
    with served() as gateway, gateway.connect() as one, gateway.connect() as two:
        receive(one), receive(two)
        gateway.begin_stop()
        assert [close_of(one), close_of(two)] == [(1012, "service restart")] * 2


def test_race_a_server_stops_although_a_client_does_not_read() -> None:
    with served() as gateway, stalled_client(gateway):
        until(lambda: gateway.call(lambda: gateway.hub.subscribers) == 1, 5, "the client")
        for n in range(1, 40):
            gateway.publish(make_event("full", n, clause="x" * 20_000))
        gateway.begin_stop()
        until(lambda: not gateway.running, 8, "the stop")
