"""collapse train: where settings come from, what a resumed run may change, what a stop leaves behind."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from collapse_cli import stepping
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.runs import checkpoint, lock

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """Two epochs of MoCo that a test may change."""
    return Path(shutil.copytree(run, tmp_path / "copy"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(capsys: Capture, *argv: str) -> str:
    """Code 2, one sentence and a remedy on stderr, nothing on stdout."""
    code = main(list(argv))
    shown = capsys.readouterr()
    assert (code, shown.out) == (2, ""), shown.err
    assert len(shown.err.strip().splitlines()) == 2
    return shown.err


def epochs_done(folder: Path) -> list[int]:
    return [json.loads(line)["number"] for line in (folder / "history.jsonl").read_text().splitlines()]


def test_a_run_folder_holds_what_is_promised(run: Path) -> None:
    facts = json.loads((run / "run.json").read_text())
    assert facts["status"] == "done"
    assert facts["seed"] == 0
    assert set(facts["versions"]) == {"collapse", "torch"}
    assert {"argv", "started"} <= set(facts)
    settings = tomllib.loads((run / "settings.toml").read_text())
    assert settings["method"]["name"] == "moco"
    assert (settings["training"]["recipe"], settings["training"]["size"]) == ("digits", 0)
    assert epochs_done(run) == [1, 2]


def test_stdout_is_the_checkpoint(tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "r"
    assert main(["train", "--epochs", "1", "--out", str(out), "-q"]) == 0
    assert capsys.readouterr() == (f"{out / 'checkpoint.pt'}\n", "")


def test_a_resumed_run_is_the_run_that_never_stopped(tmp_path: Path, monkeypatch: Any) -> None:
    """Stopped in its second epoch and resumed: the same history to the last digit, but for the clock."""
    knobs = ["--epochs", "3", "-q", "--out"]
    assert main(["train", "mochi", *knobs, str(tmp_path / "through")]) == 0
    steps, step = iter(range(1000)), stepping.accumulated
    with monkeypatch.context() as patch:
        patch.setattr(stepping, "accumulated", lambda *a: step(*a) if next(steps) < 30 else stop())
        assert main(["train", "mochi", *knobs, str(tmp_path / "twice")]) == 130
    assert epochs_done(tmp_path / "twice") == [1]
    assert main(["train", "--resume", str(tmp_path / "twice"), "-q"]) == 0

    def told(folder: Path) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
        clock = ("seconds", "images_per_second")
        return [{key: value for key, value in line.items() if key not in clock} for line in lines]

    assert told(tmp_path / "twice") == told(tmp_path / "through")


def stop() -> None:
    raise KeyboardInterrupt


def test_stopped_before_the_first_epoch_ends(tmp_path: Path, monkeypatch: Any, capsys: Capture) -> None:
    out = tmp_path / "r"
    with monkeypatch.context() as patch:
        patch.setattr(stepping, "accumulated", lambda *a: stop())
        assert main(["train", "--epochs", "1", "--out", str(out), "-q"]) == 130
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "contains the network before its first step" in shown.err
    assert main(["train", "--resume", str(out), "-q"]) == 0
    assert epochs_done(out) == [1]


def test_a_stop_between_checkpoint_and_history_loses_no_epoch(tmp_path: Path, monkeypatch: Any) -> None:
    """The checkpoint of epoch 1 is written, its line of history is not yet: the resumed history still has epochs 1 and 2."""
    from collapse_cli.runs.record import Record

    out = tmp_path / "r"
    with monkeypatch.context() as patch:
        patch.setattr(Record, "append", lambda *a: stop())
        assert main(["train", "--epochs", "2", "--out", str(out), "-q"]) == 130
    assert main(["train", "--resume", str(out), "-q"]) == 0
    assert epochs_done(out) == [1, 2]


def test_a_dry_run_of_a_resume_changes_nothing(copy: Path, capsys: Capture) -> None:
    before = contents(copy)
    assert main(["train", "--resume", str(copy), "--epochs", "5", "--dry-run"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["training"]["epochs"] == 5
    assert contents(copy) == before


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--epochs", "1"], "has completed its 2 epochs"),
        (["--epochs", "2"], "has completed its 2 epochs"),
        (["--set", "lr=0.1"], "lr"),
        (["--out", "other"], "exclude"),
        (["--epochs", "3", "--dataset", "mnist"], "dataset"),
        (["--epochs", "3", "--config", "c.toml"], "--config"),
        (["--epochs", "3", "--overwrite"], "--overwrite"),
        (["--epochs", "3", "--device", "cuda:77"], "cuda:77"),
    ],
    ids=str,
)
def test_a_refused_resume_changes_nothing(
    argv: list[str], said: str, copy: Path, tmp_path: Path, monkeypatch: Any, capsys: Capture
) -> None:
    """Nothing typed is passed over in silence either."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text("[training]\nlr = 0.5\n")
    before = contents(copy)
    assert said in refused(capsys, "train", "--resume", str(copy), *argv, "-q")
    assert contents(copy) == before


