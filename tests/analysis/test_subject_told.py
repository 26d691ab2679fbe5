"""What is told of an input beside its numbers: what it is, how it is typed again, what comes next, what its verdict rests on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import torch

import collapse_cli as collapse
from collapse_cli.analysis import (
    at_hand,
    check,
    clusters,
    compare,
    described,
    image_facts,
    image_inspection,
    judgement,
)
from collapse_cli.analysis.catalogue import CATALOGUE
from collapse_cli.analysis.contrasts import _clause
from collapse_cli.analysis.measured import _next, with_assumption
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Answer, Entry, Verdict, answer
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.comparison import Difference
from collapse_cli.metrics.signs import NO_SIGNS, STRONGEST
from collapse_cli.progress import told_to
from collapse_cli.stage import Stage

ROWS = numpy.random.default_rng(0).standard_normal((60, 4))


def subject(**parts: Any) -> Subject:
    """60 isotropic embeddings of 4 dimensions; parts: of the subject, in place of its own."""
    return replace(collapse.load(ROWS), **parts)


def asked(path: str, **settings: Any) -> Any:
    """One of several inputs of a command, as far as its next command is concerned."""
    return SimpleNamespace(facts={"path": path}, measuring=Measuring(**settings), from_file=True)


# --- what can be typed again ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "raw", "named"),
    [({"path": "a", "sha256": "0"}, False, True), ({"path": "pixels:digits"}, True, True), ({"path": "a"}, False, False)],
)  # fmt: skip
def test_files_and_pixels_can_be_typed_again_and_arrays_cannot(
    facts: dict[str, str], raw: bool, named: bool
) -> None:
    assert subject(facts=facts, raw=raw).from_file is named


@pytest.mark.parametrize(
    ("settings", "typed"),
    [
        ({}, []),
        ({"split": "train"}, []),
        ({"split": "test"}, ["--split test"]),
        ({"device": "cpu", "samples": 7, "seed": 3}, []),
        ({"centre": True, "skip_broken": True}, ["--skip-broken", "--centre"]),
        ({"dataset": "folder:my images"}, ["--dataset 'folder:my images'"]),
        ({"dataset": "train"}, ["--dataset train"]),
    ],
)
def test_only_what_changes_the_meaning_of_an_input_is_typed_again(
    settings: dict[str, Any], typed: list[str]
) -> None:
    """`--split auto` is settled as train, which so is as good as unsaid; a data set called train is not."""
    assert sorted(described.options_typed(Measuring(**settings))) == sorted(typed)


def test_several_inputs_are_compared_next_as_the_first_was_read() -> None:
    first, second = asked("a.npy", centre=True), asked("b.npy")
    assert _next("spectrum", [first, second], []) == ["collapse compare a.npy b.npy --centre"]
    assert _next("spectrum", [first, first, second], []) == ["collapse compare a.npy b.npy --centre"]
    assert _next("spectrum", [first, SimpleNamespace(from_file=False)], []) == []  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("command", "status", "parts", "following"),
    [
        ("spectrum", "healthy", {}, "collapse diagnose a.npy"),
        ("diagnose", "healthy", {}, "collapse spectrum a.npy --plot spectrum.png"),
        ("diagnose", "healthy", {"record": 1}, "collapse report a.npy"),
        ("diagnose", "complete collapse", {"record": 1}, "collapse spectrum a.npy --plot spectrum.png"),
        ("diagnose", "complete collapse", {"case": 1}, "collapse causes a.npy"),
        ("diagnose", "dimensional collapse", {"case": 1, "record": 1}, "collapse causes a.npy"),
        ("diagnose", "inconclusive", {"case": 1, "record": 1}, "collapse spectrum a.npy --plot spectrum.png"),
        ("diagnose", "", {"record": 1}, "collapse spectrum a.npy --plot spectrum.png"),
        ("causes", "complete collapse", {"case": 1}, None),
    ],
)
def test_the_next_command(command: str, status: str, parts: dict[str, Any], following: str | None) -> None:
    """Causes are asked of a network that has collapsed; a report is of a run; what has no verdict is looked at."""
    entries = [Entry("a", {}, "h", verdict=Verdict(status, "It is."))] if status else [Entry("a", {}, "h")]
    of_file = subject(facts={"path": "a.npy", "sha256": "0"}, **parts)
    assert list(described.following(command, of_file, entries)) == ([following] if following else [])
    assert list(described.following(command, subject(**parts), entries)) == []


@pytest.mark.parametrize(
    ("facts", "parts", "said"),
    [
        ({}, {}, "60 embeddings of 4 dimensions"),
        ({}, {"raw": True}, "60 images of array as 4 raw pixel values"),
        ({"layout": "timm"}, {"case": 1}, "network (timm), 60 images of array"),
        ({"layout": "timm", "architecture": "vit"}, {"case": 1}, "vit (timm), 60 images of array"),
        ({"method": "moco", "epoch": 3, "epochs": 40}, {"checkpoint": 1},
         "moco on array, epoch 3 of 40, 60 images"),
        ({"method": "moco", "epoch": 3, "epochs": 40, "step": 5, "steps": 21}, {"checkpoint": 1},
         "moco on array, epoch 3 of 40 and 5 of 21 steps of the next, 60 images"),
    ],
)  # fmt: skip
def test_what_an_input_is_in_a_line(facts: dict[str, Any], parts: dict[str, Any], said: str) -> None:
    assert described.described(subject(facts=facts, **parts)) == said


def test_an_interval_says_what_it_assumes() -> None:
    """Groups 0, 1 and 2 are three; without an interval nothing is assumed."""
    number = {"kind": "number", "value": 1.0, "interval": [0.0, 2.0]}
    entry = Entry("a", {"rank": number}, settings={"N": 60})
    grouped = subject(groups=torch.arange(60) % 3)
    assert with_assumption(entry).settings["intervals"] == "95 %, embeddings taken as independent"
    assert with_assumption(entry, subject()).settings == with_assumption(entry).settings
    assert with_assumption(entry, grouped).settings == {"N": 60, "intervals": "95 %, by 3 groups"}
    bare = Entry("a", {"rank": number | {"interval": None}})
    assert with_assumption(bare, grouped) is bare


# --- a subject -----------------------------------------------------------------------------------------------------------------


def test_a_sample_is_said_and_all_of_them_is_not() -> None:
    whole = subject()
    assert whole.sampled() == ()
    assert whole.count == 60
    part = replace(whole, streamed={"h": torch.zeros(61, 4)})
    assert part.count == 61
    assert part.sampled() == (
        "array: 60 of 61 embeddings, sampled without replacement; --samples takes more",
    )


def test_the_history_is_that_of_the_epochs_which_the_checkpoint_holds() -> None:
    """Of three epochs in the folder, a checkpoint of two has two, the second included; a torn line is none."""
    course = {"loss": 1.0, "chance": 2.0, "std_sqrt_d": 0.1, "effective_rank": 3.0, "mean_cosine": 0.0}
    lines = [{"number": n, **course} for n in (1, 2, 3)] + [{"number": 1, "loss": 1.0}]
    record: Any = SimpleNamespace(history=lambda: lines)
    every = subject(record=record).history()
    assert [line["number"] for line in every] == [1, 2, 3]
    assert all(line["extra"] == {} for line in every)
    of_two = subject(record=record, stage=Stage("running", 2, 3)).history()
    assert [line["number"] for line in of_two] == [1, 2]
    assert subject().history() == []


def test_what_a_subject_has() -> None:
    bare = subject()
    assert (bare.has_views, bare.labelled, bare.network, bare.views, bare.training) == (
        False,
        False,
        "",
        None,
        {},
    )
    viewed = replace(bare, stored_views=(bare.clean, bare.clean))
    assert viewed.has_views
    assert viewed.views == (bare.clean, bare.clean)
    assert replace(bare, raw=True).network == "raw pixels"
    assert replace(bare, stated_network="abc").network == "abc"
    assert (bare.present, bare.initial, bare.negatives, bare.split("test")) == (None, (), None, None)
    assert bare.looks_untrained("h") == ""


def test_a_value_is_computed_once_for_each_key() -> None:
    one, calls = subject(), []
    assert [one.once(key, lambda: calls.append(1) or len(calls)) for key in ("a", "a", "b")] == [1, 1, 2]


# --- what a verdict rests on ---------------------------------------------------------------------------------------------------


def of_labels(labels: list[int]) -> float | None:
    rows = torch.tensor([[3.0, 0.0], [0.0, 2.0], [-1.0, 0.0], [-4.0, 0.0]], dtype=torch.float64)
    return judgement.class_scatter(rows, torch.tensor(labels))


def test_the_scatter_of_classes_in_closed_form() -> None:
    """Unit rows (1,0), (0,1) and (-1,0) twice. Classes of the first two and the last two: the within variance of the first is
    1/2 of each class mean's distance squared, 0 of the second, .25 over both; the means (.5,.5) and (-1,0) lie 2.5 / 4 = .625
    from their middle, in squares. A row with label -1 has no class.
    """
    assert of_labels([0, 0, 1, 1]) == pytest.approx(0.25 / 0.625)
    assert of_labels([-1, -1, -1, -1]) is None
    assert of_labels([0, 0, 0, 0]) is None
    assert of_labels([0, -1, 1, 1]) == pytest.approx(0.0)


def compared(rows: list[torch.Tensor], present: torch.Tensor | None) -> Any:
    networks = tuple(SimpleNamespace(rows={"z": each}) for each in rows)
    now = None if present is None else SimpleNamespace(rows={"z": present})
    return SimpleNamespace(initial=networks, present=now)


def test_the_scale_is_the_variance_over_the_mean_one_at_initialisation() -> None:
    """±1 has variance 1, ±3 has 9: beside initial variances of 1 and 3 the mean is 2, and 9 / 2 is 4.5; none beside zeros."""
    sign = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    before = [sign, sign * 3**0.5]
    scale = judgement._scale(compared(before, 3 * sign), "z")
    assert scale == pytest.approx(4.5)
    assert judgement._scale(compared([0 * sign], 3 * sign), "z") is None
    assert judgement._scale(compared(before, None), "z") is None
    assert judgement._scale(compared([], 3 * sign), "z") is None


def network(strength: float, loss_sees: str = "directions", dataset: str = "", **parts: Any) -> Any:
    """Of one direction, with two epochs of history, whose views are of two images: 1 apart, .1 about each, of two pixels."""
    first, second = torch.tensor([[0.1], [1.1]]), torch.tensor([[-0.1], [0.9]])
    views = [{"z": first.double()}, {"z": second.double()}]
    pixels = 255 * torch.eye(2, dtype=torch.uint8).view(2, 1, 1, 2)
    lines = [{"std_sqrt_d": 0.9}, {"std_sqrt_d": 0.5}, {"std_sqrt_d": 0.2}]
    fake = SimpleNamespace(
        checkpoint=SimpleNamespace(method=SimpleNamespace(loss_sees=loss_sees)), last_space="z",
        measuring=Measuring(dataset=dataset), history=lambda: lines, stored_views=None,
        case=SimpleNamespace(strength=strength, images=SimpleNamespace(pixels=pixels)),
        present=SimpleNamespace(views=views, rows=views[0], index=torch.arange(2)), once=lambda key, compute: compute(),
        initial=(SimpleNamespace(views=views, rows=views[0]),),
    )  # fmt: skip
    for name, value in parts.items():
        setattr(fake, name, value)
    return fake


@pytest.fixture
def a_point(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A spectrum of which it is open whether all embeddings point one way."""
    monkeypatch.setattr(judgement, "complete", lambda result: SimpleNamespace(crossed=None))
    return SimpleNamespace(equal=False)


