"""The versions of the taxonomy: which codes held when, what became of those that do not, and whether that adds up."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from streams.commodity import Change, Commodity

_ENDS: Final = ("merge", "move", "retire")
_SEPARATOR: Final = " / "


class Validity(NamedTuple):
    """The versions in which a code holds; ``until`` is the first in which it does not, 0 where it still does."""

    since: int
    until: int

    def holds(self, version: int) -> bool:
        """Whether the code holds in ``version``."""
        return self.since <= version and not 0 < self.until <= version


class History:
    """Nodes that ever were, and the changes that made them what they are; nothing is checked but by ``faults``."""

    def __init__(self, nodes: Mapping[str, Commodity], changes: Sequence[Change]) -> None:
        self.nodes, self.changes = nodes, changes
        self.version = max((change.version for change in changes), default=0)
        since: dict[str, int] = {}
        self._ended: dict[str, Change] = {}
        for change in changes:
            if change.change in ("new", "move"):
                since.setdefault(change.code if change.change == "new" else change.into, change.version)
            if change.change in _ENDS:
                self._ended.setdefault(change.code, change)
        self.validity = {
            code: Validity(first, self._ended[code].version if code in self._ended else 0)
            for code, first in since.items()
        }

    def current(self, code: str) -> str:
        """The code that holds today for what ``code`` was; one that was never given, or leads nowhere, stays.

        A retired code without a successor is its parent; empty at the top.
        """
        seen = set()
        found = code
        while found in self._ended:
            if found in seen:
                return code
            seen.add(found)
            found = self._ended[found].into or found[:-2]
        return found

    def as_of(self, version: int) -> dict[str, Commodity]:
        """The nodes that held in a version, by code, with their names of then. Raises ValueError for no version."""
        if not 1 <= version <= self.version:
            raise ValueError(f"expected a version of the taxonomy from 1 to {self.version}, got {version}")
        nodes = {
            code: node
            for code, node in self.nodes.items()
            if code in self.validity and self.validity[code].holds(version)
        }
        for change in reversed(self.changes):
            if change.change == "rename" and change.version > version and change.code in nodes:
                zh, _, en = change.note.partition(_SEPARATOR)
                nodes[change.code] = msgspec.structs.replace(nodes[change.code], name_zh=zh, name_en=en)
        return nodes

    def faults(self) -> list[str]:
        """What does not add up, one sentence each; none: the taxonomy may be released."""
        return [*self._order(), *self._codes(), *self._targets(), *self._files(), *self._parents(), *self._cycles()]

    def _order(self) -> Iterator[str]:
        before: Change | None = None
        for change in self.changes:
            last, day = (before.version, before.date) if before else (0, change.date)
            if change.version not in (last, last + 1) or change.version < 1:
                expected = f"{last} or {last + 1}" if last else "1"
                yield f"version {change.version} follows version {last}: expected {expected}"
            if change.date < day:
                yield f"version {change.version}: {change.date} is before {day}, of the change above it"
            if not change.author:
                yield f"version {change.version}: {change.change} {change.code} has no author"
            before = change

    def _codes(self) -> Iterator[str]:
        given: set[str] = set()
        ended: set[str] = set()
        for change in self.changes:
            code = change.into if change.change == "move" else change.code if change.change == "new" else ""
            if change.change != "new":
                if change.code not in given:
                    yield f"version {change.version}: {change.change} of {change.code}, which was never given"
                elif change.code in ended:
                    yield f"version {change.version}: {change.change} of {change.code}, which had ended before"
            if code in given:
                yield f"version {change.version}: code {code} is used again; codes are never re-used"
            given |= {code} - {""}
            ended |= {change.code} if change.change in _ENDS else set()

    def _targets(self) -> Iterator[str]:
        for change in self.changes:
            wants = change.change in ("merge", "move")
            if wants and not change.into:
                yield f"version {change.version}: {change.change} of {change.code} into nothing"
            if change.into and change.change in ("new", "rename"):
                yield f"version {change.version}: {change.change} of {change.code} has no `into`, got {change.into}"
            held = self.validity.get(change.into)
            if change.into and change.change in _ENDS and not (held and held.holds(change.version)):
                yield f"version {change.version}: {change.code} goes into {change.into}, which does not hold then"
            if change.change == "rename" and not all(change.note.partition(_SEPARATOR)):
                yield f"version {change.version}: rename of {change.code} needs the name before as its note: `zh / en`"

    def _files(self) -> Iterator[str]:
        for code in self.nodes.keys() - self.validity.keys():
            yield f"{code} was added without a change entry"
        for code in self.validity.keys() - self.nodes.keys():
            yield f"{code} was removed without a trace: rows stay in taxonomy.csv, a change entry ends them"

    def _parents(self) -> Iterator[str]:
        for version in range(1, self.version + 1):
            nodes = self.as_of(version)
            for code, node in nodes.items():
                if node.parent != code[:-2]:
                    yield f"{code} has the parent {node.parent or 'none'}: expected {code[:-2] or 'none'}"
                elif node.parent and node.parent not in nodes:
                    yield f"version {version}: {code} has the parent {node.parent}, which does not hold then"

    def _cycles(self) -> Iterator[str]:
        for code in self._ended:
            if self.current(code) == code:
                yield f"{code} leads back to itself"
