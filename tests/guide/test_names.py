"""What people type opens what they mean: labels that the program prints, further names, and names that are nearly right."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import pytest

from collapse_cli.analysis.catalogue import CATALOGUE
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.guide.keys import key, stem
from collapse_cli.guide.pages import explain, explanation, explanations, pages, sections
from collapse_cli.labs.linear_results import Dynamics, LayerCourse, Phases
from collapse_cli.metrics.causes import Cause
from collapse_cli.metrics.codebook import Codebook
from collapse_cli.metrics.contrast import Contrast
from collapse_cli.metrics.evidence import Evidence
from collapse_cli.metrics.layer_alignment import Pair
from collapse_cli.metrics.layer_results import Activations
from collapse_cli.metrics.modality import Modality
from collapse_cli.metrics.modes import Balance, Modes
from collapse_cli.metrics.oracle_expected import Expected
from collapse_cli.metrics.weights import Layer

RESULTS = {
    **{measurement.result: {f"metrics/{row}"} for row, measurement in CATALOGUE.items()},
    Evidence: {"metrics/spectrum", "metrics/alignment", "verdict"},
    Cause: {"causes"},
    Contrast: {"offsets"},
    Modality: {"metrics/alignment"},
    Activations: {"metrics/layers"},
    Layer: {"metrics/weights"},
    Pair: {"metrics/weights"},
    Dynamics: {"metrics/linear"},
    LayerCourse: {"metrics/linear"},
    Phases: {"metrics/linear"},
    Codebook: {"metrics/codes"},
    Modes: {"metrics/modes"},
    Balance: {"metrics/modes"},
    Expected: {"metrics/oracle"},
}
"""Type of a result -> the pages that explain its labels."""

ELSEWHERE = {
    "effective rank": "metrics/spectrum",  # of each class, too
    "std·√d": "metrics/spectrum",
    "entropy": "metrics/spectrum",  # of codes: codes.entropy
    "images": "images",
    "layers": "layers",
    "classes": "metrics/classes",
    "samples": "metrics/spectrum",
    "block energy": "metrics/weights",
    "loss": "loop",  # of a linear network: linear.loss
    "queue": "glossary",
    "inputs": "inputs",
    "dimensions": "metrics/spectrum",
    "mean cosine": "metrics/spectrum",
    "participation ratio": "metrics/spectrum",
    "stable rank": "metrics/spectrum",
    "lidar": "metrics/lidar",
    "coverage": "metrics/coverage",
    "density": "metrics/coverage",
    "precision": "metrics/coverage",
    "recall": "metrics/coverage",
}
"""Labels of several measurements, and the page that a person means first; the others are asked for by their measurement."""


def labels() -> Iterator[tuple[str, set[str]]]:
    for result, homes in RESULTS.items():
        for field in dataclasses.fields(result):
            if "kind" in field.metadata:
                yield field.metadata["label"] or field.name.replace("_", " "), homes


@pytest.mark.parametrize(("label", "homes"), sorted(labels(), key=str))
def test_every_label_opens_the_section_on_its_number(label: str, homes: set[str]) -> None:
    opened = {section.page for section in explanations(label)}
    assert opened & homes or ELSEWHERE.get(key(label)) in opened, (label, opened)


MEANT = {
    "verdict": """feature collapse, representation collapse, full collapse, total collapse, trivial collapse, constant collapse,
        trivial solution, constant solution, ray, rank collapse, dimension collapse, neural collapse, posterior collapse,
        collapsed, queue filled""",
    "codes": "vq collapse, index collapse",
    "layers": "layer collapse, oversmoothing, over-smoothing, token uniformity",
    "metrics/spectrum": """erank, eff rank, feature rank, srank, rank me, alpha-req, std, std*sqrt(d), mean cosine similarity,
        cosine, anisotropy, eigenvalues, groups, entropy, effective rank of z, effective ranks, row participation""",
    "metrics/weights": "condition number",
    "metrics/probe": "accuracy",
    "metrics/dormant": "dead neurons, dead relu, dormant neurons, dormant",
    "offsets": "cone effect, common offset",
    "reading": "confidence interval, jackknife, p-value, error bar, fid, silhouette, cka, intrinsic dimension, pca, t-sne",
    "methods": "infonce, simclr, nt-xent, contrastive loss",
    "causes": "learning rate, weight decay, batch size, stopgrad, momentum",
    "glossary": """ema, momentum encoder, ReLU, h, z, null, interval, N, D, K, queue, temperature, augmentation, stop gradient,
        offset""",
    "loop": "nan, monitor, loss",
    "ci": "gate, exit code, ci, tolerance",
    "images": "labels, images",
}
"""Page -> names as people type them, parted by commas."""


@pytest.mark.parametrize(
    ("typed", "page"), [(name.strip(), page) for page, names in MEANT.items() for name in names.split(",")]
)
def test_a_further_name_opens_what_it_means(typed: str, page: str) -> None:
    assert explanations(typed)[0].page == page
    assert explanations(typed.upper())[0].page == page


def test_a_setting_opens_its_meaning_and_then_its_causes() -> None:
    assert [section.title for section in explanations("temperature")][1:] == [
        "`temperature too low`",
        "`temperature too high`",
    ]


def test_a_letter_of_several_meanings_opens_each() -> None:
    assert {re.findall("`(.*?)`", section.title)[0] for section in explanations("K")} == {
        "codebook", "key", "negative", "prototype", "queue",
    }  # fmt: skip


def test_further_names_are_no_part_of_a_text() -> None:
    assert not any("<!-- also" in section.text for section in (*sections(), *pages().values()))
    assert all(re.fullmatch(r"[^,]+", name) for section in sections() for name in section.also)


def test_a_further_name_hides_no_name() -> None:
    """Of a heading outside of the glossary: that wins, so the further name would open nothing."""
    named = {key(name) for section in sections() if section.page != "glossary" for name in section.names}
    assert not [name for section in sections() for name in section.also if key(name) in named]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("copy", "copies"),
        ("class", "classes"),
        ("hub", "hubs"),
        ("batch", "Batches"),
        ("anti-hub", "anti_hubs"),
    ],
)
def test_singular_and_plural_are_alike(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_a_name_that_is_nearly_right_opens_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """The remark stands on stderr."""
    assert main(["explain", "healty", "--json"]) == 0
    shown = capsys.readouterr()
    assert shown.err == "No name 'healty' is explained; the nearest is 'healthy':\n"
    assert shown.out.startswith("[")
    assert explain("healty").startswith("No name 'healty' is explained; the nearest is 'healthy':\n\n###")


@pytest.mark.parametrize("name", ["rnak", "knm", "xyzzy", "q" * 70])
def test_what_is_short_or_near_to_several_opens_nothing(name: str) -> None:
    with pytest.raises(CollapseError) as raised:
        explanation(name)
    assert re.fullmatch(
        r"did you mean ('[^']+'(, | or )?){1,3}\?|see every name: collapse explain", raised.value.hint
    )
