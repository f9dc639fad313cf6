"""What waits for a person, and a reviewer's wishes as decisions. Pure: no I/O, no clock.

An article waits for a person where nobody has decided it, neither its enterprise's mapping nor a decision says what it
is, and normalize is not sure of its suggestion or has none. Those with the most sales come first: a person's time goes
where it moves the figures.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from streams.records import SPLIT, Decision, Verdict
from streams.taxonomy import UNCLASSIFIED, current

BELOW: Final = 0.8
"""Suggestions that are surer than this need no person."""
DAYS: Final = 28
MAX_DAYS: Final = 366
MAX_PATTERN: Final = 200
MAX_KEY: Final = 1024
_CODE: Final = re.compile(r"[0-9]{0,12}")


class ReviewError(ValueError):
    """A question or a wish that cannot be met; names the field, what was expected and what came."""


class NoSuchArticle(ReviewError):  # noqa: N818 (what is the case, not what went wrong)
    """The store knows no such article."""


class Overtaken(ReviewError):  # noqa: N818
    """What is known by now differs from what the reviewer saw: look again."""


class Key(NamedTuple):
    """Names an article; the SKU is the effective one (SKU, SPLIT and name where the SKU was split by name)."""

    enterprise: str
    sku: str


class Article(msgspec.Struct, frozen=True):
    """An article as normalize describes it, with its sales and the decision that holds."""

    enterprise: Annotated[str, Meta(description="Whose article it is.")]
    sku: Annotated[str, Meta(description="Its SKU; where that was split by name, SKU, U+241F and name.")]
    unit: Annotated[str, Meta(description="The unit that it was last described in.")]
    name: Annotated[str, Meta(description="Its name as sent.")]
    spec: Annotated[str, Meta(description="Its specification as sent.")]
    barcode: Annotated[str, Meta(description="Its barcode as sent.")]
    category: Annotated[str, Meta(description="The enterprise's own category path.")]
    tax_code: Annotated[str, Meta(description="Its tax classification code as sent.")]
    brand: Annotated[str, Meta(description="Its brand, as sent or as read from the name.")]
    code: Annotated[str, Meta(description="The code suggested; 99: none could be.")]
    method: Annotated[str, Meta(description="What the suggestion rests on.")]
    confidence: Annotated[float, Meta(description="The chance, 0 to 1, that the first four digits are right.")]
    reasons: Annotated[list[str], Meta(description="What was matched, by what.")]
    quality: Annotated[int, Meta(description="Marks that each of its lines carries, as bits.")]
    value: Annotated[int, Meta(description="Sales less returns in the days asked for, fen.")] = 0
    lines: Annotated[int, Meta(description="Lines sold and returned in these days.")] = 0
    decided: Annotated[str, Meta(description="The verdict of its last decision; empty: there was none.")] = ""
    decided_at: Annotated[int, Meta(description="When that was, ms since 1970 UTC.")] = 0

    @property
    def key(self) -> Key:
        """Its name."""
        return Key(self.enterprise, self.sku)

    @property
    def suggested(self) -> bool:
        """Whether there is a code that can be accepted."""
        return self.code != UNCLASSIFIED

    @property
    def holds(self) -> bool:
        """Whether a person's decision holds for it."""
        return self.decided not in ("", "withdrawn")


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a reviewer wants to be said of an article; who the reviewer is stands elsewhere."""

    enterprise: Annotated[str, Meta(min_length=1, max_length=MAX_KEY, description="Whose article it is.")]
    sku: Annotated[str, Meta(min_length=1, max_length=MAX_KEY, description="Its SKU as the queue shows it.")]
    verdict: Annotated[
        Verdict,
        Meta(
            description="accepted: the suggestion is right. corrected: it is `code`. split: the SKU stands for "
            "different goods, each name is an article of its own. withdrawn: the earlier decision no longer holds."
        ),
    ]
    code: Annotated[
        str,
        Meta(description="corrected: what it is. accepted: the suggestion as seen; where it differs, a conflict."),
    ] = ""
    unit: Annotated[str, Meta(description="The unit it is sold in, where its lines do not say.")] = ""
    content: Annotated[int, Meta(description="g, ml or thousandths of a piece in one pack; 0: as described.")] = 0
    brand: Annotated[str, Meta(description="Its brand, where the described one is wrong.")] = ""
    note: Annotated[str, Meta(description="For the record.")] = ""

    @property
    def key(self) -> Key:
        """The article's name."""
        return Key(self.enterprise, self.sku)


