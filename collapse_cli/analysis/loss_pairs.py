"""What the loss of a run compares, of the images that are measured: queries, their positives, and the keys that repel them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from collapse_cli import embedding
from collapse_cli.analysis import image_sets
from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.losses import same
from collapse_cli.metrics.oracle import LeftOut
from collapse_cli.shapes import VIEWS, Origin, Pair, Side

if TYPE_CHECKING:
    from collapse_cli.root_causes import Case

SIDES: dict[Side, str] = {
    "projection": "the embedding of a view",
    "key": "the key encoder's embedding of a view",
    "prediction": "the prediction from a view",
    "target": "the target network's embedding of a view",
    "neighbour": "the support set's nearest neighbour of a view",
    "slot": "the image's slot in the memory bank",
    "class weight": "the weight of the class",
}
"""What stands on a side of a pair, in words."""

CLEAN, OWN_QUEUE, WEIGHTS = "clean images of the data", "the run's own queue", "the weights of all classes"


@dataclass(frozen=True)
class LossPairs:
    """queries (n,d) and positives (n,d) of the viewed images, not normalised. sides: what they are."""

    queries: Tensor
    positives: Tensor
    sides: Pair


@dataclass(frozen=True)
class Keys:
    """rows (K,d), not normalised, of `origin`, in words `what`; left_out: those that the loss does not take for negatives.

    sides: of the pairs that go with them.
    """

    rows: Tensor
    origin: Origin
    left_out: LeftOut | None
    what: str
    sides: Pair


def compared(subject: Subject) -> Pair:
    """What the loss compares, where that can be made of these images; else two views through the network itself.

    A bank has slots for the images of the training alone, class weights are those of its classes (no label, or one of another
    column, has a weight), and no loss subtracts a mean.
    """
    sides = subject.case.method.compares if subject.case else None
    if sides is None or subject.centre:
        return VIEWS
    unknown = (sides.positive == "slot" and not _learned_from(subject)) or (
        sides.positive == "class weight" and not (_same_data(subject) and same_classes(subject))
    )
    return VIEWS if unknown else sides


def loss_pairs(subject: Subject, sides: Pair | None = None) -> LossPairs | None:
    """Pairs as the loss makes them of the views that alignment is measured on; None where there are no views."""
    if not subject.has_views:
        return None
    chosen = sides or compared(subject)
    return subject.once(("loss pairs", chosen), lambda: _pairs(subject, chosen))


def _pairs(subject: Subject, sides: Pair) -> LossPairs:
    assert subject.views is not None
    first, second = (view.spaces[subject.last_space] for view in subject.views)
    if sides.of_views:
        return LossPairs(first, second, sides)
    case, index = cast("Case", subject.case), subject.views[0].index
    queries, positives = embedding.paired(
        case.method, case.images, case.normalisation, index, case.recipe, case.strength, case.seed
    )
    return LossPairs(first if queries is None else queries, positives, sides)


def keys(subject: Subject, count: int, most: int) -> Keys:
    """The keys of the loss: of the run's own queue, or its class weights; where there are none, or `count` is not 0, `count` keys
    drawn from the data, up to `most` of the viewed images where it is 0.
    """
    sides = compared(subject)
    if not count and sides.positive == "class weight":
        return _class_weights(subject, sides)
    if not count and subject.negatives is not None and int(subject.negatives.seen) and _comparable(subject):
        return _queue(subject, sides)
    return _drawn(subject, count, most)


def _queue(subject: Subject, sides: Pair) -> Keys:
    """Its filled part. Which images they are of is known where these are the images of the training: so are their labels now."""
    assert subject.negatives is not None
    queue = subject.negatives
    filled = queue.index >= 0
    rows, labels, index = (part[filled].cpu() for part in (queue.keys.float(), queue.labels, queue.index))
    learned, images = _learned_from(subject), cast("Case", subject.case).images
    if learned and images.labels is not None:
        labels = images.labels.cpu()[index]  # of another column, or of a run that was trained without labels
    if not learned:
        index = torch.full_like(index, -1)
    return Keys(rows, Origin(index, labels), _left_out(subject, also_own=False), OWN_QUEUE, sides)


def _class_weights(subject: Subject, sides: Pair) -> Keys:
    weights = cast("Case", subject.case).method.classifier
    assert weights is not None
    classes = torch.arange(len(weights))
    origin = Origin(torch.full_like(classes, -1), classes)
    return Keys(weights.detach().cpu().float(), origin, _left_out(subject, also_own=False), WEIGHTS, sides)


def _drawn(subject: Subject, count: int, most: int) -> Keys:
    """Positives of other images, which is what a loss compares queries with; clean embeddings where there are too few views."""
    sides = compared(subject)
    if sides.positive == "class weight":
        sides = VIEWS  # images repel nothing in its loss: they are taken as another loss would
    pairs, clean, seeded = loss_pairs(subject, sides), subject.clean, generator(subject.measuring.seed)
    left_out = _left_out(subject, also_own=True) if sides == compared(subject) else None
    what = f"drawn from the data: {SIDES[sides.positive]}"
    if pairs is not None and count <= len(pairs.positives):
        assert subject.views is not None
        labels = subject.views[0].labels if subject.views[0].labels is not None else clean.labels
        chosen = torch.randperm(len(pairs.positives), generator=seeded)[: count or most]
        origin = Origin(subject.views[0].index[chosen], None if labels is None else labels[chosen])
        return Keys(pairs.positives[chosen], origin, left_out, what, sides)
    chosen = torch.randperm(len(clean), generator=seeded)[: count or most]
    origin = Origin(clean.index[chosen], None if clean.labels is None else clean.labels[chosen])
    if subject.case is None or subject.centre or pairs is None:
        return Keys(
            clean.spaces[subject.last_space][chosen], origin, left_out, f"drawn from the data: {CLEAN}", sides
        )
    return Keys(_more(subject.case, origin.index, sides), origin, left_out, what, sides)


def _more(case: Case, index: Tensor, sides: Pair) -> Tensor:
    """(K,d) positives of more images than are viewed, by views of their own."""
    view = (case.recipe, case.strength, torch.Generator(case.device).manual_seed(case.seed + 1))
    if not sides.of_views:
        return embedding.side(
            case.method, case.images, case.normalisation, index, view, case.method.positives
        )
    rows = embedding.embed(case.method, case.images, case.normalisation, index, view)
    return list(rows.spaces.values())[-1]


def _left_out(subject: Subject, also_own: bool) -> LeftOut | None:
    """As the loss leaves keys out; also_own: and those of the query's own image, which are no stale ones."""
    case = subject.case
    if case is None or case.method.compares is None:
        return None
    method, drawn = case.method, generator(subject.measuring.seed)

    def left_out(queries: Origin, keys: Origin) -> Tensor | None:
        excluded = method.left_out(queries, keys, drawn)
        if not also_own:
            return excluded
        of_image = same(queries.index, keys.index)
        return of_image if excluded is None else excluded | of_image

    return left_out


