"""The board's files and the headers that guard them."""

from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest

from gateway.app import BOARD
from gateway.guard import SECURITY_HEADERS
from tests.gateway.serving import ServedGateway, served


@pytest.fixture(scope="module")
def gateway() -> Iterator[ServedGateway]:
    with served() as one:
        yield one


@pytest.mark.parametrize("path", ["/", "/static/board.css", "/api/alerts", "/healthz", "/nowhere", "/openapi.json"])
def test_every_answer_has_the_security_headers(gateway: ServedGateway, path: str) -> None:
    headers = httpx.get(gateway.url + path).headers
    assert {name: headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "server" not in headers


def test_a_refused_host_gets_them_too(gateway: ServedGateway) -> None:
    answer = httpx.get(gateway.url, headers={"Host": "rebound.example"})
    assert answer.status_code == 403
    assert "content-security-policy" in answer.headers


def test_the_policy_lets_no_inline_script_or_style_run() -> None:
    assert "unsafe" not in SECURITY_HEADERS["content-security-policy"]


class Inline(HTMLParser):
    """Finds what that policy would block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [n for n in names if n == "style" or n.startswith("on")]


def test_the_board_has_no_inline_script_or_style() -> None:
    page = Inline()
    page.feed((BOARD / "index.html").read_text(encoding="utf-8"))
    assert page.found == []


def test_no_data_is_ever_read_as_markup() -> None:
    scripts = list(BOARD.glob("*.js"))
    assert scripts
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        assert not [w for w in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(") if w in text]


def test_a_browser_asks_whether_its_copy_of_the_board_still_holds(gateway: ServedGateway) -> None:
    first = httpx.get(gateway.url + "/static/board.css")
    assert first.headers["cache-control"] == "no-cache"
    again = httpx.get(gateway.url + "/static/board.css", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


def test_nothing_beside_the_board_is_served(gateway: ServedGateway) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/"):
        assert httpx.get(gateway.url + path).status_code == 404
