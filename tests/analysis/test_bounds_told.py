"""Decisions at their bounds, exactly at, one below, one above: warnings, refusals, memory, sweeps, batches, pairs of a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import torch
from torch import nn

import collapse_cli as collapse
from collapse_cli import memory
from collapse_cli.analysis import (
    batches,
    calibration,
    centring,
    coverage,
    gan,
    image_inspection,
    image_sets,
    initial,
    inputs,
    lidar,
    linear,
    linear_settings,
    loading,
    modules,
    needed,
    oracle,
    paired,
    probe,
    stored,
    training,
    weights,
)
from collapse_cli.analysis import classes as classes_of
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.answers import Entry
from collapse_cli.data.headers import FileHeader
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError
from collapse_cli.settings import Gan, ImageFiles, Linear, resolve
from collapse_cli.shapes import DataShape, Embeddings, Images
from collapse_cli.values import Measured

ROWS = numpy.random.default_rng(0).standard_normal((60, 4))


def blank(count: int, side: int = 8, **parts: Any) -> Images:
    return Images(torch.zeros(count, 1, side, side, dtype=torch.uint8), None, (), "zeros", **parts)


# --- a training ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "batch", "remedy"),
    [(20 * 64, 64, None), (105, 100, None), (106, 100, "--batch 53 leaves out none"), (107, 100, "--batch 53 leaves out 1"),
     (63, 64, "--batch 63 leaves out none")],
)  # fmt: skip
def test_an_incomplete_batch_is_told_above_five_percent(count: int, batch: int, remedy: str | None) -> None:
    """5 of 105 are 4.8 %, 6 of 106 are 5.7 %: batches of more than half are tried, the one that leaves out least, the largest."""
    run = resolve("align-uniform", {"batch": batch})
    told = [note.remedy for note in training._incomplete_batch(run, count)]
    assert told == ([] if remedy is None else [remedy])


@pytest.mark.parametrize(("side", "told"), [(3, True), (4, False)])
def test_images_below_four_pixels_are_too_small(side: int, told: bool) -> None:
    assert bool(list(training._of_size(blank(8, side)))) is told
    tall = Images(torch.zeros(8, 1, 9, side, dtype=torch.uint8), None, (), "zeros")
    assert bool(list(training._of_size(tall))) is told


@pytest.mark.parametrize(("every", "told"), [(3, False), (4, True)])
def test_no_checkpoint_is_kept_beyond_the_last_epoch(every: int, told: bool) -> None:
    run = resolve("moco", {"keep_every": every, "epochs": 3})
    assert bool(list(training._of_checkpoints(run))) is told


def test_what_a_run_takes_of_memory() -> None:
    """Two views of 32 images of 64 pixels; of a queue of 256 a logit for each query. 4 bytes a number, of each weight three."""
    run = resolve("moco", {"batch": 32, "queue": 256})
    data = DataShape((1, 8, 8), 640, 0)
    assert needed._of_step(run, data) == 2 * 32 * 64 + 32 * 256
    assert needed._of_step(resolve("end-to-end", {"batch": 32}), data) == 2 * 32 * 64
    mochi = resolve("mochi", {"batch": 32, "queue": 256, "pair_mixes": 3, "query_mixes": 2})
    assert needed._of_step(mochi, data) == 2 * 32 * 64 + 32 * 256 + 32 * 5 * mochi.model.dim
    settings = {"encoder": "mlp", "batch": 32}
    checkpoint = training.fresh(resolve("end-to-end", settings), blank(64))
    network: Any = checkpoint.method
    state = sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())
    learned = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    taken = needed._of_run("end-to-end", settings, {}, DataShape((1, 8, 8), 64, 0))
    assert taken == state + 4 * (2 * learned + 2 * 32 * 64)
    assert needed._of_run("end-to-end", settings | {"batch": 0}, {}, data) is None


def refused(call: Any, size: int) -> bool:
    """Whether a machine with so many bytes refuses."""
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patch:
        patch.setattr(memory, "memory", lambda: size)
        try:
            call()
        except CollapseError:
            return True
    return False


@pytest.mark.parametrize(
    ("call", "takes"),
    [
        (lambda: needed.refuse_linear(Linear(points=1000, width=16), 3), 8 * 1000 * 16 * 3),
        (lambda: needed.refuse_planted(64), 8 * 64 * 4096),
        (lambda: needed.refuse_planted(5000), 8 * 5000 * 5000),
        (lambda: needed.refuse_gan(replace(Gan(), latent=3, g_width=5, d_width=7, layers=3, batch=2), 2),
         4 * 2 * (3 * (3 * 5 + 2 * (25 + 49)) + 2500 * (3 + 5 + 7))),
        (lambda: needed.refuse_gan(replace(Gan(), latent=3, g_width=5, d_width=7, layers=1, batch=3000), 1),
         4 * (3 * 15 + 3000 * 15)),
    ],
)  # fmt: skip
def test_what_fits_exactly_is_not_refused(call: Any, takes: int) -> None:
    """float64 points, a covariance of the planted samples, three numbers for each weight of a GAN and its widest layers."""
    assert not refused(call, takes)
    assert refused(call, takes - 1)


# --- labs ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "text", "kind", "low", "high", "values"),
    [
        ("--layers", "1,8", int, 1, 8, [1, 8]),
        ("--layers", "0", int, 1, 8, None),
        ("--layers", "9", int, 1, 8, None),
        ("--layers", "1.5", int, 1, 8, None),
        ("--noise", "0,1000,0", float, 0, 1e3, [0.0, 1000.0]),
        ("--noise", "1000.5", float, 0, 1e3, None),
        ("--noise", "x", float, 0, 1e3, None),
        ("--noise", "nan", float, 0, 1e3, None),
    ],
)
def test_numbers_of_a_sweep(option: str, text: str, kind: type, low: float, high: float, values: Any) -> None:
    """Each once, both ends of the range included."""
    if values is not None:
        assert linear_settings._numbers(option, text, kind, low, high) == values
        return
    with pytest.raises(CollapseError, match=f"{option} cannot be '{text}'") as caught:
        linear_settings._numbers(option, text, kind, low, high)
    assert ("whole numbers" in caught.value.hint) is (kind is int)


def test_a_sweep_has_as_many_seeds_as_were_asked_for() -> None:
    sweep = linear_settings.Swept("0.5", "2,1", 2).sweep()
    assert (sweep.noises, sweep.layers, sweep.seeds) == ((0.5,), (2, 1), (0, 1))


def lab(noises: tuple[float, ...], layers: tuple[int, ...], **settings: Any) -> Any:
    from collapse_cli.labs.linear_networks import Sweep

    sweep, whole = Sweep(noises, layers, (0,)), replace(Linear(), width=2, points=8, batch=4, **settings)
    return linear._lab(whole, sweep, linear_settings.Covariances())


@pytest.mark.parametrize(
    ("noises", "layers", "name", "phased"),
    [((0.5,), (1,), "noise 0.5 · 1 layer", False), ((0.5, 1.0), (1,), "noise 0.5", False),
     ((0.5,), (1, 2), "1 layer", False), ((0.5, 1.0), (1, 2), "noise 0.5 · 1 layer", True)],
)  # fmt: skip
def test_a_network_of_a_sweep_is_called_by_what_varies(
    noises: tuple[float, ...], layers: tuple[int, ...], name: str, phased: bool
) -> None:
    trained = linear.TrainedNetworks(lab(noises, layers), (), {})
    assert trained.name(0.5, 1) == name
    assert trained.phased is phased
    assert trained.name(0.5, 2).endswith("2 layers" if len(layers) > 1 or len(noises) == 1 else "0.5")
    shared = linear._shared_settings(lab(noises, layers), linear_settings.Covariances())
    assert ("noise" in shared, "layers" in shared) == (len(noises) == 1, len(layers) == 1)
    assert "T" not in shared
    dot = linear._shared_settings(lab(noises, layers, loss="dot"), linear_settings.Covariances("c.npy"))
    assert (dot["T"], dot["augment"], dot["seeds"]) == (0.1, "c.npy", 1)


def test_a_batch_may_be_all_points_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """8 points: a batch of 8 fits, one of 9 does not. 2 networks of 61 or fewer numbers squared fit into as many numbers."""
    from collapse_cli.labs.linear_networks import Sweep

    whole, none = replace(Linear(), width=2, points=8), linear_settings.Covariances()
    sweep = Sweep((0.5, 1.0), (1,), (0,))
    linear._lab(replace(whole, batch=8), sweep, none)
    with pytest.raises(CollapseError, match="--batch 9 is more than --points 8"):
        linear._lab(replace(whole, batch=9), sweep, none)
    takes = 2 * 60 * 1 * 2**2  # weights of every frame; 8² similarities are fewer
    monkeypatch.setattr(linear, "LARGEST", takes)
    linear._lab(replace(whole, batch=8), sweep, none)
    monkeypatch.setattr(linear, "LARGEST", takes - 1)
    with pytest.raises(CollapseError, match="2 networks of this size"):
        linear._lab(replace(whole, batch=8), sweep, none)


@pytest.mark.parametrize(
    ("typed", "settings", "cures", "sweep", "refused"),
    [
        ({"gamma"}, {}, ["none"], False, "--gamma belongs to --cure r1"),
        ({"gamma"}, {}, ["none", "r1"], False, None),
        ({"gamma", "noise"}, {}, ["r1+noise"], False, None),
        ({"penalty"}, {}, ["none"], False, "--penalty belongs to --loss wgan-gp"),
        ({"penalty"}, {"loss": "wgan-gp"}, ["none"], False, None),
        ({"std"}, {"target": "digits"}, ["none"], False, "--std belongs to Gaussians"),
        ({"std"}, {}, ["none"], False, None),
        ({"lr_ratio"}, {}, ["none"], True, "--lr-ratio is varied by --sweep"),
        ({"d_steps"}, {}, ["none"], True, "--d-steps is varied by --sweep"),
        ({"lr_ratio", "d_steps"}, {}, ["none"], False, None),
    ],
)
def test_options_that_would_do_nothing(
    typed: set[str], settings: dict[str, Any], cures: list[str], sweep: bool, refused: str | None
) -> None:
    chosen = replace(Gan(), **settings)
    if refused is None:
        gan.refuse_idle(dict.fromkeys(typed, 1), chosen, cures, sweep)
        return
    with pytest.raises(CollapseError, match=refused):
        gan.refuse_idle(dict.fromkeys(typed, 1), chosen, cures, sweep)


def test_settings_of_a_gan_that_stand_in_its_answer() -> None:
    """The main ones always, others where they are unusual, a cure's with that cure."""
    plain = gan._of_answer(Gan(), "none", [3, 4])
    assert {*plain} == {"target", "loss", "steps", "lr", "lr_ratio", "d_steps", "N", "seeds", "seed"}
    assert (plain["N"], plain["seeds"], plain["seed"]) == (2500, 2, 3)
    unusual = gan._of_answer(replace(Gan(), batch=64, gamma=0.5), "r1+pac", [0])
    assert (unusual["batch"], unusual["with"]) == (64, {"gamma": 0.5, "pack": 4})


