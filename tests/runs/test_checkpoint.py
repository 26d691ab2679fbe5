"""The checkpoint gives back what was saved, and a damaged one is a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
import torch
from torch import nn

from collapse_cli.analysis.training import fresh
from collapse_cli.distributed import statistics_of
from collapse_cli.errors import CollapseError
from collapse_cli.runs import checkpoint
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.settings import resolve
from collapse_cli.shapes import Images
from collapse_cli.training import Part, train

KNOBS = {"epochs": 1, "batch": 32, "queue": 64, "head_layers": 3, "head_norm": True, "dim": 5}


def trained(images: Images, method: str) -> Checkpoint:
    knobs = {key: value for key, value in KNOBS.items() if key != "queue" or method in ("moco", "mochi")}
    kept = fresh(resolve(method, knobs), images)
    list(train(kept.method, images, kept.normalisation, kept.run.training, kept.state))
    return kept


@pytest.mark.parametrize("method", ["moco", "mochi", "positive-only"])
def test_save_and_load_are_one_another(method: str, images: Images, tmp_path: Path) -> None:
    """Weights, buffers, momenta, the generator's next draw, and everything that is said of the run."""
    kept = trained(images, method)
    checkpoint.save(tmp_path / "c.pt", kept)
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]
    torch.manual_seed(5)
    before = torch.get_rng_state()
    found = checkpoint.load(tmp_path / "c.pt")
    assert torch.equal(torch.get_rng_state(), before)
    ours, theirs = kept.method.state_dict(), found.method.state_dict()  # type: ignore[attr-defined]
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    momenta = [state.optimizer.state_dict()["state"] for state in (kept.state, found.state)]
    assert momenta[0].keys() == momenta[1].keys() != set()
    assert all(
        torch.equal(momenta[0][i]["momentum_buffer"], momenta[1][i]["momentum_buffer"]) for i in momenta[0]
    )
    draws = [torch.rand(3, generator=state.generator) for state in (kept.state, found.state)]
    assert torch.equal(*draws)
    parts = ("run", "normalisation", "shape", "classes")
    assert [getattr(kept, part) for part in parts] == [getattr(found, part) for part in parts]
    assert found.state.epoch == 1


def test_a_failed_save_leaves_the_one_before(
    images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = trained(images, "positive-only")
    checkpoint.save(tmp_path / "c.pt", kept)
    before = (tmp_path / "c.pt").read_bytes()

    def full(content: Any, file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CollapseError, match="No space left"):
        checkpoint.save(tmp_path / "c.pt", replace(kept, classes=()))
    assert (tmp_path / "c.pt").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_foreign_state_dict_is_told_as_such(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(2)}, tmp_path / "x.pt")
    with pytest.raises(CollapseError, match="is not a checkpoint of collapse") as caught:
        checkpoint.load(tmp_path / "x.pt")
    assert caught.value.hint


def test_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match="cannot be read"):
        checkpoint.load(tmp_path)


def renamed(content: dict[str, Any]) -> dict[str, Any]:
    metadata = json.loads(content["metadata"])
    metadata["settings"]["method"]["name"] = "byol"
    return content | {"metadata": json.dumps(metadata)}


DAMAGE = {
    "nothing else": lambda content: {"collapse_format": 1},
    "no json": lambda content: content | {"metadata": "{"},
    "no settings": lambda content: content | {"metadata": "{}"},
    "a tensor for metadata": lambda content: content | {"metadata": torch.zeros(2)},
    "no weights": lambda content: content | {"method": {}},
    "no optimizer": lambda content: {key: value for key, value in content.items() if key != "optimizer"},
    "no generator": lambda content: {key: value for key, value in content.items() if key != "generator"},
    "a later method": renamed,
}


@pytest.mark.parametrize("damage", sorted(DAMAGE))
def test_one_of_ours_that_is_damaged_is_a_sentence(damage: str, run: Path, tmp_path: Path) -> None:
    content = torch.load(run / "checkpoint.pt", weights_only=True)
    torch.save(DAMAGE[damage](content), tmp_path / "x.pt")
    with pytest.raises(CollapseError) as caught:
        checkpoint.load(tmp_path / "x.pt")
    assert caught.value.hint


