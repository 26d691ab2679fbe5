"""What is said of causes, without a network: of planted causes and attempts, whose sentences, commands and refusals are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from collapse_cli.analysis import causes, diagnose
from collapse_cli.analysis.cure_commands import Change, beside, suspects
from collapse_cli.analysis.inquiry import Attempt, Inquiry
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.answers import Entry, Verdict
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.causes import Cause
from collapse_cli.root_causes import Trained
from collapse_cli.settings import resolve
from collapse_cli.shapes import DataShape
from collapse_cli.stage import Stage
from collapse_cli.values import Measured
from collapse_cli.views import words

SHAPE = DataShape((1, 8, 8), 640, 10)
POINT, FEW, LITTLE, IDLE = (
    Cause("weight decay too strong", "a point", "it", 3.0, 3.0, "It is large.", {"weight_decay": 0.0}),
    Cause("augmentation too strong", "few dimensions", "it", 2.0, 2.0, "It hides.", {"strength": 1.0}),
    Cause("queue too long", "little learned", "it", 1.5, 1.5, "It is long.", {"queue": 64}),
    Cause("nothing was learned", "nothing learned", "it", 9.0, 9.0, "It stands.", {"lr": 1.0}),
)
DATA = Cause("labels of one class", "few dimensions", "it", 1.0, 1.0, "All are one.")


def inquiry(
    *ranked: Cause, status: str = "complete collapse", attempts: tuple[Any, ...] = (), ours: bool = True,
    images: DataShape = SHAPE, epochs: int = 40, method: str = "moco", **more: Any,
) -> Inquiry:  # fmt: skip
    """Of a run at its end, whose z is one point; of another library's network where it is not ours."""
    trained = Trained(resolve(method, {"epochs": epochs}), SHAPE, epochs) if ours else None
    case: Any = SimpleNamespace(
        status=status, std_sqrt_d=0.1, trained=trained, images=SimpleNamespace(data_shape=images), strength=1.5,
        now=SimpleNamespace(died=None),
    )  # fmt: skip
    subject: Any = SimpleNamespace(
        name="moco.pt", record=None, stage=None, last_space="z", measuring=Measuring(), facts={"path": "moco.pt"},
        looks_untrained=lambda space: "", case=case,
    )  # fmt: skip
    for name, value in more.items():
        setattr(case if hasattr(case, name) else subject, name, value)
    return Inquiry(subject, case, ranked, attempts)


def attempt(name: str, helped: bool, place: int = 1, **settings: Any) -> Attempt:
    result: Any = SimpleNamespace(helped=helped)
    return Attempt(Change(name, settings), result, place)


@pytest.mark.parametrize(
    ("ranked", "status", "sentence"),
    [
        ((POINT, FEW), "complete collapse", "The likeliest cause: weight decay too strong."),
        ((FEW, POINT), "dimensional collapse", "The likeliest cause: augmentation too strong."),
        ((LITTLE,), "complete collapse", "No cause of collapse was found; what may limit learning:"),
        ((), "complete collapse", "No cause of collapse was found."),
        ((FEW, LITTLE), "healthy",
         "There is no collapse to explain; what may bring one: augmentation too strong."),
        ((LITTLE,), "healthy", "There is no collapse to explain; what may limit learning:"),
        ((), "healthy", "There is no collapse to explain."),
        ((), "inconclusive", "Whether there is a collapse to explain is open."),
        ((IDLE,), "healthy", "Nothing was learned: the network is still at its initialisation."),
    ],
)  # fmt: skip
def test_the_likeliest_cause_is_the_first_serious_one(
    ranked: tuple[Cause, ...], status: str, sentence: str
) -> None:
    """What costs learning alone brings no collapse, so it is never the likeliest cause of one."""
    assert causes._likeliest(inquiry(*ranked, status=status)) == sentence


def test_what_the_verdict_says_already_is_not_said_again() -> None:
    """That a network looks untrained is said by the verdict; before the first epoch nothing was asked, so nothing is denied."""
    assert causes._likeliest(inquiry(IDLE, looks_untrained=lambda space: f"{space} looks so")) == ""
    assert causes._likeliest(inquiry(stage=Stage("running", 0, 40))) == ""
    assert causes._likeliest(inquiry(stage=Stage("running", 1, 40))) == "No cause of collapse was found."
    assert causes._likeliest(inquiry(POINT, stage=Stage("failed", 0, 40))).endswith(
        "weight decay too strong."
    )


@pytest.mark.parametrize(("times", "found"), [(0.999, False), (1.0, True)])
def test_evidence_suffices_from_the_threshold_on(times: float, found: bool) -> None:
    asked = inquiry(replace(FEW, times=times))
    assert bool(asked.causes) is bool(asked.serious) is found


