"""Every line that is printed as a remedy works as it is typed into a shell, also for paths with spaces and quotes in them."""

from __future__ import annotations

import functools
import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest
import torch
from torch import nn

from collapse_cli.analysis import inputs
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.errors import CollapseError
from collapse_cli.runs import conversions, foreign, shell, unread
from collapse_cli.runs.others.tensors import hold
from tests.runs.test_foreign import narrow, told_apart

ROWS = numpy.arange(12, dtype="float32").reshape(4, 3)
FOLDER = """it's "a" $HOME `b` \\folder"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a name that a shell reads otherwise; beside it the folder in which lines are typed, with a `python`."""
    folder, typed, programs = tmp_path / FOLDER, tmp_path / "typed", tmp_path / "bin"
    for each in (folder, typed, programs):
        each.mkdir()
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (programs / "python").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(typed)
    return folder


def typed(hint: str, program: str = "python", in_a_shell: bool = False) -> Path:
    """Type the line that a hint holds; the only file that it makes.

    A shell takes the line apart. What it hands to Python is run here, unless a new Python is asked for, which takes seconds.
    """
    line = hint[hint.index(f"{program} ") :]
    for separator in ("; or ", "; where "):  # further advice
        line = line.partition(separator)[0]
    before = set(Path().iterdir())
    handed = "" if in_a_shell or program != "python" else """python() { printf '%s\\0' "$@"; }; """
    ended = subprocess.run(handed + line, shell=True, capture_output=True, text=True)
    assert ended.returncode == 0, f"{line}\n{ended.stderr}"
    if handed:
        option, code = ended.stdout.split("\0")[:2]
        assert option == "-c"
        exec(compile(code, "typed", "exec"), {"__name__": "__main__"})
    (made,) = set(Path().iterdir()) - before
    return made


def refused(path: Path, said: str) -> str:
    with pytest.raises(CollapseError, match=said) as caught:
        inputs.load(path, Measuring())
    return caught.value.hint


def rows(path: Path, column: str = "") -> list[list[float]]:
    held: list[list[float]] = inputs.load(path, Measuring(column=column)).clean.representations.tolist()
    return held


# Files that are not read.


def matlab(path: Path) -> None:
    scipy = pytest.importorskip("scipy.io")
    scipy.savemat(path, {"whatever": ROWS, "labels": [[0, 1, 0, 1]]})


def database(path: Path) -> None:
    with sqlite3.connect(path) as opened:
        opened.execute('CREATE TABLE "my items" (id INTEGER, "a vector" BLOB)')
        opened.executemany('INSERT INTO "my items" VALUES (?, ?)', enumerate(row.tobytes() for row in ROWS))


def pickled(content: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(content))


def dumped(content: Any, path: Path) -> None:
    pytest.importorskip("joblib").dump(content, path)