@pytest.mark.parametrize(("width", "told"), [(7, True), (8, False)])
def test_planted_cases_take_eight_dimensions(width: int, told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is checked before anything is drawn; here nothing is, and there is no result of nothing."""
    monkeypatch.setattr(calibration, "cases", lambda *sizes: ())
    monkeypatch.setattr(
        calibration,
        "calibration",
        lambda judged: SimpleNamespace(right=1.0, cases=0, false_alarms=0.0, missed=0.0),
    )
    if told:
        with pytest.raises(CollapseError, match=f"--dimensions {width} is too small"):
            calibration.calibrate([width, 32], 1, 0)
    else:
        assert calibration.calibrate([width, 32], 1, 0).entries[0].settings["D"] == [8, 32]


# --- remarks -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("groups", "views", "dimensions", "told"),
    [(65, 5, 64, []), (65, 4.9, 64, ["4.9 views of each"]), (64, 5, 64, ["limit LiDAR to 63 at most; more than 64"]),
     (2, 2, 64, ["2 views of each", "limit LiDAR to 1 at most"])],
)  # fmt: skip
def test_few_views_and_few_images_limit_lidar(
    groups: int, views: float, dimensions: int, told: list[str]
) -> None:
    """n images span n - 1 directions about their mean."""
    result = {
        name: {"kind": "number", "value": value}
        for name, value in (("groups", groups), ("views", views), ("dimensions", dimensions))
    }
    entry: Any = SimpleNamespace(of="a · h", groups=groups, views=views, dimensions=dimensions, result=result)
    remarks = list(lidar.remarks(collapse.load(ROWS), [entry]))
    assert len(remarks) == len(told)
    assert all(part in remark for part, remark in zip(told, remarks, strict=True))


def test_classes_of_one_embedding_tell_nothing_of_the_spread_within() -> None:
    labelled = collapse.load(ROWS, labels=[0, *[1] * 59])
    assert next(lidar.remarks(labelled, [])).startswith("array: 1 of 2 classes is of a single embedding")
    assert list(lidar.remarks(collapse.load(ROWS, labels=[0] * 30 + [1] * 30), [])) == []


def of_coverage(shared: int, real: int = 5, generated: int = 5) -> Any:
    result = SimpleNamespace(
        shared=shared, real=5, generated=5, distinct_real=real, distinct_generated=generated
    )
    return SimpleNamespace(result=result)


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([], []),
        ([of_coverage(0)], []),
        ([of_coverage(1)], ["share 1 embeddings"]),
        ([of_coverage(1), of_coverage(3), of_coverage(2)], ["share 3 embeddings"]),
        ([of_coverage(0, real=4)], ["4 of 5 real and 5 of 5"]),
        ([of_coverage(2, generated=4)], ["share 2 embeddings", "5 of 5 real and 4 of 5"]),
    ],
)
def test_copies_among_two_sets(entries: list[Any], told: list[str]) -> None:
    remarks = list(coverage.remarks(entries))
    assert len(remarks) == len(told)
    assert all(part in remark for part, remark in zip(told, remarks, strict=True))


def layer_entry(name: str, alive: int, input: int = 0) -> Any:
    from collapse_cli.metrics.weights import Layer

    result = Layer.__new__(Layer)
    return SimpleNamespace(
        result=result, input=input, of=name, metrics={"alive": {"value": alive, "null": 64}}
    )


@pytest.mark.parametrize(("lost", "more"), [(0, None), (6, ""), (7, " and 1 more"), (8, " and 2 more")])
def test_six_layers_that_have_lost_rank_are_named(lost: int, more: str | None) -> None:
    entries = [layer_entry(f"w{n}", 1) for n in range(lost)] + [layer_entry("whole", 64)]
    told = list(weights.remarks(entries))
    names = ", ".join(f"w{n}" for n in range(min(lost, 6)))
    assert (told == []) is (more is None)
    if more is not None:
        assert told[0].startswith(f"rank is lost in {lost} of {lost + 1} layers: {names}{more} (")


@pytest.mark.parametrize(("depth", "drawn"), [(8, True), (9, False)])
def test_sixteen_layers_and_pairs_are_drawn(depth: int, drawn: bool) -> None:
    """8 layers and the 7 pairs between them are 15 parts; of 9 and 8 none has curves of its own."""
    module = nn.Sequential(*(nn.Linear(4, 4) for _ in range(depth)))
    entries = weights.measure([weights.of_module(module, "deep")], 0)
    kinds = [entry.kind for entry in entries]
    assert (kinds.count("layer"), kinds.count("pair")) == (depth, depth - 1)
    assert (entries[1].result.spectrum is not None) is drawn
    assert (entries[-1].result.overlap is not None) is drawn
    assert entries[1].settings == {"seed": 0}
    assert {entry.input for entry in weights.measure([weights.of_module(module, "a")] * 2, 0)} == {0, 1}


def test_of_classes_that_are_not_listed() -> None:
    listed = classes_of.LISTED
    assert ", all classes are listed" in classes_of._not_listed(listed)
    assert f"the {listed:,} classes with the least variance" in classes_of._not_listed(listed + 1)


@pytest.mark.parametrize(
    ("count", "interval", "told"),
    [(0.5, (0.1, 0.9), True), (0.5, (0.0999, 0.9), True), (0.5, (0.1001, 0.9), False), (0.5, None, False)],
)
def test_no_better_than_guessing(count: float, interval: Any, told: bool) -> None:
    """Where the interval reaches down to the null, .1."""
    assert bool(probe._no_better(Measured(count, null=0.1, interval=interval))) is told


def test_what_one_split_alone_has_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of classes 0 to 6 the other split has 0 alone: six classes with 11 embeddings, of which some are named."""
    rows = torch.zeros(12, 2)
    whole = Embeddings(
        rows, None, torch.tensor([0, *[1] * 6, 2, 3, 4, 5, 6]), torch.arange(12), tuple("abcdefg"), "s"
    )
    few = Embeddings(rows[:1], None, torch.tensor([0]), torch.arange(1), tuple("abcdefg"), "s")
    names = ", ".join("bcdefg"[: probe.EXAMPLES])
    others = " and others" if probe.EXAMPLES < 6 else ""
    assert probe._unseen(few, whole) == f"6 ({names}{others}), with 11 embeddings"
    assert probe._unseen(whole, few) == ""
    exactly = replace(whole, labels=torch.arange(12).clamp(max=probe.EXAMPLES))
    assert "and others" not in probe._unseen(few, exactly)


def test_copies_of_the_train_split_are_left_out_of_the_test_split() -> None:
    """Two of four test rows are rows of train; of two test rows of which one would be left, none is left out, nor where the
    copies are half of their class: then the space maps the class to a point.
    """
    train = Embeddings(torch.eye(8), None, torch.arange(8) % 2, torch.arange(8), (), "train")
    rows = torch.cat([torch.eye(8)[:2], 5 * torch.ones(1, 8), 7 * torch.eye(8)[:1] + 1])
    test = Embeddings(rows, None, torch.arange(4) % 2, torch.arange(4), (), "test")
    rest, told = probe._without_copies(train, test)
    assert told == "2 of 4 test embeddings left out"
    assert torch.equal(rest.representations, rows[2:])
    assert (rest.source, rest.index.tolist()) == ("test", [2, 3])
    pair = replace(test, representations=rows[1:3], labels=torch.tensor([1, 0]), index=torch.arange(2))
    assert probe._without_copies(train, pair) == (pair, "")
    few = replace(train, representations=torch.eye(8)[:4], labels=torch.arange(4) % 2, index=torch.arange(4))
    assert probe._without_copies(few, test) == (test, "")
    other = replace(test, representations=3 * rows + 2)
    assert probe._without_copies(train, other) == (other, "")


# --- inputs --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "refused"), [(0, False), (1e-9, False), (-1e-9, True), (float("nan"), True), (True, True), ("1", True)]
)  # fmt: skip
def test_options_have_a_least_value(value: Any, refused: bool) -> None:
    if not refused:
        loading.refuse_below(0, strength=value)
        return
    with pytest.raises(CollapseError, match="strength cannot be"):
        loading.refuse_below(0, strength=value)


