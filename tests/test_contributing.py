"""What the guide's page `extending` tells to write is enough: done in a copy of the package, and used by its commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
TEXT = (ROOT / "collapse_cli" / "guide" / "extending.md").read_text()
BLOCKS = re.findall(r"^```(py|diff)\n# (\S+)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
SHARED = ("metrics/test_lengths.py", "methods/test_methods.py", "claims/test_claims.py", "data/test_facts.py")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of package and tests in which every block is written, and nothing else is changed."""
    copy = tmp_path_factory.mktemp("contributed")
    for folder in ("collapse_cli", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for language, name, text in BLOCKS:
        if language == "py":
            assert not (copy / name).exists(), name
            (copy / name).write_text(text)
        else:
            (copy / name).write_text(patched((copy / name).read_text(), text))
    return copy


def patched(content: str, patch: str) -> str:
    """The content with the hunks of a patch, of which the old lines must be there exactly once."""
    for hunk in patch.split("@@\n"):
        lines = hunk.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        assert content.count(before) == 1, before
        content = content.replace(before, after)
    return content


def python(checkout: Path, *words: str) -> str:
    """stdout of an interpreter to which the copy is the package."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    command = [sys.executable, *words]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=checkout, env=environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


RUN = """
import contextlib, io, json, shlex, sys
from collapse_cli.cli import main
answers = []
for line in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        answers.append((main(shlex.split(line)), shown.getvalue()))
print(json.dumps(answers))
"""


def collapse(checkout: Path, *lines: str) -> list[Any]:
    """Exit code and stdout of these command lines, all in one process: what is JSON is read."""
    answers = json.loads(python(checkout, "-c", RUN, *lines))
    return [(code, json.loads(text) if text[:1] in ("{", "[") else text) for code, text in answers]


def test_the_copy_is_what_runs(checkout: Path) -> None:
    assert python(checkout, "-c", "import collapse_cli; print(collapse_cli.__file__)").startswith(
        str(checkout)
    )


def test_the_suite_accepts_what_is_new(checkout: Path) -> None:
    """The new metric's own test, and those that ask the same of every method, claim and data set."""
    tests = [f"tests/{name}" for name in SHARED]
    chosen = "lengths or triplet or covariance or listed or named_set or nothing_heavy"
    shown = python(checkout, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", chosen)
    assert int(re.findall(r"(\d+) passed", shown)[0]) >= 15


def test_the_metric_is_gated_and_compared(checkout: Path) -> None:
    """Lengths 1 and 3 in equal parts have a spread of 1/2, all equal ones of 0."""
    rows = numpy.random.default_rng(0).standard_normal((400, 4))
    rows /= numpy.linalg.norm(rows, axis=1, keepdims=True)
    numpy.save(checkout / "equal.npy", rows)
    numpy.save(checkout / "unequal.npy", rows * numpy.tile([[1], [3]], (200, 1)))
    require = '--require "length_spread.h <= 0.4"'
    passed, failed, compared, inspected = collapse(
        checkout,
        f"check equal.npy {require}",
        f"check unequal.npy {require}",
        "compare equal.npy unequal.npy --json",
        "inspect equal.npy --json",
    )
    assert [passed[0], failed[0], compared[0], inspected[0]] == [0, 1, 0, 0]
    values = [result["metrics"]["length_spread.h"]["value"] for result in compared[1]["results"][:2]]
    assert values == pytest.approx([0, 0.5], abs=1e-9)
    assert "lengths" in inspected[1]["also_measured"]


def test_the_method_is_trained_on_the_data_set(checkout: Path) -> None:
    """The loss of equal embeddings is the margin. Of 40 keys K (n_c - 1)/(N - 1) = 40 * 99/399 are of the query's class."""
    methods, help, trained, checked, reported, sets, oracle = collapse(
        checkout,
        "methods --json",
        "train triplet --help",
        "train triplet --dataset stripes --epochs 1 --margin 0.7 --out run --quiet",
        'check run --require "length_spread.h >= 0" --require "std_sqrt_d.z >= 0.05"',
        "report run",
        "datasets --json",
        "oracle --dataset stripes --queue 40 --json",
    )
    assert {code for code, _ in (methods, help, trained, checked, reported, sets, oracle)} == {0}
    assert "triplet" in {row["method"] for row in methods[1]}
    assert "--margin" in help[1]
    history = [json.loads(line) for line in (checkout / "run/history.jsonl").read_text().splitlines()]
    assert [epoch["chance"] for epoch in history] == [0.7]
    assert "margin = 0.7" in (checkout / "run/settings.toml").read_text()
    assert "Lengths of embeddings" in (checkout / "run/report.html").read_text()
    listed = {row["data set"]: row for row in sets[1]}["stripes"]
    assert (listed["train"], listed["test"], listed["classes"]) == (400, 100, 4)
    expected = oracle[1]["results"][0]["metrics"]["false_negatives"]
    assert expected["value"] == pytest.approx(40 * 99 / 399)


def test_the_images_are_as_their_facts_say(checkout: Path) -> None:
    script = """
from collapse_cli import data
facts, parts = data.facts("stripes"), {split: data.load("stripes", split) for split in ("train", "test", "all")}
for split, images in parts.items():
    assert tuple(images.labels.bincount().tolist()) == facts.of(split), split
    assert (images.shape, images.classes) == (facts.shape, facts.classes)
assert (parts["all"].pixels[400:] == parts["test"].pixels).all()
"""
    python(checkout, "-c", script)


@pytest.mark.slow
def test_the_claim_holds(checkout: Path) -> None:
    code, document = collapse(checkout, "claims covariance-term --jobs 1 --quiet --json")[0]
    assert (code, document["results"][-1]["verdict"]["status"]) == (0, "holds")


def test_every_room_is_on_a_floor() -> None:
    """Each folder and file of the package is named in the table of floors."""
    floors = CONTRIBUTING[CONTRIBUTING.index("## The floors") : CONTRIBUTING.index("The way down")]
    package = ROOT / "collapse_cli"
    rooms = {f"`{path.name}`" for path in package.glob("*.py")}
    rooms |= {f"`{path.parent.name}/`" for path in package.glob("*/__init__.py")}
    assert {room for room in rooms if room not in floors} == set()


def test_what_it_points_to_is_there() -> None:
    """Tests by name, files by path; of the last, those in the package are named from its top."""
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)
    assert len(tests) == 7
    assert all(f"def {name}(" in (ROOT / path).read_text() for path, name in tests)
    written = {name.removeprefix("collapse_cli/") for _, name, _ in BLOCKS}
    for path in set(re.findall(r"`([a-z_0-9/]+\.(?:py|json))`", CONTRIBUTING + TEXT)) - written:
        assert (ROOT / path).exists() or (ROOT / "collapse_cli" / path).exists(), path
