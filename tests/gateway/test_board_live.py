"""The board in a real browser: it resumes, it is never silently stale, and it fits every screen."""

import re

import msgspec
import pytest
from playwright.sync_api import WebSocketRoute, expect

from gateway.config import GatewayConfig, Limits
from gateway.protocol import Close
from tests.gateway.factory import make_event
from tests.gateway.screen import DESKTOP, PHONE, Open, board, row
from tests.gateway.serving import ServedGateway, served

TOKEN = "a token of some length"


def test_the_screen_says_since_when_it_is_stale_and_recovers_by_itself(visit: Open) -> None:
    with served() as gateway:
        page = visit(gateway.url)
        gateway.publish(make_event("before"))
        expect(row(page, "before")).to_be_visible()
        expect(page.locator("#stale")).to_be_hidden()
        port = gateway.port
    expect(page.locator("#stale")).to_be_visible()
    expect(page.locator("#stale-title")).to_have_text(re.compile(r"This screen is stale since \d\d:\d\d:\d\d"))
    expect(page.locator("#stale-detail")).to_contain_text("Reconnecting: attempt")
    expect(page.locator("#link-text")).to_have_text("Cut off")
    with served(GatewayConfig("unused:0", port=port)) as again:
        again.publish(make_event("after"))
        expect(row(page, "after")).to_be_visible()
        expect(row(page, "before")).to_have_count(0)
        expect(page.locator("#stale")).to_be_hidden()


def test_silence_is_not_taken_for_quiet(visit: Open) -> None:
    with served(limits=Limits(ping=300)) as gateway:
        page = visit("about:blank")
        page.clock.install()
        page.goto(gateway.url)
        expect(page.locator("#link")).to_have_attribute("data-state", "live")
        # The next connection is held without a word: the board must not take its own attempt for an answer.
        gateway.call(gateway.hub.ready.clear)
        page.clock.fast_forward(17_000)
        expect(page.locator("#stale-title")).to_contain_text("This screen is stale since")


def test_the_banner_comes_even_where_the_scripts_hang(visit: Open) -> None:
    with board(visit) as (_, page):
        expect(page.locator("#stale")).to_be_hidden()
        page.evaluate("document.getElementById('stale').getAnimations()[0].currentTime = 16000")
        expect(page.locator("#stale")).to_be_visible()
        expect(page.locator("#stale-title")).to_have_text("This page has stopped responding: reload it")


def test_a_lost_connection_is_resumed_with_what_was_missed(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("kept"))
        expect(row(page, "kept")).to_be_visible()

        def cut() -> None:
            gateway.hub.close(Close.SLOW)
            gateway.hub.publish(make_event("missed"))

        gateway.call(cut)
        expect(row(page, "missed")).to_contain_text("New")
        expect(page.locator("#stale")).to_be_hidden()


def test_race_a_connection_lost_between_hello_and_snapshot_asks_for_the_snapshot_again(
    visit: Open, gateway: ServedGateway
) -> None:
    page = visit("about:blank")
    addresses: list[str] = []

    def lose_the_first(socket: WebSocketRoute) -> None:
        addresses.append(socket.url)
        if len(addresses) == 1:
            socket.send('{"hello":{"epoch":"e","offset":5,"recovered":false,"version":1}}')
            socket.close(code=1012)
        else:
            socket.connect_to_server()

    page.route_web_socket("**/ws**", lose_the_first)
    gateway.publish(make_event("salt"))
    page.goto(gateway.url)
    expect(row(page, "salt")).to_be_visible()
    assert "epoch" not in addresses[1]


def test_trouble_behind_the_gateway_is_shown_although_the_socket_lives(visit: Open) -> None:
    with served(limits=Limits(ping=0.2)) as gateway:
        page = visit(gateway.url, locale="zh-CN")
        expect(page.locator("#link")).to_have_attribute("data-state", "live")
        gateway.trouble = "no answer from the broker for 12 s"
        expect(page.locator("#stale-title")).to_have_text("网关与数据源的连接中断，画面可能已过时")
        gateway.trouble = None
        expect(page.locator("#stale")).to_be_hidden()


def test_a_refusal_is_final_until_a_person_acts(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.call(lambda: gateway.hub.close(Close.BAD_REQUEST))
        expect(page.locator("#stale-detail")).to_contain_text("The gateway refuses this connection (4501 bad request)")
        page.get_by_role("button", name="Reload").click()
        expect(page.locator("#link")).to_have_attribute("data-state", "live")


def test_the_token_is_asked_for_once_and_never_stands_in_an_address(visit: Open) -> None:
    with served(GatewayConfig("unused:0", port=0, token=TOKEN)) as gateway:
        gateway.publish(make_event("salt"))
        page = visit(gateway.url)
        addresses: list[str] = []
        page.on("request", lambda request: addresses.append(request.url))
        page.on("websocket", lambda socket: addresses.append(socket.url))
        page.get_by_label("Access token").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#token-wrong")).to_contain_text("not right")
        page.get_by_label("Access token").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(row(page, "salt")).to_be_visible()
        expect(page.locator(".tile")).to_have_count(34)
        page.reload()
        expect(row(page, "salt")).to_be_visible()
        assert addresses
        assert not [a for a in addresses if "token" in a.lower()]


def test_a_note_for_a_demonstration_stands_at_the_top(visit: Open) -> None:
    with served(GatewayConfig("unused:0", port=0, demo_note="演示：模拟门店")) as gateway:
        page = visit(gateway.url)
        expect(page.locator("#note")).to_have_text("演示：模拟门店")


def test_the_map_shows_every_province_with_its_name(visit: Open) -> None:
    with board(visit, locale="zh-CN") as (_, page):
        expect(page.locator(".tile")).to_have_count(34)
        expect(page.locator('.tile[data-code="15"] .tile-name')).to_have_text("内蒙古")
        expect(page.locator('.tile[data-code="15"]')).to_have_attribute("title", "内蒙古自治区：无预警，0 条")


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE, {"width": 1280, "height": 720}], ids=["wall", "phone", "laptop"])
def test_nothing_is_wider_than_the_screen(visit: Open, size: dict[str, int], locale: str) -> None:
    with board(visit, size=size, locale=locale) as (gateway, page):
        gateway.publish(make_event("salt", level="III", state="acknowledged", commodity="0209"))
        expect(page.locator(".row")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_on_a_phone_the_details_open_over_the_list_and_close_again(visit: Open) -> None:
    with board(visit, size=PHONE) as (gateway, page):
        gateway.publish(make_event("salt"))
        expect(page.locator("#detail")).to_be_hidden()
        row(page, "salt").click()
        expect(page.locator("#detail")).to_be_visible()
        page.get_by_role("button", name="Close").click()
        expect(page.locator("#detail")).to_be_hidden()
        expect(row(page, "salt")).to_be_focused()


def test_the_board_says_what_the_server_sends(visit: Open) -> None:
    """The rank of the server alone decides the order: equal ones fall to the id."""
    with board(visit) as (gateway, page):
        twins = [msgspec.structs.replace(make_event("x").data, alert_id=i) for i in ("b", "a", "c")]
        for twin in twins:
            gateway.publish(msgspec.structs.replace(make_event("x"), data=twin))
        expect(page.locator(".row")).to_have_count(3)
        assert page.locator(".row").evaluate_all("rows => rows.map(r => r.dataset.id)") == ["a", "b", "c"]
