"""check: planted answers whose judgement is known, real runs red and green, and what is refused before any work."""

from __future__ import annotations

import json
import math
import re
import shlex
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy
import pytest

from collapse_cli import cli
from collapse_cli.cli import main
from collapse_cli.metrics.requirements import parse
from tests.gates import checked, ended, plant, rows

Capture = pytest.CaptureFixture[str]
ROOT = Path(cli.__file__).parent.parent
MODES = ([], ["--json"], ["-q"])


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pyproject.toml of somebody else's is found."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")


def shown_alike(capsys: Capture, *argv: str, code: int) -> None:
    """The code is the same however the answer is shown; -q shows nothing."""
    for mode in MODES:
        assert main(["check", *argv, *mode]) == code, (mode, capsys.readouterr().err)
        assert (capsys.readouterr().out == "") == (mode == ["-q"])


def test_all_met(tmp_path: Path, capsys: Capture) -> None:
    """A bare name is z, where there is one; a tenth of chance is 6."""
    wanted = ["rank >= 20", "rank.h > 39", "other.z < 2", "rank.z >= 10% of null"]
    options = [word for one in wanted for word in ("--require", one)]
    document = checked(capsys, plant(tmp_path / "a.json"), *options)
    assert rows(document) == dict.fromkeys(
        ["rank.z >= 20", "rank.h > 39", "other.z < 2", "rank.z >= 10% of null"], "pass"
    )
    assert ended(document) == ["6 checks passed."]
    bounds = [
        m["required"]["bound"]
        for one in document["results"]
        for m in one["metrics"].values()
        if "required" in m
    ]
    assert bounds == [20, 39, 2, 6]
    assert document["inputs"][0]["measured"] == "runs/a"


def test_without_projections_a_bare_name_is_h(tmp_path: Path, capsys: Capture) -> None:
    document = checked(capsys, plant(tmp_path / "a.json", spaces="h"), "--require", "rank > 39")
    assert rows(document) == {"rank.h > 39": "pass"}


def test_one_that_is_not_met_fails_them_all(tmp_path: Path, capsys: Capture) -> None:
    argv = [
        plant(tmp_path / "a.json", half=3),
        "--require",
        "rank >= 30",
        "--require",
        "rank >= 18",
        "--require",
        "rank > 2",
    ]
    document = checked(capsys, *argv, code=1)
    assert rows(document) == {"rank.z >= 30": "fail", "rank.z >= 18": "inconclusive", "rank.z > 2": "pass"}
    assert ended(document) == ["1 of 5 checks failed, 1 undecided, 3 passed."]
    (gate,) = [one for one in document["results"] if one["title"] == "Gate"]
    counts = {name: metric["value"] for name, metric in gate["metrics"].items()}
    assert counts == {"passed": 3, "failed": 1, "inconclusive": 1, "warned": 0}
    assert gate["verdict"]["reasons"] == [
        "fail: rank.z 20.0 ± 3.0 is below 30",
        "inconclusive: rank.z 20.0 ± 3.0 is not known to be at least 18: its 95 % interval reaches across",
    ]


@pytest.mark.parametrize("bound", ["18", "22"], ids=["met by value", "not met by value"])
def test_an_interval_on_both_sides_is_inconclusive(bound: str, tmp_path: Path, capsys: Capture) -> None:
    """20 ± 3; --strict fails it."""
    argv = [plant(tmp_path / "a.json", half=3), "--require", f"rank >= {bound}"]
    assert rows(checked(capsys, *argv, code=3)) == {f"rank.z >= {bound}": "inconclusive"}
    assert rows(checked(capsys, *argv, "--strict", code=1)) == {f"rank.z >= {bound}": "fail"}


@pytest.mark.parametrize(
    ("status", "code", "strictly"),
    [("healthy", 0, 0), ("dimensional collapse", 0, 0), ("inconclusive", 3, 1), ("complete collapse", 1, 1)],
)
def test_verdicts(status: str, code: int, strictly: int, tmp_path: Path, capsys: Capture) -> None:
    """Of z, beside a healthy h: few dimensions are usual for a projection, and the input is judged by h."""
    path = plant(tmp_path / "a.json", status=status)
    shown_alike(capsys, path, code=code)
    checked(capsys, path, "--strict", code=strictly)


