"""Every remedy works for the one who reads it: all methods × all advice, causes and hints × what may be known of an input.

Options and commands are taken out of the sentences, and parsed by the command's own parser, for the method of the reader. A
training must be one that `--dry-run` accepts, with another value than it has; a number of images one that there are.
"""

from __future__ import annotations

import ast
import math
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor

from collapse_cli import cli, methods
from collapse_cli.analysis import training as training_of
from collapse_cli.analysis.at_hand import at_hand
from collapse_cli.analysis.cure_commands import cure, suspects
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.inquiry import Inquiry
from collapse_cli.analysis.judgement import context
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.needed import refuse_run
from collapse_cli.analysis.subject import Subject
from collapse_cli.cli import main
from collapse_cli.data.statistics import normalisation
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.advice import Context, advice
from collapse_cli.metrics.causes import Cause
from collapse_cli.metrics.spectrum import Spectrum, spectrum
from collapse_cli.metrics.verdict import Status
from collapse_cli.root_causes import Case, Trained, cause_evidence, forces, queues
from collapse_cli.runs import lifecycle, resuming
from collapse_cli.runs.checkpoint import save
from collapse_cli.runs.record import Record
from collapse_cli.runs.toml import read_toml
from collapse_cli.settings import METHODS, Run, Training, flat, resolve
from collapse_cli.shapes import Images
from collapse_cli.training import _milder, steps_per_epoch
from tests.runs.test_foreign import quarter

PACKAGE = Path(cli.__file__).parent
WALKED: Counter[str] = Counter()
"""What was walked so far, by kind: one for each remedy of a situation of a method."""

SMALL: dict[str, Any] = {"encoder": "mlp", "batch": 16, "epochs": 4, "negatives": 24, "head_hidden": 16}
TUNED: dict[str, dict[str, Any]] = {
    "usual": {},
    "stronger, softer, faster": {"strength": 2.5, "temperature": 0.9, "momentum": 0.3, "key_encoder": "copy"},
    "milder, sharper, slower": {"strength": 0.2, "temperature": 0.1, "momentum": 0.999, "lr": 1e-4},
    "short": {"queue": 64, "hardest": 8, "batch": 2, "recipe": "none", "optimizer": "adam", "dim": 1},
    "long": {
        "queue": 8192,
        "head_layers": 3,
        "head_activation": "none",
        "weight_decay": 0.3,
        "symmetric": True,
    },
}


