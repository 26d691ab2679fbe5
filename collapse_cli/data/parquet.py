"""parquet:PATH, tables of images: the Hugging Face layout, shards, folders that `Dataset.save_to_disk` wrote, plain bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from collapse_cli.data import decoded, image_columns, label_columns, splits
from collapse_cli.data.labelling import Labelled, Labelling
from collapse_cli.data.shards import Shard, shards
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing, Images


def load(path: Path, split: str, framing: Framing, files: ImageFiles, labelling: Labelling | None) -> Images:
    """One file, cut 80 : 20, or a folder of shards whose names tell the split (cut likewise where none does).

    Classes are numbered alike in every split. A set that is streamed still holds its encoded bytes in memory.
    Raises CollapseError for what is no table, has no images, or has labels of which it is not clear what they are.
    """
    each = shards(path)
    words = [shard.word for shard in each]
    taken = splits.take(words, split, path) if any(words) else list(range(len(each)))
    column = image_columns.choose(each[taken[0]], files.image_column, path)
    starts = label_columns.starts(each)
    labelled = _labelled(each, taken, path, column.name, files, labelling)
    of_rows = [word for shard in each for word in [shard.word] * shard.count] if any(words) else []
    rows = [row for i in taken for row in range(starts[i], starts[i + 1])]
    name = f"{path.name}/{split}"
    chosen = labelled.among(rows if of_rows else splits.cut(len(rows), split), name, files.labels)
    place = {row: n for n, row in enumerate(rows)}
    contents = image_columns.Contents.of([each[i] for i in taken], column.name)
    others = [shard for i, shard in enumerate(each) if i not in set(taken) and shard.has(column.name)]
    source = decoded.Source(
        name,
        contents.__getitem__,
        len(rows),
        elsewhere=lambda: image_columns.in_order(others, column.name),
        stands_in=[shard.file for shard in each],
        outside=lambda: (
            contents.outside or any(image_columns.names_files(other, column.name) for other in others)
        ),
    )
    numbers = None if labelled.numbers is None else [labelled.numbers[row] for row in rows]
    images = decoded.images(source, [place[row] for row in chosen], numbers, labelled.classes, framing, files)
    left_out = (*_of_no_split(each), *splits.left_out(of_rows, split, len(of_rows) or len(rows)))
    return replace(images, notes=(*images.notes, *column.notes, *left_out, *labelled.remarks(split, of_rows)))


def _of_no_split(each: list[Shard]) -> tuple[DataNote, ...]:
    """Files whose names tell no split, beside others that do."""
    aside = [shard for shard in each if not shard.word]
    if not aside or len(aside) == len(each):
        return ()
    images, total = (sum(shard.count for shard in some) for some in (aside, each))
    what = "left out: the names of their files tell no split"
    remedy = "rename the files to train-… or test-…"
    return (
        DataNote("left out", images, total, "images", what, remedy, [shard.file.name for shard in aside]),
    )


def _labelled(
    each: list[Shard],
    taken: list[int],
    path: Path,
    image_column: str,
    files: ImageFiles,
    labelling: Labelling | None,
) -> Labelled:
    """Labels of all rows, from elsewhere where that is asked for."""
    if labelling:
        return labelling(image_columns.names(each, image_column), sum(shard.count for shard in each))
    column = label_columns.choose(each, taken, files.label_column)
    if column:
        return label_columns.read(each, taken, column, path)
    return (
        Labelled() if files.label_column else Labelled(notes=label_columns.not_taken(each[taken[0]].schema))
    )


def offered(path: Path) -> list[str]:
    """Columns that may be the labels, which nobody took. Raises CollapseError for what cannot be read."""
    return list(
        dict.fromkeys(name for shard in shards(path) for name in label_columns.candidates(shard.schema))
    )


def holds_images(path: Path) -> bool:
    """Whether a file, or one of the files of a folder, has a column of images."""
    try:
        return any(map(_has_images, shards(path)))
    except CollapseError:
        return False


def _has_images(shard: Shard) -> bool:
    try:
        return bool(image_columns.choose(shard, "", shard.file).name)
    except CollapseError:
        return False


def columns(path: Path) -> list[str]:
    """The names of all columns of all files."""
    return list(dict.fromkeys(name for shard in shards(path) for name in shard.schema.names))
