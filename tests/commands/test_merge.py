"""collapse spectrum --save-state and collapse merge: the whole from its parts, by the command and from Python."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy
import pytest

import collapse_cli as collapse
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.metrics import row_sample

SIZES = (900, 1, 1300, 61, 2038)


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """4300 rows of 16 numbers in five files of unequal sizes, sorted by cluster, of which a state holds 1000."""
    monkeypatch.setattr(row_sample, "SAMPLED", 1000)
    monkeypatch.chdir(tmp_path)
    generator = numpy.random.default_rng(0)
    clusters = numpy.sort(generator.integers(0, 12, sum(SIZES)))
    rows = generator.standard_normal((12, 16))[clusters] + 0.4 * generator.standard_normal((sum(SIZES), 16))
    folder = tmp_path / "shards"
    folder.mkdir()
    for number, part in enumerate(numpy.split(rows.astype("float32"), numpy.cumsum(SIZES)[:-1])):
        numpy.save(folder / f"s-{number}.npy", part)
    return folder


def saved(shards: Path, codes: tuple[int, ...] = (0, 3, 0, 0, 0)) -> list[str]:
    """A state of each shard; of a single row no spectrum can be had, but its state is there."""
    names = [f"part-{number}.npz" for number in range(len(SIZES))]
    for name, code in zip(names, codes, strict=True):
        shard = shards / name.replace("part", "s").replace("npz", "npy")
        assert main(["spectrum", str(shard), "--save-state", name, "--quiet"]) == code
    return names


def document(*argv: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*argv, "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def same(first: Any, second: Any, path: str = "") -> None:
    """Numbers to 1e-9, but for what is 0 in exact arithmetic."""
    if isinstance(first, dict):
        assert first.keys() == second.keys(), path
        for key in first.keys() - {"subject", "of", "rounding"}:
            same(first[key], second[key], f"{path}.{key}")
    elif isinstance(first, list):
        assert len(first) == len(second), path
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            same(one, other, f"{path}[{number}]")
    elif isinstance(first, float):
        assert second == pytest.approx(first, rel=1e-9, abs=1e-12), path
    elif path != "[0].settings.split":  # which names the input
        assert first == second, path


def test_the_parts_are_the_whole(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In any order, merged at once or in two steps: verdict, numbers, nulls and intervals, uniformity and Epps-Pulley."""
    whole = document("spectrum", str(shards), "--save-state", "whole.npz", capsys=capsys)["results"]
    names = saved(shards)
    kinds = [entry["kind"] for entry in whole]
    assert kinds == ["spectrum", "sampled_pairs"]
    assert whole[0]["metrics"]["samples"]["value"] == 4300
    assert whole[1]["metrics"]["uniformity"]["value"] < 0
    same(whole, document("merge", *names, capsys=capsys)["results"])
    same(whole, document("merge", *names[::-1], capsys=capsys)["results"])
    assert main(["merge", *names[:2], "--save-state", "some.npz", "--quiet"]) == 0
    assert main(["merge", *names[2:], "--save-state", "rest.npz", "--quiet"]) == 0
    same(
        whole, document("merge", "rest.npz", "some.npz", "--save-state", "all.npz", capsys=capsys)["results"]
    )
    for name in ("all.npz", "whole.npz"):
        same(whole, document("spectrum", name, capsys=capsys)["results"])
    verdict = document("diagnose", "all.npz", capsys=capsys)["results"][0]["verdict"]
    assert verdict["status"] == whole[0]["verdict"]["status"] == "healthy"


def test_the_same_from_python(shards: Path) -> None:
    """Parts that are arrays in memory are told apart by their content."""
    rows = numpy.concatenate([numpy.load(file) for file in sorted(shards.iterdir())])
    for number, (start, end) in enumerate(itertools.pairwise((0, 40, 4000, 4300))):
        collapse.spectrum(rows[start:end], save_state=Path(f"a-{number}.npz"))
    result = collapse.merge(["a-0.npz", Path("a-1.npz"), "a-2.npz"])
    alone = collapse.spectrum(rows)
    assert float(result.h.effective_rank) == pytest.approx(float(alone.h.effective_rank), rel=1e-9)
    assert result.status == alone.status
    true = collapse.alignment(rows).uniformity
    assert abs(result.uniformity - true) < 3 * result.uniformity_error