def own(method: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Those of the settings that a method has and takes."""
    names = flat(resolve(method).tables())
    chosen = {name: value for name, value in settings.items() if name in names}
    if method == "directclr":
        chosen.pop("head_layers", None)
    if method == "memory-bank":
        return {**chosen, "negatives": 24}
    return {name: value for name, value in chosen.items() if name != "negatives"}


# What a remedy names

OPTION = re.compile(
    r"--([a-z][a-z-]*)(?: ([0-9][0-9.e+-]*[0-9]|[0-9]|bits|scale|all|fp32|FILE|COLUMN|NAME))?"
)


def typed_in(sentence: str) -> tuple[list[str], str]:
    """The commands of a sentence, each the rest of it from `collapse` on, and what is left of it."""
    before, command, after = sentence.partition(": collapse ")
    if command:
        return [f"collapse {after}".removesuffix(".")], before
    return [], sentence


@cache
def parser(name: str) -> Any:
    return cli.load(name)


def parsed(words: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """A command without running it: its name, or the method that it trains, and what was typed."""
    name, typed = taken_apart(*words)
    return name, dict(typed)


@cache
def taken_apart(*words: str) -> tuple[str, dict[str, Any]]:
    command = parser(words[1])
    if words[1] != "train":
        with command.make_context(words[1], list(words[2:])) as ctx:
            return words[1], ctx.params
    group = command.make_context("train", list(words[2:]))
    name, sub, rest = command.resolve_command(group, [*group._protected_args, *group.args])
    with sub.make_context(name, rest, parent=group) as ctx:
        return name, ctx.params


@cache
def names_of(method: str) -> frozenset[str]:
    return frozenset(flat(resolve(method).tables()))


@cache
def resumed(folder: Path, method: str, epochs: int | None) -> Run:
    return resuming.resumable(Record(folder), method, {"epochs": epochs} if epochs else {}).run


def trained_by(words: Sequence[str], shape: Any) -> Run:
    """The run that a `collapse train …` would begin or resume. Fails where `--dry-run` would."""
    method, typed = parsed(words)
    names = names_of(method)
    datasets = typed.get("dataset") or [None]
    typed["dataset"] = datasets[0] if isinstance(datasets, list | tuple) else datasets
    given = {name: value for name, value in typed.items() if value is not None and name in names}
    if typed.get("resume"):
        return resumed(typed["resume"], method, given.get("epochs"))
    assert not typed["out"] or not Path(typed["out"]).exists(), words
    sets = dict(pair.split("=") for pair in typed["sets"] or ())
    layers = flat(read_toml(typed["config"])) if typed["config"] else {}
    run = resolve(method, layers, sets, given)
    assert run.training.batch <= shape.images, words
    built(replace(run, training=Training()), shape)
    return run


@cache
def built(run: Run, shape: Any) -> None:
    """Raises CollapseError for settings that do not go together, or with these images."""
    with torch.device("meta"):
        methods.build(run, shape)


# What may be known of an input


@dataclass(frozen=True)
class Reader:
    """Whoever reads a remedy: an input as a command loads it, and the run that it is of, if it is one of ours."""

    subject: Subject
    run: Run | None
    images: int | None


def holds(reader: Reader, sentence: str, known: Context) -> int:
    """How many remedies a sentence names; fails where one of them does not work for this reader."""
    commands, rest = typed_in(sentence)
    for command in commands:
        words = shlex.split(command)
        if "RUN" in words or "INPUT" in words:  # where the reader fills in what no file says
            assert reader.subject.record is None, sentence
        elif words[1] == "train":
            run = trained_by(words, reader.subject.checkpoint.data)  # type: ignore[union-attr]
            assert reader.run is not None, "the training of another library cannot be typed"
            assert words[2] == "--resume" or "--out" in words, sentence
            if run.method == reader.run.method and known.stage and known.stage.status != "failed":
                assert known.stage.epochs < known.stage.planned or run != reader.run, (
                    f"nothing changes: {sentence}"
                )
        else:
            _, typed = parsed(words)
            for path in typed.get("inputs") or ():
                assert str(path).startswith("pixels:") or Path(path).exists(), sentence
    named = 0
    for name, value in OPTION.findall(rest):
        named += 1
        option = name.replace("-", "_")
        if rest.startswith(("Try --", "Judge h, or try --")):
            assert reader.run is not None, sentence
            other = resolve(reader.run.method, flat(reader.run.tables()), {option: value})
            assert other != reader.run, f"already so: {sentence}"
            continue
        assert option in {field.name for field in fields(Measuring)}, sentence
        if option == "samples":
            assert known.available is not None, sentence
            assert known.available >= int(value) or (known.in_all or 0) >= int(value), sentence
        if option == "split":
            assert known.available is not None, sentence
            assert (known.in_all or 0) > known.available, sentence
        if option in ("second", "views_of", "unpack", "column"):
            assert reader.subject.case is None, sentence
            assert not reader.subject.raw, sentence
        if option == "dataset":
            assert reader.subject.case is not None, sentence
            leaves = sentence.startswith("Leave out")
            assert leaves == bool(leaves and reader.subject.measuring.dataset), sentence
    return named + len(commands)


@cache
def spectra() -> dict[str, Spectrum]:
    """Of each kind of sample: large and small, nearly one point, of few rows, of one dimension, one that copies fill."""
    generator = torch.Generator().manual_seed(0)

    def seen(rows: Tensor, **more: Any) -> Spectrum:
        return spectrum(rows, torch.Generator().manual_seed(0), **more)

    rows = torch.randn(40, 8, generator=generator)
    outliers = torch.ones(400, 8) * 3 + 1e-3 * torch.randn(400, 8, generator=generator)
    outliers[:4] = torch.randn(4, 8, generator=generator)
    return {
        "fewer than dimensions": seen(torch.randn(20, 32, generator=generator)),
        "few": seen(rows),
        "many": seen(torch.randn(400, 8, generator=generator)),
        "wide": seen(torch.randn(56, 192, generator=generator)),
        "one way": seen(rows + 100),
        "outliers": seen(outliers),
        "one dimension": seen(rows[:, :1]),
        "copies": seen(torch.cat([rows[:20], rows[:1].expand(20, -1)])),
        "groups": seen(rows, groups=torch.arange(40) % 10),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 images of 8 x 8 in two class folders; a folder name that a shell would take apart."""
    path = tmp_path_factory.mktemp("walk") / "my images"
    random = numpy.random.default_rng(0)
    for number in range(60):
        (path / f"c{number % 2}").mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (8, 8), dtype=numpy.uint8)
        Image.fromarray(pixels).save(path / f"c{number % 2}" / f"{number}.png")
    return path


