"""The 1,797 handwritten digits that ship with scikit-learn (Alpaydin & Kaynak 1998)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from collapse_cli.data.facts import Facts
from collapse_cli.shapes import Images

if TYPE_CHECKING:
    import numpy

FILE = Path("datasets", "data", "digits.csv.gz")  # in the package of scikit-learn

FACTS = Facts(
    "handwritten digits, shipped with scikit-learn",
    (1, 8, 8),
    tuple("0123456789"),
    train=(133, 136, 133, 137, 136, 136, 136, 134, 131, 135),
    test=(45, 46, 44, 46, 45, 46, 45, 45, 43, 45),
)


def load(split: str, root: Path, download: bool) -> Images:
    """Grey 8x8, the 17 levels spread over 0..255. The split, 1,347 and 450 stratified, is one and the same for every seed."""
    import numpy
    import torch

    table = _table()  # (1797,65) float64: 64 levels, then the digit
    levels, labels = table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(numpy.int64)
    train, test = _stratified(labels)
    chosen = {"train": train, "test": test, "all": numpy.arange(len(labels))}[split]
    pixels = torch.from_numpy(numpy.rint(levels[chosen] * 255 / 16).astype(numpy.uint8)).unsqueeze(1)
    return Images(pixels, torch.from_numpy(labels[chosen]), FACTS.classes, f"digits/{split}")


def _table() -> numpy.ndarray:
    """The file that ships with scikit-learn, which itself takes seconds to import; read by it where it keeps them elsewhere."""
    import numpy

    package = find_spec("sklearn")
    places = [Path(place) / FILE for place in (package and package.submodule_search_locations) or ()]
    for file in (place for place in places if place.is_file()):
        return numpy.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    digits = load_digits()
    return numpy.column_stack([digits.data, digits.target])


def _stratified(labels: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Places (1347,) and (450,) of the two splits, as scikit-learn's train_test_split draws them with random_state 0.

    Its first draw breaks a tie of two classes that could have had one image more; how many each has, the facts say.
    """
    import numpy

    draw = numpy.random.RandomState(0)
    _break_ties(draw, numpy.bincount(labels), sum(FACTS.train))
    _break_ties(draw, numpy.array(FACTS.test), sum(FACTS.test))
    train, test = [], []
    for label, (first, second) in enumerate(zip(FACTS.train, FACTS.test, strict=True)):
        order = numpy.flatnonzero(labels == label)[draw.permutation(first + second)]
        train.append(order[:first])
        test.append(order[first:])
    return draw.permutation(numpy.concatenate(train)), draw.permutation(numpy.concatenate(test))


def _break_ties(draw: numpy.random.RandomState, counts: numpy.ndarray, total: int) -> None:
    """Draw as often as scikit-learn does while it shares `total` images among classes by their counts (C,)."""
    import numpy

    shares = counts / counts.sum() * total
    left = int(total - numpy.floor(shares).sum())
    for rest in numpy.unique(shares % 1)[::-1]:
        tied = numpy.flatnonzero(shares % 1 == rest)
        if left > 0:
            draw.choice(tied, size=min(len(tied), left), replace=False)
        left -= len(tied)
