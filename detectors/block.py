"""The state block of a city: what its detectors know, the rows of open ticks, and up to where all this was applied."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Self

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors import profile
from detectors.bars import Bars, bar_ms
from detectors.baseline import Baseline
from detectors.held import Held
from detectors.pace import Pace
from detectors.pending import MEASURES, Pending, Rows
from detectors.price import Price
from detectors.profile import Profile
from detectors.state import Axes, Ints, State
from detectors.surge import Surge
from streams.ticks import tick_of

VERSION: Final = 4
OLDEST: Final = 1
"""Version 1 had nothing that is held, version 2 no bars and no stock, version 3 no chains and no presence."""
_CODEC: Final = "zstd"


class BlockError(RuntimeError):
    """A state block that cannot be taken back."""


@dataclass(slots=True)
class Episodes(State):
    """When each commodity was flagged, by kind (0 panic buying, 1 price spike); ms UTC of a tick, 0: never."""

    last: Annotated[Ints, Axes((2, "codes"), "i8")]
    start: Annotated[Ints, Axes((2, "codes"), "i8")]
    """first tick of the present episode, or the last one"""


class _Head(msgspec.Struct, frozen=True):
    version: int
    tick_ms: int
    units: list[str]
    codes: list[str]
    applied: dict[int, int]
    said: dict[int, int]
    sources: list[int]
    first: int | None
    cursor: int | None
    heard: int
    arrays: list[tuple[str, str, list[int]]]
    """name, dtype and shape of the arrays that follow"""
    size: int
    """bytes of the arrays before compression"""
    panel: bytes = b""


@dataclass(slots=True)
class Block:
    """One city. ``units[0]`` is the city itself (4 digits), the others its counties in the order they were seen."""

    pace: Pace
    units: list[str]
    codes: list[str]
    profile: Profile
    baseline: Baseline
    surge: Surge
    price: Price
    episodes: Episodes
    held: Held
    bars: Bars
    pending: Pending = field(default_factory=Pending)
    waiting: Rows = field(default_factory=Rows.empty)
    """what is held in closed ticks and did not pass yet"""
    applied: dict[int, int] = field(default_factory=dict)
    """highest raw offset applied, by raw partition"""
    said: dict[int, int] = field(default_factory=dict)
    """last watermark of each raw partition, ms UTC"""
    sources: list[int] = field(default_factory=list)
    first: int | None = None
    """the city's first tick"""
    cursor: int | None = None
    """the first tick that is not closed"""
    heard: int = 0
    """the last closed tick that had rows"""
    panel: bytes = b""
    """what looks at the bars, as it was at the last checkpoint: see city_panel.py; empty: nothing"""
    unit_at: dict[str, int] = field(default_factory=dict, init=False)
    """index of each unit by name"""
    code_at: dict[str, int] = field(default_factory=dict, init=False)
    """index of each commodity by code"""

    def __post_init__(self) -> None:
        self._index()

    @classmethod
    def new(cls, city: str, pace: Pace) -> Self:
        """A city of which nothing is known."""
        sizes = {"units": 1, "codes": 0}
        return cls(
            pace,
            [city],
            [],
            profile.new(pace),
            Baseline.empty(**sizes),
            Surge.empty(**sizes),
            Price.empty(**sizes),
            Episodes.empty(**sizes),
            Held.empty(**sizes),
            Bars.empty(**sizes),
        )

    def make_room(self, counties: list[str], codes: list[str]) -> None:
        """Take in counties and commodities that were not seen before."""
        new_units = sorted(set(counties).difference(self.unit_at))
        new_codes = sorted(set(codes).difference(self.code_at))
        if not new_units and not new_codes:
            return
        self.units += new_units
        self.codes += new_codes
        self._index()
        for state in (self.baseline, self.surge, self.price, self.episodes, self.held, self.bars):
            state.grow(units=len(self.units), codes=len(self.codes))

    def _index(self) -> None:
        self.unit_at = {name: i for i, name in enumerate(self.units)}
        self.code_at = {name: i for i, name in enumerate(self.codes)}

    def to_bytes(self) -> bytes:
        """Length of the head (4 bytes, little-endian), the head in MessagePack, all arrays in one zstd frame."""
        arrays = self._arrays()
        raw = b"".join(a.tobytes() for a in arrays.values())
        head = _Head(
            VERSION,
            self.pace.tick_ms,
            self.units,
            self.codes,
            self.applied,
            self.said,
            self.sources,
            self.first,
            self.cursor,
            self.heard,
            [(name, a.dtype.str, list(a.shape)) for name, a in arrays.items()],
            len(raw),
            self.panel,
        )
        said = msgspec.msgpack.encode(head)
        packed: bytes = pa.compress(raw, codec=_CODEC, asbytes=True)
        return len(said).to_bytes(4, "little") + said + packed

    @classmethod
    def from_bytes(cls, data: bytes, pace: Pace) -> Self:
        """What ``to_bytes`` wrote, bit for bit. Raises BlockError where it is something else or of another tick."""
        head, arrays = _unpack(data, pace)
        try:
            block = cls(
                pace,
                head.units,
                head.codes,
                Profile(**_part(arrays, "profile")),
                Baseline(**_part(arrays, "baseline")),
                Surge(**_part(arrays, "surge")),
                Price(**_part(arrays, "price")),
                Episodes(**_part(arrays, "episodes")),
                Held(**_part(arrays, "held")),
                Bars.of(**_part(arrays, "bars")),
                Pending(Rows(**_part(arrays, "pending"))),
                Rows(**_part(arrays, "waiting")),
            )
        except TypeError as error:
            raise BlockError(f"detect state: expected the arrays of version {VERSION}, got others ({error})") from error
        block.applied, block.said, block.sources = head.applied, head.said, head.sources
        block.first, block.cursor, block.heard, block.panel = head.first, head.cursor, head.heard, head.panel
        return block

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        parts = {
            "profile": self.profile.arrays(),
            "baseline": self.baseline.arrays(),
            "surge": self.surge.arrays(),
            "price": self.price.arrays(),
            "episodes": self.episodes.arrays(),
            "held": self.held.arrays(),
            "bars": self.bars.arrays(),
            "pending": self.pending.rows().arrays(),
            "waiting": self.waiting.arrays(),
        }
        return {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}


