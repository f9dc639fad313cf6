"""The panel of one city on the stream: it grows with the counties and commodities seen, and stands in the city's block.

A city's tree has its counties, the city above them, the commodities and all of these together; province and nation are
for those who see more than one city.
"""

from dataclasses import fields
from typing import Any, Final, get_args

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.bars import Bar
from detectors.pace import Pace
from detectors.panel import Frame, Panel
from detectors.presence import Presence
from detectors.state import Floats, Ints, State
from detectors.tree import ALL, Tree
from streams.records import Kind

VERSION: Final = 3
_CODEC: Final = "zstd"
_REGIONS: Final = ("units", "leaves")
_COMMODITIES: Final = ("codes", "goods")


class PanelError(RuntimeError):
    """Bytes of a panel that cannot be taken back."""


class _Head(msgspec.Struct, frozen=True):
    version: int
    city: str
    regions: list[str]
    codes: list[str]
    periods: int
    said: dict[Kind, dict[str, int]]
    arrays: list[tuple[str, str, list[int]]]
    size: int


class CityPanel(msgspec.Struct):
    """A panel, who tells of its bars, and what was last said of it."""

    city: str
    panel: Panel
    presence: Presence
    said: dict[Kind, dict[str, int]] = {}
    """start of the last bar with a finding, by kind and commodity"""


def tree_of(city: str, regions: list[str], codes: list[str]) -> Tree:
    """The tree of a city (4 digits) over its counties."""
    every = (ALL,) if len(codes) > 1 else ()
    return Tree((*regions, city), (*codes, *every), len(regions), len(codes))


def new(city: str, regions: list[str], codes: list[str], pace: Pace) -> CityPanel:
    """The panel of a city of which nothing is known; ``pace`` is that of its bars."""
    presence = Presence.empty(units=len(regions), slots=pace.slots)
    return CityPanel(city, Panel.new(tree_of(city, regions, codes), pace), presence)


def fitted(known: CityPanel, regions: list[str], codes: list[str]) -> CityPanel:
    """The same panel over a tree with these counties and commodities, of which the first ones are those that it has."""
    old, tree = known.panel, tree_of(known.city, regions, codes)
    if tree == old.tree:
        return known
    grown = new(known.city, regions, codes, old.pace)
    grown.panel.periods, grown.said = old.periods, known.said
    before = _states(known)
    for name, state in _states(grown).items():
        _move(before[name], state, old.tree, tree)
    return grown


def _move(old: State, new: State, before: Tree, after: Tree) -> None:
    """Copy what is known; the sums above the given series have moved to behind the new ones."""
    for field in fields(new):
        had: npt.NDArray[Any] = getattr(old, field.name)
        has: npt.NDArray[Any] = getattr(new, field.name)
        where = [_places(n, axis, before, after) for n, axis in zip(had.shape, get_args(field.type)[1].of, strict=True)]
        has[np.ix_(*where)] = had


def _places(length: int, axis: str | int, before: Tree, after: Tree) -> Ints:
    """Where each place of an axis has gone."""
    for names, nodes, moved in (
        (_REGIONS, before.regions, after.regions),
        (_COMMODITIES, before.commodities, after.commodities),
    ):
        if axis in names and length == len(nodes):
            return np.array([moved.index(node) for node in nodes], np.int64)
    return np.arange(length)


def frame_of(bar: Bar, heard: Floats | None = None) -> Frame:
    """What a bar reports. A county without any line has reported nothing: closed, at night, or its feeds are down.

    ``heard`` (counties,): see ``presence.step``.
    """
    silent = ~np.any((bar.lines != 0.0) | ~np.isnan(bar.price), axis=1, keepdims=True)
    return Frame(qty=np.where(silent, np.nan, bar.quantity), price=bar.price, stock=bar.stock, heard=heard)


def to_bytes(known: CityPanel) -> bytes:
    """Length of the head (4 bytes, little-endian), the head in MessagePack, all arrays in one zstd frame."""
    panel = known.panel
    arrays = _arrays(known)
    raw = b"".join(a.tobytes() for a in arrays.values())
    head = _Head(
        VERSION,
        known.city,
        list(panel.tree.regions[: panel.tree.leaves]),
        list(panel.tree.commodities[: panel.tree.goods]),
        panel.periods,
        known.said,
        [(name, a.dtype.str, list(a.shape)) for name, a in arrays.items()],
        len(raw),
    )
    said = msgspec.msgpack.encode(head)
    packed: bytes = pa.compress(raw, codec=_CODEC, asbytes=True)
    return len(said).to_bytes(4, "little") + said + packed


def from_bytes(data: bytes, pace: Pace) -> CityPanel:
    """What ``to_bytes`` wrote, bit for bit. Raises PanelError where it is something else."""
    length = int.from_bytes(data[:4], "little")
    try:
        head = msgspec.msgpack.decode(data[4 : 4 + length], type=_Head)
        known = new(head.city, head.regions, head.codes, pace)
        known.panel.periods, known.said = head.periods, head.said
        arrays = _arrays(known)
        written = {name: (dtype, tuple(shape)) for name, dtype, shape in head.arrays}
        wanted = {name: (a.dtype.str, a.shape) for name, a in arrays.items()}
        if head.version != VERSION or written != wanted:
            raise PanelError(
                f"panel: expected the arrays of version {VERSION}, got others: run the worker that wrote it"
            )
        raw, at = pa.decompress(data[4 + length :], head.size, codec=_CODEC, asbytes=True), 0
    except (msgspec.DecodeError, pa.ArrowException, OSError, ValueError) as error:
        raise PanelError(f"panel: expected version {VERSION}, got other bytes ({error})") from error
    for array in arrays.values():
        array[...] = np.frombuffer(raw, array.dtype, array.size, at).reshape(array.shape)
        at += array.nbytes
    return known


def _states(known: CityPanel) -> dict[str, State]:
    return {**known.panel.states(), "presence": known.presence}


def _arrays(known: CityPanel) -> dict[str, npt.NDArray[Any]]:
    parts = {part: state.arrays() for part, state in _states(known).items()}
    return {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
