"""When a tick is complete: the watermark of a city over the raw partitions that its terminals send to."""

from collections.abc import Collection, Mapping


def watermark(said: Mapping[int, int], sources: Collection[int], first: int, idle_ms: int) -> int | None:
    """Ms UTC before which nothing is missing from the city, or None where that cannot be said yet.

    The least of the sources' last words. Once the furthest source is ``idle_ms`` beyond ``first`` (the city's first
    tick), a source that was never heard of, or is more than ``idle_ms`` behind the furthest, holds nothing back: its
    terminals may be off for days, and what they still send is late.

    >>> watermark({0: 5_000, 1: 3_000}, [0, 1], first=0, idle_ms=10_000)
    3000
    >>> watermark({0: 5_000}, [0, 1], first=0, idle_ms=10_000) is None
    True
    >>> watermark({0: 15_000, 1: 3_000}, [0, 1, 2], first=0, idle_ms=10_000)
    15000
    """
    heard = {source: said[source] for source in sources if said.get(source, 0) > 0}
    if not heard:
        return None
    furthest = max(heard.values())
    if furthest - first < idle_ms:
        return min(heard.values()) if len(heard) == len(set(sources)) else None
    return min(word for word in heard.values() if word >= furthest - idle_ms)
