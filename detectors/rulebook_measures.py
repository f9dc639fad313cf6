"""What a clause of a rulebook may ask for: the names of the measures, their windows, units and words."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from streams.evidence import Names
from streams.records import KINDS, Kind

WINDOWS: Final[dict[str, Names]] = {
    "1d": Names("一日", "a day"),
    "5d": Names("五日", "five days"),
    "1w": Names("一周", "a week"),
    "10d": Names("十日", "ten days"),
    "1m": Names("一个月", "a month"),
    "3m": Names("三个月", "three months"),
}


class Measure(NamedTuple):
    """A measure; ``windows`` has ``""`` where it may stand without one."""

    text: Names
    windows: tuple[str, ...] = ("",)
    percent: bool = False
    """a fraction that is said as a percentage: 0.3 is 30 %"""
    whole: bool = False
    """of the incident as a whole; else of one region and commodity, where all of a group must hold at once"""


def _whole(zh: str, en: str, *, percent: bool = False) -> Measure:
    return Measure(Names(zh, en), percent=percent, whole=True)


_KIND_ZH: Final[dict[Kind, str]] = {
    "panic_buying": "抢购",
    "demand_surge": "销量激增",
    "demand_drop": "销量骤降",
    "price_spike": "涨价",
    "price_drop": "跌价",
    "stock_out": "脱销",
    "glut": "滞销",
    "supply_interruption": "供应中断",
}
_SPREAD: Final = {
    "places": _whole("受影响的县区数（含无法细分的市）", "counties hit, and cities of which no county can be named"),
    "large_cities": _whole("大部分受影响的市数", "cities hit in large part"),
    "capitals": _whole("大部分受影响的省会、计划单列市、直辖市数", "capitals hit in large part"),
    "large_provinces": _whole("大部分受影响的省份数", "provinces hit in large part"),
    "provinces": _whole("大部分地区或省会受影响的省份数", "provinces hit in large part or in their capital"),
    "counties": _whole("受影响的县区数", "counties hit"),
    "city_share": _whole("受影响县区占该市监测县区的比例", "share of a city's monitored counties hit", percent=True),
    "urban_share": _whole("受影响市辖区占该市监测市辖区的比例", "share of a city's districts hit", percent=True),
}
_INCIDENT: Final = {
    "kinds": _whole("受影响的商品种类数", "commodities affected"),
    "days": _whole("已持续天数", "days since it began"),
    **{f"days_at_{n}": _whole(f"达到{n}级的天数", f"days at level {n} of this book") for n in ("I", "II", "III", "IV")},
    **{f"is_{kind}": _whole(f"属于{_KIND_ZH[kind]}", f"is a case of {kind.replace('_', ' ')}") for kind in KINDS},
}
_READING: Final = {
    "price_rise": Measure(Names("价格涨幅", "price rise"), ("", "1d", "5d", "1w", "10d", "1m"), percent=True),
    "price_change": Measure(Names("价格变动（元/基本单位）", "price change, yuan a base unit"), ("1d", "1w")),
    "price_rise_year": Measure(Names("价格同比涨幅", "price rise, year on year"), percent=True),
    "demand_ratio": Measure(Names("销量为平常的倍数", "sales, times the usual")),
    "stock_pct_of_normal": Measure(Names("库存为正常的百分比", "stock, % of normal")),
    "stock_out_days": Measure(Names("脱销天数", "days out of stock")),
    "reporting_share": Measure(Names("报数地点占平常的比例", "places that report, of the usual"), percent=True),
    "false_share": Measure(
        Names("近期同样罕见的预期误报比例", "expected false, of those as rare of late"), percent=True
    ),
    "hog_grain_ratio": Measure(Names("猪粮比价", "hog to grain price ratio")),
    "sow_stock_fall": Measure(Names("能繁母猪存栏降幅", "fall of breeding sows"), ("1m", "3m"), percent=True),
}
MEASURES: Final[dict[str, Measure]] = {**_SPREAD, **_INCIDENT, **_READING}
"""All measures by name. With a window the key of the value is ``name_window``: ``price_rise_1w``."""


def key_of(measure: str, window: str) -> str:
    """The key of a value among the measures of a reading.

    >>> key_of("price_rise", "1w")
    'price_rise_1w'
    """
    return f"{measure}_{window}" if window else measure


_OF_READINGS: Final = frozenset(key_of(name, window) for name, m in _READING.items() for window in m.windows)


def value_text(measure: str, value: float) -> str:
    """A value as it is said: ``30 %`` for a fraction, else up to three digits.

    >>> value_text("price_rise", 0.305), value_text("days", 4.0)
    ('30.5 %', '4')
    """
    return f"{100.0 * value:.4g} %" if MEASURES[measure].percent else f"{value:.4g}"


def words(measure: str, window: str) -> Names:
    """A measure and its window in both languages."""
    text = MEASURES[measure].text
    if not window:
        return text
    return Names(f"{WINDOWS[window].zh}{text.zh}", f"{text.en} in {WINDOWS[window].en}")


def rule_measures(measures: Mapping[str, float]) -> dict[str, float]:
    """Those that a rule can ask for of a reading, and no others."""
    return {key: float(value) for key, value in measures.items() if key in _OF_READINGS}
