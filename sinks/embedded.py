"""The embedded store: chDB, the ClickHouse engine in this process, on one directory.

One connection writes, one for each role that asks only reads; each is used by one thread at a time. The directory holds
``lock`` (one process at a time), ``access/`` (what the engine may do) and ``engine/`` (its data).
"""

import fcntl
import json
import threading
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import quote

import pyarrow as pa
import structlog

from sinks import schema
from sinks.access import Limits, write_config
from sinks.dedup_log import mend
from sinks.dimensions import DIMENSIONS
from sinks.roles import Role, database_of, rights_of
from sinks.shown import views
from sinks.statements import is_description, judge, parse_request
from sinks.store import MAX_SQL, InsertError, QueryError, QueryRefusedError, SchemaError, StoreError, StoreLockedError
from sinks.tags import tidy
from streams.columns import to_bytes

_log = structlog.get_logger(__name__)

_TOKEN_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-/@+=")


class EmbeddedStore:
    """A Store on chDB. Raises StoreLockedError where the directory is open elsewhere, StoreError where it cannot be."""

    INSERT_SETTINGS: ClassVar[dict[str, int]] = {
        "insert_deduplicate": 1,
        # Its default would let a block that is inserted again count twice in the rollups.
        "deduplicate_blocks_in_dependent_materialized_views": 1,
        # One Arrow batch is one block in one order: a retry must meet the same split.
        "max_insert_threads": 1,
        "min_insert_block_size_rows": 0,
        "min_insert_block_size_bytes": 0,
        "parallel_view_processing": 0,
        "async_insert": 0,
        # What the views insert is grouped already: to sum it up once more took half of their time.
        "optimize_on_insert": 0,
        # A block of late lines may touch any number of months.
        "max_partitions_per_insert_block": 0,
    }

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        path = path.absolute()
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _Lock(path / "lock")
        try:
            engine = path / "engine"
            struck = mend(engine)
            if struck:
                _log.warning("the last process ended within an insert: its block is written again", records=struck)
            self._address = _address(engine, write_config(path / "access"))
            self._writer = _connect(self._address)
            self._readers = {Role.AUDITOR: self._connect_reader(Role.AUDITOR)}
        except BaseException:
            self._lock.release()
            raise
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._closed = False

    def migrate(self) -> None:
        """See Store. The dimension tables are filled anew each time: they follow the program, not the data."""
        self._execute(schema.CREATE_VERSIONS)
        applied = int(self._execute(schema.APPLIED))
        newest = schema.MIGRATIONS[-1].version
        if applied > newest:
            raise SchemaError(
                f"expected tables of version {newest} or older, found version {applied}: "
                "they were made by a newer infopump, start that one"
            )
        for migration in schema.pending(applied):
            for statement in migration.statements:
                self._execute(statement)
            self._execute(schema.RECORD, version=migration.version, name=migration.name)
            _log.info("tables brought to a new version", version=migration.version, name=migration.name)
        for table, rows in DIMENSIONS.items():
            self._execute(f"TRUNCATE TABLE {table}")
            self.insert(table, rows(), table)
        for statement in views():
            self._execute(statement)

    def retain(self, years: int) -> None:
        """Keep lines for so many years; rollups are kept for ever. Raises ValueError for less than two."""
        for statement in schema.retention(years):
            self._execute(statement)

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        """See Store. ``table`` is one of schema.TABLES, ``token`` letters, digits and ``._:-/@+=``."""
        if table not in schema.TABLES:
            raise InsertError(f"expected a table among {sorted(schema.TABLES)}, got {table}")
        if not token or not _TOKEN_CHARACTERS.issuperset(token):
            raise InsertError(f"expected a token of letters, digits and ._:-/@+= only, got {token!r}")
        settings = ", ".join(f"{name} = {value}" for name, value in self.INSERT_SETTINGS.items())
        statement = (
            f"INSERT INTO {table} ({', '.join(rows.column_names)}) "
            f"SETTINGS insert_deduplication_token = '{token}', {settings}"
        )
        batch = to_bytes(tidy(rows), compressed=False)
        with self._writing:
            self._require_open()
            try:
                with self._writer.send_insert(statement, "ArrowStream") as stream:
                    stream.append(batch)
                    stream.finish()
            except RuntimeError as error:
                raise InsertError(f"{rows.num_rows} rows for {table}: {error}") from error

    def query(self, sql: str) -> pa.Table:
        """See Store. At most ``limits`` of time, memory and result; dates and times are UTC."""
        return self.query_as(Role.AUDITOR, sql)

    def query_as(self, role: Role, sql: str) -> pa.Table:
        """See RoleStore. Analysts and publishers need what ``migrate`` makes."""
        if len(sql.encode()) > MAX_SQL:
            raise QueryRefusedError(f"expected at most {MAX_SQL} bytes of SQL, got more")
        with self._reading:
            self._require_open()
            rights = rights_of(role)
            if not is_description(sql, rights):
                judge(self._tree(sql, role), rights)
            return pa.ipc.open_stream(pa.py_buffer(self._ask(sql, "ArrowStream", role))).read_all()

    def look_up(self, sql: str) -> pa.Table:
        """See Store."""
        with self._writing:
            self._require_open()
            try:
                answer: bytes = self._writer.query(sql, "ArrowStream").bytes()
            except RuntimeError as error:
                raise QueryError(str(error)) from error
        return pa.ipc.open_stream(pa.py_buffer(answer)).read_all()

    def close(self) -> None:
        """See Store. Waits for an insert and a question under way."""
        with self._writing, self._reading:
            if not self._closed:
                self._closed = True
                for reader in self._readers.values():
                    reader.close()
                self._writer.close()
                self._lock.release()

    def _tree(self, sql: str, role: Role) -> dict[str, Any]:
        try:
            tree = json.loads(self._ask(parse_request(sql), "TSVRaw", role))
        except RecursionError as error:
            raise QueryRefusedError("expected a simpler statement, this one is nested too deeply") from error
        if not isinstance(tree, dict):
            raise QueryRefusedError(f"expected one statement, got {tree}")
        return tree

    def _ask(self, sql: str, form: str, role: Role) -> bytes:
        if role not in self._readers:
            self._readers[role] = self._connect_reader(role)
        try:
            answer: bytes = self._readers[role].query(sql, form).bytes()
        except RuntimeError as error:
            # What a failed question had written already would stand before the next answer of its connection.
            self._readers.pop(role).close()
            raise QueryError(str(error)) from error
        return answer

    def _connect_reader(self, role: Role) -> Any:
        reader = _connect(self._address)
        try:
            for statement in (f"SET ROLE {role}", f"USE {database_of(role)}"):
                reader.query(statement)
            for name, value in self._limits.settings().items():
                reader.query(f"SET {name} = {value!r}")
        except RuntimeError as error:
            reader.close()
            raise StoreError(f"the engine could not take the role {role}: {error}") from error
        return reader

    def _execute(self, statement: str, **parameters: int | str) -> str:
        with self._writing:
            self._require_open()
            try:
                answer: bytes = self._writer.query(statement, "TSV", params=parameters).bytes()
            except RuntimeError as error:
                raise StoreError(f"{' '.join(statement.split())[:120]}: {error}") from error
        return answer.decode()

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError("expected an open store, this one was closed")


class _Lock:
    """Holds a directory for this object alone, until the process ends at the latest."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise StoreLockedError(
                f"expected {file.parent} to be free, but a writer has it open. One process at a time may open an "
                "embedded store: ask the running one by its socket (infopump query), or stop it"
            ) from error

    def release(self) -> None:
        self._file.close()


def _address(engine: Path, config: Path) -> str:
    if set("?&%#") & set(str(engine)):
        raise StoreError(f"expected a path without ? & % #, got {engine}: put the store elsewhere")
    # A plus sign would be read as a space, and an engine that does not find its configuration grants everything.
    return f"{engine}?config-file={quote(str(config))}"


def _connect(address: str) -> Any:
    # Loaded here: importing it starts an engine.
    chdb: Any = import_module("chdb.session")
    try:
        connection = chdb.Session(address)
        for statement in schema.OPEN:
            connection.query(statement)
    except RuntimeError as error:
        raise StoreError(f"the engine could not open {address}: {error}") from error
    return connection
