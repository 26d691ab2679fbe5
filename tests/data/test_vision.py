"""torchvision's sets, read from tiny files in their true formats."""

from __future__ import annotations

import os
import pickle
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch
from scipy.io import savemat

from collapse_cli import data
from collapse_cli.errors import CollapseError

LABELS = {"train": [3, 0], "test": [7, 0]}


def painted(split: str, channels: int, side: int) -> numpy.ndarray:
    """(N,C,H,W): no two pixels of an image's first rows and columns are alike, so that no axes can be swapped."""
    _, c, y, x = shape = (len(LABELS[split]), channels, side, side)
    n, c, y, x = numpy.ogrid[tuple(slice(size) for size in shape)]
    return ((50 * (split == "test") + 7 * n + 60 * c + 3 * y + x) % 256).astype(numpy.uint8)


def cifar(root: Path, folder: str, files: dict[str, str], key: str, names: tuple[str, str]) -> None:
    (root / folder).mkdir()
    for file, split in files.items():
        entry = {"data": painted(split, 3, 32).reshape(len(LABELS[split]), -1), key: LABELS[split]}
        (root / folder / file).write_bytes(pickle.dumps(entry))
    (root / folder / names[0]).write_bytes(pickle.dumps({names[1]: ["x"] * 10}))


def cifar10(root: Path) -> None:
    """One batch holds the images, the other four are empty."""
    files = {"data_batch_1": "train", "test_batch": "test"}
    cifar(root, "cifar-10-batches-py", files, "labels", ("batches.meta", "label_names"))
    nothing = {"data": numpy.zeros((0, 3072), numpy.uint8), "labels": []}
    for batch in range(2, 6):
        (root / f"cifar-10-batches-py/data_batch_{batch}").write_bytes(pickle.dumps(nothing))


def cifar100(root: Path) -> None:
    files = {"train": "train", "test": "test"}
    cifar(root, "cifar-100-python", files, "fine_labels", ("meta", "fine_label_names"))


def stl10(root: Path) -> None:
    """Column-major images, classes counted from 1."""
    (root / "stl10_binary").mkdir()
    for split, labels in LABELS.items():
        (root / f"stl10_binary/{split}_X.bin").write_bytes(painted(split, 3, 96).swapaxes(2, 3).tobytes())
        (root / f"stl10_binary/{split}_y.bin").write_bytes(bytes(label + 1 for label in labels))
    (root / "stl10_binary/unlabeled_X.bin").touch()


def svhn(root: Path) -> None:
    """(H,W,C,N), and class 10 for the digit 0."""
    for split, labels in LABELS.items():
        told = numpy.array([[label or 10] for label in labels], numpy.uint8)
        savemat(root / f"{split}_32x32.mat", {"X": painted(split, 3, 32).transpose(2, 3, 1, 0), "y": told})


def idx(root: Path, folder: str) -> None:
    (root / folder / "raw").mkdir(parents=True)
    for split, prefix in (("train", "train"), ("test", "t10k")):
        pixels, labels = painted(split, 1, 28), LABELS[split]
        header = struct.pack(">IIII", 0x803, len(labels), 28, 28)
        (root / folder / f"raw/{prefix}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        header = struct.pack(">II", 0x801, len(labels))
        (root / folder / f"raw/{prefix}-labels-idx1-ubyte").write_bytes(header + bytes(labels))


def mnist(root: Path) -> None:
    idx(root, "MNIST")


def fashion_mnist(root: Path) -> None:
    idx(root, "FashionMNIST")


@pytest.fixture
def unsigned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any file that is there passes for the published one, whatever its md5."""
    for module in ("cifar", "stl10", "svhn", "mnist"):
        monkeypatch.setattr(
            f"torchvision.datasets.{module}.check_integrity", lambda path, md5=None: os.path.isfile(path)
        )


WRITERS = [cifar10, cifar100, stl10, svhn, mnist, fashion_mnist]


@pytest.mark.usefixtures("unsigned")
@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_images_labels_and_splits(
    write: Callable[[Path], None], tmp_path: Path, unplugged: list[str]
) -> None:
    name = write.__name__
    write(tmp_path)
    facts = data.facts(name)
    parts = [torch.from_numpy(painted(split, *facts.shape[:2])) for split in ("train", "test")]
    expected = {"train": parts[0], "test": parts[1], "all": torch.cat(parts)}
    told = {**LABELS, "all": LABELS["train"] + LABELS["test"]}
    for split, pixels in expected.items():
        images = data.load(name, split, data_dir=tmp_path)
        assert images.labels is not None
        assert torch.equal(torch.as_tensor(images.pixels), pixels)
        assert (images.labels.tolist(), images.labels.dtype) == (told[split], torch.int64)
        assert (images.shape, images.classes, images.name) == (facts.shape, facts.classes, f"{name}/{split}")
    assert unplugged == []


def test_forged_files_are_damaged_files(tmp_path: Path) -> None:
    """Without the fixture, torchvision's md5 finds that these are not the published ones."""
    cifar10(tmp_path)
    with pytest.raises(CollapseError, match="damaged"):
        data.load("cifar10", data_dir=tmp_path)


def test_a_truncated_file_is_damaged(tmp_path: Path) -> None:
    mnist(tmp_path)
    (tmp_path / "MNIST/raw/train-images-idx3-ubyte").write_bytes(
        struct.pack(">IIII", 0x803, 2, 28, 28) + b"\0"
    )
    with pytest.raises(CollapseError, match="damaged"):
        data.load("mnist", data_dir=tmp_path)


def test_the_class_names_are_torchvisions() -> None:
    from torchvision.datasets import MNIST, FashionMNIST

    assert data.facts("fashion_mnist").classes == tuple(FashionMNIST.classes)
    assert data.facts("mnist").classes == tuple(name.split(" - ")[0] for name in MNIST.classes)
    assert list(data.facts("cifar100").classes) == sorted(data.facts("cifar100").classes)


def test_a_silent_server_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While torchvision is at work sockets time out after 30 s, and afterwards as before."""
    import socket

    seen = []
    monkeypatch.setattr(
        "torchvision.datasets.SVHN.download", lambda _: seen.append(socket.getdefaulttimeout())
    )
    with pytest.raises(CollapseError, match="could not be downloaded"):
        data.load("svhn", data_dir=tmp_path, download=True)
    assert (seen, socket.getdefaulttimeout()) == ([30], None)


def test_torchvisions_own_lines_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """stdout is the answer's, and stderr is no terminal here."""

    def download(_: object) -> None:
        print("downloading")
        print("50%", file=sys.stderr)

    monkeypatch.setattr("torchvision.datasets.SVHN.download", download)
    with pytest.raises(CollapseError):
        data.load("svhn", data_dir=tmp_path, download=True)
    assert capsys.readouterr() == ("", "")
