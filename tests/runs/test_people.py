"""Files of torch.save, .npz and .safetensors as people write them: the rows are found, or the remedy is said."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

import numpy
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from collapse_cli.analysis.inputs import Kind, load, recognise
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.errors import CollapseError
from collapse_cli.runs import reader

N, D = 30, 6
X = torch.randn(N, D, generator=torch.Generator().manual_seed(0))
Y = torch.arange(N) % 3
NAMES = [f"img{n}.jpg" for n in range(N)]
ROWS = "embeddings: the array features"


def saved(content: Any, path: Path, **settings: Any) -> Path:
    torch.save(content, path, **settings)
    return path


def loaded(path: Path) -> Subject:
    assert recognise(path).kind is Kind.EMBEDDINGS
    return load(path, Measuring())


def said(subject: Subject) -> list[str]:
    return [line.strip() for line in subject.story[1:]]


def refused(path: Path) -> CollapseError:
    with pytest.raises(CollapseError) as caught:
        load(path, Measuring(dataset="digits"))
    assert caught.value.hint
    assert caught.value.code == 2
    return caught.value


PLAIN: dict[str, tuple[Any, list[str]]] = {
    "a gradient": (X.clone().requires_grad_(), []),
    "a parameter": (nn.Parameter(X), []),
    "a parameter by name": ({"features": nn.Parameter(X)}, [ROWS]),
    "paths": ({"features": X, "paths": NAMES}, [ROWS, "left out: paths"]),
    "paths of pathlib": ({"features": X, "paths": [PurePosixPath(name) for name in NAMES]}, [ROWS, "left out: paths"]),
    "facts": (
        {"embeddings": X, "model": "vit", "epoch": 3, "args": {"lr": 0.1}},
        ["embeddings: the array embeddings", "left out: model, epoch, args"],
    ),
    "a list": (list(X), [f"a list of {N} tensors, each as one row"]),
    "a list of (1,D)": ([row[None] for row in X], [f"a list of {N} tensors, each as one row"]),
    "batches": (list(X.split(8)), ["a list of 4 tensors, one below the other"]),
    "a list by name": ({"features": list(X), "epoch": 3}, [ROWS, "left out: epoch", f"a list of {N} tensors, each as one row"]),
    "vectors by name": (dict(zip(NAMES, X, strict=True)), [f"embeddings: {N} vectors by their names"]),
    "vectors (1,D) by name": (
        {name: row[None] for name, row in zip(NAMES, X, strict=True)},
        [f"embeddings: {N} vectors by their names"],
    ),
    "vectors by number": (dict(enumerate(X)), [f"embeddings: {N} vectors by their names"]),
    "numbers": (X.double().tolist(), []),
    "pairs": (list(zip(NAMES, X, strict=True)), ["left out: part 2"]),
    "records": (
        [{"path": name, "embedding": row} for name, row in zip(NAMES, X, strict=True)],
        ["embeddings: the array embedding", "left out: path"],
    ),
    "(N,1,D)": (X[:, None], [f"its shape ({N}, 1, {D}) is read as ({N}, {D})"]),
    "(N,D,1,1)": ({"features": X[:, :, None, None]}, [ROWS, f"its shape ({N}, {D}, 1, 1) is read as ({N}, {D})"]),
    "numpy": ({"features": X.numpy(), "score": numpy.float64(0.5)}, [ROWS, "left out: score"]),
    "numpy alone": (X.numpy(), []),
    "numpy by columns": (numpy.asfortranarray(X.numpy()), []),
    "numpy of the other order": (X.numpy().astype(">f4"), []),
    "a list of numpy": (list(X.numpy()), [f"a list of {N} tensors, each as one row"]),
    "a strided view": ({"features": X.T.contiguous().T}, [ROWS]),
    "sparse": (X.to_sparse(), ["a sparse tensor, measured as a dense one"]),
    "mean and deviation beside": ({"features": X, "mean": X.mean(0), "std": X.std(0)}, [ROWS, "left out: mean, std"]),
    "prototypes beside": ({"features": X, "prototypes": X[:3]}, [ROWS, "left out: prototypes"]),
    "one-hot labels beside": ({"features": X, "one_hot": torch.eye(3)[Y]}, [ROWS, "left out: one_hot"]),
    "a wrapper": ({"results": {"features": X}, "epoch": 3}, [ROWS, "left out: epoch"]),
    "a name of its own, with a list of samples": ({"img": X, "files": NAMES}, ["embeddings: the array img", "left out: files"]),
    "facts with a tensor": ({"features": X, "config": {"mean": torch.zeros(3)}}, [ROWS, "left out: config"]),
    "weights of samples": ({"features": X, "sample_weight": X[:, 0]}, [ROWS, "left out: sample_weight"]),
    "nothing beside": ({"features": X, "labels": None}, [ROWS]),
    "a class token": ({"clstoken": X, "patches": torch.zeros(N, 4, D)}, ["embeddings: the array clstoken", "left out: patches"]),
    "arrays of one size": (
        list(X.split(10)),
        ["a list of 3 tensors, one below the other; if they are layers or views, save each alone"],
    ),
    "labels that are fractions": ({"features": X, "targets": Y.float()}, [ROWS, "left out: targets"]),
    "labels of another length": ({"features": X, "targets": Y[:-1]}, [ROWS, "left out: targets"]),
}  # fmt: skip


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", PLAIN)
def test_the_rows_are_found(name: str, zipped: bool, tmp_path: Path) -> None:
    """The same numbers, in their order, and what was made of the file."""
    content, lines = PLAIN[name]
    subject = loaded(saved(content, tmp_path / "e.pt", _use_new_zipfile_serialization=zipped))
    assert torch.equal(subject.clean.representations.float(), X)
    assert not subject.clean.representations.requires_grad
    assert (said(subject), subject.labelled, subject.codes) == (lines, False, None)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_short_fractions_are_measured_as_float32(dtype: str, suffix: str, tmp_path: Path) -> None:
    short = X.to(getattr(torch, dtype))
    if suffix == ".pt":
        torch.save(short, tmp_path / "e.pt")
    else:
        save_file({"features": short}, tmp_path / "e.safetensors")
    subject = loaded(tmp_path / f"e{suffix}")
    assert torch.equal(subject.clean.representations, short.float())
    assert (f"{dtype}, measured as float32" in said(subject)) is dtype.startswith("float8")


@pytest.mark.parametrize("kind", ["tensor", "channel"])
def test_quantised_tensors_are_read_by_their_own_scale(kind: str, tmp_path: Path) -> None:
    """Off by half a step of 0.05 at most, and known to be codes."""
    scale, zero = torch.full((N,), 0.05), torch.full((N,), 100)
    short = (
        torch.quantize_per_tensor(X, 0.05, 100, torch.quint8) if kind == "tensor"
        else torch.quantize_per_channel(X, scale, zero, 0, torch.quint8)
    )  # fmt: skip
    subject = loaded(saved({"features": short}, tmp_path / "e.pt"))
    assert float((subject.clean.representations - X).abs().max()) <= 0.025 + 1e-6
    assert said(subject) == [ROWS, "quint8, quantised, dequantised by its own scale"]
    assert subject.codes is not None
    assert (subject.codes.kind, subject.codes.unpacked) == ("quint8", "scale")


def test_a_tensor_of_a_gpu_is_read_on_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file says cuda:0, as one does that was saved there."""
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    path = saved({"features": X}, tmp_path / "e.pt")
    monkeypatch.undo()
    assert b"cuda:0" in path.read_bytes()
    assert torch.equal(loaded(path).clean.representations, X)