def test_inputs_in_memory_of_one_name_are_told_apart() -> None:
    first, second = collapse.load(ROWS), collapse.load(ROWS, name="other")
    of_file = replace(first, facts={"path": "a.npy", "sha256": "0"})
    called = [each.name for each in loading.apart([first, second, first, of_file])]  # type: ignore[union-attr]
    assert called == ["array 1", "other", "array 3", "array"]
    assert [each.name for each in loading.apart([first, second])] == ["array", "other"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("source", "given", "message"),
    [
        (ROWS, {"images": []}, "images and layer go with a network"),
        (ROWS, {"layer": "x"}, "images and layer go with a network"),
        (ROWS, {"settings": {"column": "x"}}, "column= goes with the path of a table"),
        ("a.npy", {"name": "x"}, "a.npy is a path"),
        ("a.npy", {"settings": {"column": "x"}}, None),
        (ROWS, {"name": "x"}, None),
        (nn.Linear(1, 1), {"images": [], "layer": "x", "name": "y"}, None),
        (collapse.load(ROWS), {"name": "x"}, "a Subject is measured as it was loaded"),
        (collapse.load(ROWS), {"labels": [0]}, "a Subject is measured as it was loaded"),
        (collapse.load(ROWS), {"settings": {"seed": 0}}, "a Subject is measured as it was loaded"),
        (collapse.load(ROWS), {}, None),
    ],
)
def test_arguments_that_a_source_has_no_use_for(
    source: Any, given: dict[str, Any], message: str | None
) -> None:
    usual: dict[str, Any] = {"labels": None, "images": None, "layer": "", "name": "", "settings": {}}
    if message is None:
        loading._refuse_unused(source, **usual | given)
        return
    with pytest.raises(CollapseError, match=message):
        loading._refuse_unused(source, **usual | given)


