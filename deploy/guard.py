"""Makes a child die with its parent, however the parent dies. Run as ``python guard.py PARENT_PID PROGRAM ARGUMENT…``.

The kernel sends the child SIGTERM when the parent is gone, SIGKILL of the parent included, so neither Java nor a
worker is ever left behind. The mark survives ``exec``: this process turns into the program, no extra process stays.
On systems without ``prctl`` it only executes the program.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_GET_PDEATHSIG: Final = 2


def command(*program: str) -> list[str]:
    """``program`` as a command that dies with the calling process.

    Linux counts the death of the *thread* that started the child: start it from one that lives as long as the process.
    """
    # -I -S: no site packages, no working directory on the path; the detour costs about 10 ms.
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *program]


def watch_parent(grace_seconds: float) -> None:
    """In a guarded process: when the parent is gone and SIGTERM has not ended this process in time, end it hard.

    A process that drains its work on SIGTERM may wait for a broker that has died with the same parent.
    """
    if not _guarded():
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        time.sleep(grace_seconds)
        os._exit(70)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _guarded() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    mark = ctypes.c_int()
    ctypes.CDLL(None, use_errno=True).prctl(PR_GET_PDEATHSIG, ctypes.byref(mark), 0, 0, 0)
    return mark.value != 0


def main(argv: list[str]) -> None:
    """Mark this process, then become the program."""
    parent, program = int(argv[1]), argv[2:]
    if sys.platform.startswith("linux"):
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
            sys.exit(f"guard: prctl refused: {os.strerror(ctypes.get_errno())}")
        # The parent may have died before the mark was set: then no signal would ever come.
        if os.getppid() != parent:
            sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 (no shell is wanted)


if __name__ == "__main__":
    main(sys.argv)
