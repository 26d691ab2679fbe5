"""False negatives cost accuracy: leaving them out, as only an oracle can, wins it back."""

from statistics import mean

from collapse_cli.claims.claim import Arm, Check, Claim

CLAIM = Claim(
    says="Leaving false negatives out of the denominator helps; leaving out as many at random does not",
    source="Kalantidis et al. 2020, arXiv:2010.01028, sec. 3.2: the class oracle",
    arms={
        "moco": Arm("moco"),
        "class oracle": Arm("moco", {"mask_false_negatives": True}),
        "random 10 %": Arm("moco", {"mask_random": 0.1}),
    },
    measures=(
        "loss", "alignment", "uniformity", "effective_rank_z", "proxy_accuracy", "knn", "few_labels", "seconds",
    ),
    checks=(
        Check(
            "class oracle: gain in 10-label accuracy, mean",
            lambda found: mean(found.gain("class oracle", "moco", "few_labels")), low=0.015,
        ),
        Check(
            "class oracle: gain in kNN accuracy, the least of the seeds",
            lambda found: min(found.gain("class oracle", "moco", "knn")), low=0.001,
        ),
        Check(
            "random 10 %: gain in 10-label accuracy, mean",
            lambda found: mean(found.gain("random 10 %", "moco", "few_labels")), high=0.01,
        ),
    ),
)  # fmt: skip