def test_signs_of_a_collapse(a_point: Any) -> None:
    """The history's last epoch; views of the network as it is, beside those at initialisation, up to the strongest
    augmentation. The images are 1 apart and each view .1 from its image, so the same network is 1 time as clear as itself.
    """
    signs = judgement.signs(network(STRONGEST), "z", a_point)
    assert signs.trained == 0.2
    assert signs.views is not None
    assert signs.views == pytest.approx(0.5 / 0.02 - 0.5, rel=0.1)
    assert signs.beside_initial == pytest.approx(1.0, rel=1e-6)
    assert signs.scale is None
    assert signs.inputs == pytest.approx(0.5)  # pixels at right angles
    assert signs.initial == pytest.approx(0.0)  # embeddings one way


def test_where_no_views_are_asked_for(a_point: Any) -> None:
    """Beyond the strongest augmentation views tell nothing; another data set's images had no part in the history."""
    strong = judgement.signs(network(STRONGEST * 1.01), "z", a_point)
    assert (strong.trained, strong.views) == (0.2, None)
    assert judgement.signs(network(1.0, dataset="digits"), "z", a_point).trained is None
    assert judgement.signs(network(1.0, loss_sees="rows"), "z", a_point).trained is None
    assert judgement.signs(network(1.0, history=list), "z", a_point).trained is None
    assert judgement.signs(network(1.0, last_space="h"), "z", a_point).trained is None
    assert judgement.signs(network(1.0, present=None, case=None), "z", a_point).views is None
    equal = SimpleNamespace(equal=True)
    assert judgement.signs(network(1.0), "z", equal) == NO_SIGNS  # type: ignore[arg-type]


