"""The store on a ClickHouse server, or a cluster of them, over the native protocol.

Two connections, each used by one thread at a time: one writes, one only reads. What a crash left of a block is found
out by ``sinks.doubts`` on one server, and dropped by its token on a cluster, where a replicated table notes a block and
its part in one step. (One server notes the block first: killed in between, it would refuse the block for ever.)
"""

import json
import re
import threading
import uuid
from typing import Any, ClassVar, Final

import pyarrow as pa
import structlog

from sinks import doubts, native, schema
from sinks.access import Limits
from sinks.config import ServerConfig
from sinks.dialect import Dialect, DialectError, Kind, Version, dialect_of
from sinks.dimensions import DIMENSIONS
from sinks.doubts import QUERY_PREFIX, Doubts
from sinks.native import FAILURES, Settings, told
from sinks.statements import is_description, judge, parse_request
from sinks.store import MAX_SQL, InsertError, QueryError, QueryRefusedError, SchemaError, StoreError
from sinks.views import Views

_log = structlog.get_logger(__name__)

_UNKNOWN_FUNCTION: Final = 46
_READS: Final = re.compile(r"\s*(select|with|explain|describe|desc|show|exists)\b", re.I)
_NAME: Final = re.compile(r"\w+", re.A)
_KNOWN_IN_2018: Final = frozenset(
    {
        "max_execution_time",
        "max_memory_usage",
        "max_result_rows",
        "max_result_bytes",
        "result_overflow_mode",
        "readonly",
    }
)
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
        # A block of late lines may touch any number of months.
        "max_partitions_per_insert_block": 0,
    }

    def __init__(self, config: ServerConfig, limits: Limits | None = None) -> None:
        for name in (config.database, config.cluster):
            if name and not _NAME.fullmatch(name):
                raise StoreError(f"expected a name of letters, digits and underscores, got {name!r}")
        self._config, self._limits = config, limits or Limits()
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._closed = False
        self.version, self._dialect = self._begin()
        self._writer = native.connect(config, config.database, config.user, config.password)
        reader = (config.reader, config.reader_password) if config.reader else (config.user, config.password)
        self._reader = native.connect(config, config.database, *reader)
        self._judges: bool | None = None
        rendered = (said for m in schema.MIGRATIONS for s in m.statements for said in self._dialect.render(s))
        self._doubts = Doubts(_Hands(self), config.database, Views(rendered))

    def migrate(self) -> None:
        """See Store. The dimension tables are filled anew each time: they follow the program, not the data."""
        with self._writing:
            try:
                self._migrate()
            except FAILURES as error:
                raise StoreError(f"the tables cannot be made: {told(error)}") from error

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
        """See Store. At most ``limits`` of time, memory and result; dates and times are UTC.

        A server that can parse a statement for us has it judged as in the embedded store; on an older one there are two
        walls only: the connection reads, and the grants of its user.
        """
        if len(sql.encode()) > MAX_SQL:
            raise QueryRefusedError(f"expected at most {MAX_SQL} bytes of SQL, got more")
        with self._reading:
            self._require_open()
            try:
                self._judge(sql)
                answer: pa.Table = self._reader.query_arrow(
                    sql, settings=self._reading_settings(), field_metadata=False
                )
            except RecursionError as error:
                raise QueryRefusedError("expected a simpler statement, this one is nested too deeply") from error
            except (*FAILURES, ValueError) as error:
                raise QueryError(told(error)) from error
        return answer

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
        with self._writing, self._reading:
            if not self._closed:
                self._closed = True
                self._reader.disconnect()
                self._writer.disconnect()

    def _begin(self) -> tuple[Version, Dialect]:
        """Meet the server: its version, and the database made where there is none."""
        config = self._config
        hello = native.connect(config, "", config.user, config.password)
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

    def _judge(self, sql: str) -> None:
        if self._judges is None:
            self._judges = self._parsed("SELECT 1") is not None
        if self._judges and not is_description(sql):
            tree = json.loads(self._parsed(sql) or "null")
            if not isinstance(tree, dict):
                raise QueryRefusedError(f"expected one statement, got {tree}")
            judge(tree)
        elif not _READS.match(sql):
            raise QueryRefusedError("expected SELECT, WITH, EXPLAIN, DESCRIBE or SHOW")

    def _parsed(self, sql: str) -> str | None:
        try:
            answer = self._reader.execute(parse_request(sql), settings=self._reading_settings())
        except FAILURES as error:
            if getattr(error, "code", None) == _UNKNOWN_FUNCTION:
                return None
            raise
        return str(answer[0][0])

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

    def _reading_settings(self) -> Settings:
        settings = self._limits.settings()
        if self._dialect.kind is Kind.OLD:
            return {name: value for name, value in settings.items() if name in _KNOWN_IN_2018}
        if self._dialect.kind is Kind.CLUSTER:
            # A table looked into by a question is asked for on all shards, not on each one's own.
            return {"distributed_product_mode": "global"} | settings
        return settings

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
