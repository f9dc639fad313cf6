"""``rulebook``: whether the rules add up, and why an alert has its level."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.common import CommandError, WrongUse, say, settings_of

if TYPE_CHECKING:
    from streams.records import Alert

group = typer.Typer(
    help="The rules by which alerts are graded: check them, and ask why.",
    epilog="Example: infopump rulebook check",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="rulebook")


@group.command(epilog="Example: infopump rulebook check my-city.toml")
def check(
    book: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files, or names of shipped rulebooks; by default all that are shipped.", show_default=False
        ),
    ] = None,
) -> None:
    """Say whether rulebooks can be used; exit status 1 where one cannot.

    Each fault is named with its place: a measure, window, operator, level, source or region that is not known, a
    clause that stands twice, a number outside its range.
    """
    from detectors.rulebook import RulebookError, load_rulebook, read_rulebook, shipped

    wrong = 0
    for one in book or shipped():
        try:
            found = load_rulebook(one) if one in shipped() else read_rulebook(_text_of(one))
        except RulebookError as error:
            typer.echo(f"{one}: {error}")
            wrong += 1
            continue
        where = ", ".join(code or "everywhere" for code in found.jurisdiction) or "where it is asked for by name"
        typer.echo(f"{found.label}: clauses: {len(found.clauses)}; holds {where}")
        for missing in found.not_found:
            typer.echo(f"  not found in its sources: {missing}")
    if wrong:
        raise CommandError(f"{wrong} of {len(book or shipped())} rulebooks cannot be used")


@group.command(epilog="Example: infopump subscribe --json | head -1 | infopump rulebook explain -")
def explain(
    context: typer.Context,
    alert: Annotated[str, typer.Argument(help="The id of an alert, a file with its event in JSON, or - for stdin.")],
    url: Annotated[
        str, typer.Option(help="The gateway; by default the one that runs on the data directory.", show_default=False)
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="A JSON array with an object for each rulebook.")] = False,
) -> None:
    """Say why an alert has its level: each clause, what was measured, the threshold, true or false, and the source.

    The answer follows from what the alert itself carries. An id is looked for in the gateway and then in the store.
    """
    import msgspec

    from deploy.words import explanation_lines
    from detectors.rulebook import load_rulebook, shipped
    from detectors.rulebook_explain import explain as explained
    from detectors.rulebook_explain import silent

    found = _alert_of(context, alert, url)
    books = [load_rulebook(name) for name in shipped()]
    answers = explained(found, books)
    if as_json:
        typer.echo(msgspec.json.encode(answers).decode())
        return
    for line in explanation_lines(found, answers, silent(found, books)):
        typer.echo(line)


def _text_of(name: str) -> str:
    """The text of a rulebook's file."""
    from detectors.rulebook import shipped

    path = Path(name)
    if not path.is_file():
        raise WrongUse(f"rulebook check: expected a file or one of {', '.join(shipped())}; got {name!r}")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name}: expected a rulebook in TOML and UTF-8; {error}") from error


def _alert_of(context: typer.Context, name: str, url: str) -> "Alert":
    """The alert of an id, a file or standard input. Raises CommandError."""
    import msgspec

    from streams.records import Alert, AlertEvent

    if name == "-":
        text: bytes = sys.stdin.buffer.read()
    elif Path(name).is_file():
        text = Path(name).read_bytes()
    else:
        text = _ask_gateway(context, name, url) or _ask_store(context, name)
    try:
        return msgspec.json.decode(text, type=AlertEvent).data
    except msgspec.DecodeError as error:
        try:
            return msgspec.json.decode(text, type=Alert)
        except msgspec.DecodeError:
            raise CommandError(f"{name}: expected an alert's event in JSON; {error}") from error


def _ask_gateway(context: typer.Context, alert_id: str, url: str) -> bytes:
    """The newest revision of an alert as the gateway has it; empty where it has none, or none runs."""
    import json
    from urllib.error import HTTPError, URLError
    from urllib.parse import quote
    from urllib.request import Request, urlopen

    from deploy import runfile
    from deploy.children import reachable

    settings = settings_of(context)
    running = runfile.read(settings.data_dir)
    here = (running and running.gateway) or f"http://{reachable(settings.gateway.host)}:{settings.gateway.port}"
    base = (url or here).rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise WrongUse(f"--url: expected an address that begins with http:// or https://, got {base!r}")
    request = Request(f"{base}/api/alerts/{quote(alert_id, safe='')}")  # noqa: S310 (checked above)
    if settings.gateway.token:
        request.add_header("Authorization", f"Bearer {settings.gateway.token.get_secret_value()}")
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310 (checked above)
            return json.dumps(json.load(answer)["event"]).encode()
    except HTTPError as error:
        if error.code != 404:
            raise CommandError(f"{base}: {error}") from error
    except (URLError, OSError) as error:
        if url:
            raise CommandError(f"{base}: {error}") from error
    return b""


def _ask_store(context: typer.Context, alert_id: str) -> bytes:
    """The newest revision of an alert as the store has it. Raises CommandError where there is none."""
    from sinks.query import QueryError, ask

    quoted = alert_id.replace("\\", "\\\\").replace("'", "\\'")
    sql = f"SELECT data FROM infopump.alerts WHERE alert_id = '{quoted}' ORDER BY revision DESC LIMIT 1"  # noqa: S608
    try:
        table = ask(settings_of(context).store_socket, sql)
    except QueryError as error:
        raise CommandError(f"{alert_id}: no gateway knows it, and the store does not answer: {error}") from error
    if not table.num_rows:
        raise CommandError(f"{alert_id}: expected the id of an alert, a file, or -; neither gateway nor store has it")
    say(f"{alert_id}: as the store has it")
    return str(table["data"][0].as_py()).encode()