def test_the_scale_is_asked_for_where_the_loss_sees_it(a_point: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of embeddings that do not point one way: lengths shrink while directions spread."""
    assert judgement.signs(network(1.0, loss_sees="rows"), "z", a_point).scale == pytest.approx(1.0)
    monkeypatch.setattr(judgement, "complete", lambda result: SimpleNamespace(crossed=False))
    spread = judgement.signs(network(1.0, loss_sees="rows"), "z", a_point)
    assert (spread.scale, spread.views) == (pytest.approx(1.0), None)


def test_views_of_a_file_are_a_sign_too(a_point: Any) -> None:
    views = tuple(
        SimpleNamespace(spaces={"z": torch.tensor([[a], [b]], dtype=torch.float64)})
        for a, b in ((0.1, 1.1), (-0.1, 0.9))
    )
    of_file = network(1.0, checkpoint=None, present=None, case=None, stored_views=views)
    assert judgement.signs(of_file, "z", a_point).views == pytest.approx(24.5, rel=0.1)
    none = network(1.0, checkpoint=None, present=None, case=None)
    assert judgement.signs(none, "z", a_point) == NO_SIGNS


def test_the_loss_of_a_verdict_is_that_of_the_last_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [{"loss": 3.0, "chance": 4.0}, {"loss": 2.0, "chance": 5.0}, {"loss": 1.0, "chance": 6.0}]
    one = subject()
    monkeypatch.setattr(Subject, "history", lambda self: lines)
    known = judgement.context(one, "h")
    assert (known.loss, known.chance_level) == (1.0, 6.0)
    assert (known.classes, known.network, known.bytes, known.codes, known.steps) == (
        0,
        False,
        False,
        "",
        None,
    )
    monkeypatch.setattr(Subject, "last_space", property(lambda self: "z"))
    assert judgement.context(one, "h").loss is None


def test_classes_without_a_label_are_not_counted() -> None:
    clean = replace(subject().clean, labels=torch.arange(60) % 4 - 1)
    assert judgement.context(subject(clean=clean), "h").classes == 3


# --- what can be done about it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("available", "split", "in_all"),
    [(4999, "train", 7), (5000, "train", None), (None, "train", None), (10, "all", None), (0, "train", None)],
)
def test_images_of_all_splits_are_counted_where_few_are_at_hand(
    available: int | None, split: str, in_all: int | None
) -> None:
    """Which reads them: up to 5000 they are, of more it would take long, and the whole needs no count."""
    measuring = Measuring(split=split)  # type: ignore[arg-type]
    one = subject(available=available, count_images=lambda name: {"all": 7}[name], measuring=measuring)
    known = at_hand.at_hand(one, Context(space="h"))
    assert (known.in_all, known.available, known.input, known.pixels) == (in_all, available, "INPUT", False)


def test_a_split_that_cannot_be_read_is_not_counted() -> None:
    def refuse(name: str) -> int:
        raise CollapseError("no test split", "")

    assert at_hand._in_all(subject(count_images=refuse, measuring=Measuring(split="train"))) is None
    assert at_hand._in_all(subject(measuring=Measuring(split="train"))) is None


def test_commands_beside_a_run_and_beside_a_lone_checkpoint(run: Path, tmp_path: Path) -> None:
    """A run's folder is where its settings are; a checkpoint by itself has none, and its outputs go below runs."""
    whole = collapse.load(run)
    known = at_hand.at_hand(whole, Context(space="z"))
    assert known.folder == str(run)
    assert known.trainings["moco"].startswith(f"collapse train moco --config {run}/settings.toml")
    assert set(known.trainings) == {"moco", "vicreg", "align-uniform"}
    assert (known.trained_on, known.elsewhere) == (1347, False)
    alone = at_hand.at_hand(replace(whole, record=None, name="moco.pt"), Context(space="z"))
    assert alone.folder == ""
    assert alone.trainings["vicreg"].endswith("--out runs/moco-vicreg")
    moved = replace(whole, measuring=replace(whole.measuring, dataset="mnist", data_dir="my data"))
    there = at_hand.at_hand(moved, Context(space="z"))
    assert there.elsewhere
    assert there.trainings["vicreg"].endswith("--data-dir 'my data'")


# --- images --------------------------------------------------------------------------------------------------------------------


def of_images(trained: str | None, measured: str = "") -> dict[str, Any]:
    training = SimpleNamespace(run=SimpleNamespace(training=SimpleNamespace(dataset=trained)))
    case = SimpleNamespace(
        trained=training if trained else None, image_set=SimpleNamespace(look=torch.zeros(0)), one_label=False
    )
    fake: Any = SimpleNamespace(
        case=case, measuring=Measuring(dataset=measured), raw=False,
        clean=SimpleNamespace(spaces={"h": torch.zeros(2, 1)}),
    )  # fmt: skip
    result: Any = SimpleNamespace(distinct=None, samples=2)
    return image_facts.known(fake, "h", result)


def test_images_are_those_that_were_named_or_trained_on() -> None:
    assert of_images("digits")["dataset"] == "digits"
    assert of_images("digits", "mnist")["dataset"] == "mnist"
    assert of_images(None)["dataset"] == ""
    assert image_facts.known(subject(), "h", SimpleNamespace()) == {}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("look", "different"),
    [([0, 1, 2, 3], 1), ([0, 0, 2, 3], 0), ([0, 1, 2], None)],
)
def test_embeddings_that_are_equal_though_their_images_are_not(
    look: list[int], different: int | None
) -> None:
    """Rows 0 and 1 are equal: of two images that is one embedding too many, of one image none; the others stand for
    themselves. Where looks and rows are not of the same images, it cannot be told.
    """
    rows, result = torch.tensor([[1.0], [1.0], [2.0], [3.0]]), SimpleNamespace(distinct=3, samples=4)
    assert image_facts._different(rows, result, torch.tensor(look)) == different  # type: ignore[arg-type]
    apart = SimpleNamespace(distinct=4, samples=4)
    assert image_facts._different(rows, apart, torch.tensor(look)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "classes", "learnable", "commands"),
    [
        (0, None, 0, ["diagnose"]),
        (1, 1, 1, ["diagnose"]),
        (2, None, 0, ["train moco", "diagnose"]),
        (200, 1, 1, ["train moco", "diagnose"]),
        (200, 2, 1, ["train moco", "diagnose", "probe"]),
        (200, 2, 2, ["train moco", "train supervised", "diagnose", "probe"]),
    ],
)
def test_what_is_worth_typing_next_of_images(
    count: int, classes: int | None, learnable: int, commands: list[str]
) -> None:
    """A training takes two images, supervision and a probe two classes; images without labels have none at all."""
    facts = {"training": {"images": count}, "classes": classes}
    lines = list(image_inspection._next("folder:x", facts, ["--size 8"], learnable))
    assert [
        line.removeprefix("collapse ").partition(" --")[0].partition(" pixels:")[0] for line in lines
    ] == commands
    assert all(line.endswith("--size 8") for line in lines)


