"""How many attention heads a ViT has. Its weights fit any number that divides its width: signs tell it, or it is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.models import vit
from collapse_cli.runs.others.named_networks import bare
from collapse_cli.runs.others.reading import Question
from collapse_cli.runs.others.vit_names import CLIPA, OPEN_CLIP, TIMM, Named

Weights = Mapping[str, Tensor]

WIDTHS = {768: 12, 1024: 16, 1152: 16, 1280: 16, 1408: 16, 1536: 24, 1664: 16}
"""Widths at which public definitions have the same number; but SigLIP's at 1536, whose attention pooling is its sign, and timm's
vit_base_patch16_gap_224, without a class token, which has 16."""
POOLED_WIDTHS = {1536: 16}
OPEN_CLIP_WIDTHS = {1280: 16, 1408: 16, 1664: 16, 1792: 16}
"""Those of open_clip whose heads are not 64 wide."""
USUAL, TWELVE = {192: 3, 384: 6}, {192: 12, 384: 12}
"""Heads 64 wide, as timm, DeiT and DINO have them; 12 heads, as MoCo v3's code has them, and solo-learn's of it and of MAE."""

NAMES = re.compile(r"(vit|deit3?)_(tiny|small)(_|$)|dino(v2)?_vits\d")
"""Architectures as timm, DeiT and DINO name them, whose heads are 64 wide."""


@dataclass(frozen=True)
class Heads:
    """The number, and whence it is known."""

    count: int
    why: str = ""

    def __str__(self) -> str:
        return f"{self.count} attention heads{f', {self.why}' if self.why else ''} (--heads)"


def heads(named: Named, question: Question, config: Mapping[str, Any]) -> Heads:
    """The number of attention heads. Raises CollapseError where nothing tells it, or it does not divide the width."""
    width = named.weights["patch_embed.proj.weight"].shape[0]
    known_heads = next(_sources(width, named, question, config), None)
    if known_heads is None:
        raise _untold(question, width, named)
    count = known_heads.count
    if not isinstance(count, int) or isinstance(count, bool) or count < 1 or width % count:
        raise CollapseError(
            f"{question.held.path} is a ViT {width} wide, which cannot have {count} attention heads"
            + (f", {known_heads.why}" if known_heads.why else ""),
            "give a number that divides the width with --heads",
        )
    return known_heads


def _sources(width: int, named: Named, question: Question, config: Mapping[str, Any]) -> Iterator[Heads]:
    """Every number that is told, the surest first."""
    if question.choices.heads:
        yield Heads(question.choices.heads)
    stated = config.get("num_attention_heads", config.get("num_heads"))
    if stated is not None:
        yield Heads(stated, "as config.json says")
    elif config.get("model_type") and named.family.heads:
        yield Heads(named.family.heads, "which is transformers' default where config.json does not say")
    if named.family in (OPEN_CLIP, CLIPA) and (width in OPEN_CLIP_WIDTHS or width % 64 == 0):
        yield Heads(OPEN_CLIP_WIDTHS.get(width, width // 64), "as open_clip's code has at this width")
    pooled = POOLED_WIDTHS if "attn_pool.latent" in named.weights else {}
    if {**WIDTHS, **pooled}.get(width) and not _mean_of_patches(named, question):
        yield Heads({**WIDTHS, **pooled}[width], f"as public ViTs {width} wide have")
    if width in USUAL:
        yield from _by_signs(width, named.weights, question)


def _mean_of_patches(named: Named, question: Question) -> bool:
    """Whether it is timm's kind of ViT without a class token and without a head that pools, and not I-JEPA's."""
    weights = named.weights
    pools = "attn_pool.latent" in weights or _i_jepa(question.held.tensors)
    return named.family is TIMM and "cls_token" not in weights and not pools


def _by_signs(width: int, weights: Weights, question: Question) -> Iterator[Heads]:
    """Signs of code whose small ViTs have a certain number."""
    names = question.held.tensors
    arch, asked = bare(question.held.arch), bare(question.choices.arch)
    signs: tuple[tuple[Callable[[], bool], Mapping[int, int], str], ...] = (
        (lambda: NAMES.match(asked) is not None, USUAL, f"as {asked} has in timm, DeiT and DINO"),
        (lambda: _begins(names, "base_encoder."), {384: 12}, "as MoCo v3's vit_small has"),
        (lambda: _solo_learns_mae(names), TWELVE, "as solo-learn's masked autoencoders have"),
        (lambda: "dist_token" in weights, USUAL, "as DeiT's distillation token suggests"),
        (
            lambda: "mask_token" in weights and "blocks.0.ls1.gamma" in weights,
            USUAL,
            "as DINOv2's layout has",
        ),
        (
            lambda: "reg_token" in weights or "register_tokens" in weights,
            USUAL,
            "as ViTs with registers have",
        ),
        (lambda: is_dino(names), USUAL, "as DINO's layout has"),
        (lambda: _i_jepa(names), USUAL, "as I-JEPA's layout has"),
        (lambda: _moco_v3(weights, names), TWELVE, "as MoCo v3's fixed positions suggest"),
        (lambda: NAMES.match(arch) is not None, USUAL, f"as {arch} has in timm, DeiT and DINO"),
        (lambda: _begins(names, "visual.trunk."), USUAL, "as timm's ViTs in open_clip have"),
    )
    if named_alike := [Heads(table[width], why) for sign, table, why in signs if width in table and sign()]:
        yield named_alike[0]


def _begins(names: Mapping[str, Tensor], *starts: str) -> bool:
    """Whether each begins some name."""
    return all(any(name.startswith(start) for name in names) for start in starts)


def _solo_learns_mae(names: Mapping[str, Tensor]) -> bool:
    """Its other ViTs have 12 heads with MoCo v3's fixed positions, and 3 or 6 with learned ones."""
    return _begins(names, "backbone.patch_embed.proj.weight", "decoder.")


