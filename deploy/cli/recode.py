"""``recode``: past lines follow what people have decided since."""

import json
from datetime import datetime
from typing import Annotated

import typer

from deploy.cli.common import find_bootstrap, say, settings_of, told


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: infopump recode --since 2026-01-01 --dry-run")(recode)


def recode(
    context: typer.Context,
    since: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day, in China's time, whose lines are looked at.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON array with an object for each article, table and pair of codes.")
    ] = False,
) -> None:
    """Give past lines the code that their article was decided to have.

    The old code stays as known then. Ended anywhere, it can be run again.
    """
    import time
    from zoneinfo import ZoneInfo

    import pyarrow as pa
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from deploy.recoding import Recoding, by_article, planned
    from deploy.tables import plain_table
    from sinks.query import QueryError, ask

    settings = settings_of(context)
    start = int(since.replace(tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)

    def answer(sql: str) -> pa.Table:
        return ask(settings.store_socket, sql)

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with told(QueryError):
        if dry_run:
            done = planned(answer, start)
        else:
            job = Recoding(find_bootstrap(settings), answer, now=time.time_ns() // 1_000_000)
            with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
                task = bar.add_task("waiting for the writer", total=None)
                done = job.run(
                    start, lambda n, total: bar.update(task, completed=n, total=total, description="lines corrected")
                )
    lines, articles = sum(one.lines for one in done), len({(one.enterprise, one.sku) for one in done})
    say(f"{lines:,} lines of {articles:,} articles {'to correct' if dry_run else 'corrected'}")
    rows = by_article(done)
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
    elif rows:
        typer.echo(plain_table(pa.Table.from_pylist(rows)))
