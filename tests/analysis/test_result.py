"""A result: read by attribute, printed short and whole, copied, and handed on."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from importlib.resources import files
from pathlib import Path

import numpy
import pytest
from jsonschema import Draft202012Validator

import collapse_cli as collapse
from collapse_cli.errors import CollapseError

Z = numpy.random.default_rng(0).standard_normal((300, 8))
FLAT = Z * ([1] * 2 + [1e-6] * 6)
MEASURED = ["spectrum", "alignment", "probe", "oracle", "diagnose", "causes", "weights", "check"]


@pytest.fixture(scope="module")
def single() -> collapse.Result:
    return collapse.spectrum(Z)


@pytest.fixture(scope="module")
def of_run(run: Path) -> dict[str, collapse.Result]:
    """Everything that can be measured of a run, by name."""
    subject = collapse.load(run)
    return {name: getattr(collapse, name)(subject) for name in MEASURED}


def test_of_one_part_every_number_is_an_attribute(single: collapse.Result) -> None:
    entry = single.entries[0]
    assert single.effective_rank == entry.result.effective_rank
    assert single.effective_rank.null == entry.metrics["effective_rank"]["null"]
    low, high = single.effective_rank.interval
    assert low < single.effective_rank < high
    assert single.verdict == entry.verdict
    assert (single.samples, single.dimensions, single.spaces, len(single)) == (300, 8, ("h",), 1)
    assert single.h.effective_rank == single["h"].effective_rank == single["array"].effective_rank


def test_of_several_parts_one_is_chosen(of_run: dict[str, collapse.Result]) -> None:
    result = of_run["spectrum"]
    assert result.spaces == ("h", "z")
    assert (result.h.dimensions, result.z.dimensions) == (128, 64)
    assert [entry.space for entry in result] == ["h", "z"]
    with pytest.raises(
        AttributeError, match=r"each of the 2 parts has a number 'rankme': result.h, result.z"
    ):
        result.rankme  # noqa: B018
    with pytest.raises(KeyError, match="'head' was not measured"):
        result["head"]


def test_of_several_subjects_one_is_chosen() -> None:
    result = collapse.diagnose(Z, FLAT)
    assert result["array 2"].active == 2
    assert result.verdicts["array 2 · h"].status == "dimensional collapse"
    with pytest.raises(AttributeError, match=r"result\['array 1'\], result\['array 2'\]"):
        result.active  # noqa: B018


def test_an_unknown_number_names_its_neighbour(single: collapse.Result) -> None:
    with pytest.raises(
        AttributeError, match="no number 'efective_rank' was measured: did you mean 'effective_rank'"
    ):
        single.efective_rank  # noqa: B018


def test_completion_lists_numbers_and_spaces(
    single: collapse.Result, of_run: dict[str, collapse.Result]
) -> None:
    assert {*single.entries[0].metrics, "h", "table", "status"} <= set(dir(single))
    assert {"h", "z"} <= set(dir(of_run["spectrum"]))
    assert "rankme" not in dir(of_run["spectrum"])


def test_status() -> None:
    assert collapse.diagnose(Z).status == "healthy"
    assert collapse.diagnose(Z, 2 * Z).status == "healthy"
    assert collapse.alignment(Z).status == ""
    with pytest.raises(
        CollapseError, match=r"array 1 · h: healthy, array 2 · h: dimensional collapse\)\nchoose one"
    ):
        collapse.diagnose(Z, FLAT).status  # noqa: B018


@pytest.mark.parametrize(
    ("require", "status"),
    [(["effective_rank >= 4"], "passed"), (["effective_rank >= 9"], "failed"), ([], "passed")],
)
def test_status_of_a_gate(require: list[str], status: str) -> None:
    assert collapse.check(Z, require=require).status == status


def test_status_of_a_gate_that_the_sample_cannot_decide() -> None:
    rank = float(collapse.spectrum(Z).effective_rank)
    assert collapse.check(Z, require=[f"effective_rank >= {rank}"]).status == "inconclusive"


@pytest.mark.parametrize(
    "handed", [copy.copy, copy.deepcopy, lambda result: pickle.loads(pickle.dumps(result))]
)
def test_copies_are_equal(single: collapse.Result, handed: object) -> None:
    again = handed(single)  # type: ignore[operator]
    assert again == single
    assert again.effective_rank.interval == single.effective_rank.interval
    assert again.to_dict() == single.to_dict()


def test_a_bare_object_does_not_look_for_itself() -> None:
    """As while it is unpickled: an attribute is asked for before there are any."""
    with pytest.raises(AttributeError):
        collapse.Result.__new__(collapse.Result).effective_rank  # noqa: B018


@pytest.mark.parametrize("name", MEASURED)
def test_the_short_answer_is_short(name: str, of_run: dict[str, collapse.Result]) -> None:
    """At most sixteen lines of 100 letters; the status of the verdict comes first, or the title; no command to type."""
    result = of_run[name]
    lines = str(result).splitlines()
    assert 0 < len(lines) <= 16
    assert max(map(len, lines)) <= 100
    assert lines == [line.rstrip() for line in lines]
    first = lines[0].lower()
    assert (result.status in first) if result.verdicts else first.startswith(result.entries[0].title.lower())
    assert "--all" not in str(result)
    assert repr(result) == str(result)


def test_the_short_answer_of_many_inputs() -> None:
    """A line for each behind the names of the three numbers, and what stands in brackets."""
    lines = str(collapse.diagnose(*[Z[:, : 4 + n] for n in range(5)], *[Z] * 4)).splitlines()
    rows = [line.split() for line in lines if line.startswith("✓")]
    assert [row[2] for row in rows] == [str(n) for n in range(1, 10)]
    assert [row[6:8] for row in rows[:2]] == [["4", "(4)"], ["5", "(5)"]]
    assert lines[-1] == "in brackets the null: isotropic"
    assert len(lines) == 12


def test_the_table_is_the_terminal_without_colour(
    run: Path,
    of_run: dict[str, collapse.Result],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from collapse_cli.cli import main

    monkeypatch.setenv("COLUMNS", "90")
    main(["spectrum", "--all", str(run)])
    shown = [line.rstrip() for line in capsys.readouterr().out.rstrip().splitlines()]
    assert of_run["spectrum"].table(90).splitlines() == shown
    assert "\x1b" not in of_run["spectrum"].table()


def test_text_is_text_also_in_a_notebook(single: collapse.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rich believes that it writes to Jupyter, it would show HTML in place of what is asked for."""
    expected = str(single), single.table()
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert (str(single), single.table()) == expected


