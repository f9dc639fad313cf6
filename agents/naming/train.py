"""Train the n-gram model and the ranker from the lexicon and the example names: `python -m agents.naming.train`.

Nothing else goes in. The ranker must learn what to do with names whose words are not in the lexicon: for each fold of
terms it sees the examples as they look without these terms, judged by an n-gram model that has not seen them either.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from agents.naming import ngrams, ranker
from agents.naming.examples import Example, composed, fold_of, read_examples
from agents.naming.features import NAMES, candidates, dense
from agents.naming.fold import fold
from agents.naming.lexicon import Lexicon, lexicon
from agents.naming.ngrams import Ngrams
from agents.naming.segment import outside, parse

FOLDS: Final = 4
FRESH: Final = ("03", "04", "05", "07", "08", "090")
SAMPLE: Final = 11
"""One of so many words of the lexicon is looked at as a name of its own."""
DATA: Final = Path(__file__).parent / "data"
PRIOR: Final = {
    **{"head4": 4.5, "head3": 3.5, "head2": 2.5, "head1": 2.0, "noun4": 1.5, "noun3": 1.0, "noun2": 0.5, "noun1": 0.3},
    **{"last noun": 0.5, "noun in brackets": 0.5, "flavour": -1.0, "strong brand": 3.5, "brand": 2.0, "length": 0.3},
    **{"brand of the group": 1.0, "suffix": 2.0, "suffix behind a noun": 2.5, "n-gram": 0.6, "n-gram first": 0.5},
    **{"outranked": -1.0, "earlier of equals": -0.5, "against a strong brand": -1.0, "other, model number": 0.7},
    **{"raw noun, brand elsewhere": -1.5, "fresh, packed": -0.5, "noun and brand agree": 1.0, "shallow": -1.0},
    **{"fresh, model number": -0.5, "raw noun, brand of other goods": -1.0},
    **{"alcohol, degrees": 1.5, "nothing matched, other": 1.0, "the noun is all, 1": 2.0, "the noun is all, 2": 2.0},
    **{"the noun is all, 3": 2.0, "the noun is all, 4": 2.0, "noun and brand are all": 0.5, "the brand is all": 1.0},
}
"""Where the weights start from, and are drawn back to: what a person would say before looking at any name."""
_DRAW: Final = 0.0003
Floats = npt.NDArray[np.float64]


def class_of(code: str) -> str | None:
    """The n-gram model's class of a code: 4 digits, or a leaf of 2; None where it is too shallow."""
    return code[:4] if len(code) >= 4 or code in ("15", "98") else None


def train_ngrams(examples: Sequence[Example], least: int = 2) -> Ngrams:
    """Fit a multinomial logistic regression on n-grams, each once a name, scaled by their number."""
    pairs = [(e.name, c) for e in examples if (c := class_of(e.codes[0]))]
    texts = [outside(t) for t in fold([name for name, _ in pairs])]
    index = ngrams.vocabulary(texts, least)
    rows, columns, values = [], [], []
    for row, text in enumerate(texts):
        used = sorted({i for i in map(index.get, ngrams.grams(text)) if i is not None})
        rows += [row] * len(used)
        columns += used
        values += [max(len(used), 1) ** -0.5] * len(used)
    matrix = csr_matrix((np.array(values, np.float32), (rows, columns)), (len(texts), len(index)), dtype=np.float32)
    codes = [c for _, c in pairs]
    size = Counter(codes)
    # Brands make some classes forty times as large as others: a name that is not known must not fall to these.
    balance = np.array([size[c] ** -0.5 for c in codes])
    model: Any = LogisticRegression(C=8.0, max_iter=40, tol=1e-3)
    model.fit(matrix, codes, sample_weight=balance / balance.mean())
    weights = model.coef_.T.astype(np.float16)
    return Ngrams(tuple(model.classes_.tolist()), index, weights, model.intercept_.astype(np.float32))


def _without_fold(words: Lexicon, part: int) -> Lexicon:
    dropped = {t.text for t in words.terms if t.kind in ("noun", "brand") and fold_of(t.text, FOLDS) == part}
    return words.without(dropped)


def _groups(
    examples: Sequence[Example], words: Lexicon, model: Ngrams, weight: float
) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], float]]:
    out = []
    texts = fold([e.name for e in examples])
    plain = [outside(t) for t in texts]
    for example, text, guesses in zip(examples, texts, model.guesses(plain), strict=True):
        found = candidates(parse(text, words), words, guesses, tastes=False)
        right = np.array([any(c.startswith(code[:4]) for code in example.codes) for c in found.codes])
        if right.any() and not right.all():
            out.append((dense(found), right, weight))
    return out


def train_ranker(groups: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], float]]) -> Floats:
    """Weights that make the right candidates likely, drawn to PRIOR."""
    prior = np.array([PRIOR.get(n, 0.0) for n in NAMES])
    x = np.concatenate([g[0] for g in groups]).astype(np.float64)
    right = np.concatenate([g[1] for g in groups])
    sizes = [len(g[1]) for g in groups]
    starts = np.cumsum([0, *sizes[:-1]])
    of = np.repeat(np.arange(len(groups)), sizes)
    weight = np.array([g[2] for g in groups])

    def loss(w: Floats) -> tuple[float, Floats]:
        score = x @ w
        score -= np.maximum.reduceat(score, starts)[of]
        e = np.exp(score)
        all_ = np.add.reduceat(e, starts)
        good = np.add.reduceat(np.where(right, e, 0.0), starts) + 1e-12
        p, q = e / all_[of], np.where(right, e, 0.0) / good[of]
        value = float((weight * (np.log(all_) - np.log(good))).sum() / weight.sum())
        gradient = x.T @ ((p - q) * weight[of]) / weight.sum()
        return value + _DRAW * float(((w - prior) ** 2).sum()), gradient + _DRAW * 2 * (w - prior)

    result: Floats = minimize(loss, prior, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return result


def main() -> None:
    """Train, and write ``data/ngrams.npz`` and ``data/ranker.json``."""
    words, examples = lexicon(), read_examples()
    plain = [e for e in composed(words, 1, seed=3) if fold_of(e.name, SAMPLE) == 0]
    # There are more examples of fresh goods than a shop has among its own.
    fresh = [e for e in examples if e.codes[0].startswith(FRESH)]
    packed = [e for e in examples if not e.codes[0].startswith(FRESH)]
    groups = []
    for part in range(FOLDS):
        print(f"fold {part + 1} of {FOLDS}", file=sys.stderr, flush=True)
        fewer = _without_fold(words, part)
        model = train_ngrams(composed(fewer, 1) + [e for e in examples if fold_of(e.name, FOLDS) != part])
        for names, weight in ((packed, 1.0), (fresh, 0.35), (plain, 0.3)):
            mine = [e for e in names if fold_of(e.name, FOLDS) == part]
            groups += _groups(mine, words, model, 0.7 * weight) + _groups(mine, fewer, model, 0.3 * weight)
    weights = train_ranker(groups)
    ranker.save(ranker.Ranker(weights, 1.0, 0.0), str(DATA / ranker.FILE))
    model = train_ngrams(composed(words, 2) + examples)
    ngrams.save(model, str(DATA / "ngrams.npz"))
    print(f"{len(model.index):,} n-grams, {len(model.classes)} classes; {len(groups):,} groups", file=sys.stderr)


if __name__ == "__main__":
    main()
