"""The command that brings a list of item names onto the taxonomy: ``classify``."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.common import require, say


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: infopump classify items.csv --out coded.csv")(classify)


def classify(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT.csv", help="A CSV file with a column `name`.", exists=True, dir_okay=False)
    ],
    out: Annotated[Path, typer.Option("--out", metavar="OUT.csv", help="Where to write the coded rows.")],
) -> None:
    """Bring item names onto the taxonomy: code, confidence and net content of each row.

    INPUT.csv has a column `name` and may have sku, spec, unit, barcode, price and any others. OUT.csv has the same rows
    in the same order, with code (empty: declined), confidence (0 to 1), method, and the printed net content added: qty
    g, ml or pieces (unit) in one pack, and how many packs.
    """
    require("names", "ahocorasick", "opencc")
    from rich.console import Console
    from rich.progress import Progress

    from agents.naming.classifier import classifier
    from deploy.classifying import classify_file

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("classifying", total=max(source.stat().st_size, 1))
        counts = classify_file(source, out, classifier(), lambda done: bar.update(task, completed=done))
    say(f"{counts.rows} rows: {counts.coded} coded, {counts.measured} with net content; written to {out}")
