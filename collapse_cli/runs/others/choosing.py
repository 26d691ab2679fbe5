"""A name or shapes: by which of the two a branch of a file is read, and what is said where they disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others import named_networks
from collapse_cli.runs.others.candidates import Candidate, scored
from collapse_cli.runs.others.reading import Question, Reading, refused

Read = Callable[[Question], Reading | None]


def candidates(question: Question, families: tuple[Read, ...]) -> Iterator[Candidate]:
    """Every reading of one branch. A name that a library knows is taken before shapes that fit, where its weights are these.

    Raises CollapseError where the name needs a package that is not installed, or where no network can be settled upon.
    """
    shapes = _by_shapes(question, families)
    exact = next((candidate for candidate in shapes if candidate.exact), None)
    if question.choices.arch:
        same = [c for c in shapes if named_networks.agrees(question.choices.arch, c.reading.arch)]
        named = None if same else _tried(named_networks.read, question)
        if exact is not None and named is None and not same:
            raise _not_so_named(question, exact)
        yield from (*same, *([named] if named else ()))
        return
    name = question.held.arch
    agree = exact is not None and (not name or named_networks.agrees(name, exact.reading.arch))
    if exact is not None and agree and not named_networks.is_changed(question.held):
        yield exact
        return
    named = _named(question, exact)
    if named is not None and named.exact:
        yield named if exact is None else _noted(named, _taken(name, exact))
        return
    if exact is not None and named_networks.needs_timm(question.held):
        raise named_networks.without_timm(question.held, exact.reading.arch)
    if exact is not None and named is not None:
        yield named if named.reading.refusal else _misnamed(question, named, exact)
        return
    misfit = not agree and named_networks.is_plain(name)
    yield from (_noted(c, _by_shape(name, c)) if misfit and c is exact else c for c in shapes)
    yield from [named] if named is not None else ()


def _by_shapes(question: Question, families: tuple[Read, ...]) -> list[Candidate]:
    """What the families make of the weights, until one has all of them."""
    shapes: list[Candidate] = []
    for read in families:
        candidate = _tried(read, question)
        shapes += [] if candidate is None else [candidate]
        if candidate is not None and candidate.exact:
            break
    return shapes


def _named(question: Question, exact: Candidate | None) -> Candidate | None:
    """The network that the file names, unless shapes fit, and are enough for a network of this name or no library has it."""
    name, changed = question.held.arch, named_networks.is_changed(question.held)
    if exact is not None and not changed and (not name or named_networks.is_plain(name)):
        return None
    return _tried(named_networks.read, question)


def _misnamed(question: Question, named: Candidate, exact: Candidate) -> Candidate:
    """A network that differs from the named one may be computed otherwise than the plain one of its shapes."""
    name, fits = question.held.arch, exact.reading.arch
    error = CollapseError(
        f"{question.held.path} names the architecture {name}, but its weights are not of that: {named.matched} of {named.total} "
        f"match; they fit {fits}",
        f"--arch {fits} reads them as that; or correct the name in the file",
    )
    return replace(named, reading=replace(named.reading, refusal=error))


def _taken(name: str, exact: Candidate) -> str:
    fits = exact.reading.arch
    return f"the file names {name}; its weights fit {fits} as well: the name was taken (--arch {fits})"


def _by_shape(name: str, candidate: Candidate) -> str:
    return f"the file names {name}; its weights are not of that, but of {candidate.reading.arch}: the weights were taken (--arch)"


def _not_so_named(question: Question, exact: Candidate) -> CollapseError:
    return CollapseError(
        f"the weights of {question.held.path} are of no {question.choices.arch}: they fit {exact.reading.arch}",
        f"leave out --arch, or give --arch {exact.reading.arch}",
    )


def _noted(candidate: Candidate, note: str) -> Candidate:
    return replace(candidate, reading=replace(candidate.reading, assumed=(note, *candidate.reading.assumed)))


def _tried(read: Read, question: Question) -> Candidate | None:
    """A reading, or None where the tensors are parts of a network, or only bear its names; with the refusal of a family."""
    try:
        reading = read(question)
    except CollapseError as error:
        reading = refused(error)
    except (KeyError, ValueError, IndexError, ZeroDivisionError, RuntimeError):
        return None
    return None if reading is None else scored(question, reading)
