"""compare with files of embeddings: what they are called, what is refused before anything is measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy
import pytest

from collapse_cli.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two files of one name in two folders, one of full rank and one of rank 2."""
    random = numpy.random.default_rng(0)
    rows = [random.normal(size=(200, 8)), random.normal(size=(200, 2)) @ random.normal(size=(2, 8))]
    for folder, values in zip("ab", rows, strict=True):
        (tmp_path / folder).mkdir()
        numpy.save(tmp_path / folder / "rows.npy", values)
    return [str(tmp_path / folder / "rows.npy") for folder in "ab"]


def test_an_input_has_one_name_everywhere(files: list[str], tmp_path: Path, capsys: Capture) -> None:
    """Results, difference, sentence, verdicts, warnings and table; two files share their own name, so their folders name them."""
    assert main(["compare", *files, "--samples", "150", "--json"]) in (0, 3)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [result["of"] for result in document["results"]] == ["a", "b", "b"]
    difference = document["results"][2]
    assert difference["title"] == "Difference from a"
    assert difference["answer"].startswith("b has a lower effective rank of h than a, by ")
    assert difference["answer"].endswith("; one input each, so nothing says that it would repeat.")
    assert [warning.partition(":")[0] for warning in document["warnings"]] == ["a", "b"]
    assert main(["compare", *files, "--samples", "150", "--baseline", "b", "--all"]) in (0, 3)
    assert "Difference from b" in capsys.readouterr().out


@pytest.mark.parametrize("copied", [False, True], ids=["one path", "a copy"])
def test_twice_the_same_is_refused_before_anything_is_measured(
    copied: bool, files: list[str], tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **named: Any) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr("collapse_cli.analysis.portrait.load", refuse)
    second = str(shutil.copy(files[0], tmp_path / "copy.npy")) if copied else files[0]
    assert main(["compare", *files, second]) == 2
    shown = capsys.readouterr()
    assert (f"{files[0]} and {second} are the same" if copied else f"{second} was given twice") in shown.err
    assert "give each run once" in shown.err
    assert main(["compare", files[0]]) == 2
    assert f"{files[0]} alone cannot be compared" in capsys.readouterr().err