@pytest.mark.parametrize("name", MEASURED)
def test_the_document_fits_the_schema(name: str, of_run: dict[str, collapse.Result]) -> None:
    schema = json.loads(files("collapse_cli.views").joinpath("schema.json").read_text())
    document = json.loads(json.dumps(of_run[name].to_dict(), allow_nan=False))
    assert list(Draft202012Validator(schema).iter_errors(document)) == []
    assert document["command"] == name


def test_pandas_has_a_row_for_each_number(of_run: dict[str, collapse.Result]) -> None:
    pytest.importorskip("pandas")
    result = of_run["spectrum"]
    frame = result.to_pandas()
    assert list(frame.columns[:5]) == ["kind", "subject", "space", "metric", "value"]
    assert len(frame) == sum(m["kind"] == "number" for entry in result for m in entry.metrics.values())
    chosen = frame[(frame.space == "z") & (frame.metric == "effective_rank")].iloc[0]
    assert chosen.value == result.z.effective_rank
    assert (chosen.low, chosen.high) == result.z.effective_rank.interval
    assert chosen.null == result.z.effective_rank.null


def test_without_pandas_the_remedy_is_named(single: collapse.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(CollapseError, match=r"pip install 'collapse-cli\[pandas\]'"):
        single.to_pandas()