@pytest.mark.parametrize(
    ("verdict", "code", "strictly"),
    [
        ({"status": "inconclusive"}, 3, 1),
        ({"status": "dimensional collapse"}, 0, 1),
        ({"status": "dimensional collapse", "borderline": True}, 0, 3),
        ({"status": "healthy", "borderline": True}, 0, 3),
    ],
)
def test_an_input_is_judged_by_h(
    verdict: dict[str, Any], code: int, strictly: int, tmp_path: Path, capsys: Capture
) -> None:
    """Whatever a healthy z says; near the bound --strict leaves it undecided."""
    path = tmp_path / "a.json"
    plant(path)
    document = json.loads(path.read_text())
    document["results"][0]["verdict"] |= verdict
    path.write_text(json.dumps(document))
    checked(capsys, str(path), code=code)
    document = checked(capsys, str(path), "--strict", code=strictly)
    said = " ".join(
        reason for one in document["results"] if one["kind"] == "gate" for reason in one["verdict"]["reasons"]
    )
    assert ("collapse, borderline: " in said or "healthy, borderline: " in said) == bool(
        verdict.get("borderline")
    )


def test_no_number_of_one_point_passes(tmp_path: Path, capsys: Capture) -> None:
    """Its rank is rounding noise's, and high."""
    path = plant(tmp_path / "a.json", 60.0, status="complete collapse")
    document = checked(capsys, path, "--require", "rank >= 20", "--require", "rank.h >= 20", code=1)
    assert rows(document) == {"rank.z >= 20": "fail", "rank.h >= 20": "pass"}


def test_what_is_no_number_is_inconclusive(tmp_path: Path, capsys: Capture) -> None:
    document = checked(
        capsys, plant(tmp_path / "a.json", spread=math.nan), "--require", "spread <= 0", code=3
    )
    assert "it is no finite number" in document["results"][0]["verdict"]["reasons"][0]


def test_every_input_is_judged(tmp_path: Path, capsys: Capture) -> None:
    """One is green, one undecided, one red: red counts most."""
    paths = [
        plant(tmp_path / "a.json", 30),
        plant(tmp_path / "b.json", 21, 3),
        plant(tmp_path / "c.json", 10),
    ]
    document = checked(capsys, *paths, "--require", "rank >= 20", code=1)
    assert ended(document) == [
        "3 checks passed.",
        "1 of 3 checks could not be decided, 2 passed.",
        "1 of 3 checks failed, 2 passed.",
    ]
    assert [one["input"] for one in document["results"] if one["title"] == "Gate"] == [0, 1, 2]
    checked(capsys, *paths[:2], "--require", "rank >= 20", code=3)


def test_a_baseline_is_no_worse_than_itself(tmp_path: Path, capsys: Capture) -> None:
    """Of all numbers those with a direction are compared."""
    path = plant(tmp_path / "a.json", half=3, spread=-2.0)
    document = checked(capsys, path, "--baseline", path, "--tolerance", "0")
    assert rows(document) == dict.fromkeys(["rank.h", "rank.z", "spread.h", "spread.z"], "pass")


@pytest.mark.parametrize(
    ("rank", "half", "tolerance", "code"),
    [
        (19.0, None, "5%", 0),
        (18.9, None, "5%", 1),
        (18.9, None, "1.1", 0),
        (18.9, 1.0, "1", 3),
        (15.0, 1.0, "1", 1),
    ],
)
def test_a_planted_drop_of_rank(
    rank: float, half: float | None, tolerance: str, code: int, tmp_path: Path, capsys: Capture
) -> None:
    """From 20: five percent are 1; 18.9 ± 1 is in touch with 19."""
    argv = [
        plant(tmp_path / "new.json", rank, half, spaces="z"),
        "--baseline",
        plant(tmp_path / "old.json", spaces="z"),
    ]
    checked(capsys, *argv, "--tolerance", tolerance, code=code)


