"""collapse weights: a run beside its own initialisation, other people's weights beside random ones, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from torch import nn

from collapse_cli import cli, data
from collapse_cli.analysis import weights
from collapse_cli.analysis.training import fresh
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.weights import LOST
from collapse_cli.models.layers import Layers, layers
from collapse_cli.runs import checkpoint
from collapse_cli.settings import resolve

Capture = pytest.CaptureFixture[str]
SCHEMA = json.loads((Path(cli.__file__).parent / "views" / "schema.json").read_text())


def answered(capsys: Capture, *argv: str) -> Any:
    assert main(["weights", *argv, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    return document


def of(document: Any, title: str) -> dict[str, Any]:
    """The metrics of the results of this title, by what they are of."""
    return {one["of"]: one["metrics"] for one in document["results"] if one["title"] == title}


def begun(path: Path, **settings: Any) -> Path:
    """The checkpoint of a run on digits before its first step."""
    images = data.load("digits", "train")
    checkpoint.save(path, fresh(resolve("moco", settings), images))
    return path


def planted(path: Path) -> Path:
    """Three layers 40-40-40-10 of a plain state dict, the middle one of rank 2."""
    generator = torch.Generator().manual_seed(0)
    whole = {
        f"net.{n}.weight": torch.randn(out, 40, generator=generator) for n, out in ((0, 40), (2, 40), (4, 10))
    }
    left, sigma, right = torch.linalg.svd(whole["net.2.weight"])
    whole["net.2.weight"] = left[:, :2] * sigma[:2] @ right[:2]
    torch.save(whole, path)
    return path


def test_a_run_before_its_first_step_is_its_own_initialisation(tmp_path: Path, capsys: Capture) -> None:
    """The seed draws the very weights: nothing has changed, and every number is its own null."""
    document = answered(capsys, str(begun(tmp_path / "c.pt", seed=5, head_layers=3)))
    found = of(document, "Layers")
    assert list(found) == [f"encoder.{n}" for n in (0, 3, 6, 11)] + [f"projector.{n}" for n in (0, 2, 4)]
    for one in found.values():
        assert (one["change"]["value"], one["stable_rank"]["value"]) == (0, one["stable_rank"]["null"])
        assert one["spectrum"]["values"] == one["spectrum"]["null"]
    (whole,) = of(document, "Layer weights").values()
    assert whole["change"]["values"] == [0] * 7
    assert (whole["layers"]["value"], whole["weights"]["value"]) == (
        7,
        16 * 9 + 32 * 144 + 64 * 288 + 128 * 256 + 2 * 128**2 + 64 * 128,
    )
    assert document["warnings"] == []


def test_a_trained_run(run: Path, tmp_path: Path, capsys: Capture) -> None:
    """Its folder and its checkpoint say the same; the answer is kept in the folder; both alignments stand beside chance."""
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    ours, theirs = (answered(capsys, str(path)) for path in (copy, copy / "checkpoint.pt"))
    assert ours["results"] == theirs["results"]
    assert json.loads((copy / "results" / "weights.json").read_text())["results"] == ours["results"]
    assert ours["inputs"][0]["epoch"] == 2
    kept = checkpoint.load(copy / "checkpoint.pt")
    weight = kept.method.projector[2].weight.detach().double()
    assert "aligned" not in of(ours, "Layer weights")["copy"]
    found = of(ours, "Layers")["projector.2"]
    assert found["norm"]["value"] == pytest.approx(float(weight.norm()))
    assert found["stable_rank"]["value"] == pytest.approx(
        float(weight.square().sum() / torch.linalg.svdvals(weight)[0] ** 2)
    )
    pairs = {one["of"]: one for one in ours["results"] if one["title"] == "Alignment of adjacent layers"}
    between = {name: one["settings"]["between"] for name, one in pairs.items()}
    assert between == {
        "encoder.0 → encoder.3": "batch norm, ReLU", "encoder.3 → encoder.6": "batch norm, ReLU",
        "encoder.11 → projector.0": "batch norm, ReLU", "projector.0 → projector.2": "ReLU",
    }  # fmt: skip
    last = pairs["projector.0 → projector.2"]["metrics"]
    assert (
        last["block_energy"]["null"] == last["leading"]["value"] / 128 == last["block_energy_before"]["null"]
    )
    assert "overlap" in last
    assert "entries" not in last, "single directions align through linear maps alone"


def test_many_layers_share_one_image(tmp_path: Path, capsys: Capture) -> None:
    """resnet20: stem, 18 convolutions, 2 shortcuts, 2 linear layers; a pair in each of 9 blocks, one before them, one behind."""
    document = answered(
        capsys, str(begun(tmp_path / "c.pt", encoder="resnet20")), "--plot", str(tmp_path / "a.png")
    )
    (whole,) = of(document, "Layer weights").values()
    found, pairs = of(document, "Layers"), of(document, "Alignment of adjacent layers")
    assert len(found) == whole["layers"]["value"] == len(whole["spectra"]["values"]) == 23
    assert {len(row) for row in whole["spectra"]["values"]} == {64}
    assert not any("spectrum" in one for one in found.values())
    assert len(pairs) == 11
    assert not any("overlap" in one for one in pairs.values())
    assert whole["aligned"]["values"] == [one["block_energy"]["value"] for one in pairs.values()]
    assert whole["aligned"]["null"] == [one["block_energy"]["null"] for one in pairs.values()]
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_a_linear_chain_tells_single_directions_too() -> None:
    """W_2 = W_1^T: A = I, and the singular values 3, 2, .1, .05 of both are all apart; product 9, 4, .01, .0025."""
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    frame, _ = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))
    first.weight.data = frame * torch.tensor([3, 2, 0.1, 0.05])
    second.weight.data = first.weight.data.T.clone()
    *_, found = weights.measure([weights.Network("chain", layers(nn.Sequential(first, second)))], seed=0)
    assert (found.of, found.settings) == ("0 → 1", {"between": "nothing"})
    assert found.metrics["entries"]["values"] == pytest.approx([1, 1])
    assert found.metrics["block_energy"]["value"] == pytest.approx(1)


def test_a_planted_collapse_of_somebodys_layer_is_named(tmp_path: Path, capsys: Capture) -> None:
    path = planted(tmp_path / "w.pt")
    document = answered(capsys, str(path), "--seed", "3")
    assert list(of(document, "Layers")) == ["net.0", "net.2", "net.4"]
    middle = of(document, "Layers")["net.2"]
    assert middle["stable_rank"]["value"] < 2.01
    assert middle["alive"]["value"] == 2 / 40
    assert "change" not in middle
    assert document["warnings"] == [f"rank is lost in 1 of 3 layers: net.2 ({LOST})"]
    assert document["results"][0]["settings"] == {"seed": 3}
    assert list(of(document, "Alignment of adjacent layers")) == ["net.0 → net.2", "net.2 → net.4"]
    assert document["inputs"][0]["path"] == str(path)


def test_many_lost_layers_make_one_sentence() -> None:
    dead = Layers({f"layer{n}": torch.zeros(6, 6) for n in range(9)})
    entries = weights.measure([weights.Network("a", dead), weights.Network("b", dead)], seed=0)
    said = list(weights.remarks(entries))
    assert len(said) == 2
    assert said[0].startswith("rank is lost in 9 of 9 layers: a · layer0, a · layer1, a · layer2,")
    assert " and 3 more (" in said[1]


def test_several_inputs_stand_side_by_side(run: Path, tmp_path: Path, capsys: Capture) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy", ignore=shutil.ignore_patterns("results")))
    document = answered(capsys, str(copy), str(planted(tmp_path / "w.pt")))
    assert list(of(document, "Layer weights")) == ["copy", "w.pt"]
    assert [one["input"] for one in document["results"] if one["title"] == "Layers"] == [0] * 6 + [1] * 3
    assert {"copy · encoder.0", "w.pt · net.4"} <= set(of(document, "Layers"))
    assert not list(copy.glob("results/*"))


def test_the_table_of_a_deep_network_fits_80_columns(
    tmp_path: Path, monkeypatch: Any, capsys: Capture
) -> None:
    """One row for each layer, all of its columns in one table."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["weights", "--all", str(begun(tmp_path / "c.pt", encoder="resnet20"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line for line in lines if line.startswith("encoder.6.downsample.0 ")]
    assert len(rows) == 1
    assert len(rows[0].split()) == 6  # name, stable rank, (fresh), > bulk, < bulk, change