def _same_data(subject: Subject) -> bool:
    """Whether the images are of the data set that the run was trained on, of whatever split."""
    trained = subject.case.trained if subject.case else None
    return trained is not None and image_sets.is_own(trained.run.training.dataset, subject.measuring.dataset)


def same_classes(subject: Subject) -> bool:
    """Whether a label of these images means the class that it meant in training: the same classes, from the same column."""
    saved, case = subject.checkpoint, subject.case
    if saved is None or case is None or case.images.labels is None or case.images.classes != saved.classes:
        return False
    named = bool(saved.classes) or _same_data(subject)  # numbers of another data set are other classes
    fits = int(case.images.labels.max()) < saved.data.classes
    return named and fits and _same_options(subject)


def _same_options(subject: Subject) -> bool:
    saved = subject.checkpoint
    return saved is not None and image_sets.same_labels(saved.run.training, subject.measuring)


def _comparable(subject: Subject) -> bool:
    """Whether labels of the queue's images and of these are of the same classes, or can be made so."""
    return _same_data(subject) and (_learned_from(subject) or same_classes(subject))


def _learned_from(subject: Subject) -> bool:
    """Whether they are the very images of the training, whatever their labels, so that an index means the same image."""
    case = subject.case
    if case is None or case.trained is None or not _same_data(subject):
        return False
    training, trained, now = case.trained.run.training, case.trained.data, case.images.data_shape
    if subject.measuring.split != training.split or (trained.image, trained.images) != (
        now.image,
        now.images,
    ):
        return False
    if subject.measuring.image_column not in ("", training.image_column):
        return False
    lacks = any(note.kind == "left out" and note.unit == "images" for note in case.images.notes)
    return not lacks or _same_options(subject)  # other labels may leave out others
