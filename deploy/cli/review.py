"""``review``: people decide what articles are; running workers follow within two seconds."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer

from deploy.cli.common import CommandError, WrongUse, find_bootstrap, say, settings_of, told

group = typer.Typer(
    help="Decide what articles are that the system is not sure of, those with the greatest sales first.",
    epilog="Example: infopump review list --match 大米 --below 0.7",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Enterprise = Annotated[str, typer.Option("--enterprise", help="Only of this enterprise.", show_default=False)]
Match = Annotated[
    str,
    typer.Option("--match", help="Part of a name, or a whole name in which * stands for anything.", show_default=False),
]
Prefix = Annotated[str, typer.Option("--code", help="Only suggestions that begin so.", show_default=False)]
Below = Annotated[float, typer.Option("--below", help="Only with less confidence than this.", min=0, max=1)]
All = Annotated[bool, typer.Option("--all", help="Sure suggestions as well.")]
Days = Annotated[int, typer.Option("--days", help="Days of sales that count for the rank.", min=1, max=366)]
Author = Annotated[str, typer.Option("--author", help="Who decides; by default the user.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Owner = Annotated[str, typer.Argument(metavar="ENTERPRISE", help="Whose article it is.")]
Sku = Annotated[str, typer.Argument(metavar="SKU", help="Its SKU as `review list` shows it.")]
Unit = Annotated[str, typer.Option("--unit", help="The unit it is sold in, where its lines do not say.")]
Content = Annotated[str, typer.Option("--content", help="What one pack holds: 500g, 1.5L, 12pc.")]
Note = Annotated[str, typer.Option("--note", help="For the record.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="review")


@group.callback()
def interactive(
    context: typer.Context,
    enterprise: Enterprise = "",
    match: Match = "",
    code: Prefix = "",
    below: Below = 0.8,
    everything: All = False,
    days: Days = 28,
    author: Author = "",
) -> None:
    """Decide what articles are that the system is not sure of, those with the greatest sales first.

    Without a further word: one article after another, a key for each decision. Each decision stands in the registry
    with its author, and running workers follow it within two seconds.
    """
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console

    from deploy.review_keyboard import TerminalKeyboard
    from deploy.review_session import Session
    from deploy.reviewing import desk_of, this_user
    from gateway.reviews import Search

    settings = settings_of(context)
    with _told(), TerminalKeyboard() as keyboard:
        # Before the first decision is made, and not after it.
        find_bootstrap(settings)
        search = Search(enterprise, code, match, below, everything=everything, days=days)
        session = Session(desk_of(settings), search, author or this_user(), keyboard, Console(highlight=False))
        with suppress(KeyboardInterrupt):
            session.run()
    say(session.tally.text())


@group.command("list", epilog="Example: infopump review list --enterprise chain-01 --limit 50")
def list_(
    context: typer.Context,
    enterprise: Enterprise = "",
    match: Match = "",
    code: Prefix = "",
    below: Below = 0.8,
    at_least: Annotated[float, typer.Option(help="Only with at least this confidence.", min=0, max=1)] = 0.0,
    everything: All = False,
    days: Days = 28,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=500)] = 20,
    offset: Annotated[int, typer.Option(help="How many to pass over.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Print the queue: what waits, its sales, its suggestion and the reasons."""
    from deploy.reviewing import articles_table, desk_of, show
    from gateway.reviews import Search

    with _told():
        search = Search(enterprise, code, match, below, at_least, everything, days=days)
        page = desk_of(settings_of(context)).page(search, limit, offset)
    if as_json:
        _json(page)
        return
    if page.articles:
        show(articles_table(page.articles, offset + 1))
    say(f"{len(page.articles)} of {page.total:,} articles; {page.suggested:,} have a suggestion")


@group.command(epilog="Example: infopump review accept chain-01 6901234567892")
def accept(context: typer.Context, enterprise: Owner, sku: Sku, note: Note = "", author: Author = "") -> None:
    """Accept the suggestion of an article."""
    _decide(context, author, enterprise=enterprise, sku=sku, verdict="accepted", note=note)


@group.command(epilog="Example: infopump review correct chain-01 6901234567892 --code 0101 --content 5kg")
def correct(
    context: typer.Context,
    enterprise: Owner,
    sku: Sku,
    code: Annotated[str, typer.Option("--code", help="What it is: `infopump taxonomy show` lists the codes.")],
    unit: Unit = "",
    content: Content = "",
    brand: Annotated[str, typer.Option("--brand", help="Its brand, where the described one is wrong.")] = "",
    note: Note = "",
    author: Author = "",
) -> None:
    """Say what an article is."""
    from deploy.review_words import content_of

    try:
        held = content_of(content) if content else 0
    except ValueError as error:
        raise WrongUse(f"review correct: --content: {error}") from error
    more = {"code": code, "unit": unit, "content": held, "brand": brand, "note": note}
    _decide(context, author, enterprise=enterprise, sku=sku, verdict="corrected", **more)