@pytest.fixture(scope="module")
def runs(folder: Path) -> dict[tuple[str, str, int], tuple[Path, Run]]:
    """Run folders of every method, as tuned, before their first epoch, interrupted after 2 of 4, and done."""
    made, images = {}, training_of.images(resolve("moco", {"dataset": f"folder:{folder}"}), "cpu")
    for method, (tuned, changes) in product(METHODS, TUNED.items()):
        chosen = {**own(method, SMALL | changes), "dataset": f"folder:{folder}"}
        if method == "mochi":
            chosen["hardest"] = min(chosen.get("hardest", 64), chosen.get("queue", 512))
        run = resolve(method, chosen)
        first = lifecycle.fresh(lifecycle.settled(run, images), images, normalisation(images))
        for epochs in (0, 2, 4) if tuned == "usual" else (4,):
            record = Record(folder.parent / f"{method} {tuned} {epochs}")
            first.state.epoch = epochs
            record.begin(first.run, {}, overwrite=False)
            save(record.checkpoint, first)
            record.say(status={0: "failed", 2: "interrupted", 4: "done"}[epochs])
            made[method, tuned, epochs] = record.folder, first.run
    return made


def situations(known: Context) -> Iterator[Context]:
    """What else may be known of the same input, but for what follows from its path."""
    yield known
    if known.queue is not None:
        yield from (replace(known, queue=share, looks_untrained="") for share in (0.0, 0.1, 0.6, 1.0))
    yield replace(known, queue=None, looks_untrained="", steps=8 if known.steps else None)
    yield replace(known, queue=None, looks_untrained="", steps=4000 if known.steps else None, alignment=0.1)
    yield replace(known, looks_untrained="its encoder looks untrained: so it is")
    if known.stage:
        for status in ("failed", "running", "interrupted", "unknown"):
            yield replace(known, stage=replace(known.stage, status=status))


def walked(reader: Reader, known: Context, where: str) -> None:
    """All advice on one input in one space."""
    seen_before: dict[Any, int] = {}
    for facts, status, (name, seen) in product(situations(known), get_args(Status), spectra().items()):
        if seen.samples > (facts.available or math.inf):
            continue  # no such sample of these images
        for sentence in advice(status, seen, facts):
            try:
                if (sentence, facts.stage) not in seen_before:
                    seen_before[sentence, facts.stage] = holds(reader, sentence, facts)
                WALKED[where] += seen_before[sentence, facts.stage]
            except (CollapseError, AssertionError) as error:
                raise AssertionError(f"{reader.subject.name}, {status}, {name}: {sentence}") from error


@pytest.mark.parametrize("method", METHODS)
def test_advice_on_a_run(method: str, runs: dict[tuple[str, str, int], tuple[Path, Run]]) -> None:
    for (of, tuned, epochs), (path, run) in runs.items():
        if of != method or tuned in ("milder, sharper, slower", "long"):
            continue
        subject = load(path, Measuring(samples=40))
        for space in subject.rows if tuned == "usual" else [subject.last_space]:
            walked(Reader(subject, run, 48), at_hand(subject, context(subject, space)), "advice on runs")
        if (tuned, epochs) == ("usual", 4):
            bare = replace(subject, record=None)
            walked(Reader(bare, run, 48), at_hand(bare, context(bare, "h")), "advice on checkpoints")


def test_advice_on_other_images(runs: dict[tuple[str, str, int], tuple[Path, Run]], folder: Path) -> None:
    """The same run, asked about other images than those of its training."""
    path, run = runs["moco", "usual", 4]
    subject = load(path, Measuring(samples=40, dataset=f"folder:{folder}", split="test"))
    walked(Reader(subject, run, 12), at_hand(subject, context(subject, "h")), "advice on runs")


def test_advice_on_what_is_not_ours(folder: Path, tmp_path: Path) -> None:
    """Another library's network, raw pixels, and files of embeddings: no option of a training, none that they do not take."""
    from torchvision import models

    network = quarter(models.resnet18(num_classes=10))
    network.conv1 = torch.nn.Conv2d(3, 16, 3, padding=1, bias=False)
    torch.save(network.state_dict(), tmp_path / "theirs.pth")
    numpy.save(tmp_path / "rows.npy", numpy.random.default_rng(0).normal(size=(50, 4)))
    numpy.save(
        tmp_path / "codes.npy", numpy.random.default_rng(0).integers(0, 256, (50, 4), dtype=numpy.uint8)
    )
    pixels = Path(f"pixels:folder:{folder}")
    for path, dataset in (
        (tmp_path / "theirs.pth", f"folder:{folder}"),
        (tmp_path / "rows.npy", ""),
        (tmp_path / "codes.npy", ""),
        (pixels, ""),
    ):
        for split in ("auto", "train") if dataset or path == pixels else ("auto",):
            subject = load(path, Measuring(samples=40, dataset=dataset, split=split))  # type: ignore[arg-type]
            for space in subject.rows:
                known = at_hand(subject, context(subject, space))
                assert not known.trainings
                walked(Reader(subject, None, subject.available), known, "advice on what is not ours")


