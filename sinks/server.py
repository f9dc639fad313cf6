"""The store on a ClickHouse server, or a cluster of them, over the native protocol.

One connection writes, one for each role that asks only reads (``sinks.readers``); each is used by one thread at a time.
What a crash left of a block is found out by ``sinks.doubts`` on one server, and dropped by its token on a cluster,
where a replicated table notes a block and its part in one step. (One server notes the block first: killed in between,
it would refuse the block for ever.)
"""

import re
import threading
import uuid
from typing import Any, ClassVar, Final

import pyarrow as pa
import structlog

from sinks import doubts, native, schema
from sinks.access import Limits
from sinks.config import ServerConfig
from sinks.dialect import SHOWN_SINCE, Dialect, DialectError, Kind, Version, dialect_of
from sinks.dimensions import DIMENSIONS
from sinks.doubts import QUERY_PREFIX, Doubts
from sinks.native import FAILURES, Settings, told
from sinks.readers import Readers
from sinks.roles import Role
from sinks.shown import views
from sinks.store import InsertError, QueryError, SchemaError, StoreError
from sinks.views import Views

_log = structlog.get_logger(__name__)

_NAME: Final = re.compile(r"\w+", re.A)
_WHOLE: Final = 1 << 40
"""More rows, or bytes, than any block has: what is inserted stays in one piece."""


