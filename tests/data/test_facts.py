from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from collapse_cli import data
from collapse_cli.errors import CollapseError

CIFAR10 = Path(__file__).parents[3] / "shared/data/cifar10"


@pytest.mark.parametrize(
    ("name", "train", "test", "classes"),
    [
        ("digits", 1347, 450, 10),
        ("cifar10", 50_000, 10_000, 10),
        ("cifar100", 50_000, 10_000, 100),
        ("stl10", 5_000, 8_000, 10),
        ("svhn", 73_257, 26_032, 10),
        ("mnist", 60_000, 10_000, 10),
        ("fashion_mnist", 60_000, 10_000, 10),
    ],
)
def test_counts_add_up_to_the_published_sizes(name: str, train: int, test: int, classes: int) -> None:
    """Totals as the sets' own papers and pages give them; class by class they are typed in FACTS."""
    facts = data.facts(name)
    assert [sum(facts.of(split)) for split in ("train", "test", "all")] == [train, test, train + test]
    assert len(set(facts.classes)) == len(facts.train) == len(facts.test) == classes


@pytest.mark.parametrize("split", ["train", "test", "all"])
def test_digits_are_as_their_facts_say(split: str) -> None:
    images, facts = data.load("digits", split), data.facts("digits")
    assert images.labels is not None
    assert tuple(images.labels.bincount().tolist()) == facts.of(split)
    assert (images.shape, images.classes) == (facts.shape, facts.classes)


@pytest.mark.skipif(not CIFAR10.is_dir(), reason="needs ../shared/data/cifar10")
@pytest.mark.parametrize("split", ["train", "test"])
def test_cifar10_is_as_its_facts_say(split: str) -> None:
    """Another source of the same set: its class names stand in the parquet schema."""
    images, facts = data.load(f"parquet:{CIFAR10}", split), data.facts("cifar10")
    assert isinstance(images.labels, torch.Tensor)
    assert tuple(images.labels.bincount().tolist()) == facts.of(split)
    assert (images.shape, images.classes) == (facts.shape, facts.classes)


def test_facts_load_nothing_heavy() -> None:
    code = """
import json, sys
from collapse_cli import data
for name in data.NAMES: data.facts(name)
print(json.dumps(sorted({"torch", "torchvision", "sklearn", "numpy", "PIL", "pyarrow"} & set(sys.modules))))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []


def test_every_named_set_is_a_file_of_its_name() -> None:
    folder = Path(data.__file__).parent
    holders = {file.stem for file in folder.glob("*.py") if "\nFACTS = " in file.read_text()}
    assert holders == set(data.NAMES)


def test_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(CollapseError, match="no data set named 'cifar'") as caught:
        data.facts("cifar")
    assert "cifar10" in caught.value.hint
