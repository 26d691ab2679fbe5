"""Whose network is it? Every layout, prefix and architecture that may be is scored by names and shapes; the best is taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others import named_networks, open_clip_configs, resnets, transformers_networks, vits
from collapse_cli.runs.others.candidates import Candidate, scored, under
from collapse_cli.runs.others.layouts import LAYOUTS, Branch, Choices, Layout
from collapse_cli.runs.others.reading import Question, Reading
from collapse_cli.runs.others.tensors import FileTensors

FAMILIES: tuple[Callable[[Question], Reading | None], ...] = (resnets.read, vits.read)
"""What networks are known by the names and shapes of their weights."""

ANCHOR = re.compile(
    r"((?:.*?\.)??)(layer1\.0\.conv1|\d+\.0\.conv1|patch_embed\.proj|embeddings\.patch_embedding|transformer\.resblocks\.0\.ln_1)\.weight"
)
"""A name that an encoder has whatever precedes it: group 1 is its prefix."""


def recognise(held: FileTensors, choices: Choices) -> Candidate:
    """The best reading of a file: by its config.json, where transformers has its network, else by names and shapes.

    Raises CollapseError where none fits, or where it leaves a weight of the network unknown.
    """
    if not (choices.arch or choices.prefix):
        open_clip_configs.refuse_unread(held.path, held.facts.get("open_clip") or {})
    question = transformers_networks.question(held, choices)
    reading = transformers_networks.read(question) if question else None
    if question and reading:
        return scored(question, reading)
    if needed := transformers_networks.needed(held, choices):
        if not transformers_networks.read_here(held):
            raise needed
        with suppress(CollapseError):
            return _by_shape(held, choices)
        raise needed
    return _by_shape(held, choices)


def _by_shape(held: FileTensors, choices: Choices) -> Candidate:
    """The best reading by names, shapes and the names of architectures. Raises CollapseError where none is whole."""
    candidates: list[Candidate] = []
    for candidate in _candidates(held, choices):
        candidates.append(candidate)
        if candidate.share == 1:  # none can be better
            break
    if not candidates:
        raise _unknown(held, choices)
    best = max(candidates, key=lambda candidate: candidate.share)
    if best.missing:
        raise _misfit(held.path, best)
    if best.unexpected:
        raise _unused(held.path, best)
    return best


def _candidates(held: FileTensors, choices: Choices) -> Iterator[Candidate]:
    """Every reading that the choices allow; a name that the file gives its architecture counts where shapes do not suffice."""
    for layout, branch in _rows(held, choices.prefix):
        if not (held.averaged or choices.branch in ("auto", branch.role)):
            continue
        question = Question(held, layout, branch, _under_branch(held, branch), choices)
        by_shape = [] if choices.arch else [_tried(read, question) for read in FAMILIES]
        exact = any(candidate is not None and candidate.share == 1 for candidate in by_shape)
        by_name = None if exact else _tried(named_networks.read, question)
        yield from (candidate for candidate in (*by_shape, by_name) if candidate is not None)


def _rows(held: FileTensors, prefix: str) -> Iterator[tuple[Layout, Branch]]:
    """The networks that may be in a file: of layouts that are known by their signs, then whatever looks like an encoder."""
    if prefix:
        yield Layout("prefix as given", (), ()), Branch("online", _ours(held, prefix.removesuffix(".") + "."))
        return
    layouts = [layout for layout in LAYOUTS if all(_begins(held, sign) for sign in layout.signs)]
    yield from ((layout, branch) for layout in layouts for branch in layout.branches)
    seen = {branch.encoder for layout in layouts for branch in layout.branches}
    for encoder in prefixes(held):
        if encoder not in seen:
            yield Layout("unknown layout", (), ()), Branch("online", encoder)


def _ours(held: FileTensors, prefix: str) -> str:
    """A prefix as the file writes it -> as we have cleaned it."""
    for ours, theirs in held.written.items():
        rest = theirs.removeprefix(prefix)
        if rest != theirs and ours.endswith(rest):
            return ours.removesuffix(rest)
    return prefix


def prefixes(held: FileTensors) -> tuple[str, ...]:
    """What precedes something that looks like an encoder, in the order of the file."""
    matches = (ANCHOR.match(name) for name in held.tensors)
    return tuple(dict.fromkeys(match[1] for match in matches if match))


def _begins(held: FileTensors, sign: str) -> bool:
    return any(name.startswith(sign) for name in held.tensors)


def _under_branch(held: FileTensors, branch: Branch) -> dict[str, Tensor]:
    """The weights under a branch's prefix, without those of its projector."""
    return {
        name: tensor
        for name, tensor in under(held.tensors, branch.encoder).items()
        if not (branch.encoder + name).startswith(branch.projectors)
    }


def _tried(read: Callable[[Question], Reading | None], question: Question) -> Candidate | None:
    """A reading, or None where the tensors are parts of a network, or only bear its names."""
    try:
        reading = read(question)
    except (KeyError, ValueError, IndexError, ZeroDivisionError, RuntimeError):
        return None
    return None if reading is None else scored(question, reading)


def few(names: tuple[str, ...], count: int = 3) -> str:
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more


def _misfit(path: Path, best: Candidate) -> CollapseError:
    where = f" under '{best.branch.encoder}'" if best.branch.encoder else ""
    parts = [
        f"{word} {few(names)}"
        for word, names in (("missing or misshapen:", best.missing), ("unexpected:", best.unexpected))
        if names
    ]
    return CollapseError(
        f"{path} is not a network that is recognised: {best.reading.arch}{where} comes nearest, of which "
        f"{best.matched} of {best.total} weights match ({best.share:.0%}); {'; '.join(parts)}",
        "give another architecture with --arch, or another place with --prefix; `collapse "
        f"weights {path}` needs neither",
    )


def _unused(path: Path, best: Candidate) -> CollapseError:
    """Weights that no network known here uses: what the file's own network computes with them is not known."""
    first = best.unexpected[0].split(".")[0]
    beside = not any(name.startswith(f"{first}.") for name in best.weights)
    return CollapseError(
        f"{path} fits {best.reading.arch}, but has {len(best.unexpected)} more weights that may lie between image and "
        f"embedding, and that {best.reading.arch} does not use: {few(best.unexpected)}",
        "give the architecture with --arch"
        + (f"; or, where they lie beside the encoder, --ignore {first}." if beside else ""),
    )


def _unknown(held: FileTensors, choices: Choices) -> CollapseError:
    """Why there is no reading at all."""
    if choices.prefix:
        there = few(tuple(repr(p) for p in prefixes(held))) or "none that looks like an encoder"
        return CollapseError(
            f"nothing in {held.path} under --prefix {choices.prefix} can be a network", f"there are: {there}"
        )
    if choices.branch != "auto" and list(_candidates(held, replace(choices, branch="auto"))):
        return CollapseError(
            f"{held.path} has no {choices.branch} network",
            "leave out --branch to take the network that is there",
        )
    return CollapseError(
        f"{held.path} is not a network that is recognised (ResNets, ViTs, CLIP); its weights are "
        f"{few(tuple(held.tensors))}",
        f"give the name of a model of timm with --arch; `collapse weights {held.path}` needs no architecture",
    )