def test_a_small_folder_is_not_asked_for_what_it_has_not(folder: Path) -> None:
    """60 images of 192 dimensions: more are needed than both splits have; of 50 dimensions --split all has enough."""
    subject = load(Path(f"pixels:folder:{folder}"), Measuring(split="train"))
    known = at_hand(subject, context(subject, "h"))
    assert (known.available, known.in_all) == (48, 60)
    (sentence,) = advice("inconclusive", spectrum(subject.clean.representations, torch.Generator()), known)
    assert sentence == (
        "The data set is too small: it has 60 images; more than 192 are needed to judge 192 dimensions, better 1,920: measure "
        "the pixels of a larger one. At this size nothing can be concluded."
    )
    rows = torch.randn(48, 50, generator=torch.Generator().manual_seed(0))
    (sentence,) = advice("inconclusive", spectrum(rows, torch.Generator()), known)
    assert sentence.startswith("Give --split all, which has 60 images")


# Causes and their cures


def found(case: Case, shown: bool) -> Iterator[Cause]:
    """The causes that a network shows, and those that another network of the same settings could show."""
    assert case.trained is not None
    trained = case.trained
    if shown:
        yield from (cause for cause in cause_evidence.diagnose(case) if cause.detected(case.std_sqrt_d))
    yield from (cause for cause in forces.forces(case, trained) if cause is not None)
    yield from (cause for cause in queues.keys(case, trained) if cause is not None and cause.times >= 1)


@pytest.mark.parametrize("method", METHODS)
def test_cures_of_every_cause(method: str, runs: dict[tuple[str, str, int], tuple[Path, Run]]) -> None:
    """Each is a training that begins, with another setting; from the run's own folder, and from a bare checkpoint."""
    for (of, tuned, epochs), (path, run) in runs.items():
        if of != method or not epochs:
            continue
        subject = load(path, Measuring(samples=24))
        assert subject.case is not None
        known = replace(subject.case, trained=Trained(run, subject.checkpoint.data, epochs))  # type: ignore[union-attr]
        causes = list(found(known, tuned == "long" or epochs == 2))
        changes = [*map(cure, causes), *suspects(run, 48)]
        for inquiry in (
            Inquiry(subject, known, causes),
            Inquiry(replace(subject, record=None), known, causes),
        ):
            for change in changes:
                command = inquiry.command(change, 1)
                begun = trained_by(shlex.split(command), known.trained.data)  # type: ignore[union-attr]
                same = begun.method == run.method and begun.settings == run.settings
                unfinished = change.name == "too few steps"
                assert unfinished or not same or (begun.model, begun.training) != (run.model, run.training), (
                    command
                )
                WALKED["cures"] += 1


@pytest.mark.parametrize("method", METHODS)
def test_cures_begin(
    method: str, runs: dict[tuple[str, str, int], tuple[Path, Run]], capsys: pytest.CaptureFixture[str]
) -> None:
    """As they are typed, but for --dry-run: the run's own settings with another rate, and the methods that are advised."""
    path, _ = runs[method, "usual", 4]
    subject = load(path, Measuring(samples=24))
    commands = at_hand(subject, context(subject, "h")).trainings
    for name in {method, "moco", "vicreg"}:
        assert main([*shlex.split(commands[name])[1:], "--lr", "0.01", "--dry-run"]) == 0, commands[name]
        plan = capsys.readouterr().out
        assert "lr = 0.01" in plan
        assert f'name = "{name}"' in plan
        WALKED["dry runs"] += 1


# Hints of errors, and warnings


def options_of(sentence: str) -> list[tuple[str, str]]:
    return [(name.replace("-", "_"), value) for name, value in OPTION.findall(sentence)]