def test_what_a_folder_holds_instead_is_named(tmp_path: Path) -> None:
    """Three names, and dots for more; hidden files are not told."""
    told = [inputs._but(tmp_path)]
    for name in (".hidden", "a", "b", "c", "d"):
        (tmp_path / name).touch()
        told.append(inputs._but(tmp_path))
    assert told == ["", "", ", only a", ", only a, b", ", only a, b, c", ", only a, b, c …"]


def test_labels_are_those_of_a_single_input() -> None:
    """Several inputs share labels where these are of one data set; what is loaded already has its own."""
    first, second = Path("a.npy"), Path("b.npy")
    inputs._refuse_unfit(Measuring(labels="l.txt"), [first])
    inputs._refuse_unfit(Measuring(labels="l.txt"), [first, collapse.load(ROWS)])
    inputs._refuse_unfit(Measuring(labels="l.txt", dataset="folder:x"), [first, second])
    inputs._refuse_unfit(Measuring(), [first, second])
    with pytest.raises(CollapseError, match="--labels are those of one INPUT"):
        inputs._refuse_unfit(Measuring(labels="l.txt"), [first, second])
    inputs._refuse_unfit(Measuring(column="x"), [Path("a.csv")])
    with pytest.raises(CollapseError, match=r"but a\.npy is not a table"):
        inputs._refuse_unfit(Measuring(column="x"), [first])


