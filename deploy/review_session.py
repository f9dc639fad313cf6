"""The review as a conversation: one article after another, one key for each decision."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Protocol

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.review_words import code_text, find_commodities, path_text, printable, yuan
from gateway.review_desk import MOST, Desk
from gateway.reviews import Article, Key, ReviewError, Search, Wish
from sinks.store import StoreError
from streams.commodity import Commodity
from streams.decisions import DecisionError, NotWritten
from streams.records import Verdict

PAGE: Final = 100
KEYS: Final = (("a", "accept"), ("c", "correct"), ("s", "split"), ("k", "skip"), ("u", "undo last"), ("q", "quit"))
REFUSALS: Final = (ReviewError, DecisionError, NotWritten, StoreError)
"""What is said on the screen; the article stays."""


class Keyboard(Protocol):
    """Where a person types."""

    def key(self) -> str:
        """The next key, waited for; empty: there will be none any more."""

    def line(self, prompt: str) -> str:
        """A line of text; empty: the person wants back."""


class _Move(Enum):
    NEXT = auto()
    STAY = auto()
    QUIT = auto()


@dataclass
class Tally:
    """What came of a session."""

    decided: dict[str, int] = field(default_factory=dict)
    skipped: int = 0

    def text(self) -> str:
        """In one line."""
        parts = [f"{n} {verdict}" for verdict, n in self.decided.items() if n]
        return ", ".join([*parts, f"{self.skipped} skipped"] if self.skipped else parts) or "nothing decided"


class Session:
    """One reviewer's way through the queue of a search."""

    def __init__(self, desk: Desk, search: Search, author: str, keyboard: Keyboard, console: Console) -> None:
        self._desk = desk
        self._search = search
        self._author = author
        self._keyboard = keyboard
        self._console = console
        self._waiting: deque[Article] = deque()
        self._seen: set[Key] = set()
        self._skipped: set[Key] = set()
        self._done: list[tuple[Article, Verdict]] = []
        self._total = 0
        self._status = ""
        self.tally = Tally()
        self._acts: dict[str, Callable[[Article], _Move]] = {
            "a": self._accept,
            "c": self._correct,
            "s": lambda article: self._decide(article, "split"),
            "k": self._skip,
            "u": self._undo,
            "q": lambda _: _Move.QUIT,
            "": lambda _: _Move.QUIT,
        }

    def run(self) -> None:
        """Until the queue is empty or the person leaves; ``tally`` says what came of it.

        What the queue raises passes through; what a decision raises is shown.
        """
        move = _Move.NEXT
        while move is not _Move.QUIT:
            article = self._next()
            move = self._ask_about(article) if article else self._ask_at_end()

    def _ask_about(self, article: Article) -> _Move:
        move = _Move.STAY
        while move is _Move.STAY:
            self._show(article)
            act = self._acts.get(self._keyboard.key().lower(), self._unknown)
            try:
                move = act(article)
            except REFUSALS as error:
                self._status = f"[not done] {error}"
        return move

    def _ask_at_end(self) -> _Move:
        """Nothing waits any more: the last decision can still be undone."""
        move = _Move.STAY if self._done else _Move.QUIT
        while move is _Move.STAY:
            self._console.clear()
            self._console.print("nothing waits any more", _keys("uq"), Text(printable(self._status), "cyan"), sep="\n")
            key = self._keyboard.key().lower()
            try:
                move = self._undo(None) if key == "u" else _Move.QUIT if key in ("q", "") else _Move.STAY
            except REFUSALS as error:
                self._status = f"[not done] {error}"
        return move

    def _next(self) -> Article | None:
        if not self._waiting:
            # Skipped ones stay at the head of the queue; those just decided may still be in it.
            room = min(MOST, PAGE + len(self._done))
            page = self._desk.page(self._search, room, len(self._skipped))
            self._total = page.total
            self._waiting.extend(article for article in page.articles if article.key not in self._seen)
        if not self._waiting:
            return None
        article = self._waiting.popleft()
        self._seen.add(article.key)
        return article

    def _accept(self, article: Article) -> _Move:
        return self._decide(article, "accepted", article.code)

    def _correct(self, article: Article) -> _Move:
        asked = "what is it? code, or part of a Chinese or English name (Enter: back): "
        text = self._keyboard.line(asked)
        while text.strip():
            found = find_commodities(text)
            if len(found) == 1 and (found[0].code == text.strip() or len(text.strip()) > 1):
                return self._decide(article, "corrected", found[0].code)
            self._console.print(_choices(found) if found else Text(f"nothing is called {printable(text)!r}", "yellow"))
            text = self._keyboard.line("number, or other words (Enter: back): " if found else asked)
            if text.strip().isdecimal() and 1 <= int(text) <= len(found) and len(text.strip()) == 1:
                return self._decide(article, "corrected", found[int(text) - 1].code)
        self._status = "not corrected"
        return _Move.STAY

    def _decide(self, article: Article, verdict: Verdict, code: str = "") -> _Move:
        self._desk.decide(self._author, [Wish(article.enterprise, article.sku, verdict, code)])
        self._done.append((article, verdict))
        self._count(verdict, 1)
        what = f" as {code_text(code)}" if code else ""
        self._status = f"{verdict}{what}: {article.name or article.sku}"
        return _Move.NEXT

    def _skip(self, article: Article) -> _Move:
        self._skipped.add(article.key)
        self.tally.skipped = len(self._skipped)
        self._status = f"skipped: {article.name or article.sku}"
        return _Move.NEXT

    def _undo(self, article: Article | None) -> _Move:
        if not self._done:
            self._status = "nothing to undo"
            return _Move.STAY
        undone, verdict = self._done[-1]
        self._desk.decide(self._author, [Wish(undone.enterprise, undone.sku, "withdrawn")])
        self._done.pop()
        self._count(verdict, -1)
        self._waiting.extendleft((article, undone) if article else (undone,))
        self._status = f"undone, not {verdict} any more: {undone.name or undone.sku}"
        return _Move.NEXT

    def _unknown(self, _: Article) -> _Move:
        self._status = f"expected one of {', '.join(key for key, _ in KEYS)}"
        return _Move.STAY

    def _count(self, verdict: str, by: int) -> None:
        self.tally.decided[verdict] = self.tally.decided.get(verdict, 0) + by

    def _show(self, article: Article) -> None:
        self._console.clear()
        done = len(self._done) + len(self._skipped)
        self._console.print(card(article, f"{done + 1} of {max(self._total, done + 1):,}", self._search.days))
        if self._status:
            self._console.print(Text(printable(self._status), style="cyan", overflow="fold"))