def test_labels_and_the_sample_are_kept(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What needs rows is measured of the sample, with its labels; inspect says what a file is and was made of."""
    for number in (0, 2):
        labels = ["even", "odd"] if number else ["odd", "even"]
        text = "\n".join(labels[k % 2] for k in range(SIZES[number]))
        Path(f"labels-{number}.csv").write_text(f"label\n{text}\n")
        argv = ["spectrum", f"shards/s-{number}.npy", "--labels", f"labels-{number}.csv"]
        assert main([*argv, "--save-state", f"l-{number}.npz", "--quiet"]) == 0
    assert main(["merge", "l-0.npz", "l-2.npz", "--save-state", "labelled.npz", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["inspect", "labelled.npz", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["layout"] == "state of 2,200 embeddings of 2 files"
    assert (facts["h"], facts["sample"], facts["classes"]) == ([2200, 16], 1000, 2)
    assert facts["made_of"] == ["s-0.npy: 900 embeddings", "s-2.npy: 1,300 embeddings"]
    metrics = document("classes", "labelled.npz", capsys=capsys)["results"][0]["metrics"]
    assert metrics["nearest_mean"]["value"] == pytest.approx(0.5, abs=0.1)  # labels say nothing of these rows


REFUSED = {
    "seed": ("--seed 3", "--seed cannot be merged: 0 in that of s-0.npy, 3 in that of s-2.npy"),
    "width": ("wide.npy", "width of h cannot be merged: 16 in that of s-0.npy, 15"),
    "type": ("double.npy", "type of h cannot be merged: float32 in that of s-0.npy, float64"),
    "spaces": ("both.npz", "number of spaces cannot be merged: h in that of s-0.npy, h, z"),
    "the same": ("elsewhere/s-0.npy", "s-0.npy is in two of the states, and its rows would count twice"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_differs_or_overlaps_is_refused(
    case: str, shards: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    what, message = REFUSED[case]
    rows = numpy.load(shards / "s-0.npy")
    Path("elsewhere").mkdir()
    numpy.save("wide.npy", rows[:, 1:])
    numpy.save("double.npy", rows.astype("float64"))
    numpy.save("elsewhere/s-0.npy", rows)
    numpy.savez("both.npz", representations=rows, projections=rows[:, :8])
    other = ["shards/s-2.npy", *what.split()] if what.startswith("--") else [what]
    assert main(["spectrum", "shards/s-0.npy", "--save-state", "a.npz", "--quiet"]) == 0
    assert main(["spectrum", *other, "--save-state", "b.npz", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["merge", "a.npz", "b.npz", "--save-state", "out.npz"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 2  # a sentence and its remedy
    assert not Path("out.npz").exists()


def test_both_spaces_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = numpy.random.default_rng(0).standard_normal((600, 12)).astype("float32")
    for number, part in enumerate(numpy.split(rows, [250])):
        numpy.savez(
            f"e-{number}.npz",
            representations=part,
            projections=part[:, :6] @ numpy.eye(6, 8, dtype="float32"),
        )
        collapse.spectrum(f"e-{number}.npz", save_state=f"part-{number}.npz")
    result = collapse.merge(["part-1.npz", "part-0.npz"])
    assert (int(result.h.active), int(result.z.active)) == (12, 6)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["merge", "shards/s-0.npy"], "s-0.npy is not a state of embeddings"),
        (["merge", "missing.npz"], "there is no file missing.npz"),
        (["spectrum", "shards", "--centre", "--save-state", "x.npz"], "--centre needs all embeddings at once"),
        (["spectrum", "shards/s-0.npy", "shards/s-2.npy", "--save-state", "x.npz"], "--save-state takes one INPUT"),
        (["spectrum", "shards", "--save-state", "x.npy"], "unknown suffix '.npy'"),
        (["spectrum", "shards", "--save-state", "precious.npz"], "precious.npz exists already, and is not a state"),
        (["spectrum", "precious.npz", "--save-state", "precious.npz"], "precious.npz is one of the inputs"),
        (["spectrum", "pixels:digits", "--save-state", "x.npz"], "a state is made of a file of embeddings, and"),
    ],
)  # fmt: skip
def test_what_no_state_can_be_made_of(
    argv: list[str], message: str, shards: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numpy.savez("precious.npz", representations=numpy.ones((9, 3)))
    before = Path("precious.npz").read_bytes()
    assert main(argv) == 2
    assert message in capsys.readouterr().err
    assert Path("precious.npz").read_bytes() == before
    assert not Path("x.npz").exists()


def test_a_state_is_written_whole_or_not_at_all(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk fills up while it is written, the one that was there stays."""
    assert main(["spectrum", "shards/s-0.npy", "--save-state", "a.npz", "--quiet"]) == 0
    before = Path("a.npz").read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(numpy, "savez", full)
    with pytest.raises(CollapseError, match=r"cannot write a\.npz: No space left on device"):
        collapse.spectrum("shards/s-2.npy", save_state="a.npz")
    assert Path("a.npz").read_bytes() == before
    assert [path.name for path in Path().glob(".*")] == []


def test_the_slurm_array_is_the_whole(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """examples/scale/measure.sbatch: what its two tasks type, and the merge that its head names. 3 of a task is not its end."""
    script = Path(__file__).parents[2] / "examples" / "scale" / "measure.sbatch"
    Path("bin").mkdir()
    command = Path("bin") / "collapse"
    command.write_text('#!/bin/sh\necho "$@" >> typed\nexit 3\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent.absolute()), prepend=":")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    for task, count in ((0, 3), (1, 2)):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(task))
        Path("typed").unlink(missing_ok=True)
        subprocess.run(["bash", str(script), "shards", "states"], check=True, timeout=60)
        lines = Path("typed").read_text().splitlines()
        assert len(lines) == count
        assert {main(line.split()) for line in lines} <= {0, 3}
    names = sorted(str(path) for path in Path("states").iterdir())
    assert len(names) == len(SIZES)
    assert int(collapse.merge(names).samples) == sum(SIZES)
    command.write_text("#!/bin/sh\nexit 2\n")
    assert subprocess.run(["bash", str(script), "shards", "states"], timeout=60).returncode == 2
