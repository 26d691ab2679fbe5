"""What open_clip_config.json says of the vision tower, in the words that the readers of networks take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collapse_cli.errors import CollapseError

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
    model = _part(config, "model_cfg")
    vision = _part(model, "vision_cfg")
    if isinstance(vision.get("timm_model_name"), str):
        return {"arch": vision["timm_model_name"]}
    tower: dict[str, Any] = {"hidden_act": "quick_gelu" if model.get("quick_gelu") else "gelu"}
    width, layers = vision.get("width"), vision.get("layers")
    if isinstance(width, int) and isinstance(layers, int):
        tower["num_attention_heads"] = width // (vision.get("head_width") or HEAD)
    return {"config": {"vision_config": tower}} if vision else {}


def refuse_unread(path: Any, config: Mapping[str, Any]) -> None:
    """Raises CollapseError for a vision tower that pools or norms in a way that its weights do not show."""
    vision = _part(_part(config, "model_cfg"), "vision_cfg")
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


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = config.get(name)
    return part if isinstance(part, Mapping) else {}
