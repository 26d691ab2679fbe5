"""The short answer: the order of its lines, what stands in it for a stranger, and what is left to --all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from collapse_cli.answers import Answer, Entry, Verdict, answer
from collapse_cli.results import number
from collapse_cli.values import Measured
from collapse_cli.views import text
from collapse_cli.views.document import document


@dataclass(frozen=True)
class Counted:
    """Active dimensions."""

    active: int = number("active", label="active dimensions", null="isotropic")
    rank: float = number("rank", label="effective rank", null="isotropic")
    other: float = number("not a key number", default=0.5)


NUMBERS = Counted(Measured(94, null=128), Measured(37.125, null=127.0, interval=(36.2, 38.0)))
KEYS = ("active", "rank")
WELL = Verdict("healthy", "94 of 128 dimensions are active.")
POINT = Verdict(
    "complete collapse", "All embeddings point almost one way.", ("evidence",), ("Ask why.",), commands=("collapse train moco",),
    meaning="All inputs are the same.", findings=("The likeliest cause is known.", "b.", "c.", "d."),
)  # fmt: skip
FEW = Verdict(
    "dimensional collapse",
    "16 of 64 are active.",
    meaning="Usual for a projection head; judge h.",
    advice=("Try x.",),
)
UNSURE = Verdict(
    "inconclusive", "64 embeddings are too few.", advice=("Give 640 or more.", "Or not."), borderline=True
)


def entry(space: str, verdict: Verdict | None, subject: str = "run", **more: Any) -> Entry:
    return Entry(subject, NUMBERS, space, verdict=verdict, key_numbers=KEYS, **more)


def lines(*entries: Entry, inputs: int = 1, **more: Any) -> list[str]:
    facts = [{"path": f"runs/{n}", "described": f"moco on digits, epoch {n} of 9"} for n in range(inputs)]
    made = replace(answer("diagnose", entries, facts), **more)
    return shown(made)


def shown(made: Answer) -> list[str]:
    return text.short(document(made), 100).splitlines()


def test_healthy_h_leads_and_z_is_told_to_be_usual() -> None:
    assert lines(entry("z", FEW), entry("h", WELL)) == [
        "✓ Healthy.  moco on digits, epoch 0 of 9",
        "  h, the representation that probes and downstream tasks use: 94 of 128 dimensions are active.",
        "  z, the projection that the loss compares: dimensional collapse. 16 of 64 are active. Usual for a",
        "  projection head; judge h.",
    ]


def test_a_point_in_z_leads_with_its_cause_and_its_cure() -> None:
    """Three findings and no more; the cure in place of the first advice; the reasons stand in the full tables."""
    assert lines(entry("h", WELL), entry("z", POINT)) == [
        "✗ Complete collapse of z.  moco on digits, epoch 0 of 9",
        "  z, the projection that the loss compares: All embeddings point almost one way. All inputs are the",
        "  same.",
        "  The likeliest cause is known.",
        "  b.",
        "  c.",
        "  1 more findings: --all",
        "  h, the representation that probes and downstream tasks use: 94 of 128 dimensions are active.",
        "  Cure: collapse train moco",
    ]


def test_what_cannot_be_told_says_what_to_give() -> None:
    assert lines(entry("h", UNSURE)) == [
        "? Inconclusive, borderline.  moco on digits, epoch 0 of 9",
        "  64 embeddings are too few.",
        "  Give 640 or more.",
    ]


def test_without_a_verdict_the_sentence_and_the_numbers_of_each_space() -> None:
    """The numbers by space, without those that are no key numbers."""
    found = lines(entry("h", None, answer="Views are near."), entry("z", None, answer="Views are far."))
    assert found[:3] == [
        "Active dimensions.  moco on digits, epoch 0 of 9",
        "  h, the representation that probes and downstream tasks use: Views are near.",
        "  z, the projection that the loss compares: Views are far.",
    ]
    assert [line.split()[:2] for line in found[-2:]] == [["active", "dimensions"], ["effective", "rank"]]
    assert "not a key number" not in "\n".join(found)


def test_a_line_for_each_of_several_inputs() -> None:
    """By the space that each is judged by, with the null of each number in brackets."""
    entries = [
        entry("h", WELL, "a"),
        entry("z", FEW, "a"),
        entry("h", WELL, "b", input=1),
        entry("z", POINT, "b", input=1),
    ]
    found = lines(*entries, inputs=2)
    assert [line.split("  ")[0] for line in found[2:4]] == ["✓ a · h", "✗ b · z"]
    assert found[2].split()[4:] == ["healthy", "94", "(128)", "37.1", "(127)"]
    assert "complete collapse" in found[3]
    assert found[4:] == [
        "in brackets the null: isotropic",
        *(f"b · z: {finding}" for finding in ("The likeliest cause is known.", "b.", "c.")),
        "b · z: 1 more: --all",
    ]


def test_sentences_without_numbers_come_first() -> None:
    """As the finding of a comparison does."""
    difference = Entry(
        "b", {}, input=1, named_kind="difference", answer="b has 28 more active dimensions than a."
    )
    found = lines(entry("h", WELL, "a"), entry("h", WELL, "b", input=1), difference, inputs=2)
    assert found[0] == "b has 28 more active dimensions than a."


def test_the_checks_of_a_gate_are_not_told_twice() -> None:
    """The verdicts that it checks have a result; the verdict on all of them speaks."""
    gate = Entry("run", {}, named_kind="gate", verdict=Verdict("failed", "1 of 2 checks fails."))
    assert lines(gate, entry("h", replace(WELL, result="fail"))) == [
        "✗ Failed.  moco on digits, epoch 0 of 9",
        "  1 of 2 checks fails.",
    ]


def test_what_an_earlier_version_saved_shows_its_headline_numbers() -> None:
    """Without a sentence, key numbers and a description."""
    found = shown(answer("spectrum", [Entry("run", NUMBERS, "h")], [{"path": "runs/0"}]))
    assert found[0] == "Active dimensions"
    assert any(line.startswith("effective rank") for line in found)
