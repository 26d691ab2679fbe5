"""Paths typed by the user -> what can be measured: each kind is recognised and said."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from collapse_cli.commands.of_networks import of_checkpoint, of_foreign
from collapse_cli.commands.of_rows import PIXELS, of_embeddings, of_pixels
from collapse_cli.commands.options import Measuring
from collapse_cli.commands.subject import Subject
from collapse_cli.errors import CollapseError


def subjects(paths: Sequence[Path], measuring: Measuring, quiet: bool, views: bool = False) -> list[Subject]:
    """Every input, read and embedded; views: augmented pairs too. What it is, and what was assumed of it, is said."""
    if measuring.labels and len(paths) > 1:
        raise CollapseError("--labels are those of one file of embeddings", "give one INPUT with them")
    found = [_subject(path, measuring, views) for path in paths]
    for subject in () if quiet else found:
        what = [str(subject.facts[key]) for key in ("layout", "method") if key in subject.facts]
        print(
            f"{subject.facts['path']}: {', '.join(what)}; {subject.count:,} of {subject.clean.source}",
            file=sys.stderr,
        )
        for said in subject.facts.get("assumed", ()):
            print(f"  {said}", file=sys.stderr)
    return found


def _subject(path: Path, measuring: Measuring, views: bool) -> Subject:
    from collapse_cli.runs import embeddings

    if embeddings.are_at(path):
        return of_embeddings(path, measuring)
    if measuring.labels:
        raise CollapseError(f"--labels go with embeddings, {path} is none", "pictures have their own")
    if str(path).startswith(PIXELS):
        return of_pixels(str(path).removeprefix(PIXELS), measuring)
    folder = path.is_dir()
    if folder and not (path / "checkpoint.pt").exists():
        raise CollapseError(
            f"{path} is a folder without a checkpoint.pt, and holds no .npy",
            "give a run folder, a checkpoint, or embeddings",
        )
    if folder or ours(path):
        return of_checkpoint(path, path / "checkpoint.pt" if folder else path, measuring, views)
    return of_foreign(path, measuring, views)


def ours(path: Path) -> bool:
    """Whether a file is a checkpoint of ours; what cannot be read as one may still be another library's."""
    from collapse_cli.runs import checkpoint

    return checkpoint.is_ours(path)
