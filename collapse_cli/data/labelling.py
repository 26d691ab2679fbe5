"""Labels of a source of images: its own, or those of a file beside it; which images and classes they leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from collapse_cli.data.splits import TEST, Unlabelled, cut
from collapse_cli.data_notes import DataNote

UNLABELLED = -1


@dataclass(frozen=True)
class Labelled:
    """numbers: N in [0, C), of the whole source, -1 for an image without a label, or None; classes: the C names.

    declared: the source names its classes, whether or not an image has them; notes: how the labels were had.
    """

    numbers: Sequence[int] | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[DataNote, ...] = ()

    def among(self, chosen: Sequence[int], source: str, file: str, unit: str = "images") -> list[int]:
        """Those of the chosen images that have a label, or all where there are no labels.

        source: what the images are called; file: with the labels. Raises Unlabelled where none of the chosen has one.
        """
        numbers = self.numbers
        labelled = list(chosen) if numbers is None else [i for i in chosen if numbers[i] != UNLABELLED]
        if chosen and not labelled:
            raise Unlabelled(
                f"none of the {len(chosen):,} {unit} of {source} has a label"
                + (f" in {file}" if file else ""),
                "--labels names a file that has them; without --labels they are read without labels",
            )
        return labelled

    def remarks(self, split: str, words: Sequence[str] | None = None) -> tuple[DataNote, ...]:
        """All that is to be said of the labels of a split. words: the splits of the N images; none where they are cut."""
        if self.numbers is None:
            return self.notes
        counts = Counter(self.numbers)
        empty = [name for number, name in enumerate(self.classes) if not counts[number]]
        of_classes = [] if split == "all" else list(self._missing(words or ()))
        if empty:
            of_classes.append(
                DataNote("left out", len(empty), len(self.classes), "classes", "declared, but without an image", "", empty)
            )  # fmt: skip
        return (*self.notes, *of_classes)

    def _missing(self, words: Sequence[str]) -> Iterator[DataNote]:
        """Classes of one split that the other lacks."""
        numbers = self.numbers or ()
        train, test = halves(words, len(numbers))
        learned, judged = ({numbers[i] for i in rows} - {UNLABELLED} for rows in (train, test))
        if not learned or not judged:
            return
        remedy = "" if any(words) else "--split all uses both splits"
        for gone, split, so in (
            (judged - learned, "train", "no training image shows them"),
            (learned - judged, "test", "no test image judges them"),
        ):
            names = [self.classes[number] for number in sorted(gone)]
            if names:
                what = f"missing from the {split} split, so {so}"
                yield DataNote("left out", len(names), len(self.classes), "classes", what, remedy, names)


Labelling = Callable[[Sequence[str], int], Labelled]
"""(names of the N files below the folder, or none, N) -> the labels of the whole source."""


def halves(words: Sequence[str], count: int) -> tuple[list[int], list[int]]:
    """The images of the train split, and of the test split. words: as for `splits.take`; none where the source is cut."""
    if not any(words):
        return cut(count, "train"), cut(count, "test")
    test = next((word for word in TEST if word in words), "")
    rows: dict[str, list[int]] = {"train": [], test: []}
    for i, word in enumerate(words):
        if word in rows and word:
            rows[word].append(i)
    return rows["train"], rows[test] if test else []
