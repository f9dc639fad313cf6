"""The review at a terminal: the desk of a local system, its queue and its decisions as tables."""

import os
import pwd
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TextIO

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.cli.common import CommandError, find_bootstrap
from deploy.review_words import code_text, printable, suggestion, yuan
from deploy.settings import Settings
from deploy.words import china_time
from gateway.review_desk import Desk, Entry
from gateway.reviews import Article
from sinks.query import StoreNotRunning, ask
from streams.decisions import Decider
from streams.records import Decision

_WIDE = 10_000


def desk_of(settings: Settings) -> Desk:
    """A desk at the writer's socket and, for decisions, the broker; asking needs no broker."""
    return Desk(partial(_ask, settings), partial(_decide, settings))


def this_user() -> str:
    """The name of the user whom this process runs as: the author of what is decided here."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def articles_table(articles: Iterable[Article], first: int = 1) -> Table:
    """Articles as a queue, ranked from ``first`` on."""
    texts = ("enterprise", "SKU", "name", "spec", "suggestion")
    table = _table(("#", "right"), ("yuan", "right"), *texts, ("sure", "right"), "because")
    for rank, one in enumerate(articles, first):
        table.add_row(
            f"{rank}",
            yuan(one.value),
            *map(_text, (one.enterprise, one.sku, one.name, one.spec, suggestion(one))),
            f"{one.confidence:.0%}" if one.suggested else "-",
            _text("; ".join(one.reasons)),
        )
    return table


def log_table(entries: Iterable[Entry]) -> Table:
    """Decisions as a table."""
    table = _table("when", "author", "verdict", "enterprise", "SKU", "name", "code", "before", "holds", "note")
    for entry in entries:
        one = entry.decision
        table.add_row(
            china_time(one.at),
            *map(_text, (one.author, one.verdict, one.enterprise, one.sku, one.name)),
            *map(_text, (code_text(one.code), code_text(one.suggested))),
            "yes" if entry.holds else "no",
            _text(one.note),
        )
    return table


def show(table: Table, out: TextIO | None = None) -> None:
    """Print a table: as wide as the terminal, or for another program without any line broken."""
    out = out or sys.stdout
    if out.isatty():
        Console(file=out, highlight=False).print(table)
        return
    console = Console(file=out, width=_WIDE, highlight=False)
    with console.capture() as capture:
        console.print(table)
    out.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def decision_line(one: Decision) -> str:
    """What was decided, in one line."""
    what = f" as {code_text(one.code)}" if one.code else ""
    return f"{one.verdict}{what}: {printable(f'{one.name} (SKU {one.sku} of {one.enterprise})')}"


def _table(*columns: str | tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        if isinstance(column, str):
            table.add_column(column, overflow="fold")
        else:
            table.add_column(column[0], justify="right", no_wrap=True)
    return table


def _text(text: str) -> Text:
    return Text(printable(text))


def _ask(settings: Settings, sql: str) -> pa.Table:
    try:
        return ask(settings.store_socket, sql)
    except StoreNotRunning as error:
        raise CommandError(
            f"no writer runs on {settings.data_dir}: start the system with `infopump up` (or `infopump writer`), or "
            "name the data of the one that runs with --data-dir"
        ) from error


def _decide(settings: Settings, decisions: Sequence[Decision]) -> None:
    Decider(find_bootstrap(settings))(decisions)