WORDS = [("cat", "dog", "eel")[n] for n in Y.tolist()]


@pytest.mark.parametrize("name", ["labels", "label", "targets", "target", "y", "class_ids", "classes"])
@pytest.mark.parametrize(
    "labels", [Y, Y.int(), Y[:, None], Y.tolist(), WORDS, Y.numpy(), numpy.array(WORDS)], ids=str
)
def test_labels_under_usual_names(name: str, labels: Any, tmp_path: Path) -> None:
    subject = loaded(saved({"features": X, name: labels, "epoch": 1}, tmp_path / "e.pt"))
    assert subject.clean.labels is not None
    assert subject.clean.labels.tolist() == Y.tolist()
    assert subject.clean.classes in (("0", "1", "2"), ("cat", "dog", "eel"))
    used = [] if name == "labels" else [f"labels: the array {name}"]
    assert said(subject) == [ROWS, *used, "left out: epoch"]


@pytest.mark.parametrize(
    "content", [(X, Y), [Y, X], (X, Y.tolist()), list(zip(X, Y.tolist(), strict=True))], ids=range(4)
)
def test_rows_and_labels_side_by_side(content: Any, tmp_path: Path) -> None:
    subject = loaded(saved(content, tmp_path / "e.pt"))
    assert torch.equal(subject.clean.representations, X)
    assert subject.clean.labels is not None
    assert subject.clean.labels.tolist() == Y.tolist()


