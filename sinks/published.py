"""A published table as a CSV file, and the file for the auditor of what stands behind it. Pure: text in, text out."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Final

import numpy as np

from sinks.disclosure import DisclosureError, Flags, Ints, Measure
from sinks.frame import ROOT, Frame, Period, period
from sinks.tabulation import LEVELS, MEASURES, UNSPLIT, Cells, measured, unit_of
from streams import regions, taxonomy

COLUMNS: Final = (
    *("day", "level", "region", "region_zh", "code", "name_zh", "unit"),
    *("turnover_yuan", "base_qty", "mean_price", "enterprises", "mark"),
)
SUPPRESSED: Final = "x"
UNMEASURED: Final = "unmeasured"
"""Measure that is not published: turnover of lines without a quantity; a mean price without them would mislead."""
_KEY: Final = ("period", "region", "code")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_LEVEL_OF: Final = {digits: level for level, digits in LEVELS.items()}


@dataclass(frozen=True)
class Published:
    """What a published table says. ``values``: of (period, region, code) and measure; None where it is hidden, and a
    measure that is not published for the cell is missing. ``level``: of its smallest regions."""

    period: Period
    level: str
    values: Mapping[tuple[str, str, str], Mapping[str, int | None]]


def table_text(cells: Cells, hidden: Flags, period: str, level: str) -> str:
    """One period of the table as CSV with a header, down to ``level``.

    No name can be taken for a formula by a spreadsheet. Nothing tells why a cell is hidden.
    """
    frame, turnover, quantity = cells.frame, cells.measures["turnover"], cells.measures["base_qty"]
    unmeasured = cells.measures[UNMEASURED].total
    shown, depth = np.flatnonzero(cells.of(period, level)), cells.depth.tolist()
    region_names = [_safe(regions.name_of(code).zh) for code in frame.regions]
    code_names = [_safe(_code_name(code)) for code in frame.codes]
    units = [unit_of(code) for code in frame.codes]
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for cell in shown.tolist():
        where, what = int(frame.region[cell]), int(frame.code[cell])
        figures = ["", "", "", "", SUPPRESSED]
        if not hidden[cell]:
            fen, measure = int(turnover.total[cell]), int(quantity.total[cell])
            price = f"{fen * 10 / measure:.2f}" if units[what] and measure and not unmeasured[cell] else ""
            figures = [f"{fen // 100}.{fen % 100:02d}", str(measure) if units[what] else "", price]
            figures += [str(int(turnover.contributors[cell])), ""]
        names = [region_names[where], frame.codes[what], code_names[what], units[what]]
        writer.writerow([period, _LEVEL_OF[depth[cell]], frame.regions[where], *names, *figures])
    return out.getvalue()


def read_table(text: str) -> Published:
    """The table of ``table_text``. Raises DisclosureError where it is not one, with the line."""
    rows = csv.DictReader(StringIO(text))
    if missing := set(COLUMNS) - set(rows.fieldnames or ()):
        raise DisclosureError(f"expected a published table, got one without the columns {', '.join(sorted(missing))}")
    values: dict[tuple[str, str, str], dict[str, int | None]] = {}
    names, levels = set(), {"nation"}
    for line, row in enumerate(rows, 2):
        key = (row["day"], row["region"], row["code"])
        if key in values or row["level"] not in LEVELS or row["mark"] not in ("", SUPPRESSED):
            raise DisclosureError(f"line {line}: expected a cell that stands once, a known level and mark, got {row}")
        names.add(row["day"])
        levels.add(row["level"])
        quantity: dict[str, int | None] = {}
        try:
            if row["mark"] == SUPPRESSED:
                values[key] = {"turnover": _fen(row["turnover_yuan"]), "base_qty": _whole(row["base_qty"])}
                continue
            if row["base_qty"]:
                quantity = {"base_qty": int(row["base_qty"])}
            values[key] = {"turnover": _fen(row["turnover_yuan"], needed=True), **quantity}
        except ValueError as error:
            raise DisclosureError(f"line {line}: expected figures, got {row}") from error
    if len(names) != 1:
        raise DisclosureError(f"expected a table of one period, got {len(names)}")
    return Published(period(names.pop()), max(levels, key=LEVELS.__getitem__), values)


def truth_text(cells: Cells) -> str:
    """All cells with their contributors as CSV: for the auditor alone."""
    parts = [(name, part) for name in cells.measures for part in Measure.__slots__]
    columns = [getattr(cells.measures[name], part).tolist() for name, part in parts]
    frame = cells.frame
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_KEY, *(f"{name}.{part}" for name, part in parts)])
    for cell, row in enumerate(zip(*columns, strict=True)):
        key = (frame.periods[frame.period[cell]].name, frame.regions[frame.region[cell]], frame.codes[frame.code[cell]])
        writer.writerow([*key, *row])
    return out.getvalue()


def read_truth(text: str) -> Cells:
    """The cells of ``truth_text``. Raises DisclosureError."""
    rows = csv.reader(StringIO(text))
    header = next(rows, [])
    parts = [f"{name}.{part}" for name in (*MEASURES, UNMEASURED) for part in Measure.__slots__]
    if header != [*_KEY, *parts]:
        raise DisclosureError("expected the file that publish --truth-out has written")
    table = list(rows)
    keys: list[list[str]] = [[row[n] for row in table] for n in range(len(_KEY))]
    try:
        figures = np.array([row[len(_KEY) :] for row in table], dtype=str).astype(np.int64).reshape(-1, len(parts))
    except ValueError as error:
        raise DisclosureError("expected whole numbers for every cell of the truth") from error
    periods = [period(name) for name in sorted(set(keys[0]), key=lambda name: (name.startswith("~"), name))]
    nodes = [[one.name for one in periods], sorted(set(keys[1])), sorted(set(keys[2]))]
    when, where, what = (_numbers(key, of) for key, of in zip(keys, nodes, strict=True))
    frame = Frame(nodes[1], nodes[2], periods, where.astype(np.int32), what.astype(np.int32), when.astype(np.int32))
    columns = dict(zip(parts, figures.T, strict=True))
    measures = {
        name: Measure(
            columns[f"{name}.total"],
            columns[f"{name}.largest"],
            columns[f"{name}.second"],
            columns[f"{name}.contributors"].astype(np.int32),
            columns[f"{name}.owner"].astype(np.int32),
        )
        for name in (*MEASURES, UNMEASURED)
    }
    return Cells(frame, measures)


def compared(cells: Cells, tables: Iterable[Published]) -> tuple[Flags, Flags, list[str]]:
    """Which cells the tables publish and which they show as hidden, and where they do not say what is so."""
    frame = cells.frame
    published, marked = np.zeros(len(frame), bool), np.zeros(len(frame), bool)
    number = {one.name: n for n, one in enumerate(frame.periods)}
    where, what = ({code: n for n, code in enumerate(nodes)} for nodes in (frame.regions, frame.codes))
    can = {name: measured(cells, name) for name in MEASURES}
    faults: list[str] = []
    for table in tables:
        for (when, region, code), values in table.values.items():
            at = number.get(when, -1), where.get(region, -1), what.get(code, -1)
            cell = int(frame.cell_at[at[1], at[2], at[0]]) if min(at) >= 0 else -1
            label = f"{when}, region {region}, commodity {code}"
            if cell < 0:
                faults.append(f"{label}: nothing was sold there")
                continue
            truth = {name: int(cells.measures[name].total[cell]) if can[name][cell] else None for name in MEASURES}
            said = any(value is not None for value in values.values())
            if said and any(values.get(name) != value for name, value in truth.items()):
                faults.append(f"{label}: the figures are not those of the store")
            (published if said else marked)[cell] = True
        lacking = np.flatnonzero(cells.of(table.period.name, table.level) & ~published & ~marked)
        faults += [f"{frame.label(cell)}: the row is missing" for cell in lacking.tolist()]
    return published, marked & ~published, faults


def _numbers(values: list[str], nodes: list[str]) -> Ints:
    number = {code: n for n, code in enumerate(nodes)}
    return np.array([number[value] for value in values], np.int64)


def _code_name(code: str) -> str:
    if code == ROOT:
        return "合计"
    if len(code) > 2 and code.endswith(UNSPLIT):
        return f"{taxonomy.name_of(code.removesuffix(UNSPLIT)).zh}（未细分）"
    return taxonomy.name_of(code).zh


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _fen(text: str, *, needed: bool = False) -> int | None:
    if not text and not needed:
        return None
    yuan, _, fen = text.partition(".")
    if len(fen) != 2 or not (yuan + fen).isdecimal():
        raise ValueError(text)
    return int(yuan + fen)


def _whole(text: str) -> int | None:
    return int(text) if text else None
