"""Clusters learned with the representation beat clusters of the pixels; without the entropy term clusters die."""

from collapse_cli.claims.claim import PIXELS, Arm, Check, Claim

LENGTH = {"epochs": 86}  # 600 steps of 256 images
TWICE = {"clusters": 20, "epochs": 43}  # as many clusters again as there are classes


def above(measure: str, name: str) -> Check:
    """Every seed's clusters are better than k-means on pixels by this measure."""
    return Check(
        f"above k-means on pixels in {name}, the least of the seeds",
        lambda found: min(found.gain("contrastive-clustering", "k-means on pixels", measure)),
        low=0.001,
    )


CLAIM = Claim(
    says="Contrastive Clustering beats k-means on pixels in NMI, ACC and ARI; without the entropy of assignments clusters die",
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
        Check("M=20: clusters used, least", lambda found: min(found.of("M=20", "used")), low=19),
        Check(
            "M=20 without entropy: clusters used, most",
            lambda found: max(found.of("M=20 without entropy", "used")), high=17,
        ),
        Check(
            "without entropy: share of the largest cluster (of the largest class .102), mean",
            lambda found: found.mean("without entropy", "largest"), low=0.15,
        ),
    ),
)  # fmt: skip