def test_h_and_z(tmp_path: Path) -> None:
    subject = loaded(saved({"h": X, "z": X[:, :2], "y": Y}, tmp_path / "e.pt"))
    assert {name: tuple(rows.shape) for name, rows in subject.rows.items()} == {"h": (N, D), "z": (N, 2)}


REFUSED: dict[str, tuple[Any, str, str]] = {
    "tokens": (torch.zeros(N, 4, D), r"shape \(30, 4, 6\), a sequence for each sample", "x.mean(1)"),
    "tokens by name": ({"last_hidden_state": torch.zeros(N, 4, D), "model": "bert"}, "a sequence for each sample", "x.mean(1)"),
    "maps": ({"features": torch.zeros(N, D, 3, 3)}, "a map for each sample", "x.mean((2, 3))"),
    "videos": (torch.zeros(N, 2, D, 3, 3), r"of shape \(30, 2, 6, 3, 3\)", "reshape(len(x), -1)"),
    "a number": (X[0, 0], r"float32 of shape \(\)", "shape (N, D)"),
    "layers": ({"layer1": X, "layer2": X}, "several arrays of embeddings: layer1", "save it alone"),
    "one vector": (X[0], r"float32 of shape \(6,\)", "shape (N, D)"),
    "complex": (X.to(torch.complex64), "complex64", "x.real"),
    "sequences in a list": ([torch.zeros(n % 4 + 1, D) for n in range(N)], "30 tensors of 4 shapes", "x.mean(0)"),
    "sequences by name": (
        {name: torch.zeros(n % 4 + 1, D) for n, name in enumerate(NAMES)},
        "30 tensors of 4 shapes",
        "x.mean(0)",
    ),
    "several widths": ({"features": [torch.zeros(n % 4 + 1) for n in range(N)]}, "30 tensors of 4 shapes", "of one width"),
    "two sets": (
        {"train": {"features": X}, "test": {"features": X}},
        "several sets of embeddings: train, test",
        "['train']",
    ),
    "images and texts": ({"image_features": X, "text_features": X}, "several arrays of embeddings", "save it alone"),
    "nothing there": (torch.empty(N, D, device="meta"), "has a shape but no numbers", "device"),
    "an object": ({"features": X, "model": torch.nn.Linear(2, 2)}, r"pickled module|objects beside", "torch.load"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_holds_no_rows_is_refused_with_the_remedy(name: str, tmp_path: Path) -> None:
    content, message, hint = REFUSED[name]
    error = refused(saved(content, tmp_path / "e.pt"))
    assert re.search(message, error.message)
    assert hint in error.hint


WEIGHTS: dict[str, Any] = {
    "one layer": {"weight": torch.zeros(10, 512)},
    "an embedding layer": {"embedding.weight": torch.zeros(100, 8)},
    "prototypes as a layer": {"prototypes.weight": torch.zeros(300, 128)},
    "prototypes": {"prototypes": torch.zeros(300, 128)},
    "a queue": {"queue": torch.zeros(128, 4096), "queue_ptr": torch.zeros(1)},
    "positions": {"pos_embed": torch.zeros(1, 197, 64)},
    "matrices without names of layers": {"W_hidden": torch.zeros(8, 16), "W_out": torch.zeros(16, 3)},
    "layers by number": {"layer1": torch.zeros(64, 32), "layer2": torch.zeros(128, 32)},
    "a layer norm": {"gamma": X[0], "beta": X[1]},
    "mean and deviation": {"mean": X[0], "std": X[1]},
    "a state_dict inside": {"state_dict": {"fc.weight": X}, "epoch": 3},
    "features beside a state_dict": {"features": X, "model": {"fc.weight": X}},
    "features beside a small state_dict": {"features": X, "model": {"bn.bias": X[0]}},
    "an optimizer beside features": {"features": X, "optimizer": {"state": {0: {"exp_avg": X}}}},
    "batch norm": {
        "bn.running_mean": X[0],
        "bn.running_var": X[1],
        "bn.num_batches_tracked": torch.tensor(1),
    },
    "ours": {"collapse_format": 1, "features": X},
    "facts alone": {"epoch": 3, "lr": 0.1},
    "nothing": {},
}


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_checkpoint_stays_one(name: str, suffix: str, tmp_path: Path) -> None:
    content = WEIGHTS[name]
    if suffix == ".pt":
        torch.save(content, tmp_path / "c.pt")
    elif all(isinstance(value, Tensor) for value in content.values()):
        save_file({key: value.clone() for key, value in content.items()}, tmp_path / "c.safetensors")
    else:
        pytest.skip("safetensors holds tensors alone")
    assert recognise(tmp_path / f"c{suffix}").kind in (Kind.FOREIGN, Kind.CHECKPOINT)


def test_parameters_that_are_no_layers_have_a_remedy(tmp_path: Path) -> None:
    error = refused(saved({"prototypes": torch.zeros(300, 128)}, tmp_path / "c.pt"))
    assert "prototypes (300, 128), which are not layers" in error.message
    torch.save(torch.load(tmp_path / "c.pt")["prototypes"], tmp_path / "rows.pt")  # as the hint says
    assert "torch.save(c['prototypes'].clone(), 'rows.pt')" in error.hint
    assert loaded(tmp_path / "rows.pt").count == 300


def test_npz_by_the_same_rules(tmp_path: Path) -> None:
    """Objects are not unpickled: beside the rows they are left out, as rows they are refused."""
    paths = numpy.array(NAMES, dtype=object)
    numpy.savez(
        tmp_path / "e.npz", emb=X[:, None].numpy(), paths=paths, y=Y.numpy(), files=numpy.array(NAMES)
    )
    subject = loaded(tmp_path / "e.npz")
    assert torch.equal(subject.clean.representations, X)
    assert said(subject) == [
        "embeddings: the array emb", f"its shape ({N}, 1, {D}) is read as ({N}, {D})", "labels: the array y",
        "left out: paths, files",
    ]  # fmt: skip
    rows = numpy.empty(N, dtype=object)
    rows[:] = list(X.numpy())
    numpy.savez(tmp_path / "o.npz", emb=rows)
    error = refused(tmp_path / "o.npz")
    assert "it contains Python objects" in error.message
    again = numpy.stack(list(numpy.load(tmp_path / "o.npz", allow_pickle=True)["emb"]))  # as the hint says
    assert "o.npz', allow_pickle=True)['emb'])))" in error.hint
    assert again.shape == (N, D)


def test_safetensors_by_the_same_rules(tmp_path: Path) -> None:
    save_file({"image_embeds": X[:, None].contiguous(), "targets": Y}, tmp_path / "e.safetensors")
    subject = loaded(tmp_path / "e.safetensors")
    assert torch.equal(subject.clean.representations, X)
    assert subject.labelled


@pytest.mark.parametrize("shape", [(N, 1, D), (N, D, 1, 1), (N, D, 1)])
def test_npy_without_axes_of_one(shape: tuple[int, ...], tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", X.numpy().reshape(shape))
    subject = loaded(tmp_path / "e.npy")
    assert torch.equal(subject.clean.representations, X)
    assert said(subject) == [f"its shape {shape} is read as ({N}, {D})"]


def test_npy_of_sequences_has_the_remedy(tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", numpy.zeros((N, 4, D)))
    hint = refused(tmp_path / "e.npy").hint
    assert hint.startswith("pool first: python -c ")
    assert "x.mean(1)" in hint


def test_a_list_of_one_tensor_over_and_over_is_held_against_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2,000 times the same 24 KB in a file of some 40 KB; joined they are 48 MB, more than this machine's one."""
    torch.save([torch.ones(1000, D)] * 2000, tmp_path / "e.pt")
    assert (tmp_path / "e.pt").stat().st_size < 60_000
    monkeypatch.setattr(reader, "budget", lambda: 1 << 20)
    assert "48,000,000 bytes of numbers" in refused(tmp_path / "e.pt").message
