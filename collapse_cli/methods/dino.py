"""DINO: the student predicts which prototype a slow teacher chooses for the other view (Caron et al. 2021, arXiv:2104.14294)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from collapse_cli.losses import own_image
from collapse_cli.models.key_encoder import follow, momentum_at, slow_copy
from collapse_cli.models.networks import networks
from collapse_cli.models.prototypes import Prototypes
from collapse_cli.settings import Dino, Model
from collapse_cli.shapes import Batch, Curves, DataShape, Origin, Pair, Sees


class Method(nn.Module):
    """Centering keeps one prototype from taking all images, sharpening keeps all from being chosen alike (sec. 5.3)."""

    repels = False
    temperature = negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "directions"
    compares, left_out = Pair("projection", "target"), staticmethod(own_image)

    def __init__(self, settings: Dino, model: Model, data: DataShape) -> None:
        super().__init__()
        self.settings = settings
        self.encoder, self.projector, _, dim = networks(model, data.image)
        self.prototypes = Prototypes(settings.prototypes, dim)
        self.target = slow_copy(nn.Sequential(self.encoder, self.projector))
        self.target_prototypes = slow_copy(self.prototypes)
        self.center: Tensor  # (K,), mean output of the teacher
        self.register_buffer("center", torch.zeros(settings.prototypes))
        self.fresh: list[Tensor] = []  # (B, K) each, the teacher's outputs of this step's batches
        self.last: list[tuple[Tensor, Tensor]] = []  # of the last batch, P_t (B, K) and the cross-entropy ()

    def loss(self, batch: Batch) -> Tensor:
        self.fresh = self.fresh if batch.place else []
        self.last = []
        there = self.distil(batch.first, batch.second, batch.origin)
        return (there + self.distil(batch.second, batch.first, batch.origin)) / 2

    def distil(self, views: Tensor, others: Tensor, origin: Origin) -> Tensor:
        """Mean cross-entropy H(P_t, P_s), eq. 2: the student sees `views`, the teacher `others`, (B,C,H,W) each; () in nats."""
        student = self.prototypes(self.queries(views)).float() / self.settings.student_temperature  # (B, K)
        teacher = self.teacher(self.positives(others, origin))  # (B, K)
        cross_entropy: Tensor = -(teacher * student.log_softmax(dim=1)).sum(dim=1).mean()
        self.last.append((teacher, cross_entropy.detach()))
        return cross_entropy

    @torch.no_grad()
    def teacher(self, z: Tensor) -> Tensor:
        """P_t (B,K) of the teacher's z (B,d): the softmax of its centered output, sharpened by a low temperature. No gradient."""
        output = self.target_prototypes(z).float()  # (B, K)
        self.fresh.append(output)
        own = self.settings
        temperature = own.teacher_temperature if own.sharpening else own.student_temperature
        assigned: Tensor = ((output - self.center) / temperature).softmax(dim=1)
        return assigned

    def queries(self, views: Tensor) -> Tensor:
        """The student's z, not normalised."""
        z: Tensor = self.projector(self.encoder(views))
        return z  # (B, d)

    @torch.no_grad()
    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The teacher's z, not normalised."""
        z: Tensor = self.target(views)
        return z  # (B, d)

    def after_step(self, progress: float) -> None:
        """The teacher follows the student, and the center the mean of the teacher's outputs (eq. 4)."""
        student = nn.ModuleList([self.encoder, self.projector, self.prototypes])
        teacher = nn.ModuleList([self.target, self.target_prototypes])
        follow(teacher, student, momentum_at(self.settings, progress))
        if self.settings.centering and self.fresh:
            self.center.lerp_(
                torch.cat(self.fresh).mean(dim=0).to(self.center.dtype), 1 - self.settings.center_momentum
            )

    def chance(self) -> float:
        """log K: student and teacher choose all prototypes alike."""
        return math.log(self.settings.prototypes)

    def diagnostics(self) -> dict[str, float]:
        """Without centering the entropy falls to 0, without sharpening it rises to log K; with either the KL divergence is 0."""
        if not self.last:
            return {}
        teacher = torch.cat([each for each, _ in self.last])  # (2B, K)
        cross_entropy = float(torch.stack([each for _, each in self.last]).mean())
        entropy = float(torch.special.entr(teacher).sum(dim=1).mean())
        return {
            "H(P_t) / log K": entropy / self.chance(),
            "KL(P_t, P_s)": cross_entropy - entropy,
            "prototypes used": float(len(torch.unique(teacher.argmax(dim=1)))),
        }

    def curves(self) -> Curves:
        return {}