def test_low_is_better_where_it_is(tmp_path: Path, capsys: Capture) -> None:
    """-2 may become -1.9 by 5 %."""
    old = plant(tmp_path / "old.json", spread=-2.0)
    for spread, code in ((-3.0, 0), (-1.91, 0), (-1.89, 1)):
        checked(capsys, plant(tmp_path / "new.json", spread=spread), "--baseline", old, code=code)


def test_what_a_baseline_has_and_an_input_lacks_is_inconclusive(tmp_path: Path, capsys: Capture) -> None:
    """A number that is gone must not make a gate green."""
    argv = [plant(tmp_path / "new.json"), "--baseline", plant(tmp_path / "old.json", spread=-2.0)]
    assert rows(checked(capsys, *argv, code=3))["spread.z"] == "inconclusive"


def test_another_convention_is_inconclusive_and_another_interval_is_none(
    tmp_path: Path, capsys: Capture
) -> None:
    new, old = plant(tmp_path / "new.json"), plant(tmp_path / "old.json")
    text = Path(old).read_text()
    for words, code in (
        ('"convention": "centred", "interval_is": "bootstrap"', 0), ('"convention": "not centred"', 3)
    ):  # fmt: skip
        Path(old).write_text(text.replace('"convention": "centred"', words))
        checked(capsys, new, "--baseline", old, code=code)


@pytest.mark.parametrize("other", [{"samples": 500}, {"dimensions": 65}], ids=str)
def test_a_baseline_of_other_sizes_is_refused(other: dict[str, Any], tmp_path: Path, capsys: Capture) -> None:
    """With other N and D chance is another; two percent of the rows are let pass."""
    old = plant(tmp_path / "old.json", **other)
    assert main(["check", plant(tmp_path / "new.json"), "--baseline", old, "--json"]) == 2
    assert f"{next(iter(other.values()))} {next(iter(other))}" in capsys.readouterr().err
    checked(capsys, plant(tmp_path / "new.json"), "--baseline", plant(tmp_path / "old.json", samples=890))


def test_a_baseline_asked_otherwise_is_said(tmp_path: Path, capsys: Capture) -> None:
    old = plant(tmp_path / "old.json", split="test")
    document = checked(capsys, plant(tmp_path / "new.json"), "--baseline", old)
    assert document["warnings"] == [
        f"the baseline was measured with split 'test', {tmp_path / 'new.json'} with 'train'"
    ]


def test_a_collapsed_baseline_has_nothing_to_say(tmp_path: Path, capsys: Capture) -> None:
    old = plant(tmp_path / "old.json", 60.0, status="complete collapse")
    document = checked(capsys, plant(tmp_path / "new.json", 60.0), "--baseline", old)
    assert rows(document) == {"rank.h": "pass"}
    assert document["warnings"] == ["the baseline's z has collapsed completely: its numbers are left out"]
    old = plant(tmp_path / "old.json", spaces="z", status="complete collapse")
    assert main(["check", plant(tmp_path / "new.json"), "--baseline", old]) == 2


def test_an_answer_of_check_is_a_baseline(tmp_path: Path, capsys: Capture) -> None:
    """It holds every number of each space."""
    document = checked(capsys, plant(tmp_path / "a.json", spread=-2.0))
    (tmp_path / "kept.json").write_text(json.dumps(document))
    again = checked(
        capsys, plant(tmp_path / "b.json", spread=-2.0), "--baseline", str(tmp_path / "kept.json")
    )
    assert rows(again) == dict.fromkeys(["rank.h", "rank.z", "spread.h", "spread.z"], "pass")


