import csv
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.naming.verdict import DECLINED, Verdict
from deploy.classifying import ADDED, InputError, classify_file
from deploy.cli.root import app


def by_rice(names: Sequence[str], specs: Sequence[str]) -> list[Verdict]:
    """Knows rice and nothing else."""
    return [
        Verdict("0101", 0.9, "", ("rice",)) if "大米" in n + s else DECLINED for n, s in zip(names, specs, strict=True)
    ]


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def run(folder: Path, text: str, encoding: str = "utf-8") -> list[list[str]]:
    source = folder / "in.csv"
    source.write_bytes(text.encode(encoding))
    classify_file(source, folder / "out.csv", by_rice)
    return rows(folder / "out.csv")


def test_the_rows_come_back_in_their_order_with_six_columns_added(tmp_path: Path) -> None:
    out = run(tmp_path, "sku,name,price\n1,大米10斤,30\n2,'玩具,5\n3,大米2.5kg*4,70\n")
    assert out[0] == ["sku", "name", "price", *ADDED]
    assert out[1:] == [
        ["1", "大米10斤", "30", "0101", "0.9000", "name", "5000", "g", "1"],
        ["2", "'玩具", "5", "", "", "none", "", "", ""],
        ["3", "大米2.5kg*4", "70", "0101", "0.9000", "name", "2500", "g", "4"],
    ]


def test_the_inputs_unit_stays_and_the_programs_comes_last(tmp_path: Path) -> None:
    out = run(tmp_path, "name,unit\n大米500g,袋\n")
    assert out[0] == ["name", "unit", "code", "confidence", "method", "qty", "unit", "packs"]
    assert out[1] == ["大米500g", "袋", "0101", "0.9000", "name", "500", "g", "1"]


def test_the_net_content_may_stand_in_the_spec(tmp_path: Path) -> None:
    assert run(tmp_path, "name,spec\n大米,5kg/袋\n")[1][-3:] == ["5000", "g", "1"]


def test_quoted_names_with_line_breaks_and_commas_survive(tmp_path: Path) -> None:
    out = run(tmp_path, 'name\n"大米, 东北\n5kg"\n')
    assert out[1][0] == "大米, 东北\n5kg"
    assert out[1][1] == "0101"


def test_what_chinese_tills_write_is_read(tmp_path: Path) -> None:
    assert run(tmp_path, "name\n大米5kg\n", "gb18030")[1][:2] == ["大米5kg", "0101"]
    assert run(tmp_path, "name\n大米5kg\n", "utf-8-sig")[0][0] == "name"


def test_short_rows_are_filled_up(tmp_path: Path) -> None:
    assert run(tmp_path, "name,spec,unit\n大米\n")[1][:4] == ["大米", "", "", "0101"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title\nx\n", "line 1: expected a column `name`, got title"),
        ("", "line 1: expected a column `name`, got nothing"),
        ("name\na\nb,c\n", "line 3: expected 1 fields as in the header, got 2"),
    ],
)
def test_a_wrong_file_says_where_and_leaves_no_output(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        run(tmp_path, text)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["in.csv"]


def test_a_missing_folder_for_the_output_is_named(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("name\na\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"out\.csv: expected a folder to write into, .*no is none"):
        classify_file(tmp_path / "in.csv", tmp_path / "no" / "out.csv", by_rice)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"name\n\xff\xff\xff\n")
    with pytest.raises(InputError, match=r"expected text in UTF-8 or GB 18030"):
        classify_file(tmp_path / "in.csv", tmp_path / "out.csv", by_rice)


def test_the_command_codes_real_names(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("name,sku\n东北大米10斤,1\n水果刀,2\n纯牛奶250ml*24,3\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["classify", str(source), "--out", str(target)])
    assert result.exit_code == 0, result.output
    out = rows(target)
    assert [r[2] for r in out[1:]] == ["0101", "98", "0601"]
    assert out[1][5:] == ["5000", "g", "1"]
    assert out[3][5:] == ["250", "ml", "24"]
    assert all(0.5 < float(r[3]) <= 1 and r[4] == "name" for r in out[1:])
