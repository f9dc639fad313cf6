"""A budget that people can read, "at most two false level III a month", and the rarity that it asks of an alert."""

import math
from typing import Final

import msgspec

from streams.records import LEVELS, Level

MONTH_DAYS: Final = 365.25 / 12.0
DEFAULT: Final[dict[Level, float]] = {"I": 0.1, "II": 0.5, "III": 2.0, "IV": 4.0}
"""False alerts a month of each level, where the user says nothing: in proportion to how many people one calls out."""


class BudgetError(ValueError):
    """A budget that cannot be read; the text says what was expected and what came."""


class Budget(msgspec.Struct, frozen=True):
    """False alerts a month that each level may cost, in each of ``jurisdictions`` areas of about the same size."""

    per_month: dict[Level, float]
    jurisdictions: int = 1


def parse_budget(text: str, jurisdictions: int = 1) -> Budget:
    """A budget from ``IV=4,III=2,II=0.5,I=0.1`` or from one number, which is shared over the levels as ``DEFAULT`` is.

    A level that is not named keeps its default, or as much less or more as the order demands: a graver level never has
    a larger budget than a lighter one. Raises BudgetError for anything else, naming the place.

    >>> parse_budget("III=2, II=0.5").per_month
    {'I': 0.1, 'II': 0.5, 'III': 2.0, 'IV': 4.0}
    >>> parse_budget("6.6").per_month["IV"]
    4.0
    >>> parse_budget("II=3")
    Budget(per_month={'I': 0.1, 'II': 3.0, 'III': 3.0, 'IV': 4.0}, jurisdictions=1)
    """
    if jurisdictions < 1:
        raise BudgetError(f"budget: expected at least one jurisdiction, got {jurisdictions}")
    if "=" not in text:
        total = _number(text, "the whole budget")
        of = sum(DEFAULT.values())
        return Budget({level: share * (total / of) for level, share in DEFAULT.items()}, jurisdictions)
    given: dict[Level, float] = {}
    for part in text.split(","):
        name, sign, value = part.partition("=")
        level = _level(name, part)
        if not sign:
            raise BudgetError(f"budget: expected LEVEL=NUMBER, got {part.strip()!r}")
        if level in given:
            raise BudgetError(f"budget: level {level} is given twice")
        given[level] = _number(value, f"level {level}")
    _check_order(given)
    return Budget(_filled(given), jurisdictions)


def required_recurrence(budget: Budget, level: Level) -> float:
    """Days: an alert of this level must be rarer by chance, over the whole monitored area, to fit into the budget.

    Alerts that are rated once in R days or rarer come about once in R days when nothing is wrong, whatever their level,
    so those of one level come at most as often. ``math.inf`` where the budget is nought.

    >>> round(required_recurrence(parse_budget("III=2"), "III"), 1)
    15.2
    """
    false = budget.per_month[level] * budget.jurisdictions
    return math.inf if false == 0.0 else MONTH_DAYS / false


def affordable(budget: Budget, level: Level, recurrence_days: float) -> Level | None:
    """The gravest level, ``level`` or a lighter one, at which so rare an alert fits into the budget; None: not at all.

    >>> affordable(parse_budget("IV=4,III=2,II=0.5,I=0.1"), "I", 20.0)
    'III'
    """
    for candidate in LEVELS[LEVELS.index(level) :]:
        if recurrence_days >= required_recurrence(budget, candidate):
            return candidate
    return None


def _level(name: str, part: str) -> Level:
    for level in LEVELS:
        if level == name.strip().upper():
            return level
    raise BudgetError(f"budget: expected one of {', '.join(LEVELS)} before '=', got {part.strip()!r}")


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0.0):
        raise BudgetError(f"budget: expected false alerts a month, 0 or more, for {what}; got {text.strip()!r}")
    return value


def _check_order(given: dict[Level, float]) -> None:
    graver: Level | None = None
    for level in LEVELS:
        if level not in given:
            continue
        if graver is not None and given[graver] > given[level]:
            raise BudgetError(
                f"budget: level {graver} is graver than level {level} and may not have more false alerts a month: "
                f"expected at most {given[level]:g}, got {given[graver]:g}"
            )
        graver = level


def _filled(given: dict[Level, float]) -> dict[Level, float]:
    out: dict[Level, float] = {}
    least = 0.0
    for i, level in enumerate(LEVELS):
        most = min((given[lighter] for lighter in LEVELS[i:] if lighter in given), default=math.inf)
        least = out[level] = given.get(level, max(least, min(DEFAULT[level], most)))
    return out
