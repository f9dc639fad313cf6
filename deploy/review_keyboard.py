"""One key at a time from a terminal, whose settings are put back whatever happens."""

import os
import re
import sys
import termios
import tty
from collections import deque
from types import TracebackType
from typing import Any, Final, Self

from deploy.cli.common import CommandError

_MOST: Final = 1024
_KEY: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O?.)?|.", re.DOTALL)
"""A character, or what an arrow or function key sends."""
_END: Final = "\x04"


class TerminalKeyboard:
    """A Keyboard on standard input; a context manager. Raises CommandError where that is no terminal."""

    def __init__(self) -> None:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise CommandError(
                "the review by keys needs a terminal; on a pipe use `infopump review list`, `accept`, `correct`, "
                "`split`, `accept-all` (`infopump review --help`)"
            )
        self._input = sys.stdin.fileno()
        self._ahead: deque[str] = deque()
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._input)
        tty.setcbreak(self._input)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def key(self) -> str:
        """The next key; one that sends several bytes (an arrow) counts as one. Empty at the end of the input."""
        while not self._ahead:
            typed = os.read(self._input, _MOST).decode("utf-8", "replace")
            if not typed or typed[0] == _END:
                return ""
            self._ahead.extend(_KEY.findall(typed))
        return self._ahead.popleft()

    def line(self, prompt: str) -> str:
        """A line with the terminal's own editing; Ctrl-D gives an empty one."""
        # Its editing knows that a Chinese character takes two columns.
        import readline  # noqa: F401

        self._restore()
        self._ahead.clear()
        try:
            return input(prompt)
        except EOFError:
            return ""
        finally:
            tty.setcbreak(self._input)

    def _restore(self) -> None:
        termios.tcsetattr(self._input, termios.TCSADRAIN, self._before)