@pytest.mark.parametrize(
    ("owner", "first", "second"),
    [
        ([0, 0, 1, 1], [0, 2], [1, 3]),
        ([5, 3, 5, 3, 5], [1, 0], [3, 2]),
        ([0, 1, 2], [], []),
        ([7, 7, 7], [0], [1]),
    ],
)
def test_two_of_each_image(owner: list[int], first: list[int], second: list[int]) -> None:
    """By the number of the image, the first two rows of each that has two."""
    pair = paired._two_of_each(torch.tensor(owner))
    assert [each.tolist() for each in pair] == [first, second]


def test_views_of_two_images_suffice() -> None:
    of_two = paired._views_of
    one = collapse.load(ROWS[:4])
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patch:
        patch.setattr(paired.groups, "read", lambda *where: torch.tensor([0, 0, 1, 1]))
        viewed = of_two(one, None, "image")
        assert viewed.stored_views is not None
        assert [len(view) for view in viewed.stored_views] == [2, 2]
        assert viewed.groups is not None
        assert viewed.groups.tolist() == [0, 0, 1, 1]
        given = replace(one, groups=torch.zeros(4, dtype=torch.long))
        assert of_two(given, None, "image").groups is given.groups
        patch.setattr(paired.groups, "read", lambda *where: torch.tensor([0, 0, 1, 2]))
        with pytest.raises(CollapseError, match="fewer than two images have two"):
            of_two(one, None, "image")


