"""Column maps: what the columns of a strange CSV file mean, as a TOML file. ``streams/maps`` holds those shipped."""

import re
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from streams.envelope import CHANNELS

_UNITS_MS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LEAST: Final = Decimal("0.001")
_MOST: Final = Decimal(1000)


class MapError(ValueError):
    """A map that cannot be used, or that does not fit its file. The text says what was expected and what came."""


def _span(key: str, text: str) -> int:
    found = re.fullmatch(r"([1-9]\d{0,4})([mhd])", text)
    if not found:
        raise ValueError(f"{key}: expected a number and m, h or d, such as 5m, 1h, 1d, got {text!r}")
    return int(found[1]) * _UNITS_MS[found[2]]


def _one_of(**given: object) -> None:
    has = [k for k, v in given.items() if v is not None]
    if len(has) != 1:
        raise ValueError(f"expected just one of {', '.join(given)}, got {', '.join(has) or 'none'}")


def _check_scale(scale: Decimal) -> None:
    if not (scale.is_finite() and _LEAST <= scale < _MOST and scale % _LEAST == 0):
        raise ValueError(f"scale: expected {_LEAST} to {_MOST} with at most 3 decimals, got {scale}")


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the map; unknown keys are errors."""


class Source(_Part, frozen=True):
    """A text: from a column, or the same for all rows."""

    column: str | None = None
    constant: str | None = None
    prefix: str = ""
    """put before what the column says"""

    def __post_init__(self) -> None:
        _one_of(column=self.column, constant=self.constant)


class Time(_Part, frozen=True):
    """The time of a row, local."""

    column: str
    format: str
    """as for strptime: %Y-%m-%d %H:%M:%S"""
    hour: str | None = None
    """a column with the hour, 0 to 23, where ``column`` has only the date"""
    at: str = "00:00"
    """added to every row: the time of day that stands for a whole day"""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", self.at):
            raise ValueError(f"at: expected a time of day such as 12:00, got {self.at!r}")

    @property
    def at_ms(self) -> int:
        """``at`` as ms since midnight."""
        hours, minutes = self.at.split(":")
        return int(hours) * _UNITS_MS["h"] + int(minutes) * _UNITS_MS["m"]


class Number(_Part, frozen=True):
    """A number: a column, times ``scale``."""

    column: str
    scale: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        _check_scale(self.scale)


class Quantity(_Part, frozen=True):
    """How much was sold, in ``unit``."""

    column: str
    unit: str
    scale: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        _check_scale(self.scale)


class Promo(_Part, frozen=True):
    """A promotion: where the number in a column is below, or above, a limit."""

    column: str
    below: Decimal | None = None
    above: Decimal | None = None

    def __post_init__(self) -> None:
        _one_of(below=self.below, above=self.above)


class Flag(_Part, frozen=True):
    """True where a column has just this text."""

    column: str
    equals: str


class County(_Part, frozen=True):
    """Where a terminal stands: 6 digits."""

    column: str | None = None
    constant: str | None = None
    count_from: str | None = None
    """each terminal a county of its own, numbered from here in the order of their ids: for places not known"""

    def __post_init__(self) -> None:
        _one_of(column=self.column, constant=self.constant, count_from=self.count_from)
        given = self.constant or self.count_from
        if given is not None and not re.fullmatch(r"\d{6}", given):
            raise ValueError(f"county: expected 6 digits (99xxxx: not known), got {given!r}")


class Code(_Part, frozen=True):
    """The commodity of a SKU, by a column with its category: looked up in ``values``, or ``prefix`` and 2 digits."""

    column: str
    values: dict[str, str] | None = None
    prefix: str | None = None
    """a node of the taxonomy under which the category's number (0 to 99) makes a provisional one"""

    def __post_init__(self) -> None:
        _one_of(values=self.values, prefix=self.prefix)
        for code in self.values.values() if self.values is not None else [self.prefix or ""]:
            if not re.fullmatch(r"(\d\d)+", code):
                raise ValueError(f"code: expected two digits a level, got {code!r}")


class Join(_Part, frozen=True):
    """Further columns from a second CSV file in the same folder, by a column that both have."""

    file: str
    on: str


class Map(_Part, frozen=True):
    """What each column means."""

    title: str
    tick: str
    """time that one row covers: 1d, 1h, 5m"""
    zone: str
    """IANA name or offset, +08:00"""
    time: Time
    sku: Source
    qty: Quantity
    terminal: Source
    county: County
    enterprise: Source
    code: Code
    name: Source | None = None
    spec: Source | None = None
    brand: Source | None = None
    origin: Source | None = None
    price: Number | None = None
    """of one unit, yuan"""
    amount: Number | None = None
    """paid in all, yuan; with neither, amounts are 0"""
    promo: Promo | None = None
    stockout: Flag | None = None
    """a row with this flag gives a ``stock`` line with quantity 0"""
    channel: Source = Source(constant="supermarket")
    join: Join | None = None
    idle: str = "3650d"
    """time without a word after which a terminal holds nobody back; a replay speaks for all terminals in every tick"""
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        _span("tick", self.tick)
        _span("idle", self.idle)
        if self.price is not None and self.amount is not None:
            raise ValueError("price, amount: expected at most one of them, got both")
        if self.channel.constant not in (None, *CHANNELS):
            raise ValueError(f"channel: expected one of {', '.join(CHANNELS[1:])}, got {self.channel.constant!r}")

    @property
    def tick_ms(self) -> int:
        """``tick`` in ms."""
        return _span("tick", self.tick)

    @property
    def idle_ms(self) -> int:
        """``idle`` in ms."""
        return _span("idle", self.idle)


def shipped() -> list[str]:
    """Names of the maps that the package ships."""
    return sorted(
        f.name.removesuffix(".toml") for f in (files("streams") / "maps").iterdir() if f.name.endswith(".toml")
    )


def load_map(name_or_path: str | Path) -> Map:
    """A map by the name of a shipped one or the path of a TOML file. Raises MapError, which names the key."""
    name = str(name_or_path)
    if name in shipped():
        data = (files("streams") / "maps" / f"{name}.toml").read_bytes()
    elif Path(name).is_file():
        data = Path(name).read_bytes()
    else:
        raise MapError(f"map {name}: expected a TOML file or one of {', '.join(shipped())}, found neither")
    try:
        return msgspec.toml.decode(data, type=Map)
    except msgspec.DecodeError as error:
        raise MapError(f"map {name}: {error}") from error
