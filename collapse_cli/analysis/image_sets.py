"""The images that a training or a measurement asks for, with labels from a file where one was given."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from collapse_cli import class_labels, data
from collapse_cli.data.labelling import UNLABELLED, Labelled
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError
from collapse_cli.runs import label_table
from collapse_cli.runs.label_table import Joined
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing, Images
from collapse_cli.walks import refuse_impossible

USUAL = ImageFiles()


def load(
    dataset: str, split: str, files: ImageFiles, data_dir: str | None, download: bool, framing: Framing
) -> Images:
    """The images of a split on the CPU. Raises CollapseError for a data set that is not there or cannot be read."""
    _refuse_idle(dataset, files)
    return data.load(
        dataset, split, data_dir=data_dir or None, download=download, framing=framing, files=files,
        labelling=labeller(dataset, files),
    )  # fmt: skip


def labeller(dataset: str, files: ImageFiles) -> Labeller | None:
    """Labels from the file that was named; none where none was."""
    return Labeller(Path(files.labels).expanduser(), files.label_column, dataset) if files.labels else None


def _refuse_idle(dataset: str, files: ImageFiles) -> None:
    """Raises CollapseError for options that this data set has no use for."""
    parquet = dataset.startswith("parquet:")
    if files.labels and not data.is_source(dataset):
        raise CollapseError(
            f"--labels {files.labels}: {dataset} has labels of its own",
            "leave out --labels; it is for folder:PATH, parquet:PATH and files of embeddings",
        )
    if files.label_column and not files.labels and not parquet:
        raise CollapseError(
            f"--label-column {files.label_column}: {dataset} has no columns",
            "it names a column of parquet:PATH, or of the table that --labels FILE names",
        )
    if files.image_column and not parquet:
        raise CollapseError(
            f"--image-column {files.image_column}: {dataset} has no columns",
            "leave out --image-column; it is for parquet:PATH",
        )


class Labeller:
    """Labels of a whole source from a file. dataset: what the source is called."""

    def __init__(self, path: Path, column: str, dataset: str) -> None:
        self.path, self.column, self.dataset = path, column, dataset
        self.unit = "texts" if dataset.startswith("text:") else "images"

    def __call__(self, names: Sequence[str], count: int) -> Labelled:
        """Raises CollapseError where it is not clear which label an image has."""
        table = label_table.joined(self.path, self.column, names, count, self.dataset, self.unit)
        present = [value for value in table.values if value is not None]
        self._refuse_hidden(table, present)
        numbers, classes = class_labels.numbered(present, str(self.path))
        each = iter(numbers)
        whole = [UNLABELLED if value is None else next(each) for value in table.values]
        return Labelled(whole, classes, self._notes(table, names, whole))

    def _refuse_hidden(self, table: Joined, present: Sequence[object]) -> None:
        """Raises CollapseError for labels that stand for none: empty ones in a list, and negative numbers."""
        whole = [str(value) for value in present if class_labels.is_whole(value)]
        hidden = sum(value.startswith("-") for value in whole) if len(whole) == len(present) else 0
        hidden += sum(map(class_labels.is_missing, [] if table.named else table.values))
        if hidden or not present:
            hint = (
                "remove their rows: images that it lacks are left out"
                if table.named
                else "give every image its label"
            )
            raise CollapseError(
                f"{hidden or len(table.values):,} of {len(table.values):,} {self.unit} have no label in {self.path} "
                "(empty, or a negative number such as -1)",
                hint,
            )

    def _notes(self, table: Joined, names: Sequence[str], whole: Sequence[int]) -> tuple[DataNote, ...]:
        """How rows and images were brought together, and what one side has that the other lacks."""
        count, of = len(whole), f", column {table.column}" if table.column else ""
        how = (
            f"by the file names of its column {table.by}"
            if table.named
            else f"in the order of the {self.unit}"
        )
        first = f", the first of which is {names[0]}" if names and not table.named else ""
        labelled = count - whole.count(UNLABELLED)
        notes = [
            DataNote("chosen", labelled, count, self.unit, f"labelled from {self.path}{of}, {how}{first}")
        ]
        if labelled < count:
            without = [name for name, number in zip(names, whole, strict=False) if number == UNLABELLED]
            what = f"left out: {self.path} has no label for them"
            notes.append(DataNote("left out", count - labelled, count, "images", what, "", without))
        if table.surplus:
            rows = labelled + len(table.surplus)
            what = "left out: no image of the data set is called so"
            notes.append(
                DataNote("left out", len(table.surplus), rows, "rows of labels", what, "", table.surplus)
            )
        return tuple(notes)


def of_run(training: ImageFiles, measuring: ImageFiles) -> tuple[ImageFiles, tuple[DataNote, ...]]:
    """How a run's images are read when it is measured: as they were trained on, but for what was typed, and what is to be said.

    Without the run's labels where their file is gone: most measurements need none.
    """
    names = [field.name for field in fields(ImageFiles)]
    typed = {
        name: getattr(measuring, name) for name in names if getattr(measuring, name) != getattr(USUAL, name)
    }
    if measuring.labels:  # the run's column is one of another table
        typed["label_column"] = measuring.label_column
    files = ImageFiles(**{name: getattr(training, name) for name in names} | typed)
    if "labels" in typed or not files.labels or Path(files.labels).expanduser().exists():
        return files, ()
    path = Path(files.labels).expanduser()
    where = "" if path.is_absolute() else f" (looked for in {Path.cwd()})"
    what = f"missing{where}, so the images of the run have no labels"
    note = DataNote("missing", 1, 1, "labels file", what, "--labels FILE names another", (files.labels,))
    return replace(files, labels="", label_column=""), (note,)


def of_others(images: Images, trained_on: int) -> DataNote:
    """What is to be said where a labels file is missing, which left images out. trained_on: images of the run, 0 where this is
    another split.
    """
    what = "measured without the labels file, and may be others than the run was trained on"
    if trained_on and trained_on != len(images):
        what = f"measured without the labels file, but the run was trained on {trained_on:,}"
    return DataNote("changed", len(images), len(images), "images", what)


def is_own(trained_on: str, dataset: str) -> bool:
    """Whether the data set that is measured is the one that a run was trained on: none was named, or that one."""
    return not dataset or data.place(dataset) == data.place(trained_on)


def same_labels(training: ImageFiles, measuring: ImageFiles) -> bool:
    """Whether the labels come from the file and the column that they had in training."""
    now, _ = of_run(training, measuring)
    return _labels(now) == _labels(training)


def _labels(files: ImageFiles) -> tuple[str, str]:
    refuse_impossible(files.labels, "--labels")
    return os.path.realpath(Path(files.labels).expanduser()) if files.labels else "", files.label_column
