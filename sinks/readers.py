"""Who asks a server: a connection for each role, made when it is first asked, each used by one question at a time.

The walls before a question are those of the embedded store where the server has them: its own parse of the statement is
judged, the connection only reads within limits, and the grants of the role's user say what it may read. A server that
shows no parse, as most do, is left with the last two, and with what a statement begins with.
"""

import json
import re
import threading
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa

from sinks.access import Limits
from sinks.config import Login, ServerConfig
from sinks.dialect import SHOWN_SINCE, Kind, Version
from sinks.native import FAILURES, Settings, told
from sinks.roles import ASKING, Role, database_of, rights_of
from sinks.statements import Rights, is_description, judge, parse_request
from sinks.store import MAX_SQL, QueryError, QueryRefusedError, StoreError

Connect = Callable[[str, str, str], Any]
"""A client of the server, from database, user and password (``sinks.native.connect``)."""

_UNKNOWN_FUNCTION: Final = 46
_READS: Final = re.compile(r"\s*(select|with|explain|describe|desc|show|exists)\b", re.I)
_READS_VIEWS: Final = re.compile(r"\s*(select|with|show\s+tables)\b", re.I)
_HELD: Final = "SELECT value FROM system.settings WHERE name = 'readonly'"
_KNOWN_IN_2018: Final = frozenset(
    {
        *("max_execution_time", "max_memory_usage", "max_result_rows", "max_result_bytes", "result_overflow_mode"),
        "readonly",
    }
)


class Readers:
    """Answers questions to one server."""

    def __init__(self, config: ServerConfig, connect: Connect, version: Version, kind: Kind, limits: Limits) -> None:
        self._config, self._connect, self._version = config, connect, version
        self._settings = _settings(kind, limits)
        self._making = threading.Lock()
        self._readers: dict[Role, _Reader] = {}
        self._closed = False

    def query_as(self, role: Role, sql: str) -> pa.Table:
        """See RoleStore."""
        if len(sql.encode()) > MAX_SQL:
            raise QueryRefusedError(f"expected at most {MAX_SQL} bytes of SQL, got more")
        with self._making:
            if self._closed:
                raise StoreError("expected an open store, this one was closed")
            if role not in self._readers:
                self._readers[role] = self._made(role)
        return self._readers[role].query(sql)

    def close(self) -> None:
        """Take no more questions; waits for those under way."""
        with self._making:
            self._closed = True
        for reader in self._readers.values():
            reader.close()

    def _made(self, role: Role) -> "_Reader":
        config = self._config
        login = self._login(role)
        client = self._connect(database_of(role, config.database), login.user, login.password)
        return _Reader(client, self._settings, rights_of(role, config.database))

    def _login(self, role: Role) -> Login:
        config = self._config
        if role is Role.AUDITOR:
            return config.auditor or Login(config.user, config.password)
        if role not in ASKING:
            raise QueryRefusedError(f"expected a role among {', '.join(ASKING)}, got {role}: it asks nothing")
        if self._version < SHOWN_SINCE:
            raise QueryRefusedError(
                f"expected a server of version {_said(SHOWN_SINCE)} or later, whose views hide lines from {role}s, "
                f"got {_said(self._version)}: ask as auditor, or update it"
            )
        login = config.analyst if role is Role.ANALYST else config.publisher
        if login is None:
            raise QueryRefusedError(
                f"expected a user of the server for the role {role}, none is set: let the server's administrator make "
                f"one (infopump store-users --role {role} --user NAME), and set store.server.{role}.user and its "
                "password or password_file"
            )
        return login


class _Reader:
    """A connection that only reads, with the rights of one role."""

    def __init__(self, client: Any, limits: Settings, rights: Rights) -> None:
        self._client, self._limits, self._rights = client, limits, rights
        self._asking = threading.Lock()
        self._held: Settings | None = None
        self._judges = False
        self._closed = False

    def query(self, sql: str) -> pa.Table:
        with self._asking:
            if self._closed:
                raise StoreError("expected an open store, this one was closed")
            try:
                settings = self._settings()
                self._judge(sql, settings)
                answer: pa.Table = self._client.query_arrow(sql, settings=settings, field_metadata=False)
            except RecursionError as error:
                raise QueryRefusedError("expected a simpler statement, this one is nested too deeply") from error
            except (*FAILURES, ValueError) as error:
                raise QueryError(told(error)) from error
        return answer

    def close(self) -> None:
        with self._asking:
            self._closed = True
            self._client.disconnect()

    def _settings(self) -> Settings:
        """The limits, as this user may set them; looked up once, with whether the server shows its parse."""
        if self._held is None:
            # Whose profile says readonly = 2 and fixes the limits may send them as they are, and no readonly = 1.
            own = int(self._client.execute(_HELD)[0][0])
            held = self._limits | ({"readonly": own} if own else {})
            self._judges = self._parsed("SELECT 1", held) is not None
            self._held = held
        return self._held

    def _judge(self, sql: str, settings: Settings) -> None:
        if is_description(sql, self._rights):
            return
        if self._judges:
            tree = json.loads(self._parsed(sql, settings) or "null")
            if not isinstance(tree, dict):
                raise QueryRefusedError(f"expected one statement, got {tree}")
            judge(tree, self._rights)
        elif self._rights.explains and not _READS.match(sql):
            raise QueryRefusedError("expected SELECT, WITH, EXPLAIN, DESCRIBE or SHOW")
        elif not self._rights.explains and not _READS_VIEWS.match(sql):
            raise QueryRefusedError("expected SELECT, WITH, DESCRIBE or SHOW TABLES")

    def _parsed(self, sql: str, settings: Settings) -> str | None:
        try:
            answer = self._client.execute(parse_request(sql), settings=settings)
        except FAILURES as error:
            if getattr(error, "code", None) == _UNKNOWN_FUNCTION:
                return None
            raise
        return str(answer[0][0])


def _settings(kind: Kind, limits: Limits) -> Settings:
    settings = limits.settings()
    if kind is Kind.OLD:
        return {name: value for name, value in settings.items() if name in _KNOWN_IN_2018}
    if kind is Kind.CLUSTER:
        # A table looked into by a question is asked for on all shards, not on each one's own.
        return {"distributed_product_mode": "global"} | settings
    return settings


def _said(version: Version) -> str:
    return ".".join(map(str, version))
