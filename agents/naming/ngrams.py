"""A linear model over character n-grams: what a name is like, where the lexicon does not know its words."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import numpy as np
import numpy.typing as npt

_HAN: Final = re.compile(r"[\u3400-\u9fff]+|[a-z]{3,}")
_LATIN_PARTS: Final = (4, 5)
_PACK_TAIL: Final = re.compile(r"(?<=..)[箱盒包袋瓶条桶罐提件支]$")


def grams(text: str) -> list[str]:
    """Features of a folded name: 1- to 3-grams of its Chinese runs with their ends marked, Latin words and parts.

    >>> grams("茶叶 500g")
    ['茶', '叶', '^茶', '茶叶', '叶$', '^茶叶', '茶叶$']
    """
    out: list[str] = []
    for found in _HAN.finditer(text):
        run = found.group()
        if run[0].isascii():
            out.append(run)
            out += [run[i : i + n] for n in _LATIN_PARTS for i in range(len(run) - n + 1)]
            continue
        run = _PACK_TAIL.sub("", run)
        out += run
        marked = f"^{run}$"
        out += [marked[i : i + 2] for i in range(len(marked) - 1)]
        out += [marked[i : i + 3] for i in range(len(marked) - 2)]
    return out


@dataclass(frozen=True, slots=True)
class Ngrams:
    """The model. ``weights`` is float16 of shape (features, classes); ``bias`` float32 (classes,)."""

    classes: tuple[str, ...]
    index: dict[str, int]
    weights: npt.NDArray[np.float16]
    bias: npt.NDArray[np.float32]

    def log_probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Natural logs, float32 of shape (len(texts), classes)."""
        of_text = [[i for i in map(self.index.get, grams(t)) if i is not None] for t in texts]
        scores = np.tile(self.bias, (len(texts), 1))
        for row, used in enumerate(of_text):
            if used:
                # Each n-gram once and scaled by their number, as in training.
                different = list(set(used))
                scores[row] += self.weights[different].sum(0, dtype=np.float32) / np.sqrt(len(different))
        scores -= scores.max(1, keepdims=True)
        result: npt.NDArray[np.float32] = scores - np.log(np.exp(scores).sum(1, keepdims=True))
        return result

    def guesses(self, texts: Sequence[str], best: int = 5) -> list[list[tuple[str, float]]]:
        """The most likely codes of each text with their log probability, best first."""
        logs = self.log_probabilities(texts)
        order = np.argsort(-logs, axis=1, kind="stable")[:, :best]
        top = np.take_along_axis(logs, order, 1)
        return [
            [(self.classes[c], p) for c, p in zip(codes, values, strict=True)]
            for codes, values in zip(order.tolist(), top.tolist(), strict=True)
        ]


def save(model: Ngrams, path: str) -> None:
    """Write the model: weights as bytes of a common scale, zeros left out."""
    scale = float(np.abs(model.weights).max()) / 127
    small = np.rint(model.weights.astype(np.float32) / scale).astype(np.int8)
    rows, columns = np.nonzero(small)
    np.savez_compressed(
        path,
        classes=np.array(model.classes),
        grams=np.array("\n".join(model.index)),
        scale=np.float32(scale),
        rows=np.diff(rows, prepend=0).astype(np.uint16),
        columns=columns.astype(np.uint8),
        values=small[rows, columns],
        bias=model.bias,
    )


def load(name: str = "ngrams.npz") -> Ngrams:
    """The model of the product, from ``data``."""
    with (files("agents.naming") / "data" / name).open("rb") as file, np.load(file) as stored:
        texts = str(stored["grams"]).split("\n")
        classes = tuple(stored["classes"].tolist())
        weights = np.zeros((len(texts), len(classes)), np.float16)
        rows = np.cumsum(stored["rows"].astype(np.int64))
        weights[rows, stored["columns"]] = stored["values"] * stored["scale"]
        return Ngrams(classes, {t: i for i, t in enumerate(texts)}, weights, stored["bias"])


def vocabulary(texts: Iterable[str], least: int) -> dict[str, int]:
    """Every n-gram that stands in at least so many texts, numbered in the order of the alphabet."""
    counts: dict[str, int] = {}
    for text in texts:
        for gram in set(grams(text)):
            counts[gram] = counts.get(gram, 0) + 1
    return {g: i for i, g in enumerate(sorted(g for g, n in counts.items() if n >= least))}