def test_half_a_file_is_a_sentence(run: Path, tmp_path: Path) -> None:
    whole = (run / "checkpoint.pt").read_bytes()
    (tmp_path / "x.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CollapseError, match="cannot be read"):
        checkpoint.load(tmp_path / "x.pt")


def test_labels_without_names_are_learned_from_and_come_back(images: Images, tmp_path: Path) -> None:
    """Three classes by their labels: as many class weights, also after the checkpoint, which has no names to count."""
    kept = trained(replace(images, classes=()), "supervised")
    checkpoint.save(tmp_path / "c.pt", kept)
    found = checkpoint.load(tmp_path / "c.pt")
    weights = found.method.state_dict()["weights"]  # type: ignore[attr-defined]
    assert (len(weights), found.data.classes, found.classes) == (3, 3, ())
    assert torch.equal(weights, kept.method.state_dict()["weights"])  # type: ignore[attr-defined]


def test_names_without_labels_are_nothing_to_learn_from(images: Images) -> None:
    for method, knobs in (("supervised", {}), ("supcon", {}), ("moco", {"mask_false_negatives": True})):
        with pytest.raises(CollapseError, match="needs labels"):
            fresh(resolve(method, {"batch": 32, **knobs}), replace(images, labels=None), "cpu")


def test_a_checkpoint_of_before_counts_its_names(images: Images, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c.pt", trained(images, "supervised"))
    content = torch.load(tmp_path / "c.pt", weights_only=True)
    metadata = json.loads(content["metadata"])
    del metadata["class_count"]
    torch.save(content | {"metadata": json.dumps(metadata)}, tmp_path / "c.pt")
    assert checkpoint.load(tmp_path / "c.pt").data.classes == 3


def test_ours_is_told_from_the_rest(images: Images, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c.pt", trained(images, "positive-only"))
    assert checkpoint.is_ours(tmp_path / "c.pt")
    others: tuple[Any, ...] = ({"state_dict": {}}, [1, 2], torch.ones(3))
    for content in others:
        torch.save(content, tmp_path / "o.pt")
        assert not checkpoint.is_ours(tmp_path / "o.pt")
    (tmp_path / "o.pt").write_bytes(b"hello")
    assert not checkpoint.is_ours(tmp_path / "o.pt")
    assert not checkpoint.is_ours(tmp_path / "none.pt")


@pytest.fixture(scope="module")
def halfway(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What stands in the file of a training of two processes that was stopped after the first of the steps of an epoch."""
    noise = torch.randint(
        0, 256, (96, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    saved = trained(Images(noise, torch.arange(96) % 3, ("a", "b", "c"), "noise/train"), "moco")
    saved.state.part = Part(saved.state.generator.get_state(), 3, torch.tensor(4.0), 1, 0.5)
    own = statistics_of(cast(nn.Module, saved.method))
    path = tmp_path_factory.mktemp("halfway") / "c.pt"
    checkpoint.save(path, saved, {name: torch.stack([buffer, buffer]) for name, buffer in own.items()})
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


def test_an_epoch_under_way_comes_back(halfway: dict[str, Any], tmp_path: Path) -> None:
    torch.save(halfway, tmp_path / "c.pt")
    found = checkpoint.load(tmp_path / "c.pt")
    part = found.state.part
    assert part is not None
    assert (part.step, part.steps, float(part.total), part.seconds) == (1, 3, 4.0, 0.5)
    assert "within an epoch of 2 processes" in found.notes[-1]


ODD: tuple[Any, ...] = (None, [], "3", -1e300, torch.zeros(2, 3), torch.zeros(()).to("meta"))


def odd_parts(content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    part, kept = content["part"], content["part"]["statistics"]
    name, values = next(iter(kept.items()))
    for value in ODD:
        yield f"part {value}", content | {"part": value}
        yield from ((f"{key} {value}", content | {"part": part | {key: value}}) for key in part)
        yield f"statistics of {value}", content | {"part": part | {"statistics": kept | {name: value}}}
    statistics = (kept | {"other": values}, {name: values}, kept | {name: values[:1]}, {1: values})
    yield from (
        (f"statistics {set(each)}", content | {"part": part | {"statistics": each}}) for each in statistics
    )
    yield "no part", {key: value for key, value in content.items() if key != "part"}
    yield from (
        (f"no {key}", content | {"part": {k: v for k, v in part.items() if k != key}}) for key in part
    )
    yield "no state of a generator", content | {"part": part | {"opening": torch.zeros_like(part["opening"])}}
    metadata = json.loads(content["metadata"])
    for changed in ({"step": 3}, {"step": 0}, {"steps": 4}, {"step": None}, {"steps": 2.0}, {"images": 960}):
        yield f"{changed}", content | {"metadata": json.dumps(metadata | changed)}


def refusal(path: Path) -> str:
    """What is said of a checkpoint that is refused; nothing of one that can be trained on."""
    try:
        checkpoint.load(path).state.optimizer.step()
    except CollapseError as error:
        return error.message
    return ""


def test_an_epoch_under_way_that_is_damaged_is_a_sentence(halfway: dict[str, Any], tmp_path: Path) -> None:
    count = 0
    for damage, content in odd_parts(halfway):
        torch.save(content, tmp_path / "x.pt")
        assert "is damaged" in refusal(tmp_path / "x.pt"), damage
        count += 1
    assert count > 40


def odd_optimizers(saved: dict[str, Any]) -> Iterator[Any]:
    states = saved["state"]
    first = states[0]
    for value in ODD:
        yield value
        yield saved | {"state": value}
        yield saved | {"state": states | {0: value}}
        yield from (saved | {"state": states | {0: first | {key: value}}} for key in first)
    yield from (saved | {"state": states | {key: first}} for key in (10**6, -1, "0", None))


@pytest.mark.parametrize("method", ["moco", "vicreg"])
def test_an_optimizer_that_is_damaged_is_a_sentence(method: str, images: Images, tmp_path: Path) -> None:
    """A state of nothing is the one before the first step, and a momentum of nothing was never used."""
    checkpoint.save(tmp_path / "c.pt", trained(images, method))
    content = torch.load(tmp_path / "c.pt", weights_only=True)
    refused = 0
    for odd in odd_optimizers(content["optimizer"]):
        torch.save(content | {"optimizer": odd}, tmp_path / "x.pt")
        refused += "is damaged" in refusal(tmp_path / "x.pt")
    assert refused > 20


def test_the_settings_of_the_optimizer_are_those_of_the_run(images: Images, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c.pt", trained(images, "moco"))
    content = torch.load(tmp_path / "c.pt", weights_only=True)
    (group,) = content["optimizer"]["param_groups"]
    torch.save(
        content | {"optimizer": content["optimizer"] | {"param_groups": [{"momentum": "0"}]}},
        tmp_path / "x.pt",
    )
    found = checkpoint.load(tmp_path / "x.pt").state.optimizer.state_dict()["param_groups"][0]
    assert {name: found[name] for name in group if name != "lr"} == {n: group[n] for n in group if n != "lr"}