def test_junit(tmp_path: Path, capsys: Capture) -> None:
    """One case for each requirement, number of the baseline and verdict; also when red."""
    paths = [
        plant(tmp_path / "a&b.json", half=3, status="dimensional collapse"),
        plant(tmp_path / "c.json", 10),
    ]
    argv = [
        "--require",
        "rank >= 18",
        "--require",
        "rank < 1e9",
        "--baseline",
        plant(tmp_path / "old.json", 20),
    ]
    assert main(["check", *paths, *argv, "--junit", str(tmp_path / "out.xml")]) == 1
    root = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert root.tag == "testsuites"
    assert {key: root.get(key) for key in ("tests", "failures", "skipped", "errors")} == {
        "tests": "12", "failures": "3", "skipped": "1", "errors": "0",
    }  # fmt: skip
    assert [suite.get("name") for suite in root] == paths
    cases = {case.get("name"): case for case in root[0]}
    title = "Against old.json"
    assert list(cases) == [
        "verdict: a&b.json · h", "verdict: a&b.json · z",
        "Requirements: rank.z >= 18", "Requirements: rank.z < 1000000000", f"{title}: rank.h", f"{title}: rank.z",
    ]  # fmt: skip
    skipped = cases["Requirements: rank.z >= 18"].find("skipped")
    assert skipped is not None
    assert "18: its 95 % interval reaches across" in str(skipped.get("message"))
    failed = [case for case in root[1] if case.find("failure") is not None]
    assert [case.get("name") for case in failed] == [
        "Requirements: rank.z >= 18",
        f"{title}: rank.h",
        f"{title}: rank.z",
    ]
    assert "wrote" in capsys.readouterr().err


def test_a_page_and_a_plot(tmp_path: Path, capsys: Capture) -> None:
    """The page has the words too; the files of a red gate are written."""
    argv = [
        plant(tmp_path / "a.json", half=3),
        "--require",
        "rank >= 30",
        "--plot",
        "a.png",
        "--html",
        "a.html",
    ]
    assert main(["check", *argv, "-q"]) == 1
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    page = (tmp_path / "a.html").read_text()
    assert "✗ FAIL" in page
    assert "failed" in page


def test_words_at_the_terminal(tmp_path: Path, capsys: Capture) -> None:
    argv = [
        plant(tmp_path / "a.json", half=3),
        "--require",
        "rank >= 18",
        "--require",
        "rank >= 30",
        "--require",
        "rank > 2",
    ]
    assert main(["check", "--all", *argv]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert "rank.z >= 18 ? inconclusive 20.0 ± 3.0 (>= 18)".split() in lines
    assert "rank.z >= 30 ✗ FAIL 20.0 ± 3.0 (>= 30)".split() in lines
    assert "rank.z > 2 ✓ pass 20.0 ± 3.0 (> 2)".split() in lines
    assert "✗ a.json: failed — 1 of 5 checks failed, 1 undecided, 3 passed.".split() in lines


def test_what_the_project_asks_in_vain_names_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Nobody typed it, so the file is told; a typed requirement is nobody's but the user's."""
    numpy.save(tmp_path / "e.npy", numpy.random.default_rng(0).standard_normal((40, 4)))
    (tmp_path / "pyproject.toml").write_text('[tool.collapse.check]\nrequire = ["effective_raIk >= 2"]\n')
    monkeypatch.chdir(tmp_path)
    assert main(["check", "e.npy"]) == 2
    assert "pyproject.toml: no number is named 'effective_raIk'" in capsys.readouterr().err
    assert main(["check", "e.npy", "--require", "effective_raIk >= 2"]) == 2
    assert "pyproject" not in capsys.readouterr().err


def test_defaults_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Found from a folder below; options come first, and one --require stands in for the file's list."""
    plant(tmp_path / "base.json", 25.0)
    path = plant(tmp_path / "a.json", 20.0, half=3)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.collapse.check]\nrequire = ["rank >= 30"]\nbaseline = "base.json"\ntolerance = "1%"\nstrict = true\n'
    )
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    found = rows(checked(capsys, path, code=1))
    assert found == dict.fromkeys(["rank.z >= 30", "rank.h", "rank.z"], "fail")
    checked(capsys, path, "--no-strict", "--require", "rank >= 18", "--tolerance", "40%", code=3)
    checked(capsys, path, "--require", "rank >= 18", "--tolerance", "40%", code=1)
    checked(capsys, path, "--no-strict", "--require", "rank >= 15", "--baseline", "")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--require", "rank =< 2"], "'=< 2'"),
        (["--require", "efective_rank >= 2"], "did you mean 'effective_rank'?"),
        (["--require", "eigenvalues >= 2"], "no number is named 'eigenvalues'"),
        (["--tolerance", "5%"], "add --baseline"),
        (["--tolerance", "-5%", "--baseline", "no.json"], "no tolerance"),
        (["--junit", "out.txt"], "write --junit FILE.xml"),
        (["--junit", "no/out.xml"], "no such directory"),
        (["--baseline", "no.json"], "cannot read no.json"),
    ],
    ids=str,
)
def test_refused_before_anything_is_measured(
    argv: list[str], said: str, tmp_path: Path, capsys: Capture
) -> None:
    """The input is not there either."""
    for mode in MODES:
        assert main(["check", "nowhere.pt", *argv, *mode]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert said in shown.err
        assert "nowhere" not in shown.err


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("rank.q >= 1", "a.json: rank.q is not among what was measured"),
        ("line.z >= 1", "a.json: line.z is not among"),
        ("other.z >= 1 null", "other.z can be negative"),
    ],
)
def test_what_was_not_measured_cannot_be_required(
    wanted: str, said: str, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["check", plant(tmp_path / "a.json"), "--require", wanted]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("alignment <= 1", "augmented pairs"),
        ("knn >= 90%", "labels"),
        ("effective_rank.z > 1", "effective_rank.h"),
    ],
)
def test_bare_rows_say_what_they_lack(wanted: str, said: str, tmp_path: Path, capsys: Capture) -> None:
    """300 isotropic rows in 8 dimensions pass; they have no views, no labels and no projections."""
    numpy.save(tmp_path / "rows.npy", numpy.random.default_rng(0).standard_normal((300, 8)))
    assert main(["check", "rows.npy", "--require", "effective_rank >= 80% of null", "-q"]) == 0
    assert main(["check", "rows.npy", "--require", wanted, "-q"]) == 2
    assert said in capsys.readouterr().err


