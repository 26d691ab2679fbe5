"""Whose network is it? Every layout, prefix and architecture that may be is scored by names and shapes; the best is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others import (
    branches,
    choosing,
    clip_resnets,
    named_networks,
    on_the_path,
    open_clip_configs,
    resnets,
    torchvision_networks,
    transformers_networks,
    vits,
)
from collapse_cli.runs.others.candidates import Candidate, scored, under
from collapse_cli.runs.others.layouts import LAYOUTS, Branch, Choices, Layout
from collapse_cli.runs.others.reading import Question, Reading
from collapse_cli.runs.others.tensors import FileTensors
from collapse_cli.runs.shell import quoted

FAMILIES: tuple[Callable[[Question], Reading | None], ...] = (
    resnets.read,
    clip_resnets.read,
    vits.read,
    torchvision_networks.read,
)
"""What networks are known by the names and shapes of their weights."""


def recognise(held: FileTensors, choices: Choices) -> Candidate:
    """The best reading of a file: by its config.json, where transformers has its network, else by names and shapes.

    Raises CollapseError where none fits, or where it leaves a weight of the network unknown.
    """
    _refuse_ignored(held, choices)
    if not (choices.arch or choices.prefix):
        open_clip_configs.refuse_unread(held.path, held.facts.get("open_clip") or {})
    question = transformers_networks.question(held, choices)
    question = question and replace(
        question, branch=_with_projector(held, question.branch, choices.projector)
    )
    reading = transformers_networks.read(question) if question else None
    if question and reading:
        branch = replace(question.branch, encoder=transformers_networks.place(reading.uses or ()))
        return scored(replace(question, branch=branch), reading)
    needed = transformers_networks.needed(held, choices)
    if needed and not transformers_networks.read_here(held):
        raise needed
    try:
        return _by_shape(held, choices)
    except CollapseError as error:
        if not needed:
            raise
        reason = error.message.removeprefix(f"{held.path} ")
        raise CollapseError(
            f"{needed.message}, for without it {reason}", f"{needed.hint}; or {error.hint}"
        ) from None


def _by_shape(held: FileTensors, choices: Choices) -> Candidate:
    """The best reading by names, shapes and the names of architectures. Raises CollapseError where none is whole."""
    candidates: list[Candidate] = []
    for candidate in _candidates(held, choices):
        candidates.append(candidate)
        if candidate.exact:
            break
    exact = any(candidate.exact for candidate in candidates)
    if not exact and not choices.arch and named_networks.needs_timm(held):
        raise named_networks.without_timm(held)
    if not candidates:
        raise _unknown(held, choices)
    best = max(candidates, key=lambda c: (c.exact, c.reading.refusal is not None, c.share))
    if best.reading.refusal:
        raise best.reading.refusal
    if best.missing:
        raise (
            _in_the_way(held, choices) if choices.projector not in ("", "none") else _misfit(held.path, best)
        )
    if best.unexpected:
        raise _unused(held.path, best)
    _refuse_beside(held, best, choices)
    return best


def _refuse_beside(held: FileTensors, best: Candidate, choices: Choices) -> None:
    """Raises CollapseError where a pooling, or a norm of h, stands beside the encoder: the embedding may go through it."""
    if not best.branch.encoder:
        return
    there = on_the_path.beside(held, best, choices)
    parts = {**there.poolings, **there.norms}
    if not parts:
        return
    arch, names = best.reading.arch, tuple(name for names in parts.values() for name in names)
    what, instead = (
        ("a pooling", "with the pooling of its library instead")
        if there.poolings
        else ("a norm", "without it")
    )
    raise CollapseError(
        f"{held.path} has a {arch} and beside it {what}, {few(names)}: whether its embedding goes through that, and how, is not "
        "in the file",
        f"--ignore {','.join(parts)} reads the {arch} {instead}; or compute the embeddings by its own code, and give them as a "
        ".npy file",
    )


def _candidates(held: FileTensors, choices: Choices) -> Iterator[Candidate]:
    """Every reading that the choices allow, by the name of the architecture and by shapes."""
    for layout, branch in _rows(held, choices.prefix):
        taken = "momentum" if held.averaged else branch.role
        if choices.branch not in ("auto", taken):
            continue
        branch = _with_projector(held, branch, choices.projector)
        question = Question(held, layout, branch, _under_branch(held, branch), choices)
        yield from choosing.candidates(question, FAMILIES)


def _rows(held: FileTensors, prefix: str) -> Iterator[tuple[Layout, Branch]]:
    """The networks that may be in a file: of layouts that are known by their signs, then whatever looks like an encoder."""
    layouts = [layout for layout in LAYOUTS if _fits(held, layout)]
    rows = [(layout, branch) for layout in layouts for branch in layout.branches]
    if prefix:
        encoder = ours(held, prefix.removesuffix(".") + ".")
        rows = [(layout, branch) for layout, branch in rows if branch.encoder == encoder]
        yield from rows or [(Layout("prefix as given", (), ()), Branch(branches.role(encoder), encoder))]
        return
    yield from rows
    seen = frozenset(branch.encoder for _, branch in rows)
    yield from ((Layout("unknown layout", (), ()), branch) for branch in branches.unknown(held, seen))


def _fits(held: FileTensors, layout: Layout) -> bool:
    """Whether a file has the signs of a layout."""
    begins = all(_begins(held, sign) for sign in layout.signs) and not any(
        _begins(held, sign) for sign in layout.lacks
    )
    return begins and all(fact in held.facts for fact in layout.tells)


def _with_projector(held: FileTensors, branch: Branch, prefixes: str) -> Branch:
    """The branch with the projector that was asked for, where one was."""
    if prefixes in ("", "none"):
        return branch
    whole = held.written.values()  # open_clip's projector is one parameter, whose name no full stop follows
    given = (p if p in whole else p.removesuffix(".") + "." for p in prefixes.split(",") if p)
    return replace(branch, projectors=tuple(ours(held, prefix) for prefix in given))


def ours(held: FileTensors, prefix: str) -> str:
    """A prefix as the file writes it -> as we have cleaned it."""
    for ours, theirs in held.written.items():
        rest = theirs.removeprefix(prefix)
        if rest != theirs and ours.endswith(rest):
            return ours.removesuffix(rest)
    return prefix


def _begins(held: FileTensors, sign: str) -> bool:
    return any(name.startswith(sign) for name in held.tensors)


def _under_branch(held: FileTensors, branch: Branch) -> dict[str, Tensor]:
    """The weights under a branch's prefix, without those of its projector."""
    inside = {name: tensor for name, tensor in held.tensors.items() if name not in held.aside}
    return {
        name: tensor
        for name, tensor in under(inside, branch.encoder).items()
        if not (branch.encoder + name).startswith(branch.projectors)
    }


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
        f"weights {quoted(path)}` needs neither",
    )


