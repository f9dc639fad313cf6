"""Hears every alert that reaches a WebSocket client of the gateway, in a thread."""

import queue
import threading
from collections.abc import Callable

import structlog

from deploy.errors import DeployError
from deploy.subscriber import subscribe
from streams.records import Alert

log = structlog.get_logger(__name__)


class Listener:
    """Collects the alerts' revisions in the order in which they came over the WebSocket."""

    def __init__(self, url: str, token: str | None = None, talk: Callable[[str], None] = lambda _: None) -> None:
        self._url = url
        self._token = token
        self._talk = talk
        self._new: queue.SimpleQueue[Alert] = queue.SimpleQueue()
        self.revisions: list[Alert] = []
        self.failure: str | None = None
        self._ended = threading.Event()
        # A daemon: the generator waits in recv, and the process must not wait for it.
        threading.Thread(target=self._follow, name="listener", daemon=True).start()

    def new(self) -> list[Alert]:
        """The revisions that came since the last call."""
        found = []
        while not self._new.empty():
            found.append(self._new.get_nowait())
        self.revisions += found
        return found

    def last(self) -> dict[str, Alert]:
        """Each alert's newest revision, by id, in the order of their first one."""
        self.new()
        newest: dict[str, Alert] = {}
        for alert in self.revisions:
            newest[alert.alert_id] = alert
        return newest

    def end(self) -> None:
        """Say nothing more: the gateway is about to be stopped."""
        self._ended.set()

    def _say(self, text: str) -> None:
        if not self._ended.is_set():
            self._talk(text)

    def _follow(self) -> None:
        try:
            for event in subscribe(self._url, self._token, self._say):
                self._new.put(event.data)
        except DeployError as error:
            self.failure = str(error)
            log.error("listener ended", why=self.failure)
