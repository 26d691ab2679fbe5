"""What `load` and every measurement take: arrays of any kind, paths, networks, subjects; what they refuse, with the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

import collapse_cli as collapse
from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Embeddings

Z = numpy.random.default_rng(0).standard_normal((60, 4)).astype("f4")
Y = numpy.arange(60) % 3
READ_ONLY = Z.copy()
READ_ONLY.flags.writeable = False


class Foreign:
    """An array of another library, as jax's or tensorflow's: numpy can read it."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> numpy.ndarray[Any, Any]:
        return Z


ARRAYS: dict[str, Any] = {
    "float32": Z,
    "float64": Z.astype("f8"),
    "long double": Z.astype(numpy.longdouble),
    "big-endian": Z.astype(">f4"),
    "Fortran order": numpy.asfortranarray(Z),
    "backwards": Z[::-1][::-1],
    "every other column": numpy.repeat(Z, 2, axis=1)[:, ::2],
    "read-only": READ_ONLY,
    "tensor": torch.from_numpy(Z),
    "with a gradient": torch.from_numpy(Z.copy()).requires_grad_(),
    "another library's": Foreign(),
    "embeddings": Embeddings(torch.from_numpy(Z), None, None, torch.arange(60), (), "array"),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.filterwarnings("error")
def test_arrays_of_every_kind_hold_the_same_rows(name: str) -> None:
    subject = collapse.load(ARRAYS[name])
    assert torch.equal(subject.clean.representations.float(), torch.from_numpy(Z))
    assert subject.clean.representations.dtype == (
        torch.float64 if name in ("float64", "long double") else torch.float32
    )
    assert (subject.name, subject.count, subject.labelled) == ("array", 60, False)


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (Z.astype("f2"), torch.float32),
        (torch.from_numpy(Z).bfloat16(), torch.float32),
        ((8 * Z).astype("i8"), torch.float64),
        ((8 * Z).astype(">i4"), torch.float64),
        ((8 * abs(Z)).astype("u1"), torch.float64),
        ((8 * abs(Z)).astype("u8"), torch.float64),
        (torch.from_numpy((8 * Z).astype("i4")), torch.float64),
    ],
)
def test_half_precision_and_whole_numbers_keep_their_values(array: Any, dtype: torch.dtype) -> None:
    expected = array.tolist()
    rows = collapse.load(array).clean.representations
    assert rows.dtype == dtype
    assert rows.tolist() == expected


def test_pandas_and_a_data_frame_column_of_labels() -> None:
    pandas = pytest.importorskip("pandas")
    subject = collapse.load(pandas.DataFrame(Z), labels=pandas.Series(["a", "b", "c"] * 20))
    assert subject.clean.classes == ("a", "b", "c")
    assert subject.clean.labels.tolist() == Y.tolist()  # type: ignore[union-attr]


def test_the_caller_keeps_his_array() -> None:
    """A tensor may share memory with what is measured; nothing writes to it."""
    z, copy = Z.copy(), Z.copy()
    collapse.diagnose(z)
    collapse.alignment(torch.from_numpy(z))
    assert numpy.array_equal(z, copy)