@dataclass(frozen=True, slots=True)
class Search:
    """Which articles are asked for. Raises ReviewError where that makes no sense.

    ``code`` is a prefix of the suggestion's. ``match`` is part of a name, or a whole name in which ``*`` stands for
    anything; case does not matter. ``below`` and ``at_least`` bound the confidence; with ``everything`` sure
    suggestions are asked for as well. ``suggested`` leaves out those without a suggestion. ``days`` of sales up to the
    newest line count for the rank.
    """

    enterprise: str = ""
    code: str = ""
    match: str = ""
    below: float = BELOW
    at_least: float = 0.0
    everything: bool = False
    suggested: bool = False
    days: int = DAYS

    def __post_init__(self) -> None:
        plain_text("enterprise", self.enterprise, MAX_KEY)
        plain_text("match", self.match, MAX_PATTERN)
        if not _CODE.fullmatch(self.code):
            raise ReviewError(f"code: expected the first digits of a code, got {self.code!r}")
        for name, share in (("below", self.below), ("at_least", self.at_least)):
            if not 0 <= share <= 1:
                raise ReviewError(f"{name}: expected a confidence from 0 to 1, got {share}")
        if not 1 <= self.days <= MAX_DAYS:
            raise ReviewError(f"days: expected 1 to {MAX_DAYS}, got {self.days}")


def decision_of(wish: Wish, article: Article, *, decision_id: str, author: str, at: int) -> Decision:
    """What goes into the registry. ``at`` is when, ms UTC: pushed behind the article's last decision, if that is later.

    Raises Overtaken where an accepted suggestion is not there, is another one, or was decided on meanwhile.
    """
    code = wish.code
    if wish.verdict == "accepted":
        if article.holds:
            raise Overtaken(f"{name(article.key)} was {article.decided} meanwhile: correct or withdraw that")
        if not article.suggested:
            raise Overtaken(f"{name(article.key)} has no suggestion to be accepted: correct it")
        if code and code != article.code:
            raise Overtaken(f"{name(article.key)} is suggested as {article.code} by now, not as {code}: look again")
        code = current(article.code)
    if wish.verdict == "split" and SPLIT in wish.sku:
        raise ReviewError(f"{name(article.key)} comes from a split already: correct it")
    return Decision(
        decision_id=decision_id,
        enterprise=wish.enterprise,
        sku=wish.sku,
        verdict=wish.verdict,
        author=author,
        at=max(at, article.decided_at + 1),
        code=code,
        suggested=article.code,
        unit=wish.unit,
        content=wish.content,
        brand=wish.brand,
        name=article.name,
        barcode=article.barcode,
        category=article.category,
        tax_code=article.tax_code,
        note=wish.note,
    )


def name(key: Key) -> str:
    """An article's name for a message."""
    return f"article {key.sku!r} of {key.enterprise!r}"


def plain_text(field: str, text: str, most: int) -> str:
    """The text itself. Raises ReviewError where it is too long, or cannot stand in a question to the store."""
    if len(text) > most:
        raise ReviewError(f"{field}: expected at most {most} characters, got {len(text)}")
    if "\0" in text or re.search("[\ud800-\udfff]", text):
        raise ReviewError(f"{field}: expected text, got characters that are none")
    return text
