"""A writer process for crash tests: it kills itself at a step of the protocol, or runs until it is told to stop.

``python driver.py BOOTSTRAP STORE GROUP BLOCK_ROWS [STEP] [NTH]``
"""

import os
import signal
import sys
import threading
from pathlib import Path

import pyarrow as pa

from sinks.blocks import Block, Filled
from sinks.config import WriterConfig
from sinks.embedded import EmbeddedStore
from sinks.store import Store
from sinks.writer import Writer

STEPS = ("consumed", "begun", "between tables", "inserted", "written")
"""Where a process can be told to die: before step 2, after it, within step 3, after it, after step 4."""


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
    bootstrap, store_path, group, block_rows, *death = sys.argv[1:]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    hand = Death(death[0] if death else "", int(death[1]) if len(death) > 1 else 1)
    store = DyingStore(Path(store_path), hand)
    store.migrate()
    config = WriterConfig(bootstrap, Path(store_path), int(block_rows), flush_seconds=0.2, group=group)
    writer = DyingWriter(config, store, hand)
    while not stop.is_set():
        writer.step(0.05)
    writer.close()
    store.close()


if __name__ == "__main__":
    main()