# --- single decisions ----------------------------------------------------------------------------------------------------------


def test_two_minutes_of_k_means_are_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below 120 seconds they are seconds, from there on minutes."""
    said: list[str] = []
    with told_to(lambda text, done=0, total=0: said.append(text)):
        for expected in (clusters.ENOUGH, clusters.ENOUGH + 0.6, 119.4, 120.0, 150.1):
            monkeypatch.setattr(clusters, "seconds", lambda *sizes, expected=expected: expected)
            clusters._announce(1000, 8, 10)
    amounts = [text.partition("about ")[2].partition(" on")[0] for text in said]
    assert amounts == [f"{clusters.ENOUGH + 0.6:.0f} seconds", "119 seconds", "2 minutes", "3 minutes"]


def test_a_result_is_spoken_of_by_the_measurement_that_it_is_of() -> None:
    """Another's result keeps what was said of it."""
    row = CATALOGUE["alignment"]
    mine = next(iter(collapse.alignment(ROWS)))
    plain = mine.replace(answer="", key_numbers=())
    assert row.spoken(plain).answer.startswith("There are no views")
    assert row.spoken(plain).key_numbers
    other = next(iter(collapse.spectrum(ROWS))).replace(answer="As it is.", key_numbers=())
    assert row.spoken(other) is other


