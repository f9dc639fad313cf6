"""Settings of the writer process."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Login:
    """A user of a server."""

    user: str
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How to reach a ClickHouse server, over its native protocol."""

    host: str
    port: int = 9000
    user: str = "default"
    password: str = field(default="", repr=False)
    database: str = "infopump"
    analyst: Login | None = None
    """who asks for analysts; None: they are refused"""
    auditor: Login | None = None
    """who asks for auditors and the commands of the system; None: ``user``, held to reading"""
    publisher: Login | None = None
    """who asks for publishers; None: they are refused"""
    secure: bool = False
    """TLS; the server's certificate and name are checked"""
    ca_file: Path | None = None
    """certificates to trust; None: the usual ones"""
    compress: bool = True
    """LZ4: saves two thirds of what crosses the network, for a fifth more of the writer's time to send it"""
    cluster: str = ""
    """name of the cluster in the servers' own settings; empty: one server"""


@dataclass(frozen=True, slots=True)
class WriterConfig:
    """What a writer needs to know."""

    bootstrap: str
    path: Path
    """directory of the embedded store; one process at a time may open it"""
    block_rows: int = 100_000
    """a block is written when it has as many rows (the last message may bring it above)"""
    flush_seconds: float = 1.0
    """or when its first message is as old as this"""
    health_port: int = 0
    """0: any free port"""
    socket: Path | None = None
    """Unix domain socket of the query service for auditors, those of other roles beside it; None: no service"""
    analyst_socket: Path | None = None
    """where analysts ask, for a group; None: ``analyst.sock`` beside ``socket``, for this user alone"""
    group: str = "infopump-writer"
    keep_years: int = 3
    """lines and refusals are dropped after so many years, at least two; rollups never"""
    server: ServerConfig | None = None
    """the server to write into; None: the embedded store"""
