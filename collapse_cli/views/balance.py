"""The page on a set of images: a line or more for each fact, nothing for what is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

NAME, WIDE = 16, 63  # letters of a fact's name, and beside it
FEW = 3  # classes and files that are named
ASIDE = {
    "turned by EXIF": "turned_by_exif",
    "with alpha": "with_alpha",
    "several frames": "of_several_frames",
}
BROKEN = 20  # files that cannot be read that are named


def balance(facts: Mapping[str, Any]) -> Iterator[str]:
    """Lines of a page."""
    for name, texts in _told(facts):
        lines = [line for text in texts for line in _wrapped(text)]
        labels = [name, *[""] * len(lines)]
        yield from (f"{label:<{NAME}} {line}" for label, line in zip(labels, lines, strict=False))


def _told(facts: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Name of a fact -> its sentences."""
    yield "path", [facts["path"]]
    yield "layout", [facts["layout"]]
    splits = ", ".join(f"{name} {count:,}" for name, count in facts["splits"].items())
    yield "images", [f"{facts['images']:,}: {splits}"]
    yield "classes", list(_classes(facts))
    if "kinds" in facts:
        yield "files", [_counted(facts["kinds"])]
        yield "sizes", [_sizes(facts["sizes"])]
        yield "modes", [_counted(facts["modes"])]
    for name, key in ASIDE.items():
        if facts.get(key):
            yield name, [_share(facts[key], facts["images"])]
    yield "copies", list(_copies(facts))
    yield "near copies", list(_near(facts))
    yield "of one colour", list(_plain(facts))
    if facts.get("labelled_in_two_ways"):
        yield "contradicting", [f"{facts['labelled_in_two_ways']:,} images have copies with another label"]
    yield "broken", list(_broken(facts["broken"]))
    yield "data", facts["left_out"]
    yield "in training", list(_training(facts["training"]))
    yield "next", facts["next"]


def _classes(facts: Mapping[str, Any]) -> Iterator[str]:
    sizes = list(facts["class_sizes"].items())
    if not sizes:
        yield "no labels"
        return
    (largest, most), (smallest, fewest) = sizes[0], sizes[-1]
    yield f"{len(sizes):,}: the largest {largest} ({most:,}), the smallest {smallest} ({fewest:,})"
    single = [name for name, size in sizes if size == 1]
    if single:
        some = ", ".join(single[:FEW]) + (" …" if len(single) > FEW else "")
        yield f"{len(single):,} of a single image: {some}"


def _sizes(sizes: Mapping[str, Any]) -> str:
    usual = _by(sizes["most_frequent"])
    if sizes["different"] == 1:
        return f"all {usual}"
    return (
        f"{sizes['different']:,} different; most often {usual} ({sizes['of_that_size']:,}), the smallest "
        f"{_by(sizes['smallest'])}, the largest {_by(sizes['largest'])}"
    )


def _copies(facts: Mapping[str, Any]) -> Iterator[str]:
    distinct = f"{facts['distinct']:,} distinct image{'s' * (facts['distinct'] != 1)}"
    yield f"{_share(facts['copies'], facts['images'])} have the same pixels as another: {distinct}"
    yield from facts["copies_are"][:FEW]
    if facts.get("test_images_in_train"):
        yield f"{facts['test_images_in_train']:,} of the test images are in train, too: they test nothing"


def _near(facts: Mapping[str, Any]) -> Iterator[str]:
    compared = facts["compared_for_near_copies"]
    among = f"of {compared:,} distinct images" + (
        " that were compared" if compared < facts["distinct"] else ""
    )
    yield f"{facts['near_copies']:,} {among} are nearly the same as another" if compared > 1 else "none"
    yield from facts["near_copies_are"][:FEW]
    near = facts.get("near_copies_of_train_in_test", 0)
    if near > facts.get("test_images_in_train", 0):
        yield f"{near:,} of the test images are the same as one of train, or nearly so"


def _plain(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts["constant"]:
        parts = ", ".join(f"{facts[colour]:,} {colour}" for colour in ("black", "white") if facts[colour])
        yield _share(facts["constant"], facts["images"]) + (f": {parts}" if parts else "")


def _broken(broken: list[dict[str, str]]) -> Iterator[str]:
    if not broken:
        return
    yield f"{len(broken):,} cannot be read; --skip-broken trains without them"
    yield from (each["why"] for each in broken[:BROKEN])
    if len(broken) > BROKEN:
        yield f"and {len(broken) - BROKEN:,} more: --json lists all"


def _training(facts: Mapping[str, Any]) -> Iterator[str]:
    channels, height, width = facts["shape"]
    depth = f"{channels} channel{'s' if channels > 1 else ''}"
    yield f"{facts['images']:,} images of {facts['split']}, {width} x {height} with {depth}"
    rest, batch, steps = (facts[key] for key in ("left_over_each_epoch", "batch", "steps_per_epoch"))
    left = f"; {rest:,} images are left out of each, others every time" if rest else ""
    yield (
        f"batches of {batch}: {steps:,} steps an epoch{left}"
        if steps
        else f"fewer images than a batch of {batch}"
    )
    if not facts["mean"]:
        return
    mean, std = (", ".join(f"{value:.3f}" for value in facts[key]) for key in ("mean", "std"))
    yield f"normalised by mean {mean}, standard deviation {std}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _share(count: int, total: int) -> str:
    return f"{count:,} of {total:,}"


def _by(size: list[int]) -> str:
    return " x ".join(map(str, size))


def _wrapped(text: str) -> list[str]:
    """Lines of a sentence; a command is never broken, so that it can be copied."""
    if text.startswith("collapse "):
        return [text]
    return wrap(text, WIDE, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
