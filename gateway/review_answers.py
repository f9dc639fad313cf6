"""What the review routes take and answer, each field described, for OpenAPI."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.review_desk import MOST, Entry, Page
from gateway.reviews import MAX_KEY, MAX_PATTERN, Wish
from streams.records import Decision


class DecisionsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/review/decisions``. All are taken, or none."""

    decisions: Annotated[list[Wish], Meta(min_length=1, max_length=MOST, description="Each about another article.")]


class AcceptRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/review/accept``: the suggestions of all articles that a pattern finds."""

    match: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_PATTERN,
            description="Part of a name, or a whole name in which * stands for anything; case does not matter.",
        ),
    ]
    expected: Annotated[
        int, Meta(ge=0, le=MOST, description="How many the queue has shown (`suggested`); refused where they differ.")
    ]
    enterprise: Annotated[str, Meta(max_length=MAX_KEY, description="Only of this enterprise.")] = ""
    code: Annotated[str, Meta(description="Only suggestions that begin so.")] = ""
    at_least: Annotated[float, Meta(ge=0, le=1, description="Only suggestions with this confidence.")] = 0.0


class DecisionsAnswer(msgspec.Struct, frozen=True):
    """Decisions that were taken: they stand in the registry."""

    decisions: Annotated[list[Decision], Meta(description="In the order of the request, or of the queue.")]


class LogAnswer(msgspec.Struct, frozen=True):
    """``GET /api/review/decisions``."""

    decisions: Annotated[list[Entry], Meta(description="The newest first; one just taken shows after a second or two.")]


DECISION: Final = {
    "decision_id": "Names this decision.",
    "enterprise": "Whose article it is.",
    "sku": "Its SKU; where that was split by name, SKU, U+241F and name.",
    "verdict": "accepted, corrected, split (each name is an article of its own) or withdrawn.",
    "author": "The reviewer.",
    "at": "When, ms since 1970 UTC.",
    "code": "What the article is; empty for split and withdrawn.",
    "suggested": "The code that it had before.",
    "unit": "The unit it is sold in, where its lines do not say.",
    "content": "g, ml or thousandths of a piece in one pack; 0: as described.",
    "brand": "Its brand, where that was corrected.",
    "name": "Its name as it was seen.",
    "barcode": "Its barcode as it was seen.",
    "category": "Its category as it was seen.",
    "tax_code": "Its tax classification code as it was seen.",
    "note": "For the record.",
    "type": "Kind of record in the registry.",
}
"""Descriptions of the fields of ``streams.records.Decision``."""

RECORDS: Final = (Page, LogAnswer, DecisionsAnswer, DecisionsRequest, AcceptRequest)