def test_a_resume_takes_the_option_before_set(copy: Path, capsys: Capture) -> None:
    argv = ["train", "--resume", str(copy), "--set", "epochs=7", "--epochs", "5", "--dry-run"]
    assert main(argv) == 0
    assert tomllib.loads(capsys.readouterr().out)["training"]["epochs"] == 5


def test_what_is_no_run_cannot_be_resumed(copy: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    for place in ("empty", "file", "nowhere"):
        assert "not a run folder" in refused(capsys, "train", "moco", "--resume", str(tmp_path / place))
    (copy / "checkpoint.pt").unlink()
    assert "no file" in refused(capsys, "train", "--resume", str(copy), "--epochs", "3")


def test_a_damaged_checkpoint_is_gone_on_from_by_what_the_refusal_says(
    copy: Path, monkeypatch: Any, capsys: Capture
) -> None:
    monkeypatch.chdir(copy.parent)
    saved, sound = copy / "checkpoint.pt", (copy / "checkpoint.pt").read_bytes()
    argv = ["train", "--resume", copy.name, "--epochs", "3", "-q"]
    for damaged in (sound[:1000], sound[:-1000].replace(sound[9000:9001], b"x") + sound[-1000:]):
        saved.write_bytes(damaged)
        assert f"train again: collapse train moco --config {copy.name}/settings.toml" in refused(
            capsys, *argv
        )
    (copy / "epochs").mkdir()
    (copy / "epochs/0002.pt").write_bytes(sound)
    command = refused(capsys, *argv).strip().rpartition("go on from an earlier one: ")[2]
    subprocess.run(command, shell=True, check=True)
    assert main(argv) == 0
    assert epochs_done(copy) == [1, 2, 3]


def test_another_process_takes_a_folder_that_the_first_has_begun(copy: Path, monkeypatch: Any) -> None:
    before = contents(copy)
    monkeypatch.setenv("RANK", "1")
    argv = ["train", "--out", str(copy), "--epochs", "1", "--encoder", "mlp", "--dim", "8", "-q"]
    assert main(argv) == 0
    assert contents(copy) == before


def test_a_run_without_facts_can_be_resumed(copy: Path) -> None:
    (copy / "run.json").write_text("")
    assert main(["train", "--resume", str(copy), "--epochs", "3", "-q"]) == 0
    assert json.loads((copy / "run.json").read_text())["status"] == "done"


def test_a_runs_own_settings_are_a_config(run: Path, capsys: Capture) -> None:
    assert main(["train", "moco", "--config", str(run / "settings.toml"), "--dry-run"]) == 0
    plan = tomllib.loads(capsys.readouterr().out)
    del plan["plan"]
    assert plan == tomllib.loads((run / "settings.toml").read_text())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[trainin]\nepoch = 3\n", "'epochs'"),
        ("epochs = 3.5\n", "a whole number"),
        ("epochs = true\n", "a whole number"),
        ("epochs = [3]\n", "a whole number"),
        ("lr = {a = 1}\n", "lr"),
        ("lr = nan\n", "--lr cannot be nan"),
        ("lr = [0.1]\n", "a number"),
        ("dataset = ['digits']\n", "dataset"),
        ("schedule = ['cosine']\n", "cosine, constant"),
        ("head_norm = [1]\n", "true or false"),
        ("head_norm = 'maybe'\n", "true or false"),
        ("temperature = 0\n", "at least 0.0001"),
        ("= broken", "is not TOML"),
        ("\xff", "is not TOML"),
    ],
)
def test_a_config_that_cannot_be(text: str, said: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "c.toml").write_bytes(text.encode("latin-1"))
    assert said in refused(capsys, "train", "--config", str(tmp_path / "c.toml"), "--dry-run")


def test_a_config_of_another_method_is_not_taken_for_this_one(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "c.toml").write_text("[method]\nname = 'mochi'\nhardest = 9\n")
    assert "hardest" in refused(capsys, "train", "moco", "--config", str(tmp_path / "c.toml"))


