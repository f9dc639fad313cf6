"""Roles, users, row policies and quotas of a server, as the statements that its administrator says.

They are for a server that knows views with the rights of their maker (``sinks.dialect.SHOWN_SINCE``). The views
themselves are made by the writer (``sinks.shown``). A password appears as the salted SHA-256 hash that the server
keeps, never as it is.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sinks.access import Limits
from sinks.roles import Role, database_of
from sinks.schema import DATABASE

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.A)
_SHORTEST: Final = 12
_IDENTIFYING: Final = (
    *("sales", "prices", "stock", "items_1d", "envelopes", "terminal_seqs", "presence", "acknowledged", "rejected"),
    *("skus", "decisions", "reversals", "terminal_records", "enterprise_records", "contributions_1d"),
    "brand_contributions_1d",
)
"""Tables whose rows name a shop or an enterprise; a policy hides them from who reads views alone."""
_QUERIES_AN_HOUR: Final = 2_000
_ENGINES: Final = ("MergeTree", "SummingMergeTree", "ReplacingMergeTree", "AggregatingMergeTree")
_WRITES: Final = "SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, TRUNCATE"


class GrantError(ValueError):
    """A user cannot be made so; says what was expected."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the tables are: ``cluster`` is its name in the servers' settings, empty for one server."""

    database: str = DATABASE
    cluster: str = ""

    @property
    def everywhere(self) -> str:
        """What makes a statement hold on every node."""
        return f" ON CLUSTER {self.cluster}" if self.cluster else ""

    @property
    def databases(self) -> tuple[str, ...]:
        """That of the tables, and those of the views."""
        return tuple(dict.fromkeys(database_of(role, self.database) for role in Role))

    def name(self, role: Role) -> str:
        """The role's name there."""
        return f"{self.database}_{role}"


def statements(server: Server, limits: Limits | None = None) -> tuple[str, ...]:
    """The databases, and the roles with what they are granted, held to and kept from. They can be repeated.

    ``limits`` are of one question of who asks. Row policies are a second wall: an analyst who is granted a table by
    mistake still sees no row of it. A cluster goes without: its shards hold whoever asked a view to the policies, and
    not who made it (ClickHouse issue 88009), so that the views would be empty.
    """
    of, at = server.database, server.everywhere
    writer, analyst, auditor, publisher = (server.name(role) for role in Role)
    readers = f"{analyst}, {auditor}, {publisher}"
    return (
        *(f"CREATE DATABASE IF NOT EXISTS {name}{at}" for name in server.databases),
        *(f"CREATE ROLE IF NOT EXISTS {server.name(role)}{at}" for role in Role),
        *(f"GRANT{at} {_WRITES} ON {name}.* TO {writer}" for name in server.databases),
        *(f"GRANT{at} TABLE ENGINE ON {engine} TO {writer}" for engine in _engines(server)),
        f"GRANT{at} SELECT ON system.* TO {writer}",
        *((f"GRANT{at} CLUSTER, REMOTE ON *.* TO {writer}",) if server.cluster else ()),
        f"GRANT{at} SELECT ON {of}_analyst.* TO {analyst}",
        f"GRANT{at} SELECT ON {of}_publisher.* TO {publisher}",
        *(f"GRANT{at} SELECT ON {name}.* TO {auditor}" for name in (*server.databases, "system")),
        f"CREATE SETTINGS PROFILE OR REPLACE {of}_reading{at} SETTINGS {_settings(limits or Limits())} TO {readers}",
        *(() if server.cluster else _policies(of, f"{analyst}, {publisher}")),
        f"CREATE QUOTA OR REPLACE {of}_reading{at} KEYED BY user_name FOR INTERVAL 1 hour "
        f"MAX queries = {_QUERIES_AN_HOUR}, execution_time = 3600 TO {readers}",
    )


def create_user(server: Server, name: str, role: Role, password: str, salt: str = "") -> tuple[str, ...]:
    """The statements that make a user of one role, with a password of at least 12 characters.

    ``salt``: random unless it is given. The writer's user may make views with its own rights. Raises GrantError.
    """
    if not _NAME.fullmatch(name):
        raise GrantError(f"expected a name of letters, digits and _.- that begins with a letter, got {name!r}")
    if len(password) < _SHORTEST:
        raise GrantError(f"expected a password of at least {_SHORTEST} characters, got {len(password)}")
    salt = salt or secrets.token_hex(16)
    digest = hashlib.sha256((password + salt).encode()).hexdigest().upper()
    user, at, granted = f"`{name}`", server.everywhere, server.name(role)
    return (
        f"CREATE USER OR REPLACE {user}{at} IDENTIFIED WITH sha256_hash BY '{digest}' SALT '{salt}' "
        f"DEFAULT DATABASE {database_of(role, server.database)}",
        f"GRANT{at} {granted} TO {user}",
        *((f"GRANT{at} SET DEFINER ON {user} TO {user}",) if role is Role.WRITER else ()),
    )


def script(of: tuple[str, ...]) -> str:
    """The statements as text for ``clickhouse-client --multiquery``."""
    return "".join(f"{statement};\n" for statement in of)


def _policies(of: str, hidden_from: str) -> Iterator[str]:
    for table in _IDENTIFYING:
        yield f"CREATE ROW POLICY OR REPLACE {of}_hidden ON {of}.{table} USING 0 AS RESTRICTIVE TO {hidden_from}"
        # Where some have a policy, who has none might see nothing: everybody else sees all.
        yield f"CREATE ROW POLICY OR REPLACE {of}_all ON {of}.{table} USING 1 AS PERMISSIVE TO ALL"


def _engines(server: Server) -> tuple[str, ...]:
    if not server.cluster:
        return _ENGINES
    return (*_ENGINES, *(f"Replicated{engine}" for engine in _ENGINES), "Distributed")


def _settings(limits: Limits) -> str:
    # A driver sets some settings of its own: readonly 2 lets it, and holds these.
    fixed = {name: value for name, value in limits.settings().items() if name != "readonly"}
    return ", ".join((*(f"{name} = {value!r} CONST" for name, value in fixed.items()), "readonly = 2"))
