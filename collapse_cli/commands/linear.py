"""collapse linear: when does a linear network lose dimensions by itself?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collapse_cli.commands.answers import answer
from collapse_cli.commands.linear_lab import Given, Swept, lab, refuse, sweep
from collapse_cli.commands.options import Shown, options
from collapse_cli.errors import CollapseError
from collapse_cli.settings import Linear, fill

if TYPE_CHECKING:
    from collapse_cli.labs.linear import Frame, Lab


@options(Sweep=Swept, Network=Linear, Covariance=Given, Output=Shown)
def linear(given: dict[str, Any]) -> None:
    """When does a linear network lose dimensions by itself?

    Jing et al. (2022, arXiv:2110.09348) found two causes. Augmentation: where
    views differ by more than the data do, X, the spread of the data less that
    of the augmentation, has a negative eigenvalue, and that direction dies.
    Depth: through several layers small singular values grow slowest. All
    noises, depths and seeds train at once; theory stands beside measurement.

    With the paper's loss, [bold]distance[/bold], there is a threshold: a noise of 1.5
    kills the 8 of 16 directions that have it, .5 none. With that of its code,
    [bold]dot[/bold], of two noisy views, they shrink smoothly; large rates diverge.

    Example, augmentation: [bold]collapse linear --plot noise.png[/bold]

    Depth: [bold]collapse linear --layers 1,2,3,4 --noise .001 --augment isotropic
    --init decaying --loss dot --lr .01 --plot depth.png[/bold]

    Phase diagram: [bold]collapse linear --layers 1,2,3 --plot phases.png[/bold]
    """
    from collapse_cli.commands.linear_entries import measure
    from collapse_cli.views import show

    shown, covariances = fill(Shown, given), fill(Given, given)
    output = shown.output()
    refuse(given)
    trained = lab(fill(Linear, given), sweep(fill(Swept, given)), covariances)
    entries, diverged = measure(trained, _run(trained, shown.quiet), _said(trained, covariances))
    show(answer("linear", entries, warnings=diverged), output)


def _run(lab: Lab, quiet: bool) -> list[Frame]:
    """Every frame of the training, with a bar meanwhile; it ends where every network has diverged."""
    import torch

    from collapse_cli.labs.linear import train
    from collapse_cli.labs.linear_flow import flow
    from collapse_cli.views.progress import steps

    torch.set_num_threads(1)  # so small matrices gain nothing from more
    frames: list[Frame] = []
    with steps(f"{len(lab.sweep.members)} networks", lab.settings.steps, enabled=not quiet) as advance:
        for frame in flow(lab) if lab.settings.integrator == "flow" else train(lab):
            advance(frame.step - (frames[-1].step if frames else 0))
            frames.append(frame)
            if lab.diverged(frame.weights).all():
                raise CollapseError(
                    f"every network had diverged by step {frame.step} at a learning rate of {lab.rate:g}",
                    f"lower --lr, as in --lr {lab.rate / 10:g}",
                )
    return frames


def _said(lab: Lab, covariances: Given) -> dict[str, Any]:
    """The settings that every network has."""
    own, sweep = lab.settings, lab.sweep
    said: dict[str, Any] = {"noise": sweep.noises[0]} if len(sweep.noises) == 1 else {}
    said |= {"layers": sweep.layers[0]} if len(sweep.layers) == 1 else {}
    said |= {
        "loss": own.loss,
        "init": own.init,
        "relu": own.relu,
        "d": own.width,
        "N": own.points,
        "B": own.batch,
    }
    said |= {"T": own.temperature} if own.loss == "dot" else {}
    said |= {"augment": covariances.augment_covariance or own.augment}
    return said | {
        "integrator": own.integrator, "steps": own.steps, "lr": lab.rate, "seeds": len(lab.sweep.seeds)
    }  # fmt: skip