def is_dino(names: Mapping[str, Tensor]) -> bool:
    head = re.compile(r"(teacher|student)\.((head|dino_head|ibot_head)\.(mlp|last_layer)\b)")
    return any(map(head.match, names))


def _i_jepa(names: Mapping[str, Tensor]) -> bool:
    return _begins(names, "target_encoder.", "predictor.predictor_")


def _moco_v3(weights: Weights, names: Mapping[str, Tensor]) -> bool:
    """Whether the positions are MoCo v3's fixed table, whose first half is of the row of patches; in MAE's, of the column."""
    if any("decoder" in name for name in names) or "cls_token" not in weights:
        return False
    positions = weights["pos_embed"][0].float()
    side, placed = vit.grid_of(weights)
    if placed != 1 or positions[0].any():
        return False
    return bool((positions[1:] - moco_v3_positions(side, positions.shape[1])).abs().max() < 0.01)


def moco_v3_positions(side: int, width: int) -> Tensor:
    """(side², width): sine and cosine of the row's number at width / 4 frequencies, then of the column's."""
    frequencies = 10000.0 ** -(torch.arange(width // 4) / (width // 4))
    angles = torch.arange(side)[:, None] * frequencies  # (side, width/4)
    waves = torch.cat([angles.sin(), angles.cos()], dim=1)  # (side, width/2)
    rows, columns = waves[:, None].expand(-1, side, -1), waves[None].expand(side, -1, -1)
    return torch.cat([rows, columns], dim=2).flatten(0, 1)


def _untold(question: Question, width: int, named: Named) -> CollapseError:
    hint = f"give --heads N, the number that the code which trained it has for a width of {width}"
    if width in USUAL:
        hint = f"give --heads {USUAL[width]} (timm, DeiT, DINO) or --heads 12 (MoCo v3, solo-learn)"
    if named.family.heads:
        hint += ", or put its config.json beside the file"
    return CollapseError(
        f"{question.held.path}: the number of attention heads of this ViT, {width} wide, is not in the file",
        hint,
    )