def _part(arrays: dict[str, npt.NDArray[Any]], part: str) -> dict[str, npt.NDArray[Any]]:
    return {name.partition(".")[2]: a for name, a in arrays.items() if name.startswith(f"{part}.")}


def _unpack(data: bytes, pace: Pace) -> tuple[_Head, dict[str, npt.NDArray[Any]]]:
    length = int.from_bytes(data[:4], "little")
    try:
        head = msgspec.msgpack.decode(data[4 : 4 + length], type=_Head)
        if not OLDEST <= head.version <= VERSION:
            raise BlockError(
                f"detect state: expected version {VERSION}, got {head.version}: run the worker that wrote it"
            )
        if head.tick_ms != pace.tick_ms:
            raise BlockError(
                f"detect state: expected ticks of {pace.tick_ms} ms, got {head.tick_ms}: set the tick back, or drop "
                "the table's changelog and let the baselines be learned anew"
            )
        raw = pa.decompress(data[4 + length :], head.size, codec=_CODEC, asbytes=True)
        arrays, at = {}, 0
        for name, dtype, shape in head.arrays:
            array = np.frombuffer(raw, dtype, int(np.prod(shape)), at).reshape(shape).copy()
            arrays[name] = array
            at += array.nbytes
        if head.version < VERSION:
            _renew(arrays, head)
    except (msgspec.DecodeError, pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise BlockError(f"detect state: expected a block of version {VERSION}, got other bytes ({error})") from error
    return head, arrays


def _renew(arrays: dict[str, npt.NDArray[Any]], head: _Head) -> None:
    """Bring the arrays of an older version up to date: what it did not know of is empty."""
    codes = len(head.codes)
    bars = Bars.empty(units=len(head.units), codes=codes)
    bars.until = tick_of(head.cursor, bar_ms(Pace.of(head.tick_ms))) if head.cursor is not None else 0
    for part in ("pending", "waiting"):
        sums = arrays.get(f"{part}.sums", Rows.empty().sums)
        arrays[f"{part}.sums"] = np.concatenate([sums, np.zeros((MEASURES - len(sums), sums.shape[1]))])
        arrays.setdefault(f"{part}.chains", np.zeros(sums.shape[1], np.uint64))
    for part, empty in (
        ("held", Held.empty(codes=codes).arrays()),
        ("waiting", Rows.empty().arrays()),
        ("bars", bars.arrays()),
    ):
        for name, array in empty.items():
            arrays.setdefault(f"{part}.{name}", array)
