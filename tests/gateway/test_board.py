"""The board in a real browser: live, in both languages, by keyboard, and never silently stale."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from gateway.config import GatewayConfig, Limits
from gateway.protocol import Close
from streams.records import Names
from tests.gateway.factory import NINGBO, make_event
from tests.gateway.serving import ServedGateway, served

DESKTOP = {"width": 1920, "height": 1080}
PHONE = {"width": 390, "height": 844}
TOKEN = "a token of some length"

Open = Callable[..., Page]


@pytest.fixture
def gateway() -> Iterator[ServedGateway]:
    with served() as one:
        yield one


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Opens a board; at the end no page may have thrown an error or broken the content policy."""
    wrong: list[str] = []
    contexts = []

    def opener(url: str, *, locale: str = "en-GB", size: dict[str, int] = DESKTOP, **more: Any) -> Page:
        context = browser.new_context(viewport=size, locale=locale, timezone_id="America/New_York", **more)  # type: ignore[arg-type] # a TypedDict
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(url)
        return page

    yield opener
    for context in contexts:
        context.close()
    assert wrong == []


@contextmanager
def board(visit: Open, **more: Any) -> Iterator[tuple[ServedGateway, Page]]:
    with served() as gateway:
        page = visit(gateway.url, **more)
        expect(page.locator("#link")).to_have_attribute("data-state", "live")
        yield gateway, page


def row(page: Page, alert_id: str) -> Any:
    return page.locator(f'.row[data-id="{alert_id}"]')


def test_an_alert_that_is_pushed_appears_with_its_level_in_colour_numeral_and_word(visit: Open) -> None:
    with board(visit) as (gateway, page):
        expect(page.locator("#quiet")).to_contain_text("All is quiet")
        expect(page.locator("#quiet")).to_contain_text("Watching since")
        gateway.publish(make_event("salt", level="II"))
        salt = row(page, "salt")
        expect(salt).to_contain_text("Table salt: panic buying")
        expect(salt).to_contain_text("Zhejiang")
        expect(salt).to_contain_text("3 counties")
        expect(salt).to_contain_text("by chance: once in 4 years")
        expect(salt).to_contain_text("12.3× normal")
        expect(salt.locator(".level")).to_have_text("IISevere")
        expect(salt.locator(".level")).to_have_css("background-color", "rgb(255, 138, 31)")
        expect(page.locator(".count.level-II .count-number")).to_have_text("1")
        expect(page.locator('.tile[data-code="33"]')).to_have_class(re.compile(r"\blevel-II\b"))
        expect(page.locator("#live")).to_have_text(
            re.compile("New: Level II Severe, Table salt: panic buying, .*Zhejiang")
        )
        expect(page.locator("#quiet")).to_be_hidden()
        assert page.title() == "(1) Level II · infopump 信息泵"


def test_a_rise_of_level_moves_the_alert_up_and_is_marked(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("first", level="III"), make_event("second", level="IV"))
        expect(page.locator(".row").first).to_have_attribute("data-id", "first")
        gateway.publish(make_event("second", 2, level="I"))
        expect(page.locator(".row").first).to_have_attribute("data-id", "second")
        expect(row(page, "second").locator(".tag-raised")).to_have_text("Raised")
        gateway.publish(make_event("second", 3, level="I", state="expired"))
        expect(page.locator(".row").last).to_have_attribute("data-id", "second")
        expect(row(page, "second")).to_have_class(re.compile(r"\bended\b"))


def test_ended_alerts_are_still_there_after_a_reload(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("over", state="closed"))
        expect(row(page, "over")).to_be_visible()
        page.reload()
        expect(row(page, "over")).to_contain_text("closed")
        expect(page.locator("#quiet")).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "lang", "title"),
    [
        ("zh-CN", "zh-CN", "一切平稳"),
        ("zh-TW", "zh-CN", "一切平稳"),
        ("en-US", "en-GB", "All is quiet"),
        ("fr-FR", "en-GB", "All is quiet"),
    ],
)
def test_the_browsers_language_is_the_first_choice(visit: Open, locale: str, lang: str, title: str) -> None:
    with board(visit, locale=locale) as (_, page):
        expect(page.locator("html")).to_have_attribute("lang", lang)
        expect(page.locator(".quiet-title")).to_have_text(title)


