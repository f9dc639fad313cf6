"""Arrow tables as blocks of the server's native protocol, through clickhouse-driver.

The driver's own path makes Python objects of a column of words and finds its dictionary again: five times the time of
what stands here, which sends the dictionary that Arrow has. Numbers go as numpy has them.
"""

import logging
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from clickhouse_driver import Client, defines, errors
from clickhouse_driver.block import BlockInfo, ColumnOrientedBlock
from clickhouse_driver.columns.service import get_column_by_spec
from clickhouse_driver.protocol import ClientPacketTypes
from clickhouse_driver.varint import write_varint
from clickhouse_driver.writer import (
    write_binary_int64,
    write_binary_str,
    write_binary_uint8,
)

from sinks.config import ServerConfig
from sinks.tags import tidy

FAILURES: Final = (errors.Error, EOFError, OSError)
"""What the driver raises where the server refuses, or is not there."""

_KEYS_VERSION: Final = 1
_OWN_DICTIONARY: Final = 1 << 9 | 1 << 10
"""The block brings all words of the column, and none from a block before it is needed."""
_WIDTHS: Final = ((0, 1 << 8, np.dtype("<u1")), (1, 1 << 16, np.dtype("<u2")), (2, 1 << 32, np.dtype("<u4")))
_CONNECT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 300.0

Settings = dict[str, int | str]

# What it says of a server that is away, at each try and with its stack, is said by who tries.
logging.getLogger("clickhouse_driver").setLevel(logging.CRITICAL)


def connect(config: ServerConfig, database: str, user: str, password: str) -> Any:
    """A client of the server, which connects when it is first used, and again after a failure."""
    return Client(
        config.host,
        port=config.port,
        database=database,
        user=user,
        password=password,
        secure=config.secure,
        verify=True,
        check_hostname=True,
        ca_certs=str(config.ca_file) if config.ca_file else None,
        compression=config.compress,
        connect_timeout=_CONNECT_SECONDS,
        send_receive_timeout=_ANSWER_SECONDS,
        client_name="infopump",
    )


def told(error: Exception) -> str:
    """What the server or the connection says, in one line without the server's stack."""
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return " ".join(str(text).split("Stack trace:")[0].split())


def insert(client: Any, statement: str, rows: pa.Table, settings: Settings, query_id: str) -> None:
    """Send ``rows`` as one block for ``statement`` (``INSERT INTO table (columns) VALUES``) and wait until it is taken.

    Raises one of FAILURES, or ValueError where a column does not fit its type; the connection is closed then.
    """
    whole = tidy(rows)
    with client.disconnect_on_error(statement, settings):
        connection = client.connection
        connection.send_query(statement, query_id=query_id)
        connection.send_external_tables(None)
        wanted = client.receive_sample_block().columns_with_types
        _send(connection, wanted, whole)
        client.receive_profile_events()
        connection.send_data(ColumnOrientedBlock())
        client.receive_profile_events()
        client.receive_end_of_insert_query()


def _send(connection: Any, wanted: list[tuple[str, str]], rows: pa.Table) -> None:
    write_varint(ClientPacketTypes.DATA, connection.fout)
    write_binary_str("", connection.fout)
    buffer = connection.block_out.fout
    BlockInfo().write(buffer)
    write_varint(len(wanted), buffer)
    write_varint(rows.num_rows, buffer)
    for name, spec in wanted:
        write_binary_str(name, buffer)
        write_binary_str(spec, buffer)
        if connection.server_info.used_revision >= defines.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION:
            write_binary_uint8(0, buffer)
        column = rows[name].combine_chunks()
        # Newer Arrow gives the chunks of an empty or a single column as they are.
        one = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        if spec == "LowCardinality(String)":
            _write_words(one, buffer)
        else:
            _write_values(connection.context, spec, one, buffer)
    connection.block_out.finalize()


def _write_words(column: pa.Array, buffer: Any) -> None:
    coded = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
    words = coded.dictionary
    kind, _, width = next(w for w in _WIDTHS if len(words) <= w[1])
    write_binary_int64(_KEYS_VERSION, buffer)
    write_binary_int64(_OWN_DICTIONARY | kind, buffer)
    write_binary_int64(len(words), buffer)
    buffer.write_strings(words.to_pylist(), encoding="utf-8")
    write_binary_int64(len(coded), buffer)
    buffer.write(coded.indices.to_numpy().astype(width).tobytes())


def _write_values(context: Any, spec: str, column: pa.Array, buffer: Any) -> None:
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    by_numpy = not (pa.types.is_list(plain.type) or spec.startswith("Nullable"))
    values = _numbers(spec, plain) if by_numpy else plain.to_pylist()
    writer = get_column_by_spec(spec, {"context": context, "types_check": False}, use_numpy=by_numpy)
    writer.write_state_prefix(buffer, values)
    writer.write_data(values, buffer)


def _numbers(spec: str, column: pa.Array) -> npt.NDArray[Any]:
    if column.null_count:
        raise ValueError(f"expected a value in every row of a column of {spec}, got {column.null_count} without")
    if not pa.types.is_timestamp(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    ticks = np.asarray(column.cast(pa.int64()).to_numpy())
    if spec.startswith("DateTime64(3"):
        return ticks
    if spec.startswith("DateTime("):
        # Of a server of 2018: whole seconds.
        return np.asarray(ticks // 1000)
    raise ValueError(f"expected a column of times in ms or s, got {spec}")