FRAME = pandas.DataFrame({"embedding": list(ROWS), "label": ["a", "b", "a", "b"]})
OBJECTS: dict[str, Any] = {
    "an array": ROWS, "a list": ROWS.tolist(), "a dict": {"emb": ROWS, "label": [0, 1, 0, 1]},
    "a table": FRAME, "a column": FRAME["embedding"], "a tensor": torch.from_numpy(ROWS),
    "vectors by name": {f"{n}.png": row for n, row in enumerate(ROWS)},
}  # fmt: skip
WRITERS: dict[str, Callable[[Path], None]] = {
    "e.mat": matlab,
    "e.db": database,
    **{f"{name}.pkl": functools.partial(pickled, content) for name, content in OBJECTS.items()},
    **{f"{name}.joblib": functools.partial(dumped, content) for name, content in OBJECTS.items()},
    "e.json": lambda path: (
        path.write_text(json.dumps([{"embedding": row} for row in ROWS.tolist()])) and None
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_lines_that_convert(name: str, place: Path) -> None:
    WRITERS[name](place / name)
    made = typed(refused(place / name, "not read|is JSON"))
    assert rows(made) == ROWS.tolist()


@pytest.mark.parametrize("name", ["raw.memmap"])
def test_a_number_that_no_file_tells_is_to_be_replaced(name: str, place: Path) -> None:
    ROWS.tofile(place / name)
    hint = refused(place / name, "it is not read")
    assert hint.startswith("with the dimension of the vectors in place of 128")
    assert rows(typed(hint.replace("128)", "3)"), in_a_shell=True)) == ROWS.tolist()


@pytest.mark.parametrize(
    ("name", "pack", "program"),
    [
        ("e.npy.gz", "gzip", "gunzip"),
        ("e.pkl.gz", "gzip", "gunzip"),
        ("e.npy.xz", "xz", "unxz"),
        ("e.npy.bz2", "bzip2", "bunzip2"),
    ],
)
def test_what_is_packed(name: str, pack: str, program: str, place: Path) -> None:
    if not shutil.which(pack):
        pytest.skip(f"no {pack}")
    plain = place / name.rpartition(".")[0]
    numpy.save(plain.with_suffix(".npy"), ROWS)
    plain.with_suffix(".npy").rename(plain)
    subprocess.run([pack, str(plain)], check=True)
    hint = refused(place / name, "compressed|packed")
    subprocess.run(hint[hint.index(program) :], shell=True, check=True)
    assert (place / name).exists()
    assert plain.exists()


@pytest.mark.parametrize("ending", conversions.PYTHON)
def test_all_lines_import_what_they_use(ending: str, tmp_path: Path) -> None:
    """Those of libraries that are not here cannot be run: no word in them is left without a meaning."""
    import ast
    import builtins
    import shlex

    path = tmp_path / f"an 'odd' name{ending}"
    path.write_bytes(b"hello, world")
    with pytest.raises(CollapseError) as caught:
        unread.refuse(path)
    _, _, code = shlex.split(caught.value.hint[caught.value.hint.index("python -c") :])
    tree = ast.parse(code)
    nodes = list(ast.walk(tree))
    bound = {
        (alias.asname or alias.name).partition(".")[0]
        for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names
    }  # fmt: skip
    bound |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    assert {node.id for node in nodes if isinstance(node, ast.Name)} - bound <= set(dir(builtins))
    assert any(isinstance(node, ast.Constant) and str(path) in str(node.value) for node in nodes)


# Arrays that are no rows.

SHAPES: dict[str, tuple[tuple[int, ...], Callable[[numpy.ndarray], numpy.ndarray]]] = {
    "a sequence": ((4, 5, 3), lambda x: x.mean(1)),
    "a map": ((4, 3, 2, 2), lambda x: x.mean((2, 3))),
    r"of shape \(4, 2, 3, 2, 2\)": ((4, 2, 3, 2, 2), lambda x: x.reshape(4, -1)),
}


def files(array: numpy.ndarray, place: Path) -> list[Path]:
    """An array in every file of arrays: alone, by name, and by name below another."""
    from safetensors.torch import save_file

    tensor = torch.from_numpy(array)
    numpy.save(place / "e.npy", array)
    numpy.savez(place / "e.npz", feats=array)
    torch.save(tensor, place / "alone.pt")
    torch.save({"feats": tensor, "epoch": 3}, place / "e.pt")
    torch.save({"results": {"feats": tensor}, "epoch": 3}, place / "inner.pth")
    paths = [place / name for name in ("e.npy", "e.npz", "alone.pt", "e.pt", "inner.pth")]
    if not numpy.iscomplexobj(array):
        save_file({"feats": tensor}, place / "e.safetensors")
        paths.append(place / "e.safetensors")
    return paths


@pytest.mark.parametrize("said", SHAPES)
def test_arrays_of_more_axes(said: str, place: Path) -> None:
    shape, wanted = SHAPES[said]
    array = numpy.random.default_rng(0).standard_normal(shape).astype("float32")
    for path in files(array, place)[:: 1 if array.ndim == 3 else 4]:
        made = typed(refused(path, said))
        assert numpy.allclose(rows(made), wanted(array), atol=1e-6), path
        made.unlink()


def test_complex_numbers(place: Path) -> None:
    array = (ROWS + 1j).astype("complex64")
    for path in files(array, place)[:3]:
        made = typed(refused(path, "complex64"))
        assert numpy.allclose(rows(made), abs(array))
        made.unlink()


def test_records(place: Path) -> None:
    """bfloat16 as numpy has it."""
    numpy.save(place / "e.npy", numpy.zeros((4, 3), "V2"))
    assert "x.astype(float)" in refused(place / "e.npy", "void")


SEQUENCES = [torch.arange(6.0).reshape(2, 3), torch.ones(3, 3), torch.zeros(1, 3), torch.full((2, 3), 2.0)]


@pytest.mark.parametrize("content", [SEQUENCES, {"feats": SEQUENCES, "epoch": 1}], ids=["list", "by name"])
def test_sequences_of_many_lengths(content: Any, place: Path) -> None:
    torch.save(content, place / "e.pt")
    made = typed(refused(place / "e.pt", "4 tensors of 3 shapes"))
    assert rows(made) == [x.mean(0).tolist() for x in SEQUENCES]


def test_several_sets(place: Path) -> None:
    sets = {"train set": {"feats": torch.from_numpy(ROWS)}, "test": {"feats": torch.zeros(4, 3)}}
    torch.save(sets, place / "e.pt")
    assert rows(typed(refused(place / "e.pt", "several sets"))) == ROWS.tolist()


def test_pickled_arrays(place: Path) -> None:
    ragged = numpy.empty(4, dtype=object)
    ragged[:] = list(ROWS)
    numpy.savez(place / "e.npz", emb=ragged)
    assert rows(typed(refused(place / "e.npz", "Python objects"))) == ROWS.tolist()
    Path("rows.npy").unlink()
    for content in (ragged, numpy.array({"embeddings": ROWS}, dtype=object)):
        numpy.save(place / "e.npy", content, allow_pickle=True)
        made = typed(refused(place / "e.npy", "Python objects"))
        assert rows(made) == ROWS.tolist()
        made.unlink()


def test_parameters(place: Path) -> None:
    torch.save({"prototypes": torch.from_numpy(ROWS)}, place / "c.pt")
    assert rows(typed(refused(place / "c.pt", "not layers"))) == ROWS.tolist()


def test_shards(place: Path) -> None:
    """Twelve, so that their names are not in the order of the alphabet."""
    for number in range(12):
        torch.save(torch.full((2, 3), float(number)), place / f"part_{number}.pt")
    with pytest.raises(CollapseError, match="contains shards") as caught:
        inputs.expanded([place], Measuring())
    made = typed(caught.value.hint)
    assert rows(made)[::2] == [[float(n)] * 3 for n in range(12)]


# Whole modules.


def network() -> nn.Module:
    net: nn.Module = told_apart(narrow(), 0)
    return net


CHECK = torch.linspace(0, 1, 2 * 3 * 64 * 64).reshape(2, 3, 64, 64)

MODULES: dict[str, tuple[Callable[[nn.Module], Any], str]] = {
    "alone": (lambda net: net, r"is a pickled module"),
    "by name": (lambda net: {"model": net, "epoch": 3}, r"contains a pickled module, c\['model'\]"),
    "the average first": (lambda net: {"model": nn.Linear(2, 2), "ema": net}, r"c\['ema'\].*others are c\['model'\]"),
    "only an average": (lambda net: {"ema": net, "model": None, "optimizer": {"state": {0: torch.ones(3)}}}, r"c\['ema'\]"),
    "in parallel": (nn.DataParallel, "DataParallel"),
    "in a list": (lambda net: {"nets": [3, net]}, r"c\['nets'\]\[1\]"),
    "a name with quotes": (lambda net: {"it's \"$x\"": net}, "pickled module"),
    "compiled": (torch.compile, "OptimizedModule"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "zipped"), [*((case, True) for case in MODULES), ("by name", False)])
@pytest.mark.filterwarnings("ignore")
def test_a_whole_module(case: str, zipped: bool, place: Path) -> None:
    build, said = MODULES[case]
    net = network()
    torch.save(build(net), place / "x.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CollapseError, match=said) as caught:
        foreign.load(place / "x.pth")
    assert caught.value.hint.startswith("where you trust it: ")
    theirs = foreign.load(typed(caught.value.hint, in_a_shell=case == "alone"))
    with torch.no_grad():
        assert torch.equal(theirs.encoder(CHECK), net(CHECK))


class Average:
    """An object that holds weights and is no module, as some libraries write their averages."""

    def __init__(self, weights: dict[str, torch.Tensor]) -> None:
        self.shadow = weights
        self.decay = 0.99


def test_weights_in_an_object(place: Path) -> None:
    net = network()
    torch.save({"averager": Average(dict(net.state_dict())), "epoch": 3}, place / "x.pth")
    with pytest.raises(CollapseError, match=r"lie in an object, c\['averager'\]") as caught:
        foreign.load(place / "x.pth")
    held = hold(typed(caught.value.hint))
    assert torch.equal(held.tensors["shadow.conv1.weight"], net.state_dict()["conv1.weight"])


@pytest.mark.filterwarnings("ignore")
def test_torchscript(place: Path) -> None:
    net = network()
    torch.jit.save(torch.jit.trace(net, CHECK), place / "x.pt")
    with pytest.raises(CollapseError, match="TorchScript") as caught:
        foreign.load(place / "x.pt")
    theirs = foreign.load(typed(caught.value.hint))
    with torch.no_grad():
        assert torch.equal(theirs.encoder(CHECK), net(CHECK))


def test_a_module_beside_weights_is_left_out(place: Path) -> None:
    net = network()
    torch.save({"state_dict": net.state_dict(), "model": nn.Linear(2, 2)}, place / "x.pth")
    theirs = foreign.load(place / "x.pth")
    assert any("model (torch.nn.modules.linear.Linear)" in sentence for sentence in theirs.unknown)
    with torch.no_grad():
        assert torch.equal(theirs.encoder(CHECK), net(CHECK))


# The words of the shell.


@pytest.mark.parametrize(
    "path", [FOLDER, "a!b", "-dash", "new\nline", "é ü", "'", '"', "\\", "%HOME%", "a;b"]
)
def test_any_path_is_a_word(path: str, place: Path) -> None:
    """Of the shells that people type in: bash, zsh, ksh. A line feed is written as they read it in `$'…'`."""
    code = f"import sys; print(repr({shell.literal(path)}), sys.argv[1:])"
    ended = subprocess.run(
        ["bash", "-c", f"{shell.python(code)} {shell.quoted(path)}"],
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = f"./{path}" if path.startswith("-") else path
    assert ended.stdout == f"{path!r} {[wanted]}\n"


def test_nothing_is_overwritten(place: Path) -> None:
    assert shell.unused("weights.pt") == "weights.pt"
    for name in ("weights.pt", "weights-2.pt"):
        Path(name).touch()
    assert shell.unused("weights.pt") == "weights-3.pt"
