"""Labels align best, mixed negatives spread best."""

from collapse_cli.claims.claim import Arm, Check, Claim

CLAIM = Claim(
    says="A supervised encoder has the best alignment, and MoCHi the best uniformity",
    source="Kalantidis et al. 2020, arXiv:2010.01028, fig. 3c",
    arms={"moco": Arm("moco"), "mochi": Arm("mochi"), "supervised": Arm("supervised")},
    measures=(
        "std_sqrt_d", "effective_rank_z", "alignment", "uniformity", "knn", "few_labels", "seconds",
    ),
    checks=(
        Check(
            "largest difference in uniformity over seeds, mochi less moco (lower is more uniform)",
            lambda outcomes: max(outcomes.gain("mochi", "moco", "uniformity")), high=-1e-3,
        ),
        Check(
            "largest difference in uniformity over seeds, moco less supervised",
            lambda outcomes: max(outcomes.gain("moco", "supervised", "uniformity")), high=-1e-3,
        ),
        Check(
            "largest difference in alignment over seeds, supervised less moco (lower is better aligned)",
            lambda outcomes: max(outcomes.gain("supervised", "moco", "alignment")), high=-1e-3,
        ),
        Check(
            "largest difference in alignment over seeds, supervised less mochi",
            lambda outcomes: max(outcomes.gain("supervised", "mochi", "alignment")), high=-1e-3,
        ),
    ),
)  # fmt: skip
