"""What to type where images or embeddings have no labels: the column or the file that is likely to have them."""

from __future__ import annotations

from pathlib import Path

from collapse_cli.analysis.subject import Subject
from collapse_cli.data import unlabelled
from collapse_cli.errors import CollapseError
from collapse_cli.printable import quoted

USUAL = "give class folders, a file with labels, or --labels FILE"


def without_labels(subject: Subject, why: str = "which this needs") -> CollapseError:
    """The error for a subject without labels."""
    return CollapseError(f"{subject.name} has no labels, {why}", of_images(_dataset(subject)))


def _dataset(subject: Subject) -> str:
    """The data set of its images; empty for embeddings."""
    if subject.measuring.dataset or subject.checkpoint is None:
        return subject.measuring.dataset or (subject.name.removeprefix("pixels:") if subject.raw else "")
    return subject.checkpoint.run.training.dataset


def of_images(dataset: str) -> str:
    """The option that gives the images of a data set their labels, as it can be typed."""
    scheme, _, path = dataset.partition(":")
    try:
        if scheme == "parquet":
            return _of_columns(Path(path).expanduser())
        if scheme == "folder":
            notes = unlabelled.tables(Path(path).expanduser())
            return next((note.remedy for note in notes), USUAL)
    except (CollapseError, OSError):
        pass
    return USUAL


def _of_columns(path: Path) -> str:
    from collapse_cli.data import parquet  # which loads pyarrow

    columns, likely = parquet.columns(path), parquet.offered(path)
    if not likely:
        return f"name a column with --label-column, of {', '.join(columns)}; or give --labels FILE"
    return f"add --label-column {quoted(likely[0])}; the columns are: {', '.join(columns)}"
