"""Clusters learned with the representation beat clusters of the pixels; without the entropy term clusters die."""

from collapse_cli.claims.claim import PIXELS, Arm, Check, Claim

LENGTH = {"epochs": 86}  # 600 steps of 256 images
TWICE = {"clusters": 20, "epochs": 43}  # as many clusters again as there are classes


def above(measure: str, name: str) -> Check:
    """Every seed's clusters are better than k-means on pixels by this measure."""
    return Check(
        f"smallest gain over k-means on pixels in {name}, over seeds",
        lambda outcomes: min(outcomes.gain("contrastive-clustering", "k-means on pixels", measure)),
        low=0.001,
    )


CLAIM = Claim(
    says=(
        "Contrastive Clustering is better than k-means on pixels in NMI, ACC and ARI; without "
        "the entropy of assignments clusters become empty"
    ),
    source="Li et al. 2021, arXiv:2009.09687",
    arms={
        "k-means on pixels": Arm(PIXELS),
        "contrastive-clustering": Arm("contrastive-clustering", LENGTH),
        "without entropy": Arm("contrastive-clustering", LENGTH | {"entropy": False}),
        "M=20": Arm("contrastive-clustering", TWICE),
        "M=20 without entropy": Arm("contrastive-clustering", TWICE | {"entropy": False}),
    },
    measures=("nmi", "accuracy", "ari", "used", "largest", "seconds"),
    checks=(
        *(above(measure, name) for measure, name in (("nmi", "NMI"), ("accuracy", "ACC"), ("ari", "ARI"))),
        Check(
            "smallest number of clusters used with M=20",
            lambda outcomes: min(outcomes.of("M=20", "used")),
            low=19,
        ),
        Check(
            "largest number of clusters used with M=20, without the entropy term",
            lambda outcomes: max(outcomes.of("M=20 without entropy", "used")),
            high=17,
        ),
        Check(
            "mean share of the largest cluster without the entropy term (the largest class has .102)",
            lambda outcomes: outcomes.mean("without entropy", "largest"),
            low=0.15,
        ),
    ),
)
