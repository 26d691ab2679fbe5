"""check: one number held against a baseline's, which numbers are compared, and by how much each may be worse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest

from collapse_cli.analysis import named
from collapse_cli.cli import main
from tests.gates import Capture, checked, plant, rows


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pyproject.toml of somebody else's is found."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")


def refused(capsys: Capture, *argv: str) -> str:
    assert main(["check", *argv, "-q"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err


@pytest.mark.parametrize(
    ("rank", "half", "required", "code"),
    [
        (19.0, None, "rank >= 95% of baseline", 0),
        (18.9, None, "rank >= 95% of baseline", 1),
        (18.9, 0.2, "rank >= 0.95 of baseline", 3),
        (18.9, 0.05, "rank >= 95% of baseline", 1),
        (19.1, 3.0, "rank >= 95% of baseline", 0),
        (21.0, None, "rank <= 105% of baseline", 0),
        (21.1, None, "rank <= 105% of baseline", 1),
        (20.0, None, "rank > 100% of baseline", 1),
    ],
)
def test_one_number_beside_the_baseline_s(
    rank: float, half: float | None, required: str, code: int, tmp_path: Path, capsys: Capture
) -> None:
    """From 20: 95 % are 19. What meets that passes, whatever its interval; what misses it fails where the interval does too."""
    new = plant(tmp_path / "new.json", rank, half, spaces="z")
    document = checked(
        capsys, new, "--require", required, "--baseline", plant(tmp_path / "old.json", spaces="z"), code=code
    )
    result = {0: "pass", 1: "fail", 3: "inconclusive"}[code]
    assert rows(document) == {required.replace(" >= 0.95", " >= 0.95").replace("rank", "rank.z", 1): result}


def test_the_interval_of_the_baseline_counts_too(tmp_path: Path, capsys: Capture) -> None:
    """Half of 20 ± 2 is 10 ± 1: 9.5 ± 0 is in touch with it, 8.5 ± 0 is not."""
    old = plant(tmp_path / "old.json", half=2.0, spaces="z")
    for rank, code in ((9.5, 3), (8.5, 1)):
        new = plant(tmp_path / "new.json", rank, 0.1, spaces="z")
        checked(capsys, new, "--require", "rank >= 50% of baseline", "--baseline", old, code=code)


def test_it_is_the_same_as_a_tolerance(tmp_path: Path, capsys: Capture) -> None:
    """95 % of a baseline, and 5 % less: without an interval of the baseline, also for what the interval leaves open."""
    old = plant(tmp_path / "old.json", spaces="z")
    for rank, half in ((19.0, 1.0), (18.5, 1.0), (17.0, 1.0)):
        new = plant(tmp_path / "new.json", rank, half, spaces="z")
        codes = {
            main(["check", new, "--baseline", old, *terms, "-q"])
            for terms in (["--require", "rank.z >= 95% of baseline"], ["--only", "rank.z"])
        }
        assert len(codes) == 1
    capsys.readouterr()


def test_a_required_share_alone_is_compared(tmp_path: Path, capsys: Capture) -> None:
    """All numbers of a baseline are compared where no requirement names it, or where it is said which, or by how much."""
    new, old = plant(tmp_path / "new.json", 15.0), plant(tmp_path / "old.json")
    terms = [new, "--baseline", old, "--require", "rank.z >= 70% of baseline"]
    assert list(rows(checked(capsys, *terms))) == ["rank.z >= 70% of baseline"]
    every = ["rank.z >= 70% of baseline", "rank.h", "rank.z"]
    assert list(rows(checked(capsys, *terms, "--tolerance", "30%"))) == every
    assert list(rows(checked(capsys, *terms, "--only", "rank.h", code=1))) == [every[0], every[1]]
    assert (
        list(rows(checked(capsys, new, "--baseline", old, "--require", "rank > 1", code=1)))[1:] == every[1:]
    )


def test_only_some_are_compared(tmp_path: Path, capsys: Capture) -> None:
    """By name in every space, or in one; names stand in one text or in several."""
    new, old = plant(tmp_path / "new.json", spread=-1.0), plant(tmp_path / "old.json", spread=-2.0)
    for only, code, names in (
        (["--only", "rank"], 0, ["rank.h", "rank.z"]),
        (["--only", "spread.h"], 1, ["spread.h"]),
        (["--only", "spread.h, rank.z"], 1, ["spread.h", "rank.z"]),
        (["--only", "rank.h", "--only", "rank.z"], 0, ["rank.h", "rank.z"]),
    ):
        document = checked(capsys, new, "--baseline", old, *only, code=code)
        assert sorted(rows(document)) == sorted(names)
    settings = [one["settings"] for one in document["results"] if one["kind"] == "against_baseline"]
    assert settings == [{"baseline": old, "tolerance": "5%", "only": "rank.h, rank.z"}]


def test_each_number_has_its_tolerance(tmp_path: Path, capsys: Capture) -> None:
    """Ranks fell by a tenth, from 20 and 40; the spread rose by 1."""
    new, old = plant(tmp_path / "new.json", 18.0, spread=-1.0), plant(tmp_path / "old.json", spread=-2.0)
    expected = dict.fromkeys(["rank.h", "rank.z", "spread.h", "spread.z"], "fail")
    for tolerances, passing in (
        ([], []),
        (["10%"], ["rank.h", "rank.z"]),
        (["rank=10%"], ["rank.h", "rank.z"]),
        (["rank=2"], ["rank.z"]),
        (["rank=1%", "rank.z=2", "spread.h=1"], ["rank.z", "spread.h"]),
        (["50%", "rank=0", "spread.z=0.9"], ["spread.h"]),
    ):
        options = [word for text in tolerances for word in ("--tolerance", text)]
        document = checked(capsys, new, "--baseline", old, *options, code=1)
        assert rows(document) == expected | dict.fromkeys(passing, "pass"), tolerances


def test_those_that_fail_stand_first(tmp_path: Path, capsys: Capture) -> None:
    new = plant(tmp_path / "new.json", 18.0, 3.0, spread=-1.0)
    document = checked(
        capsys,
        new,
        "--baseline",
        plant(tmp_path / "old.json", spread=-2.0),
        "--tolerance",
        "rank.h=10%",
        code=1,
    )
    assert list(rows(document).items()) == [
        ("spread.h", "fail"), ("spread.z", "fail"), ("rank.z", "inconclusive"), ("rank.h", "pass"),
    ]  # fmt: skip
    (gate,) = [one for one in document["results"] if one["kind"] == "gate"]
    assert document["results"][0] == gate
    assert gate["verdict"]["sentence"] == "2 of 6 checks failed, 1 undecided, 3 passed."
    assert gate["verdict"]["reasons"] == [
        "fail: spread.h -1 is above -1.9 (the baseline's -2 plus 5%)",
        "fail: spread.z -1 is above -1.9 (the baseline's -2 plus 5%)",
        "inconclusive: rank.z 18.0 ± 3.0 is not known to be at least 19 (the baseline's 20 less 5%): "
        "its 95 % interval and that of the bound overlap",
    ]


def test_near_zero_the_intervals_decide(tmp_path: Path, capsys: Capture) -> None:
    """Isotropic embeddings have a mean cosine of nearly 0, of which 5 % say nothing; with an offset it is told apart."""
    generator = numpy.random.default_rng(0)
    for name, offset in (("old", 0.0), ("new", 0.0), ("offset", 1.0)):
        numpy.save(tmp_path / f"{name}.npy", generator.standard_normal((800, 16)) + offset)
    only = ["--baseline", "old.npy", "--only", "alignment.mean_cosine"]
    document = checked(capsys, "new.npy", *only)
    assert rows(document) == {"alignment.mean_cosine.h": "pass"}
    document = checked(capsys, "offset.npy", *only, code=1)
    assert "so near 0 that 5% of it says nothing" in document["results"][0]["verdict"]["reasons"][0]


@pytest.mark.parametrize(
    ("terms", "message", "remedy"),
    [
        (["--require", "rank.z >= 95% of baseline"], "'rank.z >= 95% of baseline' needs a baseline", "add --baseline"),
        (["--only", "rank"], "'only' says which numbers are compared", "add --baseline"),
        (["--tolerance", "rank=5%"], "'tolerance' is by how much", "add --baseline"),
        (["--baseline", "old.json", "--only", "rnk.h"], "rnk.h (in 'only') cannot be compared", "'rank.h'"),
        (["--baseline", "old.json", "--only", "other"], "neither better high nor low", "require other >= NUMBER"),
        (["--baseline", "old.json", "--only", "rank,,"], "'only' holds an empty name", "effective_rank,uniformity"),
        (["--baseline", "old.json", "--tolerance", "rnk=1"], "rnk (in 'tolerance')", "'rank.z'"),
        (["--baseline", "old.json", "--only", "rank", "--tolerance", "spread=1"], "not among those", "in 'only' too"),
        (["--baseline", "old.json", "--require", "spread <= 95% of baseline"], "can be negative", "spread.z <= NUMBER"),
        (["--baseline", "old.json", "--require", "rank == 20"], "rank.z is none", "rank.z >= NUMBER"),
        (["--baseline", "old.json", "--require", "rank >= 50%"], "50% of what?", "50% of null"),
        (["--baseline", "point.json", "--require", "rank >= 5% of baseline"], "has collapsed completely", "of the null"),
        (["--baseline", "wide.json", "--require", "rank >= 5% of baseline"], "65 dimensions", "of the null"),
        (["--baseline", "h.json", "--require", "rank.z >= 5% of baseline"], "the baseline h.json: rank.z is not", "rank.h"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)  # fmt: skip
def test_what_is_refused(
    terms: list[str], message: str, remedy: str, tmp_path: Path, capsys: Capture
) -> None:
    """With the remedy in a second line."""
    new, _ = plant(tmp_path / "new.json", spread=-1.0), plant(tmp_path / "old.json", spread=-1.0)
    plant(tmp_path / "point.json", status="complete collapse")
    plant(tmp_path / "wide.json", dimensions=65)
    plant(tmp_path / "h.json", spaces="h")
    first, second = refused(capsys, new, *terms).splitlines()[-2:]
    assert message in first
    assert remedy in second


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (["--require", "uniformity.z >= 95% of null"], "uniformity.z can be negative"),
        (["--require", "effective_rank == 3"], "effective_rank is none"),
        (["--require", "knn >= 90"], "knn is never above 1"),
        (["--require", "effective_rank.h >= 95% of baseline"], "needs a baseline"),
        (["--baseline", "nowhere.npy", "--only", "efective_rank.h"], "no number is named 'efective_rank.h'"),
        (["--baseline", "nowhere.npy", "--tolerance", "unifromity.z=1"], "no number is named 'unifromity.z'"),
        (["--baseline", "nowhere.npy", "--only", "coverage"], "coverage holds an input against the baseline"),
        (["--save-baseline", "base.txt"], "write --save-baseline FILE.json"),
        (["--save-baseline", "no/base.json"], "no such directory"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_what_is_refused_before_anything_is_read(terms: list[str], message: str, capsys: Capture) -> None:
    shown = refused(capsys, "nowhere.pt", *terms)
    assert message in shown
    assert "no file" not in shown


def test_a_percentage_of_what_an_older_answer_holds(tmp_path: Path, capsys: Capture) -> None:
    """It does not say what its numbers can be: the numbers of today's measurements do."""
    numpy.save(tmp_path / "e.npy", numpy.random.default_rng(0).standard_normal((300, 8)))
    assert main(["spectrum", "e.npy", "--json", "-q"]) == 0
    text = capsys.readouterr().out
    older = json.loads(text)
    for result in older["results"]:
        for metric in result["metrics"].values():
            metric.pop("low", None)
            metric.pop("high", None)
    assert '"low":' in text
    assert '"low":' not in json.dumps(older)
    (tmp_path / "older.json").write_text(json.dumps(older))
    assert main(["check", "older.json", "--require", "effective_rank >= 90% of null", "-q"]) == 0
    assert main(["check", "older.json", "--require", "mean_cosine <= 90% of null", "-q"]) == 2
    assert named.domains()["effective_rank"].low == 0


def test_of_the_project(tmp_path: Path, capsys: Capture) -> None:
    """only and tolerance count where there is a baseline; typed ones stand in their place."""
    new, old = plant(tmp_path / "new.json", 18.0, spread=-1.0), plant(tmp_path / "old.json", spread=-2.0)
    text = '[tool.collapse.check]\nonly = ["rank"]\ntolerance = ["1%", "rank.h=10%"]\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert rows(checked(capsys, new)) == {}
    document = checked(capsys, new, "--baseline", old, code=1)
    assert rows(document) == {"rank.h": "pass", "rank.z": "fail"}
    document = checked(capsys, new, "--baseline", old, "--tolerance", "10%")
    assert set(rows(document).values()) == {"pass"}
    document = checked(capsys, new, "--baseline", old, "--only", "spread", "--tolerance", "1")
    assert rows(document) == {"spread.h": "pass", "spread.z": "pass"}
    document = checked(capsys, new, "--baseline", old, "--only", "spread,rank", code=1)
    assert len(rows(document)) == 4
