"""A network, and what is known of its training -> the evidence for every cause of its collapse that it can be asked about."""

from __future__ import annotations

from statistics import median
from typing import Any

from torch import Tensor, nn

from collapse_cli import settings
from collapse_cli.metrics import causes
from collapse_cli.metrics.augmentation import NORMAL_95
from collapse_cli.metrics.causes import Cause
from collapse_cli.metrics.weights import flat
from collapse_cli.root_causes import STRENGTHS, Case, Trained
from collapse_cli.root_causes.queues import keys, negatives


def diagnose(case: Case) -> list[Cause]:
    """Every cause that this network can be asked about, those found first."""
    asked: list[Cause | None] = [augmented(case)]
    if case.trained is not None:
        asked += [repelled(case, case.trained), *keys(case, case.trained)]
        asked += (
            [moved(case, case.trained)] if case.is_a_point else [deep(case), *negatives(case, case.trained)]
        )
    return causes.ranked(asked, case.std_sqrt_d)


def augmented(case: Case) -> Cause:
    """What is left of an image in its views, before or after training, where more is."""
    best: Any = max([one.recognised for one in (case.now, case.before) if one], key=float)
    low, high = best.interval
    return causes.strong_augmentation(best, (high - low) / (2 * NORMAL_95), case.strength, milder(case))


def milder(case: Case) -> float:
    """The strongest augmentation below the run's own whose views are recognised before training, or now of another library's."""
    swept = zip(STRENGTHS, case.along_before or case.along, strict=True)
    mild = [at for at, one in swept if at < case.strength and one.recognised >= causes.RECOGNISED]
    return mild[-1] if mild else case.strength / 2


def repelled(case: Case, trained: Trained) -> Cause | None:
    """Whether images met, where nothing in the loss pushes them apart."""
    cure = unopposed(trained.run.settings)
    return None if cure is None else causes.nothing_repels(case.std_sqrt_d, cure[1], cure[0])


def unopposed(own: Any) -> tuple[str, dict[str, Any]] | None:
    """None where a term or a stop-gradient keeps images apart; else (another method or "", the settings) that would.

    SimSiam and BYOL without stop-gradient or predictor; VICReg without variance; alignment more than 4 times uniformity
    (Wang & Isola, arXiv:2005.10242, sec. 5).
    """
    match own:
        case settings.PositiveOnly():
            return "end-to-end", {}
        case settings.Simsiam() | settings.Byol() if not (own.stop_gradient and own.predictor):
            return "", {"stop_gradient": True, "predictor": True}
        case settings.Vicreg() if own.variance == 0:
            return "", {"variance": 25.0}
        case settings.AlignUniform() if own.alignment > 4 * own.uniformity:
            return "", {"alignment": 0.98, "uniformity": 0.96}
    return None


def moved(case: Case, trained: Trained) -> Cause | None:
    """How far the encoder's layers have moved."""
    assert case.untrained is not None
    pairs = zip(_weights(case.method.encoder), _weights(case.untrained.encoder), strict=True)
    by = [float((now - before).norm() / before.norm()) for now, before in pairs]
    return causes.large_steps(median(by), trained.run.training.lr) if by else None


def _weights(network: nn.Module) -> list[Tensor]:
    return [flat(parameter) for parameter in network.parameters() if parameter.ndim > 1]


def deep(case: Case) -> Cause | None:
    """The projector's linear layers in a row: their product against each of them."""
    found: Any = case.chain
    if found is None:
        return None
    return causes.deep_linear(found.layers, int(found.together), int(found.together.null), int(found.poorest))
