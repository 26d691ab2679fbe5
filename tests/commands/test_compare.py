"""compare: planted answers whose means and differences are known; what is kept, what is measured anew, what is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from scipy import stats

from collapse_cli import cli
from collapse_cli.analysis import catalogue
from collapse_cli.analysis.inputs import recognise
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.merging import by_name
from collapse_cli.analysis.names import group_names
from collapse_cli.analysis.portrait import complete, stored_answers
from collapse_cli.answers import Answer, Verdict, version
from collapse_cli.cli import main
from collapse_cli.results import curve, number
from collapse_cli.runs.record import Record
from collapse_cli.runs.saved_answers import typed
from collapse_cli.settings import resolve
from collapse_cli.values import Curve, Measured
from tests.documents import answer, entry

Capture = pytest.CaptureFixture[str]
SCHEMA = json.loads((Path(cli.__file__).parent / "views" / "schema.json").read_text())


@dataclass(frozen=True)
class Shape:
    """Shape."""

    rows: int = number("rows, N")
    rank: float = number("a rank", null="isotropic", better="high", headline=True)
    share: float = number("no direction", null="all", convention="of all", interval="Wilson 95 %")
    line: Curve = curve("a curve", x="k", sketch=True)


@dataclass(frozen=True)
class Plane:
    """Plane."""

    across: float = number("across", better="low", headline=True, axis="x")
    up: float = number("up", better="low", headline=True, axis="y")


WHOLE = [name for name in catalogue.portrait() if catalogue.measurement(name).needs != "labels"]


@dataclass(frozen=True)
class Else:
    """What else a portrait holds, of which no test here looks at a number."""


def plant(
    folder: Path, rank: float, across: float = 1.0, *, method: str = "moco", seed: int = 0, epoch: int = 0,
    status: str = "healthy", chance: float = 60.0, asked: dict[str, Any] | None = None, **settings: Any,
) -> Path:  # fmt: skip
    """A run folder that holds the whole portrait of a run without labels; h has a tenth of the values of z."""
    run = resolve(method, {"seed": seed, **settings})
    record = Record(folder)
    record.begin(run, {}, overwrite=False)
    record.checkpoint.write_bytes(str(folder).encode())
    said = {"split": "train", "samples": 10000, "dataset": "", "seed": 0, "labels": False} | (asked or {})
    facts = {
        "path": str(folder), "sha256": hashlib.sha256(record.checkpoint.read_bytes()).hexdigest(),
        "epoch": epoch or run.training.epochs, "epochs": run.training.epochs, "status": "running", "options": said,
    }  # fmt: skip
    shape = {
        space: Shape(900, Measured(rank * part, null=chance), Measured(0.5, interval=(0.4, 0.6)), Curve((rank, part)))
        for space, part in (("h", 0.1), ("z", 1.0))
    }  # fmt: skip
    of_h = (
        status if status == "inconclusive" else "healthy"
    )  # by which the run is judged, unless z has collapsed
    verdict = {"h": Verdict(of_h, f"{of_h}: h"), "z": Verdict(status, f"{status}: z")}
    plane = {space: Plane(across * part, -2.0) for space, part in (("h", 0.1), ("z", 1.0))}
    documents = {
        "spectrum": [entry(f"{folder.name} · {s}", shape[s], settings={"N": 900}, verdict=verdict[s]) for s in "hz"],
        "alignment": [entry(f"{folder.name} · {s}", plane[s], settings={"t": 2}) for s in "hz"],
    }  # fmt: skip
    for command in WHOLE:
        entries = documents.get(command, [entry(f"{folder.name} · h", Else())])
        record.keep(answer(command, entries, argv=[], version=version(), inputs=[facts]))
    return folder


def answers(folder: Path, measuring: Measuring) -> list[Answer]:
    """Those that the run folder holds of its checkpoint, measured in this way."""
    return stored_answers(recognise(folder), measuring)


def portrait(stored: list[Answer]) -> list[Answer]:
    """Those of a whole portrait; none where one is missing."""
    return complete(stored, catalogue.portrait())


@pytest.fixture(autouse=True)
def unmeasured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured where everything was planted."""

    def refuse(*arguments: Any, **named: Any) -> None:
        raise AssertionError("measured")

    if "run" not in request.fixturenames:
        monkeypatch.setattr("collapse_cli.analysis.portrait.load", refuse)


