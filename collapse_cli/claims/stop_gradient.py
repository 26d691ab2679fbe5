"""The stop-gradient alone keeps SimSiam from collapse."""

from collapse_cli.claims.claim import Arm, Check, Claim

CLAIM = Claim(
    says="SimSiam and BYOL do not collapse; without the stop-gradient they collapse",
    source="Chen & He 2021, arXiv:2011.10566, sec. 4.1; Grill et al. 2020, arXiv:2006.07733",
    arms={
        "simsiam": Arm("simsiam"),
        "simsiam, gradient": Arm("simsiam", {"stop_gradient": False}),
        "simsiam, no predictor": Arm("simsiam", {"predictor": False}),
        "byol": Arm("byol"),
        "byol, gradient": Arm("byol", {"stop_gradient": False}),
    },
    measures=("loss", "std_sqrt_d", "effective_rank_z", "knn", "few_labels", "seconds"),
    checks=(
        Check("smallest std·√d of z, simsiam", lambda outcomes: min(outcomes.of("simsiam", "std_sqrt_d")), low=0.5),
        Check("smallest std·√d of z, byol", lambda outcomes: min(outcomes.of("byol", "std_sqrt_d")), low=0.5),
        Check(
            "largest std·√d of z, simsiam and byol without stop-gradient",
            lambda outcomes: max(outcomes.of("simsiam, gradient", "std_sqrt_d") + outcomes.of("byol, gradient", "std_sqrt_d")),
            high=0.05,
        ),
        Check(
            "largest std·√d of z, simsiam without predictor",
            lambda outcomes: max(outcomes.of("simsiam, no predictor", "std_sqrt_d")), high=0.25,
        ),
    ),
)  # fmt: skip
