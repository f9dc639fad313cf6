"""Column maps: those shipped can be read; a wrong one says which key, what was expected and what came."""

from pathlib import Path

import pytest

from streams.filemap import MapError, load_map, shipped
from streams.taxonomy import UNCLASSIFIED, taxonomy

GOOD = """\
title = "a test"
tick = "1h"
zone = "+08:00"
time = {column = "t", format = "%Y-%m-%d %H:%M:%S"}
sku = {column = "sku"}
qty = {column = "qty", unit = "kg"}
terminal = {constant = "t-1"}
county = {constant = "990101"}
enterprise = {constant = "e-1"}
code = {column = "what", values = {salt = "1001"}}
"""


def load(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text, encoding="utf-8")
    load_map(path)


def test_a_map_of_ones_own_is_read(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(GOOD, encoding="utf-8")
    found = load_map(str(path))
    assert (found.tick_ms, found.qty.unit, found.channel.constant) == (3_600_000, "kg", "supermarket")


@pytest.mark.parametrize("name", ["cumcm2023c", "freshretailnet"])
def test_the_shipped_maps_are_read_by_name_and_speak_of_the_taxonomy(name: str) -> None:
    assert name in shipped()
    found = load_map(name)
    assert set((found.code.values or {}).values()) <= set(taxonomy())
    assert found.code.prefix in (None, UNCLASSIFIED)
    county = found.county.constant or found.county.count_from
    assert county is not None
    assert county.startswith("99")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('tick = "1h"', "tick = 1", r"Expected `str`, got `int` - at `\$.tick`"),
        ('tick = "1h"', 'tick = "1w"', r"tick: expected a number and m, h or d, such as 5m, 1h, 1d, got '1w'"),
        ('sku = {column = "sku"}\n', "", "missing required field `sku`"),
        ('sku = {column = "sku"}', 'sku = {colum = "sku"}', r"unknown field `colum` - at `\$.sku`"),
        ('sku = {column = "sku"}', "sku = {}", r"just one of column, constant, got none - at `\$.sku`"),
        ('{constant = "t-1"}', '{constant = "t-1", column = "t"}', r"got column, constant - at `\$.terminal`"),
        ('unit = "kg"', 'unit = "kg", scale = 0', r"scale: expected 0.001 to 1000 .*, got 0 - at `\$.qty`"),
        ('unit = "kg"', 'unit = "kg", scale = "0.0001"', r"scale: expected .*, got 0.0001 - at `\$.qty`"),
        ('"990101"', '"Shaoxing"', r"county: expected 6 digits .*, got 'Shaoxing' - at `\$.county`"),
        ('salt = "1001"', 'salt = "salt"', r"code: expected two digits a level, got 'salt' - at `\$.code`"),
        ('"%Y-%m-%d %H:%M:%S"', '"%Y", at = "noon"', r"at: expected a time of day such as 12:00, got 'noon'"),
        ('title = "a test"', 'price = {column = "p"}\namount = {column = "a"}', "price, amount: expected at most one"),
        ('title = "a test"', 'channel = {constant = "shop"}', r"channel: expected one of supermarket, .*, got 'shop'"),
        ('title = "a test"', "title = ", "map .*map.toml: Invalid"),
    ],
)
def test_a_wrong_map_names_the_key_what_was_expected_and_what_came(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert old in GOOD
    if "title" in old and "title" not in new:
        new = f"{old}\n{new}"
    with pytest.raises(MapError, match=says):
        load(tmp_path, GOOD.replace(old, new))


def test_a_map_that_is_not_there_is_named_beside_those_that_are() -> None:
    with pytest.raises(MapError, match="map nowhere: expected a TOML file or one of cumcm2023c, freshretailnet"):
        load_map("nowhere")