@pytest.mark.parametrize(
    ("needs", "possible"),
    [(None, "lvn-"), ("labels", "l"), ("views", "v"), ("views or labels", "lv"), ("network", "n"), ("reference", "")],
)  # fmt: skip
def test_what_a_measurement_needs(needs: Any, possible: str) -> None:
    row = replace(CATALOGUE["spectrum"], needs=needs)
    has = [row.possible(each == "l", each == "v", each == "n") for each in "lvn-"]
    assert has == [each in possible for each in "lvn-"]


def number(axis: str = "", kind: str = "number") -> dict[str, Any]:
    return {"kind": kind, "value": 1.0} | ({"axis": axis} if axis else {})


def test_the_axes_of_a_scatter_are_of_one_space() -> None:
    """h comes before z and head by name as well: neither is on an axis of the other."""
    metrics = {
        "across.h": number("x"),
        "across.z": number("x"),
        "across.head": number("x"),
        "line.z": number("y", "curve"),
    }
    (entry,) = compare._with_axes([Entry("a", metrics)], None, "head")
    assert {key: metric.get("axis") for key, metric in entry.metrics.items()} == {
        "across.h": None, "across.z": None, "across.head": "x", "line.z": "y",
    }  # fmt: skip
    (named,) = compare._with_axes([Entry("a", metrics)], ("across.z", "across.h"), "z")
    assert [named.metrics[key].get("axis") for key in ("across.z", "across.h", "across.head")] == [
        "x",
        "y",
        None,
    ]


