"""A gallery of augmented pairs: images beside two of their views, at the strength of the run."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from collapse_cli.analysis.centring import centred
from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.analysis.thumbnails import Thumbnails, caption, text_of
from collapse_cli.augment.recipes import augment
from collapse_cli.embedding import embed, take
from collapse_cli.exhibits import Gallery, Neighbour, Row
from collapse_cli.figures import written
from collapse_cli.metrics.principal import stratified
from collapse_cli.root_causes import Case


def gallery(subject: Subject, thumbnails: Thumbnails, rows: int, prefix: str = "") -> Gallery | None:
    """Of up to `rows` images; None where no views are made, or none that differ. prefix: of the keys of its views."""
    case, clean = subject.case, subject.clean
    if case is None or case.recipe == "none" or not case.strength:
        return None
    chosen = stratified(clean.labels, len(clean), rows, generator(subject.measuring.seed))
    index = clean.index[chosen]
    views, cosines, shown = augmented(case, index), _cosines(subject, case, index), []
    for place, number in enumerate(index.tolist()):
        keys = [f"{prefix} {thumbnails.key(case.images, number)} view {n}" for n in (1, 2)]
        texts = [f"{text_of(case.images, number)}, view {n}" for n in (1, 2)]
        both = list(zip(keys, (view[place] for view in views), texts, strict=True))
        if thumbnails.add_images(case.images, [number]) and thumbnails.add(both):
            words = ", ".join(f"{space} {written(values[place])}" for space, values in cosines.items())
            beside = (Neighbour(keys[0], "view 1"), Neighbour(keys[1], f"view 2; cosine of the two: {words}"))
            shown.append(
                Row(thumbnails.key(case.images, number), caption(case.images, number, "original"), beside)
            )
    return Gallery("Augmented pairs", _about(subject, case), tuple(shown))


def _seeded(case: Case) -> torch.Generator:
    return torch.Generator(case.device).manual_seed(case.seed)


def augmented(case: Case, index: Tensor) -> tuple[Tensor, Tensor]:
    """Two views (n,C,H,W) in [0,1] of these images, those that `embedding.pairs` embeds of the same images."""
    drawn, index = _seeded(case), index.to(case.device)
    first, second = (
        augment(take(case.images, index, case.device), case.recipe, case.strength, drawn) for _ in range(2)
    )
    return first, second


def _cosines(subject: Subject, case: Case, index: Tensor) -> dict[str, list[float]]:
    """Of the embeddings of the two views of each image, in each space."""
    view = (case.recipe, case.strength, _seeded(case))
    first, second = (
        centred(embed(case.method, case.images, case.normalisation, index, view), subject.centre).spaces
        for _ in range(2)
    )
    return {
        space: cosine_similarity(first[space].double(), second[space].double()).tolist() for space in first
    }


def _about(subject: Subject, case: Case) -> str:
    sampled = "evenly over the classes" if subject.labelled else "at random"
    recipe = f"the recipe {case.recipe} at strength {case.strength:g}"
    of_run, of_ours = "as in the training", "since the checkpoint does not contain how its views were made"
    return (
        f"Images sampled {sampled} (seed {subject.measuring.seed}), each with two augmented views, by {recipe}, "
        f"{of_run if case.trained else of_ours}. The loss makes the embeddings of the two views alike."
    )
