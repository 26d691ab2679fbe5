"""Memory bank: one stored vector for each image (InstDisc, Wu et al. 2018, arXiv:1805.01978; MoCo's mechanism (b))."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.losses import bank_nce, chance, info_nce, left_out, proxy_accuracy, without
from collapse_cli.models.networks import networks
from collapse_cli.settings import MemoryBank, Model
from collapse_cli.shapes import Batch, Curves, DataShape, Origin, Pair, Sees


class Method(nn.Module):
    """The positive is the image's own slot, negatives are drawn from the others; no gradient reaches the bank.

    What a slot holds is as old as the image's last turn, up to an epoch.
    """

    repels = True
    negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "directions"
    compares = Pair("projection", "slot")

    def __init__(self, settings: MemoryBank, model: Model, data: DataShape) -> None:
        super().__init__()
        if settings.negatives > data.images:
            raise CollapseError(
                f"--negatives {settings.negatives} is more than the {data.images} slots of the bank",
                f"there is one slot for each image: give --negatives {data.images}, or less",
            )
        self.settings, self.temperature = settings, settings.temperature
        self.encoder, self.projector, _, dim = networks(model, data.image)
        self.bank: Tensor
        self.labels: Tensor
        self.constant: Tensor
        self.register_buffer("bank", normalize(torch.randn(data.images, dim), dim=1))
        self.register_buffer("labels", torch.full((data.images,), -1))
        self.seen: Tensor
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))  # features stored so far
        self.register_buffer("constant", torch.zeros(()))  # Z of the nce loss
        self.fresh: list[tuple[Tensor, Origin, Tensor]] = []  # features of this step's batches, and Z
        self.excluded: Tensor | None = None  # of the last batch, (B, K)
        self.proxy_accuracy: Tensor | None = None

    def loss(self, batch: Batch) -> Tensor:
        self.fresh = self.fresh if batch.place else []
        features = self.queries(batch.first)  # (B, d)
        positive = (features * self.positives(batch.second, batch.origin)).sum(dim=1)  # (B,)
        order = torch.randperm(len(self.bank), generator=batch.generator, device=self.bank.device)
        drawn = order[: self.settings.negatives]  # (K,)
        negative = features @ self.bank[drawn].T  # (B, K)
        slots = Origin(drawn, self.labels[drawn])
        exclude = self.excluded = self.left_out(batch.origin, slots, batch.generator)
        assert exclude is not None  # the own slot at least
        self.proxy_accuracy = proxy_accuracy(positive, without(negative, exclude), features.shape[1])
        if self.settings.bank_loss == "info-nce":
            self.fresh.append((features.detach(), batch.origin, self.constant))
            return info_nce(positive, negative, self.temperature, exclude)
        constant = torch.where(self.seen >= len(self.bank), self.constant, self.estimate(negative))  # ()
        self.fresh.append((features.detach(), batch.origin, constant))
        return bank_nce(positive, negative, self.temperature, constant, len(self.bank), exclude)

    def queries(self, views: Tensor) -> Tensor:
        return normalize(self.projector(self.encoder(views)), dim=1)  # (B, d)

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The images' own slots, whatever their other views are. There are slots for the images of the training alone."""
        return self.bank[origin.index]  # (B, d)

    def left_out(self, queries: Origin, keys: Origin, generator: Generator) -> Tensor | None:
        return left_out(queries, keys, self.settings, generator)

    @torch.no_grad()
    def estimate(self, negative: Tensor) -> Tensor:
        """Z (): n times the mean of exp(s/tau) over drawn similarities (B,K).

        InstDisc takes it from initial batches and keeps it: here from each one until as many features were stored as there
        are slots, for the random vectors that a bank begins with say nothing of Z.
        """
        return len(self.bank) * (negative.float() / self.temperature).exp().mean()

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        """v <- unit(t v + (1 - t) f) in the slots of this step's batches."""
        for features, origin, constant in self.fresh:
            stored = self.bank[origin.index]
            mixed = torch.lerp(features.to(stored.dtype), stored, self.settings.bank_momentum)
            self.bank[origin.index] = normalize(mixed, dim=1)
            if origin.labels is not None:
                self.labels[origin.index] = origin.labels
            self.constant.copy_(constant)
            self.seen += len(features)

    def chance(self) -> float | None:
        """log(K+1), less what is left out: all similarities equal. None for nce, whose Z is not theirs."""
        return (
            chance(self.settings.negatives, self.excluded) if self.settings.bank_loss == "info-nce" else None
        )

    def diagnostics(self) -> dict[str, float]:
        return {} if self.proxy_accuracy is None else {"proxy accuracy": float(self.proxy_accuracy)}

    def curves(self) -> Curves:
        return {}
