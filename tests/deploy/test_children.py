import itertools
from pathlib import Path

import pytest

from deploy.children import MAX_RESTARTS, WINDOW_SECONDS, WRONG_USE, Minder, ask_health, pause_before_restart, reachable
from deploy.errors import DeployError
from deploy.processes import free_port
from streams.observe import serve_health
from tests.waiting import until


class DyingChild:
    """Ends at once, each time, with the same status."""

    name = "dying"
    pid = None
    health = ""

    def __init__(self, log: Path, status: int = 1, *, starts: bool = True) -> None:
        self.log = log
        self.started = 0
        self._status = status
        self._starts = starts

    def ended(self) -> int | None:
        return self._status

    def start(self) -> None:
        if not self._starts:
            raise DeployError("port 1 is taken")
        self.started += 1

    def stop(self) -> None:
        """Nothing to do."""

    def trouble(self) -> str | None:
        return "not running"


def test_the_pause_doubles_with_each_end() -> None:
    ends = [float(n) for n in range(MAX_RESTARTS)]
    pauses = [pause_before_restart(ends[: n + 1], ends[n], 1) for n in range(MAX_RESTARTS)]
    assert all(pause is not None for pause in pauses)
    assert all(b == 2 * a for a, b in itertools.pairwise(p for p in pauses if p))


def test_after_too_many_ends_in_a_minute_it_is_given_up() -> None:
    ends = [float(n) for n in range(MAX_RESTARTS + 1)]
    assert pause_before_restart(ends, ends[-1], 1) is None
    assert pause_before_restart(ends, ends[-1] + WINDOW_SECONDS, 1) is not None


def test_a_process_that_was_told_nonsense_is_not_started_again() -> None:
    assert pause_before_restart([0.0], 0.0, WRONG_USE) is None


def test_a_process_that_ends_is_started_again_after_its_pause(tmp_path: Path) -> None:
    child, heard = DyingChild(tmp_path / "log"), list[str]()
    minder = Minder(child)
    assert not minder.step(heard.append)
    assert heard == ["dying ended with status 1; it is started again in 0.5 s"]
    assert child.started == 0, "not before its pause is over"
    until(lambda: minder.step(heard.append), 5, "the restart")
    assert child.started == 1


def test_a_process_that_is_given_up_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("gateway.port: expected a number\n")
    minder = Minder(DyingChild(log, WRONG_USE))
    minder.step(lambda _: None)
    assert minder.given_up is not None
    assert "dying ended with status 2" in minder.given_up
    assert "gateway.port: expected a number" in minder.given_up


def test_a_process_that_cannot_be_started_again_is_given_up(tmp_path: Path) -> None:
    minder = Minder(DyingChild(tmp_path / "log", starts=False))
    minder.step(lambda _: None)
    until(lambda: minder.step(lambda _: None) or minder.given_up, 5, "the failed restart")
    assert minder.given_up == "dying cannot be started again: port 1 is taken"


def test_health_is_what_the_process_says() -> None:
    well, ill = serve_health(0, lambda: None), serve_health(0, lambda: "stalled at 7")
    assert ask_health(f"127.0.0.1:{well}") is None
    assert ask_health(f"127.0.0.1:{ill}") == "stalled at 7"
    assert "does not answer" in (ask_health(f"127.0.0.1:{free_port()}") or "")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 (nothing is bound)
        ("::", "127.0.0.1"),
        ("::1", "[::1]"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_a_server_on_all_addresses_is_asked_on_the_loopback(host: str, address: str) -> None:
    assert reachable(host) == address
