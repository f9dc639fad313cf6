"""The messages are what the README says, and the close codes keep their ranges."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

import gateway
from gateway import protocol
from gateway.protocol import Close, EventMessage, HelloMessage, PingMessage, Position, ProtocolError, SnapshotMessage
from gateway.ranking import rank
from tests.gateway.factory import make_event

README = Path(gateway.__file__).parent / "README.md"


def test_hello_says_where_the_stream_stands() -> None:
    assert json.loads(protocol.hello("e", 7, True, "")) == {
        "hello": {"epoch": "e", "offset": 7, "recovered": True, "version": 1}
    }
    assert msgspec.json.decode(protocol.hello("e", 7, False, "演示"), type=HelloMessage).hello.note == "演示"


def test_a_ping_tells_of_trouble_only_where_there_is_some() -> None:
    assert json.loads(protocol.ping(5, "")) == {"ping": 5}
    assert msgspec.json.decode(protocol.ping(5, "no broker"), type=PingMessage) == PingMessage(5, "no broker")


def test_an_event_comes_out_as_it_went_in() -> None:
    event = make_event()
    raw = Raw(msgspec.json.encode(event))
    sent = msgspec.json.decode(protocol.message(3, rank(event.data), raw), type=EventMessage)
    assert sent == EventMessage(3, rank(event.data), event)
    snapshot = msgspec.json.decode(protocol.snapshot([(raw, rank(event.data))]), type=SnapshotMessage)
    assert snapshot == SnapshotMessage([event], [rank(event.data)])


def test_a_first_visit_has_no_position() -> None:
    assert protocol.position(None, None) is None


def test_a_position_is_read_from_the_address() -> None:
    assert protocol.position("e1", "0042") == Position("e1", 42)


@pytest.mark.parametrize(
    ("epoch", "offset"),
    [("e", None), (None, "1"), ("", "1"), ("e", ""), ("e", "-1"), ("e", "1.0"), ("e", "٣"), ("e", "9" * 19)],
)
def test_half_a_position_is_refused(epoch: str | None, offset: str | None) -> None:
    with pytest.raises(ProtocolError, match="expected"):
        protocol.position(epoch, offset)


@settings(deadline=None)
@given(st.text(), st.text())
def test_no_position_whatsoever_raises_anything_else(epoch: str, offset: str) -> None:
    try:
        found = protocol.position(epoch, offset)
    except ProtocolError:
        return
    assert found is not None
    assert found.offset >= 0


def test_the_token_is_read_from_the_first_message() -> None:
    assert protocol.token_of('{"token":"secret"}') == "secret"


@pytest.mark.parametrize("text", ["", "null", "{}", '{"token":1}', '{"token":"a","more":1}', '{"token":"\ud800"}'])
def test_any_other_message_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="expected"):
        protocol.token_of(text)


@settings(deadline=None)
@given(st.text())
def test_no_text_whatsoever_raises_anything_else(text: str) -> None:
    with pytest.raises(ProtocolError):
        protocol.token_of(text)


def test_what_a_client_sent_does_not_reach_our_logs() -> None:
    with pytest.raises(ProtocolError) as refused:
        protocol.token_of('{"token":"a secret","more":1}')
    assert "a secret" not in str(refused.value)


def test_the_range_of_a_close_code_says_whether_to_reconnect() -> None:
    assert {c.name for c in Close if not c.reconnect} == {"MESSAGE_TOO_BIG", "UNAUTHORIZED", "BAD_REQUEST"}
    assert len({c.code for c in Close}) == len(Close)


@pytest.mark.parametrize("close", Close)
def test_a_close_frame_holds_its_reason(close: Close) -> None:
    assert len(close.reason.encode()) <= 123
    assert close.cause
    assert close.duty


@pytest.mark.parametrize("close", Close)
def test_the_readme_lists_each_close_code(close: Close) -> None:
    row = f"| {close.code} | {close.reason} | {close.cause} | {'yes' if close.reconnect else 'no'} | {close.duty} |"
    assert row in README.read_text(encoding="utf-8")
