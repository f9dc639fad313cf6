"""What a detector that looks both ways returns."""

from typing import NamedTuple

from detectors.state import Floats


class Sides(NamedTuple):
    """Chances that nothing unusual would give this, float64 of the nodes' shape; NaN where nothing was judged."""

    up: Floats
    down: Floats