def _unused(path: Path, best: Candidate) -> CollapseError:
    """Weights that no network known here uses: what the file's own network computes with them is not known."""
    parts = dict.fromkeys(name.partition(".")[0] + "." * ("." in name) for name in best.unexpected)
    beside = not any(name.startswith(tuple(parts)) for name in best.weights)
    return CollapseError(
        f"{path} fits {best.reading.arch}, but has {len(best.unexpected)} more weights that may lie between image and "
        f"embedding, and that {best.reading.arch} does not use: {few(best.unexpected)}",
        "give the architecture with --arch"
        + (f"; or, where they lie beside the encoder, --ignore {','.join(parts)}" if beside else ""),
    )


def _in_the_way(held: FileTensors, choices: Choices) -> CollapseError:
    """Without the weights that are said to be the projector's, no network is whole."""
    return CollapseError(
        f"without the weights under --projector {choices.projector}, {held.path} is not a network that is recognised",
        "give the prefix of layers behind the encoder, or leave out --projector",
    )


def _refuse_ignored(held: FileTensors, choices: Choices) -> None:
    """Raises CollapseError for an --ignore that no weight of the file is meant by."""
    for prefix in filter(None, choices.ignore.split(",")):
        if not any(name.startswith(prefix) or f".{prefix}" in name for name in held.tensors):
            raise CollapseError(
                f"no weight of {held.path} begins with --ignore {prefix}",
                f"its weights are {few(tuple(held.tensors))}: collapse inspect {quoted(held.path)} shows what is left over",
            )


def _unknown(held: FileTensors, choices: Choices) -> CollapseError:
    """Why there is no reading at all."""
    if choices.projector not in ("", "none"):
        return _in_the_way(held, choices)
    if choices.prefix:
        there = few(tuple(repr(p) for p in branches.prefixes(held))) or "none that looks like an encoder"
        return CollapseError(
            f"nothing in {held.path} under --prefix {choices.prefix} can be a network", f"there are: {there}"
        )
    if choices.branch != "auto" and list(_candidates(held, replace(choices, branch="auto"))):
        return CollapseError(
            f"{held.path} has no {choices.branch} network",
            "leave out --branch to take the network that is there",
        )
    return CollapseError(
        f"{held.path} is not a network that is recognised (ResNets, ViTs, CLIP, torchvision's networks); its weights are "
        f"{few(tuple(held.tensors))}",
        "compute the embeddings by its own code, in Python collapse.embed(model, images), and give them as a file; or name a "
        f"model of timm with --arch; its weights alone: collapse weights {quoted(held.path)}",
    )
