"""Runs made to fail by one known cause each: `collapse causes` names it first, and none where nothing was planted."""

from collapse_cli.claims.claim import Arm, Check, Claim
from collapse_cli.metrics.causes import NAMES

LENGTH = {"epochs": 27}  # of 21 steps
PLANTED = {
    "positive-only": "nothing prevents collapse",
    "strength 3": "augmentation too strong",
    "m=0": "key encoder too fast",
    "K=16384": "queue too long",
    "6 linear layers": "projector deep and linear",
    "lr .5": "learning rate too high",
}


def named(arm: str, cause: int) -> Check:
    """Every seed's first cause has this number."""
    return Check(
        f"{arm}: share of the seeds in which the planted cause is named first",
        lambda found: (
            sum(one == cause for one in found.of(arm, "first_cause")) / len(found.of(arm, "first_cause"))
        ),
        low=1.0,
    )


CLAIM = Claim(
    says="Of runs made to fail by one cause the cause is named first; of runs that do not fail none is named",
    source="mechanisms of arXiv:2011.10566, 1911.05722 and 2110.09348, planted here",
    arms={
        "positive-only": Arm("positive-only", LENGTH),
        "strength 3": Arm("moco", LENGTH | {"strength": 3.0}),
        "m=0": Arm("moco", LENGTH | {"momentum": 0.0}),
        "K=16384": Arm("moco", LENGTH | {"queue": 16384}),
        "6 linear layers": Arm("moco", LENGTH | {"head_layers": 6, "head_activation": "none"}),
        "lr .5": Arm("moco", LENGTH | {"lr": 0.5}),
        "moco": Arm("moco"),
        "end-to-end": Arm("end-to-end"),
        "m=0, batch norm in the projector": Arm("moco", LENGTH | {"momentum": 0.0, "head_norm": True}),
    },
    measures=("first_cause", "std_sqrt_d", "effective_rank_z", "loss", "seconds"),
    checks=(
        *(named(arm, NAMES.index(cause) + 1) for arm, cause in PLANTED.items()),
        *(named(arm, 0) for arm in ("moco", "end-to-end", "m=0, batch norm in the projector")),
    ),
)