def test_without_a_cause_a_trial_is_offered() -> None:
    """--try trains eight epochs, or as many as the run had where those were fewer; only on the images of the training."""
    (offer,) = causes._unseen(inquiry())
    assert offer == (
        "This trains a few epochs with one setting changed at a time, and reports what helps: "
        "collapse causes moco.pt --try 8"
    )
    assert next(causes._unseen(inquiry(epochs=7))).endswith(" --try 7")
    assert next(causes._unseen(inquiry(epochs=8))).endswith(" --try 8")
    assert list(causes._unseen(inquiry(images=DataShape((1, 8, 8), 641, 10)))) == []


def test_nothing_is_offered_where_nothing_is_to_be_cured_or_nothing_can_be_trained() -> None:
    assert list(causes._unseen(inquiry(status="healthy"))) == []
    assert list(causes._unseen(inquiry(FEW, status="healthy"))) == []
    assert list(causes._unseen(inquiry(ours=False))) == []
    assert list(causes._unseen(inquiry(POINT, ours=False))) == []


def test_a_cure_that_was_not_seen_to_help_is_words_and_a_trial() -> None:
    """Weight decay is a known cure of moco's; of vicreg's it is not, nor is a negative one of a switch."""
    assert list(causes._unseen(inquiry(POINT))) == []
    switch = replace(POINT, cure={"mask_own": True, "weight_decay": 0.0})
    (said,) = causes._unseen(inquiry(switch, method="vicreg"))
    assert said == (
        "Weight decay too strong: no command is given, since mask own, weight decay 0.0 is not known to cure vicreg; "
        "this tries it: collapse causes moco.pt --try 8"
    )
    (alone,) = causes._unseen(inquiry(switch, method="vicreg", images=DataShape((1, 8, 8), 10, 10)))
    assert alone.endswith("is not known to cure vicreg")
    assert list(causes._unseen(inquiry(DATA))) == []


def test_of_what_was_tried_only_the_outcome_is_said() -> None:
    """A change that helped has a command; where none did, that is the sentence, and no trial is offered again."""
    nothing = inquiry(attempts=(attempt("half the strength", False, strength=0.5),))
    assert list(causes._unseen(nothing)) == ["None of the changes that were tried helped."]
    helped = inquiry(attempts=(attempt("lr", False, lr=0.1), attempt("strength", True, 2, strength=0.5)))
    assert list(causes._unseen(helped)) == []
    assert helped.commands() == ("collapse train moco --strength 0.5 --out runs/moco-cured-2",)
    idle = inquiry(IDLE, status="healthy", attempts=(attempt(IDLE.name, False, lr=1.0),), method="vicreg")
    assert list(causes._unseen(idle)) == ["None of the changes that were tried helped."]


def test_the_commands_of_causes_are_numbered_by_their_place() -> None:
    """The first is written beside the run, the second into a folder with -2, so that neither is in the other's way."""
    first, second = inquiry(POINT, FEW).commands()
    assert first.endswith("--out runs/moco-cured")
    assert second.endswith("--out runs/moco-cured-2")
    assert inquiry(POINT, FEW, ours=False).commands() == ("weight_decay 0", "strength 1")
    assert inquiry(DATA).commands() == ()
    tried = inquiry(POINT, method="vicreg", attempts=(attempt(POINT.name, True),))
    assert len(tried.commands()) == 1
    assert inquiry(POINT, method="vicreg", attempts=(attempt("lr", True),)).commands() == ()


def told(asked: Inquiry, **verdict: Any) -> Verdict:
    judged = Verdict(asked.case.status, "It is so.", advice=("first", "second"), meaning="It means this.")
    return causes._verdict(asked, replace(judged, **verdict))


def test_the_verdict_of_causes() -> None:
    """Of our own collapse the advice is a cure; causes stand in their order, each with its evidence."""
    verdict = told(inquiry(POINT, FEW))
    assert verdict.sentence == "It is so. It means this. The likeliest cause: weight decay too strong."
    assert verdict.reasons == verdict.findings == (
        "1. Weight decay too strong (its evidence is 3 times the threshold): It is large.",
        "2. Augmentation too strong (its evidence is 2 times the threshold): It hides.",
    )  # fmt: skip
    assert (verdict.advice, len(verdict.commands), verdict.meaning) == ((), 2, "")


