"""What a number can be at most and at least follows from what it is: a gate refuses a bound that no number can reach.

The groups below are mathematics, not taste: a cosine lies in [-1, 1], a share of a whole in [0, 1], a rank, a distance, a
variance or a ratio of them is not negative, the logarithm of a mean of exp(-t d^2) is not positive. Where an estimate without
bias may leave the range of what it estimates, it has no such end.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

from collapse_cli import metrics

COSINE = {
    "Activations.cosine_untrained",
    "Activations.mean_cosine",
    "Activations.token_cosine",
    "Activations.token_cosine_untrained",
    "Alignment.mean_cosine",
    "Depth.token_alike",
    "Evidence.mean_cosine",
    "Isotropy.mean_cosine_centred",
    "Modality.pair_cosine",
    "Spectrum.mean_cosine",
    "Spectrum.mean_cosine_without_top",
}
# Shares, accuracies, entropies over their most, lengths of the mean of unit rows, probabilities
SHARE = {
    "Activations": "dormant dormant_untrained",
    "Augmentation": "recognised died",
    "Calibration": "right undecided false_alarms missed",
    "Classes": "nearest_mean mismatch",
    "Clusters": "entropy accuracy nmi largest",
    "Codebook": "largest_share",
    "Coverage": "precision recall coverage",
    "Dormant": "dormant_0 dormant_01 dormant_0025",
    "Evidence": "ray_share row_participation queue",
    "Expected": "share none_at_all stale_key",
    "Hubness": "anti_hubs largest_hub",
    "ImageSet": "between",
    "Layer": "alive",
    "Lidar": "augmentation",
    "Modality": "recall_first recall_second",
    "Modes": "precision recall coverage high_quality",
    "Oracle": "share top_8 top_64 top_tenth bottom_half top_tenth_mass mass rank_1 proxy_accuracy stale_key",
    "Probe": "knn linear few_labels",
    "Spectrum": "isoscore top_share alpha_r2 row_participation mean_length ray_share icc largest_group zero_rows "
    "widest_dimension_share",
}
NOT_NEGATIVE = {
    "Activations": "effective_rank rank_untrained entropy token_rank lidar",
    "Alignment": "std_sqrt_d class_alignment loss_alignment alignment rounding",
    "Augmentation": "within",  # over a sum that may be smaller, with the variance between views taken off
    "Chain": "block_energy",
    "Classes": "within between least_variance nc1_quotient equinorm equiangular self_dual cdnv nc1 least_rank",
    "Codebook": "bits",
    "Contrast": "variance_ratio rank_ratio variance_ratio_of_inputs rank_ratio_of_inputs",
    "Course": "least",
    "Depth": "rank_fall rank_kept",
    "Coverage": "density vendi_ratio vendi_real vendi_generated",
    "Evidence": "complete_below dimensional_below effective_rank effective_rank_initial std_sqrt_d total_variance alignment",
    "Expected": "false_negatives",
    "Layer": "effective_rank effective_rank_sigma participation_ratio log_condition norm stable_rank change",
    "Lidar": "views delta lidar",
    "Modality": "alignment modality_gap",
    "Modes": "touched near density held reverse_kl seconds vendi",
    "Oracle": "same_image half_mass",
    "Pair": "gap block_energy block_energy_before diagonal",
    "SampledPairs": "uniformity_error epps_pulley_error",
    "Signal": "effective_rank_h effective_rank_z std_sqrt_d queue_age key_waits key_encoder",
    "Spectrum": "alpha rounding product_error ray_axes information_abundance total_variance std_sqrt_d wasserstein vendi rankme "
    "effective_rank effective_rank_shuffled effective_rank_initial effective_rank_raw effective_rank_sigma "
    "participation_ratio stable_rank top_dimension_share",
    "Tried": "std_sqrt_d effective_rank",
}
AT_LEAST_1 = {"Codebook": "effective_draws perplexity plug_in"}
NOT_POSITIVE = {
    *("Alignment.uniformity", "Modality.uniformity_first", "Modality.uniformity_second"),
    "SampledPairs.uniformity",
}
ADJUSTED = {
    "Clusters.ari",
    "ViewRatio.intraclass",
}  # 1 is perfect, and what chance takes off may lead below 0


def names(groups: dict[str, str]) -> set[str]:
    return {f"{result}.{name}" for result, several in groups.items() for name in several.split()}


RANGES = {
    **dict.fromkeys(COSINE, (-1, 1)),
    **dict.fromkeys(names(SHARE), (0, 1)),
    **dict.fromkeys(names(NOT_NEGATIVE), (0, None)),
    **dict.fromkeys(names(AT_LEAST_1), (1, None)),
    **dict.fromkeys(NOT_POSITIVE, (None, 0)),
    **dict.fromkeys(ADJUSTED, (None, 1)),
}
# Of the values of curves, families of curves, matrices and numbers by name: cosines, shares and probabilities, and what is not
# negative: variances, ranks, counts, distances
WITHIN = {
    (
        -1,
        1,
    ): "Classes.cosines Classes.closest Depth.cosines Depth.token_cosines History.mean_cosine Stack.spectra",
    (
        0,
        1,
    ): "Balance.high_quality Calibration.right_by_kind ChainCourse.block_energy Clusters.recall Codebook.carried "
    "Depth.dormants "
    "Clusters.sizes Course.block_energy Lidar.along Matching.matching Modality.cosines Modes.by_share Modes.images "
    "Modes.quality_course Oracle.false_by_rank Oracle.matching_by_rank Pair.entries Pair.overlap Spectrum.explained "
    "Stack.aligned Strengths.recognised Strengths.wins",
    (0, 4): "Alignment.alignment_of_class Monitored.view_alignment",
    (
        0,
        None,
    ): "Augmentation.along Balance.held Calibration.confusion Chain.by_depth ChainCourse.living Classes.rank_of_class "
    "Classes.variance_of_class Clusters.confusion Codebook.usage Course.effective_rank Depth.entropies Depth.lidars Depth.ranks "
    "Depth.token_ranks Dormant.scores Evidence.eigenvalues "
    "Expected.false_negatives_of_class History.effective_rank History.std_sqrt_d Layer.spectrum Lidar.eigenvalues "
    "Modes.held_course Monitored.rank_h Monitored.rank_z Monitored.scale Monitored.variance "
    "Signal.course Spectrum.eigenvalues Stack.change Stack.stable_rank Strengths.within Tried.course",
    (None, 0): "Alignment.uniformity_of_class",
    (None, None): "Diagnostic.value History.loss Monitored.loss Signal.by_cause Signal.losses",
}
# Whose x counts the directions or units of a space, and of which each result has axes of its own
DIMENSIONS = "Augmentation.along Dormant.scores Evidence.eigenvalues Lidar.along Lidar.eigenvalues Spectrum.eigenvalues "
DIMENSIONS += "Spectrum.explained"
RESULT = "Layer.spectrum Pair.entries Pair.overlap"
# What a table of very many results shows, and what the terminal draws
HEADLINES = {
    "Activations": "effective_rank rank_untrained mean_cosine",
    "Alignment": "alignment uniformity mean_cosine",
    "Augmentation": "recognised wins died",
    "Calibration": "right false_alarms missed",
    "Cause": "times evidence",
    "Chain": "together poorest block_energy",
    "ChainCourse": "together",
    "Classes": "cdnv nc1 nearest_mean least_variance least_rank",
    "Clusters": "accuracy nmi ari used",
    "Codebook": "perplexity codes_95 unused",
    "Course": "least",
    "Coverage": "precision recall density coverage vendi_ratio",
    "Depth": "rank_fall rank_kept",
    "Dormant": "dormant_0 dormant_0025",
    "Evidence": "total_variance active",
    "Expected": "share false_negatives",
    "Gate": "passed failed inconclusive warned",
    "Hubness": "hub_skewness anti_hubs largest_hub",
    "ImageSet": "distinct looks",
    "Isotropy": "epps_pulley mean_cosine_centred",
    "Layer": "stable_rank above below change",
    "Lidar": "lidar augmentation overwhelmed",
    "Modality": "alignment modality_gap uniformity_first uniformity_second recall_first",
    "Modes": "held high_quality reverse_kl",
    "Oracle": "rank_1 top_64 mass",
    "Pair": "leading block_energy diagonal",
    "Probe": "knn linear few_labels",
    "SampledPairs": "uniformity epps_pulley",
    "Signal": "std_sqrt_d effective_rank_z loss",
    "Spectrum": "total_variance std_sqrt_d effective_rank alive active",
    "Stack": "lost",
    "Tried": "std_sqrt_d effective_rank",
    "ViewRatio": "view_ratio view_ratio_gain",
}
SKETCHES = {
    "Chain": "by_depth",
    "Codebook": "usage",
    "Depth": "ranks",
    "Dormant": "scores",
    "Evidence": "eigenvalues",
    "Lidar": "along",
    "Oracle": "false_by_rank",
    "Signal": "course",
    "Spectrum": "eigenvalues",
    "Stack": "stable_rank",
    "Strengths": "recognised",
    "Tried": "course",
}


def declared() -> Iterator[tuple[str, Any]]:
    """Every field with a declaration, of every result."""
    for _, name, _ in pkgutil.walk_packages(metrics.__path__, f"{metrics.__name__}."):
        module = importlib.import_module(name)
        for kind, result in vars(module).items():
            if isinstance(result, type) and dataclasses.is_dataclass(result) and result.__module__ == name:
                yield from (
                    (f"{kind}.{field.name}", field) for field in dataclasses.fields(result) if field.metadata
                )


def test_ranges() -> None:
    """Each number that is no count has the range of its kind."""
    ranges = {
        name: (field.metadata.get("low"), field.metadata.get("high"))
        for name, field in declared()
        if field.metadata["kind"] == "number"
    }
    bounded = {name: ends for name, ends in ranges.items() if ends != (None, None)}
    assert bounded == RANGES


def test_ranges_of_many_values() -> None:
    """Every curve, family, matrix and `each` has the range of its kind, or is listed as one that has none."""
    ranges = {
        name: (field.metadata.get("low"), field.metadata.get("high"))
        for name, field in declared()
        if field.metadata["kind"] in ("curve", "lines", "matrix", "each")
    }
    assert ranges == {name: ends for ends, several in WITHIN.items() for name in several.split()}


def test_which_results_do_not_share_axes() -> None:
    apart = {name: field.metadata["apart"] for name, field in declared() if field.metadata.get("apart")}
    assert apart == dict.fromkeys(DIMENSIONS.split(), "dimensions") | dict.fromkeys(RESULT.split(), "result")


def test_few_numbers_and_curves_stand_for_a_result() -> None:
    """The headlines are what a reader of twenty models compares; another choice is a decision, not a slip."""
    fields = dict(declared())
    assert {name for name, field in fields.items() if field.metadata.get("headline")} == names(HEADLINES)
    assert {name for name, field in fields.items() if field.metadata.get("sketch")} == names(SKETCHES)