def card(article: Article, title: str, days: int) -> Group:
    """An article with its reasons, and the keys."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for label, text in (
        ("name", article.name),
        ("spec", article.spec),
        ("unit", article.unit),
        ("brand", article.brand),
        ("barcode", article.barcode),
        ("category", article.category),
        ("tax code", article.tax_code),
        ("SKU", article.sku),
        ("enterprise", article.enterprise),
        ("sold", f"{yuan(article.value)} yuan in {days} days, {article.lines:,} lines"),
    ):
        if text:
            facts.add_row(label, Text(printable(text), style="bold" if label == "name" else ""))
    facts.add_row("", "")
    if article.suggested:
        facts.add_row("suggestion", Text(code_text(article.code), style="bold green"))
        facts.add_row("", Text(path_text(article.code), style="dim"))
        facts.add_row("sure", f"{article.confidence:.0%}, by {printable(article.method)}")
    else:
        facts.add_row("suggestion", Text("none: nothing says what this is", style="bold yellow"))
    for number, reason in enumerate(article.reasons):
        facts.add_row("because" if number == 0 else "", Text(printable(reason)))
    panel = Panel(facts, title=title, title_align="left", padding=(1, 2))
    return Group(panel, _keys("acskuq" if article.suggested else "cskuq"))


def _keys(which: str) -> Text:
    parts = [Text.assemble((f" {key} ", "reverse"), f" {word}") for key, word in KEYS if key in which]
    return Text("  ").join(parts)


def _choices(found: Sequence[Commodity]) -> Table:
    table = Table.grid(padding=(0, 2))
    for number, one in enumerate(found, 1):
        table.add_row(Text(f"{number}", style="reverse"), one.code, one.name_zh, one.name_en, path_text(one.code))
    return table