def test_raw_pixels_fit_up_to_two_gibibytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10 images of 64 pixels in float64: 5,120 bytes; the remedy is the number that fits."""
    white = Images(torch.full((10, 1, 8, 8), 255, dtype=torch.uint8), None, (), "white")
    monkeypatch.setattr(stored, "LARGEST", 5120)
    assert torch.equal(stored._pixels(white, Measuring()).representations, torch.ones(10, 64))
    monkeypatch.setattr(stored, "LARGEST", 5119)
    with pytest.raises(CollapseError) as caught:
        stored._pixels(white, Measuring())
    assert caught.value.hint == "lower --samples to 9"


def test_the_story_of_an_input() -> None:
    """What is assumed of a network says so; a file of embeddings says itself what it is."""
    facts = {"path": "a", "layout": "timm", "architecture": "vit", "assumed": ["size 224", "mean 0"]}
    assert stored.story(facts, 1000, "digits", ["mean 0"]) == (
        "a: timm; 1,000 of digits", "  assumed: size 224", "  not known: mean 0",
    )  # fmt: skip
    bare = {"path": "a", "layout": "npy", "method": "moco", "assumed": ["labels: a column"]}
    assert stored.story(bare, 2, "rows") == ("a: npy, moco; 2 of rows", "  labels: a column")


@pytest.mark.parametrize(
    ("rows", "mean", "kind"),
    [
        (torch.ones(2, 2), 0.5, torch.float32),
        (torch.ones(2, 2).double(), 0.5, torch.float64),
        (torch.full((2, 2), 2.0**-99), 0.0, torch.float32),
        (torch.full((2, 2), 2.0**-100), 0.0, torch.float64),
        (torch.full((2, 2), 2.0**126), 0.0, torch.float32),
        (torch.full((2, 2), 2.0**126), -(2.0**126), torch.float64),
        (torch.ones(2, 2), 1.0, torch.float32),
    ],
)
def test_rows_less_their_mean_stay_in_float32_where_that_carries_them(
    rows: torch.Tensor, mean: float, kind: torch.dtype
) -> None:
    """float32 holds numbers between 2^-126 and 2^128 and loses digits towards both ends; nothing left is nothing lost."""
    rest = centring.less(rows, torch.full((2,), mean, dtype=torch.float64))
    assert rest.dtype == kind
    assert torch.equal(rest.double(), rows.double() - mean)


def test_rows_that_no_float_can_centre_are_refused() -> None:
    tiny = torch.full((2, 2), 2.0**-1000, dtype=torch.float64)
    assert centring.less(tiny, torch.zeros(2).double()).dtype == torch.float64
    for rows, message in ((tiny / 2, "so small"), (tiny * 0 + 2.0**1023, "so large")):
        with pytest.raises(CollapseError, match=message):
            centring.less(rows, -rows[0] if message == "so large" else torch.zeros(2).double())
    assert torch.equal(centring.less(0 * tiny, torch.zeros(2).double()), 0 * tiny)


# --- batches and modules -------------------------------------------------------------------------------------------------------


def test_what_a_network_takes() -> None:
    """Images of whole numbers are divided by 255 and in its precision; labels are whole numbers, one for each image."""
    like = torch.zeros(1, dtype=torch.float64)
    moved = batches.moved(torch.tensor([0, 51, 255], dtype=torch.uint8), like)
    assert moved.dtype == torch.float64
    assert moved.tolist() == pytest.approx([0, 0.2, 1])
    assert batches.moved(torch.tensor([1, 2]), like).dtype == torch.int64
    assert batches.moved(torch.tensor([0.5]), torch.zeros(1, dtype=torch.int8)).dtype == torch.float32
    assert batches.moved({"x": torch.tensor([0.5])}, None)["x"].dtype == torch.float32
    whole = torch.tensor([0, 1])
    assert batches._labels(whole, 2) is not None
    for target, count in (
        (whole, 3),
        (whole.float(), 2),
        (whole.bool(), 2),
        (whole[None], 2),
        ([0, 1], 2),
        (whole + 1j, 2),
    ):
        assert batches._labels(target, count) is None


@pytest.mark.parametrize("count", [1, 256, 257, 600])
def test_images_in_one_array_come_in_parts_of_256(count: int) -> None:
    parts = list(batches.batches(torch.arange(count)))
    assert [len(part) for part in parts] == [256] * (count // 256) + ([count % 256] if count % 256 else [])
    assert torch.equal(torch.cat(parts), torch.arange(count))


def test_a_batch_is_read_in_every_usual_form() -> None:
    model, images, labels = nn.Flatten(), torch.rand(4, 1, 2, 2), torch.arange(4)
    assert batches.read(images, model).labels is None
    for batch in (
        (images, labels),
        [images, labels, "ids"],
        ([images, images], labels),
        {"image": images, "label": labels},
    ):
        held = batches.read(batch, model)
        assert torch.equal(held.inputs, images)  # type: ignore[arg-type]
        assert torch.equal(held.labels, labels)  # type: ignore[arg-type]
    nested = batches.read(((images, labels), labels + 1), model)
    assert torch.equal(nested.labels, labels)  # type: ignore[arg-type]
    assert batches.read((images,), model).labels is None
    for batch in ([], "text", 3, {"name": 1}):
        with pytest.raises(CollapseError):
            batches.read(batch, model)


def test_tokens_and_maps_become_rows() -> None:
    """The mean over places, or the first token, which is not the mean."""
    tokens = torch.arange(12.0).view(2, 3, 2)
    assert torch.equal(modules._pooled(tokens, "mean", ""), tokens.mean(dim=1))
    assert torch.equal(modules._pooled(tokens, "first", ""), tokens[:, 0])
    maps = torch.arange(24.0).view(2, 3, 2, 2)
    assert torch.equal(modules._pooled(maps, "auto", ""), maps.flatten(2).mean(dim=2))
    assert torch.equal(modules._pooled(tokens[:, 0], "auto", ""), tokens[:, 0])
    for wrong in (tokens, torch.zeros(2), torch.zeros(1, 1, 1, 1, 1)):
        with pytest.raises(CollapseError, match="the layer x returns"):
            modules._pooled(wrong, "auto", "x")


def test_reading_ends_with_the_batch_that_completes_the_samples() -> None:
    read: list[int] = []

    def loader() -> Any:
        for number in range(5):
            read.append(number)
            yield torch.full((4, 3), float(number)), torch.full((4,), number)

    for samples, batches_read in ((4, 1), (5, 2), (8, 2), (100, 5)):
        read.clear()
        embedded = modules.embed(nn.Identity(), loader(), samples=samples)
        assert len(embedded) == min(samples, 20)
        assert len(read) == batches_read
        assert embedded.labels is not None
        assert embedded.labels.tolist() == [n // 4 for n in range(min(samples, 20))]
    with pytest.raises(CollapseError, match="samples cannot be 0"):
        modules.embed(nn.Identity(), loader(), samples=0)
    assert len(modules.embed(nn.Identity(), loader(), samples=1)) == 1


def test_labels_that_are_missing_in_a_batch_are_none() -> None:
    rows = [torch.zeros(2, 3), torch.ones(2, 3)]
    for labels in ([torch.tensor([0, 1]), None], [torch.tensor([0, 1]), torch.tensor([-1, 0])], [None, None]):
        assert modules._together(rows, labels, "a").labels is None
    held = modules._together(rows, [torch.tensor([0, 0]), torch.tensor([0, 1])], "a")
    assert held.labels is not None
    assert held.labels.tolist() == [0, 0, 0, 1]


# --- images --------------------------------------------------------------------------------------------------------------------


def header(width: int, height: int, **parts: Any) -> FileHeader:
    whole: Any = {
        "kind": "PNG",
        "mode": "RGB",
        "size": (width, height),
        "turned": False,
        "alpha": False,
        "frames": False,
    }
    return FileHeader(**whole | parts)


def test_headers_are_counted() -> None:
    """By area: 2 x 9 is smaller than 5 x 4, and of equal areas the narrower one comes first."""
    headers = [
        header(5, 4), header(5, 4, turned=True), header(2, 9, mode="L", alpha=True), header(4, 5, kind="GIF", frames=True),
    ]  # fmt: skip
    told = image_inspection._of_headers(headers)
    assert told["sizes"] == {
        "different": 3, "most_frequent": [5, 4], "of_that_size": 2, "smallest": [2, 9], "largest": [5, 4],
    }  # fmt: skip
    assert (told["turned_by_exif"], told["with_alpha"], told["of_several_frames"]) == (1, 1, 1)
    assert list(told["modes"].items()) == [("RGB", 3), ("L", 1)]
    assert image_inspection._of_headers([]) == {}


def test_classes_are_counted_the_largest_first() -> None:
    labels = torch.tensor([0, 1, 1, -1, -1, -1])
    assert image_inspection._of_classes(labels, ("a", "b", "c")) == {
        "labels": "yes", "classes": 2, "class_sizes": {"b": 2, "a": 1},
    }  # fmt: skip
    none = image_inspection._of_classes(torch.tensor([-1]), ())
    assert none == {"labels": "no", "classes": None, "class_sizes": {}}


def test_five_copies_are_named() -> None:
    of = torch.tensor([0, 0, 0, 3, 3, 0, 0, 0])
    names = [f"{n}.png" for n in range(8)]
    assert list(image_inspection._examples(of, names)) == [
        "1.png = 0.png", "2.png = 0.png", "4.png = 3.png", "5.png = 0.png", "6.png = 0.png",
    ]  # fmt: skip


def test_what_is_left_out_is_said_with_its_split_where_splits_differ() -> None:
    broken, held = (
        DataNote("left out", 1, 9, "images", "broken"),
        DataNote("held out", 1, 9, "images", "held out"),
    )
    chosen = DataNote("chosen", 9, 9, "images", "labelled")
    parts = {"train": blank(8, notes=(broken, chosen, held)), "test": blank(4, notes=(chosen,))}
    assert list(image_inspection._left_out(parts)) == [chosen.sentence, f"train: {broken.sentence}"]


@pytest.mark.parametrize(
    ("dataset", "files", "message"),
    [
        ("digits", {"labels": "l.csv"}, "digits has labels of its own"),
        ("folder:x", {"labels": "l.csv"}, None),
        ("folder:x", {"label_column": "c"}, "folder:x has no columns"),
        ("folder:x", {"label_column": "c", "labels": "l.csv"}, None),
        ("parquet:x", {"label_column": "c"}, None),
        ("parquet:x", {"image_column": "c"}, None),
        ("folder:x", {"image_column": "c"}, "--image-column c: folder:x has no columns"),
    ],
)
def test_options_of_images_that_would_do_nothing(
    dataset: str, files: dict[str, str], message: str | None
) -> None:
    if message is None:
        image_sets._refuse_idle(dataset, ImageFiles(**files))
        return
    with pytest.raises(CollapseError, match=message):
        image_sets._refuse_idle(dataset, ImageFiles(**files))


@pytest.mark.parametrize(("trained_on", "others"), [(0, True), (8, True), (9, False)])
def test_what_is_said_where_a_labels_file_is_missing(trained_on: int, others: bool) -> None:
    sentence = image_sets.of_others(blank(8), trained_on).sentence
    assert ("may be others than the run was trained on" in sentence) is others
    assert ("the run was trained on 9" in sentence) is not others


def test_images_of_a_run_are_read_as_they_were_trained_on(tmp_path: Path) -> None:
    """But for what was typed; a column goes with the labels that name it, and a file that is gone takes its column with it."""
    there = tmp_path / "l.csv"
    there.touch()
    trained = ImageFiles(labels=str(there), label_column="kind", background="white")
    assert image_sets.of_run(trained, ImageFiles()) == (trained, ())
    other, notes = image_sets.of_run(trained, ImageFiles(labels="new.csv"))
    assert (other.labels, other.label_column, other.background, notes) == ("new.csv", "", "white", ())
    gone, (note,) = image_sets.of_run(replace(trained, labels=str(tmp_path / "gone.csv")), ImageFiles())
    assert (gone.labels, gone.label_column, gone.background) == ("", "", "white")
    assert "looked for in" not in note.sentence
    _, (near,) = image_sets.of_run(replace(trained, labels="gone.csv"), ImageFiles())
    assert "looked for in" in near.sentence


def test_an_encoder_that_has_hardly_moved_is_at_its_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The median layer has moved by less than runs that learn: that is said; by as much it is not."""
    case: Any = SimpleNamespace(trained=SimpleNamespace(steps=3))
    for distance, told in ((initial.MOVED, False), (initial.MOVED * 0.99, True), (None, False), (0.0, True)):
        monkeypatch.setattr(initial.steps, "moved", lambda case, distance=distance: distance)
        assert bool(initial._at_its_start(case)) is told
    assert initial._at_its_start(SimpleNamespace(trained=SimpleNamespace(steps=0))) == ""  # type: ignore[arg-type]
    assert initial._at_its_start(SimpleNamespace(trained=None)) == ""  # type: ignore[arg-type]


