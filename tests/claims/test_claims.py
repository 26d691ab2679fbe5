"""Claims as they are declared, and a small one run from end to end."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from collapse_cli import claims
from collapse_cli.claims.claim import PIXELS, Arm, ArmOutcomes, Check, Claim, checked
from collapse_cli.claims.outcome import MEASURES, Outcome, measure, summary
from collapse_cli.claims.trial import Splits, trial, untrained
from collapse_cli.errors import CollapseError
from collapse_cli.settings import resolve
from collapse_cli.shapes import Images, Normalisation
from collapse_cli.values import Measured

FOLDER = Path(claims.__file__).parent
PARTS = {"__init__", "claim", "outcome", "trial"}


@pytest.fixture
def splits(images: Images) -> Splits:
    return Splits(images, images, images, Normalisation((0.5,), (0.3,)))


def test_every_file_is_a_claim_and_listed() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - PARTS
    assert files == {name.replace("-", "_") for name in claims.NAMES}


@pytest.mark.parametrize("name", claims.NAMES)
def test_a_claim_can_be_run(name: str) -> None:
    """Its measures are known, every arm's settings resolve, and something is checked."""
    claim = claims.load(name)
    assert set(claim.measures) <= set(MEASURES) == {field.name for field in dataclasses.fields(Outcome)}
    for arm in claim.arms.values():
        assert arm.method == PIXELS or resolve(arm.method, dict(arm.settings)).method == arm.method
    assert claim.checks
    assert all(check.low > -math.inf or check.high < math.inf for check in claim.checks)


@pytest.mark.parametrize("name", claims.NAMES)
def test_checks_ask_for_what_is_measured(name: str) -> None:
    """Outcomes of .5 everywhere answer every check with a number: no arm or measure is misspelt."""
    claim = claims.load(name)
    half = Outcome(**dict.fromkeys(claim.measures, 0.5))
    found = checked(claim, ArmOutcomes({arm: [half, half] for arm in claim.arms}))
    assert len(found) == len(claim.checks)
    assert all(math.isfinite(one.measured) for one in found)


def test_an_unknown_claim_names_the_nearest() -> None:
    with pytest.raises(CollapseError, match="did you mean 'momentum'"):
        claims.load("momentun")


def test_found_pairs_the_seeds() -> None:
    """3 - 1 and 6 - 2 are gains of 2 and 4; the mean of 3 and 6 is 4.5."""
    found = ArmOutcomes(
        {"a": [Outcome(loss=3.0), Outcome(loss=6.0)], "b": [Outcome(loss=1.0), Outcome(loss=2.0)]}
    )
    assert found.gain("a", "b", "loss") == [2.0, 4.0]
    assert found.mean("a", "loss") == 4.5


def test_a_check_includes_its_bounds() -> None:
    bounds = [(1.0, 2.0), (1.5, 2.0), (-math.inf, 1.0), (1.1, math.inf), (-math.inf, 0.9)]
    checks = tuple(Check(str(pair), lambda found: found.mean("a", "loss"), *pair) for pair in bounds)
    claim = Claim("says", "source", {"a": Arm("moco")}, ("loss",), checks)
    held = [one.holds for one in checked(claim, ArmOutcomes({"a": [Outcome(loss=1.0)]}))]
    assert held == [True, False, True, False, False]


def test_a_summary_is_the_mean_with_its_extremes() -> None:
    found = summary([Outcome(loss=Measured(1.0, null=2.0)), Outcome(loss=Measured(4.0, null=4.0))], ["loss"])
    assert found.loss == 2.5
    assert found.loss.interval == (1.0, 4.0)
    assert found.loss.null == 3.0
    assert summary([Outcome(loss=1.0)], ["loss"]).loss.interval is None


def test_a_trial_is_its_seed(splits: Splits) -> None:
    """The same run twice is the same outcome, bit for bit; another seed is another one."""
    small = {"encoder": "mlp", "epochs": 1, "batch": 32, "recipe": "digits", "queue": 40}
    asked = [
        "loss",
        "std_sqrt_d",
        "alignment",
        "uniformity",
        "effective_rank_h",
        "few_labels",
        "knn",
        "proxy_accuracy",
    ]
    runs = [measure(trial(resolve("moco", small, {"seed": seed}), splits), asked) for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]
    assert runs[0].loss.null == pytest.approx(math.log(41))
    assert 0 <= runs[0].few_labels <= 1


def test_clusters_of_a_head_and_of_pixels(splits: Splits) -> None:
    """A cluster head's argmax is judged on all images; without training k-means on the pixels is."""
    small = {"encoder": "mlp", "epochs": 1, "batch": 32, "recipe": "digits"}
    trained = trial(resolve("contrastive-clustering", small), splits)
    assigned, count, labels = trained.clusters
    assert (count, len(assigned)) == (3, 96)
    whole = trained.embedded(splits.all)
    torch.testing.assert_close(assigned, trained.method.cluster_head(whole.representations).argmax(dim=1))
    assert torch.equal(labels, splits.all.labels)
    pixels = untrained(splits, 0)
    torch.testing.assert_close(pixels.train.representations, splits.train.pixels.flatten(1) / 255)
    assert pixels.clusters[1] == 3
    assert measure(pixels, ["used"]).used == 3
