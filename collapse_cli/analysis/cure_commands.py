"""A cause -> the command that would train the same run without it, and whether that was ever seen to help."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from collapse_cli.metrics.causes import Cause
from collapse_cli.printable import joined
from collapse_cli.settings import METHODS, PREFERRED, ImageFiles, Run, resolve

SEEN: Mapping[str, tuple[str, ...]] = {
    "nothing prevents collapse": ("positive-only",),
    "stop-gradient removed": ("simsiam", "byol"),
    "predictor removed": ("simsiam", "byol"),
    "uniformity too weak": ("align-uniform",),
    "variance term too weak": ("vicreg",),
    "augmentation too strong": ("moco", "end-to-end"),
    "key encoder too fast": ("moco",),
    "queue too long": ("moco",),
    "projector deep and linear": ("moco",),
    "weight decay too strong": ("moco", "end-to-end"),
    "learning rate too high": ("moco",),
    "temperature too low": ("moco", "end-to-end"),
    "too few negatives": ("moco", "end-to-end", "dcl"),
    "too few steps": ("moco", "mochi"),
    "nothing was learned": ("moco", "simsiam"),
    "SIGReg too weak": ("lejepa",),
    "centering removed": ("dino",),
    "sharpening removed": ("dino",),
    "Sinkhorn removed": ("swav",),
}
"""Cause -> methods whose verdict and effective rank came back to those of the healthy run (`guide/cures.md`)."""

KEPT = (
    *("dataset", "split", "size", "recipe", "epochs", "precision", "seed", "keep_every"),
    *(field.name for field in dataclasses.fields(ImageFiles)),
)
"""Settings of a training that no suspect changes: what is learned from, for how long, what is kept of it."""


@dataclasses.dataclass(frozen=True)
class Change:
    """What is trained otherwise, by a name. settings: flat; instead: another method, or "" for the run's own."""

    name: str
    settings: Mapping[str, Any]
    instead: str = ""

    def of(self, run: Run) -> Run:
        """The run with this change."""
        method = self.instead or run.method
        return resolve(method, _every(run, method), dict(self.settings))

    def command(self, run: Run, settings: Path | None, out: str) -> str:
        """`collapse train …`, from the run's own settings.toml, or from its settings one by one where there is none."""
        method = self.instead or run.method
        whole = settings is not None and not _foreign(run, method)
        now = _flat(run) if method == run.method else {}
        changed = {name: value for name, value in self.settings.items() if now.get(name) != value}
        first = ["--config", str(settings)] if whole else []
        spelt_out = changed if whole else {**_changed(run, method), **changed}
        return joined(["collapse", "train", method, *first, *_words(spelt_out), "--out", out])


def beside(run: Run, method: str, settings: Path | None, out: str, images: int) -> str:
    """`collapse train …` of a method on the images of a run, as the run was trained but for what the method prefers.

    images: of the run; a queue holds no more than half of them.
    """
    if method == run.method:
        return Change(method, {}).command(run, settings, out)
    usual, preferred = _flat(resolve(run.method)), PREFERRED.get(method, {})
    chosen = {
        name: value
        for part in (run.model, run.training)
        for name, value in dataclasses.asdict(part).items()
        if value != usual[name] and name not in preferred
    }
    default = _flat(resolve(method))
    changed = {name: value for name, value in chosen.items() if value != default[name]}
    if default.get("queue", 0) > images / 2:
        changed["queue"] = 2 ** max(math.floor(math.log2(max(images / 2, 1))), 0)
    return joined(["collapse", "train", method, *_words(changed), "--out", out])


def cure(cause: Cause) -> Change:
    """What a cause says would cure it."""
    return Change(cause.name, cause.cure, cause.instead)


def seen(cause: Cause, run: Run) -> bool:
    """Whether its cure was seen to help this method."""
    return run.method in SEEN.get(cause.name, ())


def suspects(run: Run, images: float = math.inf) -> Iterator[Change]:
    """What is tried where no cause is found: a tenth of the rate, milder views, each unusual setting set back.

    images: of the training, of which a batch, or a sample of negatives, can hold no more.
    """
    training = run.training
    yield Change("a tenth of the learning rate", {"lr": training.lr / 10})
    if training.strength > 0:
        yield Change("half the strength", {"strength": training.strength / 2})
    usual = _flat(resolve(run.method))
    for name, value in _flat(run).items():
        fits = name not in ("batch", "negatives") or type(usual[name]) is str or usual[name] <= images
        if value != usual[name] and name not in KEPT and fits:
            yield Change(name.replace("_", " "), {name: usual[name]})


def _flat(run: Run) -> dict[str, Any]:
    return {
        k: v for part in (run.settings, run.model, run.training) for k, v in dataclasses.asdict(part).items()
    }


def _foreign(run: Run, method: str) -> bool:
    """Whether the run's settings hold knobs that another method has not got."""
    names = {field.name for field in dataclasses.fields(METHODS[method])}
    return not {field.name for field in dataclasses.fields(run.settings)} <= names


def _every(run: Run, method: str) -> dict[str, Any]:
    """The settings of a run that the method knows too."""
    parts = [run.settings] if method == run.method else []
    return {k: v for part in [*parts, run.model, run.training] for k, v in dataclasses.asdict(part).items()}


def _changed(run: Run, method: str) -> dict[str, Any]:
    """Those of them that are not the method's defaults."""
    default = _flat(resolve(method))
    return {name: value for name, value in _every(run, method).items() if value != default[name]}


def _words(settings: Mapping[str, Any]) -> list[str]:
    """Options: `--name value`; a switch that is turned off is set by `--set`, for not all have a name of their own for it."""
    words: list[str] = []
    for name, value in settings.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            words += [option]
        elif value is False:
            words += ["--set", f"{name}=false"]
        else:
            words += [option, str(value)]
    return words
