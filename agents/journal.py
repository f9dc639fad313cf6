"""What changed in the registry, for those who keep what they read in it."""

from collections import deque
from itertools import islice
from typing import Final, NamedTuple

_KEPT: Final = 20_000


class Changes(NamedTuple):
    """What changed since a version. Where ``everything`` is set, the rest is empty and all must be read anew.

    ``enterprises``: all articles of an enterprise; ``skus``: single (enterprise, SKU); ``learned``: product
    dictionary, confirmed names, category paths or the learner changed, which may decide for any article that no mapping
    or decision names.
    """

    version: int
    everything: bool
    enterprises: frozenset[str]
    skus: frozenset[tuple[str, str]]
    learned: bool


class Journal:
    """The last 20,000 changes by rising version. Not safe between threads."""

    def __init__(self) -> None:
        self.version = 0
        self._entries: deque[tuple[str, str | None]] = deque(maxlen=_KEPT)
        self._learned = 0

    def note(self, enterprise: str, sku: str | None = None) -> None:
        """One SKU changed, or (None) all of an enterprise."""
        self.version += 1
        self._entries.append((enterprise, sku))

    def learned(self) -> None:
        """What was noted last has taught something that reaches other articles."""
        self._learned = self.version

    def since(self, version: int) -> Changes:
        """What changed after ``version``, which is one that ``since`` gave, or 0 for a reader that knows nothing."""
        count = self.version - version
        if count > len(self._entries):
            return Changes(self.version, True, frozenset(), frozenset(), True)
        entries = list(islice(reversed(self._entries), count))
        whole = frozenset(e for e, sku in entries if sku is None)
        single = frozenset((e, sku) for e, sku in entries if sku is not None and e not in whole)
        return Changes(self.version, False, whole, single, self._learned > version)