def test_the_language_is_switched_by_button_or_key_and_remembered(visit: Open) -> None:
    with board(visit, locale="zh-CN") as (gateway, page):
        gateway.publish(make_event("salt"))
        expect(row(page, "salt")).to_contain_text("食盐 · 抢购")
        page.get_by_role("button", name="English").click()
        expect(row(page, "salt")).to_contain_text("Table salt: panic buying")
        page.keyboard.press("l")
        expect(row(page, "salt")).to_contain_text("食盐 · 抢购")
        page.keyboard.press("L")
        page.reload()
        expect(page.locator("html")).to_have_attribute("lang", "en-GB")
        expect(row(page, "salt")).to_contain_text("Table salt: panic buying")


def test_times_are_beijings_unless_the_viewer_chooses_otherwise(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("salt"))
        expect(row(page, "salt")).to_contain_text("16 Mar 2011, 16:00")
        expect(page.locator("#zone")).to_have_text("Beijing time UTC+8")
        page.keyboard.press("t")
        expect(row(page, "salt")).to_contain_text("16 Mar 2011, 04:00")
        expect(page.locator("#zone")).to_have_text(re.compile(r"Local time UTC−[45]"))


def test_the_keyboard_alone_leads_from_the_list_to_the_details_and_back(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(*(make_event(f"a{n}", level=level) for n, level in enumerate(("I", "II", "III"))))
        expect(page.locator(".row")).to_have_count(3)
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowDown")
        expect(row(page, "a0")).to_be_focused()
        page.keyboard.press("j")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        expect(row(page, "a2")).to_be_focused()
        page.keyboard.press("k")
        expect(row(page, "a1")).to_be_focused()
        assert row(page, "a1").evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(row(page, "a1")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#detail-body")).to_be_focused()
        expect(page.locator("#detail-lead")).to_contain_text("Level II Severe")
        page.keyboard.press("Escape")
        expect(row(page, "a1")).to_be_focused()
        expect(row(page, "a1")).to_have_attribute("aria-pressed", "false")


def test_race_the_focus_stays_on_its_alert_when_the_order_changes(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("a", level="III"), make_event("b", level="IV"))
        expect(page.locator(".row")).to_have_count(2)
        row(page, "b").focus()
        gateway.publish(make_event("b", 2, level="I"), make_event("c", level="II"))
        expect(page.locator(".row")).to_have_count(3)
        expect(page.locator(".row").first).to_have_attribute("data-id", "b")
        expect(row(page, "b")).to_be_focused()


def test_the_details_state_the_evidence_and_the_history(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(
            make_event("salt", 1, level="IV", counties=NINGBO[:1], ratio=4.0), make_event("salt", 2, level="III")
        )
        row(page, "salt").click()
        detail = page.locator("#detail")
        for text in (
            "9,840 kg a day",
            "800 kg a day",
            "41 shops",
            "once in 4 years",
            "IV-area · order-2011-4",
            "Counties hit (3)",
        ):
            expect(detail).to_contain_text(text)
        expect(detail.locator("tbody tr").first).to_contain_text("12.3 ×")
        expect(detail.locator(".history li")).to_have_count(2)
        expect(detail.locator(".history li").last).to_contain_text("Revision 1")
        gateway.publish(make_event("salt", 3, level="II"))
        expect(detail.locator(".history li")).to_have_count(3)
        expect(detail.locator(".history li").first).to_contain_text("II")


def test_a_price_alert_is_measured_in_prices(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(
            make_event("pork", kind="price_spike", commodity="0301", observed=1.62, expected=1.0, ratio=1.62)
        )
        expect(page.locator("#detail-body")).to_contain_text("1.62 × the usual price")


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0.5, "daily"),
        (42.4, "once in 42 days"),
        (200.0, "once in 7 months"),
        (1_461.0, "once in 4 years"),
        (36_525.0, "not in a hundred years"),
    ],
)
def test_rarity_is_said_in_words(visit: Open, days: float, words: str) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("salt", recurrence_days=days))
        expect(row(page, "salt")).to_contain_text(f"by chance: {words}")


def test_where_nothing_was_expected_there_is_no_ratio(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("salt", expected=0.0, ratio=0.0))
        expect(row(page, "salt").locator(".ratio b")).to_have_text("—")


def test_what_a_message_says_never_becomes_markup(visit: Open) -> None:
    with board(visit) as (gateway, page):
        evil = '<img src=x onerror="document.title=1">'
        names = Names(evil, evil)
        gateway.publish(make_event("evil", commodity_name=names, region_name=names, clause=evil))
        expect(row(page, "evil")).to_contain_text(evil)
        expect(page.locator("#detail-body")).to_contain_text(evil)
        assert page.locator("main img").count() == 0


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
