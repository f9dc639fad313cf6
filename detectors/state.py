"""Arrays that a detector keeps between ticks, and what every detector is given: the cells of one tick."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, NamedTuple, Self, get_args

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


class Cells(NamedTuple):
    """One city's sums of one tick. All arrays have the shape (units, commodities); unit 0 is the whole city."""

    lines: Floats
    """sales less returns"""
    quantity: Floats
    """thousandths of the commodity's base unit, exact up to 2**53"""
    relatives: Floats
    """lines that carry a log price relative"""
    log_relative: Floats
    """sum of the log price relatives"""
    partitions: Bits
    """uint64, one bit a raw partition (number modulo 64) that contributed"""


class Axes(NamedTuple):
    """Shape of an array of a State, as an annotation: names or lengths of its axes, and its dtype."""

    of: tuple[str | int, ...]
    dtype: str = "f8"

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The lengths, with those of the named axes taken from ``sizes``."""
        return tuple(sizes[axis] if isinstance(axis, str) else axis for axis in self.of)


PerSeries = Annotated[Floats, Axes(("units", "codes"))]
"""float64 (units, commodities)"""
BitsPerSeries = Annotated[Bits, Axes(("units", "codes"), "u8")]
"""uint64 (units, commodities)"""


@dataclass(slots=True)
class State:
    """Base of all states: arrays that start at zero, grow by zeros, and are written as they are.

    Subclasses are dataclasses whose fields are annotated with Axes; zero must be what "nothing known" means.
    """

    @classmethod
    def empty(cls, **sizes: int) -> Self:
        """A state that knows nothing; ``sizes`` gives the length of each named axis."""
        return cls(**{name: np.zeros(axes.shape(sizes), axes.dtype) for name, axes in _axes(cls).items()})

    def grow(self, **sizes: int) -> None:
        """Lengthen the named axes; what is new knows nothing."""
        for name, axes in _axes(type(self)).items():
            old: npt.NDArray[Any] = getattr(self, name)
            new = np.zeros(axes.shape(sizes), axes.dtype)
            new[tuple(slice(n) for n in old.shape)] = old
            setattr(self, name, new)

    def forget(self, commodity: int) -> None:
        """Know nothing any more of one commodity."""
        for name, axes in _axes(type(self)).items():
            if axes.of[-1] == "codes":
                getattr(self, name)[..., commodity] = 0

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All arrays by name."""
        return {name: getattr(self, name) for name in _axes(type(self))}


def _axes(kind: type[State]) -> dict[str, Axes]:
    return {f.name: get_args(f.type)[1] for f in fields(kind)}
