"""Reading Arrow IPC from strangers: bounded memory. Compressed buffers are refused before they can swell.

pyarrow does not tell whether a record batch is compressed, so its one flag is read from the flatbuffer of the message's
metadata (Apache Arrow, format/Message.fbs: Message.header is a RecordBatch, whose fourth field is ``compression``).
"""

import struct
from typing import Final

import pyarrow as pa

_HEADER_FIELD: Final = 2
_BATCH_COMPRESSION: Final = 3
_DICTIONARY_DATA: Final = 1
_MAX_MESSAGES: Final = 256
_END: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""The end-of-stream marker: without it a stream cut short between two messages would pass for a shorter one."""


class CompressedError(ValueError):
    """A record batch or a dictionary has compressed buffers."""


def read_stream(data: bytes) -> tuple[pa.Schema, list[pa.RecordBatch]]:
    """Schema and batches of an IPC stream that takes no more memory than ``data`` itself.

    Raises CompressedError, or pa.ArrowException, OSError or ValueError where it cannot be read.
    """
    if not data.endswith(_END):
        raise ValueError("no end-of-stream marker: it was cut short, or goes on behind it")
    messages = pa.ipc.MessageReader.open_stream(pa.py_buffer(data))
    for _ in range(_MAX_MESSAGES):
        try:
            message = messages.read_next_message()
        except StopIteration:
            break
        if message.type in ("record batch", "dictionary") and _compressed(message):
            raise CompressedError
    else:
        raise ValueError(f"more than {_MAX_MESSAGES} messages in one stream")
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        return reader.schema, list(reader)


def _compressed(message: pa.ipc.Message) -> bool:
    metadata = message.metadata.to_pybytes()
    try:
        table: int | None = _field(metadata, struct.unpack_from("<I", metadata)[0], _HEADER_FIELD)
        if table is not None and message.type == "dictionary":
            table = _field(metadata, table, _DICTIONARY_DATA)
        return table is not None and _field(metadata, table, _BATCH_COMPRESSION) is not None
    except struct.error as error:
        raise ValueError(f"flatbuffer of a message: {error}") from None


def _field(buffer: bytes, table: int, index: int) -> int | None:
    """Where the table stands that field ``index`` of ``table`` points to; None where the field is absent."""
    vtable = table - struct.unpack_from("<i", buffer, table)[0]
    if vtable < 0 or 4 + 2 * index >= struct.unpack_from("<H", buffer, vtable)[0]:
        return None
    offset = struct.unpack_from("<H", buffer, vtable + 4 + 2 * index)[0]
    if offset == 0:
        return None
    at: int = table + offset
    return at + int(struct.unpack_from("<I", buffer, at)[0])
