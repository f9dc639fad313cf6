"""Where reviewers work: the queue out of the store, decisions into the registry. Blocking: for a thread."""

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Final

import msgspec
import pyarrow as pa
from msgspec import Meta

from gateway import review_queue as questions
from gateway.reviews import Article, Key, NoSuchArticle, Overtaken, ReviewError, Search, Wish, decision_of, name
from streams.decisions import check
from streams.records import Decision

MOST: Final = 500
"""Decisions taken at once, and articles on a page."""

_OWN_MS: Final = 60_000
"""So long a decision is remembered here: until then the store has it."""
_TAG: Final = {"type": "decision"}

Ask = Callable[[str], pa.Table]
Decide = Callable[[Sequence[Decision]], None]


class Page(msgspec.Struct, frozen=True):
    """A page of the queue."""

    total: Annotated[int, Meta(description="How many articles fit the question.")]
    suggested: Annotated[int, Meta(description="How many of them have a suggestion that can be accepted.")]
    articles: Annotated[list[Article], Meta(description="The greatest sales first.")]


class Entry(msgspec.Struct, frozen=True):
    """A decision and whether it holds."""

    holds: Annotated[bool, Meta(description="Whether it is the last one of its article, and not a withdrawal.")]
    decision: Annotated[Decision, Meta(description="What was decided.")]


class Desk:
    """``ask`` answers SQL (``sinks.query.ask``), ``decide`` writes decisions (``streams.decisions.Decider``); their
    errors pass through. ``now`` gives ms UTC. May be shared between threads."""

    def __init__(self, ask: Ask, decide: Decide, now: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._ask = ask
        self._decide = decide
        self._now = now
        self._last = 0
        self._own: dict[Key, Decision] = {}
        self._lock = threading.Lock()

    def page(self, search: Search, limit: int, offset: int = 0) -> Page:
        """A page of the queue."""
        counted = self._ask(questions.totals(search)).to_pylist()[0]
        articles = self._articles([questions.queue(search, limit, offset)]) if counted["total"] > offset else []
        return Page(counted["total"], counted["suggested"], articles)

    def find(self, keys: Iterable[Key]) -> dict[Key, Article]:
        """These articles, decided or not, without their sales. Raises NoSuchArticle."""
        wanted = list(dict.fromkeys(keys))
        found = {article.key: self._with_own(article) for article in self._articles(questions.lookups(wanted))}
        missing = [key for key in wanted if key not in found]
        if missing:
            more = f", and {len(missing) - 1} more are not known either" if len(missing) > 1 else ""
            raise NoSuchArticle(f"no {name(missing[0])} is known{more}: expected one that its enterprise has sent")
        return found

    def decide(self, author: str, wishes: Sequence[Wish]) -> list[Decision]:
        """Decide all of them or, where one cannot be, none.

        Raises ReviewError, DecisionError before anything was written, and what ``ask`` and ``decide`` raise.
        """
        if not 1 <= len(wishes) <= MOST:
            raise ReviewError(f"decisions: expected 1 to {MOST}, got {len(wishes)}")
        if len({wish.key for wish in wishes}) < len(wishes):
            raise ReviewError("decisions: expected each article once, got one of them again")
        known = self.find(wish.key for wish in wishes)
        with self._lock:
            # Never the same twice: of two decisions on an article the later one must hold.
            at = max(self._now(), self._last + 1)
            decisions = [
                check(decision_of(wish, known[wish.key], decision_id=str(uuid.uuid4()), author=author, at=at))
                for wish in wishes
            ]
            self._last = max(decision.at for decision in decisions)
        self._decide(decisions)
        with self._lock:
            self._own = {key: one for key, one in self._own.items() if one.at > at - _OWN_MS}
            self._own |= {Key(one.enterprise, one.sku): one for one in decisions}
        return decisions

    def matching(self, search: Search) -> list[Article]:
        """All articles of a search that have a suggestion. Raises ReviewError where they are more than MOST."""
        found = self.page(replace(search, suggested=True), MOST)
        if found.total > MOST:
            raise ReviewError(f"expected at most {MOST} articles, found {found.total}: narrow the pattern")
        return found.articles

    def accept(self, author: str, articles: Sequence[Article]) -> list[Decision]:
        """Accept the suggestions of these articles as they were seen. Raises Overtaken where one has changed."""
        wishes = [Wish(article.enterprise, article.sku, "accepted", article.code) for article in articles]
        return self.decide(author, wishes) if wishes else []

    def accept_matching(self, author: str, search: Search, expected: int) -> list[Decision]:
        """Accept all suggestions of a search. Raises Overtaken where it finds another number than ``expected``."""
        found = self.matching(search)
        if len(found) != expected:
            raise Overtaken(f"expected {expected} articles with a suggestion, found {len(found)}: look again")
        return self.accept(author, found)

    def log(
        self, search: Search, *, sku: str = "", author: str = "", limit: int = MOST, offset: int = 0
    ) -> list[Entry]:
        """Decisions, the newest first."""
        rows = self._ask(questions.log(search, sku, author, limit, offset)).to_pylist()
        return [Entry(bool(row.pop("holds")), msgspec.convert(row | _TAG, Decision)) for row in rows]

    def _with_own(self, article: Article) -> Article:
        """The article with what was decided here and the store does not know yet."""
        own = self._own.get(article.key)
        if own is None or own.at <= article.decided_at:
            return article
        return msgspec.structs.replace(article, decided=own.verdict, decided_at=own.at)

    def _articles(self, asked: Iterable[str]) -> list[Article]:
        return [msgspec.convert(row, Article) for sql in asked for row in self._ask(sql).to_pylist()]
