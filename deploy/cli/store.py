"""``query``: questions to the store, answered by the writer that has it open."""

import csv
import json
import sys
from typing import Annotated

import typer

from deploy.cli.common import CommandError, WrongUse, settings_of, told


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog='Example: infopump query "SELECT code, sum(amount) FROM infopump.sales GROUP BY code"')(query)


def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(help="One SELECT in ClickHouse's SQL; - reads it from standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="A JSON array with an object for each row.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV with a header.")] = False,
) -> None:
    """Ask the store a question in SQL.

    The writer must be running: it has the store open.
    """
    from deploy.tables import plain_table
    from sinks.query import QueryError, StoreNotRunning, ask

    if as_json and as_csv:
        raise WrongUse("query: --json and --csv exclude each other")
    data_dir = settings_of(context).data_dir
    with told(QueryError):
        try:
            table = ask(settings_of(context).store_socket, sys.stdin.read() if sql == "-" else sql)
        except StoreNotRunning as error:
            raise CommandError(
                f"no writer runs on {data_dir}: start one with `infopump up` or `infopump writer`, or name the data of "
                "the one that runs with --data-dir"
            ) from error
    if as_json:
        typer.echo(json.dumps(table.to_pylist(), ensure_ascii=False, default=str))
    elif as_csv:
        rows = csv.writer(sys.stdout, lineterminator="\n")
        rows.writerow(table.column_names)
        rows.writerows(row.values() for row in table.to_pylist())
    else:
        typer.echo(plain_table(table))
