"""Runs made to fail by one known cause each: `collapse causes` names it first, and none where nothing was planted."""

from collapse_cli.claims.claim import Arm, Check, Claim
from collapse_cli.metrics.causes import NAMES

LENGTH = {"epochs": 27}  # of 21 steps
SHORT = {"epochs": 12}
BATCH = {"batch": 4, "epochs": 5}  # of 336 steps
PLANTED: dict[str, tuple[str, Arm]] = {
    "positive-only": ("nothing prevents collapse", Arm("positive-only", LENGTH)),
    "simsiam, no stop-gradient": ("stop-gradient removed", Arm("simsiam", SHORT | {"stop_gradient": False})),
    "byol, no stop-gradient": ("stop-gradient removed", Arm("byol", SHORT | {"stop_gradient": False})),
    "simsiam, no predictor": ("predictor removed", Arm("simsiam", SHORT | {"predictor": False})),
    "byol, no predictor": ("predictor removed", Arm("byol", SHORT | {"predictor": False})),
    "alignment 5": ("uniformity too weak", Arm("align-uniform", SHORT | {"alignment": 5.0})),
    "vicreg, mu=0": ("variance term too weak", Arm("vicreg", SHORT | {"variance": 0.0})),
    "vicreg, mu=1": ("variance term too weak", Arm("vicreg", SHORT | {"variance": 1.0})),
    "strength 3": ("augmentation too strong", Arm("moco", LENGTH | {"strength": 3.0})),
    "m=0": ("key encoder too fast", Arm("moco", LENGTH | {"momentum": 0.0})),
    "K=16384": ("queue too long", Arm("moco", LENGTH | {"queue": 16384})),
    "6 linear layers": (
        "projector deep and linear",
        Arm("moco", LENGTH | {"head_layers": 6, "head_activation": "none"}),
    ),
    "weight decay .3": ("weight decay too strong", Arm("moco", SHORT | {"weight_decay": 0.3})),
    "end-to-end, weight decay .1": (
        "weight decay too strong",
        Arm("end-to-end", SHORT | {"weight_decay": 0.1}),
    ),
    "lr .5": ("learning rate too high", Arm("moco", LENGTH | {"lr": 0.5})),
    "T=.005": ("temperature too low", Arm("moco", SHORT | {"temperature": 0.005})),
    "end-to-end, T=.01": ("temperature too low", Arm("end-to-end", SHORT | {"temperature": 0.01})),
    "K=4": ("too few negatives", Arm("moco", LENGTH | {"queue": 4})),
    "end-to-end, B=4": ("too few negatives", Arm("end-to-end", BATCH)),
    "21 steps": ("too few steps", Arm("moco", {"epochs": 1})),
    "mochi, 42 steps": ("too few steps", Arm("mochi", {"epochs": 2})),
    "lr 1e-6": ("nothing was learned", Arm("moco", SHORT | {"lr": 1e-6})),
    "simsiam, lr 1e-5": ("nothing was learned", Arm("simsiam", SHORT | {"lr": 1e-5})),
}
HEALTHY: dict[str, Arm] = {
    "moco": Arm("moco"),
    "end-to-end": Arm("end-to-end"),
    "m=0, batch norm in the projector": Arm("moco", LENGTH | {"momentum": 0.0, "head_norm": True}),
    "weight decay .01": Arm("moco", LENGTH | {"weight_decay": 0.01}),
    "T=.07": Arm("moco", LENGTH | {"temperature": 0.07}),
    "K=16": Arm("moco", LENGTH | {"queue": 16}),
    "lr 1e-3": Arm("moco", LENGTH | {"lr": 1e-3}),
    "byol, 42 steps": Arm("byol", {"epochs": 2}),
    "vicreg": Arm("vicreg", LENGTH),
}


def named(arm: str, cause: int) -> Check:
    """Every seed's first cause has this number."""
    return Check(
        f"{arm}, share of the seeds in which the planted cause is named first",
        lambda outcomes: (
            sum(number == cause for number in outcomes.of(arm, "first_cause"))
            / len(outcomes.of(arm, "first_cause"))
        ),
        low=1.0,
    )


CLAIM = Claim(
    says="The cause that was planted in a run is named first; in runs that do not fail no cause is named",
    source="mechanisms of arXiv:2011.10566, 1911.05722 and 2110.09348, planted in small runs",
    arms={arm: planted for arm, (_, planted) in PLANTED.items()} | HEALTHY,
    measures=("first_cause", "std_sqrt_d", "effective_rank_z", "loss", "seconds"),
    checks=(
        *(named(arm, NAMES.index(cause) + 1) for arm, (cause, _) in PLANTED.items()),
        *(named(arm, 0) for arm in HEALTHY),
    ),
)
