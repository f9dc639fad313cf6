"""The command that runs the detectors over a file of the past: ``backtest``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.common import CommandError, require, say, told

if TYPE_CHECKING:
    from deploy.backtest_input import Wrong
    from deploy.backtesting import Summary

_LISTED = 20


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: infopump backtest prices.csv --out alerts.csv --signals signals.csv")(backtest)


def backtest(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT.csv",
            help="Columns ts, region, commodity and any of price, qty, stock.",
            exists=True,
            dir_okay=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="ALERTS.csv", help="Where to write the alerts.")],
    signals: Annotated[
        Path | None, typer.Option(metavar="SIGNALS.csv", help="Where to write the chance of each scored observation.")
    ] = None,
    rulebook: Annotated[str, typer.Option(metavar="NAME", help="The rulebook that grades the alerts.")] = "national",
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="BUDGET",
            help="False alerts a month: one number, or by level: IV=4,III=2,II=0.5,I=0.1.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at rows that are not as expected.")] = False,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="The values are metrics of any kind (temperatures, loads), and no trade.")
    ] = False,
    centres: Annotated[
        Path | None,
        typer.Option(
            metavar="CENTRES.csv",
            help="Where regions lie: code, longitude, latitude. Most division codes are known.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a picture of each alert into this folder.")
    ] = None,
) -> None:
    """Run the detectors and the escalation of the stream over a file, period by period.

    What is said of a period follows from the rows up to it. Times without a zone are China's; regions of 2, 4 and 6
    digits are division codes with a hierarchy, others are flat. ALERTS.csv has alert_id, detected, onset, region,
    commodity, kind, level, score, recurrence_days, regions, commodities; SIGNALS.csv ts, region, commodity, kind, p.
    """
    require("detect", "holidays")
    if plot is not None:
        require("plot", "matplotlib")
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from deploy.backtest_input import read_input
    from deploy.backtesting import run
    from detectors.adjacency import CentresError, read_centres
    from detectors.budget import BudgetError, parse_budget
    from detectors.rulebook import RulebookError, rulebooks

    with told(RulebookError, BudgetError, CentresError):
        books = rulebooks(rulebook)
        allowed = parse_budget(budget) if budget is not None else None
        places = read_centres(centres) if centres is not None else None
    for target in (out, signals):
        if target is not None and not target.parent.is_dir():
            raise CommandError(f"{target}: expected a folder to write into, {target.parent} is none: make it first")
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        given = read_input(source)
        if given.wrong:
            _list(given.wrong)
            if strict:
                raise CommandError(f"{source}: {len(given.wrong)} of {given.rows} rows are not as expected (--strict)")
        bar.update(task, description="detecting", total=len(given.numbers), completed=0)
        summary = run(
            given,
            out,
            signals,
            books,
            allowed,
            plot,
            lambda done: bar.update(task, completed=done),
            metrics=metrics,
            centres=places,
        )
    _tell(summary, out)


def _list(wrong: "list[Wrong]") -> None:
    for row in wrong[:_LISTED]:
        say(f"line {row.line}: {row.reason}; skipped")
    if len(wrong) > _LISTED:
        say(f"and {len(wrong) - _LISTED} more rows; all are skipped")


def _tell(summary: "Summary", out: Path) -> None:
    say(
        f"{summary.observations} observations of {summary.series} series in {summary.periods} periods; "
        f"{summary.skipped} rows skipped; {summary.signals} chances; {summary.alerts} alerts written to {out}"
    )
    if summary.alerts:
        say(f"  of these chance alone would give {summary.by_chance:.0f}")
    for kind, count in sorted(summary.by_kind.items()):
        say(f"  {kind:20s} {count}")
