"""Rows of whole numbers: told as such, and unpacked to what they stand for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

import collapse_cli as collapse
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.runs import codes
from collapse_cli.runs.codes import Codes

X = numpy.random.default_rng(0).standard_normal((60, 16))
LOW, HIGH = X.min(0), X.max(0)


def loaded(path: Path, **settings: Any) -> Subject:
    return load(path, Measuring(**settings))


def told(subject: Subject) -> tuple[str, str] | None:
    return None if subject.codes is None else (subject.codes.kind, subject.codes.unpacked)


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (numpy.rint(30 * X).astype("int8"), "int8"),
        (numpy.rint(30 * X + 128).clip(0, 255).astype("uint8"), "uint8"),
        (numpy.rint(9999 * X).astype("int32"), "int32"),
        (X > 0, "binary"),
        ((X > 0).astype("uint8"), "binary"),
        ((X > 0).astype("float32"), "binary"),
        (numpy.sign(X), "signs"),
        (numpy.sign(X).astype("int8"), "signs"),
        (numpy.sign(X) * (abs(X) > 0.5), "ternary"),
        (numpy.rint(30 * X), "whole numbers"),
        (numpy.rint(1e6 * X), None),  # in no byte
        (X, None),
        (numpy.ones((60, 16)), None),  # one point is a collapse, no code
        (numpy.zeros((60, 16)), None),
    ],
)
def test_what_rows_are(rows: numpy.ndarray, kind: str | None, tmp_path: Path) -> None:
    """In a file, and in memory."""
    numpy.save(tmp_path / "e.npy", rows)
    expected = None if kind is None else (kind, "")
    for subject in (loaded(tmp_path / "e.npy"), collapse.load(rows), collapse.load(torch.from_numpy(rows))):
        assert told(subject) == expected
        assert numpy.array_equal(subject.clean.representations.numpy(), rows.astype("float64"))
        assert subject.facts.get("codes") == kind


def test_bytes_are_told_with_the_remedy(tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", numpy.rint(30 * X).astype("int8"))
    line = "int8 codes, measured as they are; --unpack scale dequantises them, --unpack bits unpacks bits"
    assert loaded(tmp_path / "e.npy").facts["assumed"] == [line]


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_packed_bits(dtype: str, tmp_path: Path) -> None:
    """As sentence-transformers writes them: ubinary is numpy.packbits, binary the same less 128. Read in blocks, in any order."""
    packed = numpy.packbits(X > 0, axis=1)
    numpy.save(
        tmp_path / "e.npy", packed if dtype == "uint8" else (packed.astype("int16") - 128).astype("int8")
    )
    subject, signs = (
        loaded(tmp_path / "e.npy", unpack="bits"),
        torch.from_numpy(numpy.where(X > 0, 1.0, -1.0)).float(),
    )
    assert (told(subject), subject.rows["h"].shape) == (("signs", "bits"), (60, 16))
    assert torch.equal(subject.clean.representations, signs)
    assert torch.equal(subject.rows["h"][7:19], signs[7:19])
    assert torch.equal(subject.rows["h"][torch.tensor([3, 59, 3])], signs[[3, 59, 3]])
    assert subject.facts["unpacked"] == "bits"


def test_packed_bits_in_shards(tmp_path: Path) -> None:
    packed = numpy.packbits(X > 0, axis=1)
    for number in range(3):
        numpy.save(tmp_path / f"s_{number}.npy", packed[20 * number : 20 * number + 20])
    rows = loaded(tmp_path, unpack="bits").rows["h"]
    assert numpy.array_equal(rows[0:60].numpy(), numpy.where(X > 0, 1.0, -1.0))


STEP = (HIGH - LOW) / 255
QUANTISED = numpy.clip(numpy.floor((X - LOW) / STEP), 0, 255)
"""Min/max quantisation for each dimension, as sentence-transformers does; off by one step at most."""

SCALED: dict[str, tuple[dict[str, Any], float]] = {
    "ranges, uint8": ({"codes": QUANTISED.astype("uint8"), "ranges": numpy.stack([LOW, HIGH])}, 1.0),
    "ranges, int8": ({"codes": (QUANTISED - 128).astype("int8"), "ranges": numpy.stack([LOW, HIGH])}, 1.0),
    "min and max": ({"codes": QUANTISED.astype("uint8"), "min": LOW, "max": HIGH}, 1.0),
    "scale and offset": ({"codes": QUANTISED.astype("uint8"), "scale": STEP, "offset": LOW}, 1.0),
    "scale and zero point": ({"codes": (QUANTISED - 128).astype("int8"), "scales": STEP, "zero_point": -128 - LOW / STEP}, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize("suffix", ["npz", "pt"])
def test_scales_of_the_file(name: str, suffix: str, tmp_path: Path) -> None:
    arrays, steps = SCALED[name]
    if suffix == "npz":
        numpy.savez(tmp_path / "e.npz", **arrays)
    else:
        torch.save(
            {key: torch.from_numpy(numpy.asarray(value)) for key, value in arrays.items()}, tmp_path / "e.pt"
        )
    subject = loaded(tmp_path / f"e.{suffix}", unpack="scale")
    off = abs(subject.clean.representations.numpy() - X) / STEP
    assert off.max() <= steps + 1e-3
    assert subject.codes is not None
    assert (subject.codes.kind, subject.codes.unpacked) == (str(arrays["codes"].dtype), "scale")
    beside = [key for key in codes.SCALES if key in arrays]
    assert (
        subject.facts["assumed"][-1]
        == f"{arrays['codes'].dtype} codes, unpacked (by {', '.join(beside)} of the file)"
    )


def test_a_scale_for_each_row(tmp_path: Path) -> None:
    """int8 of the largest entry of each row, and its scale (N,1)."""
    scale = abs(X).max(1, keepdims=True) / 127
    numpy.savez(tmp_path / "e.npz", codes=numpy.rint(X / scale).astype("int8"), scale=scale)
    subject = loaded(tmp_path / "e.npz", unpack="scale")
    assert (abs(subject.rows["h"][0:60].numpy() - X) / scale).max() <= 0.5 + 1e-3
    places = torch.tensor([5, 1])
    assert torch.equal(subject.rows["h"][places], subject.rows["h"][0:60][places])


@pytest.mark.parametrize(("dtype", "middle"), [("uint8", 128), ("int8", 0)])
def test_without_a_scale_the_middle_is_taken_away(dtype: str, middle: int, tmp_path: Path) -> None:
    rows = numpy.rint(30 * X).clip(-128, 127)
    numpy.save(tmp_path / "e.npy", (rows + middle).astype(dtype))
    subject = loaded(tmp_path / "e.npy", unpack="scale")
    assert numpy.array_equal(subject.clean.representations.numpy(), rows)
    assert "the file contains no scale" in subject.facts["assumed"][0]
    assert numpy.array_equal(
        collapse.load((rows + middle).astype(dtype), unpack="scale").clean.representations, rows
    )


def test_what_cannot_be_unpacked(tmp_path: Path, run: Path) -> None:
    numpy.save(tmp_path / "wide.npy", numpy.rint(9999 * X).astype("int32"))
    with pytest.raises(CollapseError, match="contains int32, but bits are packed in int8 or uint8"):
        loaded(tmp_path / "wide.npy", unpack="bits")
    numpy.savez(tmp_path / "e.npz", codes=QUANTISED.astype("uint8"), scale=numpy.ones(5))
    with pytest.raises(CollapseError, match=r"scale of .* does not fit embeddings of shape \(60, 16\)"):
        loaded(tmp_path / "e.npz", unpack="scale")
    numpy.save(tmp_path / "e.npy", X)
    for how in ("bits", "scale"):
        subject = loaded(tmp_path / "e.npy", unpack=how)
        assert numpy.array_equal(subject.clean.representations, X)
        assert subject.facts["assumed"] == ["nothing is unpacked, because the numbers are not whole numbers"]
    with pytest.raises(CollapseError, match="--unpack goes with embeddings"):
        loaded(run, unpack="bits")


def test_the_command_and_the_function_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Packed bits of 16 isotropic dimensions are 2 columns of bytes as they stand, and 16 dimensions when unpacked."""
    numpy.save(tmp_path / "e.npy", numpy.packbits(X > 0, axis=1))
    assert collapse.spectrum(tmp_path / "e.npy").dimensions == 2
    assert main(["spectrum", str(tmp_path / "e.npy"), "--unpack", "bits", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["results"][0]["metrics"]["dimensions"]["value"] == 16
    assert (document["inputs"][0]["codes"], document["inputs"][0]["unpacked"]) == ("signs", "bits")
    assert float(collapse.spectrum(tmp_path / "e.npy", unpack="bits").active) == 16
    assert main(["spectrum", str(tmp_path / "e.npy"), "--unpack", "bytes"]) == 2


def test_a_sample_tells_what_all_are() -> None:
    assert codes.of(torch.tensor([[0.0, 1.0]]), "float32") == Codes("binary")
    assert codes.of(torch.tensor([[-3.0, 1.0]]), "int8") == Codes("int8")
    assert codes.of(torch.tensor([[0.5, 1.0]]), "float32") is None


def drawn(kind: str, *shape: int, low: int = 0, high: int = 250) -> numpy.ndarray:
    return numpy.random.default_rng(0).integers(low, high, shape).astype(kind)


@pytest.mark.parametrize(
    ("rows", "pointed"),
    [
        (drawn("int64", 2000, 4, high=512), True),
        (drawn("int16", 300, 64, high=1024), True),
        (drawn("uint8", 2000, 4), True),
        (drawn("float32", 2000, 4), True),
        (drawn("uint8", 2000, 64), False),
        (drawn("int8", 2000, 4, low=-100, high=100), False),
        (drawn("int64", 2000, 4, low=-5), False),
        (drawn("int64", 2000, 8, high=2), False),
        (numpy.random.default_rng(0).random((2000, 4)), False),
    ],
    ids=["codes", "tokens", "few bytes", "as fractions", "bytes", "signed", "negative", "bits", "fractions"],
)
def test_what_may_be_indices_is_pointed_to_the_command_for_them(
    rows: numpy.ndarray, pointed: bool, tmp_path: Path
) -> None:
    """They are still measured as they are."""
    numpy.save(tmp_path / "e.npy", rows)
    (entry,) = collapse.diagnose(tmp_path / "e.npy").entries
    assert entry.verdict is not None
    assert (f"collapse codes {tmp_path / 'e.npy'} --size K" in " ".join(entry.verdict.findings)) == pointed
    assert entry.samples == len(rows)


@pytest.mark.parametrize(
    ("rows", "pointed"),
    [
        (drawn("int64", 500), True),
        (drawn("int64", 50, 6, 6), True),
        (drawn("uint8", 50, 6, 6, 3), False),
        (numpy.ones(50), False),
    ],
    ids=["a list", "maps", "images", "fractions"],
)
def test_indices_of_another_shape_are_pointed_there_too(
    rows: numpy.ndarray, pointed: bool, tmp_path: Path
) -> None:
    numpy.save(tmp_path / "e.npy", rows)
    with pytest.raises(CollapseError) as refused:
        collapse.diagnose(tmp_path / "e.npy")
    told = f"indices into a codebook are measured by collapse codes {tmp_path / 'e.npy'}"
    assert (told in refused.value.hint) == pointed
