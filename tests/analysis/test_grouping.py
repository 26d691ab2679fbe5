"""--groups at the command line and `groups=` in Python: what they change, what they leave, and what is said without them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest

import collapse_cli as collapse
from collapse_cli.analysis.spectrum import of_others, of_space
from collapse_cli.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def frames() -> tuple[numpy.ndarray, numpy.ndarray]:
    """60 groups of 10 rows of 12 numbers that hardly differ within a group."""
    random = numpy.random.default_rng(0)
    rows = random.normal(size=(60, 1, 12)) + 0.1 * random.normal(size=(60, 10, 12))
    return rows.reshape(600, 12).astype("float32"), numpy.repeat(numpy.arange(60), 10)


def answered(capsys: Capture, *argv: str) -> dict:  # type: ignore[type-arg]
    capsys.readouterr()
    assert main([*argv, "--json"]) in (0, 3)
    document: dict = json.loads(capsys.readouterr().out)  # type: ignore[type-arg]
    return document


def test_intervals_widen_and_values_stay(frames: tuple[numpy.ndarray, numpy.ndarray]) -> None:
    """10 rows of a group are worth little more than one: intervals are some sqrt(10) times as wide."""
    rows, owner = frames
    plain, grouped = collapse.spectrum(rows), collapse.spectrum(rows, groups=[f"v{n}" for n in owner])
    assert grouped.groups == 60
    assert 60 <= grouped.effective_samples <= 70
    for name in ("effective_rank", "total_variance"):
        one, other = getattr(plain, name), getattr(grouped, name)
        assert float(one) == float(other)
        assert (other.interval[1] - other.interval[0]) / (one.interval[1] - one.interval[0]) > 2
    assert plain[0].settings["intervals"] == "95 %, embeddings taken as independent"
    assert grouped[0].settings["intervals"] == "95 %, by 60 groups"


def test_files_columns_and_arrays_are_one(
    frames: tuple[numpy.ndarray, numpy.ndarray], tmp_path: Path
) -> None:
    rows, owner = frames
    numpy.savez(tmp_path / "rows.npz", representations=rows, video=owner)
    (tmp_path / "who.txt").write_text("\n".join(f"v{n:02d}" for n in owner))
    path = tmp_path / "rows.npz"
    ways = [{"groups": "video"}, {"groups": tmp_path / "who.txt"}, {"groups": owner}]
    found = [collapse.spectrum(path, **way) for way in ways] + [collapse.spectrum(rows, groups=owner)]
    assert {(one.groups, one.effective_rank.interval) for one in found} == {
        (60, found[0].effective_rank.interval)
    }


@pytest.mark.parametrize("command", ["spectrum", "diagnose", "check", "report", "compare"])
def test_every_command_takes_them(
    command: str, frames: tuple[numpy.ndarray, numpy.ndarray], tmp_path: Path, capsys: Capture
) -> None:
    rows, owner = frames
    numpy.savez(tmp_path / "rows.npz", representations=rows, video=owner)
    inputs = [str(tmp_path / "rows.npz")]
    if command == "compare":
        numpy.savez(tmp_path / "other.npz", representations=rows[:, ::-1] + 1, video=owner)
        inputs.append(str(tmp_path / "other.npz"))
    if command == "report":
        page = collapse.report(inputs[0], tmp_path / "page.html", groups="video")
        assert "by 60 groups" in page.read_text()
        return
    document = answered(capsys, command, *inputs, "--groups", "video")
    assert document["inputs"][0]["options"]["groups"] == "video"
    if command != "check":
        assert "by 60 groups" in json.dumps(document, ensure_ascii=False)


def test_a_run_takes_one_for_each_image(run: Path, tmp_path: Path) -> None:
    """Of all 1,347 images of the split, of which a part is embedded."""
    (tmp_path / "who.txt").write_text("\n".join(str(n // 10) for n in range(1347)))
    grouped = collapse.spectrum(run, samples=500, groups=tmp_path / "who.txt")
    assert 100 < grouped.h.groups <= 135
    assert grouped.h.settings["intervals"] == f"95 %, by {grouped.h.groups} groups"


def test_names_of_files_suggest_them(
    frames: tuple[numpy.ndarray, numpy.ndarray], tmp_path: Path, capsys: Capture
) -> None:
    """One sentence, and none where groups were given."""
    rows, owner = frames
    paths = numpy.array([f"vid{video}/frame{n % 10}.jpg" for n, video in enumerate(owner)])
    numpy.savez(tmp_path / "rows.npz", representations=rows, paths=paths, video=owner)
    warnings = answered(capsys, "spectrum", str(tmp_path / "rows.npz"))["warnings"]
    assert len(warnings) == 1
    assert "60 groups" in warnings[0]
    assert answered(capsys, "spectrum", str(tmp_path / "rows.npz"), "--groups", "video")["warnings"] == []


def test_copies_suggest_them(capsys: Capture, tmp_path: Path) -> None:
    rows = numpy.random.default_rng(0).normal(size=(100, 8))
    numpy.save(tmp_path / "rows.npy", rows.repeat(4, axis=0))
    (warning,) = answered(capsys, "spectrum", str(tmp_path / "rows.npy"))["warnings"]
    assert "copies" in warning
    numpy.save(tmp_path / "once.npy", rows)
    assert answered(capsys, "spectrum", str(tmp_path / "once.npy"))["warnings"] == []


def test_bad_groups_are_one_clear_sentence(
    frames: tuple[numpy.ndarray, numpy.ndarray], tmp_path: Path
) -> None:
    rows, owner = frames
    with pytest.raises(collapse.CollapseError, match="59 groups for 600 embeddings"):
        collapse.spectrum(rows, groups=owner[:59])
    numpy.save(tmp_path / "rows.npy", rows)
    with pytest.raises(collapse.CollapseError, match="there is no such file"):
        collapse.spectrum(tmp_path / "rows.npy", groups="user")
    with pytest.raises(collapse.CollapseError, match="as it was loaded"):
        collapse.spectrum(collapse.load(rows), groups=owner)


def test_the_others_are_measured_apart(tmp_path: Path) -> None:
    """Of 900 rows 500 are zero, among them all of three of the 30 groups: the others are as a file of their own."""
    random = numpy.random.default_rng(0)
    rows = random.normal(size=(900, 8)) / numpy.arange(1, 9)
    rows[::2], rows[1:101:2] = 0, 0
    numpy.save(tmp_path / "rows.npy", rows)
    rest = rows[(rows != 0).any(axis=1)]
    assert len(rest) == 400
    owner = numpy.arange(900) // 30
    subject = collapse.load(tmp_path / "rows.npy", groups=owner)
    whole = of_space(subject, "h", {})
    found = of_others(subject, "h", whole)
    alone = of_space(collapse.load(rest, groups=owner[(rows != 0).any(axis=1)]), "h", {})
    assert found is not None
    assert (found.samples, found.zero_rows, found.groups) == (400, 0, 27)
    assert found.effective_rank == pytest.approx(float(alone.effective_rank))
    assert found.effective_rank.interval == pytest.approx(alone.effective_rank.interval)  # type: ignore[attr-defined]
    assert of_others(collapse.load(rest), "h", alone) is None
