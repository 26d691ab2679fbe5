"""collapse layers, and layers() of Python: linear networks whose ranks are known, planted collapses, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from torch import Tensor, nn

import collapse_cli as collapse
from collapse_cli import cli, data
from collapse_cli.analysis.layer_pass import reinitialisable, untrained
from collapse_cli.analysis.training import fresh
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.eigenvalues import effective_rank
from collapse_cli.models.encoders import mlp
from collapse_cli.runs import checkpoint
from collapse_cli.settings import resolve

Capture = pytest.CaptureFixture[str]
SCHEMA = json.loads((Path(cli.__file__).parent / "views" / "schema.json").read_text())


def linear(*weights: Tensor) -> nn.Sequential:
    layers = [nn.Linear(weight.shape[1], len(weight), bias=False) for weight in weights]
    with torch.no_grad():
        for layer, weight in zip(layers, weights, strict=True):
            layer.weight.copy_(weight)
    return nn.Sequential(*layers)


def orthogonal(generator: torch.Generator, d: int = 16) -> Tensor:
    turn: Tensor = torch.linalg.qr(torch.randn(d, d, generator=generator)).Q
    return turn


def ranks(result: collapse.Result) -> list[float]:
    return [float(entry.effective_rank) for entry in result.entries[1:]]


def test_turns_keep_the_rank(generator: torch.Generator) -> None:
    """Orthogonal layers change no eigenvalue: every layer has the effective rank of the input, to float32's rounding."""
    rows = torch.randn(600, 16, generator=generator) * torch.logspace(0, -1, 16)
    result = collapse.layers(linear(*(orthogonal(generator) for _ in range(4))), rows)
    expected = effective_rank(torch.nn.functional.normalize(rows.double(), dim=1))
    assert ranks(result) == pytest.approx([expected] * 4, rel=1e-5)


def test_a_product_has_the_rank_of_its_poorest_factor(generator: torch.Generator) -> None:
    """A layer of rank 2 between turns: at most 2 directions from there on, whatever follows; it is the one that is named."""
    turns = [orthogonal(generator) for _ in range(5)]
    turns[2] = turns[2][:, :2] @ turns[3][:2]
    result = collapse.layers(linear(*turns), torch.randn(500, 16, generator=generator))
    assert all(rank > 14 for rank in ranks(result)[:2])
    assert all(1 < rank <= 2.001 for rank in ranks(result)[2:])
    assert result.status == "dimensional collapse"
    assert result.entries[0].verdict.sentence.startswith("Rank falls most between 1 and 2:")  # type: ignore[union-attr]
    depth = result.entries[0]
    assert depth.ranks.names == ("0", "1", "2", "3", "4")
    assert list(depth.ranks) == pytest.approx(ranks(result))
    assert len(depth.ranks.initial) == 5


@pytest.mark.parametrize("place", range(3))
def test_a_projection_is_named_at_every_depth(place: int, generator: torch.Generator) -> None:
    """Random weights with ReLUs and norms behind them; one layer maps to 2 dimensions of its own, and is named."""
    network = mlp((1, 8, 8))
    with torch.no_grad():
        for layer in network:
            if isinstance(layer, nn.BatchNorm1d):
                layer.weight.mul_(1.3)  # it does not look untrained
        weight = [layer for layer in network if isinstance(layer, nn.Linear)][place].weight
        left, sigma, right = torch.linalg.svd(weight, full_matrices=False)
        weight.copy_(left[:, :2] * sigma[:2] @ right[:2])
    result = collapse.layers(network, torch.rand(400, 1, 8, 8, generator=generator))
    named = ("at the first layer, 3:", "between 3 and 6:", "between 6 and 9:")[place]
    assert result.status == "dimensional collapse"
    assert named in result.entries[0].verdict.sentence  # type: ignore[union-attr]


def test_attention_alone_makes_tokens_alike(generator: torch.Generator) -> None:
    """Without skip connections and MLPs the rank of the tokens falls to 1 with depth (Dong et al. 2021), untrained, too."""

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

        def forward(self, tokens: Tensor) -> Tensor:
            mixed: Tensor = self.attention(tokens, tokens, tokens, need_weights=False)[0]
            return mixed

    network = nn.Sequential(*(Attention() for _ in range(5)))
    result = collapse.layers(network, torch.randn(100, 9, 16, generator=generator))
    assert result.status == "token collapse"
    assert "the architecture causes it" in result.entries[0].verdict.sentence  # type: ignore[union-attr]
    assert float(result.entries[-1].token_rank) == pytest.approx(1, abs=0.01)
    assert result.entries[0].token_ranks.null[0] > 6


