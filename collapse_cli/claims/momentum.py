"""The key encoder must move slowly: without momentum MoCo fails.

Over 570 steps. Given longer, a fast encoder may begin to escape: with m = .5 one seed of three had a std·√d of .24 after 840.
"""

from collapse_cli.claims.claim import Arm, ArmOutcomes, Check, Claim

STEPS = {"epochs": 27}  # of 21 steps


def least_gain(outcomes: ArmOutcomes) -> float:
    """Of the two slow encoders over m = 0, in the mean over seeds."""
    return min(outcomes.mean(arm, "few_labels") for arm in ("m=.99", "m=.999")) - outcomes.mean(
        "m=0", "few_labels"
    )


CLAIM = Claim(
    says="A fast key encoder collapses and a slow key encoder trains (the projector has no batch norm)",
    source="He et al. 2020, arXiv:1911.05722, sec. 4.1: m = 0 fails, .999 is best",
    arms={
        "m=0": Arm("moco", STEPS | {"momentum": 0.0}),
        "m=.5": Arm("moco", STEPS | {"momentum": 0.5}),
        "m=.9": Arm("moco", STEPS | {"momentum": 0.9}),
        "m=.99": Arm("moco", STEPS | {"momentum": 0.99}),
        "m=.999": Arm("moco", STEPS | {"momentum": 0.999}),
        "m=.5, 840 steps": Arm("moco", {"momentum": 0.5}),
    },
    measures=("loss", "std_sqrt_d", "proxy_accuracy", "knn", "few_labels", "seconds"),
    checks=(
        Check(
            "largest std·√d of z with m = 0 and .5",
            lambda outcomes: max(outcomes.of("m=0", "std_sqrt_d") + outcomes.of("m=.5", "std_sqrt_d")), high=0.05,
        ),
        Check(
            "log(K+1) = 6.240 less the smallest loss with m = 0 and .5",
            lambda outcomes: 6.2403 - min(outcomes.of("m=0", "loss") + outcomes.of("m=.5", "loss")), high=0.02,
        ),
        Check(
            "lower mean 10-label accuracy of m = .99 and .999",
            lambda outcomes: min(outcomes.mean("m=.99", "few_labels"), outcomes.mean("m=.999", "few_labels")), low=0.91,
        ),
        Check("gain of that mean over m = 0", least_gain, low=0.08),
    ),
)  # fmt: skip
