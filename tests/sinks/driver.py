"""A writer process for crash tests: it kills itself at a step of the protocol, or runs until it is told to stop.

``python -m tests.sinks.driver BOOTSTRAP STORE GROUP BLOCK_ROWS [STEP] [NTH]``; STORE is a directory, or the port of a
server on this machine. It says "writing" when it begins.
"""

import os
import signal
import sys
import threading
from pathlib import Path

import pyarrow as pa

from deploy.processes import LOOPBACK
from sinks.blocks import Block, Filled
from sinks.config import ServerConfig, WriterConfig
from sinks.embedded import EmbeddedStore
from sinks.native import Settings
from sinks.server import ServerStore
from sinks.store import Store
from sinks.writer import Writer
from tests.sinks.server import PASSWORD, USER

DATABASE = "market"
"""on a server"""
STEPS = ("consumed", "begun", "between tables", "inserted", "written")
"""Where a process can be told to die: before step 2, after it, within step 3, after it, after step 4."""
SERVER_STEPS = (*STEPS, "noted", "sent")
"""Beside those of every store: what is to be inserted is noted, and it is inserted, but not noted as done."""


class Death:
    """Kills this process when its step has come for the ``nth`` time."""

    def __init__(self, step: str, nth: int) -> None:
        self._step, self._left = step, nth

    def passes(self, step: str) -> None:
        if step == self._step:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


class DyingStore(EmbeddedStore):
    """Dies after the first table of a block."""

    def __init__(self, path: Path, death: Death) -> None:
        super().__init__(path)
        self._death = death

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        super().insert(table, rows, token)
        if table == "sales":
            self._death.passes("between tables")


class DyingServerStore(ServerStore):
    """Dies within an insert, or after the first table of a block."""

    def __init__(self, config: ServerConfig, death: Death) -> None:
        super().__init__(config)
        self._death = death

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        super().insert(table, rows, token)
        if table == "sales":
            self._death.passes("between tables")

    def _send(self, table: str, rows: pa.Table, settings: Settings) -> None:
        super()._send(table, rows, settings)
        if table == "sales":
            self._death.passes("sent")
        elif table == "inserts" and rows["state"].to_pylist() == ["open"]:
            self._death.passes("noted")


class DyingWriter(Writer):
    """Dies between the steps of the protocol."""

    def __init__(self, config: WriterConfig, store: Store, death: Death) -> None:
        self._death = death
        super().__init__(config, store)

    def begin(self, blocks: list[Block]) -> None:
        self._death.passes("consumed")
        super().begin(blocks)
        self._death.passes("begun")

    def finish(self, blocks: list[tuple[Block, Filled]]) -> None:
        self._death.passes("inserted")
        super().finish(blocks)
        self._death.passes("written")


def main() -> None:
    """Write until SIGTERM."""
    bootstrap, where, group, block_rows, *death = sys.argv[1:]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    hand = Death(death[0] if death else "", int(death[1]) if len(death) > 1 else 1)
    store: DyingStore | DyingServerStore
    if where.isdecimal():
        store = DyingServerStore(ServerConfig(LOOPBACK, int(where), USER, PASSWORD, DATABASE, compress=False), hand)
    else:
        store = DyingStore(Path(where), hand)
    store.migrate()
    config = WriterConfig(bootstrap, Path(where), int(block_rows), flush_seconds=0.2, group=group)
    writer = DyingWriter(config, store, hand)
    print("writing", flush=True)
    while not stop.is_set():
        writer.step(0.05)
    writer.close()
    store.close()


if __name__ == "__main__":
    main()
