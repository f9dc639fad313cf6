"""A market that trades: lines with known truth, scenarios, dirty input, and a player that sends it all."""

from streams.simulate.dirt import VARIANTS, dirty
from streams.simulate.events import Event, Gouge, Launch, Rush, Scenario, rush_of_march_2011
from streams.simulate.market import Simulator
from streams.simulate.player import Player

__all__ = [
    "VARIANTS",
    "Event",
    "Gouge",
    "Launch",
    "Player",
    "Rush",
    "Scenario",
    "Simulator",
    "dirty",
    "rush_of_march_2011",
]
