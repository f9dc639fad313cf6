"""The embedded engine in the place of a newer server, with the users and roles that ``sinks.grants`` prints.

The engine in this process reads its users from a file and lets none be made: what the statements grant is written
there, and whoever connects is its one user, who takes the role of the user that connects to a server.
"""

import re
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from xml.sax.saxutils import escape

import pyarrow as pa
from clickhouse_driver import errors

from sinks.config import Login, ServerConfig
from sinks.grants import Server, create_user, statements
from sinks.native import Settings
from sinks.roles import Role
from sinks.server import ServerStore
from sinks.tags import tidy
from streams.columns import to_bytes

SERVER: Final = Server()
SAID: Final = (
    *statements(SERVER),
    *(said for role in Role for said in create_user(SERVER, f"u-{role}", role, "correct horse battery")),
)
"""All that an administrator is told to say, with a user for each role."""
CONFIG: Final = ServerConfig(
    "in process",
    user="u-writer",
    database=SERVER.database,
    analyst=Login("u-analyst"),
    auditor=Login("u-auditor"),
    publisher=Login("u-publisher"),
)
ADMINISTRATOR: Final = "administrator"

_READS: Final = re.compile(r"\s*(SELECT|DESCRIBE|SHOW)\b")
_CODE: Final = re.compile(r"Code: (\d+)\. ")


def write_config(folder: Path, said: Iterable[str] = SAID, *, as_reader: bool = False) -> str:
    """Make the engine's configuration in ``folder``; the address of the engine, whose data stands there too.

    ``said``: what grants the users their roles, and the roles what they may. ``as_reader``: the one user has the
    profile of who asks, and the policies hide the rows from it that they hide from analysts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config, users = folder / "config.xml", folder / "users.xml"
    config.write_text(
        f"<clickhouse><user_directories><users_xml><path>{users}</path></users_xml></user_directories></clickhouse>"
    )
    granted: dict[str, list[str]] = {SERVER.name(role): [] for role in Role}
    granted[ADMINISTRATOR] = ["GRANT ALL ON *.* WITH GRANT OPTION"]
    for one in said:
        if one.startswith("GRANT "):
            what, _, whom = one.rpartition(" TO ")
            granted.setdefault(whom.strip("`"), []).append(what)
    # The one user stands for all of them: what a user is granted beside its role, the role has.
    for role in Role:
        granted[SERVER.name(role)] += [one for one in granted[f"u-{role}"] if " ON " in one]
    roles = [name for name in granted if not name.startswith("u-")]
    profile, hidden = (_profile(), _hidden()) if as_reader else ("", "")
    users.write_text(
        f"<clickhouse><profiles><default>{profile}</default></profiles><quotas><default/></quotas>"
        f"<roles>{''.join(f'<{name}>{_grants(granted[name])}</{name}>' for name in roles)}</roles><users>"
        f"{_user('default', [f'GRANT {name}' for name in roles], hidden)}"
        f"{''.join(_user(name, whose, '') for name, whose in granted.items() if name.startswith('u-'))}"
        "</users></clickhouse>"
    )
    return f"{folder / 'engine'}?config-file={quote(str(config))}"


def _user(name: str, granted: list[str], hidden: str) -> str:
    return (
        f"<{name}><no_password/><profile>default</profile><quota>default</quota><networks><ip>::/0</ip></networks>"
        f"{_grants(granted)}{hidden}</{name}>"
    )


def _grants(granted: list[str]) -> str:
    return f"<grants>{''.join(f'<query>{escape(one)}</query>' for one in granted)}</grants>"


def _profile() -> str:
    (said,) = (said for said in SAID if "SETTINGS PROFILE" in said)
    settings = said.split(" SETTINGS ")[-1].rpartition(" TO ")[0].split(", ")
    values, fixed = "", ""
    for name, value in (one.split(" = ") for one in settings):
        plain = value.removesuffix(" CONST")
        values += f"<{name}>{plain.strip(chr(39))}</{name}>"
        fixed += f"<{name}><const/></{name}>" if plain != value else ""
    return f"{values}<constraints>{fixed}</constraints>"


def _hidden() -> str:
    tables = [re.search(r" ON \w+\.(\w+) USING 0 AS RESTRICTIVE TO ", said) for said in SAID]
    filters = "".join(f"<{found[1]}><filter>0</filter></{found[1]}>" for found in tables if found)
    return f"<databases><{SERVER.database}>{filters}</{SERVER.database}></databases>"


class Client:
    """A connection, with what is used of the driver's client."""

    def __init__(self, address: str, role: str, database: str = "") -> None:
        self._address, self._opens = address, [f"SET ROLE {role}", *([f"USE {database}"] if database else [])]
        self._session: Any = None
        self._set: Settings = {}

    def execute(self, sql: str, settings: Settings | None = None) -> list[tuple[Any, ...]]:
        """Rows of an answer, none for a statement."""
        if not _READS.match(sql):
            self._run(sql, "TSV", settings or {})
            return []
        return [tuple(row.values()) for row in self.query_arrow(sql, settings or {}).to_pylist()]

    def query_arrow(self, sql: str, settings: Settings, field_metadata: bool = False) -> pa.Table:
        """An answer as a table."""
        assert not field_metadata
        return pa.ipc.open_stream(pa.py_buffer(self._run(sql, "ArrowStream", settings))).read_all()

    def send(self, statement: str, rows: pa.Table) -> None:
        """Insert rows as one block."""
        with self._open().send_insert(statement, "ArrowStream") as stream:
            stream.append(to_bytes(tidy(rows)))
            stream.finish()

    def disconnect(self) -> None:
        """End the session; the next question begins another."""
        if self._session is not None:
            self._session.close()
        self._session, self._set = None, {}

    def _run(self, sql: str, form: str, settings: Settings) -> bytes:
        try:
            session = self._open()
            for name, value in settings.items():
                if self._set.get(name) != value:
                    session.query(f"SET {name} = {value!r}")
                    self._set[name] = value
            answer: bytes = session.query(sql, form).bytes()
        except RuntimeError as error:
            # What a failed question had written would stand before the next answer.
            self.disconnect()
            found = _CODE.search(str(error))
            raise errors.ServerException(str(error), int(found[1]) if found else 0) from error
        return answer

    def _open(self) -> Any:
        if self._session is None:
            chdb: Any = import_module("chdb.session")
            self._session = chdb.Session(self._address)
            for statement in self._opens:
                self._session.query(statement)
        return self._session


class EngineStore(ServerStore):
    """The store of a server, on the engine."""

    def __init__(self, address: str, config: ServerConfig = CONFIG) -> None:
        self._address = address
        super().__init__(config)

    def _connect(self, database: str, user: str, password: str) -> Client:  # noqa: ARG002 (the driver's arguments)
        return connect(self._address, database, user)

    def _send(self, table: str, rows: pa.Table, settings: Settings) -> None:
        said = ", ".join(f"{name} = {value}" for name, value in settings.items())
        self._writer.send(f"INSERT INTO {table} ({', '.join(rows.column_names)}) SETTINGS {said}", rows)


def connect(address: str, database: str, user: str) -> Client:
    """A connection in the role of a user of SAID."""
    return Client(address, SERVER.name(Role(user.removeprefix("u-"))), database)
