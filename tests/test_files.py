"""Files where the disk is full, a quota or a limit is met, or a folder has gone: one sentence, and what was there stays whole."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.files import append, whole
from collapse_cli.runs.record import Record
from collapse_cli.runs.toml import in_toml

Capture = pytest.CaptureFixture[str]
KB = 1024


@contextmanager
def limited(size: int) -> Iterator[None]:
    """Within it no file of this process grows beyond this size, as on a disk that is full by then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def refusing(code: int) -> Any:
    """A function that fails as a system call does."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", "moco", "--epochs", "1", "--out", str(folder), "-q"]) == 0
    return folder


@pytest.fixture
def rows(tmp_path: Path) -> str:
    """A file of embeddings with names of classes beside them."""
    generator = numpy.random.default_rng(0)
    numpy.savez(tmp_path / "x.npz", representations=generator.standard_normal((300, 8)))
    return str(tmp_path / "x.npz")


def test_torch_says_why_only_through_a_file(tmp_path: Path) -> None:
    """Of a path it raises an error of its own, without a reason; so `checkpoint.save` gives a file."""

    def save(file: bool) -> None:
        content = {name: torch.zeros(64, 64) for name in "ab"}
        with whole(tmp_path / "a.pt") as part:
            if not file:
                torch.save(content, part)
                return
            with part.open("wb") as opened:
                torch.save(content, opened)

    with limited(20 * KB):
        with pytest.raises(RuntimeError):
            save(file=False)
        with pytest.raises(CollapseError, match=r"cannot write .*: File too large") as raised:
            save(file=True)
    assert "ulimit -f" in raised.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some of your quota"),
        (errno.EROFS, "choose another place"),
        (errno.EIO, "the disk or the network"),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_refusal_at_the_end_leaves_the_file_from_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, hint: str, call: str
) -> None:
    """Also where what is left over cannot be removed: that is not what is told."""
    path = tmp_path / "a.json"
    path.write_text("before")
    monkeypatch.setattr(Path, "unlink", refusing(errno.EROFS))
    monkeypatch.setattr(os if call == "fsync" else Path, call, refusing(code))
    with pytest.raises(CollapseError, match=os.strerror(code)) as raised, whole(path) as part:
        part.write_text("after")
    assert hint in raised.value.hint
    assert path.read_text() == "before"


def test_it_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file, the name, then the folder that holds the name; a file system that knows no fsync is one too."""
    calls: list[str] = []
    really = Path.replace

    def replace(self: Path, target: Path) -> Path:
        calls.append("name")
        return really(self, target)

    def fsync(opened: int) -> None:
        calls.append("folder" if os.path.isdir(f"/proc/self/fd/{opened}") else "file")
        raise OSError(errno.EINVAL, "no")

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(os, "fsync", fsync)
    with whole(tmp_path / "a") as part:
        part.write_text("a")
    assert (tmp_path / "a").read_text() == "a"
    assert calls[:2] == ["file", "name"]
    assert len(calls) == 3
    if Path("/proc/self/fd").exists():
        assert calls[2] == "folder"


def test_a_name_as_long_as_names_may_be(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 125 + ".json")
    with whole(path) as part:
        part.write_text("a")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_circle_of_links_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(CollapseError, match=r"cannot write .*/a: "), whole(tmp_path / "a"):
        pass


def test_a_line_is_added_whole_or_not_at_all(tmp_path: Path) -> None:
    """The limit lies within the line; the one before it stays."""
    path = tmp_path / "history.jsonl"
    append(path, "a" * 99)
    with limited(150), pytest.raises(CollapseError, match=r"cannot write .*history\.jsonl"):
        append(path, "b" * 99)
    assert path.read_text() == "a" * 99 + "\n"
    append(path, "c")
    assert path.read_text().splitlines() == ["a" * 99, "c"]


