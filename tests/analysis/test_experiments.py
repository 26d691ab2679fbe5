"""The experiments as Python calls: typed answers, and every stage reported from its first step to its last."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from collapse_cli import claims
from collapse_cli.analysis import calibration, gan, linear
from collapse_cli.analysis.claims import examine, listed
from collapse_cli.analysis.covariance import covariance
from collapse_cli.analysis.linear_settings import Covariances, Swept
from collapse_cli.claims.claim import PIXELS, Arm, Check, Claim
from collapse_cli.errors import CollapseError
from collapse_cli.settings import Gan, Linear

GAN = Gan(steps=3, batch=8, g_width=8, d_width=8)
LINEAR = Linear(width=4, points=40, batch=12, steps=6)


class Heard:
    """Every report, in order."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, int, int]] = []

    def __call__(self, text: str, done: int = 0, total: int = 0) -> None:
        self.reports.append((text, done, total))


def test_linear_networks_of_one_kind_stand_in_one_table() -> None:
    heard = Heard()
    answer = linear.measure(LINEAR, Swept("0,1", "1,2", 1), Covariances(), heard)
    assert [entry.kind for entry in answer] == ["dynamics"] * 4 + ["phases"] + ["layer"] * 4
    assert answer.entries[0].settings["d"] == 4
    assert answer.entries[0].alive + answer.entries[0].dead == 4
    assert heard.reports[0] == ("4 networks", 0, 6)
    assert heard.reports[-1] == ("4 networks", 6, 6)


def test_a_saved_covariance_is_read_or_refused_by_the_name_of_its_option(tmp_path: Path) -> None:
    path = str(tmp_path / "c.npy")
    numpy.save(path, numpy.diag([1, 2, 3]))
    read = covariance("--data-covariance", path, 3)
    assert read is not None
    assert read.tolist() == [[1, 0, 0], [0, 2, 0], [0, 0, 3]]
    assert covariance("--data-covariance", "", 3) is None
    with pytest.raises(
        CollapseError, match=r"--data-covariance: .* but the network has --width 4"
    ) as refused:
        covariance("--data-covariance", path, 4)
    assert refused.value.hint == "--width 3"


def test_cures_are_one_kind_with_the_perfect_sampler() -> None:
    """Of 3 steps and 3 frames 3 looks are taken, of each cure."""
    heard = Heard()
    answer = gan.compare(["none", "r1"], GAN, range(2), 3, heard)
    assert [(entry.subject, entry.kind) for entry in answer] == [
        ("none", "modes"), ("r1", "modes"), ("perfect sampler", "modes"),
    ]  # fmt: skip
    assert heard.reports == [(cure, done, 3) for cure in ("none", "r1") for done in range(4)]
    assert answer.entries[1].settings["with"] == {"gamma": 0.1}
    assert "with" not in answer.entries[2].settings


def test_a_map_has_a_row_for_each_number_of_steps() -> None:
    heard = Heard()
    (entry,) = gan.balance(["none"], GAN, range(1), heard)
    assert entry.kind == "balance"
    assert (len(entry.held), len(entry.held[0])) == (3, 5)
    assert heard.reports == [("none", done, 3) for done in range(4)]


def test_every_claim_is_a_kind_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pixels' k-means accuracy lies between .75 and .85 of digits; both claims share the arm, so one run is made."""
    check = Check("pixels: ACC", lambda measured: measured.mean("pixels", "accuracy"), low=0.75, high=0.85)
    claim = Claim("Pixels cluster", "nobody", {"pixels": Arm(PIXELS)}, ("accuracy",), (check,))
    monkeypatch.setattr(claims, "load", lambda name: claim)
    heard = Heard()
    answer = examine(["momentum", "uniformity", "momentum"], seeds=1, jobs=1, progress=heard)
    assert [(entry.kind, entry.title, entry.subject) for entry in answer] == [
        ("claim.momentum", "momentum: Pixels cluster", "pixels"),
        ("claim.momentum.checks", "momentum: checks", "momentum"),
        ("claim.uniformity", "uniformity: Pixels cluster", "pixels"),
        ("claim.uniformity.checks", "uniformity: checks", "uniformity"),
    ]
    assert [entry.status for entry in answer] == ["", "holds", "", "holds"]
    assert heard.reports == [("runs", 0, 1), ("runs", 1, 1)]


def test_claims_are_listed_by_name() -> None:
    assert [row["claim"] for row in listed()] == list(claims.NAMES)


def test_the_planted_set_is_judged_to_its_last_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collapse_cli.metrics.calibration.RATIOS", (5,))
    heard = Heard()
    (entry,) = calibration.calibrate([8], replications=1, seed=0, progress=heard)
    assert entry.kind == "calibration"
    assert heard.reports[0][1] == 0
    assert heard.reports[-1] == ("samples", entry.cases, entry.cases)
