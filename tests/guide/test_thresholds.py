"""Thresholds that pages name are those of the program, and commands that plant a cause are those that were run."""

from __future__ import annotations

import re
import shlex

import pytest

from collapse_cli.analysis import hubness
from collapse_cli.analysis.cure_commands import SEEN
from collapse_cli.claims import NAMES as CLAIMS
from collapse_cli.guide.pages import Section, explanations, pages, sections
from collapse_cli.metrics import (
    advice,
    causes,
    causes_forces,
    causes_signal,
    causes_steps,
    contrast,
    copies_words,
    findings,
    image_words,
    judged,
    ranks,
    signs,
    verdict,
)
from collapse_cli.root_causes import queues, steps
from tests.guide.test_runs import parsed
from tests.test_cures import PLANTED

THRESHOLDS = {
    **dict.fromkeys(
        (
            "nothing prevents collapse",
            "stop-gradient removed",
            "predictor removed",
            "stop-gradient and predictor removed",
            "uniformity too weak",
            "sharpening removed",
            "centering and sharpening removed",
        ),
        causes.POINT,
    ),
    "variance term too weak": causes_forces.SHRUNK,
    "SIGReg too weak": causes_forces.SHRUNK,
    "centering removed": causes_forces.PROTOTYPES,
    "Sinkhorn removed": causes_forces.PROTOTYPES,
    "augmentation too strong": causes.RECOGNISED,
    "key encoder too fast": causes.RENEWED,
    "queue too long": causes.EPOCHS,
    "projector deep and linear": causes.LOST,
    "weight decay too strong": causes_steps.DECAYED,
    "learning rate too high": causes_steps.GROWN,
    "temperature too low": causes_steps.SHARP,
    "temperature too high": causes.EVEN,
    "too few negatives": causes_forces.FEWEST,
    "too few steps": causes_steps.FEW,
    "nothing was learned": causes_steps.MOVED,
    "key encoder too slow": causes.INITIAL,
    "false negatives": causes.WRONG,
    "images that hardly differ": image_words.FEWEST,
    "labels of one class": 1.0,
}
"""Cause -> the threshold of its rule."""

BESIDE = {
    "How it decides": (causes.SPREAD,),
    "too few steps": (steps.UNFINISHED, causes_steps.ENOUGH),
    "weight decay too strong": (steps.INTACT,),
    "temperature too high": (queues.FINE, causes.SPREAD),
    "key encoder too fast": (causes.TARGET,),
    "images that hardly differ": (image_words.NEARLY_ALL,),
    "Try it yourself": (causes_signal.RETURNED, causes_signal.HIGHER, causes.POINT),
}
"""Title of a section, without backquotes -> other numbers of the rules that it names."""

OF_VERDICT = {
    "total variance": signs.COMPLETE**2,
    "active: share of an equal share": 100 * ranks.ACTIVE,
    "active dimensions of the null": verdict.DIMENSIONAL,
    "borderline, of the null": verdict.BORDERLINE[0],
    "sign: variance along the mean": signs.RAY,
    "sign: total variance on the ray": signs.ON_RAY,
    "sign: axes of the mean": signs.AXES,
    "sign: std·√D in the run's history": signs.COMPLETE,
    "sign: variance between images over that between views": signs.ALIKE,
    "offset: view ratio over that at initialisation": signs.TOLD_APART,
    "scale over that at initialisation": signs.SHRUNK,
    "outliers: row participation over its null": signs.OUTLIERS,
    "early: steps": advice.EARLY,
    "untrained: movement of the encoder": causes_steps.MOVED,
    "fewest distinct embeddings": verdict.FEWEST,
}
"""Row of the table in `verdict.md` -> the threshold."""


def numbers(text: str) -> list[float]:
    """`.7`, `0.25`, `1,801`, `-3` in a text."""
    return [float(each.replace(",", "")) for each in re.findall(r"-?(?:\d[\d,]*)?\.?\d+(?:e-?\d+)?", text)]


def of_cause(cause: str) -> Section:
    """Its section of the page on causes; a metric may have the same name, as `false negatives` does."""
    (section,) = (section for section in explanations(cause) if section.page == "causes")
    return section