FIRST, SECOND = (10.0, 12.0, 11.0), (20.0, 25.0, 19.0)


@pytest.fixture
def six(tmp_path: Path) -> list[str]:
    """Three seeds of two methods."""
    moco = [plant(tmp_path / f"a{s}", FIRST[s], 0.3, seed=s) for s in range(3)]
    mochi = [plant(tmp_path / f"b{s}", SECOND[s], 0.2 + s / 100, method="mochi", seed=s) for s in range(3)]
    return [str(folder) for folder in moco + mochi]


def compared(capsys: Capture, *argv: str, code: int = 0) -> dict[tuple[str, str], Any]:
    """The document's results by title and name, held against the schema."""
    assert main(["compare", *argv, "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    return {(one["title"], one["of"]): one for one in document["results"]}


def test_a_group_is_the_mean_of_its_seeds(six: list[str], capsys: Capture) -> None:
    """10, 12, 11: mean 11, standard deviation 1."""
    found = compared(capsys, *six)["Side by side", "moco"]
    metric = found["metrics"]["rank.z"]
    assert (metric["value"], metric["interval"], metric["null"]) == (11, [10, 12], 60)
    assert metric["runs"] == list(FIRST)
    assert metric["label"] == "rank · z"
    assert found["inputs"] == [0, 1, 2]
    assert found["settings"]["seeds of the runs"] == [0, 1, 2]
    assert found["settings"]["rows"] == 900, "the same in every run and in h and z: a setting, said once"
    assert found["metrics"]["line.z"]["values"] == [11, 1]
    assert [found["metrics"]["line.z"][end] for end in ("lowest", "highest")] == [[10, 1], [12, 1]]
    assert found["metrics"]["share.z"]["convention"] == "of all", "the interval is over the runs now"


def test_differences_are_paired_by_seed(six: list[str], capsys: Capture) -> None:
    """mochi - moco is 10, 13, 8."""
    found = compared(capsys, *six)["Difference from moco", "mochi"]
    metric = found["metrics"]["rank.z"]
    expected = stats.ttest_rel(SECOND, FIRST).confidence_interval(0.95)
    assert metric["value"] == pytest.approx(31 / 3)
    assert metric["interval"] == pytest.approx([expected.low, expected.high])
    assert metric["agree"] == [3, 3]
    assert found["settings"]["interval"] == "95 % t, paired by seed"
    assert "up.z" not in found["metrics"], "the same in all runs"


def test_other_seeds_are_not_paired(six: list[str], capsys: Capture) -> None:
    found = compared(capsys, *six[:3], *six[4:])["Difference from moco", "mochi"]
    expected = stats.ttest_ind(SECOND[1:], FIRST, equal_var=False).confidence_interval(0.95)
    assert found["metrics"]["rank.z"]["interval"] == pytest.approx([expected.low, expected.high])
    assert "agree" not in found["metrics"]["rank.z"]
    assert found["settings"]["interval"] == "95 % t, Welch"


@pytest.mark.parametrize("which", ["mochi", "b1"])
def test_another_baseline(which: str, six: list[str], tmp_path: Path, capsys: Capture) -> None:
    """By the name of the group, or by the path of a run in it."""
    wanted = which if which == "mochi" else str(tmp_path / which)
    found = compared(capsys, *six, "--baseline", wanted)
    assert found["Difference from mochi", "moco"]["metrics"]["rank.z"]["value"] == pytest.approx(-31 / 3)


def test_the_best_of_each_row_is_marked_by_its_direction(six: list[str], capsys: Capture) -> None:
    """rank: high is better; across: low. share has no direction, up is a tie."""
    found = compared(capsys, *six)
    best = {
        (of, key): metric.get("best")
        for (title, of), one in found.items() if title == "Side by side"
        for key, metric in one["metrics"].items() if key.endswith(".z")
    }  # fmt: skip
    assert best["mochi", "rank.z"] == best["mochi", "across.z"] == "apart"
    assert {key for key, mark in best.items() if mark} == {("mochi", "rank.z"), ("mochi", "across.z")}


def test_a_collapsed_space_is_never_best(tmp_path: Path, capsys: Capture) -> None:
    """Its rank is rounding noise's, and its perfect alignment is good for nothing; random weights give directions to its h."""
    runs = [plant(tmp_path / "a", 10.0, 0.3), plant(tmp_path / "b", 9.0, 0.4, method="mochi")]
    runs += [plant(tmp_path / "c", 50.0, 0.0, method="positive-only", status="complete collapse")]
    found = compared(capsys, *map(str, runs))
    sides = [found["Side by side", of]["metrics"] for of in ("moco", "mochi", "positive-only")]
    assert [metrics["rank.z"].get("best") for metrics in sides] == ["value", None, None]
    assert [metrics["across.z"].get("best") for metrics in sides] == ["value", None, None]
    assert [metrics["rank.h"].get("best") for metrics in sides] == ["value", None, None]


def test_where_chance_differs_nobody_is_best(tmp_path: Path, capsys: Capture) -> None:
    """11 of 16 dimensions and 12 of 64 are no ranks to be ranked."""
    runs = plant(tmp_path / "a", 11.0, dim=16, chance=16.0), plant(tmp_path / "b", 12.0, dim=64, chance=62.0)
    found = compared(capsys, *map(str, runs))
    sides = [one["metrics"] for (title, _), one in found.items() if title == "Side by side"]
    assert not any("best" in metrics["rank.z"] for metrics in sides)


def test_seeds_that_disagree_are_inconclusive(tmp_path: Path, capsys: Capture) -> None:
    runs = [plant(tmp_path / f"a{s}", 10.0 + s, seed=s) for s in range(2)]
    runs += [plant(tmp_path / "a2", 2.0, seed=2, status="complete collapse")]
    runs += [plant(tmp_path / f"b{s}", 9.0 + s, method="mochi", seed=s) for s in range(2)]
    found = compared(capsys, *map(str, runs))
    assert found["Side by side", "moco"]["verdict"] == {
        "status": "inconclusive", "sentence": "The verdicts on h/z differ: 2 × healthy, 1 × complete collapse.", "reasons": [],
        "advice": [], "thresholds": [], "commands": [], "borderline": False, "meaning": "", "findings": [], "lead": "",
    }  # fmt: skip
    assert found["Side by side", "mochi"]["verdict"]["status"] == "healthy"


def test_where_nothing_can_be_concluded_the_code_is_3(tmp_path: Path, capsys: Capture) -> None:
    runs = [str(plant(tmp_path / f"a{s}", 10.0, seed=s, status="inconclusive")) for s in range(2)]
    compared(capsys, *runs, code=3)
    assert main(["compare", *runs]) == 3


def settings(**changes: Any) -> dict[str, Any]:
    return {"method": "moco", "queue": 512, "lr": 0.05, "shuffle_bn": False, "dataset": "digits"} | changes


@pytest.mark.parametrize(
    ("every", "names"),
    [
        ([settings(), settings(method="mochi")], ["moco", "mochi"]),
        ([settings(), settings(queue=64)], ["moco queue 512", "moco queue 64"]),
        ([settings(), settings(queue=64), settings(lr=0.1)], ["moco", "moco queue 64", "moco lr 0.1"]),
        (
            [settings(), settings(queue=64, lr=0.1), settings(), {"method": "byol", "lr": 0.1}],
            ["moco", "moco queue 64 lr 0.1", "moco", "byol"],
        ),
        ([settings(dataset="mnist"), settings(shuffle_bn=True)],
         ["moco no shuffle bn mnist", "moco shuffle bn digits"]),
        ([settings(dataset=""), settings(queue=0)],
         ["moco queue 512 no dataset", "moco queue 0 digits"]),
        ([settings(), {}], ["moco", ""]),
    ],
)  # fmt: skip
def test_a_group_is_named_by_what_sets_it_off(every: list[dict[str, Any]], names: list[str]) -> None:
    """The method, and the settings that it has not in common with most groups of that method."""
    assert group_names(every) == names


def test_an_unfinished_run_is_no_repeat_of_a_finished_one(tmp_path: Path, capsys: Capture) -> None:
    runs = [plant(tmp_path / f"a{s}", 9.0, seed=s, epochs=8, epoch=8 if s < 2 else 3) for s in range(3)]
    found = compared(capsys, *map(str, runs))
    assert [of for title, of in found if title == "Side by side"] == ["moco epochs 8", "moco epochs 3"]


def test_settings_that_differ_between_methods_are_said(tmp_path: Path, capsys: Capture) -> None:
    """lr, which both have; not the queue, which positive-only lacks and moco has always the same."""
    runs = plant(tmp_path / "a", 9.0, lr=0.1), plant(tmp_path / "b", 8.0, method="positive-only")
    found = compared(capsys, *map(str, runs))
    assert found["Side by side", "moco"]["settings"]["lr"] == 0.1
    assert "queue" not in found["Side by side", "moco"]["settings"]


@pytest.mark.parametrize(
    ("argv", "said", "remedy"),
    [
        (["a0"], "alone cannot be compared", "two runs or more"),
        (["a0", "b0", "--scatter", "rank.z", "up.z"], "is drawn in no table", "--plot FILE.png"),
        (["a0", "b0", "--scatter", "up.z", "up.z", "--html", "a.html"], "against itself", "two metrics"),
        (["a0", "b0", "--scatter", "rnk.z", "up.z", "--html", "a.html"], "no metric named 'rnk.z'", "rank.z"),
        (["a0", "b0", "--baseline", "mochii"], "--baseline mochii: there is no such group", "'mochi'"),
        (["a0", "b0", "a0"], "a0 was given twice", "give each run once"),
        (["a0", "../" + "{name}/a0"], "are the same", "give each run once"),
        (["a0", "b0", "--plot", "a.gif"], "unknown suffix '.gif'", "a"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refused(
    argv: list[str], said: str, remedy: str, six: list[str], tmp_path: Path, capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for json_too in ([], ["--json"]):
        assert main(["compare", *(word.format(name=tmp_path.name) for word in argv), "-q", *json_too]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert said in shown.err
        assert remedy in shown.err
    assert not Path("a.html").exists()


def test_what_was_read_and_what_measured_is_said(six: list[str], capsys: Capture) -> None:
    assert main(["compare", *six[:2]]) == 0
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [
        f"{path}: read from {path}/results, as measured before; --fresh measures again" for path in six[:2]
    ]
    assert main(["compare", *six[:2], "-q"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("width", [80, 120])
def test_ten_groups_of_long_names_fit_the_terminal(
    width: int, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.chdir(tmp_path)
    runs = [
        plant(Path(f"{q}-{lr}-{s}"), q / 100 + s * (1 + lr), queue=q, lr=lr, seed=s)
        for q in (64, 128, 256, 512, 1024) for lr in (0.05, 0.1) for s in (0, 1)
    ]  # fmt: skip
    assert main(["compare", *map(str, runs)]) == 0
    tables = [line for line in capsys.readouterr().out.splitlines() if not line.endswith(".")]
    assert max(len(line.rstrip()) for line in tables) <= width, "a terminal folds sentences itself"
    assert main(["compare", "--all", *map(str, runs)]) == 0
    text = capsys.readouterr().out
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    rows = [line for line in text.splitlines() if line.startswith("moco queue 1024 lr 0.1 ")]
    assert " ".join(rows[0].split()).startswith("moco queue 1024 lr 0.1 ○ 1.079 ± 0.078 ○ 10.79 ± 0.78")
    assert "… 8 more inputs in --json" in text


def test_every_run_is_a_point_of_the_scatter(six: list[str], tmp_path: Path, capsys: Capture) -> None:
    """The declared plane of z unless another is asked for."""
    from collapse_cli.views import plot

    def points(*argv: str) -> list[list[float]]:
        assert main(["compare", *six, "--json", "--plot", str(tmp_path / "a.png"), *argv]) == 0
        drawn = plot.figure(json.loads(capsys.readouterr().out)).axes[0]
        results = [dots for dots in drawn.collections if len(dots.get_facecolors())]  # a null is a ring
        return [at for dots in results for at in dots.get_offsets().tolist()]

    assert points() == [[0.3, -2]] * 3 + [[0.2 + s / 100, -2] for s in range(3)]
    assert points("--scatter", "rank.z", "rank.h") == [
        pytest.approx([rank, rank / 10]) for rank in (*FIRST, *SECOND)
    ]


def test_a_page_has_both_tables(six: list[str], tmp_path: Path) -> None:
    assert main(["compare", *six, "-q", "--html", str(tmp_path / "a.html")]) == 0
    page = (tmp_path / "a.html").read_text()
    assert "<h3>Side by side</h3>" in page
    assert "<h3>Difference from moco</h3>" in page
    assert '<td class="strong">● 21.3 ± 3.2</td>' in page


def test_metrics_of_one_name_are_kept_apart() -> None:
    """The second command's stands behind its name; h and z of a metric stand together."""

    def document(command: str) -> dict[str, Any]:
        entries = [entry(f"a · b · {space}", Plane(1.0, 2.0)) for space in "hz"]
        return answer(command, entries, argv=[], version="0")

    found = by_name([typed(document("first")), typed(document("second"))])
    assert list(found) == [
        "across.h", "across.z", "up.h", "up.z",
        "second.across.h", "second.across.z", "second.up.h", "second.up.z",
    ]  # fmt: skip
    assert found["second.up.z"]["label"] == "up · z"


@pytest.mark.parametrize(
    "asked", [{}, {"split": "test"}, {"samples": 100}, {"dataset": "mnist"}, {"seed": 1}, {"queue": 64}], ids=str
)  # fmt: skip
def test_answers_to_another_question_are_stale(asked: dict[str, Any], tmp_path: Path) -> None:
    folder = plant(tmp_path / "a", 9.0, asked=asked)
    assert len(portrait(answers(folder, Measuring()))) == (0 if asked else len(WHOLE))


def test_where_images_lie_changes_no_answer(tmp_path: Path) -> None:
    folder = plant(tmp_path / "a", 9.0)
    assert len(answers(folder, Measuring(device="cuda:7", data_dir="/elsewhere", download=True))) == len(
        WHOLE
    )


def test_answers_about_another_checkpoint_or_of_another_version_are_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = plant(tmp_path / "a", 9.0)
    with monkeypatch.context() as patched:
        patched.setattr("collapse_cli.analysis.portrait.version", lambda: "99")
        assert answers(folder, Measuring()) == []
    Record(folder).checkpoint.write_bytes(b"trained on")
    assert answers(folder, Measuring()) == []


def test_what_is_missing_or_torn_is_not_read(tmp_path: Path) -> None:
    folder = plant(tmp_path / "a", 9.0)
    assert portrait(answers(folder, Measuring()))[0].command == "spectrum"
    (folder / "results" / "alignment.json").write_text('{"schema": 1,')
    assert {one.command for one in answers(folder, Measuring())} == set(WHOLE) - {"alignment"}
    assert portrait(answers(folder, Measuring())) == []
    (folder / "results" / "alignment.json").unlink()
    assert portrait(answers(folder, Measuring())) == []


def test_with_labels_a_portrait_has_more_parts(tmp_path: Path) -> None:
    folder = plant(tmp_path / "a", 9.0, asked={"labels": True})
    assert portrait(answers(folder, Measuring())) == []


@pytest.fixture
def pair(run: Path, tmp_path: Path) -> list[Path]:
    """A real run that nothing was measured of, and a planted one."""
    real = shutil.copytree(run, tmp_path / "real", ignore=shutil.ignore_patterns("results"))
    return [Path(real), plant(tmp_path / "planted", 5.0, method="mochi")]


def test_what_is_missing_is_measured_once_and_kept(pair: list[Path], capsys: Capture) -> None:
    """The second time everything is read, and the numbers are the same; --fresh measures again."""
    first = compared(capsys, *map(str, pair), "-q")
    kept = {path.stem: path.read_bytes() for path in (pair[0] / "results").iterdir()}
    assert set(kept) == set(catalogue.portrait())
    assert main(["compare", *map(str, pair), "--json"]) == 0
    shown = capsys.readouterr()
    assert f"{pair[0]}: read from" in shown.err
    again = {(one["title"], one["of"]): one for one in json.loads(shown.out)["results"]}
    assert again == first
    assert main(["spectrum", str(pair[0]), "-q"]) == 0
    single = json.loads((pair[0] / "results" / "spectrum.json").read_text())
    whole = json.loads(kept["spectrum"])
    assert [single[part] for part in ("results", "inputs")] == [whole[part] for part in ("results", "inputs")]


def test_an_answer_to_a_special_question_is_not_taken_for_the_usual_one(pair: list[Path]) -> None:
    """`oracle --queue 64` is kept, and known by it; with the defaults it is what a portrait has."""
    for extra, kept in ((["--queue", "64"], 0), ([], 1), (["--temperature", "0.5"], 0)):
        assert main(["oracle", str(pair[0]), "-q", *extra]) == 0
        assert len(answers(pair[0], Measuring())) == kept, extra


def test_run_folders_alone_are_read(six: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With --fresh not even these, and a checkpoint named as a file is measured each time."""
    seen: list[Path] = []

    def stop(recognised: Any, *arguments: Any, **named: Any) -> Any:
        seen.append(recognised.path)
        raise KeyboardInterrupt

    monkeypatch.setattr("collapse_cli.analysis.portrait.load", stop)
    file = Path(six[0]) / "checkpoint.pt"
    for argv in ([six[0], six[1], "--fresh"], [six[1], str(file)]):
        assert main(["compare", *argv, "-q"]) == 130
    assert seen == [Path(six[0]), file]


def saved(path: Path, folder: Path, command: str = "spectrum") -> str:
    """The answer that a planted run folder holds, as `--json > FILE` would have saved it."""
    return str(shutil.copy(folder / "results" / f"{command}.json", path))


def test_saved_answers_are_inputs(tmp_path: Path, capsys: Capture) -> None:
    """Each by its path, even of one checkpoint; the settings that they were measured with stand side by side."""
    run = plant(tmp_path / "a", 10.0)
    first, second = saved(tmp_path / "1.json", run), saved(tmp_path / "2.json", plant(tmp_path / "b", 12.0))
    document = json.loads(Path(second).read_text())
    for one in document["results"]:
        one["settings"]["N"] = 450
    Path(second).write_text(json.dumps(document))
    found = compared(capsys, first, second, str(run))
    assert {of for title, of in found if title == "Side by side"} == {"1.json", "2.json", "moco"}
    assert found["Side by side", "2.json"]["metrics"]["rank.z"]["value"] == 12
    assert found["Side by side", "2.json"]["settings"]["N"] == 450
    assert found["Difference from 1.json", "2.json"]["metrics"]["rank.z"]["value"] == 2
    assert found["Side by side", "1.json"]["verdict"]["status"] == "healthy"


def test_answers_without_a_verdict(tmp_path: Path, capsys: Capture) -> None:
    """Alignment says none: nothing is concluded from that."""
    paths = [
        saved(tmp_path / f"{k}.json", plant(tmp_path / k, 9.0, v), "alignment")
        for k, v in (("a", 0.3), ("b", 0.2))
    ]
    found = compared(capsys, *paths)
    assert [one["verdict"] for one in found.values()] == [None] * 3
    assert found["Side by side", "b.json"]["metrics"]["across.z"]["best"] == "value"


def test_one_answer_given_twice_is_refused(tmp_path: Path, capsys: Capture) -> None:
    run = plant(tmp_path / "a", 10.0)
    assert main(["compare", saved(tmp_path / "1.json", run), saved(tmp_path / "2.json", run)]) == 2
    assert "are the same" in capsys.readouterr().err


def test_no_answer_is_refused(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "no.json").write_text("{}")
    assert main(["compare", str(tmp_path / "no.json"), str(plant(tmp_path / "a", 10.0))]) == 2
    assert "not an answer of collapse" in capsys.readouterr().err


def test_warnings_of_the_answers_are_those_of_the_comparison(tmp_path: Path, capsys: Capture) -> None:
    """Said once for the parts of a portrait that it is of."""
    paths = [plant(tmp_path / "a", 9.0), plant(tmp_path / "b", 8.0, method="mochi")]
    for command in ("alignment", "spectrum"):
        file = paths[1] / "results" / f"{command}.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"warnings": ["b: 9 of 10 rows"]}))
    assert main(["compare", *map(str, paths), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == ["spectrum, alignment: b: 9 of 10 rows"]
