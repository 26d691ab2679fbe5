"""What a method's settings say of the forces in its loss: which is missing, how many images repel one, what would mend it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from collapse_cli import settings
from collapse_cli.methods import Method, dino, swav
from collapse_cli.metrics import causes_forces
from collapse_cli.metrics.causes import Cause
from collapse_cli.root_causes import Case, Trained
from collapse_cli.settings import Run, resolve

ONE_PROTOTYPE = (
    "centering removed",
    "Sinkhorn removed",
)  # what is removed, where one prototype takes all images


@dataclass(frozen=True)
class Missing:
    """What keeps images apart and is not there. what: a clause; cure: settings; instead: a method in place of this one."""

    name: str
    what: str
    cure: Mapping[str, Any] = field(default_factory=dict)
    instead: str = ""


def unopposed(knobs: Any) -> Missing | None:
    """None where a term, a stop-gradient or a predictor keeps images apart.

    SimSiam and BYOL without stop-gradient or predictor; alignment more than 4 times uniformity (Wang & Isola,
    arXiv:2005.10242, sec. 5). Either of stop-gradient and predictor is named alone where the other is there.
    """
    match knobs:
        case settings.PositiveOnly():
            what = "the loss has positive pairs only, so it is smallest where all images are one point"
            return Missing("nothing prevents collapse", what, instead="end-to-end")
        case (
            settings.Simsiam(stop_gradient=False, predictor=False)
            | settings.Byol(stop_gradient=False, predictor=False)
        ):
            cure = {"stop_gradient": True, "predictor": True}
            what = "gradients flow into the target, and there is no predictor between the views"
            return Missing("stop-gradient and predictor removed", what, cure)
        case settings.Simsiam(stop_gradient=False) | settings.Byol(stop_gradient=False):
            what = "gradients flow into the target, so the loss is smallest where all images are one point"
            return Missing("stop-gradient removed", what, {"stop_gradient": True})
        case settings.Simsiam(predictor=False) | settings.Byol(predictor=False):
            what = "the projection itself is trained to match the target, without a predictor between them"
            return Missing("predictor removed", what, {"predictor": True})
        case settings.Dino():
            return _of_teacher(knobs)
        case settings.Swav(sinkhorn=False):
            what = "the codes are not balanced, so the loss is smallest where one prototype takes all images"
            return Missing("Sinkhorn removed", what, {"sinkhorn": True})
        case settings.AlignUniform() if knobs.alignment > 4 * knobs.uniformity:
            what = (
                f"the weight of the alignment is {knobs.alignment:g} and that of the uniformity "
                f"{knobs.uniformity:g}, less than a quarter of it"
            )
            return Missing("uniformity too weak", what, {"alignment": 0.98, "uniformity": 0.96})
    return None


def _of_teacher(knobs: settings.Dino) -> Missing | None:
    """What keeps a teacher's output from one prototype, and from all of them alike (Caron et al., arXiv:2104.14294, sec. 5.3)."""
    usual = settings.Dino()
    sharp = usual.teacher_temperature / usual.student_temperature * knobs.student_temperature
    center = {"centering": True, "center_momentum": min(knobs.center_momentum, usual.center_momentum)}
    low = {"sharpening": True, "teacher_temperature": min(knobs.teacher_temperature, sharp)}
    one = "the teacher's output is not centered, so that one prototype takes all images"
    alike = "the teacher's temperature is not below the student's, so that its output becomes uniform"
    centered = knobs.centering and knobs.center_momentum < 1
    sharpened = knobs.sharpening and knobs.teacher_temperature < knobs.student_temperature
    match centered, sharpened:
        case False, False:
            return Missing("centering and sharpening removed", f"{one}; {alike}", center | low)
        case False, True:
            return Missing("centering removed", one, center)
        case True, False:
            return Missing("sharpening removed", alike, low)
    return None


def forces(case: Case, trained: Trained) -> list[Cause | None]:
    """A force that the settings lack, a scale that nothing keeps, negatives that are too few."""
    knobs, gone = trained.run.settings, unopposed(trained.run.settings)
    candidates: list[Cause | None] = []
    used = prototypes_used(case.method, case.space)
    if gone is not None and gone.name in ONE_PROTOTYPE and used is not None:
        count = knobs.prototypes
        candidates.append(causes_forces.few_prototypes(gone.name, gone.what, used, count, gone.cure))
    elif gone is not None:
        candidates.append(
            causes_forces.missing_force(gone.name, gone.what, case.std_sqrt_d, gone.cure, gone.instead)
        )
    if isinstance(knobs, settings.Vicreg) and knobs.variance < knobs.invariance and case.initial is not None:
        scale = deviation(case.space) / deviation(case.initial)
        candidates.append(causes_forces.weak_variance(scale, knobs.variance, knobs.invariance))
    usual = settings.Lejepa().sigreg_weight
    if isinstance(knobs, settings.Lejepa) and knobs.sigreg_weight < usual:
        scale = deviation(case.space) / math.sqrt(case.space.shape[1])
        candidates.append(causes_forces.weak_sigreg(scale, knobs.sigreg_weight, usual))
    others = repelling(trained.run)
    if others is not None:
        cure = more(trained.run, trained.data.images)
        candidates.append(causes_forces.few_negatives(others, case.effective_rank, cure) if cure else None)
    return candidates


def prototypes_used(method: Method, rows: Tensor) -> float | None:
    """exp of the entropy of the shares of z (N,d) whose nearest prototype each is; None for methods without prototypes."""
    if not isinstance(method, dino.Method | swav.Method):
        return None
    with torch.no_grad():
        scores = method.prototypes(rows.to(method.prototypes.weight))  # (N, K)
    shares = scores.argmax(dim=1).bincount().double() / len(rows)
    return float(torch.special.entr(shares).sum().exp())


def deviation(rows: Tensor) -> float:
    """Root of the total variance of rows (N,d), with their lengths."""
    return float(rows.double().var(dim=0, correction=0).sum().sqrt())


def repelling(run: Run) -> int | None:
    """Other images that repel an image at one step; None where that is not how the method keeps images apart."""
    match run.settings:
        case settings.Queue(queue=keys):
            return keys
        case settings.MemoryBank(negatives=slots):
            return slots
        case (
            settings.EndToEnd()
            | settings.Dcl()
            | settings.Hcl()
            | settings.Directclr()
            | settings.AlignUniform()
        ):
            return run.training.batch - 1
    return None


def more(run: Run, images: int) -> Mapping[str, Any]:
    """As many as the method's defaults bring, as far as there are images; nothing where that is no more.

    images: of the training, of which a queue holds no more than half.
    """
    usual = resolve(run.method)
    match usual.settings:
        case settings.Queue(queue=keys):
            name, count, now = "queue", min(keys, images // 2), run.settings.queue
        case settings.MemoryBank(negatives=slots):
            name, count, now = "negatives", min(slots, images), run.settings.negatives
        case _:
            name, count, now = "batch", min(usual.training.batch, images), run.training.batch
    return {name: count} if count > now else {}
