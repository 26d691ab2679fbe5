"""With batch norm in the projector m = 0 trains after all: the collapse of `momentum` needs a bare projector."""

from statistics import mean

from collapse_cli.claims.claim import Arm, Check, Claim

SETTING = {"head_norm": True}

CLAIM = Claim(
    says="Batch norm in the projector hides the collapse of a fast key encoder: m = 0 trains, though less well",
    source="a condition of He et al. 2020, arXiv:1911.05722, sec. 4.1, measured in small runs",
    arms={
        "m=0": Arm("moco", SETTING | {"momentum": 0.0}),
        "m=.99": Arm("moco", SETTING | {"momentum": 0.99}),
    },
    measures=("loss", "std_sqrt_d", "knn", "few_labels", "seconds"),
    checks=(
        Check("smallest std·√d of z with m = 0", lambda outcomes: min(outcomes.of("m=0", "std_sqrt_d")), low=0.8),
        Check(
            "mean gain of m = .99 over m = 0 in 10-label accuracy",
            lambda outcomes: mean(outcomes.gain("m=.99", "m=0", "few_labels")), low=0.0,
        ),
    ),
)  # fmt: skip