@pytest.mark.parametrize(
    ("asked", "advice", "commands"),
    [
        (inquiry(FEW, status="healthy"), ("first", "second"), 0),
        (inquiry(FEW, status="healthy", attempts=(attempt(FEW.name, True),)), ("first", "second"), 1),
        (inquiry(POINT, ours=False), ("second",), 0),
        (inquiry(FEW, ours=False, status="dimensional collapse"), ("first", "second"), 0),
        (inquiry(DATA), ("first",), 0),
        (inquiry(DATA, FEW, status="healthy"), ("first",), 0),
        (inquiry(IDLE, status="healthy"), ("first", "second"), 1),
    ],
    ids=[
        "healthy", "tried", "another library's", "its few directions", "the data", "data of a healthy run", "idle",
    ],
)  # fmt: skip
def test_advice_and_commands(asked: Inquiry, advice: tuple[str, ...], commands: int) -> None:
    """The first advice on a complete collapse is to ask for causes, which is done; data that are to blame come first."""
    verdict = told(asked)
    assert verdict.advice == advice
    assert len(verdict.commands) == commands


def died(share: float, null: float | None, **more: Any) -> str:
    lost = None if null is None else Measured(share, null=null)
    return causes._rest(inquiry(**{"now": SimpleNamespace(died=lost), **more}).case)


def test_what_z_has_lost_is_why_from_half_on() -> None:
    """Of the directions where augmentation wins: half of them lost is a reason, less is told as too little of one."""
    lost = "of the directions of h where augmentation wins z has lost"
    assert died(0.5, 0.2) == (
        f"{lost} 50%, of the others 20%: what it lacks is what views of one image do not share; "
        "a --strength below 1.5 gives it more directions"
    )
    assert died(0.49, 0.2) == (
        f"everything that could be asked is below its threshold; {lost} 49%, of the others 20%: too few to be why"
    )
    assert died(0.5, None) == "everything that could be asked is below its threshold"
    assert died(0.5, 0.2, strength=0.0).endswith("do not share")
    assert died(0.5, 0.2, ours=False).endswith("; milder augmentation gives it more directions")


def test_what_was_lost_is_a_reason_only_where_nothing_serious_was_found() -> None:
    assert told(inquiry(replace(FEW, times=0.5))).reasons == (
        "everything that could be asked is below its threshold",
    )
    assert told(inquiry()).reasons == ()
    assert len(told(inquiry(FEW)).reasons) == 1
    assert len(told(inquiry(LITTLE)).reasons) == 2


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        (inquiry(POINT, ours=False), "leave out --try"),
        (inquiry(POINT, images=DataShape((1, 8, 8), 639, 10)), "without --dataset and --split"),
        (inquiry(ours=False), "leave out --try"),
    ],
)
def test_what_cannot_be_trained_again_is_not_tried(asked: Inquiry, hint: str) -> None:
    with pytest.raises(CollapseError, match=r"moco\.pt cannot be trained again") as caught:
        list(causes._attempts(asked, 1))
    assert caught.value.hint.endswith(hint)
    assert list(causes._attempts(asked, 0)) == []


