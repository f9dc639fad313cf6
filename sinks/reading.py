"""What the readers of all topics share: a record from its bytes, a table from rows, and the error where that fails."""

from typing import Any, Final, TypeVar

import msgspec
import pyarrow as pa

from streams.reasons import Reason

R = TypeVar("R", bound=msgspec.Struct)

TIME: Final = pa.timestamp("ms", "UTC")
TAG: Final = pa.dictionary(pa.int32(), pa.string())


class UnreadableError(ValueError):
    """A message is not what its topic promises."""

    def __init__(self, reason: Reason, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.reason, self.expected, self.got = reason, expected, got


def decoded(value: bytes, record: type[R]) -> R:
    """A record from its JSON. Raises UnreadableError."""
    try:
        return msgspec.json.decode(value, type=record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(Reason.UNREADABLE, f"a {record.__name__} in JSON", str(error)) from error


def table_of(schema: pa.Schema, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as columns of ``schema``. Raises UnreadableError where a value does not fit its column."""
    try:
        return pa.Table.from_pylist(rows, schema=schema)
    except (pa.ArrowException, OverflowError, TypeError) as error:
        raise UnreadableError(Reason.OUT_OF_RANGE, f"values of {schema.names}", str(error)) from error
