"""Saved answers read back: what they keep, and a sentence for everything that is none."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collapse_cli.answers import Verdict
from collapse_cli.errors import CollapseError
from collapse_cli.runs.saved_answers import read

CURVE = {
    "kind": "curve",
    "label": "line",
    "help": "a line",
    "values": [1, None],
    "at": None,
    "null": [2.0, 2.0],
    "x": "k",
    "interval": [[0.5, None], [2, None]],
    "names": ["a", "b"],
}
EACH = {
    "kind": "each", "label": "recall", "help": "of a class", "of": "class", "low": 0, "high": 1,
    "values": {"a": 0.5, "b": None}, "intervals": {"a": [0.25, 0.75]},
}  # fmt: skip
NUMBER = {
    "kind": "number", "label": "rank", "help": "a rank", "unit": "", "convention": "", "value": 3.5, "null": 8.0,
    "interval": [3.0, None],
}  # fmt: skip
RESULT = {
    "of": "a · z", "input": 0, "title": "Shape", "settings": {"N": 9}, "metrics": {"rank": NUMBER, "line": CURVE, "recall": EACH},
    "verdict": {"status": "healthy", "sentence": "healthy: it lives", "reasons": []},
}  # fmt: skip
ANSWER = {
    "schema": 1, "tool": {"name": "collapse", "version": "0"}, "command": "spectrum", "argv": [],
    "inputs": [{"path": "a"}], "results": [RESULT], "warnings": [],
}  # fmt: skip


def saved(folder: Path, document: Any) -> Path:
    path = folder / "answer.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_what_is_measured_of_spaces_is_kept(tmp_path: Path) -> None:
    gate = RESULT | {"of": "a", "title": "Gate"}
    found = read(saved(tmp_path, ANSWER | {"results": [RESULT, gate], "more": 1}))
    (entry,) = found
    assert (found.command, found.inputs, found.warnings) == ("spectrum", ({"path": "a"},), ())
    assert (entry.kind, entry.subject, entry.space, entry.input) == ("shape", "a", "z", 0)
    assert (entry.settings, entry.metrics) == ({"N": 9}, {"rank": NUMBER, "line": CURVE, "recall": EACH})
    assert entry.verdict == Verdict("healthy", "it lives")


def test_schema_1_is_read_by_todays_names(tmp_path: Path) -> None:
    """Its metrics, curves, bounds, facts and settings have the names that they would be written by today."""
    bound = {"number": "filled", "value": 3.0}
    old = RESULT | {
        "metrics": {"filled": NUMBER, "rows": NUMBER, "line": CURVE | {"before": [1, 2]}},
        "settings": {"chance": "isotropic, ReLU"},
        "verdict": RESULT["verdict"] | {"thresholds": [bound]},
    }
    found = read(
        saved(tmp_path, ANSWER | {"results": [old], "inputs": [{"path": "a", "asked": {"seed": 1}}]})
    )
    (entry,) = found
    assert list(entry.metrics) == ["active", "samples", "line"]
    assert entry.metrics["line"] == CURVE | {"initial": [1, 2]}
    assert entry.settings == {"null": "isotropic, ReLU"}
    assert found.inputs == ({"path": "a", "options": {"seed": 1}},)
    assert entry.verdict is not None
    assert entry.verdict.thresholds == ({"number": "active", "value": 3.0},)


def test_schema_2_says_of_which_space_it_is(tmp_path: Path) -> None:
    """What is written for eyes is not read: `of` and the title may say anything."""
    result = RESULT | {
        "kind": "shape",
        "subject": "a · b",
        "space": "z",
        "of": "whatever",
        "title": "Whatever",
    }
    (entry,) = read(saved(tmp_path, ANSWER | {"schema": 2, "results": [result]}))
    assert (entry.kind, entry.subject, entry.space) == ("shape", "a · b", "z")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "is not JSON"),
        ('{"schema": 1,', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1, 2]", "is not an answer of collapse"),
        ("{}", "is not an answer of collapse"),
        ('{"schema": 1}', "is not an answer of collapse"),
        (ANSWER | {"schema": 3}, "has schema 3, this version of collapse reads 2"),
        (ANSWER | {"schema": 2}, "is not an answer of collapse"),
        (ANSWER | {"schema": "1"}, "is not an answer of collapse"),
        (ANSWER | {"tool": {"name": "another"}}, "is not an answer of collapse"),
        (ANSWER | {"results": []}, "(an answer of collapse spectrum) contains no measurement of a space"),
        (ANSWER | {"results": [RESULT | {"of": "moco"}]}, "contains no measurement of a space"),
        (
            ANSWER | {"inputs": [{}, {}], "results": [RESULT, RESULT | {"input": 1}]},
            "is about several inputs",
        ),
    ],
    ids=lambda one: str(one)[:30],
)
def test_what_is_none(document: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(CollapseError) as refused:
        read(saved(tmp_path, document))
    assert said in refused.value.message
    assert refused.value.code == 2


def test_no_file(tmp_path: Path) -> None:
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe{")
    for path, said in (
        (tmp_path / "no.json", "cannot read"),
        (tmp_path, "cannot read"),
        (tmp_path / "bytes.json", "JSON"),
    ):
        with pytest.raises(CollapseError, match=said):
            read(path)


@pytest.mark.parametrize(
    ("name", "part", "value"),
    [
        ("line", "interval", [[1, 2]]), ("line", "interval", [[1], [2]]), ("line", "interval", [["1", 2], [1, 2]]),
        ("line", "interval", {"a": [1, 2]}), ("line", "names", ["a", 2]), ("line", "names", "ab"),
        ("line", "low", "0"), ("line", "apart", ["result"]),
        ("recall", "intervals", {"a": [1]}), ("recall", "intervals", {"a": ["0", "1"]}), ("recall", "intervals", [[0, 1]]),
        ("recall", "high", [1]),
    ],
)  # fmt: skip
def test_a_damaged_part_is_no_answer(name: str, part: str, value: Any, tmp_path: Path) -> None:
    metrics = RESULT["metrics"] | {name: RESULT["metrics"][name] | {part: value}}
    with pytest.raises(CollapseError, match="is not an answer of collapse"):
        read(saved(tmp_path, ANSWER | {"results": [RESULT | {"metrics": metrics}]}))


def _damaged(whole: Any) -> Iterator[Any]:
    """Copies with one value in any depth left out, or another in its place."""
    for key in whole if isinstance(whole, dict) else range(len(whole)) if isinstance(whole, list) else ():
        for put in ("leave out", None, 7, "text", [], {}, [1], {"a": 1}):
            one = copy.deepcopy(whole)
            if put == "leave out":
                del one[key]
            else:
                one[key] = put
            yield one
        for inner in _damaged(whole[key]):
            yield (
                whole | {key: inner} if isinstance(whole, dict) else [*whole[:key], inner, *whole[key + 1 :]]
            )


def test_damage_is_a_sentence_or_does_no_harm(tmp_path: Path) -> None:
    """Nothing but CollapseError comes of a file, whatever has become of it."""
    outcomes = []
    for document in _damaged(ANSWER):
        try:
            read(saved(tmp_path, document))
            outcomes.append("read")
        except CollapseError:
            outcomes.append("refused")
    assert outcomes.count("refused") > 100
    assert outcomes.count("read") > 20
