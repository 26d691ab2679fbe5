"""MoCo's three ways to a dictionary: end to end (a), memory bank (b), queue (c), over the number of negatives K."""

from collapse_cli.claims.claim import Arm, ArmOutcomes, Check, Claim

SIZES = (63, 255, 1023)  # negatives, K
STEPS = 500
IMAGES = 1347  # of digits, what a batch takes its steps from


def epochs(batch: int) -> int:
    """As many as come nearest to the same number of steps for every batch."""
    return round(STEPS / (IMAGES // batch))


def arms(size: int) -> dict[str, Arm]:
    """At B = 64 for queue and bank; end to end the batch is the dictionary, so K = B - 1 there, and B no more than 256."""
    shared = {"batch": 64, "epochs": epochs(64)}
    arms_of_size = {
        f"queue K={size}": Arm("moco", shared | {"queue": size}),
        f"bank K={size}": Arm("memory-bank", shared | {"negatives": size}),
    }
    if size < 256:
        batch = {"batch": size + 1, "epochs": epochs(size + 1), "negatives": "other-view"}
        arms_of_size = {f"end to end K={size}": Arm("end-to-end", batch), **arms_of_size}
    return arms_of_size


def monotone(outcomes: ArmOutcomes, mechanism: str, measure: str) -> float:
    """The largest rise of a measure's mean from one K to the next; below 0 where it only falls."""
    means = [outcomes.mean(f"{mechanism} K={size}", measure) for size in SIZES]
    return max(after - before for before, after in zip(means[:-1], means[1:], strict=True))


CLAIM = Claim(
    says=(
        "More negatives make the proxy task harder, for the queue and the memory bank alike; "
        "with equal K and B the mechanisms differ little"
    ),
    source="He et al. 2020, arXiv:1911.05722, fig. 2 and 3",
    arms={name: arm for size in SIZES for name, arm in arms(size).items()},
    measures=("loss", "std_sqrt_d", "uniformity", "proxy_accuracy", "knn", "few_labels", "seconds"),
    checks=(
        Check(
            "largest rise of the mean proxy accuracy as K grows, queue",
            lambda outcomes: monotone(outcomes, "queue", "proxy_accuracy"),
            high=0.0,
        ),
        Check(
            "largest rise of the mean proxy accuracy as K grows, memory bank",
            lambda outcomes: monotone(outcomes, "bank", "proxy_accuracy"),
            high=0.0,
        ),
        Check(
            "mean 10-label accuracy end to end less that of the memory bank, K = 63",
            lambda outcomes: (
                outcomes.mean("end to end K=63", "few_labels") - outcomes.mean("bank K=63", "few_labels")
            ),
            low=0.0,
        ),
    ),
)
