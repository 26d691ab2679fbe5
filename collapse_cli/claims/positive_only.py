"""Without anything that repels, training collapses completely; with negatives it does not."""

from collapse_cli.claims.claim import Arm, Check, Claim

CLAIM = Claim(
    says="With positive pairs alone z collapses to one point; negatives prevent it",
    source="Chen & He 2021, arXiv:2011.10566, sec. 4.1; Wang & Isola 2020, arXiv:2005.10242, sec. 5",
    arms={
        "positive-only": Arm("positive-only", {"epochs": 14}),
        "moco": Arm("moco"),
    },
    measures=("loss", "std_sqrt_d", "effective_rank_z", "knn", "few_labels", "seconds"),
    checks=(
        Check("largest std·√d of z, positive-only", lambda outcomes: max(outcomes.of("positive-only", "std_sqrt_d")), high=0.05),
        Check("smallest std·√d of z, moco", lambda outcomes: min(outcomes.of("moco", "std_sqrt_d")), low=0.9),
        Check("mean 10-label accuracy, moco", lambda outcomes: outcomes.mean("moco", "few_labels"), low=0.91),
    ),
)  # fmt: skip