BAD: dict[str, tuple[Any, str]] = {
    "a list": ([[1.0, 2.0]], r"array is a list, not an array\nconvert it with numpy.asarray"),
    "a tuple": ((1.0, 2.0), "array is a tuple, not an array"),
    "one row of numbers": (
        Z[0],
        r"array is float32 of shape \(4,\)\nembeddings are real numbers of shape \(N, D\)",
    ),
    "three axes": (torch.zeros(2, 3, 4), r"array is float32 of shape \(2, 3, 4\)"),
    "no embeddings": (Z[:0], r"of shape \(0, 4\)"),
    "no columns": (Z[:, :0], r"of shape \(60, 0\)"),
    "one sequence for each sample": (
        torch.zeros(9, 3, 4),
        r"a sequence for each sample\npool first: x\.mean\(1\)",
    ),
    "complex": (Z + 1j, "array is a ndarray of complex"),
    "complex tensor": (torch.zeros(3, 2, dtype=torch.complex64), "array is complex64"),
    "sparse": (torch.eye(3).to_sparse(), "array is float32 of shape"),
    "texts": (numpy.array([["a", "b"]]), "array is a ndarray of <U1"),
    "nothing": (None, "array is a NoneType of object"),
    "a dict": ({"h": Z}, "array is a dict of object"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_holds_no_rows_of_numbers_is_refused(name: str) -> None:
    array, message = BAD[name]
    with pytest.raises(CollapseError, match=message) as raised:
        collapse.spectrum(array)
    assert raised.value.hint


@pytest.mark.parametrize("name", ["spectrum", "alignment", "diagnose", "probe", "oracle", "check"])
@pytest.mark.parametrize("bad", [numpy.nan, numpy.inf])
def test_rows_that_are_not_finite_are_refused(name: str, bad: float) -> None:
    z = Z.copy()
    z[3, 1] = bad
    with pytest.raises(CollapseError, match="nan"):
        getattr(collapse, name)(z, labels=Y)


def test_a_single_row_is_too_little() -> None:
    with pytest.raises(CollapseError) as raised:
        collapse.diagnose(Z[:1])
    assert raised.value.code == 3


def test_arguments_without_effect_are_refused(run: Path) -> None:
    """What would be ignored in silence is an error, with what to do instead."""
    subject = collapse.load(Z)
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (subject, {"labels": Y}, "a Subject is measured as it was loaded"),
        (subject, {"seed": 3}, "a Subject is measured as it was loaded"),
        (run, {"labels": Y}, "labels of a path are read from a file"),
        (run, {"name": "mine"}, "is a path, which is its own name"),
        (Z, {"images": Z}, "images and layer go with a network"),
        (Z, {"layer": "body"}, "images and layer go with a network"),
        (torch.nn.Flatten(), {}, "a network needs images to be measured on"),
        (Z, {"sampels": 3}, "there is no setting 'sampels'\ndid you mean 'samples'?"),
        (run, {"samples": "many"}, "samples"),
        (run, {"split": "validation"}, "split"),
    ]
    for source, arguments, message in cases:
        with pytest.raises(CollapseError, match=message.replace("?", r"\?")) as raised:
            collapse.load(source, **arguments)
        assert raised.value.hint


@pytest.mark.parametrize("name", ["spectrum", "alignment", "probe", "diagnose", "causes", "weights", "check"])
def test_nothing_is_refused(name: str) -> None:
    """A gate without inputs must not pass."""
    with pytest.raises(CollapseError, match="there is nothing to measure"):
        getattr(collapse, name)()


def test_compare_needs_two() -> None:
    for sources in ((), (Z,)):
        with pytest.raises(CollapseError, match=f"needs two inputs or more, and {len(sources)} were given"):
            collapse.compare(*sources)


def test_what_is_in_memory_is_told_apart_by_its_place(tmp_path: Path) -> None:
    numpy.save(tmp_path / "z.npy", Z)
    result = collapse.spectrum(Z, tmp_path / "z.npy", 2 * Z, collapse.load(Z, name="mine"))
    assert result.subjects == ("array 1", "z.npy", "array 3", "mine")
    assert [facts["path"] for facts in result.to_dict()["inputs"]][2] == "array 3"
    assert len({float(entry.effective_rank) for entry in result}) == 1


def test_a_subject_is_measured_by_several_functions_once_loaded() -> None:
    subject = collapse.load(Z, labels=Y, name="mine", seed=3)
    results = [collapse.spectrum(subject), collapse.probe(subject), collapse.check(subject)]
    assert {result.to_dict()["inputs"][0]["path"] for result in results} == {"mine"}
    assert results[0].to_dict()["results"][0]["settings"]["seed"] == 3
    story: list[str] = []
    collapse.load(Z, name="mine", progress=lambda text, done=0, total=0: story.append(text))
    assert len(story) == 1
    assert story[0].startswith("mine: embeddings in memory")


def test_weights_take_networks_paths_and_subjects(run: Path) -> None:
    of_path, of_subject = collapse.weights(run), collapse.weights(collapse.load(run))
    assert of_subject.to_dict()["results"] == of_path.to_dict()["results"]
    model = torch.nn.Linear(8, 4, bias=False)
    torch.nn.init.orthogonal_(model.weight)
    layer = next(entry for entry in collapse.weights(model) if entry.kind == "layer")
    assert layer.stable_rank == pytest.approx(4)  # four equal singular values
    with pytest.raises(CollapseError, match="a ndarray has no layers"):
        collapse.weights(Z)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda z: collapse.oracle(z, labels=range(len(z)), queue=-4), "queue cannot be -4"),
        (lambda z: collapse.probe(z, labels=range(len(z)), replications=0), "replications cannot be 0"),
        (lambda z: collapse.probe(z, labels=range(len(z)), k="a"), "k cannot be 'a'"),
        (lambda z: collapse.causes(z, strength=-1), "strength cannot be -1"),
        (lambda z: collapse.compare(z, z), "given twice"),
        (lambda z: collapse.compare(z, z + 1, baseline=z), "baseline is not a name"),
        (lambda z: collapse.compare(z, z + 1, labels=[1]), "labels= is not taken here"),
        (lambda z: collapse.check(z, tolerance=0.1), "must be strings"),
        (lambda z: collapse.check(z, require=[5]), "must be strings"),
        (lambda z: collapse.spectrum(z, data_dir=5), "data_dir cannot be 5"),
        (
            lambda z: collapse.embed(torch.nn.Flatten(), torch.rand(3, 2, 2), pool="max"),
            "pool cannot be 'max'",
        ),
    ],
    ids=lambda part: part if isinstance(part, str) else "call",
)
def test_an_option_that_cannot_be_is_refused_in_words(call: Any, words: str) -> None:
    with pytest.raises(collapse.CollapseError, match=words):
        call(numpy.random.default_rng(0).standard_normal((60, 4)))
