"""The board on a screen: what the browser tests share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, expect

from tests.gateway.serving import ServedGateway, served

DESKTOP = {"width": 1920, "height": 1080}
PHONE = {"width": 390, "height": 844}

Open = Callable[..., Page]


@contextmanager
def board(visit: Open, **more: Any) -> Iterator[tuple[ServedGateway, Page]]:
    """A gateway and its board in the browser, live."""
    with served() as gateway:
        page = visit(gateway.url, **more)
        expect(page.locator("#link")).to_have_attribute("data-state", "live")
        yield gateway, page


def row(page: Page, alert_id: str) -> Any:
    """The row of an alert in the list."""
    return page.locator(f'.row[data-id="{alert_id}"]')
