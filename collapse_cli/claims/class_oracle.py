"""False negatives cost accuracy: leaving them out, as only an oracle can, wins it back."""

from statistics import mean

from collapse_cli.claims.claim import Arm, Check, Claim

CLAIM = Claim(
    says=(
        "Leaving false negatives out of the denominator raises accuracy; leaving out as many "
        "random negatives does not"
    ),
    source="Kalantidis et al. 2020, arXiv:2010.01028, sec. 3.2: the class oracle",
    arms={
        "moco": Arm("moco"),
        "class oracle": Arm("moco", {"mask_false_negatives": True}),
        "random 10 %": Arm("moco", {"mask_random": 0.1}),
    },
    measures=(
        "loss",
        "alignment",
        "uniformity",
        "effective_rank_z",
        "proxy_accuracy",
        "knn",
        "few_labels",
        "seconds",
    ),
    checks=(
        Check(
            "mean gain of the class oracle over moco in 10-label accuracy",
            lambda outcomes: mean(outcomes.gain("class oracle", "moco", "few_labels")),
            low=0.015,
        ),
        Check(
            "smallest gain of the class oracle over moco in kNN accuracy, over seeds",
            lambda outcomes: min(outcomes.gain("class oracle", "moco", "knn")),
            low=0.001,
        ),
        Check(
            "mean gain of leaving out a random 10 % over moco in 10-label accuracy",
            lambda outcomes: mean(outcomes.gain("random 10 %", "moco", "few_labels")),
            high=0.01,
        ),
    ),
)
