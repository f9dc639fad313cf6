"""``quality``: how good the data of each enterprise are."""

from datetime import datetime
from typing import Annotated

import typer

from deploy.cli.common import WrongUse, say, settings_of, told


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: infopump quality --enterprise chain-01 --days 30 --csv")(quality)


def quality(
    context: typer.Context,
    enterprise: Annotated[str, typer.Option(help="One enterprise; by default all.", show_default=False)] = "",
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last day, in China's time; by default yesterday."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=366, help="So many days up to it; by default 1 with --day, else 7.")
    ] = None,
    mistakes: Annotated[bool, typer.Option("--mistakes", help="List the articles whose unit is mistaken.")] = False,
    silent: Annotated[bool, typer.Option("--silent", help="List the articles that fell silent, by shop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON array.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV with a header.")] = False,
) -> None:
    """Report on the data that enterprises send: completeness, timeliness, coding, units, silence, duplicates.

    Each measure stands against the period before; what is amber and what is red is in sinks/data/quality.toml.
    """
    import json
    from datetime import timedelta

    import msgspec
    import pyarrow as pa

    from deploy import quality as reports
    from deploy.tables import plain_table
    from sinks.quality import mistaken_articles, silent_articles
    from sinks.query import QueryError, ask

    if as_json and as_csv:
        raise WrongUse("quality: --json and --csv exclude each other")
    if mistakes and silent:
        raise WrongUse("quality: --mistakes and --silent exclude each other")
    socket = settings_of(context).store_socket
    last = day.date() if day else datetime.now(reports.CHINA).date() - timedelta(days=1)
    period = reports.period_of(last, days or (1 if day else 7))

    def answer(sql: str) -> pa.Table:
        return ask(socket, sql)

    with told(QueryError):
        if mistakes or silent:
            rows = answer((mistaken_articles if mistakes else silent_articles)(period, enterprise))
            found = None
        else:
            found = reports.report(answer, period, enterprise)
            rows = reports.table(found)
    if as_json:
        typer.echo(
            msgspec.json.encode(found).decode()
            if found is not None
            else json.dumps(rows.to_pylist(), ensure_ascii=False, default=str)
        )
    elif as_csv:
        typer.echo(reports.csv_text(rows), nl=False)
    elif found is None:
        typer.echo(plain_table(rows))
    elif found:
        typer.echo("\n".join(reports.summary(found)))
    if not rows.num_rows:
        say("nothing was found in that time")
