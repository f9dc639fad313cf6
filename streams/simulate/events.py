"""What can happen in the simulated market, with its truth: where, when, how much."""

from dataclasses import dataclass
from typing import Final

from streams.world import World

MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Rush:
    """Panic buying: ``factor`` times as many receipts, each with more of the good, county after county."""

    onset_ms: int
    county: str
    """where it begins"""
    spread: tuple[tuple[str, int], ...] = ()
    """further counties, each with the ms UTC at which it begins there"""
    commodity: str = "1001"
    """a code of the taxonomy with all below it"""
    factor: float = 10.0
    ramp_ms: int = 10 * MINUTE_MS
    """from a county's begin to the full factor, linear"""

    def starts(self) -> dict[str, int]:
        """When it begins in each county that it reaches, ms UTC."""
        return {self.county: self.onset_ms, **dict(self.spread)}


@dataclass(frozen=True, slots=True)
class Gouge:
    """One enterprise multiplies its price of a commodity from one moment on."""

    enterprise: str
    onset_ms: int
    commodity: str = "1001"
    factor: float = 2.0


@dataclass(frozen=True, slots=True)
class Launch:
    """An enterprise starts to sell its novelties, which no mapping in the registry knows."""

    enterprise: str
    onset_ms: int


Event = Rush | Gouge | Launch


@dataclass(frozen=True, slots=True)
class Scenario:
    """The demonstration's story; its fields are the truth that alerts are measured against."""

    rush: Rush
    gouge: Gouge
    launch: Launch

    @property
    def events(self) -> tuple[Event, ...]:
        """For ``Simulator``."""
        return (self.rush, self.gouge, self.launch)


# Minutes after the onset at which each county of a city is reached, in the order of the codes of those with shops.
_MARCH_2011: Final[dict[str, tuple[int, ...]]] = {
    "3306": (0, 15, 27, 40),
    "3301": (70, 85, 100, 115),
    "3304": (95, 120, 140, 160),
    "3302": (125, 145, 165, 190),
    "3502": (205,),
    "3206": (220,),
    "3505": (240,),
}


def rush_of_march_2011(world: World, onset_ms: int) -> Scenario:
    """The salt rush: from one county of Shaoxing through Zhejiang, then single counties elsewhere on the coast.

    As in March 2011, when iodised salt sold out along the coast within a day. One chain doubles its price of salt 45
    minutes after the onset; another one brings out novelties two hours before it. Raises ValueError where the world
    has no shop in Shaoxing.
    """
    reached: list[tuple[str, int]] = []
    for city, minutes in _MARCH_2011.items():
        counties = sorted({str(c) for c in world.shops.county if str(c).startswith(city)})
        reached += [(c, onset_ms + m * MINUTE_MS) for c, m in zip(counties, minutes, strict=False)]
    if not reached or not reached[0][0].startswith("3306"):
        raise ValueError("the rush begins in Shaoxing (3306), where this world has no shop: take at least 48 shops")
    return Scenario(
        Rush(onset_ms, reached[0][0], tuple(reached[1:])),
        Gouge("chain-03", onset_ms + 45 * MINUTE_MS),
        Launch("chain-02", onset_ms - 120 * MINUTE_MS),
    )