class ServerStore:
    """A Store on a server. Raises StoreError where it cannot be reached, or cannot be spoken to."""

    ONE_BLOCK: ClassVar[Settings] = {"min_insert_block_size_rows": _WHOLE, "min_insert_block_size_bytes": _WHOLE}
    """One block makes one part a partition, in the table and in its rollups."""
    SINCE_2018: ClassVar[Settings] = {
        "max_insert_threads": 1,
        "parallel_view_processing": 0,
        "async_insert": 0,
        # What the views insert is grouped already.
        "optimize_on_insert": 0,
        # A block of late lines may touch any number of months.
        "max_partitions_per_insert_block": 0,
    }

    def __init__(self, config: ServerConfig, limits: Limits | None = None) -> None:
        for name in (config.database, config.cluster):
            if name and not _NAME.fullmatch(name):
                raise StoreError(f"expected a name of letters, digits and underscores, got {name!r}")
        self._config = config
        self._writing = threading.Lock()
        self._closed = False
        self.version, self._dialect = self._begin()
        self._writer = self._connect(config.database, config.user, config.password)
        self._readers = Readers(config, self._connect, self.version, self._dialect.kind, limits or Limits())
        rendered = (said for m in schema.MIGRATIONS for s in m.statements for said in self._dialect.render(s))
        self._doubts = Doubts(_Hands(self), config.database, Views(rendered))

    def migrate(self) -> None:
        """See Store. Dimension tables and what analysts and publishers are shown are made anew each time: they follow
        the program, not the data."""
        with self._writing:
            try:
                self._migrate()
            except FAILURES as error:
                raise StoreError(f"the tables cannot be made: {told(error)}") from error
            try:
                self._show()
            except FAILURES as error:
                raise StoreError(
                    f"the views of analysts and publishers cannot be made: {told(error)}. The user "
                    f"{self._config.user} needs what infopump store-users prints for a writer"
                ) from error

    def retain(self, years: int) -> None:
        """See EmbeddedStore. A server of 2018 keeps everything."""
        with self._writing:
            try:
                for statement in schema.retention(years):
                    self._say(statement)
            except FAILURES as error:
                raise StoreError(f"the lifetime of lines cannot be set: {told(error)}") from error

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        """See Store. ``table`` is one of schema.TABLES."""
        if table not in schema.TABLES:
            raise InsertError(f"expected a table among {sorted(schema.TABLES)}, got {table}")
        with self._writing:
            self._require_open()
            try:
                if self._dialect.kind is Kind.CLUSTER:
                    self._send(table, rows, self._token_settings(token))
                else:
                    self._doubts.insert(table, rows, token)
            except (*FAILURES, ValueError, KeyError, pa.ArrowException) as error:
                raise InsertError(f"{rows.num_rows} rows for {table}: {told(error)}") from error

    def query(self, sql: str) -> pa.Table:
        """See Store. At most ``limits`` of time, memory and result; dates and times are UTC."""
        return self.query_as(Role.AUDITOR, sql)

    def query_as(self, role: Role, sql: str) -> pa.Table:
        """See RoleStore. Analysts and publishers need what ``migrate`` makes on newer servers, and users of their own;
        auditors ask as the writer's user, held to reading, where they have none."""
        return self._readers.query_as(role, sql)

    def look_up(self, sql: str) -> pa.Table:
        """See Store."""
        with self._writing:
            self._require_open()
            try:
                answer: pa.Table = self._writer.query_arrow(sql, settings=self._plain_settings(), field_metadata=False)
            except (*FAILURES, ValueError) as error:
                raise QueryError(told(error)) from error
        return answer

    def close(self) -> None:
        """See Store. Waits for an insert and a question under way."""
        self._readers.close()
        with self._writing:
            if not self._closed:
                self._closed = True
                self._writer.disconnect()

    def _connect(self, database: str, user: str, password: str) -> Any:
        return native.connect(self._config, database, user, password)

    def _begin(self) -> tuple[Version, Dialect]:
        """Meet the server: its version, and the database made where there is none."""
        config = self._config
        hello = self._connect("", config.user, config.password)
        try:
            version = tuple(int(part) for part in hello.execute("SELECT version()")[0][0].split(".")[:3])
            dialect = dialect_of(version, config.cluster, config.database)
            for statement in dialect.render(f"CREATE DATABASE IF NOT EXISTS {config.database}"):
                hello.execute(statement)
        except DialectError as error:
            raise StoreError(str(error)) from error
        except FAILURES as error:
            raise StoreError(
                f"expected a ClickHouse server at {config.host}:{config.port} that lets {config.user} in: {told(error)}"
            ) from error
        finally:
            hello.disconnect()
        return version, dialect

    def _migrate(self) -> None:
        self._say(schema.CREATE_VERSIONS)
        if self._dialect.kind is not Kind.CLUSTER:
            self._say(doubts.CREATE)
        applied = int(self._ask(schema.APPLIED)[0][0])
        newest = schema.MIGRATIONS[-1].version
        if applied > newest:
            raise SchemaError(
                f"expected tables of version {newest} or older, found version {applied}: "
                "they were made by a newer infopump, start that one"
            )
        for migration in schema.pending(applied):
            for statement in migration.statements:
                self._say(statement)
            row = {"version": pa.array([migration.version], pa.uint32()), "name": [migration.name]}
            self._send("schema_versions", pa.table(row), self._plain_settings())
            _log.info("tables brought to a new version", version=migration.version, name=migration.name)
        for table, rows in DIMENSIONS.items():
            self._say(f"TRUNCATE TABLE IF EXISTS {table}")
            self._send(table, rows(), self._plain_settings())

    def _show(self) -> None:
        if self.version >= SHOWN_SINCE:
            # Named, since on a cluster it is not this connection that carries it out on the other nodes.
            definer = self._config.user.replace("\\", "\\\\").replace("`", "\\`")
            for statement in views(self._config.database, f"`{definer}`", sharded=bool(self._config.cluster)):
                self._say(statement)

    def _say(self, statement: str) -> None:
        for said in self._dialect.render(statement):
            added = self._dialect.adds(said)
            if added is None or not self._has_column(*added):
                self._ask(said)

    def _has_column(self, table: str, column: str) -> bool:
        found = self._ask(
            f"SELECT count() FROM system.columns WHERE database = '{self._config.database}' "  # noqa: S608 (our own names)
            f"AND table = '{table}' AND name = '{column}'"
        )
        return bool(found[0][0])

    def _send(self, table: str, rows: pa.Table, settings: Settings) -> None:
        statement = f"INSERT INTO {table} ({', '.join(rows.column_names)}) VALUES"
        native.insert(self._writer, statement, rows, settings, f"{QUERY_PREFIX}{uuid.uuid4()}")

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        answer: list[tuple[Any, ...]] = self._writer.execute(sql, settings=self._plain_settings())
        return answer

    def _plain_settings(self) -> Settings:
        if self._dialect.kind is Kind.OLD:
            return self.ONE_BLOCK | {"allow_experimental_low_cardinality_type": 1}
        # What is there is known: a server's own memory of blocks, which a crash can falsify, is not asked.
        return self.ONE_BLOCK | self.SINCE_2018 | {"insert_deduplicate": 0}

    def _token_settings(self, token: str) -> Settings:
        return self.SINCE_2018 | {
            "min_insert_block_size_rows": 0,
            "min_insert_block_size_bytes": 0,
            "insert_deduplicate": 1,
            "insert_deduplication_token": token,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
            # Taken by the shards when it is taken at all.
            "distributed_foreground_insert": 1,
        }

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError("expected an open store, this one was closed")


class _Hands:
    """What ``Doubts`` needs of the store."""

    def __init__(self, store: ServerStore) -> None:
        self._store = store

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return self._store._ask(sql)

    def send(self, table: str, rows: pa.Table) -> None:
        self._store._send(table, rows, self._store._plain_settings())
