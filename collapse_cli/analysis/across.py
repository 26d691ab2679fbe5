"""One network on several data sets: each is judged, and one sentence names where the verdicts differ, and whose doing that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from collapse_cli.analysis.across_words import called, sentence, short
from collapse_cli.analysis.inputs import Loaded, load_all
from collapse_cli.analysis.judgement import amend, judgement
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import RAW, Subject
from collapse_cli.answers import Answer, Entry
from collapse_cli.embedding import take
from collapse_cli.errors import CollapseError
from collapse_cli.figures import percent
from collapse_cli.metrics.contrast import Contrast, Sides, contrast
from collapse_cli.progress import Progress

KIND = "contrast"


def loaded_on(
    inputs: Sequence[Loaded], measuring: Measuring, datasets: Sequence[str], progress: Progress
) -> list[Subject]:
    """Every network on every data set, those of one network together. Raises CollapseError for what is no network."""
    if twice := next((name for name in datasets if datasets.count(name) > 1), ""):
        raise CollapseError(f"--dataset {twice} was given twice", "name each data set once")
    every = [load_all(inputs, replace(measuring, dataset=datasets[0]), progress)]
    for subject in every[0]:
        if subject.case is None and subject.plain is None:
            raise CollapseError(
                f"{subject.name} contains embeddings, which no --dataset changes",
                "several data sets are for a network; of embeddings give one file for each set",
            )
    every += [load_all(inputs, replace(measuring, dataset=name), progress) for name in datasets[1:]]
    return [
        _on(dataset, subject)
        for of_sets in zip(*every, strict=True)
        for dataset, subject in zip(datasets, of_sets, strict=True)
    ]


def _on(dataset: str, subject: Subject) -> Subject:
    """Called by its data set, too."""
    facts = {**subject.facts, "dataset": dataset}
    return replace(subject, name=f"{subject.name} on {short(dataset)}", facts=facts)


def contrasts(loaded: Sequence[Subject]) -> list[Entry]:
    """One entry, with a sentence, for each space of an input that has collapsed, or may have, while another input of the same
    network is sound. Where spaces come to the same, the first has the sentence. What that decides is the verdict on this input
    from now on: ask before it is measured.
    """
    every = [
        (place, reference, space)
        for place, subject in enumerate(loaded)
        for space in subject.rows
        if (reference := _reference(loaded, place, space)) is not None
    ]
    entries = [
        _contrasted(loaded[place], loaded[reference], space, place) for place, reference, space in every
    ]
    first = {(entry.input, entry.result.ruling): entry for entry in reversed(entries)}
    return [
        entry if entry is first[entry.input, entry.result.ruling] else entry.replace(answer="")
        for entry in entries
    ]


def with_contrasts(answer: Answer, entries: Sequence[Entry]) -> Answer:
    """An answer about these inputs with the contrasts between them."""
    return replace(answer, entries=(*answer.entries, *entries)) if entries else answer


def _reference(loaded: Sequence[Subject], place: int, space: str) -> int | None:
    """The first input of the same network that is sound in this space, where this one points one way, or has few dimensions."""
    subject = loaded[place]
    if (
        len(loaded) < 2
        or judgement(subject, space).verdict.status == "healthy"
        or not _differs(subject, space)
    ):
        return None
    sound = (
        other
        for other, reference in enumerate(loaded)
        if other != place
        and _of_one_network(subject, reference)
        and space in reference.rows
        and reference.rows[space].shape[1] == subject.rows[space].shape[1]
        and _sound(reference, space, judgement(subject, space).common_part)
    )
    return next(sound, None)


def _sound(reference: Subject, space: str, one_way: bool) -> bool:
    """Whether it is healthy; beside what points one way also a space of few dimensions, as projections are, that does not."""
    judged = judgement(reference, space)
    few = one_way and judged.verdict.status == "dimensional collapse"
    return not judged.common_part and (few or judged.verdict.status == "healthy")


def _differs(subject: Subject, space: str) -> bool:
    """Whether it has collapsed, or may have: not where too few inputs are the reason that nothing is concluded, nor where a
    projection has few dimensions, as is usual for one."""
    judged = judgement(subject, space)
    representation = subject.case is not None and space == "h"
    return judged.common_part or (representation and judged.verdict.status == "dimensional collapse")


def _of_one_network(first: Subject, second: Subject) -> bool:
    """Whether two inputs are one network; of embeddings nobody may know, and what is said of them is said with an if."""
    if first.case is None and second.case is None:
        texts = first.plain is not None and second.plain is not None
        same = first.network == second.network != RAW
        return first.facts.get("path") == second.facts.get("path") if texts else same
    return bool(first.case and second.case) and first.network == second.network


def _contrasted(subject: Subject, reference: Subject, space: str, place: int) -> Entry:
    """Of one space of one input beside the reference."""
    result = compared(subject, reference, space)
    if subject.case is not None:
        _decide(subject, reference, space, result)
    return Entry(
        subject.name,
        result,
        space,
        input=place,
        settings={"reference": reference.name, "seed": subject.measuring.seed},
        details={"ruling": result.ruling},
        named_kind=KIND,
        answer=sentence(result, subject, reference, space),
    )


def _decide(subject: Subject, reference: Subject, space: str, result: Contrast) -> None:
    """A collapse that is the data's is none of the network; and an offset cannot forge one that another data set denies."""
    verdict, there = judgement(subject, space).verdict, called(reference)
    if result.of_data and verdict.status.endswith("collapse"):
        few = f"The images themselves differ too little, beside those of {there}, to blame the network."
        give = (f"Give images that differ as much as those of {there}.",)
        amend(subject, space, replace(verdict, status="inconclusive", sentence=few, meaning="", advice=give))
    if result.ruling == "one point" and verdict.status == "inconclusive":
        share = percent(float(result.variance_ratio), 1)
        point = f"Nearly one point, and no offset: it has {share} of the variance on {there}, and the images differ."
        amend(subject, space, replace(verdict, status="complete collapse", sentence=point, meaning=""))


def compared(subject: Subject, reference: Subject, space: str) -> Contrast:
    """What the network makes of both, beside itself at random initialisation and the inputs, as far as these are there."""
    one_way = judgement(subject, space).common_part
    if not (subject.present and reference.present):
        both = Sides(subject.clean.spaces[space], reference.clean.spaces[space])
        return contrast(both, [], _plain(subject, reference), one_way)
    untrained = [
        Sides(before.rows_of(subject.present)[space], before.rows[space]) for before in reference.initial
    ]
    network = Sides(subject.present.rows[space], reference.present.rows[space])
    return contrast(network, untrained, Sides(_pixels(subject), _pixels(reference)), one_way)


def _pixels(subject: Subject) -> Tensor:
    """(n, C H W) in [0, 1], of the images that the network is compared on with itself at initialisation; a mean over pixels, so
    that sets of another size may stand beside each other."""
    case, present = subject.case, subject.present
    assert case is not None
    assert present is not None
    pixels = take(case.images, present.index, present.index.device).flatten(1).double()
    scaled: Tensor = pixels / pixels.shape[1] ** 0.5
    return scaled


def _plain(subject: Subject, reference: Subject) -> Sides | None:
    if subject.plain is None or reference.plain is None:
        return None
    return Sides(subject.plain, reference.plain)
