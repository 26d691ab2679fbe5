"""Where one network is healthy on one data set and not on another, in words: what was found, whose doing it is, what to do."""

from __future__ import annotations

import math

from collapse_cli.analysis.judgement import judgement
from collapse_cli.analysis.subject import Subject
from collapse_cli.figures import percent, written
from collapse_cli.metrics.contrast import HALVED, NARROW, Contrast
from collapse_cli.values import null_of


def short(dataset: str) -> str:
    """How sentences call a data set: `digits`, and of a path its last part."""
    return dataset.rstrip("/").rpartition("/")[2] or dataset


def sentence(result: Contrast, subject: Subject, reference: Subject, space: str) -> str:
    """What the contrast comes to, how sure, and what to do."""
    here, there = called(subject), called(reference)
    share, items = (
        percent(float(result.variance_ratio), 1),
        "texts" if subject.plain is not None else "images",
    )
    letter = f" of {space}" if len(subject.rows) > 1 else ""
    if subject.case is None and subject.plain is None:
        return _of_embeddings(result, here, there, share)
    beside = _beside(result, items)
    sound = judgement(reference, space).verdict.status == "healthy"
    well = f"{'Healthy' if sound else 'Not one point'} on {there}"
    match result.ruling:
        case "one point":
            return (
                f"{well}, complete collapse{letter} on {here}: the network maps these {items} to nearly one point, "
                f"with {share} of the variance on {there} ({beside}). The {items} differ, so this is the network's doing: do not "
                f"compare such {items} by it, or train it on such, too."
            )
        case "few dimensions":
            return (
                f"{well}, dimensional collapse{letter} on {here}: the effective rank is "
                f"{written(float(result.rank_ratio))} times that on {there} ({beside}). The {items} differ in more ways, so this "
                f"is the network's doing: it has few directions for {items} unlike those that it was trained on."
            )
        case "narrow":
            return (
                f"{well}; on {here} the {items} themselves differ little ({beside}; the network: {share}), which "
                f"says nothing against the network. Give {items} that differ as much as those of {there}."
            )
        case "simple":
            return (
                f"{well}; on {here} the {items} themselves differ in few ways (effective rank beside {there}: {beside}, the "
                f"network: {written(float(result.rank_ratio))}), which says nothing against the network."
            )
        case "offset":
            return (
                f"{well}; on {here} all embeddings{letter} point one way, but they vary as much ({share} of the "
                f"variance on {there}; {beside}): an offset of this data set. Subtract its mean before comparing (--centre)."
            )
    return (
        f"{well}, and not on {here}, with {share} of the variance{letter} on {there} ({beside}): this does not tell "
        "whether the network or the data set makes them alike."
    )


def _beside(result: Contrast, items: str) -> str:
    """What the inputs and untrained networks have of the variance, or of the rank; of narrow ones only what says so."""
    of_rank = result.ruling in ("few dimensions", "simple")
    of_inputs = result.rank_ratio_of_inputs if of_rank else result.variance_ratio_of_inputs
    null = null_of(result.rank_ratio if of_rank else result.variance_ratio)
    most = (HALVED if of_rank else NARROW) if result.of_data else math.inf
    named = {
        "pixels" if items == "images" else "words": math.nan if of_inputs is None else float(of_inputs),
        "untrained": null,
    }
    return ", ".join(
        f"{name}: {written(ratio) if of_rank else percent(ratio, 1)}"
        for name, ratio in named.items()
        if ratio < most
    )


def _of_embeddings(result: Contrast, here: str, there: str, share: str) -> str:
    """Nobody knows what they were made from."""
    if result.ruling == "offset":
        return (
            f"If one network gave both: healthy on {there}, and on {here} all embeddings point one way, but vary as much "
            f"({share} of the variance), so a common offset is likelier than a collapse. Measure it with --centre."
        )
    if result.ruling == "one point":
        return (
            f"If one network gave both: healthy on {there}, and on {here} nearly one point, with {share} of the variance. Either "
            "the network maps inputs unlike its training data to one point, or these inputs are nearly the same; the checkpoint "
            "with --dataset for each set tells."
        )
    return (
        f"If one network gave both: healthy on {there}, and not on {here}, with {share} of the variance. Whether that is the "
        "network or its inputs the checkpoint with --dataset for each set tells."
    )


def called(subject: Subject) -> str:
    return short(subject.measuring.dataset) if subject.measuring.dataset else subject.name