def test_the_module_is_left_as_it_was(generator: torch.Generator) -> None:
    """No hook, no mode, no statistic changes; a generator is read once; of a compiled module the module itself is measured."""
    network = nn.Sequential(
        nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Linear(8, 4), nn.Dropout()
    )
    network[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes = [part.training for part in network.modules()]
    batches = (torch.randn(n, 8, generator=generator) for n in (50, 1, 30))
    result = collapse.layers(network, batches)
    assert result.entries[1].samples == 81
    assert [part.training for part in network.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(part._forward_hooks for part in network.modules())
    whole = collapse.layers(torch.compile(network), torch.randn(40, 8, generator=generator))
    assert whole.subjects[1:] == ("2", "3")


def test_count_bounds_the_images(generator: torch.Generator) -> None:
    network = linear(*(orthogonal(generator) for _ in range(3)))
    rows = [(torch.randn(64, 16, generator=generator), torch.arange(64) % 3) for _ in range(4)]
    assert collapse.layers(network, rows, count=100).entries[1].samples == 100


def test_a_network_without_an_untrained_twin(generator: torch.Generator) -> None:
    """Weights of modules that cannot be re-initialised are named; where they are most, there is no untrained network."""

    class Scale(nn.Module):
        def __init__(self, d: int) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(d, d))

        def forward(self, rows: Tensor) -> Tensor:
            return rows @ self.scale

    few = nn.Sequential(nn.Linear(16, 64), Scale(2), nn.Linear(64, 16))
    assert reinitialisable(few) == (
        True,
        "weights of modules without reset_parameters stay as they are in the untrained network: 1.scale",
    )
    alone, note = untrained(nn.Sequential(Scale(16)), [], 0)
    assert (alone, note) == ([], "256 of its 256 weights are of modules without reset_parameters (0.scale)")
    network = nn.Sequential(nn.Linear(8, 16), Scale(16), nn.Linear(16, 4))
    result = collapse.layers(network, torch.randn(60, 8, generator=generator))
    assert result.status == "inconclusive"  # all numbers of Scale(16) are one
    assert result.entries[1].rank_untrained is None
    assert result.warnings[0].startswith("Sequential: no untrained network is beside it, for 256 of its")


class Strange(nn.Module):
    """A layer that is not called, one without a tensor, and one that gives nan."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.unused, self.inner = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, rows: Tensor) -> Tensor:
        return self.inner(self.first(rows) / 0)


def test_what_cannot_be_measured_is_refused_with_a_remedy() -> None:
    network, rows = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)), torch.randn(40, 4)
    cases: list[tuple[Any, str]] = [
        (lambda: collapse.layers(network), "a network needs images"),
        (lambda: collapse.layers(network, rows, layer="3"), "has no layer '3'"),
        (lambda: collapse.layers(Strange(), rows, layer="unused"), "the layer unused is not called"),
        (
            lambda: collapse.layers(Strange(), rows, layer="inner"),
            "the layer inner gives nan or infinity for 40 of 40",
        ),
        (lambda: collapse.layers(network, rows, layer="0", every_layer=True), "both given"),
        (
            lambda: collapse.layers(network, rows * float("nan")),
            "there are images that contain nan or infinity",
        ),
        (lambda: collapse.layers(network, rows, layers=["0"]), "it is layer="),
        (lambda: collapse.layers(network, rows, views=1), "views cannot be 1"),
        (lambda: collapse.layers(network, rows[:1]), "at least 2 images"),
        (lambda: collapse.layers(network, []), "there is no image to measure"),
        (lambda: collapse.layers(rows), "has no layers, for it is no network"),  # type: ignore[arg-type]
    ]
    for call, words in cases:
        with pytest.raises(CollapseError, match=words):
            call()


def planted(name: str, generator: torch.Generator) -> nn.Sequential:
    """Linear networks of 32 dimensions that do not look untrained; `worn` loses a little of its rank at each of 6 layers."""
    turns = [orthogonal(generator, 32) for _ in range(6)]
    spectrum = torch.diag(torch.logspace(0, -0.7, 32))
    if name == "worn":
        turns = [turns[0].T @ spectrum @ turns[0]] * 6
    if name == "narrow end":
        turns[5] = turns[5][:, :10] @ turns[4][:10]
    network = linear(*turns)
    for layer in network:
        bias = torch.randn(32, generator=generator) * (60 if name == "offset" else 0.05)
        layer.bias = nn.Parameter(bias if layer is network[5] else bias / 1200)
    return network


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("turns", "healthy"),
        ("worn", "dimensional collapse"),
        ("narrow end", "dimensional collapse"),
        ("offset", "inconclusive"),
    ],
)
def test_layers_and_diagnose_say_the_same_of_the_last_layer(
    name: str, status: str, generator: torch.Generator
) -> None:
    """No layer of `worn` loses more than 1.3 times as much as untrained: it was called healthy, and its 12 of 32 dimensions a
    collapse."""
    network, rows = planted(name, generator), torch.randn(600, 32, generator=generator)
    result = collapse.layers(network, rows)
    assert (result.status, collapse.diagnose(network(rows).detach()).status) == (status, status)


def test_a_narrow_projection_of_a_run_is_not_called_healthy(run: Path, capsys: Capture) -> None:
    """MoCo's z after two epochs: 20 or so of 64 dimensions are active, and no single layer is to blame."""
    argv = [str(run), "--views", "0", "--images", "500", "--json"]
    assert main(["layers", *argv]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    verdict = document["results"][0]["verdict"]
    by_space = {entry.space: entry.verdict for entry in collapse.diagnose(run) if entry.verdict}
    assert {space: each.status for space, each in by_space.items()} == {
        "h": "healthy",
        "z": "dimensional collapse",
    }
    assert verdict["status"] == "no layer loses rank"
    assert verdict["sentence"].endswith(f"z as a whole: dimensional collapse. {by_space['z'].sentence}")


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A run on digits before its first step."""
    images = data.load("digits", "train")
    checkpoint.save(tmp_path / "run.pt", fresh(resolve("moco", {"encoder": "mlp"}), images))
    return tmp_path / "run.pt"


def test_a_run_that_was_not_trained_is_inconclusive(begun: Path, capsys: Capture) -> None:
    """Exit code 3, as nothing could be concluded; every layer and LiDAR are there, and the document keeps the schema."""
    argv = [str(begun), "--images", "200", "--views", "2", "--samples", "300"]
    assert main(["layers", *argv, "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    whole, *layers = document["results"]
    assert (whole["kind"], whole["verdict"]["status"]) == ("depth", "inconclusive")
    assert whole["verdict"]["sentence"].startswith(
        "Nothing was trained: its encoder and projector look untrained"
    )
    assert [layer["of"] for layer in layers] == [
        "encoder.3",
        "encoder.6",
        "encoder.9",
        "projector.1",
        "projector.2",
    ]
    assert all(layer["metrics"]["lidar"]["value"] > 1 for layer in layers)
    for layer in layers:  # the run's own initialisation is one of the four that it is held against
        low, high = layer["metrics"]["rank_untrained"]["interval"]
        assert low * 0.999 <= layer["metrics"]["effective_rank"]["value"] <= high * 1.001
    assert main(["layers", *argv, "--layer", "encoder.6"]) == 3
    assert "encoder.6" in capsys.readouterr().out


def test_options_of_the_command(begun: Path, capsys: Capture) -> None:
    assert main(["layers", str(begun), "--layer", "encoder.66"]) == 2
    assert "has no layer 'encoder.66'" in capsys.readouterr().err
    assert main(["layers", str(begun), "--views", "1"]) == 2
    assert "0 to leave it out" in capsys.readouterr().err
    assert main(["layers", "pixels:digits"]) == 2
    assert "for it is no network" in capsys.readouterr().err


@pytest.mark.libraries
def test_layers_of_a_text_encoder(tmp_path: Path, capsys: Capture) -> None:
    """Blocks of its transformer; padded tokens do not count, and the pooler that nothing reads is left out."""
    from tests.analysis.test_texts import built, written

    built(tmp_path / "net")
    argv = [str(tmp_path / "net"), "--dataset", written(tmp_path), "--device", "cpu", "--json"]
    assert main(["layers", *argv]) == 3
    _, *layers = json.loads(capsys.readouterr().out)["results"]
    names = [layer["of"].rpartition("model.")[2] for layer in layers]
    assert names == ["embeddings", "encoder.layer.0", "encoder.layer.1"]
    assert all(1 < layer["metrics"]["token_rank"]["value"] <= 5 for layer in layers)
