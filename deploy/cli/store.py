"""``query``: questions to the store, answered by the writer that has it open; ``store-users``: who may ask a server."""

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deploy.answers import BINARY, Form, text_of, write
from deploy.cli.common import WrongUse, no_writer, say, settings_of, told
from deploy.settings import Settings


class Asker(StrEnum):
    """In which role a question is asked."""

    analyst = "analyst"
    auditor = "auditor"
    publisher = "publisher"


class ServerRole(StrEnum):
    """What a user of a server may do."""

    writer = "writer"
    analyst = "analyst"
    auditor = "auditor"
    publisher = "publisher"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog='Example: infopump query "SELECT code, sum(amount) FROM cells_1d GROUP BY code"')(query)
    app.command(
        "store-users",
        epilog="Example: infopump store-users --user li --role analyst --password-file li.txt | clickhouse-client -mn",
    )(store_users)


def query(
    context: typer.Context,
    sql: Annotated[
        str, typer.Argument(help="One SELECT in ClickHouse's SQL; - reads it from standard input.", show_default=False)
    ] = "",
    question: Annotated[
        str, typer.Option(help="Ask this one of `infopump notebook-examples`.", metavar="NAME", show_default=False)
    ] = "",
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="With --question: its day, in China's time; by default yesterday."),
    ] = None,
    role: Annotated[
        Asker | None,
        typer.Option(
            "--as",
            help="Analysts see views that name no enterprise and no shop, auditors everything; each question is noted. "
            "By default analyst, or what a --question is for.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="How the answer is written.", show_default="table")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A file to write it to, whole or not at all.", dir_okay=False, show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON array with an object for each row.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV with a header.")] = False,
) -> None:
    """Ask the store a question in SQL.

    The writer must be running: it has the store open.
    """
    from sinks.query import QueryError, StoreNotRunning, ask

    chosen = _form(form, as_json=as_json, as_csv=as_csv)
    if chosen in BINARY and not out:
        raise WrongUse(f"query: expected --out FILE with --format {chosen}, which is no text")
    if bool(sql) == bool(question) or (day and not question):
        raise WrongUse("query: expected either SQL or --question, and --day with a question only")
    text, suited = _question(question, day) if question else (sql, Asker.analyst)
    settings = settings_of(context)
    with told(QueryError):
        try:
            table = ask(_socket(settings, role or suited), sys.stdin.read() if text == "-" else text)
        except StoreNotRunning as error:
            raise no_writer(settings) from error
    if out:
        write(table, chosen, out)
        say(f"{table.num_rows:,} rows in {out}")
    else:
        typer.echo(text_of(table, chosen), nl=False)


def _form(given: Form | None, *, as_json: bool, as_csv: bool) -> Form:
    if (given is not None) + as_json + as_csv > 1:
        raise WrongUse("query: --json and --csv exclude each other, and --format")
    return Form.JSON if as_json else Form.CSV if as_csv else given or Form.TABLE


def _socket(settings: Settings, asker: Asker) -> Path:
    from sinks.query import socket_of
    from sinks.roles import Role

    if asker is Asker.analyst and settings.store.analyst_socket:
        return settings.store.analyst_socket
    return socket_of(Role(asker), settings.store_socket)


def _question(name: str, day: datetime | None) -> tuple[str, Asker]:
    from sinks.questions import questions

    found = questions().get(name)
    if found is None:
        raise WrongUse(f"query: expected one of {', '.join(questions())}, got {name}")
    return found.on(day.date()) if day else found.sql, Asker(found.role)


def store_users(
    context: typer.Context,
    user: Annotated[str, typer.Option(help="Make this user too.", metavar="NAME", show_default=False)] = "",
    role: Annotated[ServerRole | None, typer.Option("--role", help="What the user may do.", show_default=False)] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(help="Where the password stands; by default it is asked for.", exists=True, dir_okay=False),
    ] = None,
) -> None:
    """Print databases, roles, grants, row policies and quotas of a ClickHouse server as SQL, for its administrator.

    Passwords stand in it as salted hashes alone. The database and the cluster are those of the settings. A user takes
    effect with store.server.user (writer) or store.server.ROLE.user and their passwords.
    """
    from sinks.grants import GrantError, Server, create_user, script, statements
    from sinks.roles import Role

    if bool(user) != bool(role) or (password_file and not user):
        raise WrongUse("store-users: expected --user together with --role, and --password-file with them only")
    settings = settings_of(context).store.server
    server = Server(settings.database, settings.cluster)
    with told(GrantError, OSError, UnicodeDecodeError):
        made = statements(server)
        if role:
            made += create_user(server, user, Role(role), _password(password_file, user))
    typer.echo(script(made), nl=False)


def _password(file: Path | None, user: str) -> str:
    if file:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    return str(typer.prompt(f"Password of {user}", hide_input=True, confirmation_prompt=True, err=True))
