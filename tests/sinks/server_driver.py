"""As ``driver.py``, on a server: ``-m tests.sinks.server_driver BOOTSTRAP PORT GROUP BLOCK_ROWS [STEP] [NTH]``."""

import signal
import sys
import threading
from pathlib import Path

import pyarrow as pa

from deploy.processes import LOOPBACK
from sinks.config import ServerConfig, WriterConfig
from sinks.native import Settings
from sinks.server import ServerStore
from tests.sinks.driver import STEPS as COMMON
from tests.sinks.driver import Death, DyingWriter
from tests.sinks.server import PASSWORD, USER

DATABASE = "market"
STEPS = (*COMMON, "noted", "sent")
"""Beside those of every store: what is to be inserted is noted, and it is inserted, but not noted as done."""


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


def main() -> None:
    """Write until SIGTERM."""
    bootstrap, port, group, block_rows, *death = sys.argv[1:]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    hand = Death(death[0] if death else "", int(death[1]) if len(death) > 1 else 1)
    server = ServerConfig(LOOPBACK, int(port), USER, PASSWORD, DATABASE, compress=False)
    store = DyingServerStore(server, hand)
    store.migrate()
    config = WriterConfig(bootstrap, Path("/nowhere"), int(block_rows), flush_seconds=0.2, group=group, server=server)
    writer = DyingWriter(config, store, hand)
    while not stop.is_set():
        writer.step(0.05)
    writer.close()
    store.close()


if __name__ == "__main__":
    main()
