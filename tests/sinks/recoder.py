"""A recode job for crash tests, which kills itself at one of its messages.

``python recoder.py BOOTSTRAP SOCKET GROUP NOW NTH before|within|after``
"""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa

from deploy.recoding import Recoding
from sinks.query import ask


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingJob(Recoding):
    """Dies before its ``nth`` message of corrections, while that is on its way, or when the broker has it."""

    def __init__(self, *words: Any, nth: int, when: str, **more: Any) -> None:
        super().__init__(*words, **more)
        self._left, self._when = nth, when

    def send(self, partition: int, rows: pa.Table) -> None:
        self._left -= rows.num_rows > 0
        last = self._left == 0
        if last and self._when == "before":
            die()
        if last and self._when == "within":
            threading.Timer(0.001, die).start()
        super().send(partition, rows)
        if last:
            die()


def main() -> None:
    bootstrap, socket, group, now, nth, when = sys.argv[1:]
    job = DyingJob(
        bootstrap, lambda sql: ask(Path(socket), sql), now=int(now), group=group, rows=20, nth=int(nth), when=when
    )
    job.run(0)


if __name__ == "__main__":
    main()