@pytest.mark.parametrize(("value", "words"), [(0.5, "a higher"), (-0.5, "a lower")])
def test_a_difference_is_told_by_its_size_and_direction(value: float, words: str) -> None:
    """The interval of a lower number is turned about, so that both its ends are sizes."""
    low, high = sorted((value - 0.1, value + 0.1))
    said = _clause("linear.h", Difference(value, (low, high), False, None), 1, " than b")
    assert said == f"{words} linear accuracy of h than b, by 0.50 [0.40, 0.60]"
    bare = _clause("linear.h", Difference(value, None, True, 2), 3, "")
    assert bare == f"{words} linear accuracy of h, by 0.5 in 2 of 3 seeds"
    assert "seeds" not in _clause("linear.h", Difference(value, None, True, 1), 1, "")


# --- a gate --------------------------------------------------------------------------------------------------------------------


def gate(input: int, status: str, kind: str = check.GATE) -> Entry:
    return Entry("a", {}, input=input, verdict=Verdict(status, "It is."), named_kind=kind)


@pytest.mark.parametrize(
    ("entries", "inputs", "following"),
    [
        ([gate(0, "passed"), gate(1, "failed")], ["a.npy", "b.npy"], ["collapse diagnose b.npy"]),
        ([gate(0, "inconclusive"), gate(1, "failed")], ["a.npy", "b.npy"], ["collapse diagnose a.npy"]),
        ([gate(0, "failed")], ["a.json"], []),
        ([gate(0, "failed"), gate(1, "failed")], ["a.json", "b.npy"], []),
        ([gate(0, "passed")], ["a.npy"], []),
        ([gate(0, "failed", "spaces")], ["a.npy"], []),
    ],
)
def test_the_next_command_of_a_gate(entries: list[Entry], inputs: list[str], following: list[str]) -> None:
    """About the first input that has not passed; nothing more can be measured of an answer that was saved."""
    assert check._next(entries, [Path(each) for each in inputs], Measuring()) == following


