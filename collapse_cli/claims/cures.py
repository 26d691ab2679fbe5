"""Which methods cure dimensional collapse, and by how much: effective ranks of h and z beside MoCo's."""

from collapse_cli.claims.claim import Arm, Check, Claim


def higher(arm: str, space: str) -> Check:
    """Every seed's effective rank is above MoCo's."""
    return Check(
        f"smallest gain of {arm} over moco in the effective rank of {space}, over seeds",
        lambda outcomes: min(outcomes.gain(arm, "moco", f"effective_rank_{space}")),
        low=0.5,
    )


CLAIM = Claim(
    says=(
        "Methods that penalise covariances have a higher effective rank of z than MoCo, and "
        "DirectCLR has a higher one of h"
    ),
    source="Bardes et al. 2022, arXiv:2105.04906; Zbontar et al. 2021, arXiv:2103.03230; Jing et al. 2022, arXiv:2110.09348",
    arms={
        "moco": Arm("moco"),
        "end-to-end": Arm("end-to-end"),
        "end-to-end, no projector": Arm("end-to-end", {"head_layers": 0}),
        "directclr": Arm("directclr"),
        "vicreg": Arm("vicreg"),
        "vicreg, nu=1": Arm("vicreg", {"covariance": 1.0}),
        "barlow-twins": Arm("barlow-twins"),
        "barlow-twins, lambda=.0051": Arm("barlow-twins", {"redundancy": 0.0051}),
        "align-uniform": Arm("align-uniform"),
    },
    measures=(
        "std_sqrt_d",
        "effective_rank_z",
        "effective_rank_h",
        "alignment",
        "uniformity",
        "knn",
        "few_labels",
        "seconds",
    ),
    checks=(
        higher("vicreg", "z"),
        higher("barlow-twins", "z"),
        higher("align-uniform", "z"),
        higher("directclr", "h"),
    ),
)
