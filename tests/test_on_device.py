"""Training and measuring on another device than the CPU, with numbers, on a machine that has none: `Pretending` is one.

It computes on the CPU what it is asked to compute, so that results must be the same, and refuses what a GPU would refuse: tensors
of two devices in one operation, and arrays of numpy that lie on a device.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.analysis import measuring
from collapse_cli.analysis.training import fresh
from collapse_cli.cli import main
from collapse_cli.embedding import embed
from collapse_cli.metrics import (
    alignment,
    augmentation,
    classes,
    copies,
    coverage,
    dormant,
    epps_pulley,
    isotropy,
    lidar,
    modality,
    oracle,
    probe,
    scatter,
    spectrum,
    vendi,
    view_ratio,
    weights,
)
from collapse_cli.settings import resolve
from collapse_cli.shapes import Images
from collapse_cli.training import Epoch, train
from collapse_cli.training_state import State
from tests.device_watch import Pretended, Pretending, claiming

Placed = Callable[[Tensor], Tensor]
METHODS: dict[str, dict[str, Any]] = {
    "moco": {"queue": 40, "mask_own": True},
    "mochi": {"queue": 40, "hardest": 8, "mask_random": 0.2, "mix_after": 0.5},
    "memory-bank": {"negatives": 12, "bank_loss": "nce", "mask_false_negatives": True},
    "nnclr": {"queue": 40},
    "byol": {"momentum_schedule": "cosine"},
    "dino": {"prototypes": 20},
    "swav": {"prototypes": 20},
    "lejepa": {"slices": 30},
    "contrastive-clustering": {"optimizer": "adam"},
}
GENERATOR = Generator().manual_seed(3)
ROWS, NOISE = torch.randn(2, 240, 10, generator=GENERATOR)
ROWS[5] = ROWS[7]  # a copy
NEAR, LABELS, INDEX = ROWS + 0.1 * NOISE, torch.arange(240) % 4, torch.arange(240)
UNIT, UNIT_NEAR, NAMES = normalize(ROWS, dim=1), normalize(NEAR, dim=1), ("a", "b", "c", "d")


def moved(network: nn.Module) -> None:
    """Weights and buffers, each to the device that is pretended."""
    for module in network.modules():
        for name, weight in module._parameters.items():
            if weight is not None:
                module._parameters[name] = nn.Parameter(weight.detach().to("meta"), weight.requires_grad)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = buffer.to("meta")


def numbers(epoch: Epoch) -> dict[str, Any]:
    return {name: value for name, value in asdict(epoch).items() if "second" not in name}


@pytest.mark.parametrize(("name", "given"), METHODS.items(), ids=list(METHODS))
def test_a_training_is_the_same_bit_for_bit(name: str, given: dict[str, Any], images: Images) -> None:
    """An epoch: views, loss, optimizer, slow copy, queue, diagnostics, curves; and an embedding of what was learned.

    Also the two ways of colour and of blur, of which a CPU takes one and a device the other.
    """
    pixels = torch.randint(0, 256, (96, 3, 8, 8), dtype=torch.uint8, generator=Generator().manual_seed(0))
    coloured = Images(pixels, images.labels, images.classes, images.name)
    run = resolve(name, {"dim": 8, "batch": 32, "epochs": 1, "recipe": "moco_v2", **given})
    here, there = fresh(run, coloured), fresh(run, coloured)
    expected = [
        numbers(e) for e in train(here.method, coloured, here.normalisation, run.training, here.state)
    ]
    rows = embed(here.method, coloured, here.normalisation, torch.arange(96))
    with Pretending():
        network = cast(nn.Module, there.method)
        moved(network)
        generator = claiming().manual_seed(run.training.seed)
        state = State([p for p in network.parameters() if p.requires_grad], run.training, generator)
        away = coloured.to("meta")
        result = [numbers(e) for e in train(there.method, away, there.normalisation, run.training, state)]
        same_rows = embed(there.method, away, there.normalisation, torch.arange(96))
        ours, theirs = cast(nn.Module, here.method).state_dict(), network.state_dict()
        assert all(isinstance(value, Pretended) for value in theirs.values())
        assert all(torch.equal(ours[part], theirs[part].cpu()) for part in ours)
    assert plain(result) == pytest.approx(plain(expected), rel=1e-9, abs=1e-12)
    assert torch.equal(rows.representations, same_rows.representations)


def seeded() -> Generator:
    return Generator().manual_seed(1)


METRICS: dict[str, Callable[[Placed], Any]] = {
    "spectrum": lambda on: spectrum.spectrum(on(ROWS), seeded(), True, [NEAR], LABELS),
    "spectrum of few": lambda on: spectrum.spectrum(on(ROWS[:9]), seeded()),
    "alignment": lambda on: alignment.measure(on(ROWS), (on(ROWS), on(NEAR)), LABELS, NAMES, (on(ROWS), on(NEAR))),
    "oracle": lambda on: oracle.oracle(
        on(UNIT[:90]), on(UNIT_NEAR), on(LABELS[:90]), on(LABELS), on(INDEX[:90]), on(INDEX), 0.2, on(UNIT_NEAR[:90])
    ),
    "matching": lambda on: oracle.matching_by_rank(on(UNIT[:, 0]), on(UNIT @ UNIT.T), 0.2),
    "knn": lambda on: probe.knn(on(ROWS[:180]), on(LABELS[:180]), on(ROWS[180:]), 20, 0.07).tolist(),
    "probe": lambda on: probe.probe(on(ROWS[:180]), on(LABELS[:180]), on(ROWS[180:]), on(LABELS[180:]), seeded()),
    "dormant": lambda on: dormant.dormant(on(ROWS.relu())),
    "epps_pulley": lambda on: epps_pulley.epps_pulley(on(UNIT.double()), 0.1),
    "isotropy": lambda on: isotropy.isotropy(on(ROWS), seeded()),
    "classes": lambda on: classes.classes(on(ROWS), on(LABELS), NAMES, seeded()),
    "lidar": lambda on: lidar.lidar(scatter.groups(on(ROWS), on(LABELS)), seeded()),
    "modality": lambda on: modality.modality(on(ROWS), on(NEAR), seeded()),
    "vendi": lambda on: (vendi.vendi(on(ROWS)), vendi.distinct(on(ROWS))),
    "view_ratio": lambda on: view_ratio.measure([on(ROWS), on(NEAR)]),
    "coverage": lambda on: coverage.coverage(on(ROWS), on(NEAR), seeded()),
    "augmentation": lambda on: augmentation.augmentation(on(torch.stack([ROWS, NEAR], dim=1))),
    "weights": lambda on: weights.layer(on(ROWS[:40]), seeded(), on(NEAR[:40])),
    "copies": lambda on: copies.counted(on(ROWS)).distinct,
}  # fmt: skip


def plain(result: Any) -> list[float]:
    """Every number of a result in order, nan as -1: to be compared."""
    if isinstance(result, Tensor):
        return plain(result.cpu().flatten().tolist())
    if is_dataclass(result) and not isinstance(result, type):
        return plain(
            [getattr(result, name) for name in result.__dataclass_fields__]
            + [getattr(result, "interval", None)]
        )
    if isinstance(result, dict):
        return plain(list(result.values()))
    if isinstance(result, str) or result is None:
        return []
    if isinstance(result, bool | int | float):
        numbers = [float(result), *plain([getattr(result, name, None) for name in ("null", "interval")])]
        return [-1.0 if number != number else number for number in numbers]
    return [number for part in result for number in plain(part)]


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_the_same(name: str) -> None:
    """To 1e-9 of each number: strides, and so orders of sums, may differ."""
    expected = plain(METRICS[name](lambda rows: rows))
    with Pretending():
        result = plain(METRICS[name](lambda rows: rows.to("meta")))
    assert len(result) == len(expected) > 0
    assert result == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("command", ["spectrum", "alignment", "oracle", "probe"])
def test_a_command_measures_there(
    command: str, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `--device cuda` does: the network's embeddings go back to the device, and nothing else of the answer changes."""
    answers, placed = [], []
    for on in ("cpu", "meta"):
        monkeypatch.setattr(measuring, "placed", lambda rows, name, on=on: placed.append(on) or rows.to(on))
        with Pretending():
            assert main([command, str(run), "--samples", "300", "--json"]) == 0
        answers.append([entry["metrics"] for entry in json.loads(capsys.readouterr().out)["results"]])
    assert set(placed) == {"cpu", "meta"}
    assert plain(answers[1]) == pytest.approx(plain(answers[0]), rel=1e-9, abs=1e-9)


def test_what_a_gpu_would_refuse_is_refused() -> None:
    with Pretending():
        rows = ROWS.to("meta")
        assert (rows.device.type, float(rows.sum())) == ("meta", float(ROWS.sum()))
        with pytest.raises(AssertionError, match="mixes a device and the CPU"):
            rows + ROWS
        with pytest.raises(RuntimeError, match="numpy"):
            rows.numpy()
        assert torch.equal(rows[torch.arange(3)].cpu(), ROWS[:3])  # a GPU takes places of the CPU