@pytest.mark.parametrize("tuned", TUNED)
@pytest.mark.parametrize("method", METHODS)
def test_hints_of_a_training(method: str, tuned: str, folder: Path) -> None:
    """A loss that is not finite, a batch beyond the images, more memory than there is: options of this method, other values."""
    chosen = own(method, SMALL | TUNED[tuned])
    if method == "mochi":
        chosen["hardest"] = min(chosen.get("hardest", 64), chosen.get("queue", 512))
    run = resolve(method, chosen, {"dataset": f"folder:{folder}", "precision": "bf16"})
    images = training_of.images(run, "cpu")
    built = methods.build(run, images.data_shape)
    for name, value in options_of(_milder(built, run.training)):
        assert resolve(method, flat(run.tables()), {name: value}) != run
        WALKED["hints"] += 1
    few = Images(images.pixels[:9], images.labels[:9], images.classes, "few")  # type: ignore[index]
    with pytest.raises(CollapseError) as raised:
        steps_per_epoch(few, replace(run.training, batch=64))
    ((name, value),) = options_of(raised.value.hint)
    assert steps_per_epoch(few, resolve(method, {name: value}).training) == 1
    WALKED["hints"] += 1
    for sentence in training_of.warnings(run, images):
        for name, _ in options_of(sentence):
            assert name in flat(run.tables()), sentence
            WALKED["warnings"] += 1


@pytest.mark.parametrize("name", ["batch", "dim", "head_hidden", "queue"])
@pytest.mark.parametrize("method", METHODS)
def test_hints_of_too_much_memory(method: str, name: str, images: Images) -> None:
    """The option that is named is the method's own, and was given."""
    chosen = own(method, {name: 10**9})
    if not chosen.get(name):
        return
    if method == "directclr" and name in ("dim", "head_hidden"):
        return  # it has no projector
    with pytest.raises(CollapseError) as raised:
        refuse_run(resolve(method, own(method, {"encoder": "mlp"}), chosen), images, torch.device("cpu"))
    ((hinted, _),) = options_of(raised.value.hint)
    assert hinted == name
    assert int(re.findall(r"\d+", raised.value.hint)[-1]) == flat(resolve(method).tables())[name]
    WALKED["hints"] += 1


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("memory-bank", {"negatives": 4096}),
        ("mochi", {"queue": 32}),
        ("directclr", {"head_layers": 2}),
        ("directclr", {"subvector": 100000}),
    ],
)
def test_hints_of_settings_that_do_not_go_together(
    method: str, settings: dict[str, Any], images: Images
) -> None:
    with pytest.raises(CollapseError) as raised:
        methods.build(resolve(method, settings), images.data_shape)
    ((name, value),) = options_of(raised.value.hint)
    methods.build(resolve(method, settings, {name: value}), images.data_shape)
    WALKED["hints"] += 1


# All that is written

NOT_OURS = {
    "head",
    "name",
    "keep",
    "upgrade",
    "no",
    "ink",
    "nproc-per-node",
}  # gunzip's and torchrun's, and a style sheet's


def every_option() -> set[str]:
    """The long names of all options of all commands."""
    names = {"version", "help", "install-completion", "show-completion"}
    for command in cli.COMMANDS:
        parameters = list(parser(command).params)
        for sub in getattr(parser(command), "commands", {}).values():
            parameters += sub.params
        names |= {
            word[2:] for each in parameters for word in (*each.opts, *each.secondary_opts) if word[:2] == "--"
        }
    return names


def test_every_option_that_is_written_is_one() -> None:
    """In every literal and docstring of the package: no remedy names an option that no command has."""
    known = every_option() | NOT_OURS
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name == "style.py":
            continue  # colours of a style sheet
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for name in re.findall(r"(?<![\w-])--([a-z][a-z-]*[a-z])(?![a-z-]*[=(*]\w*\()", node.value):
                    assert name in known, f"{path.relative_to(PACKAGE)}:{node.lineno}: --{name}"
                    WALKED["literals"] += 1


def test_notes_on_data_name_options_of_both() -> None:
    """What the notes on data advise is an option of training and of every measuring command, for either may show them."""
    both = {field.name for field in fields(Training)} & {field.name for field in fields(Measuring)}
    for path in sorted((PACKAGE / "data").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("DataNote"):
                for name, _ in options_of(ast.unparse(node)):
                    assert name in both | {"batch"}, f"{path.name}:{node.lineno}: --{name}"
                    WALKED["notes"] += 1


def test_how_many_were_walked() -> None:
    """The count of (method, situation, remedy) that the tests above went through, printed with -s."""
    print(dict(WALKED), sum(WALKED.values()))
    assert math.isfinite(sum(WALKED.values()))
