"""What happens in simulated trade, as it is written beside the data: the truth that alerts are held against."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

EVENT: Final = "event"
CONTROL: Final = "control"
ALL: Final = "*"
COLUMNS: Final = (
    *("file", "kind", "role", "start", "end", "regions", "commodities"),
    *("size", "shape", "fraction", "extent", "group", "label"),
)
Times = np.ndarray[tuple[int], np.dtype[np.datetime64]]


@dataclass(frozen=True, slots=True)
class Happening:
    """One event, or one control: what looks like an event of ``kind`` and is none."""

    kind: str
    """``panic_buying``, ``demand_surge``, ``price_spike``, ``stock_out``, ``supply_interruption`` or ``demand_drop``"""
    first: int
    """number of its first period"""
    last: int
    """number of its last period, itself included"""
    regions: tuple[str, ...]
    commodities: tuple[str, ...]
    size: float
    """factor of the usual at its top; 0 where nothing is left"""
    shape: str = "step"
    fraction: float = 1.0
    """share of the shops (or of the regions of a group) that it reaches"""
    role: str = EVENT
    label: str = ""
    file: str = ""
    group: str = ""
    """the code whose parts it reaches; alerts above it do not speak of it. A "!" at its end: other commodities of the
    same group may have their own event at the same time"""


def period_texts(times: Times, daily: bool) -> list[str]:
    """Periods as the contract writes them: a date, or a date and time of day."""
    return [str(t).replace("T", " ") for t in times.astype("datetime64[D]" if daily else "datetime64[s]")]


def write_truth(path: Path, happenings: Sequence[Happening], texts: Sequence[str]) -> None:
    """Write ``truth.csv``; ``texts`` are the periods. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for h in happenings:
            extent = "one" if len(h.commodities) == 1 and h.commodities[0] != ALL else "all"
            span = texts[h.first], texts[h.last]
            places = ";".join(h.regions), ";".join(h.commodities)
            much = f"{h.size:g}", h.shape, f"{h.fraction:g}", extent
            writer.writerow((h.file, h.kind, h.role, *span, *places, *much, h.group, h.label))
