"""The subset of some regions, and of some goods, that is most unlike its expectation."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.state import Floats, Ints, Mask

_TURNS: Final = 3


class Subset(NamedTuple):
    """The best subset: regions and commodities by number, the window, and the score (root of 2 log likelihood)."""

    regions: Ints
    commodities: Ints
    window: int
    score: float


def best_subset(
    observed: npt.ArrayLike, expected: npt.ArrayLike, dispersion: npt.ArrayLike, regions: Ints, up: bool = True
) -> Subset:
    """The best subset of some regions and of all goods, exactly, by turns: regions given goods, goods given regions.

    ``observed``, ``expected``: sums over windows, (windows, leaves, goods), NaN where not known; expectations are from
    before the window. ``dispersion``: variance over mean of such a sum, broadcast to that. ``regions``: numbers of
    leaves. With ``x = observed / dispersion`` and ``b = expected / dispersion`` the log likelihood ratio of a subset is
    ``F = X ln(X / B) + B - X`` where X > B (expectation-based Poisson, quasi-likelihood), and the best subset of n
    regions is one of n prefixes in the order of x / b, not one of 2^n. Each turn never falls, and is not always the
    best of all.

    *Source*: Neill 2012, "Fast subset scan for spatial pattern detection"; Neill 2009 (expectation-based); Neill,
    McFowland and Zheng 2013 (by turns). *Assumes* independent regions.
    """
    x, b = (of[:, regions] for of in _scaled(observed, expected, dispersion))
    best = Subset(regions[:0], regions[:0], 0, 0.0)
    for window, (xw, bw) in enumerate(zip(x, b, strict=True)):
        goods = np.ones(xw.shape[1], np.bool_)
        for _ in range(_TURNS):
            rows, _f = _prefix(xw[:, goods].sum(axis=1), bw[:, goods].sum(axis=1), up)
            goods, f = _prefix(xw[rows].sum(axis=0), bw[rows].sum(axis=0), up)
        if (root := float(np.sqrt(2.0 * f))) > best.score:
            best = Subset(regions[rows], np.flatnonzero(goods), window, root)
    return best


def _scaled(observed: npt.ArrayLike, expected: npt.ArrayLike, dispersion: npt.ArrayLike) -> tuple[Floats, Floats]:
    """x and b; nought where nothing is known or expected."""
    seen, usual = np.asarray(observed, np.float64), np.asarray(expected, np.float64)
    phi = np.broadcast_to(np.asarray(dispersion, np.float64), seen.shape)
    use = np.isfinite(seen) & np.isfinite(usual) & (usual > 0.0) & (phi > 0.0)
    x = np.divide(np.maximum(seen, 0.0), phi, out=np.zeros(seen.shape), where=use)
    return x, np.divide(usual, phi, out=np.zeros(seen.shape), where=use)


def _likelihood(x: Floats, b: Floats, up: bool) -> Floats:
    """F of subsets with the sums x and b; nought on the other side of the expectation."""
    there = (b > 0.0) & ((x > b) if up else (x < b))
    ratio = np.divide(x, b, out=np.ones(x.shape), where=there)
    log = np.log(ratio, out=np.zeros(x.shape), where=ratio > 0.0)
    return np.where(there, np.maximum(x * log + b - x, 0.0), 0.0)


def _prefix(x: Floats, b: Floats, up: bool) -> tuple[Mask, float]:
    """The best prefix in the order of x / b, as a mask, and its F."""
    ratio = np.divide(x, b, out=np.full(x.shape, 0.0 if up else np.inf), where=b > 0.0)
    order = np.argsort(-ratio if up else ratio, kind="stable")
    f = _likelihood(np.cumsum(x[order]), np.cumsum(b[order]), up)
    mask = np.zeros(len(x), np.bool_)
    if len(f):
        mask[order[: int(np.argmax(f)) + 1]] = True
    return mask & (b > 0.0), float(f.max(initial=0.0))