# --- false negatives of labels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("queue", "batch", "settings"),
    [(0, 0, {"K": 4096, "N": 1347, "B": 64}), (8, 9, {"K": 8, "N": 1347, "B": 9}), (8, 5000, {"K": 8, "N": 1347, "B": 1347})],
)  # fmt: skip
def test_class_sizes_alone_take_the_usual_queue_and_batch(
    queue: int, batch: int, settings: dict[str, int]
) -> None:
    """4096 keys and 64 images, where nothing was asked for; a batch is no more than all images."""
    (entry,) = oracle.from_labels(Measuring(dataset="digits"), queue, batch)
    assert entry.settings == settings
    assert isinstance(entry, Entry)


def test_rows_of_length_one_of_any_scale() -> None:
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0], [3e-40, 4e-40]])
    assert torch.allclose(oracle.of_length_1(rows), torch.tensor([[0.6, 0.8], [0, 0], [0.6, 0.8]]), atol=1e-4)


def test_classes_are_told_with_one_digit_of_a_percent() -> None:
    """87.62 % and 12.34 % of shuffled labels, as every accuracy is told."""
    result: Any = SimpleNamespace(
        nearest_mean=Measured(0.8762, null=0.1234), least_rank=Measured(3.0, null=4.0)
    )
    said = classes_of.answer(result)
    assert "for 87.6 % of the embeddings" in said
    assert "(shuffled labels: 12.3 %)" in said