def test_too_few_rows_are_inconclusive(tmp_path: Path, capsys: Capture) -> None:
    numpy.save(tmp_path / "rows.npy", numpy.random.default_rng(0).standard_normal((8, 16)))
    checked(capsys, "rows.npy", code=3)


@pytest.fixture(scope="module")
def collapsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "collapsed"
    assert main(["train", "positive-only", "--epochs", "3", "--out", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture(scope="module")
def sound(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, in which answers may be kept."""
    folder = tmp_path_factory.mktemp("runs") / "sound"
    return Path(shutil.copytree(run, folder, ignore=shutil.ignore_patterns("results")))


def test_red_on_positives_alone_green_on_moco(sound: Path, collapsed: Path, capsys: Capture) -> None:
    """What a run folder holds is read from the second time on. Two epochs of MoCo are beyond .2; one point is at 0."""
    wanted = ["--require", "uniformity <= -0.2", "--require", "effective_rank >= 2"]
    green = checked(capsys, str(sound), *wanted)
    assert set(rows(green).values()) == {"pass"}
    red = checked(capsys, str(collapsed), *wanted, code=1)
    shown_alike(capsys, str(sound), *wanted, code=0)
    shown_alike(capsys, str(collapsed), *wanted, code=1)
    assert rows(red) == {"uniformity.z <= -0.2": "fail", "effective_rank.z >= 2": "fail"}
    assert main(["check", str(sound)]) == 0
    assert f"read from {sound / 'results'}" in capsys.readouterr().err
    assert {path.stem for path in (sound / "results").iterdir()} == {"spectrum", "alignment"}


def test_a_run_against_another(sound: Path, collapsed: Path, capsys: Capture) -> None:
    """A run folder, or the answer of any measuring command about it, is a baseline."""
    document = checked(capsys, str(collapsed), "--baseline", str(sound), code=1)
    assert rows(document)["total_variance.z"] == rows(document)["uniformity.z"] == "fail"
    checked(capsys, str(sound), "--baseline", str(sound), "--tolerance", "0")
    for command in ("spectrum", "alignment"):
        kept = sound / "results" / f"{command}.json"
        assert len(rows(checked(capsys, str(sound), "--baseline", str(kept)))) >= 4


def test_the_examples_name_what_there_is() -> None:
    """Every command and option of the workflow and of the hook, and every requirement in them, is read."""
    commands = {name: cli.load(name) for name in ("check", "train", "spectrum")}
    for name in ("check.yml", "pre-commit-config.yaml", "gate.sh"):
        text = (ROOT / "examples" / name).read_text()
        assert "\t" not in text
        lines = re.findall(
            r"collapse (?:check|train|spectrum)(?:(?!\n\n).)*", text.replace("\n          ", " ")
        )
        assert lines
        for words in map(shlex.split, lines):
            command = commands[words[1]]
            every = getattr(command, "commands", {"": command}).values()
            known = {option for one in every for parameter in one.params for option in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= known, words
        for wanted in re.findall(r'--require "([^"]+)"', text) + re.findall(
            r'"([a-z_.]+ [<>]=? [^"]+)"', text
        ):
            parse(wanted)


def test_what_was_measured_on_a_sample_is_said(tmp_path: Path, capsys: Capture) -> None:
    """Of 60 rows alignment holds 20; the spectrum, which is of all, is not said to be of a sample."""
    numpy.save(tmp_path / "e.npy", numpy.random.default_rng(0).standard_normal((60, 4)))
    document = checked(capsys, str(tmp_path / "e.npy"), "--samples", "20", "--require", "uniformity <= 0")
    said = "alignment: e.npy: 20 of 60 embeddings, sampled without replacement; --samples takes more"
    assert document["warnings"] == [said]


def test_a_saved_diagnosis_is_a_baseline(run: Path, tmp_path: Path, capsys: Capture) -> None:
    """It is what people save first: each of its numbers has the convention of the measurement that it is of."""
    assert main(["diagnose", str(run), "--samples", "200", "--json"]) == 0
    (tmp_path / "base.json").write_text(capsys.readouterr().out)
    document = checked(capsys, str(run), "--samples", "200", "--baseline", str(tmp_path / "base.json"))
    assert set(rows(document).values()) == {"pass"}
    assert len(rows(document)) >= 10


def test_the_space_that_a_bare_name_means_is_told(tmp_path: Path, capsys: Capture) -> None:
    """Where there are h and z; not where the space is typed."""
    told = "rank means rank.z here; rank.h can be required, too."
    for requirement, expected in (("rank >= 20", True), ("rank.z >= 20", False), ("rank.h >= 20", False)):
        document = checked(capsys, plant(tmp_path / "a.json"), "--require", requirement)
        gate = next(each for each in document["results"] if each["kind"] == "gate")
        assert (told in gate["verdict"]["findings"]) == expected
        assert told not in gate["verdict"]["reasons"]


def test_a_gate_that_passes_with_a_warning_says_so_first(tmp_path: Path, capsys: Capture) -> None:
    """8 of 64 dimensions pass, but nobody who reads the first line, or gives -q, takes that for a sound result."""
    generator = numpy.random.default_rng(0)
    basis = numpy.linalg.qr(generator.normal(size=(64, 8)))[0]
    few, whole = tmp_path / "few.npy", tmp_path / "whole.npy"
    numpy.save(few, generator.normal(size=(1000, 8)) @ basis.T)
    numpy.save(whole, generator.normal(size=(1000, 64)))
    assert main(["check", str(few)]) == 0
    assert capsys.readouterr().out.startswith("✓ Passed, with a warning: dimensional collapse.")
    assert main(["check", str(few), "-q"]) == 0
    assert "passed, with a warning" in capsys.readouterr().err
    assert main(["check", str(whole)]) == 0
    assert capsys.readouterr().out.startswith("✓ Passed.")
    assert main(["check", str(whole), "-q"]) == 0
    assert capsys.readouterr().err == ""
