"""Labels align best, mixed negatives spread best."""

from collapse_cli.claims.claim import Arm, Check, Claim

CLAIM = Claim(
    says="A supervised encoder is the best aligned, MoCHi the most uniform",
    source="Kalantidis et al. 2020, arXiv:2010.01028, fig. 3c",
    arms={"moco": Arm("moco"), "mochi": Arm("mochi"), "supervised": Arm("supervised")},
    measures=(
        "std_sqrt_d", "effective_rank_z", "alignment", "uniformity", "knn", "few_labels", "seconds",
    ),
    checks=(
        Check(
            "mochi above moco in uniformity (lower is more uniform), the most of the seeds",
            lambda found: max(found.gain("mochi", "moco", "uniformity")), high=-1e-3,
        ),
        Check(
            "moco above supervised in uniformity, the most of the seeds",
            lambda found: max(found.gain("moco", "supervised", "uniformity")), high=-1e-3,
        ),
        Check(
            "supervised above moco in alignment (lower is better aligned), the most of the seeds",
            lambda found: max(found.gain("supervised", "moco", "alignment")), high=-1e-3,
        ),
        Check(
            "supervised above mochi in alignment, the most of the seeds",
            lambda found: max(found.gain("supervised", "mochi", "alignment")), high=-1e-3,
        ),
    ),
)  # fmt: skip
