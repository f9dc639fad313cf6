"""The tile grid holds every province once, and colours it by its worst live alert."""

import re
from importlib.resources import files

from gateway.provinces import TILES, provinces
from streams.regions import regions
from tests.gateway.factory import make_event


def test_each_of_the_34_provinces_has_a_tile_of_its_own() -> None:
    assert set(TILES) == {code for code in regions() if len(code) == 2}
    assert len(TILES) == 34
    assert len({(row, column) for row, column, _ in TILES.values()}) == 34
    assert len({letters for _, _, letters in TILES.values()}) == 34


def test_the_grid_has_eight_rows_and_eight_columns() -> None:
    assert {row for row, _, _ in TILES.values()} == set(range(1, 9))
    assert {column for _, column, _ in TILES.values()} == set(range(1, 9))


def test_the_style_sheet_is_made_for_that_grid() -> None:
    css = (files("gateway") / "board" / "board.css").read_text(encoding="utf-8")
    assert re.search(r"\.tiles\s*{[^}]*repeat\(8,", css)


def test_a_short_name_leaves_out_what_kind_of_province_it_is() -> None:
    short = {p.code: p.short.zh for p in provinces([])}
    assert [short[c] for c in ("11", "23", "15", "45", "64", "65", "54", "81", "71")] == [
        *("北京", "黑龙江", "内蒙古", "广西", "宁夏", "新疆", "西藏", "香港", "台湾"),
    ]


def test_all_is_quiet_without_alerts() -> None:
    assert all(p.level is None and not any(p.counts.values()) for p in provinces([]))


def test_the_worst_live_alert_gives_the_level() -> None:
    found = {
        p.code: p
        for p in provinces(
            [
                make_event("a", level="IV").data,
                make_event("b", level="II", counties=("330203", "350203")).data,
                make_event("c", level="I", state="closed").data,
                make_event("d", level="III", state="acknowledged", counties=("440305",)).data,
                make_event("e", level="I", provinces=["99"]).data,
            ]
        )
    }
    assert {code: p.level for code, p in found.items() if p.level} == {"33": "II", "35": "II", "44": "III"}
    assert found["33"].counts == {"I": 0, "II": 1, "III": 0, "IV": 1}
