"""The small interface of a store, and what can go wrong with one."""

from typing import Final, Protocol

import pyarrow as pa

MAX_SQL: Final = 64 << 10
"""Bytes of the longest statement that a reader may send."""


class StoreError(RuntimeError):
    """The store did not do what it was asked."""


class StoreLockedError(StoreError):
    """Another process, or another part of this one, has the directory open."""


class SchemaError(StoreError):
    """The tables were made by a newer infopump."""


class InsertError(StoreError):
    """A block was not written, or only in part: insert it again with the same token."""


class QueryError(StoreError):
    """The engine could not answer; the text is the engine's."""


class QueryRefusedError(QueryError):
    """The statement is not one that a reader may ask."""


class Store(Protocol):
    """What the writer and the query service need of a store."""

    def migrate(self) -> None:
        """Bring the tables to the newest version. Raises SchemaError where they are newer than this program."""

    def retain(self, years: int) -> None:
        """Keep lines and refusals for so many years, rollups for ever. Raises ValueError for less than two."""

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        """Write ``rows`` whole. The same rows with the same ``token`` count once, rollups included.

        Raises InsertError.
        """

    def query(self, sql: str) -> pa.Table:
        """The answer to one read-only statement. Raises QueryError, QueryRefusedError."""

    def look_up(self, sql: str) -> pa.Table:
        """The answer to a question of the writer's own, which waits for no reader's. Raises QueryError."""

    def close(self) -> None:
        """Give the directory free."""
