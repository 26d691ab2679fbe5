"""What open_clip_config.json says of the vision tower, in the words that the readers of networks take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others.image_configs import part

HEAD = 64  # dimensions of an attention head, where the config does not tell
UNREAD = (
    "attentional_pool",
    "final_ln_after_pool",
    "input_patchnorm",
    "pos_embed_type",
    "act_kwargs",
    "norm_kwargs",
)
USUAL: tuple[Any, ...] = (None, False, "learnable", {})
POOLS = ("", "tok", "token", "map")  # of timm's ViTs, as their weights tell
TOKENS = ("vit", "deit", "beit", "eva")


def facts(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config as Hugging Face's CLIP would have it, and the name of timm's network, if it is one."""
    model = part(config, "model_cfg")
    vision = part(model, "vision_cfg")
    if isinstance(vision.get("timm_model_name"), str):
        return {"arch": vision["timm_model_name"]}
    tower: dict[str, Any] = {"hidden_act": "quick_gelu" if model.get("quick_gelu") is True else "gelu"}
    if _counts(width := vision.get("width")) and _counts(vision.get("layers")):
        stated = vision.get("head_width")
        tower["num_attention_heads"] = width // (stated if _counts(stated) else HEAD)
    return {"config": {"vision_config": tower}} if vision else {}


def refuse_unread(path: Any, config: Mapping[str, Any]) -> None:
    """Raises CollapseError for a vision tower that pools or norms in a way that its weights do not show."""
    vision = part(config, "model_cfg", "vision_cfg")
    odd = [name for name in UNREAD if vision.get(name, None) not in USUAL]
    pool = vision.get("pool_type", "tok")
    odd += ["pool_type"] if pool not in ("tok", "", None) else []
    name, trunk = str(vision.get("timm_model_name", "")), str(vision.get("timm_pool") or "")
    odd += ["timm_pool"] if "attn" in trunk or (name.startswith(TOKENS) and trunk not in POOLS) else []
    if odd:
        values = ", ".join(f"{name} {vision.get(name)!r}" for name in odd)
        raise CollapseError(
            f"{path} has a vision tower that is not read: its open_clip_config.json says {values}",
            "embed the images yourself, and give the embeddings as .npy",
        )


def _counts(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
