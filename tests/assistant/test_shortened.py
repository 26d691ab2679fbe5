"""Every answer fits into 8 kB, still fits the schema, and says what it lacks."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy
import pytest
from jsonschema import Draft202012Validator

from collapse_cli.assistant.shortened import AROUND, ENDS, LIMIT, STEPS, cut, fitted, size, within

from .conftest import Ask

SCHEMA = Draft202012Validator(json.loads(files("collapse_cli.views").joinpath("schema.json").read_text()))


def sent(said: dict[str, Any]) -> int:
    """Bytes of an answer: text and structured content; the server's tests count what is around them."""
    return size(said["text"]) + size(said["structured"]) + AROUND


def test_what_is_small_stays_as_it_is() -> None:
    structured = {"exit_code": 0, "path": "e.npy", "results": ["diagnose"]}
    assert fitted("short", structured) == ("short", structured)


def test_a_diagnosis_loses_its_curves_first(ask: Ask) -> None:
    rows = numpy.random.default_rng(0).standard_normal((300, 128)) * ([1] * 16 + [1e-4] * 112)
    numpy.save("c.npy", rows.astype("float32"))
    said = ask("diagnose", inputs=["c.npy"])
    assert said["structured"]["omitted"][0] == "curves, matrices and values by index"
    assert said["structured"]["results"][0]["verdict"]["status"] == "dimensional collapse"
    assert said["structured"]["results"][0]["metrics"]["effective_rank"]["interval"]
    assert sent(said) <= LIMIT
    SCHEMA.validate(said["structured"])


def test_twenty_inputs_fit(ask: Ask, folder: Path) -> None:
    """The whole document of a comparison of these has more than 200 kB. Of each answer the text and the status stay."""
    names = [f"a-rather-long-name-of-a-file-{number}.npy" for number in range(20)]
    for number, name in enumerate(names):
        generator = numpy.random.default_rng(number)
        rows = generator.standard_normal((100, 3 + number % 5)) @ generator.standard_normal(
            (3 + number % 5, 8)
        )
        numpy.save(folder / name, rows.astype("float32"))
    for tool in ("check", "compare"):
        said = ask(tool, inputs=names)
        assert sent(said) <= LIMIT
        assert sent(said) > LIMIT / 2  # no more is left out than needed
        assert said["structured"]["exit_code"] in (0, 1)
        assert len(said["text"]) > 1000
        SCHEMA.validate(said["structured"])


def test_a_gate_keeps_its_status(ask: Ask) -> None:
    for bound, status, code in (("<= 100", "passed", 0), (">= 100", "failed", 1)):
        said = ask("check", inputs=["e.npy"], require=[f"effective_rank {bound}"])
        assert (said["structured"]["status"], said["structured"]["exit_code"]) == (status, code)


def test_whatever_is_long_fits() -> None:
    """Facts of any shape, a text of one line, and warnings without end."""
    many = {f"name {number}": "x" * 200 for number in range(60)}
    for structured in (
        {"exit_code": 0, **many},
        {"exit_code": 0, "classes": {f"class {n}": n for n in range(900)}},
        {"exit_code": 0, "files": ["ü" * 500] * 50},
        {"exit_code": 0, "why": "ü" * 9_000},
        {"exit_code": 0, "next": ["\x01" * 9_000]},
        {"exit_code": 0, "inputs": [{"\x01" * 9_000: ["x" * 9_000]}]},
    ):
        text, fitting = fitted("ü" * 20_000, structured)
        assert size(text) + size(fitting) + AROUND <= LIMIT
        assert fitting["exit_code"] == 0
        assert "lines of the text" in fitting["omitted"]
    assert fitted("short", {"exit_code": 0, **many})[1]["omitted"] == [ENDS]


@pytest.mark.parametrize("typed", ["\x01" * 9_000, "ä" * 9_000])
def test_an_argument_without_end_does_not_come_back_as_one(ask: Ask, typed: str) -> None:
    """The next command repeats the options; what is cut leaves a document that is one, and the numbers."""
    said = ask("diagnose", inputs=["e.npy"], arch=typed)
    assert sent(said) <= LIMIT
    SCHEMA.validate(said["structured"])
    assert (said["structured"]["command"], said["structured"]["tool"]["name"]) == ("diagnose", "collapse")
    assert said["structured"]["results"][0]["metrics"]["effective_rank"]["value"]
    assert said["text"].startswith("✓ Healthy.")


def test_a_page_fills_the_room_that_there_is(ask: Ask) -> None:
    """What stands beside its text is small."""
    said = ask("explain", name="spectrum")
    assert said["structured"]["omitted"] == ["lines of the text"]
    assert 7000 < sent(said) <= LIMIT


def test_the_beginning_of_a_text() -> None:
    """Bytes of JSON: a control character takes six."""
    assert within("short", 7) == "short"
    assert within("shorter", 8) == "sh …"
    assert within("\x01" * 10, 30) == "\x01" * 4 + " …"
    assert within("x" * 10, 3) == " …"


def test_a_text_is_cut_between_lines() -> None:
    text = "\n".join(f"line {number}" for number in range(1000))
    shown = cut(text, 500).splitlines()
    assert shown[0] == "line 0"
    assert shown[-1] == f"… {1000 - (len(shown) - 1)} more lines: type the command in a terminal"
    assert size("\n".join(shown)) <= 500
    assert cut("short", 500) == "short"


def test_numbers_keep_six_digits() -> None:
    (change,) = (change for name, change in STEPS if name == "digits beyond the sixth")
    assert change is not None
    assert change({"a": 1 / 3, "b": [2e-9 / 3, 7], "c": {"d": True}}, 0) == {
        "a": 0.333333,
        "b": [6.66667e-10, 7],
        "c": {"d": True},
    }