def test_later_sets_win_and_dashes_are_underscores(capsys: Capture) -> None:
    assert main(["train", "--dry-run", "--set", "head-layers=1", "--set", "head_layers=0"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["model"]["head_layers"] == 0


@pytest.mark.parametrize("argv", [["train"], ["train", "moco"]])
def test_without_a_method_it_is_moco(argv: list[str], capsys: Capture) -> None:
    assert main([*argv, "--dry-run"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["method"]["name"] == "moco"


def test_a_diverged_run_is_failed_and_keeps_its_checkpoint(tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "r"
    argv = [
        "train",
        "positive-only",
        "--lr",
        "1e30",
        "--epochs",
        "2",
        "--out",
        str(out),
        "--monitor-every",
        "0",
        "-q",
    ]
    assert "train again with --lr" in refused(capsys, *argv)
    assert json.loads((out / "run.json").read_text())["status"] == "failed"
    assert (out / "checkpoint.pt").exists()


def test_a_missing_data_set_leaves_nothing(tmp_path: Path, monkeypatch: Any, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused(capsys, "train", "--dataset", "cifar10", "--data-dir", str(tmp_path))
    assert all(word in said for word in ("--download", "--data-dir", str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_of_every_second_epoch_are_kept(
    tmp_path: Path, monkeypatch: Any, capsys: Capture
) -> None:
    """Of five epochs 2 and 4. Stopped in the fifth and resumed, without 4 having got into checkpoint.pt: still 2 and 4."""
    from collapse_cli.runs.record import Record

    record, knobs = Record(tmp_path / "r"), ["--encoder", "mlp", "--batch", "512", "-q"]
    words = ["train", "moco", "--epochs", "5", "--keep-every", "2", *knobs, "--out", str(record.folder)]
    save = checkpoint.save
    with monkeypatch.context() as patch:
        patch.setattr(
            checkpoint, "save", lambda path, kept: stop() if path.stem == "0004" else save(path, kept)
        )
        assert main(words) == 130
    assert list(record.epochs()) == [2]
    record.epoch(4).write_bytes(b"torn off")
    assert main(["train", "--resume", str(record.folder), "-q"]) == 0
    assert {at: checkpoint.load(path).state.epoch for at, path in record.epochs().items()} == {2: 2, 4: 4}
    code = main(["spectrum", str(record.epoch(2)), "--samples", "200", "-q"])
    assert code == 3, "four steps have not moved it from its initialisation"
    assert main([*words, "--overwrite", "--dry-run"]) == 0
    assert tomllib.loads(capsys.readouterr().out.partition("\n")[2] or "")["plan"]["checkpoints"] == 3
    assert main([*words[:3], "1", *words[4:], "--overwrite"]) == 0
    assert record.epochs() == {}


def test_a_resume_on_other_images_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: Capture
) -> None:
    """One image of a folder is gone, and a class is renamed."""
    for i in range(12):
        place = tmp_path / "set" / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (20 * i, 0, 0)).save(place / f"{i}.png")
    out, dataset = str(tmp_path / "run"), f"folder:{tmp_path / 'set'}"
    argv = ["--batch", "4", "--encoder", "mlp", "--split", "all", "--epochs", "1"]
    assert main(["train", "supervised", "--dataset", dataset, *argv, "--out", out, "-q"]) == 0
    capsys.readouterr()
    again = ["train", "--resume", out, "--epochs", "2"]
    (tmp_path / "set/b").rename(tmp_path / "set/c")
    history = Path(out, "history.jsonl").read_text()
    for more in ([], ["--dry-run"]):
        assert "12 images (3x8x8) of 2 classes (a, b), and folder:" in refused(capsys, *again, *more)
    (tmp_path / "set/c").rename(tmp_path / "set/b")
    (tmp_path / "set/a/0.png").unlink()
    assert "now has 11 images (3x8x8) of 2 classes (a, b)" in refused(capsys, *again)
    assert Path(out, "history.jsonl").read_text() == history


def killed(folder: Path, status: str = "running") -> None:
    """As a run is that was killed between its last checkpoint and the word that it is done."""
    facts = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(facts | {"status": status}))


@pytest.mark.parametrize("status", ["running", "failed", "interrupted", "unheard of"])
def test_a_run_that_lacks_its_end_alone_is_done_when_resumed(
    status: str, copy: Path, capsys: Capture
) -> None:
    """Nothing is trained; it is said, and stdout is the checkpoint. A dry run says so and changes nothing."""
    killed(copy, status)
    before = contents(copy)
    told = f"{copy} has completed its 2 epochs, and was stopped before it wrote so"
    assert main(["train", "--resume", str(copy), "--dry-run"]) == 0
    assert capsys.readouterr() == ("", f"{told}\n")
    assert contents(copy) == before
    assert "has completed its 2 epochs" in refused(
        capsys, "train", "--resume", str(copy), "--epochs", "1", "-q"
    )
    assert main(["train", "--resume", str(copy), "-q"]) == 0
    assert capsys.readouterr() == (f"{copy / 'checkpoint.pt'}\n", f"{told}: now it is done\n")
    after = contents(copy)
    assert {name for name in after if after[name] != before[name]} == {"run.json"}
    assert json.loads(after["run.json"])["status"] == "done"
    assert "has completed its 2 epochs" in refused(capsys, "train", "--resume", str(copy), "-q")


def test_a_run_that_lacks_its_end_alone_goes_on_when_more_is_planned(copy: Path) -> None:
    killed(copy)
    assert main(["train", "--resume", str(copy), "--epochs", "3", "-q"]) == 0
    assert epochs_done(copy) == [1, 2, 3]


def test_what_a_resumed_run_plans_outlives_a_kill(copy: Path, monkeypatch: Any, capsys: Capture) -> None:
    """Killed before the first checkpoint that says so: settings.toml does. Of another setting the checkpoint's word holds."""
    with monkeypatch.context() as patch:
        patch.setattr(stepping, "accumulated", lambda *a: stop())
        assert main(["train", "--resume", str(copy), "--epochs", "3", "-q"]) == 130
    settings = copy / "settings.toml"
    before = settings.read_text()
    settings.write_text(before.replace("batch = 64", "batch = 32"))
    assert settings.read_text() != before
    assert main(["train", "--resume", str(copy), "-q"]) == 0
    assert settings.read_text() == before
    assert epochs_done(copy) == [1, 2, 3]
    capsys.readouterr()


def test_a_run_without_a_checkpoint_is_begun_again(copy: Path, monkeypatch: Any, capsys: Capture) -> None:
    """The hint works as it is typed."""
    (copy / "checkpoint.pt").unlink()
    said = refused(capsys, "train", "--resume", str(copy), "-q")
    assert f"there is no file {copy / 'checkpoint.pt'}" in said
    hint = said.splitlines()[1].partition("collapse ")[2].split()
    assert main([*hint, "-q"]) == 0
    assert epochs_done(copy) == [1, 2]


@pytest.mark.parametrize(
    "more", [["--out", "--overwrite"], ["--resume"], ["--resume", "--epochs", "9"], ["--out"]]
)
def test_beside_a_training_nobody_else_writes(
    more: list[str], copy: Path, capsys: Capture, monkeypatch: Any
) -> None:
    """Refused before a file is touched, and before the images are read; those who read, and save answers, go on."""
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    with lock.claimed(copy):
        before = contents(copy)
        argv = ["train", more[0], str(copy), *more[1:], "-q"]
        with monkeypatch.context() as patch:
            patch.setattr("collapse_cli.analysis.training.images", None)
            said = refused(capsys, *argv)
        assert ("is in use: process" in said) is (more != ["--out"])
        assert contents(copy) == before
    assert not lock.holder(copy)


def test_who_reads_needs_no_lock(copy: Path, capsys: Capture) -> None:
    """An answer is saved beside a training."""
    (copy / "results" / "spectrum.json").unlink(missing_ok=True)
    with lock.claimed(copy):
        before = contents(copy)
        assert main(["spectrum", str(copy), "--samples", "200", "-q"]) == 0
        after = contents(copy)
    assert set(after) - set(before) == {"results/spectrum.json"}
    assert before.items() <= after.items()
    capsys.readouterr()


def test_a_training_holds_its_folder_from_begin_to_end(tmp_path: Path, monkeypatch: Any) -> None:
    """At every step of a training, and of a resumed one; never of a dry run, which leaves nothing."""
    out, seen, step = tmp_path / "r", [], stepping.accumulated

    def looked(*given: Any) -> Any:
        seen.append((lock.is_free(out), lock.holder(out).lives))  # type: ignore[union-attr]
        return step(*given)

    monkeypatch.setattr(stepping, "accumulated", looked)
    assert main(["train", "--epochs", "1", "--out", str(out), "--dry-run"]) == 0
    assert not out.exists()
    assert main(["train", "--epochs", "1", "--out", str(out), "-q"]) == 0
    assert main(["train", "--resume", str(out), "--epochs", "2", "-q"]) == 0
    assert len(seen) == 42
    assert set(seen) == {(False, True)}
    assert lock.is_free(out)


def test_of_several_processes_the_first_alone_claims(copy: Path, monkeypatch: Any, capsys: Capture) -> None:
    from collapse_cli.commands.run_folder import claimed
    from collapse_cli.runs.record import Record

    monkeypatch.setenv("RANK", "1")
    with lock.claimed(copy), claimed(Record(copy)):
        pass
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    with lock.claimed(copy), pytest.raises(CollapseError, match="is in use"), claimed(Record(copy)):
        pass
    (copy / ".lock").write_text('{"pid": 7, "host": "node7", "since": "yesterday", "born": ""}')
    with claimed(Record(copy)):
        assert "warning:" in (warned := capsys.readouterr().err)
        assert "process 7 on node7" in warned
