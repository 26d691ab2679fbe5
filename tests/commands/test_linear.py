"""collapse linear: small sweeps from end to end, and what is refused in one sentence."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy
import pytest
from jsonschema import Draft202012Validator

from collapse_cli.cli import main

Capture = pytest.CaptureFixture[str]
SMALL = ["linear", "--width", "6", "--points", "60", "--batch", "16", "--steps", "12"]
SCHEMA = json.loads(files("collapse_cli.views").joinpath("schema.json").read_text())


def document(capsys: Capture, *more: str) -> dict:
    assert main([*SMALL, "--json", *more]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(Draft202012Validator(SCHEMA).iter_errors(found)) == []
    return found


def test_one_layer_and_five_noises(capsys: Capture) -> None:
    found = document(capsys)
    assert [one["of"] for one in found["results"]] == [f"noise {k}" for k in ("0", "0.5", "1", "1.5", "2")]
    first = found["results"][0]
    assert first["settings"] == {
        "layers": 1, "loss": "distance", "init": "gaussian", "relu": False, "d": 6, "N": 60, "B": 16, "augment": "block",
        "integrator": "sgd", "steps": 12, "lr": 0.05, "seeds": 3,
    }  # fmt: skip
    assert {"alive", "dead", "negative", "gap", "fates", "product"} <= set(first["metrics"])
    assert not {"block_energy", "drift"} & set(first["metrics"]), "a single layer has nothing to align with"
    assert first["metrics"]["alive"]["value"] + first["metrics"]["dead"]["value"] == 6
    family = first["metrics"]["product"]
    assert (family["kind"], list(family["values"])) == ("lines", [f"σ{k}" for k in range(1, 7)])
    assert len(first["metrics"]["forces"]["values"]) == 6
    assert first["verdict"]["sentence"].endswith("of 6 dimensions survive training")
    assert family["values"]["σ1"]["at"][0] == 0
    assert family["values"]["σ1"]["at"][-1] == 12


def test_noise_and_depth_make_a_phase_diagram(capsys: Capture) -> None:
    found = document(
        capsys, "--noise", "0.5,2", "--layers", "1,2", "--seeds", "2", "--loss", "dot", "--init", "decaying"
    )
    names = [one["of"] for one in found["results"]]
    assert names[:5] == [
        "noise 0.5 · 1 layer", "noise 0.5 · 2 layers", "noise 2 · 1 layer", "noise 2 · 2 layers", "noise x layers",
    ]  # fmt: skip
    assert names[5:] == [f"noise {k} · 2 layers · W{n}" for k in ("0.5", "2") for n in (1, 2)]
    phases = found["results"][4]["metrics"]["alive"]
    assert (phases["row_names"], phases["column_names"]) == (["0.5", "2"], ["1", "2"])
    alive = [one["metrics"]["alive"]["value"] for one in found["results"][:4]]
    assert [value for row in phases["values"] for value in row] == alive
    assert f"down to {min(alive):.3g} (" in found["results"][4]["verdict"]["sentence"]
    assert found["results"][1]["metrics"]["overlap"]["null"] == pytest.approx([k / 6 for k in range(1, 7)])
    assert found["results"][1]["settings"]["T"] == 0.1


def test_many_networks_are_drawn_without_their_courses(capsys: Capture) -> None:
    found = document(capsys, "--noise", "0,1,2,3", "--layers", "1,2", "--seeds", "1")
    assert len(found["results"]) == 9
    assert not any({"product", "spectrum"} & one["metrics"].keys() for one in found["results"])
    assert [one["of"] for one in found["results"] if one["verdict"]] == ["noise x layers"]
    assert found["results"][0]["metrics"]["alive"]["interval"] is None


@pytest.mark.parametrize("integrator", ["descent", "flow"])
def test_other_integrators(integrator: str, capsys: Capture) -> None:
    (found,) = document(capsys, "--noise", "0.5", "--seeds", "1", "--integrator", integrator)["results"]
    assert found["of"] == "noise 0.5 · 1 layer"
    assert found["settings"]["integrator"] == integrator


def test_relu_and_covariances(tmp_path: Path, capsys: Capture) -> None:
    """Data of two dimensions: of a linear network no more than two can live; with ReLUs X is not told."""
    numpy.save(tmp_path / "two.npy", numpy.diag([0, 0, 0, 0, 1, 4.0]))
    more = ["--augment-covariance", str(tmp_path / "two.npy"), "--data-covariance", str(tmp_path / "two.npy")]
    found = document(capsys, "--noise", "0.5", "--layers", "2", *more)["results"][0]
    assert found["settings"]["augment"] == str(tmp_path / "two.npy")
    assert 1 <= found["metrics"]["alive"]["value"] <= 2
    assert found["metrics"]["alive"]["interval"][1] <= 2
    assert (
        "negative"
        not in document(capsys, "--noise", "0.5", "--layers", "2", "--relu")["results"][0]["metrics"]
    )


def test_the_terminal_and_the_views(tmp_path: Path, capsys: Capture) -> None:
    assert main([*SMALL, "--all", "--noise", ".5,2", "--layers", "1,2", "--seeds", "1"]) == 0
    shown = capsys.readouterr().out
    assert "surviving dimensions, standard deviation of the noise of a view × layers L" in shown
    assert "singular values of W: 6 curves, drawn by --plot" in shown
    page = tmp_path / "a.html"
    assert main([*SMALL, "--quiet", "--noise", "1", "--html", str(page)]) == 0
    assert 'aria-label="Singular values of W.' in page.read_text()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--noise", "a"], "--noise cannot be 'a'"),
        (["--noise", "-1"], "--noise cannot be '-1'"),
        (["--noise", "nan"], "--noise cannot be 'nan'"),
        (["--layers", "1.5"], "--layers cannot be '1.5'"),
        (["--layers", "9"], "whole numbers between 1 and 8"),
        (["--layers", ""], "--layers is empty"),
        (["--batch", "61"], "--batch 61 is more than --points 60"),
        (["--width", "1"], "--width cannot be 1"),
        (["--batch", "4000", "--points", "4000"], "too much memory"),
        (["--augment-covariance", "nothing.npy"], "nothing.npy cannot be read"),
        (["--loss", "cosine"], "cosine"),
        (["--temperature", ".2"], "--temperature belongs to --loss dot"),
        (["--augment", "block", "--augment-covariance", "x.npy"], "replaces --augment"),
        (["--loss", "dot", "--lr", "1e6"], "every network had diverged by step"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(more: list[str], said: str, capsys: Capture) -> None:
    assert main([*SMALL, *more]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (numpy.eye(4), "the network has --width 6"),
        (numpy.ones(6), "give a (d, d) array"),
        (numpy.triu(numpy.ones((6, 6))), "is not a covariance matrix"),
        (-numpy.eye(6), "is not a covariance matrix"),
        (numpy.full((6, 6), numpy.nan), "is not a covariance matrix"),
        (numpy.full((6, 6), numpy.inf), "is not a covariance matrix"),
        (numpy.zeros((6, 6)), "is not a covariance matrix"),
    ],
)
def test_a_covariance_must_be_one(values: numpy.ndarray, said: str, tmp_path: Path, capsys: Capture) -> None:
    numpy.save(tmp_path / "a.npy", values)
    assert main([*SMALL, "--data-covariance", str(tmp_path / "a.npy")]) == 2
    assert said in capsys.readouterr().err


def test_what_diverges_is_left_out_and_said(capsys: Capture) -> None:
    """At this rate noise of 60 throws `dot` out of float64, and noise of 0 does not."""
    found = document(
        capsys, "--loss", "dot", "--noise", "0,60", "--layers", "1,2", "--lr", "0.01", "--steps", "60"
    )
    assert (
        "noise 60 · 1 layer diverged at a learning rate of 0.01 and is left out: lower --lr"
        in found["warnings"]
    )
    names = [one["of"] for one in found["results"]]
    assert "noise 60 · 1 layer" not in names
    assert "noise 0 · 1 layer" in names
    phases = found["results"][names.index("noise x layers")]["metrics"]["alive"]["values"]
    assert phases[1][0] is None