def test_a_healthy_run_without_causes_is_not_tried() -> None:
    assert list(causes._attempts(inquiry(status="healthy", ours=False), 3)) == []


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (inquiry(POINT, FEW), [POINT.name, FEW.name]),
        (inquiry(POINT, DATA), [POINT.name]),
        (inquiry(DATA, method="vicreg"), ["a tenth of the learning rate", "half the strength"]),
    ],
)
def test_each_curable_cause_is_tried_and_else_the_suspects(
    asked: Inquiry, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Places are counted from 1; every change is held beside the same training without it, which is trained once."""
    trained = []
    monkeypatch.setattr(
        causes, "tried", lambda case, run, epochs: trained.append((run, epochs)) or len(trained)
    )
    monkeypatch.setattr(causes, "beside", lambda changed, uncured: (changed, uncured))
    attempts = list(causes._attempts(asked, 3))
    assert [each.change.name for each in attempts] == names
    assert [each.place for each in attempts] == [*range(1, len(names) + 1)]
    assert [each.result for each in attempts] == [(n, 1) for n in range(2, len(names) + 2)]
    assert {epochs for _, epochs in trained} == {3}


def test_what_was_tried_says_how() -> None:
    asked = inquiry(attempts=(attempt("half the strength", True, strength=0.5),))
    swapped = replace(asked.attempts[0], change=Change("another", {"lr": 0.1}, "vicreg"))
    first, second = causes._tried(replace(asked, attempts=(*asked.attempts, swapped)), 3)
    assert first.settings == {"epochs": 3, "strength": 0.5}
    assert second.settings == {"epochs": 3, "method": "vicreg", "lr": 0.1}
    assert (first.details, first.subject) == ({"helped": True}, "moco.pt · half the strength")


def test_of_another_librarys_network_its_training_is_said_to_be_unknown() -> None:
    assert list(causes.remarks(inquiry().subject, ())) == []
    (remark,) = causes.remarks(inquiry(ours=False).subject, ())
    assert "how it was trained is not in the file" in remark


def test_the_verdict_is_that_of_the_space_which_the_loss_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three spaces it is the last, neither the first nor the second."""
    spaces = [
        SimpleNamespace(space=each, verdict=Verdict("healthy", f"of {each}")) for each in ("h", "head", "z")
    ]
    asked = inquiry(status="healthy", history=list)
    monkeypatch.setattr(diagnose, "spaces", lambda subject: spaces)
    monkeypatch.setattr(causes, "inquire", lambda *options: asked)
    monkeypatch.setattr(causes, "signal", lambda case, history: Learning())
    first = next(causes.measure(asked.subject))
    assert first.verdict is not None
    assert first.verdict.sentence.startswith("of z")
    assert first.space == "z"


@pytest.mark.parametrize(
    ("images", "queue"), [(64, 32), (127, 32), (128, 64), (1, 1), (3, 1), (4, 2), (100_000, None)]
)
def test_a_queue_holds_at_most_half_of_the_images(images: int, queue: int | None) -> None:
    """As a power of 2: of 127 images 32 keys, of 128 half of them, of one a single key; the usual 4096 where it fits."""
    words = beside(resolve("vicreg"), "moco", None, "out", images).split()
    assert (int(words[words.index("--queue") + 1]) if "--queue" in words else None) == queue


def test_suspects_are_a_tenth_of_the_rate_half_the_strength_and_what_is_unusual() -> None:
    run = resolve("moco", {"lr": 0.5, "strength": 1.0, "batch": 128})
    first, second, *others = suspects(run)
    assert first.settings == {"lr": 0.05}
    assert second.settings == {"strength": 0.5}
    assert {"batch": 64} in [each.settings for each in others]
    assert {"batch": 64} in [each.settings for each in suspects(run, 64)]
    assert {"batch": 64} not in [each.settings for each in suspects(run, 63)]
    assert "half the strength" not in [each.name for each in suspects(resolve("moco", {"strength": 0.0}))]


def test_settings_of_a_run_are_spelt_out_where_it_has_no_file() -> None:
    """A switch that is turned off has no name of its own for that."""
    run = resolve("moco", {"mask_own": True, "batch": 32})
    assert Change("c", {"mask_own": False, "lr": run.training.lr}).command(run, None, "out") == (
        "collapse train moco --set mask_own=false --batch 32 --out out"
    )
    assert Change("c", {"lr": 0.5}).command(run, Path("s.toml"), "out") == (
        "collapse train moco --config s.toml --lr 0.5 --out out"
    )


def entry(space: str, status: str) -> Entry:
    return Entry(
        "run", Empty(), space, verdict=Verdict(status, "It is.", advice=("Go on.",), meaning="Fine.")
    )


@dataclass(frozen=True)
class Learning:
    """What a signal takes of the causes."""

    by_cause: Any = None


class Empty(dict):  # type: ignore[type-arg]
    """No numbers."""


def test_h_is_not_praised_beside_a_collapsed_z() -> None:
    """Random weights make many directions of h active: its healthy verdict is told with caution and without advice."""
    h, z = entry("h", "healthy"), entry("z", "complete collapse")
    cautious = diagnose._beside(h, [h, z]).verdict
    assert cautious is not None
    assert "z shows what the loss has taught" in cautious.meaning
    assert cautious.advice == ()
    assert diagnose._beside(h, [h, entry("z", "dimensional collapse")]) is h
    few = entry("h", "dimensional collapse")
    assert diagnose._beside(few, [few, z]) is few


@pytest.mark.parametrize(
    ("asked", "h", "usual"),
    [
        (inquiry(status="dimensional collapse"), "healthy", True),
        (inquiry(LITTLE, status="dimensional collapse"), "healthy", True),
        (inquiry(FEW, status="dimensional collapse"), "healthy", False),
        (inquiry(status="dimensional collapse"), "dimensional collapse", False),
        (inquiry(), "healthy", False),
    ],
    ids=["few dimensions of z", "little learned", "with a cause", "of h, too", "one point"],
)  # fmt: skip
def test_a_narrow_projection_of_a_healthy_run_is_no_fault(asked: Inquiry, h: str, usual: bool) -> None:
    """It is told as usual, with nothing to be cured, by the marks of the terminal and of a page."""
    judged = Verdict(asked.case.status, "17 of 64 are active.", meaning="Judge h.", advice=("Try it.",))
    verdict = causes._verdict(asked, judged, h)
    assert verdict.usual == usual
    assert verdict.sentence.endswith("h is healthy, so there is no fault to be explained.") == usual
    if usual:
        assert verdict.advice == ()
        document = {"status": verdict.status, "sentence": verdict.sentence, "usual": True}
        assert words.verdict(document)[:2] == ("•", "usual for a projection: dimensional collapse")
        assert words.colour(document) == ""