@pytest.mark.parametrize(
    ("statuses", "ended"),
    [(["passed"], "passed"), (["passed", "inconclusive"], "inconclusive"), (["inconclusive", "failed"], "failed")],
)  # fmt: skip
def test_a_gate_ends_as_its_worst_input(statuses: list[str], ended: str) -> None:
    whole: Answer = answer("check", [*(gate(0, each) for each in statuses), gate(0, "failed", "spaces")])
    assert check.status(whole) == ended


def test_numbers_of_a_saved_baseline_may_be_known_to_it_alone() -> None:
    """A name that no measurement has is refused where the baseline is measured, and looked for in a saved answer."""
    terms = check.read([], ["no_such_number"], [], strict=False, baseline=True)
    check._refuse_unknown(terms, [Path("a.npy")], Path("base.json"))
    check._refuse_unknown(terms, [Path("a.npy")], None)
    with pytest.raises(CollapseError, match="no_such_number"):
        check._refuse_unknown(terms, [Path("a.npy")], Path("base.npy"))
    required = check.read(["no_such_number >= 1"], [], [], strict=False, baseline=False)
    check._refuse_unknown(required, [Path("a.json")], None)
    with pytest.raises(CollapseError, match="no_such_number"):
        check._refuse_unknown(required, [Path("a.npy")], None)


def test_what_holds_an_input_against_the_baseline_is_measured_where_it_can_be() -> None:
    """Coverage takes both sets: without a baseline, or of a saved answer, or where nothing asks for it, nothing is added."""
    plain: Any = SimpleNamespace(saved=False)
    saved: Any = SimpleNamespace(saved=True)
    of_coverage = check.read(["coverage >= 0.1"], [], [], strict=False, baseline=True)
    of_rank = check.read(["effective_rank >= 1"], [], [], strict=False, baseline=True)
    here, base = Path("a.npy"), Path("b.npy")
    assert check._beside(plain, here, of_coverage, None, Measuring()) is plain
    assert check._beside(saved, here, of_coverage, base, Measuring()) is saved
    assert check._beside(plain, here, of_rank, base, Measuring()) is plain
    for baseline, hint in ((None, "--baseline"), (Path("b.json"), "give the run")):
        with pytest.raises(CollapseError) as caught:
            check._refuse_without_reference(["coverage"], baseline)
        assert hint in caught.value.hint
    check._refuse_without_reference(["coverage"], base)
    check._refuse_without_reference(["effective_rank"], None)


def test_a_gate_on_coverage_is_measured_of_both_sets() -> None:
    """The very rows cover themselves; rows elsewhere cover nothing."""
    assert collapse.check(ROWS, baseline=ROWS, require=["coverage >= 0.9"]).status == "passed"
    assert collapse.check(ROWS + 100, baseline=ROWS, require=["vendi_ratio >= 9"]).status == "failed"