@group.command(epilog="Example: infopump review split chain-01 9001")
def split(context: typer.Context, enterprise: Owner, sku: Sku, note: Note = "", author: Author = "") -> None:
    """Say that a SKU stands for different goods: from now on each name is an article of its own."""
    _decide(context, author, enterprise=enterprise, sku=sku, verdict="split", note=note)


@group.command(epilog="Example: infopump review withdraw chain-01 6901234567892")
def withdraw(context: typer.Context, enterprise: Owner, sku: Sku, note: Note = "", author: Author = "") -> None:
    """Take an earlier decision back."""
    _decide(context, author, enterprise=enterprise, sku=sku, verdict="withdrawn", note=note)


@group.command("accept-all", epilog="Example: infopump review accept-all --match '*大米*' --at-least 0.6 --dry-run")
def accept_all(
    context: typer.Context,
    match: Annotated[
        str, typer.Option("--match", help="Part of a name, or a whole name in which * stands for anything.")
    ],
    enterprise: Enterprise = "",
    code: Prefix = "",
    at_least: Annotated[float, typer.Option(help="Only with at least this confidence.", min=0, max=1)] = 0.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be accepted.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    author: Author = "",
) -> None:
    """Accept the suggestions of all articles whose name fits a pattern, sure ones included: 500 at most.

    Prints them first, and asks.
    """
    from deploy.reviewing import articles_table, desk_of, show, this_user
    from gateway.reviews import Search

    if not match.strip("* "):
        raise WrongUse("review accept-all: --match: expected a pattern that says something, got none")
    desk = desk_of(settings_of(context))
    with _told():
        found = desk.matching(Search(enterprise, code, match, at_least=at_least, everything=True))
        if found:
            show(articles_table(found))
        if not found or dry_run:
            say(f"{len(found)} suggestions would be accepted")
            return
        if not yes:
            if not sys.stdin.isatty():
                raise CommandError("review accept-all: nobody can be asked here: give --yes, or --dry-run to look")
            typer.confirm(f"accept these {len(found)} suggestions?", abort=True, err=True)
        say(f"{len(desk.accept(author or this_user(), found))} suggestions accepted")


@group.command("log", epilog="Example: infopump review log --enterprise chain-01 --limit 100")
def log_(
    context: typer.Context,
    enterprise: Enterprise = "",
    sku: Annotated[str, typer.Option("--sku", help="Only of this SKU.", show_default=False)] = "",
    match: Match = "",
    by: Annotated[str, typer.Option("--by", help="Only by this author.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=500)] = 50,
    as_json: Json = False,
) -> None:
    """Print the decisions, the newest first: who decided what, when, and whether it holds."""
    from deploy.reviewing import desk_of, log_table, show
    from gateway.reviews import Search

    with _told():
        entries = desk_of(settings_of(context)).log(Search(enterprise, match=match), sku=sku, author=by, limit=limit)
    if as_json:
        _json(entries)
    elif entries:
        show(log_table(entries))
    if not entries:
        say("no decision was found")


@group.command(epilog="Example: infopump review token li.lei")
def token(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The reviewer: what stands as the author of decisions made by REST.")],
) -> None:
    """Make a reviewer's token for the REST interface, print it once, and add its digest to `gateway.reviewers`.

    An earlier token of the same reviewer ends. A running gateway follows at once.
    """
    from gateway.review_access import ReviewersError, add_reviewer

    file = settings_of(context).gateway.reviewers
    if file is None:
        raise CommandError(
            "gateway.reviewers is not set: name a file for this command and for the gateway, such as "
            "INFOPUMP_GATEWAY__REVIEWERS=/etc/infopump/reviewers"
        )
    with told(ReviewersError, OSError):
        made, replaced = add_reviewer(file, name)
    say(f"the token of {name}, shown this once{'; the earlier one has ended' if replaced else ''}:")
    typer.echo(made)


def _decide(context: typer.Context, author: str, **wish: Any) -> None:
    from deploy.reviewing import decision_line, desk_of, this_user
    from gateway.reviews import Wish

    with _told():
        for decision in desk_of(settings_of(context)).decide(author or this_user(), [Wish(**wish)]):
            say(decision_line(decision))


def _json(answer: Any) -> None:
    import msgspec

    typer.echo(msgspec.json.encode(answer).decode())


@contextmanager
def _told() -> Iterator[None]:
    from deploy.review_session import REFUSALS

    with told(*REFUSALS):
        yield