def rows(page: str) -> list[list[str]]:
    """The cells of every row of its tables."""
    lines = (line for line in pages()[page].text.splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


@pytest.mark.parametrize("cause", causes.NAMES)
def test_a_causes_threshold_is_that_of_its_rule(cause: str) -> None:
    """The number in bold beside *Recognised by*, and that of the table."""
    section = of_cause(cause)
    (named,) = re.findall(
        r"\*\*((?:below|from|at most|fewer than)?\s?[\d.]+)(?: on| class)?\*\*", section.text
    )
    assert numbers(named) == [pytest.approx(THRESHOLDS[cause], rel=0.01)]
    in_table = [
        row[2] for row in rows("causes") if len(row) == 4 and cause in re.split(", (?=[a-zS])", row[0])
    ]
    assert all(numbers(cell)[0] == pytest.approx(THRESHOLDS[cause], rel=0.01) for cell in in_table)
    assert in_table or " and " in cause


@pytest.mark.parametrize("title", BESIDE)
def test_other_numbers_of_a_rule_are_named_as_they_are(title: str) -> None:
    parts = re.split(r"^#+ ", pages()["causes"].text, flags=re.MULTILINE)
    (text,) = (part for part in parts if part.splitlines() and part.splitlines()[0].strip("`") == title)
    assert set(BESIDE[title]) <= set(numbers(text))


def test_the_verdicts_thresholds_are_those_of_its_rules() -> None:
    first = {row[0]: row[1] for row in reversed(rows("verdict"))}  # a later table has some of the names again
    named = {name: numbers(first[name])[0] for name in OF_VERDICT}
    assert named == pytest.approx(OF_VERDICT)


def test_the_shares_of_copies_are_those_of_the_program() -> None:
    """From which they are named, come first, leave the others to be judged, and allow no verdict."""
    shares = [numbers(row[0])[0] / 100 for row in rows("offsets") if re.match(r"\d+ %", row[0])]
    assert shares == [copies_words.NAMED, copies_words.WARNED, copies_words.MOSTLY, judged.NEARLY_ALL]
    text = pages()["offsets"].text
    assert {findings.OFFSET, findings.WIDE, signs.COMPLETE**2, hubness.STRONG} <= set(numbers(text))


def test_bounds_between_data_sets_are_those_of_the_program() -> None:
    """Ten times smaller, less than half, below .1, a third: the page writes them in words."""
    assert (contrast.TIMES, contrast.HALVED, contrast.NARROW, contrast.SPREAD) == (10, 0.5, 0.1, 1 / 3)
    text = " ".join(pages()["offsets"].text.split())
    assert all(words in text for words in ("ten times smaller", "less than half", "below .1", "a third of"))


@pytest.mark.parametrize("cause", causes.NAMES)
def test_a_cause_is_planted_as_it_was_when_its_cure_was_seen(cause: str) -> None:
    """Of every cause with a cure that was seen, a command of the page is among those run; each can be typed."""
    section = of_cause(cause)
    (planting,) = re.findall(r"^\*\*Plant it\.\*\*(.*?)\n\n", section.text, flags=re.MULTILINE | re.DOTALL)
    commands = [" ".join(each.split()) for each in re.findall(r"`(collapse train [^`]+)`", planting)]
    for command in commands:
        parsed(shlex.split(command)[1:])
    run = {f"collapse train {each.words}" for each in PLANTED if each.cause == cause}
    plain = {command.replace(" --epochs 5", "") for command in commands}
    assert not run or plain & run


@pytest.mark.parametrize("cause", causes.NAMES)
def test_how_often_a_cure_was_seen_is_what_the_table_has(cause: str) -> None:
    """`Seen to help in 2 of 2 runs`: the rows of the cause."""
    section = of_cause(cause)
    text = " ".join(section.text.split())
    counts = re.findall(r"Seen to help in (\d+) of (\d+) run", text)
    listed = sum(row[0] == cause and row[-1] == "yes" for row in rows("cures"))
    assert counts == ([(str(listed), str(listed))] if listed else [])
    assert bool(listed) == (cause in SEEN)


@pytest.mark.parametrize("cause", causes.NAMES)
def test_a_section_of_a_cause_has_its_parts(cause: str) -> None:
    section = of_cause(cause)
    assert re.findall(r"^\*\*([^*]+)\.\*\* ", section.text, flags=re.MULTILINE) == [
        "What happens", "Recognised by", "Cure", "Plant it", "When the rule is wrong",
    ]  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_has_its_section(claim: str) -> None:
    (section,) = explanations(f"claims {claim}")
    assert section.page == "claims"


def test_the_calibration_adds_up() -> None:
    """Its table has as many samples as the text says, and the share that is right follows from it."""
    table = [[*map(int, row[1:])] for row in rows("calibration") if len(row) == 6 and row[1].isdigit()]
    right = sum(row[place] for place, row in enumerate(table))
    every = sum(row[-1] for row in table)
    assert all(sum(row[:-1]) == row[-1] for row in table)
    assert f"{every:,} samples" in pages()["calibration"].text
    assert f"{100 * right / every:.1f} %" in pages()["calibration"].text
    kinds = [int(row[3]) for row in rows("calibration") if len(row) == 5 and row[3].isdigit()]
    assert sum(kinds) == every


def test_sections_explain_something() -> None:
    """Each page of these has a section for a name, but those that are tables."""
    with_names = {section.page for section in sections()}
    assert {"verdict", "causes", "methods", "claims"} <= with_names
