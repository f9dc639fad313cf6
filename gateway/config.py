"""What a gateway must be told, and the limits that keep it small whatever its clients do."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MIN_TOKEN: Final = 16
"""Characters of a token that guards an address others can reach: guessing must stay hopeless."""


class GatewayError(ValueError):
    """The gateway cannot run as it was told to; the text says what to change."""


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """One gateway. ``repr`` leaves the token out.

    ``ring`` is how many revisions a client may be behind and still resume without a snapshot; ``demo_note`` is a line
    that the board shows at its top, for a demonstration. ``store_socket`` is where the writer answers questions,
    ``reviewers`` the file that names who may review; without one of them nobody can. Raises GatewayError where ``host``
    can be reached from other machines and no token of at least ``MIN_TOKEN`` characters is set.
    """

    bootstrap: str
    host: str = "127.0.0.1"
    port: int = 8080
    token: str | None = field(default=None, repr=False)
    ring: int = 10_000
    demo_note: str = ""
    store_socket: Path | None = None
    reviewers: Path | None = None

    def __post_init__(self) -> None:
        if self.token is not None and not self.token.strip():
            raise GatewayError("gateway.token: expected a secret or nothing, got blanks")
        if self.ring < 1:
            raise GatewayError(f"gateway.ring: expected at least 1, got {self.ring}")
        if not is_loopback(self.host) and len(self.token or "") < MIN_TOKEN:
            raise GatewayError(
                f"gateway.host {self.host!r} can be reached from other machines: expected gateway.token with at least "
                f"{MIN_TOKEN} characters, got {'a shorter one' if self.token else 'none'}. "
                "Set one, or bind 127.0.0.1"
            )


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what clients may take. Times in seconds."""

    connections: int = 12_000
    """WebSockets at one time; the next one is told to come back later"""
    client_bytes: int = 4_096
    """longest message that a client may send"""
    token_wait: float = 5.0
    """how long a client may take to show its token"""
    ready_wait: float = 10.0
    """how long a client is held while the backlog of the topic is being read"""
    ping: float = 5.0
    """time between two ``ping`` messages; the board calls itself stale after three of them"""
    stall: float = 15.0
    """how long a client may take nothing before it counts as slow"""


def is_loopback(host: str) -> bool:
    """Whether an address to bind, or the name in a Host header, is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
