"""What is in a set of images, and what would a training make of it? The whole balance, in the order in which it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from collapse_cli import data
from collapse_cli.analysis import image_sets
from collapse_cli.data import decoded, folder, parquet
from collapse_cli.data.headers import FileHeader, surveyed
from collapse_cli.data.labelling import UNLABELLED
from collapse_cli.data.splits import NoSplit
from collapse_cli.data.stream import Stream
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.class_names import class_names
from collapse_cli.metrics.image_set import Counting, ImageSet, shared
from collapse_cli.progress import counted
from collapse_cli.runs.shell import fitting, quoted, typed
from collapse_cli.settings import ImageFiles, Training
from collapse_cli.shapes import Framing, Images

COMPARED = 20_000  # images that near copies are looked for among, at most
CHUNK = 512  # images that are looked at together
LISTED = 5  # copies that are named
Parts = dict[str, Images]  # by their splits


@dataclass
class Seen:
    """What is gathered of the images that can be read, in order; headers: of files alone; broken: the others, and why."""

    counting: Counting
    names: list[str] = field(default_factory=list)
    labels: list[Tensor] = field(default_factory=list)  # -1 for an image without one
    headers: list[FileHeader] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)  # images of each split that can be read


def facts(dataset: str, files: ImageFiles, data_dir: str = "", download: bool = False) -> dict[str, Any]:
    """Of a named set, folder:PATH or parquet:PATH. Raises CollapseError for one that is not there or has no image."""
    parts, refused = _parts(dataset, files, data_dir, download)
    seen = _looked_at(parts)
    if not seen.counting.count:
        raise CollapseError(f"no image of {dataset} can be read", next(iter(seen.broken.values()), ""))
    labels = torch.cat(seen.labels)
    images = seen.counting.result(labels if bool((labels != UNLABELLED).any()) else None)
    first = next(iter(parts.values()))
    about = {
        "path": dataset,
        "layout": _layout(dataset),
        "images": images.images,
        "splits": seen.sizes,
        **_of_classes(labels, max((part.classes for part in parts.values()), key=len)),
        **_of_headers(seen.headers),
        **_of_pixels(images, seen),
        "broken": [{"image": name, "why": why} for name, why in seen.broken.items()],
        "left_out": [*_left_out(parts), *refused],
        "training": _of_training(images, first, seen),
    }
    options = typed(replace(files, skip_broken=files.skip_broken or bool(seen.broken)), data_dir)
    learnable = 0 if first.labels is None else len(torch.unique(first.labels))
    return about | {"next": list(_next(dataset, about, options, learnable))}


def _parts(dataset: str, files: ImageFiles, data_dir: str, download: bool) -> tuple[Parts, list[str]]:
    """The splits that there are, train first, none of them decoded yet; and why test is not among them, where it is there.

    Raises CollapseError where train is there and cannot be loaded, and where there is nothing else.
    """
    parts, refusals = Parts(), list[CollapseError]()
    for split in ("train", "test"):
        try:
            with decoded.as_streams():
                parts[split] = image_sets.load(dataset, split, files, data_dir or None, download, Framing())
        except CollapseError as error:
            if not parts and not isinstance(error, NoSplit):
                raise
            refusals.append(error)
    if not parts:
        raise refusals[0]
    told = [error for error in refusals if not isinstance(error, NoSplit)]
    return parts, [f"test is left out: {error.message}" for error in told]


def _left_out(parts: dict[str, Images]) -> Iterator[str]:
    """What is not used, or not as it is, with the split where they differ in it."""
    sentences = {
        split: [note.sentence for note in images.notes if note.kind != "held out"]
        for split, images in parts.items()
    }
    first, *others = sentences.values()
    alike = [sentence for sentence in first if all(sentence in each for each in others)]
    yield from alike
    for split, each in sentences.items():
        yield from (f"{split}: {sentence}" for sentence in each if sentence not in alike)


def _looked_at(parts: dict[str, Images]) -> Seen:
    """Every image once; of those in memory there are no headers."""
    first, learned = next(iter(parts)), len(next(iter(parts.values())))
    seen = Seen(Counting(sum(map(len, parts.values())), COMPARED, learned))
    for split, images in parts.items():
        before = seen.counting.count
        for rows, pixels in _chunks(images, seen):
            seen.counting.add(pixels, learned=split == first)
            seen.names += [
                images.files[row] if images.files else f"image {row} of {images.name}" for row in rows
            ]
            chosen = torch.tensor(list(rows), dtype=torch.long)
            unlabelled = torch.full((len(chosen),), UNLABELLED)
            seen.labels.append(unlabelled if images.labels is None else images.labels[chosen])
        seen.sizes[split] = seen.counting.count - before
    return seen


def _chunks(images: Images, seen: Seen) -> Iterator[tuple[Sequence[int], Tensor]]:
    """Rows that can be read, and their pixels (n,C,H,W)."""
    for index in counted(torch.split(torch.arange(len(images)), CHUNK), "images looked at", len):
        rows = index.tolist()
        if isinstance(images.pixels, Stream):
            chunk = surveyed(images.pixels, rows)
            seen.headers += chunk.headers
            seen.broken |= {images.pixels.read(row).name: why for row, why in chunk.broken.items()}
            yield chunk.rows, chunk.pixels
        else:
            yield rows, images.pixels[index]


def _layout(dataset: str) -> str:
    scheme = dataset.partition(":")[0] if data.is_source(dataset) else ""
    return {"folder": "folder of images", "parquet": "parquet with images"}.get(scheme, "named data set")


def _of_classes(labels: Tensor, classes: Sequence[str]) -> dict[str, Any]:
    """How many of the images that have a label each class has, the largest first."""
    values, sizes = torch.unique(labels[labels != UNLABELLED], return_counts=True)
    if not len(values):
        return {"labels": "no", "classes": None, "class_sizes": {}}
    names = class_names(values.tolist(), classes)
    ordered = sorted(zip(names, sizes.tolist(), strict=True), key=lambda item: -item[1])
    return {"labels": "yes", "classes": len(names), "class_sizes": dict(ordered)}


def _of_headers(headers: Sequence[FileHeader]) -> dict[str, Any]:
    """Kinds of files, modes and sizes, the most frequent first; how many are turned, transparent, of several frames."""
    if not headers:
        return {}
    by_area = sorted({header.size for header in headers}, key=lambda size: (size[0] * size[1], size))
    (usual, count), *_ = Counter(header.size for header in headers).most_common(1)
    return {
        "kinds": _counts(headers, lambda header: header.kind),
        "modes": _counts(headers, lambda header: header.mode),
        "sizes": {
            "different": len(by_area),
            "most_frequent": list(usual),
            "of_that_size": count,
            "smallest": list(by_area[0]),
            "largest": list(by_area[-1]),
        },
        "turned_by_exif": sum(header.turned for header in headers),
        "with_alpha": sum(header.alpha for header in headers),
        "of_several_frames": sum(header.frames for header in headers),
    }


def _counts(headers: Sequence[FileHeader], key: Callable[[FileHeader], str]) -> dict[str, int]:
    return dict(Counter(map(key, headers)).most_common())


def _of_pixels(images: ImageSet, seen: Seen) -> dict[str, Any]:
    """Copies and images of one colour, as they are decoded for a training."""
    train = torch.arange(images.images) < seen.sizes.get("train", 0)
    both = len(seen.sizes) > 1
    return {
        "distinct": images.distinct,
        "copies": images.copies,
        "copies_are": list(_examples(images.owner, seen.names)),
        "near_copies": images.near_copies,
        "near_copies_are": list(_examples(_near_only(images), seen.names, " ~ ")),
        "compared_for_near_copies": images.compared,
        "constant": images.constant,
        "black": images.black,
        "white": images.white,
        "variance_between_images": images.between,
        **({"test_images_in_train": shared(images.owner, train)} if both else {}),
        **({"near_copies_of_train_in_test": shared(images.look, train)} if both else {}),
        **({} if images.contradicting is None else {"labelled_in_two_ways": images.contradicting}),
    }


def _near_only(images: ImageSet) -> Tensor:
    """Which image each is a near copy of, its own where it is a copy or none."""
    place = torch.arange(images.images)
    return torch.where(images.owner == place, images.look, place)


def _examples(of: Tensor, names: Sequence[str], sign: str = " = ") -> Iterator[str]:
    """`b.png = a.png` for the first few images that are copies."""
    copies = (of != torch.arange(len(of))).nonzero()[:LISTED, 0].tolist()
    yield from (f"{names[copy]}{sign}{names[int(of[copy])]}" for copy in copies)


def _of_training(images: ImageSet, first: Images, seen: Seen) -> dict[str, Any]:
    """What `collapse train` makes of it with its usual settings."""
    batch, count = Training.batch, next(iter(seen.sizes.values()))
    channels, height, width = first.shape
    return {
        "split": next(iter(seen.sizes)),
        "images": count,
        "shape": [channels, height, width],
        "batch": batch,
        "steps_per_epoch": count // batch,
        "left_over_each_epoch": count % batch,
        "mean": [round(value, 4) for value in images.mean],
        "std": [round(value, 4) for value in images.std],
    }


def _next(dataset: str, facts: Mapping[str, Any], options: Sequence[str], learnable: int) -> Iterator[str]:
    """Commands that can be typed as they are. learnable: classes of the images that a training would see."""
    count = facts["training"]["images"]
    methods = ["moco", *(["supervised"] if learnable > 1 else [])]
    for method in methods if count > 1 else []:
        yield " ".join(["collapse train", method, "--dataset", quoted(dataset), *fitting(count), *options])
    for command in ("diagnose", *(["probe"] if (facts["classes"] or 0) > 1 else [])):
        yield " ".join(["collapse", command, quoted(f"pixels:{dataset}"), *options])


def named_by(path: Path) -> str:
    """How a path is named as a data set: what it says itself, `folder:` or `parquet:` before images; empty for all else."""
    text = str(path)
    if data.is_source(text):
        return "" if text.startswith("text:") else text
    if not path.exists():
        return text if text in data.NAMES else ""
    return next((name for name in (f"folder:{path}", f"parquet:{path}") if _holds_images(name, path)), "")


def _holds_images(name: str, path: Path) -> bool:
    if name.startswith("folder:"):
        return path.is_dir() and folder.holds_images(path)
    return (path.is_dir() or path.suffix == ".parquet") and parquet.holds_images(path)
