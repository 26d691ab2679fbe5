"""The file of a state: what is written is read again; what is damaged or made up is refused in a sentence."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

import collapse_cli as collapse
from collapse_cli.errors import CollapseError
from collapse_cli.metrics import row_sample
from collapse_cli.runs import state_files
from collapse_cli.runs.states import FORMAT, MARK, Part, SavedState, is_at

Arrays = dict[str, Any]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state of 700 rows of 6 and 3 numbers with labels, of which it holds 300."""
    folder = tmp_path_factory.mktemp("states")
    generator = numpy.random.default_rng(0)
    rows = generator.standard_normal((700, 6)).astype("float16")
    labels = numpy.arange(700) % 3
    numpy.savez(folder / "e.npz", representations=rows, projections=rows[:, :3], labels=labels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_sample, "SAMPLED", 300)
        collapse.spectrum(folder / "e.npz", save_state=folder / "state.npz")
    return folder / "state.npz"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_sample, "SAMPLED", 300)


def test_what_is_written_is_read(path: Path, tmp_path: Path) -> None:
    saved = state_files.load(path)
    assert saved.parts == (Part("e.npz", saved.parts[0].sha256, 0, 700),)
    assert saved.labels is not None
    assert saved.labels.counts == {"0": 234, "1": 233, "2": 233}
    assert len(saved.spaces["z"].rows) == 300
    state_files.save(tmp_path / "again.npz", saved)
    again = state_files.load(tmp_path / "again.npz")
    assert (again.parts, again.settings, again.tool, again.layout) == (
        saved.parts,
        saved.settings,
        saved.tool,
        saved.layout,
    )
    for space, state in saved.spaces.items():
        for field in fields(state):
            one, other = getattr(state, field.name), getattr(again.spaces[space], field.name)
            assert torch.equal(one, other) if isinstance(one, torch.Tensor) else str(one) == str(other), (
                field.name
            )


def test_the_labels_are_those_of_the_rows(path: Path) -> None:
    """Row k of the file has label k mod 3: each row of the sample still has its own."""
    saved = state_files.load(path)
    assert saved.labels is not None
    with numpy.load(path.parent / "e.npz") as file:
        rows = torch.from_numpy(file["representations"])
    for row, label in zip(saved.spaces["h"].rows[:50], saved.labels.sampled[:50], strict=True):
        (place,) = (rows == row).all(dim=1).nonzero()[:, 0].tolist()
        assert int(label) == place % 3


def bfloat16_rows(folder: Path) -> Path:
    rows = torch.randn(400, 5, generator=torch.Generator().manual_seed(0)).bfloat16()
    torch.save(rows, folder / "b.pt")
    return folder / "b.pt"


def test_bfloat16_is_kept(tmp_path: Path) -> None:
    collapse.spectrum(bfloat16_rows(tmp_path), save_state=tmp_path / "state.npz")
    assert state_files.load(tmp_path / "state.npz").spaces["h"].rows.dtype == torch.bfloat16


def arrays(path: Path) -> Arrays:
    with numpy.load(path) as file:
        return {name: file[name].copy() for name in file.files}


def written(arrays: Arrays, path: Path) -> Path:
    numpy.savez(path, **arrays)
    return path


def refused(path: Path) -> str:
    with pytest.raises(CollapseError) as error:
        state_files.load(path)
    assert error.value.code == 2
    assert error.value.hint
    return error.value.message


def loaded(path: Path) -> SavedState | None:
    """None where it is refused, with nothing but a CollapseError."""
    with suppress(CollapseError):
        return state_files.load(path)
    return None


def test_an_array_that_does_not_fit_is_refused(path: Path, tmp_path: Path) -> None:
    """Of each array: left out, of another shape, of another type, of objects, out of order, or with a number that is none."""
    whole = arrays(path)
    for name in whole.keys() - {MARK}:
        damages: list[Callable[[numpy.ndarray], Any]] = [
            lambda array: array[:-1],
            lambda array: array[None],
            lambda array: array.astype("complex128"),
            lambda array: numpy.array([{}], dtype=object),
        ]
        if whole[name].dtype.kind == "f":
            damages.append(
                lambda array: numpy.where(
                    numpy.arange(array.size).reshape(array.shape) == 1, numpy.nan, array
                )
            )
        elif not name.endswith("longest_keys"):  # which are in no order
            damages.append(lambda array: array[::-1] - 10)
        for damage in damages:
            changed = damage(whole[name])
            message = refused(written(whole | {name: changed}, tmp_path / "x.npz"))
            assert "damaged state" in message or "cannot be read" in message, name
        assert name[2:] in refused(written({k: v for k, v in whole.items() if k != name}, tmp_path / "x.npz"))


def test_what_its_json_says_is_held_against_its_arrays(path: Path, tmp_path: Path) -> None:
    """Every value of it in turn is replaced by others: a state is refused, or all that it says is still of the right type."""
    whole = arrays(path)
    facts = json.loads(bytes(whole[MARK]))

    def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        inside = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        return [at] + [place for key, each in inside for place in places(each, (*at, key))]

    right = 0
    for place in places(facts):
        for other in (None, -1, 10**30, "x", [], {}, True, 0.5):
            changed = json.loads(json.dumps(facts))
            parent = changed
            for key in place[:-1]:
                parent = parent[key]
            if place:
                parent[place[-1]] = other
            else:
                changed = other
            text = numpy.frombuffer(json.dumps(changed).encode(), dtype=numpy.uint8)
            saved = loaded(written(whole | {MARK: text}, tmp_path / "x.npz"))
            if saved is not None:
                right += 1
                assert saved.count == 700
                assert all(isinstance(part.name, str) and part.count == 700 for part in saved.parts)
    assert right < 40  # such as another name of a file, or another seed


def test_damaged_files_are_refused(path: Path, tmp_path: Path) -> None:
    """Cut anywhere, or with a byte changed: the zip's directory is gone, or a checksum does not match."""
    content = path.read_bytes()
    chance = random.Random(0)
    for _ in range(60):
        cut = tmp_path / "cut.npz"
        cut.write_bytes(content[: chance.randrange(len(content))])
        refused(cut)
        at = chance.randrange(len(content))
        changed = bytes([content[at] ^ (1 << chance.randrange(8))])
        cut.write_bytes(content[:at] + changed + content[at + 1 :])
        loaded(cut)  # there are bits of the zip that nobody reads, such as a time


def test_another_version_and_other_files_are_told(path: Path, tmp_path: Path) -> None:
    whole = arrays(path)
    facts = json.loads(bytes(whole[MARK])) | {"format": FORMAT + 1}
    newer = written(
        whole | {MARK: numpy.frombuffer(json.dumps(facts).encode(), dtype=numpy.uint8)}, tmp_path / "new.npz"
    )
    assert (
        refused(newer) == f"{newer} is a state of format {FORMAT + 1}, and this version reads format {FORMAT}"
    )
    assert is_at(newer)
    assert not is_at(path.parent / "e.npz")
    assert refused(path.parent / "e.npz").endswith("e.npz is not a state of embeddings")
    numpy.savez(tmp_path / "text.npz", **{MARK: numpy.frombuffer(b"{" * 100_000, dtype=numpy.uint8)})
    assert "damaged state" in refused(tmp_path / "text.npz")
