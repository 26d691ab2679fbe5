"""collapse linear: when does a linear network lose dimensions through its training alone?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collapse_cli.analysis.linear_settings import Covariances, Swept
from collapse_cli.commands.options import Shown, options
from collapse_cli.errors import CollapseError
from collapse_cli.settings import Linear, fill


@options(Sweep=Swept, Network=Linear, Covariance=Covariances, Output=Shown)
def linear(typed: dict[str, Any]) -> None:
    """When does a linear network lose dimensions through its training alone?

    Jing et al. (2022, arXiv:2110.09348) found two causes. Augmentation: where
    views differ by more than the data do, X, the covariance of the data less that
    of the augmentation, has a negative eigenvalue, and its direction vanishes.
    Depth: through several layers small singular values grow slowest. All
    noises, depths and seeds are trained together; theory stands beside measurement.

    With the paper's loss, [bold]distance[/bold], there is a threshold: a noise of 1.5
    removes the 8 of 16 directions that have it, and .5 none. With the loss of the
    published code, [bold]dot[/bold], of two noisy views, directions shrink smoothly;
    large learning rates diverge.

    Example, augmentation: [bold]collapse linear --plot noise.png[/bold]

    Depth: [bold]collapse linear --layers 1,2,3,4 --noise .001 --augment isotropic
    --init decaying --loss dot --lr .01 --plot depth.png[/bold]

    Phase diagram: [bold]collapse linear --layers 1,2,3 --plot phases.png[/bold]
    """
    shown = fill(Shown, typed)
    output = shown.output()
    _refuse(typed)
    import torch

    from collapse_cli.analysis.linear import measure
    from collapse_cli.commands.output import finish
    from collapse_cli.views.progress import reporter

    torch.set_num_threads(1)  # for small matrices gain nothing from more
    with reporter(shown.quiet) as progress:
        answer = measure(fill(Linear, typed), fill(Swept, typed), fill(Covariances, typed), progress)
    finish(answer, output)


def _refuse(typed: Mapping[str, Any]) -> None:
    """Raises CollapseError for an option that was typed and would do nothing."""
    if "temperature" in typed and typed.get("loss") != "dot":
        raise CollapseError(
            "--temperature belongs to --loss dot", "leave out --temperature, or add --loss dot"
        )
    if typed.get("augment_covariance") and "augment" in typed:
        raise CollapseError("--augment-covariance replaces --augment", "leave one of the two out")
