"""The tools' arguments are the commands' options, each said once; what does not fit them is refused in a sentence."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy
import pytest
from jsonschema import Draft202012Validator

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.assistant import calls, tools
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError

from .conftest import Ask


@pytest.mark.parametrize("tool", list(tools.WHEN))
def test_a_schema_is_one(tool: str) -> None:
    schema = tools.schema(tool)
    Draft202012Validator.check_schema(schema)
    assert schema["required"]
    assert all(argument["description"] for argument in schema["properties"].values())
    assert "[" not in "".join(argument["description"] for argument in schema["properties"].values()).replace(
        "[:", ""
    )


def test_arguments_say_what_the_settings_say() -> None:
    """Help, default, range and choices of every field that is offered."""
    offered = tools.schema("diagnose")["properties"]
    fields = {field.name: field for field in dataclasses.fields(Measuring)}
    assert set(fields) - set(offered) == {"download", "data_dir"}
    for name, argument in offered.items():
        if name in fields:
            assert argument["description"] == fields[name].metadata["help"]
            assert argument.get("default", fields[name].default) == fields[name].default
    assert offered["samples"] | {"description": ""} == {
        "type": "integer", "description": "", "default": 10000, "minimum": 2,
    }  # fmt: skip
    assert offered["split"]["enum"] == ["auto", "train", "test", "all"]


def test_nothing_that_writes_or_fetches_is_offered() -> None:
    for tool in tools.WHEN:
        assert not set(tools.WITHHELD) & set(tools.arguments(tool))


@pytest.mark.parametrize("name", sorted(tools.WITHHELD))
def test_what_is_withheld_says_why(ask: Ask, name: str) -> None:
    said = ask("diagnose", inputs=["e.npy"], **{name: "x"})["error"]
    assert said.startswith(f"collapse: {name}: ")
    assert "leave it out" in said or "start it with" in said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"inputs": [3]}, ("inputs cannot contain 3", "a list of texts")),
        ({"inputs": 3}, ("inputs cannot be 3", "a list of texts")),
        ({"inputs": {"a": "b"}}, ("inputs cannot be", "a list of texts")),
        ({"inputs": []}, ("needs the argument inputs",)),
        ({}, ("needs the argument inputs",)),
        ({"inputs": [" "]}, ("inputs is empty",)),
        ({"inputs": ["e.npy"], "sample": 3}, ("no argument 'sample'", "did you mean 'samples'?")),
        (
            {"inputs": ["e.npy"], "--label-column": "x"},
            ("no argument '--label-column'", "write it as label_column"),
        ),
        ({"inputs": ["e.npy"], "samples": "many"}, ("samples cannot be many", "a whole number")),
        ({"inputs": ["e.npy"], "samples": 2.5}, ("samples cannot be 2.5",)),
        ({"inputs": ["e.npy"], "samples": True}, ("samples cannot be True",)),
        ({"inputs": ["e.npy"], "samples": 1}, ("samples cannot be 1", "at least 2")),
        ({"inputs": ["e.npy"], "samples": 10**40}, ("samples cannot be", "at most")),
        ({"inputs": ["e.npy"], "centre": "yes"}, ("centre cannot be yes", "true or false")),
        ({"inputs": ["e.npy"], "labels": 7}, ("labels cannot be 7", "text")),
        ({"inputs": ["e.npy"], "dataset": [1]}, ("dataset cannot contain 1",)),
        ({"inputs": ["e.npy"], "split": "mine"}, ("split cannot be 'mine'", "auto, train, test, all")),
    ],
)
def test_what_does_not_fit_is_refused(ask: Ask, given: dict[str, Any], words: tuple[str, ...]) -> None:
    said = ask("diagnose", **given)
    assert said["exit_code"] == 2
    for word in words:
        assert word in said["error"]


def test_none_is_as_good_as_nothing_and_a_lone_text_is_a_list(ask: Ask) -> None:
    assert ask("diagnose", inputs="e.npy", labels=None)["text"] == ask("diagnose", inputs=["e.npy"])["text"]


@pytest.mark.parametrize(
    "line", ["diagnose e.npy", "diagnose e.npy c.npy", "check c.npy", "compare e.npy c.npy"]
)
def test_the_text_is_what_the_terminal_prints(
    ask: Ask, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    """At 100 columns, without colours; the exit code is that of the command."""
    tool, *inputs = line.split()
    said = ask(tool, inputs=inputs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(calls.WIDTH))
        code = main([tool, *inputs, "-q"])
        assert code == said["structured"]["exit_code"]
        main([tool, *inputs])
    printed = capsys.readouterr().out.splitlines()
    assert said["text"].splitlines() == [line.rstrip() for line in printed]


def test_inspect_prints_what_the_terminal_prints(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    said = ask("inspect", input="e.npy")
    assert main(["inspect", "e.npy"]) == 0
    assert said["text"] == capsys.readouterr().out.rstrip("\n")
    assert said["structured"]["h"] == [300, 8]


def test_inconclusive_is_no_error(ask: Ask) -> None:
    """Three embeddings of 8 dimensions cannot tell; what the gate requires of them neither."""
    numpy.save("few.npy", numpy.load("e.npy")[:3])
    said = ask("diagnose", inputs=["few.npy"])
    assert said["structured"]["exit_code"] == 3
    assert said["text"].startswith("? Inconclusive.")
    assert ask("check", inputs=["few.npy"])["structured"]["status"] == "inconclusive"


def test_several_data_sets_are_of_a_network(ask: Ask) -> None:
    assert (
        "which no --dataset changes"
        in ask("diagnose", inputs=["e.npy"], dataset=["digits", "mnist"])["error"]
    )


def test_explain_needs_no_file(ask: Ask) -> None:
    said = ask("explain", name="collapse check")
    assert "### `collapse check`" in said["text"]
    assert {"page": "commands", "title": "`collapse check`"} in said["structured"]["sections"]
    assert "nothing named" in ask("explain", name="no such thing")["error"]
    assert len(json.dumps(ask("explain", name="commands"))) < 8000


def test_a_bug_is_told_without_a_traceback(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("of all things")

    monkeypatch.setitem(calls.CALLS, "diagnose", broken)
    said = ask("diagnose", inputs=["e.npy"])
    assert said["exit_code"] == 70
    assert said["error"].splitlines()[0] == "collapse: internal error: ZeroDivisionError: of all things"
    assert "Traceback" not in said["error"]
    monkeypatch.setitem(calls.CALLS, "diagnose", lambda *_: (_ for _ in ()).throw(MemoryError()))
    assert "out of memory" in ask("diagnose", inputs=["e.npy"])["error"]


def test_an_error_without_end_is_cut_and_keeps_its_remedy() -> None:
    for letter in ("x", "\x01", "ü"):
        said = calls.refused(CollapseError(letter * 20_000 + "\nmore", "give another"))
        assert len(json.dumps(said, ensure_ascii=False).encode()) < 8000
        assert said["error"].endswith(" …\n  give another")
    assert len(json.dumps(calls.refused(CollapseError("x" * 20_000, "y" * 20_000)))) < 8000
