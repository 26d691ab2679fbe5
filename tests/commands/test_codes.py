"""collapse codes: exit codes, the document, and what is written."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy
import pytest

from collapse_cli.cli import main

SCHEMA = json.loads((files("collapse_cli.views") / "schema.json").read_text())
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    numpy.save("codes.npy", numpy.random.default_rng(0).integers(0, 60, 4000))
    numpy.save("few.npy", numpy.arange(100))
    numpy.save("levels.npy", numpy.random.default_rng(0).integers(0, (60, 2), (4000, 2)))


def test_a_healthy_codebook(capsys: Capture) -> None:
    assert main(["codes", "codes.npy", "--size", "64", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    (result,) = document["results"]
    assert result["verdict"]["status"] == "healthy"
    assert result["metrics"]["perplexity"]["null"] == 64
    assert document["inputs"][0]["path"] == "codes.npy"


def test_too_few_draws_are_inconclusive(capsys: Capture) -> None:
    assert main(["codes", "few.npy", "--size", "100"]) == 3
    shown = " ".join(capsys.readouterr().out.split())
    assert "uniform codes would leave 37 % of the codes unused" in shown
    assert "Give 299 codes or more" in shown


def test_levels_with_a_plot_and_a_page(capsys: Capture) -> None:
    line = "codes levels.npy --size 64,64 --levels --plot usage.png --html page.html"
    assert main(line.split()) == 0
    assert "Codebook collapse of level 2" in capsys.readouterr().out
    assert Path("usage.png").stat().st_size > 10_000
    assert "Draws of the most used codes" in Path("page.html").read_text()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("codes codes.npy", "the largest code of codes.npy is 59"),
        ("codes codes.npy --size 10", "a codebook of 10 codes has the codes 0 to 9"),
        ("codes codes.npy --size x", "--size x is no whole number"),
        ("codes codes.npy --size 64 --ignore a", "--ignore a is no whole number"),
        ("codes codes.npy --size 64 --column b", "has no columns"),
        ("codes nothing.npy --size 64", "there is no file nothing.npy"),
        ("codes levels.npy --size 64", "give --tokens if they are tokens of one codebook"),
    ],
)
def test_what_is_refused(line: str, message: str, capsys: Capture) -> None:
    assert main([*line.split(), "--html", "page.html"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("page.html").exists()


def test_padding_on_the_command_line() -> None:
    numpy.save("padded.npy", numpy.append(numpy.load("codes.npy"), [-1, -100]))
    assert main("codes padded.npy --size 64 --ignore -1,-100 -q".split()) == 0
