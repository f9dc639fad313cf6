"""Rows that a store refuses time and again: they are kept in a file aside, and refusals stand for them in the store.

A file is the decision, and holds: after a crash its rows are not tried again, so that they cannot be both stored and
refused. To bring rows back, insert them by hand and delete their refusals.
"""

import os
import re
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from sinks.blocks import Block, Filled
from sinks.reading import table_of
from sinks.rollups import OWN
from sinks.rows import REJECTED
from sinks.schema import LINE_TABLES
from streams.columns import to_bytes
from streams.envelope import MAX_TEXT
from streams.reasons import Reason
from streams.topics import CLEAN, RAW

TRIES: Final = 12
"""After so many, some four minutes, the rows are to blame."""
_CODE: Final = re.compile(r"\bcode: (\d+)", re.I)
_PASSES: Final = frozenset({159, 160, 202, 203, 209, 210, 236, 241, 242, 243, 252, 285, 319, 394, 425, 473, 999})
"""Error codes of the engine that speak of its own trouble: time, memory, room, parts, network, replicas, a stop."""
_KEPT: Final = frozenset({"rejected", "envelopes"})
"""Without these nothing can be said of what went aside: they are tried for ever."""


def is_to_blame(table: str, error: str, tries: int) -> bool:
    """Whether the rows of ``table`` are the cause: the engine has refused them often, for no trouble of its own."""
    code = _CODE.search(error)
    return tries >= TRIES and table not in _KEPT and code is not None and int(code[1]) not in _PASSES


class Aside:
    """The files of one writer, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, block: Block, table: str, rows: pa.Table, error: str) -> None:
        """Keep the rows of a table, with the reason, whole or not at all. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._file(block, table)
        beside = file.with_suffix(".part")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(to_bytes(rows.replace_schema_metadata({"error": error[:MAX_TEXT]})))
            out.flush()
            os.fsync(out.fileno())
        beside.replace(file)

    def without(self, block: Block, filled: Filled) -> Filled:
        """``filled`` without the tables that went aside; refusals in their place, as the last to be written."""
        tables, refused = dict(filled.tables), []
        for table in filled.tables:
            file = self._file(block, table)
            if file.exists():
                error = pa.ipc.open_stream(pa.py_buffer(file.read_bytes())).schema.metadata[b"error"].decode()
                refused.append(refusals(block, table, tables.pop(table), error))
                if table in LINE_TABLES and "envelopes" in tables:
                    none = pa.array([0] * tables["envelopes"].num_rows, pa.uint32())
                    at = tables["envelopes"].column_names.index(table)
                    tables["envelopes"] = tables["envelopes"].set_column(at, table, none)
        if refused:
            tables["rejected"] = pa.concat_tables([tables.pop("rejected", REJECTED.empty_table()), *refused])
        return Filled(tables, filled.high, filled.repeats, filled.highest)

    def _file(self, block: Block, table: str) -> Path:
        return self._folder / f"{block.token(table).replace('/', '-').replace(':', '-')}.arrow"


def refusals(block: Block, table: str, rows: pa.Table, error: str) -> pa.Table:
    """Rows of ``rejected``: one for each envelope that had lines among ``rows``, or one for the block."""
    same = {"reason": Reason.INTERNAL, "field": table, "expected": "rows that the store takes", "got": error[:MAX_TEXT]}
    none = {"line": None, "envelopes": 0}
    if block.topic != CLEAN:
        one = {"at": 0, "source": block.topic, "raw_partition": block.partition, "raw_offset": block.first}
        return table_of(REJECTED, [{**one, "terminal_id": "", "seq": None, "lines": 0, **same, **none}])
    names = ("sent_at", "terminal_id", "seq", "raw_partition", "raw_offset")
    # Corrections of an envelope are no lines of it.
    own = rows.filter(pc.equal(pc.bit_wise_and(rows["quality"], pa.scalar(OWN, pa.uint16())), 0)).select(names)
    own = own.set_column(1, "terminal_id", own["terminal_id"].cast(pa.string()))
    whole = own.group_by(list(names), use_threads=False).aggregate([([], "count_all")]).to_pylist()
    return table_of(
        REJECTED,
        [
            {
                **{name: one[name] for name in names[1:]},
                **{"at": one["sent_at"], "source": RAW, "lines": one["count_all"]},
                **same,
                **none,
            }
            for one in whole
        ],
    )
