"""Keeps pandas out of our processes.

pyarrow imports pandas, where it is installed, before it looks at any Python sequence: it might be a Series. Nothing
here uses pandas (it comes with chDB), and it costs every process a second of its start and some 45 MB.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

_NAME: Final = "pandas"


class _Absent(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 (the base class's)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname == _NAME:
            raise ModuleNotFoundError(f"{_NAME} is kept out of this process (deploy/lean.py)", name=_NAME)
        return None


def without_pandas() -> None:
    """From now on pandas counts as not installed in this process; pyarrow knows what to do then."""
    if _NAME not in sys.modules:
        sys.meta_path.insert(0, _Absent())