def test_quiet_is_silent(run: Path, tmp_path: Path, capfd: Any) -> None:
    file = shutil.copy(run / "checkpoint.pt", tmp_path / "c.pt")
    assert main(["weights", str(file), "-q"]) == 0
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def places(tmp_path: Path) -> Path:
    (tmp_path / "rows.npy").write_text("rows")
    (tmp_path / "text.pt").write_text("hello")
    (tmp_path / "folder").mkdir()
    torch.save({"bias": torch.zeros(3)}, tmp_path / "bias.pt")
    torch.save({"collapse_format": 1, "metadata": "{}"}, tmp_path / "damaged.pt")
    torch.save({"fc.weight": torch.full((3, 4), torch.nan)}, tmp_path / "nan.pt")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rows.npy", "embeddings, not weights"), ("text.pt", "text.pt"), ("folder", "without a checkpoint.pt"),
        ("bias.pt", "bias.pt contains no weight"), ("damaged.pt", "is damaged"), ("nothing.pt", "nothing.pt"),
        ("nan.pt", "fc of nan.pt contains nan"),
    ],
)  # fmt: skip
def test_what_holds_no_weights_is_refused(name: str, said: str, places: Path, capsys: Capture) -> None:
    for extra in ([], ["--json"], ["-q"]):
        assert main(["weights", str(places / name), *extra]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert said in shown.err
        assert "Traceback" not in shown.err


def test_a_plot_that_cannot_be_is_refused_first(capsys: Capture) -> None:
    assert main(["weights", "/nowhere.pt", "--plot", "a.jpeg"]) == 2
    assert "--plot" in capsys.readouterr().err


def test_python_callers_are_refused_in_the_same_words() -> None:
    with pytest.raises(CollapseError, match="empty has no weight matrices"):
        weights.measure([weights.Network("empty", Layers({}))], seed=0)


def test_other_commands_measure_a_checkpoint_they_have(run: Path) -> None:
    kept = checkpoint.load(run / "checkpoint.pt")
    entries = weights.measure([weights.of_checkpoint(kept, "mine")], seed=0)
    assert [one.of for one in entries][:2] == ["mine", "encoder.0"]
    frozen = replace(weights.of_checkpoint(kept, "mine"), initial=None)
    assert "change" not in weights.measure([frozen], seed=0)[1].metrics


def test_the_epochs_kept_are_a_course(tmp_path: Path, capsys: Capture) -> None:
    """Epochs 0 (fresh), 1 and 2; it ends at the ranks and block energies that the layers have now."""
    folder = tmp_path / "r"
    words = ["--encoder", "mlp", "--batch", "256", "--epochs", "2", "--keep-every", "1", "--lr", ".3"]
    assert main(["train", "moco", *words, "--out", str(folder), "-q"]) == 0
    capsys.readouterr()
    document = answered(capsys, str(folder))
    (course,) = of(document, "Layers over the epochs kept").values()
    assert course["checkpoints"]["value"] == 2
    layers, pairs = of(document, "Layers"), of(document, "Alignment of adjacent layers")
    for name, curve in course["effective_rank"]["values"].items():
        now = layers[name]["effective_rank"]
        assert (curve["at"], curve["values"][0]) == ([0, 1, 2], 1)
        assert curve["values"][-1] == pytest.approx(now["value"] / now["null"])
    assert len(course["block_energy"]["values"]) == len(pairs)
    for curve, name in zip(course["block_energy"]["values"].values(), pairs, strict=True):
        assert curve["values"][0] == pytest.approx(pairs[name]["block_energy_before"]["value"])
        assert curve["values"][-1] == pytest.approx(pairs[name]["block_energy"]["value"])
    assert course["effective_rank"]["values"].keys() == layers.keys()
    assert "Layers over the epochs kept" not in {
        one["title"] for one in answered(capsys, str(folder / "epochs" / "0001.pt"))["results"]
    }
