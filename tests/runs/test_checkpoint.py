"""The checkpoint gives back what was saved, and a damaged one is a sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch

from collapse_cli.analysis.training import fresh
from collapse_cli.errors import CollapseError
from collapse_cli.runs import checkpoint
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.settings import resolve
from collapse_cli.shapes import Images
from collapse_cli.training import train

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
    for content in ({"state_dict": {}}, [1, 2], torch.ones(3)):
        torch.save(content, tmp_path / "o.pt")
        assert not checkpoint.is_ours(tmp_path / "o.pt")
    (tmp_path / "o.pt").write_bytes(b"hello")
    assert not checkpoint.is_ours(tmp_path / "o.pt")
    assert not checkpoint.is_ours(tmp_path / "none.pt")
