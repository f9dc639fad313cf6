"""``publish`` and ``audit-table``: tables for the public that give no enterprise away."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.common import CommandError, WrongUse, no_writer, require, say, settings_of, told

if TYPE_CHECKING:
    import pyarrow as pa

    from deploy.settings import Settings
    from sinks.disclosure import Rule
    from sinks.published import Published
    from sinks.publishing import Ask, Breach, Progress


class Level(StrEnum):
    """The smallest regions of a table."""

    county = "county"
    city = "city"
    province = "province"
    nation = "nation"


class Span(StrEnum):
    """What a table sums up."""

    day = "day"
    week = "week"
    month = "month"


_RULE = typer.Option(
    "--rule",
    help="TOML with minimum, p and margin, in percent; keep it to yourself. By default a rule in common use.",
    exists=True,
    dir_okay=False,
    show_default=False,
)
_HOLDINGS = typer.Option(
    "--holdings",
    help="CSV with the columns enterprise and holding, in the place of what the register says of these enterprises. "
    "Enterprises of one holding count as one.",
    exists=True,
    dir_okay=False,
    show_default=False,
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: infopump publish --level city --day 2026-03-01 --out table.csv")(publish)
    app.command("audit-table", epilog="Example: infopump audit-table table.csv --truth truth.csv")(audit_table)


def publish(
    context: typer.Context,
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day, in China's time, or one of the span.")],
    out: Annotated[Path, typer.Option(help="The table that may be given out.", dir_okay=False)],
    level: Annotated[Level, typer.Option(help="The smallest regions; those above are in the table too.")] = Level.city,
    span: Annotated[Span, typer.Option(help="The day, or the week from Monday or the month that it is in.")] = Span.day,
    earlier: Annotated[
        list[Path] | None,
        typer.Option(
            help="A table given out before that overlaps this one: of another level, or of days in its span. Again for "
            "each.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    truth_out: Annotated[
        Path | None, typer.Option(help="What an auditor needs; never to be given out.", dir_okay=False)
    ] = None,
    rule: Annotated[Path | None, _RULE] = None,
    holdings: Annotated[Path | None, _HOLDINGS] = None,
) -> None:
    """Write a table of turnover, quantity and mean price by region and commodity that gives no enterprise away.

    What is hidden is marked x. The table is attacked before it is written: one that can be broken is refused.
    """
    require("publish", "scipy")
    from sinks.disclosure import DisclosureError
    from sinks.frame import period
    from sinks.published import read_table, table_text, truth_text
    from sinks.publishing import audit, from_store, protect
    from sinks.query import QueryError
    from sinks.tabulation import LEVELS

    if truth_out and truth_out.absolute() == out.absolute():
        raise WrongUse("publish: expected the truth in a file of its own, got --out and --truth-out the same")
    ask = _asker(settings_of(context))
    new = period(_span(day.date(), span))
    with told(QueryError, DisclosureError), _bar() as progress:
        by, before = _rule(rule), [read_table(_text(path)) for path in earlier or ()]
        finest = max([level.value, *(one.level for one in before)], key=LEVELS.__getitem__)
        periods = [new, *(one.period for one in before)]
        cells = from_store(ask, periods, finest, _holdings(holdings), progress)
        mine = cells.of(new.name, level.value)
        if not mine.any():
            raise DisclosureError(f"nothing was sold on {new.name}: there is nothing to publish")
        hidden = protect(cells, by, mine, before, progress)
        text = table_text(cells, hidden, new.name, level.value)
        faults, found = audit(cells, [*before, read_table(text)], by, progress)
    if faults or found:
        raise CommandError(
            f"the table was not written: the attack on it found {len(faults) + len(found)} figures, the first "
            f"{faults[0] if faults else found[0].where}. Please report this"
        )
    if truth_out:
        _write(truth_out, truth_text(cells), 0o600)
    _write(out, text, 0o644)
    value = cells.measures["turnover"].total
    deepest = mine & (cells.depth == cells.depth[mine].max())
    say(
        f"{int(mine.sum()):,} cells, {(hidden & mine).sum() / mine.sum():.1%} of them hidden; in the smallest regions "
        f"{(hidden & deepest).sum() / deepest.sum():.1%} of the cells with "
        f"{value[hidden & deepest].sum() / max(value[deepest].sum(), 1):.1%} of the turnover"
    )


def audit_table(
    context: typer.Context,
    tables: Annotated[
        list[Path], typer.Argument(help="Published tables; several are attacked together.", exists=True, dir_okay=False)
    ],
    truth: Annotated[
        Path | None,
        typer.Option(
            help="What publish --truth-out wrote; by default the store is asked.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    rule: Annotated[Path | None, _RULE] = None,
    holdings: Annotated[Path | None, _HOLDINGS] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object with faults and breaches.")] = False,
) -> None:
    """Attack published tables: exit status 1 where a hidden figure can be reckoned too closely from all the others.

    Bounds of each hidden cell are found by linear programming. The output is for the auditor alone.
    """
    require("publish", "scipy")
    import json
    from dataclasses import asdict

    from sinks.disclosure import DisclosureError
    from sinks.published import read_table, read_truth
    from sinks.publishing import audit, from_store
    from sinks.query import QueryError
    from sinks.tabulation import LEVELS

    ask = _asker(settings_of(context))
    with told(QueryError, DisclosureError), _bar() as progress:
        by, given = _rule(rule), [read_table(_text(path)) for path in tables]
        if truth:
            cells = read_truth(_text(truth))
        else:
            finest = max((one.level for one in given), key=LEVELS.__getitem__)
            periods = [one.period for one in given]
            cells = from_store(ask, periods, finest, _holdings(holdings), progress)
        faults, found = audit(cells, given, by, progress)
    if as_json:
        typer.echo(json.dumps({"faults": faults, "breaches": [asdict(one) for one in found]}, ensure_ascii=False))
    else:
        for line in [*faults, *map(_told, found)]:
            typer.echo(line)
    if faults or found:
        raise CommandError(f"{len(found)} figures can be reckoned too closely, {len(faults)} are not as they should be")
    say(f"nothing was found: {_hidden(given):,} hidden cells stay as uncertain as they must")


def _asker(settings: "Settings") -> "Ask":
    """Asks the store as a publisher: who makes a table, or audits one, needs to see no shop and no article."""
    from sinks.query import StoreNotRunning, ask, socket_of
    from sinks.roles import Role

    socket = socket_of(Role.PUBLISHER, settings.store_socket)

    def asked(sql: str) -> "pa.Table":
        try:
            return ask(socket, sql)
        except StoreNotRunning as error:
            raise no_writer(settings) from error

    return asked


def _told(one: "Breach") -> str:
    high = "no end" if one.high is None else f"{one.high:,}"
    return (
        f"{one.where}: {one.measure} {one.value:,} lies between {one.low:,} and {high} for {one.attacker}; "
        f"{one.need:,} to either side must stay possible"
    )


def _hidden(tables: "list[Published]") -> int:
    return sum(all(value is None for value in row.values()) for one in tables for row in one.values.values())


def _span(day: date, span: Span) -> str:
    if span is Span.day:
        return day.isoformat()
    if span is Span.week:
        first = day - timedelta(days=day.weekday())
        return f"{first}/{first + timedelta(days=6)}"
    first = day.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return f"{first}/{last}"


def _rule(path: Path | None) -> "Rule":
    import tomllib

    from sinks.disclosure import DisclosureError, Rule

    if path is None:
        return Rule()
    try:
        return Rule(**tomllib.loads(_text(path)))
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise DisclosureError(f"{path}: expected numbers for minimum, p and margin; {error}") from error


def _holdings(path: Path | None) -> dict[str, str]:
    import csv

    from sinks.disclosure import DisclosureError

    if path is None:
        return {}
    rows = csv.DictReader(_text(path).splitlines())
    if not {"enterprise", "holding"} <= set(rows.fieldnames or ()):
        raise DisclosureError(f"{path}: expected the columns enterprise and holding, got {rows.fieldnames}")
    return {row["enterprise"]: row["holding"] for row in rows if row["holding"]}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: expected a file in UTF-8; {error}") from error


def _write(path: Path, text: str, mode: int) -> None:
    """Whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CommandError(f"{path}: expected to write there; {error}") from error


@contextmanager
def _bar() -> "Iterator[Progress]":
    """A bar on standard error, one line for each step of the work."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns: Any = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda step, done, of: bar.update(task, description=step, completed=done, total=of)
