"""How tables show a spectrum: what the verdict counts first, then the ranks by convention, then other published numbers."""

from __future__ import annotations

from collapse_cli.layout import Table

ROWS = Table(
    order=(
        "samples", "distinct", "effective_samples", "groups", "icc", "dimensions",
        "total_variance", "mean_cosine", "std_sqrt_d",
        "active", "alive", "above_edge", "dimensions_90", "dimensions_95", "dimensions_99",
        "effective_rank", "effective_rank_initial", "effective_rank_shuffled", "effective_rank_raw", "effective_rank_sigma",
        "rankme", "participation_ratio", "stable_rank", "information_abundance", "vendi", "wasserstein",
        "alpha", "alpha_r2", "row_participation", "ray_share",
        "top_dimension_share", "dimensions_of_half", "widest_dimension_share",
    ),
    together={
        "embeddings / distinct / effective number": ("samples", "distinct", "effective_samples"),
        "dimensions for 90 / 95 / 99 %": ("dimensions_90", "dimensions_95", "dimensions_99"),
    },
    json_only=(
        "isoscore", "top_share",  # functions of the participation ratio and of the stable rank
        "alpha_from", "alpha_to", "rounding", "product_error", "numerical_rank",  # how it was computed
        "mean_length", "ray_axes", "top_dimension", "mean_cosine_without_top", "widest_dimension",
        "largest_group", "zero_rows",  # the verdict names an offset, copies and zeros
    ),
)  # fmt: skip