def test_a_torn_line_does_not_take_the_next_with_it(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text('{"number": 1}\n{"numb')
    append(path, '{"number": 2}')
    assert Record(tmp_path).history() == [{"number": 1}, {"number": 2}]


@pytest.mark.parametrize("size", [1, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_training_on_a_full_disk_fails_in_a_sentence(tmp_path: Path, capsys: Capture, size: int) -> None:
    """In the first checkpoint, which is smaller than later ones by the state of the optimizer, or in the second."""
    out = tmp_path / "run"
    with limited(size * KB):
        assert main(["train", "moco", "--epochs", "2", "--out", str(out), "-q"]) == 2
    message = f"cannot write {out / 'checkpoint.pt'}: File too large"
    assert capsys.readouterr().err.splitlines()[0] == f"collapse: {message}"
    facts = json.loads((out / "run.json").read_text())
    assert (facts["status"], facts["error"]) == ("failed", message)
    assert not list(out.rglob("*.part"))
    assert (out / "checkpoint.pt").exists() == (size == 1000)


def test_a_resumed_run_keeps_what_it_had(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    """Its checkpoint byte for byte; with space again it goes on."""
    run = shutil.copytree(trained, tmp_path / "run")
    with limited(100 * KB):
        assert main(["train", "--resume", str(run), "--epochs", "2", "-q"]) == 2
    assert (run / "checkpoint.pt").read_bytes() == (trained / "checkpoint.pt").read_bytes()
    assert Record(run).facts()["status"] == "failed"
    capsys.readouterr()
    assert main(["train", "--resume", str(run), "--epochs", "2", "-q"]) == 0
    assert [line["number"] for line in Record(run).history()] == [1, 2]
    assert Record(run).facts()["status"] == "done"


def test_a_history_that_cannot_be_written_fails_before_the_settings_change(
    trained: Path, tmp_path: Path, capsys: Capture
) -> None:
    """The history is longer than 2 kB, settings and run.json are shorter."""
    run = shutil.copytree(trained, tmp_path / "run")
    with limited(2000):
        assert main(["train", "--resume", str(run), "--epochs", "2", "-q"]) == 2
    assert Record(run).facts()["status"] == "failed"
    for name in ("settings.toml", "history.jsonl", "checkpoint.pt"):
        assert (run / name).read_bytes() == (trained / name).read_bytes()


def test_where_nothing_can_be_written_the_run_before_stays(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Also a folder for temporary files, which torch asks for, is not to be had; reading goes on without."""
    run = shutil.copytree(trained, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    monkeypatch.setattr("tempfile.tempdir", None)
    with limited(0):
        assert main(["train", "moco", "--epochs", "1", "--out", str(run), "--overwrite", "-q"]) == 2
        assert main(["spectrum", str(run), "-q"]) == 0
    assert "settings.toml: File too large" in capsys.readouterr().err
    assert {name: (run / name).read_bytes() for name in before if name != ".lock"} == {
        name: content for name, content in before.items() if name != ".lock"
    }


def test_the_first_error_is_the_one_that_is_told(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Where not even run.json can be written any more."""
    run = shutil.copytree(trained, tmp_path / "run")
    before = (run / "run.json").read_text()

    def full(path: Path, line: str) -> None:
        monkeypatch.setattr(Path, "write_text", refusing(errno.ENOSPC))
        raise CollapseError(f"cannot write {path}: first", "free some space")

    monkeypatch.setattr("collapse_cli.runs.record.append", full)
    assert main(["train", "--resume", str(run), "--epochs", "2", "-q"]) == 2
    assert "history.jsonl: first" in capsys.readouterr().err
    assert json.loads((run / "run.json").read_text()).keys() >= json.loads(before).keys()


def test_a_run_whose_folder_goes_while_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    out = tmp_path / "run"
    really = append

    def gone(path: Path, line: str) -> None:
        shutil.rmtree(out)
        really(path, line)

    monkeypatch.setattr("collapse_cli.runs.record.append", gone)
    assert main(["train", "moco", "--epochs", "1", "--out", str(out), "-q"]) == 2
    assert f"cannot write {out / 'history.jsonl'}: the folder {out} is not there" in capsys.readouterr().err


WRITERS = {
    "plot.png": ["spectrum", "ROWS", "-q", "--plot"],
    "plot.svg": ["spectrum", "ROWS", "-q", "--plot"],
    "plot.pdf": ["spectrum", "ROWS", "-q", "--plot"],
    "page.html": ["spectrum", "ROWS", "-q", "--html"],
    "base.json": ["check", "ROWS", "-q", "--save-baseline"],
    "units.xml": ["check", "ROWS", "-q", "--junit"],
    "rows.npz": ["embed", "ROWS", "--out"],
    "a.gif": ["gan", "--steps", "20", "--seeds", "1", "--frames", "2", "-q", "--animation"],
}


DRAWN = ("plot.png", "plot.pdf", "a.gif")  # as plot.svg is


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("page.html", b""),
        *(pytest.param(name, b"before", marks=[pytest.mark.slow] * (name in DRAWN)) for name in WRITERS),
    ],
)
def test_what_a_command_writes_is_whole_or_as_before(
    name: str, before: bytes, rows: str, tmp_path: Path, capsys: Capture
) -> None:
    """Exit code 2, whatever else the command would have ended in."""
    target = tmp_path / name
    if before:
        target.write_bytes(before)
    argv = [rows if word == "ROWS" else word for word in WRITERS[name]]
    overwrite = ["--overwrite"] if before and name == "rows.npz" else []
    with limited(300):
        assert main([*argv, str(target), *overwrite]) == 2
    assert f"cannot write {target}: File too large" in capsys.readouterr().err
    assert (target.read_bytes() if before else target.exists()) == (before or False)
    assert not list(tmp_path.glob(".*.part"))


def test_the_page_of_a_run_that_is_read_only(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Refused before anything is measured; the command that writes it elsewhere is given."""
    really = os.access
    monkeypatch.setattr(
        os,
        "access",
        lambda path, mode: (mode != os.W_OK and really(path, mode)) or trained not in {Path(path)},
    )
    assert main(["report", str(trained)]) == 2
    error = capsys.readouterr().err
    assert f"collapse: {trained / 'report.html'} cannot be written: {trained} is read-only" in error
    assert f"collapse report {trained} --out report.html" in error


def test_settings_hold_any_name_of_a_file() -> None:
    """And what is no Unicode is refused before it is written, as nothing could read it back."""
    import tomllib

    for name in ("folder:😀 é漢", 'a"\\\n\x1b\x7f\u202e', "\U000e0041"):
        text = in_toml({"training": {"dataset": name}})
        assert tomllib.loads(text) == {"training": {"dataset": name}}
        assert text.replace("\n", "").isprintable()
    with pytest.raises(CollapseError, match="UTF-8"):
        in_toml({"training": {"dataset": "folder:\udcff"}})


def test_errors_that_are_no_refusals_stay_what_they_are(tmp_path: Path) -> None:
    """A fault of ours while a file is written is not blamed on the disk."""
    with pytest.raises(ZeroDivisionError), whole(tmp_path / "a"):
        raise ZeroDivisionError
