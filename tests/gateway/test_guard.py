"""Who is let in."""

import pytest
from starlette.datastructures import Headers

from gateway.config import GatewayConfig
from gateway.guard import TokenCheck, refusal

OPEN = GatewayConfig("b:1")
LOCKED = GatewayConfig("b:1", token="secret")


def refused(config: GatewayConfig, *, websocket: bool = True, **headers: str) -> bool:
    return refusal(Headers(headers), config, websocket=websocket) is not None


def test_the_right_token_is_let_in_and_no_other() -> None:
    check = TokenCheck("密码-secret")
    assert check.needed
    assert check.right("密码-secret")
    assert not any(check.right(t) for t in (None, "", "secret", "密码-secret ", "\ud800"))


def test_where_there_is_no_token_all_are_let_in() -> None:
    assert not TokenCheck(None).needed
    assert TokenCheck(None).right(None)


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", None), ("", None), (None, None), ("Bearer", "")],
)
def test_a_token_is_read_from_a_bearer_header(header: str | None, token: str | None) -> None:
    assert TokenCheck.in_header(header) == token


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:80", "127.0.0.9"])
def test_without_a_token_this_machines_names_are_answered(host: str) -> None:
    assert not refused(OPEN, host=host)


@pytest.mark.parametrize("host", ["rebound.example:8080", "10.0.0.1", "", "localhost.example"])
def test_without_a_token_no_other_name_is(host: str) -> None:
    assert refused(OPEN, host=host)
    assert refused(OPEN, websocket=False, host=host)


def test_with_a_token_any_name_is_answered() -> None:
    assert not refused(LOCKED, host="board.example.org")


def test_a_page_of_another_site_may_not_open_a_websocket() -> None:
    assert refused(LOCKED, host="board.example.org", origin="https://evil.example")
    assert refused(LOCKED, host="board.example.org", origin="null")
    assert refused(LOCKED, host="board.example.org:8443", origin="https://board.example.org")
    assert not refused(LOCKED, host="board.example.org:8443", origin="https://Board.example.org:8443")


def test_a_program_without_an_origin_may() -> None:
    assert not refused(LOCKED, host="board.example.org")
