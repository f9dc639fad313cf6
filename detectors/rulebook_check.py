"""What is wrong with a rulebook, each fault with its place."""

from collections.abc import Iterator

from detectors.rulebook import Clause, Condition, Rulebook
from detectors.rulebook_measures import MEASURES
from streams.records import LEVELS
from streams.regions import regions
from streams.taxonomy import taxonomy


def faults(book: Rulebook) -> list[str]:
    """All faults, in the order of the book; none where it can be used."""
    return [*_numbers(book), *_jurisdiction(book), *_budget(book), *_clauses(book)]


def _numbers(book: Rulebook) -> list[str]:
    n = book.numbers
    wanted = {
        "numbers.watch_p": (0.0 < n.watch_p < 1.0, "between 0 and 1", n.watch_p),
        "numbers.recurrence_days": (n.recurrence_days > 0.0, "above 0", n.recurrence_days),
        "numbers.panic_ratio": (n.panic_ratio > 1.0, "above 1", n.panic_ratio),
        "numbers.price_rise": (n.price_rise > 0.0, "above 0", n.price_rise),
        "numbers.revise_ratio": (n.revise_ratio > 0.0, "above 0", n.revise_ratio),
        "numbers.hysteresis_hours": (n.hysteresis_hours >= 0.0, "at least 0", n.hysteresis_hours),
        "numbers.expiry_hours": (n.expiry_hours >= 0.0, "at least 0", n.expiry_hours),
        "numbers.split_hours": (n.split_hours >= 0.0, "at least 0", n.split_hours),
        "numbers.broad_kinds": (n.broad_kinds >= 2, "at least 2", n.broad_kinds),
        "city.share": (0.0 < book.city.share <= 1.0, "above 0, at most 1", book.city.share),
        "city.at_least": (book.city.at_least >= 1, "at least 1", book.city.at_least),
        "province.share": (0.0 < book.province.share <= 1.0, "above 0, at most 1", book.province.share),
        "province.at_least": (book.province.at_least >= 1, "at least 1", book.province.at_least),
    }
    return [f"{name}: expected {range_}, got {got}" for name, (right, range_, got) in wanted.items() if not right]


def _jurisdiction(book: Rulebook) -> list[str]:
    unknown = [code for code in book.jurisdiction if code and code not in regions()]
    return [f"jurisdiction: expected division codes of 2, 4 or 6 digits; got {code!r}" for code in unknown]


def _budget(book: Rulebook) -> Iterator[str]:
    last = 0.0
    for level in LEVELS:
        false = book.budget.get(level)
        if false is None:
            continue
        if not 0.0 <= false < float("inf"):
            yield f"budget.{level}: expected false alerts a month, 0 or more; got {false}"
        elif false < last:
            yield f"budget.{level}: expected at least {last}, that of a graver level; got {false}"
        last = max(last, false)


def _clauses(book: Rulebook) -> list[str]:
    sources = {source.id for source in book.sources}
    ids = [clause.id for clause in book.clauses]
    wrong = [
        f"clause {i}: expected its id once, got it {ids.count(i)} times" for i in sorted(set(ids)) if ids.count(i) > 1
    ]
    if not book.clauses:
        wrong.append("clauses: expected at least one, got none")
    for clause in book.clauses:
        if clause.source not in sources:
            wrong.append(f"clause {clause.id}: expected a source of {sorted(sources)}, got {clause.source!r}")
        wrong += _text(clause)
        wrong += [f"clause {clause.id}: {w}" for w in _condition(clause.when)]
    return wrong


def _text(clause: Clause) -> list[str]:
    missing = [name for name in ("zh", "en") if not getattr(clause.text, name).strip()]
    return [f"clause {clause.id}: expected a text.{name}, got none" for name in missing]


def _condition(condition: Condition) -> list[str]:
    kinds = [bool(condition.measure), bool(condition.any), bool(condition.all)]
    if sum(kinds) != 1:
        return [f"expected one of measure, any, all; got {sum(kinds)} of them"]
    wrong = [
        f"expected the first digits of a commodity, got {code!r}"
        for code in condition.commodities
        if not any(known.startswith(code) for known in taxonomy())
    ]
    if not condition.measure:
        return wrong + [fault for part in (*condition.any, *condition.all) for fault in _condition(part)]
    if condition.measure not in MEASURES:
        return [*wrong, f"expected a measure of {', '.join(MEASURES)}; got {condition.measure!r}"]
    windows = MEASURES[condition.measure].windows
    if condition.window not in windows:
        wanted = ", ".join(repr(window) for window in windows)
        wrong.append(f"{condition.measure}: expected a window of {wanted}; got {condition.window!r}")
    return wrong
