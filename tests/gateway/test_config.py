"""What a gateway refuses to be."""

import pytest

from gateway.config import GatewayConfig, GatewayError, is_loopback

TOKEN = "a-token-of-some-length"


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.168.1.4", "board.example.org"])  # noqa: S104 (to be refused)
def test_an_address_that_others_reach_needs_a_token(host: str) -> None:
    with pytest.raises(GatewayError, match=r"other machines.*got none"):
        GatewayConfig("b:1", host=host)
    with pytest.raises(GatewayError, match="got a shorter one"):
        GatewayConfig("b:1", host=host, token="short")
    assert GatewayConfig("b:1", host=host, token=TOKEN).token == TOKEN


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost"])
def test_this_machines_own_addresses_need_none(host: str) -> None:
    assert is_loopback(host)
    assert GatewayConfig("b:1", host=host).token is None


def test_repr_does_not_show_the_token() -> None:
    assert TOKEN not in repr(GatewayConfig("b:1", token=TOKEN))


@pytest.mark.parametrize("wrong", [{"token": " "}, {"ring": 0}])
def test_senseless_values_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(GatewayError, match="expected"):
        GatewayConfig("b:1", **wrong)  # type: ignore[arg-type] # one of several fields
