"""Vision transformers of other libraries: every layout beside a forward pass written from the papers in plain torch."""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from collapse_cli.errors import CollapseError
from collapse_cli.runs import foreign
from collapse_cli.runs.others import transformers_networks, vit_heads
from collapse_cli.runs.others.layouts import CLIP, HALF, IMAGENET, Choices

WIDTH, HEADS, DEPTH, PATCH, GRID, HIDDEN = 48, 4, 2, 4, 4, 40
SIDE = PATCH * GRID
FOUR = Choices(heads=HEADS)

Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def drawn(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> Weights:
    generator = torch.Generator().manual_seed(seed)
    return {n: torch.randn(shape, generator=generator) * 0.3 for n, shape in shapes.items()}


def linear(name: str, outward: int, inward: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outward, inward), f"{name}.bias": (outward,)}


def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def transformer(
    width: int = WIDTH,
    tokens: Mapping[str, int] = {"cls_token": 1},
    placed: int | None = None,
    pre: bool = False,
    pool: bool = False,
    scaled: bool = False,
    gated: str = "",
    bias: bool = True,
    side: int = GRID,
    last: str = "norm",
) -> Weights:
    """Random weights by timm's names. placed: how many of the tokens have positions; gated: the names of SwiGLU's layers."""
    placed = sum(tokens.values()) if placed is None else placed
    shapes: dict[str, tuple[int, ...]] = {name: (1, n, width) for name, n in tokens.items()}
    shapes |= {"pos_embed": (1, side**2 + placed, width), "patch_embed.proj.weight": (width, 3, PATCH, PATCH)}
    shapes |= {"patch_embed.proj.bias": (width,)} if not pre else norm("norm_pre", width)
    for n in range(DEPTH):
        at = f"blocks.{n}."
        shapes |= (
            norm(f"{at}norm1", width) | norm(f"{at}norm2", width) | linear(f"{at}attn.proj", width, width)
        )
        qkv = linear(f"{at}attn.qkv", 3 * width, width)
        shapes |= qkv if bias else {f"{at}attn.qkv.weight": (3 * width, width)}
        shapes |= {f"{at}ls{k}.gamma": (width,) for k in (1, 2)} if scaled else {}
        inner, outer = gated.split() if gated else ("fc1", "fc2")
        shapes |= linear(f"{at}mlp.{inner}", HIDDEN * (2 if gated else 1), width)
        shapes |= linear(f"{at}mlp.{outer}", width, HIDDEN)
    shapes |= norm(last, width)
    if pool:
        shapes |= (
            {"attn_pool.latent": (1, 1, width)}
            | linear("attn_pool.q", width, width)
            | norm("attn_pool.norm", width)
        )
        shapes |= linear("attn_pool.kv", 2 * width, width) | linear("attn_pool.proj", width, width)
        shapes |= linear("attn_pool.mlp.fc1", HIDDEN, width) | linear("attn_pool.mlp.fc2", width, HIDDEN)
    return drawn(shapes)


# The reference: one head, one token, one sum after the other.

ACTS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2))),
    "tanh": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "quick": lambda x: x / (1 + torch.exp(-1.702 * x)),
    "relu": lambda x: x.clamp_min(0),
}


def attention(queries: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    """(B,Q,D), (B,N,D), (B,N,D) -> (B,Q,D), head by head."""
    size = queries.shape[-1] // heads
    outputs = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        similarity = queries[..., part] @ keys[..., part].transpose(1, 2) / math.sqrt(size)
        outputs.append(similarity.softmax(dim=-1) @ values[..., part])
    return torch.cat(outputs, dim=-1)


def normed(w: Weights, name: str, x: Tensor, eps: float) -> Tensor:
    if f"{name}.weight" not in w:
        return x
    centred = x - x.mean(-1, keepdim=True)
    return (
        centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt() * w[f"{name}.weight"]
        + w[f"{name}.bias"]
    )


def layer(w: Weights, name: str, x: Tensor) -> Tensor:
    return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", torch.zeros(()))


def mlp(w: Weights, name: str, x: Tensor, act: str) -> Tensor:
    if f"{name}.w12.weight" in w or w[f"{name}.fc1.weight"].shape[0] == 2 * w[f"{name}.fc2.weight"].shape[1]:
        inner, outer = ("w12", "w3") if f"{name}.w12.weight" in w else ("fc1", "fc2")
        gate, value = layer(w, f"{name}.{inner}", x).chunk(2, -1)
        return layer(w, f"{name}.{outer}", gate * torch.sigmoid(gate) * value)
    return layer(w, f"{name}.fc2", ACTS[act](layer(w, f"{name}.fc1", x)))


def reference(
    w: Weights, images: Tensor, heads: int = HEADS, act: str = "gelu", eps: float = 1e-6, pool: str = "class",
    positions: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """h (B,D). positions: those of the patches (1,hw,D), where images are of another side than the weights'."""
    order = ("cls_token", "dist_token", "reg_token", "register_tokens")
    extra = torch.cat(
        [w[name] for name in order if name in w] or [torch.zeros(1, 0, w["pos_embed"].shape[2])], 1
    )
    count = w["pos_embed"].shape[1]
    placed = next(p for p in range(extra.shape[1] + 1) if math.isqrt(count - p) ** 2 == count - p)
    extra[:, :placed] += w["pos_embed"][:, :placed]
    patches = functional.conv2d(images, w["patch_embed.proj.weight"], w.get("patch_embed.proj.bias"), PATCH)
    x = patches.flatten(2).transpose(1, 2) + (w["pos_embed"][:, placed:] if positions is None else positions)
    x = normed(w, "norm_pre", torch.cat([extra.expand(len(x), -1, -1), x], 1), eps)
    for n in range(DEPTH):
        at = f"blocks.{n}."
        change = attention(*layer(w, f"{at}attn.qkv", normed(w, f"{at}norm1", x, eps)).chunk(3, -1), heads)
        x = x + layer(w, f"{at}attn.proj", change) * w.get(f"{at}ls1.gamma", torch.ones(()))
        change = mlp(w, f"{at}mlp", normed(w, f"{at}norm2", x, eps), act)
        x = x + change * w.get(f"{at}ls2.gamma", torch.ones(()))
    x = normed(w, "norm", x, eps)
    if pool == "attention":
        return multihead_pool(w, x, heads, act, eps)
    pooled = {"class": x[:, 0], "mean": x[:, extra.shape[1] :].mean(1), "pair": (x[:, 0] + x[:, 1]) / 2}[pool]
    return normed(w, "fc_norm", pooled, eps)


def multihead_pool(w: Weights, x: Tensor, heads: int, act: str, eps: float) -> Tensor:
    """SigLIP's head by torch's own MultiheadAttention: the probe asks, the tokens answer."""
    width = x.shape[-1]
    module = nn.MultiheadAttention(width, heads, batch_first=True)
    module.load_state_dict({
        "in_proj_weight": torch.cat([w["attn_pool.q.weight"], w["attn_pool.kv.weight"]]),
        "in_proj_bias": torch.cat([w["attn_pool.q.bias"], w["attn_pool.kv.bias"]]),
        "out_proj.weight": w["attn_pool.proj.weight"], "out_proj.bias": w["attn_pool.proj.bias"],
    })  # fmt: skip
    pooled = module(w["attn_pool.latent"].expand(len(x), -1, -1), x, x)[0].detach()
    return (pooled + mlp(w, "attn_pool.mlp", normed(w, "attn_pool.norm", pooled, eps), act))[:, 0]


# The same weights under other libraries' names.


def by(weights: Weights, rules: tuple[tuple[str, str], ...], flat: tuple[str, ...] = ()) -> Weights:
    """Renamed by every rule in order; flat: what other libraries keep without the first dimension."""
    renamed = {}
    for name, weight in weights.items():
        theirs = name
        for rule in rules:
            theirs = re.sub(*rule, theirs)
        renamed[theirs] = (weight[0, 0] if weight.shape[1] == 1 else weight[0]) if name in flat else weight
    return renamed


def apart(weights: Weights, words: str, joined: str) -> Weights:
    """Queries, keys and values each for itself."""
    split = {}
    for name, weight in weights.items():
        parts = zip(words.split(), weight.chunk(3), strict=True) if joined in name else []
        split |= {name.replace(joined, word): part for word, part in parts} or {name: weight}
    return split


def tower(weights: Weights) -> Weights:
    """As transformers names CLIP's and SigLIP's."""
    rules = (
        (r"^cls_token$", "embeddings.class_embedding"), (r"^pos_embed$", "embeddings.position_embedding.weight"),
        (r"^patch_embed\.proj", "embeddings.patch_embedding"), (r"^norm_pre", "pre_layrnorm"), (r"^norm\.", "post_layernorm."),
        (r"^blocks\.", "encoder.layers."), (r"\.norm([12])", r".layer_norm\1"),
        (r"\.attn\.proj", ".self_attn.out_proj"), (r"\.attn\.qkv", ".self_attn.qkv"),
        (r"^attn_pool\.latent", "head.probe"), (r"^attn_pool\.norm", "head.layernorm"),
        (r"^attn_pool\.proj", "head.attention.out_proj"), (r"^attn_pool\.mlp", "head.mlp"),
    )  # fmt: skip
    theirs = by(weights, rules, ("cls_token", "pos_embed"))
    for leaf in ("weight", "bias") if "head.probe" in theirs else ():
        parts = [theirs.pop(f"attn_pool.{name}.{leaf}") for name in ("q", "kv")]
        theirs[f"head.attention.in_proj_{leaf}"] = torch.cat(parts)
    return apart(theirs, "q_proj k_proj v_proj", "qkv")


def transformers(weights: Weights, new: bool = False) -> Weights:
    """As transformers names ViT, DeiT, MAE and I-JEPA's, and, new, DINOv2's."""
    rules = (
        (r"^(cls_token|register_tokens)$", r"embeddings.\1"), (r"^dist_token$", "embeddings.distillation_token"),
        (r"^pos_embed$", "embeddings.position_embeddings"),
        (r"^patch_embed\.proj", "embeddings.patch_embeddings.projection"), (r"^norm\.", "layernorm."),
        (r"^blocks\.", "encoder.layer."), (r"\.attn\.proj", ".attention.output.dense"),
        (r"\.attn\.qkv", ".attention.attention.qkv"),
        (r"\.ls(\d)\.gamma", r".layer_scale\1.lambda1"), (r"\.w12\.", ".weights_in."), (r"\.w3\.", ".weights_out."),
    )  # fmt: skip
    old = (
        (r"\.norm1\.", ".layernorm_before."), (r"\.norm2\.", ".layernorm_after."),
        (r"\.mlp\.fc1", ".intermediate.dense"), (r"\.mlp\.fc2", ".output.dense"),
    )  # fmt: skip
    theirs = by(weights, rules if new else rules + old)
    return apart(theirs, "query key value", "qkv") | (
        {"embeddings.mask_token": torch.ones(1, WIDTH)} if new else {}
    )


def resblocks(weights: Weights) -> Weights:
    """As open_clip and OpenAI name them."""
    rules = (
        (r"^cls_token", "class_embedding"), (r"^pos_embed", "positional_embedding"), (r"^patch_embed\.proj", "conv1"),
        (r"^norm_pre", "ln_pre"), (r"^norm\.", "ln_post."), (r"^blocks", "transformer.resblocks"), (r"\.norm", ".ln_"),
        (r"\.attn\.qkv\.", ".attn.in_proj_"), (r"\.attn\.proj", ".attn.out_proj"), (r"fc1", "c_fc"), (r"fc2", "c_proj"),
    )  # fmt: skip
    return by(weights, rules, ("cls_token", "pos_embed"))


def saved(weights: Any, path: Path, config: dict[str, Any] | None = None) -> Path:
    path.parent.mkdir(exist_ok=True)
    torch.save(weights, path)
    if config is not None:
        path.with_name("config.json").write_text(json.dumps(config))
    return path


def before(weights: Weights, prefix: str, **beside: Tensor) -> Weights:
    return {f"{prefix}{name}": weight for name, weight in weights.items()} | beside


POOLER = {"pooler.dense.weight": torch.ones(WIDTH, WIDTH), "pooler.dense.bias": torch.ones(WIDTH)}
PATCHES_ONLY: dict[str, int] = {}
DISTILLED = {"cls_token": 1, "dist_token": 1}
TIMMS_REGISTERS = {"cls_token": 1, "reg_token": 4}
REGISTERS = {"cls_token": 1, "register_tokens": 3}

MASK = {"mask_token": torch.ones(1, WIDTH)}


def siglip() -> Weights:
    return transformer(tokens=PATCHES_ONLY, pool=True)


def clipa(weights: Weights) -> Weights:
    """The last norm follows the mean of the patches, no norm comes before the blocks; open_clip's patches have no bias."""
    theirs = {n.replace("fc_norm.", "norm."): w for n, w in weights.items()}
    return resblocks(theirs)


def giant(gated: str, width: int = WIDTH) -> Weights:
    return transformer(width, scaled=True, gated=gated)


# name -> (weights, how they are written, layout, how the reference computes, normalisation)
CASES: dict[str, tuple[Callable[[], Weights], Callable[[Weights], Any], str, dict[str, Any], Any]] = {
    "SigLIP": (siglip, lambda w: before(tower(w), "vision_model.") | {"logit_scale": torch.ones(1)},
               "SigLIP of Hugging Face", {"act": "tanh", "pool": "attention"}, HALF),
    "SigLIP, vision alone": (siglip, tower,
                             "bare network", {"act": "tanh", "pool": "attention"}, HALF),
    "SigLIP in open_clip": (siglip, lambda w: before(w, "visual.trunk."),
                            "open_clip", {"pool": "attention"}, HALF),
    "CLIP": (lambda: transformer(pre=True), lambda w: before(tower(w), "vision_model."),
             "CLIP of Hugging Face", {"act": "quick", "eps": 1e-5}, CLIP),
    "open_clip": (lambda: transformer(pre=True), lambda w: before(resblocks(w), "visual."), "open_clip", {"eps": 1e-5}, CLIP),
    "CLIPA in open_clip": (lambda: transformer(last="fc_norm"), lambda w: before(clipa(w), "visual."), "open_clip",
                           {"eps": 1e-5, "pool": "mean"}, IMAGENET),
    "CLIP in timm": (lambda: transformer(pre=True), dict, "bare network", {"eps": 1e-5}, CLIP),
    "ViT": (transformer, lambda w: before(transformers(w), "vit.") | {"classifier.weight": torch.ones(2, WIDTH)},
            "ViT of Hugging Face", {"eps": 1e-12}, HALF),
    "ViT, pooler beside": (transformer, lambda w: transformers(w) | POOLER, "bare network", {"eps": 1e-12}, HALF),
    "ViT-MAE": (transformer, lambda w: before(transformers(w), "vit.") | {"decoder.mask_token": torch.ones(1, 1, 8)},
                "ViT of Hugging Face", {"eps": 1e-12}, IMAGENET),
    "DeiT": (lambda: transformer(tokens=DISTILLED), lambda w: before(transformers(w), "deit."),
             "DeiT of Hugging Face", {"eps": 1e-12}, IMAGENET),
    "DeiT in timm": (lambda: transformer(tokens=DISTILLED), lambda w: {"model": w | {"head_dist.weight": torch.ones(2, WIDTH)}},
                     "bare network", {"pool": "pair"}, IMAGENET),
    "DeiT III": (lambda: transformer(placed=0, scaled=True), lambda w: {"model": by(w, ((r"ls(\d)\.gamma", r"gamma_\1"),))},
                 "bare network", {}, IMAGENET),
    "I-JEPA": (lambda: transformer(tokens=PATCHES_ONLY), transformers, "bare network", {"eps": 1e-12, "pool": "mean"}, IMAGENET),
    "DINOv2": (lambda: transformer(scaled=True), lambda w: transformers(w, new=True), "bare network", {}, IMAGENET),
    "DINOv2 in another model": (lambda: transformer(scaled=True), lambda w: before(transformers(w, new=True), "dinov2."),
                                "DINOv2 of Hugging Face", {}, IMAGENET),
    "DINOv2 with registers": (lambda: transformer(tokens=REGISTERS, placed=1, scaled=True), lambda w: transformers(w, new=True),
                              "bare network", {}, IMAGENET),
    "DINOv2 giant": (lambda: giant("w12 w3"), lambda w: transformers(w, new=True), "bare network", {}, IMAGENET),
    "DINOv2 giant, its own": (lambda: giant("w12 w3"), lambda w: w | MASK, "bare network", {}, IMAGENET),
    "DINOv2 giant in timm": (lambda: giant("fc1 fc2", 1536), dict, "bare network", {}, IMAGENET),
    "registers with positions": (lambda: transformer(tokens=TIMMS_REGISTERS), dict, "bare network", {}, IMAGENET),
    "mean of patches": (lambda: transformer(last="fc_norm"), dict, "bare network", {"pool": "mean"}, IMAGENET),
    "no biases of queries": (lambda: transformer(bias=False), dict, "bare network", {}, IMAGENET),
    "iBOT": (transformer, lambda w: {"teacher": before(w, "backbone.") | {"backbone.masked_embed": torch.ones(1, WIDTH)}},
             "DINO", {}, IMAGENET),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_layout_computes_what_the_reference_does(case: str, tmp_path: Path, images: Tensor) -> None:
    build, write, layout, how, normalisation = CASES[case]
    weights = build()
    read = foreign.load(saved(write(weights), tmp_path / "x.pth"), FOUR)
    wanted = reference(weights, images, **how)
    torch.testing.assert_close(read.encoder(images), wanted, atol=2e-5, rtol=1e-4)
    assert (read.layout, read.normalisation, read.size) == (layout, normalisation, SIDE)
    assert read.matched == read.total
    assert read.projector is None


def test_clip_with_its_projection(tmp_path: Path, images: Tensor) -> None:
    weights, matrix = transformer(pre=True), torch.randn(6, WIDTH, generator=torch.Generator().manual_seed(3))
    beside = {"visual_projection.weight": matrix, "text_model.final_layer_norm.weight": torch.ones(3)}
    read = foreign.load(saved(before(tower(weights), "vision_model.") | beside, tmp_path / "x.pth"), FOUR)
    h = reference(weights, images, act="quick", eps=1e-5)
    torch.testing.assert_close(read.projector(read.encoder(images)), h @ matrix.T, atol=2e-4, rtol=1e-3)  # type: ignore[misc]


# config.json beside the file.

VIT = {"model_type": "vit", "num_attention_heads": HEADS, "hidden_size": WIDTH, "num_hidden_layers": DEPTH}


def test_config_tells_heads_eps_and_activation(tmp_path: Path, images: Tensor) -> None:
    weights = transformer()
    config = VIT | {"layer_norm_eps": 1e-2, "hidden_act": "relu"}
    read = foreign.load(saved(transformers(weights), tmp_path / "a" / "pytorch_model.bin", config))
    wanted = reference(weights, images, act="relu", eps=1e-2)
    torch.testing.assert_close(read.encoder(images), wanted, atol=2e-5, rtol=1e-4)
    assert read.assumed[:2] == (
        "4 attention heads, as config.json says (--heads)",
        "relu, eps 0.01 (--activation)",
    )


@pytest.mark.parametrize(
    ("stated", "act"),
    [("gelu_new", "tanh"), ("gelu_fast", "tanh"), ("gelu_pytorch_tanh", "tanh"), ("quick_gelu", "quick"), ("gelu", "gelu")],
)  # fmt: skip
def test_activations_of_config(stated: str, act: str, tmp_path: Path, images: Tensor) -> None:
    weights = transformer()
    read = foreign.load(saved(transformers(weights), tmp_path / "x.bin", VIT | {"hidden_act": stated}))
    wanted = reference(weights, images, act=act, eps=1e-12)
    torch.testing.assert_close(read.encoder(images), wanted, atol=2e-5, rtol=1e-4)


def test_config_of_a_whole_siglip_leaves_out_what_is_usual(tmp_path: Path, images: Tensor) -> None:
    """Google's says no more of the vision tower than its type: 12 heads, transformers' default."""
    weights = siglip()
    config = {"model_type": "siglip", "vision_config": {"model_type": "siglip_vision_model"}}
    read = foreign.load(saved(before(tower(weights), "vision_model."), tmp_path / "x.bin", config))
    wanted = reference(weights, images, 12, "tanh", pool="attention")
    torch.testing.assert_close(read.encoder(images), wanted, atol=2e-5, rtol=1e-4)
    assert read.unknown[0] == "SigLIP has no projector: its h itself is compared with texts"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"hidden_act": "mish"}, "hidden_act is 'mish', which is not known"),
        ({"model_type": "vit_hybrid"}, "model_type vit_hybrid, of which it is not known"),
        ({"pooling": "max"}, "pooling is 'max', which is not known"),
        ({"pooling": "attention"}, "pooled by attention, which the weights do not allow"),
        ({"norm_type": "rmsnorm"}, "norm_type is 'rmsnorm'"),
        ({"hidden_size": 64}, "hidden_size is 64, but the weights have 48"),
        ({"num_hidden_layers": 3}, "num_hidden_layers is 3, but the weights have 2"),
        ({"patch_size": 8}, "patch_size is 8, but the weights have 4"),
        ({"image_size": 32}, "image_size is 32, but the weights have 16"),
        ({"num_channels": 1}, "num_channels is 1, but the weights have 3"),
    ],
)
def test_a_config_that_is_not_known_or_contradicts_refuses(more: Any, reason: str, tmp_path: Path) -> None:
    path = saved(transformers(transformer()), tmp_path / "x.bin", VIT | more)
    with pytest.raises(CollapseError, match=reason) as caught:
        foreign.load(path)
    assert "config.json" in caught.value.hint + caught.value.message or "read are vit" in caught.value.hint
    alone = saved(transformers(transformer()), tmp_path / "alone" / "x.bin")  # the remedy
    assert foreign.load(alone, FOUR).width == WIDTH


def test_an_unknown_activation_can_be_said(tmp_path: Path, images: Tensor) -> None:
    weights = transformer()
    path = saved(transformers(weights), tmp_path / "x.bin", VIT | {"hidden_act": "mish"})
    read = foreign.load(path, Choices(activation="gelu_tanh"))
    wanted = reference(weights, images, act="tanh", eps=1e-12)
    torch.testing.assert_close(read.encoder(images), wanted, atol=2e-5, rtol=1e-4)


def test_heads_of_config_that_cannot_be(tmp_path: Path) -> None:
    for heads in (5, "four", 0):
        path = saved(transformers(transformer()), tmp_path / "x.bin", VIT | {"num_attention_heads": heads})
        with pytest.raises(
            CollapseError, match=f"48 wide, which cannot have {heads} attention heads, as config.json says"
        ):
            foreign.load(path)


def test_pooling_and_arguments_of_timms_config(tmp_path: Path, images: Tensor) -> None:
    weights = transformer()
    config = {
        "architecture": "vit_x",
        "global_pool": "avg",
        "num_features": WIDTH,
        "model_args": {"num_heads": HEADS},
    }
    read = foreign.load(saved(weights, tmp_path / "x.bin", config))
    torch.testing.assert_close(
        read.encoder(images), reference(weights, images, pool="mean"), atol=2e-5, rtol=1e-4
    )
    config["model_args"] = {"num_heads": HEADS, "qk_scale": 3}
    with pytest.raises(CollapseError, match="model_args have qk_scale = 3"):
        foreign.load(saved(weights, tmp_path / "x.bin", config))


# Heads.


def small(width: int = 384, **how: Any) -> Weights:
    return transformer(width, **how)


def fixed(width: int = 384) -> Weights:
    """Positions as MoCo v3 fixes them, the class token's zero: sin and cos of the row, then of the column, by 4 loops."""
    weights, quarter = small(width), width // 4
    table = torch.zeros(1 + GRID**2, width)
    for row in range(GRID):
        for column in range(GRID):
            for k in range(quarter):
                waves = [f(p / 10000 ** (k / quarter)) for p in (row, column) for f in (math.sin, math.cos)]
                table[1 + row * GRID + column, [k, quarter + k, 2 * quarter + k, 3 * quarter + k]] = (
                    torch.tensor(waves)
                )
    return weights | {"pos_embed": table[None]}


HEAD = {"head.mlp.0.weight": torch.zeros(4, 384), "head.last_layer.weight_v": torch.zeros(4, 4)}
PREDICTOR = {"predictor.0.weight": torch.zeros(4, 4)}
PROJECTOR = {"projector.0.weight": torch.zeros(8, 384), "projector.0.bias": torch.zeros(8)}
JEPA = {"predictor.predictor_embed.weight": torch.zeros(4, 384)}
CLASSIFIER = {"classifier.weight": torch.zeros(4, 384)}

# what is in the file -> (content, heads, words of the sign)
SIGNS: dict[str, tuple[Callable[[], Any], int, str]] = {
    "MoCo v3": (lambda: before(small(), "module.base_encoder."), 12, "MoCo v3's vit_small"),
    "MoCo v3, bare": (fixed, 12, "MoCo v3's fixed positions"),
    "solo-learn's MAE": (lambda: before(small(), "backbone.", **{"decoder.x.weight": torch.ones(2, 2)}), 12, "solo-learn"),
    "DINO": (lambda: dict.fromkeys(("teacher", "student"), before(small(), "backbone.") | HEAD), 6, "DINO's"),
    "DINOv2": (lambda: small(scaled=True) | {"mask_token": torch.ones(1, 384)}, 6, "DINOv2's layout"),
    "registers": (lambda: small(tokens=REGISTERS), 6, "registers"),
    "DeiT": (lambda: small(tokens=DISTILLED), 6, "distillation token"),
    "DeiT tiny": (lambda: small(192, tokens=DISTILLED), 3, "distillation token"),
    "named by timm": (lambda: {"arch": "vit_small_patch16_224", "state_dict": small()}, 6, "vit_small_patch16_224"),
    "named by DeiT": (lambda: {"args": argparse.Namespace(model="deit_tiny_patch16_224"), "model": small(192)}, 3, "deit_tiny"),
    "named by MoCo v3 too": (lambda: {"arch": "vit_small", "state_dict": before(small(), "module.base_encoder.")}, 12, "MoCo v3"),
    "I-JEPA": (lambda: {"target_encoder": small(tokens=PATCHES_ONLY), "predictor": {"predictor_embed.weight": torch.ones(4, 4)}},
               6, "I-JEPA"),
    "open_clip": (lambda: before(resblocks(small(128, pre=True)), "visual."), 2, "open_clip's code"),
    "open_clip, huge": (lambda: before(resblocks(small(1280, pre=True)), "visual."), 16, "open_clip's code"),
    "base": (lambda: small(768), 12, "public ViTs 768 wide"),
    "giant of DINOv2": (lambda: small(1536), 24, "public ViTs 1536 wide"),
    "giant of SigLIP": (lambda: small(1536, tokens=PATCHES_ONLY, pool=True), 16, "public ViTs 1536 wide"),
}  # fmt: skip


@pytest.mark.parametrize("case", SIGNS)
def test_heads_come_from_a_sign(case: str, tmp_path: Path) -> None:
    build, heads, sign = SIGNS[case]
    choices = Choices(prefix="target_encoder.") if case == "I-JEPA" else Choices()
    read = foreign.load(saved(build(), tmp_path / "x.pth"), choices)
    assert any(sentence.startswith(f"{heads} attention heads, ") for sentence in read.assumed)
    assert any(sign in sentence for sentence in read.assumed)
    assert read.encoder.blocks[0].attn.heads == heads  # type: ignore[union-attr, index]


SILENT: dict[str, tuple[Callable[[], Any], str]] = {
    "a bare small ViT": (small, "--heads 6 (timm, DeiT, DINO) or --heads 12 (MoCo v3, solo-learn)"),
    "solo-learn with a predictor, 12 in MoCo v3 and 6 in BYOL": (
        lambda: before(small(), "backbone.") | before(small(), "momentum_backbone.") | PREDICTOR, "--heads 6"),
    "solo-learn": (lambda: {"state_dict": before(small(), "backbone.") | CLASSIFIER | PROJECTOR, "global_step": 9}, "--heads 6"),
    "a bare tiny ViT": (lambda: small(192), "--heads 3 (timm, DeiT, DINO) or --heads 12 (MoCo v3, solo-learn)"),
    "a small MAE": (lambda: fixed() | {"decoder_blocks.0.norm1.weight": torch.ones(8)}, "--heads 6"),
    "a small MAE by name": (lambda: {"model": small(), "args": argparse.Namespace(model="mae_vit_small_patch16")}, "--heads 6"),
    "backbone and classifier": (lambda: before(small(), "backbone.") | CLASSIFIER, "--heads 6"),
    "backbone, projector and classifier": (lambda: before(small(), "backbone.") | CLASSIFIER | PROJECTOR, "--heads 6"),
    "a mean teacher": (lambda: {"teacher": before(small(), "backbone.")}, "--heads 6"),
    "a ViT of transformers": (lambda: transformers(small()), "config.json beside the file"),
    "width 128": (lambda: small(128), "--heads N"),
    "width 512": (lambda: small(512), "--heads N"),
    "768 wide without a class token, which timm has with 12 and with 16": (lambda: small(768, tokens=PATCHES_ONLY), "--heads N"),
}  # fmt: skip


@pytest.mark.parametrize("case", SILENT)
def test_without_a_sign_the_number_of_heads_is_asked_for(case: str, tmp_path: Path) -> None:
    """The weights fit 6 heads as well as 12. Weight matrices are the same whatever the number, and are read."""
    build, remedy = SILENT[case]
    path = saved(build(), tmp_path / "x.pth")
    with pytest.raises(
        CollapseError,
        match=r"x\.pth: the number of attention heads of this ViT, \d+ wide, is not in the file",
    ) as caught:
        foreign.load(path)
    assert remedy in caught.value.hint
    assert foreign.load(path, Choices(heads=4)).assumed[0] == "4 attention heads (--heads)"
    assert list(foreign.matrices(path))[:2] == ["patch_embed.proj", "blocks.0.attn.qkv"]


def test_the_table_of_moco_v3() -> None:
    """Of the row, then of the column; MAE's, of the column, then of the row, is another."""
    table = fixed(16)["pos_embed"][0, 1:]
    torch.testing.assert_close(vit_heads.moco_v3_positions(GRID, 16), table)
    mae = torch.cat([table[:, 8:], table[:, :8]], dim=1)
    assert (vit_heads.moco_v3_positions(GRID, 16) - mae).abs().max() > 0.5


# Images of another side.


def stretched_by(side: int, way: str, positions: Tensor) -> Tensor:
    """(1,g²,D) -> (1,n²,D) as each library's code calls interpolate."""
    grid = positions.reshape(1, GRID, GRID, -1).permute(0, 3, 1, 2)
    arguments: dict[str, Any] = {
        "timm": {"size": (side, side), "antialias": True, "align_corners": None},
        "open_clip": {"size": (side, side), "antialias": True, "align_corners": False},
        "transformers": {"size": (side, side), "align_corners": False},
        "dino": {"scale_factor": ((side + 0.1) / math.sqrt(GRID**2), (side + 0.1) / math.sqrt(GRID**2))},
    }[way]
    return functional.interpolate(grid, mode="bicubic", **arguments).permute(0, 2, 3, 1).flatten(1, 2)


STRETCHED: dict[str, tuple[Callable[[], Weights], Callable[[Weights], Any], str, dict[str, Any]]] = {
    "bare": (transformer, dict, "timm", {}),
    "DINO": (transformer, lambda w: {"teacher": before(w, "backbone.") | HEAD}, "dino", {}),
    "DINOv2": (lambda: transformer(scaled=True), lambda w: w | MASK, "dino", {}),
    "DINOv2 with registers": (lambda: transformer(tokens=REGISTERS, placed=1, scaled=True),
                              lambda w: w | MASK, "timm", {}),
    "DINOv2 of transformers": (lambda: transformer(scaled=True), lambda w: transformers(w, new=True), "transformers", {}),
    "DINOv2 with registers of transformers": (lambda: transformer(tokens=REGISTERS, placed=1, scaled=True),
                                              lambda w: transformers(w, new=True), "timm", {}),
    "ViT of transformers": (transformer, transformers, "transformers", {"eps": 1e-12}),
    "CLIP of transformers": (lambda: transformer(pre=True), tower, "transformers", {"act": "quick", "eps": 1e-5}),
    "SigLIP of transformers": (siglip, tower, "transformers",
                               {"act": "tanh", "pool": "attention"}),
    "SigLIP of open_clip": (siglip, lambda w: before(w, "visual.trunk."), "open_clip",
                            {"pool": "attention"}),
}  # fmt: skip


@pytest.mark.parametrize("side", [3, 5, 7])
@pytest.mark.parametrize("case", STRETCHED)
def test_positions_are_stretched_as_the_layouts_own_code_does(case: str, side: int, tmp_path: Path) -> None:
    build, write, way, how = STRETCHED[case]
    weights = build()
    images = torch.randn(2, 3, side * PATCH, side * PATCH, generator=torch.Generator().manual_seed(2))
    read = foreign.load(saved(write(weights), tmp_path / "x.pth"), Choices(heads=HEADS, size=side * PATCH))
    patches = weights["pos_embed"][:, -(GRID**2) :]
    wanted = reference(weights, images, **how, positions=stretched_by(side, way, patches))
    torch.testing.assert_close(read.encoder(images), wanted, atol=5e-5, rtol=1e-4)
    assert any(f"positions of images of {SIDE} x {SIDE} stretched, bicubic" in line for line in read.assumed)
    native = foreign.load(tmp_path / "x.pth", FOUR)
    assert native.size == SIDE
    assert not any("stretched" in line for line in native.assumed)


# What is no plain ViT.


def odd(**more: tuple[int, ...]) -> Callable[[], Weights]:
    return lambda: transformer() | drawn({name.replace("__", "."): shape for name, shape in more.items()})


def without(*names: str) -> Callable[[], Weights]:
    return lambda: {n: w for n, w in transformer().items() if not n.startswith(names)}


ODD: dict[str, tuple[Callable[[], Weights], str]] = {
    "norms that follow": (lambda: transformer(tokens=PATCHES_ONLY, bias=False, last="fc_norm"), "rpn_224"),
    "norms of queries": (odd(blocks__0__attn__q_norm__weight=(12,)), r"norms queries and keys \(blocks\.0\.attn\.q_norm"),
    "biases of queries": (odd(blocks__0__attn__q_bias=(48,)), "biases of queries and values alone"),
    "relative positions": (odd(blocks__0__attn__relative_position_bias_table=(9, 4)), "its attention has relative positions"),
    "rotary positions": (odd(rope_embed__periods=(4,)), "its positions are rotary"),
    "rotary positions of EVA": (odd(blocks__0__attn__rope__freqs_cos=(4, 4)), "its positions are rotary"),
    "norms behind": (odd(blocks__0__norm1_post__weight=(48,)), "more norms than two"),
    "norms within": (odd(blocks__0__mlp__norm__weight=(40,)), "more norms than two"),
    "convolutions before": (lambda: without("patch_embed.")() | drawn({"patch_embed.proj.0.weight": (8, 3, 3, 3)}),
                            "from several layers"),
    "parallel blocks": (odd(blocks__0__attns__0__norm__weight=(48,)), "in parallel"),
    "adapters": (odd(blocks__0__attn__qkv__lora_A__weight=(4, 48)), "low-rank or other adapters"),
    "CaiT": (odd(blocks_token_only__0__norm1__weight=(48,)), "CaiT or XCiT"),
    "XCiT": (odd(blocks__0__attn__temperature=(4, 1, 1)), "CaiT or XCiT"),
    "no positions": (without("pos_embed"), "there are no position embeddings"),
    "no norm": (without("norm."), "no norm follows its blocks"),
    "two norms": (odd(fc_norm__weight=(48,), fc_norm__bias=(48,)), "both norm and fc_norm follow"),
    "positions of no square": (lambda: transformer() | drawn({"pos_embed": (1, 13, 48)}), "13 positions are of no square grid"),
    "clips": (lambda: transformer() | drawn({"patch_embed.proj.weight": (48, 3, 2, 4, 4)}),
              "it takes clips, not images: .*2 x 4 x 4"),
    "gate and value apart": (odd(blocks__0__mlp__fc1_g__weight=(40, 48)), "a gate whose activation the file does not tell"),
    "a gate": (lambda: transformer(gated="fc1 fc2"), "a gate whose activation the file does not tell"),
    "positions as a grid": (lambda: transformer() | drawn({"pos_embed": (1, 4, 4, 48)}),
                            r"its pos_embed has the shape \(1, 4, 4, 48\)"),
    "two class tokens": (lambda: transformer(tokens={"cls_token": 2}), r"its cls_token has the shape \(1, 2, 48\)"),
    "oblong patches": (lambda: transformer() | drawn({"patch_embed.proj.weight": (48, 3, 4, 2)}), "its patches are 4 x 2"),
    "NaFlex": (lambda: tower(siglip()) | drawn({"embeddings.patch_embedding.weight": (48, 48)}), "cut beforehand"),
    "a SigLIP without its head": (lambda: tower(transformer(tokens=PATCHES_ONLY)), "neither a class token nor a pooling head"),
    "BEiT": (lambda: {n: w for n, w in transformers(transformer()).items() if "position" not in n and ".key.bias" not in n},
             "no position embeddings"),
    "DINOv3": (lambda: drawn({"embeddings.patch_embeddings.weight": (48, 3, 4, 4), "layer.0.norm1.weight": (48,)}), "rotary"),
    "pooling beside a class token": (lambda: transformer(pool=True), "its attention pooling is beside cls_token"),
    "two queries": (lambda: siglip() | drawn({"attn_pool.latent": (1, 2, 48)}), "2 queries"),
}  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "some.net."])
@pytest.mark.parametrize("case", ODD)
def test_what_is_no_plain_vit_is_named(case: str, prefix: str, tmp_path: Path) -> None:
    """Whatever --heads says: nothing but the odd weight may be the reason."""
    build, reason = ODD[case]
    with pytest.raises(CollapseError, match=reason) as caught:
        foreign.load(saved(before(build(), prefix), tmp_path / "x.pth"), FOUR)
    assert "--arch" in caught.value.hint
    assert ".npy" in caught.value.hint


@pytest.mark.parametrize(
    "name", ["blocks.0.attn.gate", "blocks.1.mlp.gain", "norm.extra", "attn_pool.scale", "blocks.0.ls1.beta"]
)
def test_any_weight_between_image_and_embedding_that_is_not_used_refuses(name: str, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match=re.escape(name)):
        foreign.load(saved(transformer() | {name: torch.ones(2)}, tmp_path / "x.pth"), FOUR)


def test_a_query_bias_without_keys_refuses(tmp_path: Path) -> None:
    """As BEiT of transformers has it, here with positions: the biases cannot be joined, and are named."""
    weights = {n: w for n, w in transformers(transformer()).items() if ".key.bias" not in n}
    with pytest.raises(CollapseError, match=r"attention\.query\.bias"):
        foreign.load(saved(weights, tmp_path / "x.pth"), FOUR)


# What the libraries themselves compute, where they are installed.


def told_apart(network: nn.Module) -> Any:
    """Random weights, also where a library begins with zeros or ones."""
    generator = torch.Generator().manual_seed(6)
    for weight in network.state_dict().values():
        if weight.is_floating_point():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.3)
    return network.eval().requires_grad_(False)


SMALL = {"hidden_size": WIDTH, "num_hidden_layers": DEPTH, "num_attention_heads": HEADS, "intermediate_size": HIDDEN,
         "image_size": SIDE, "patch_size": PATCH}  # fmt: skip
TEXT = {
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "vocab_size": 60,
}
TOWERS = {"text_config": TEXT, "vision_config": SMALL}

# model and config of transformers, what its config says, how h comes of the output
LIBRARY: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "ViT": ("ViTModel", "ViTConfig", SMALL, "class"),
    "ViT with relu and eps": ("ViTModel", "ViTConfig", SMALL | {"hidden_act": "relu", "layer_norm_eps": 1e-3}, "class"),
    "ViT without biases": ("ViTModel", "ViTConfig", SMALL | {"qkv_bias": False}, "class"),
    "ViT with a classifier": ("ViTForImageClassification", "ViTConfig", SMALL, "class of vit"),
    "ViT-MSN": ("ViTMSNModel", "ViTMSNConfig", SMALL, "class"),
    "ViT-MAE": ("ViTMAEForPreTraining", "ViTMAEConfig",
                SMALL | {"mask_ratio": 0.0, "decoder_hidden_size": 32, "decoder_num_hidden_layers": 1}, "class of vit"),
    "DeiT": ("DeiTModel", "DeiTConfig", SMALL, "class"),
    "DINOv2": ("Dinov2Model", "Dinov2Config", SMALL, "pooled"),
    "DINOv2 giant": ("Dinov2Model", "Dinov2Config", SMALL | {"use_swiglu_ffn": True}, "pooled"),
    "DINOv2 with registers": ("Dinov2WithRegistersModel", "Dinov2WithRegistersConfig", SMALL, "pooled"),
    "I-JEPA": ("IJepaModel", "IJepaConfig", SMALL, "mean"),
    "CLIP": ("CLIPModel", "CLIPConfig", TOWERS, "pooled of vision_model"),
    "CLIP, vision alone": ("CLIPVisionModelWithProjection", "CLIPVisionConfig", SMALL | {"hidden_act": "gelu"},
                           "pooled of vision_model"),
    "SigLIP": ("SiglipModel", "SiglipConfig", TOWERS, "pooled of vision_model"),
    "SigLIP, vision alone": ("SiglipVisionModel", "SiglipVisionConfig", SMALL, "pooled"),
    "SigLIP with quick GELU": ("SiglipVisionModel", "SiglipVisionConfig", SMALL | {"hidden_act": "quick_gelu"}, "pooled"),
}  # fmt: skip


@pytest.mark.libraries
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("side", [SIDE, 24])
@pytest.mark.parametrize("case", LIBRARY)
def test_what_transformers_computes(
    case: str, side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own folder, also for images of another side, by our own readers: where it is installed, the library itself reads it."""
    library = pytest.importorskip("transformers")
    monkeypatch.setattr(transformers_networks, "question", lambda *_: None)
    name, config, settings, how = LIBRARY[case]
    network = told_apart(getattr(library, name)(getattr(library, config)(**settings)))
    network.save_pretrained(tmp_path)
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    way, _, part = how.partition(" of ")
    network = getattr(network, part) if part else network
    stretching = {} if "DINOv2" in case or side == SIDE else {"interpolate_pos_encoding": True}
    output = network(images, **stretching)
    tokens = output.last_hidden_state
    wanted = {"class": tokens[:, 0], "mean": tokens.mean(1), "pooled": output.get("pooler_output")}[way]
    read = foreign.load(tmp_path / "model.safetensors", Choices(size=side))
    torch.testing.assert_close(read.encoder(images), wanted, atol=2e-5, rtol=1e-4)
    assert read.assumed[0] == "4 attention heads, as config.json says (--heads)"


TIMM: dict[str, dict[str, Any]] = {
    "class": {},
    "mean": {"global_pool": "avg"},
    "SigLIP": {"global_pool": "map", "class_token": False},
    "SigLIP, mean": {"global_pool": "avg", "class_token": False, "fc_norm": False},
    "registers": {"reg_tokens": 3, "no_embed_class": True, "init_values": 1e-5},
    "registers with positions": {"reg_tokens": 4},
    "DeiT III": {"no_embed_class": True, "init_values": 1e-5},
    "no biases": {"qkv_bias": False},
    "DINOv2 giant": {
        "embed_dim": 1536,
        "init_values": 1e-5,
        "mlp_layer": "SwiGLUPacked",
        "act_layer": "silu",
        "mlp_ratio": 0.0625,
    },
}


@pytest.mark.libraries
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("side", [SIDE, 12, 24])
@pytest.mark.parametrize("case", TIMM)
def test_what_timm_computes(case: str, side: int, tmp_path: Path) -> None:
    """Its stretching by `resample_abs_pos_embed` included."""
    timm, layers = pytest.importorskip("timm.models.vision_transformer"), pytest.importorskip("timm.layers")
    settings = {"embed_dim": WIDTH, "depth": DEPTH, "num_heads": HEADS, "num_classes": 0} | TIMM[case]
    if "mlp_layer" in settings:
        settings["mlp_layer"] = getattr(layers, settings["mlp_layer"])
    network = told_apart(timm.VisionTransformer(SIDE, PATCH, dynamic_img_size=True, **settings))
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    read = foreign.load(saved(network.state_dict(), tmp_path / "x.pth"), Choices(heads=HEADS, size=side))
    torch.testing.assert_close(read.encoder(images), network(images), atol=2e-5, rtol=1e-4)


@pytest.mark.libraries
@pytest.mark.filterwarnings("ignore")
def test_what_timms_distilled_deit_computes(tmp_path: Path, images: Tensor) -> None:
    deit = pytest.importorskip("timm.models.deit")
    network = told_apart(
        deit.VisionTransformerDistilled(
            img_size=SIDE, patch_size=PATCH, num_classes=0, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS
        )
    )
    read = foreign.load(saved(network.state_dict(), tmp_path / "x.pth"), FOUR)
    torch.testing.assert_close(read.encoder(images), network(images), atol=2e-5, rtol=1e-4)


@pytest.mark.libraries
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("side", [SIDE, 24])
@pytest.mark.parametrize("clipa", [False, True])
def test_what_open_clip_computes(clipa: bool, side: int, tmp_path: Path) -> None:
    """Heads 64 wide, as its code has them; positions stretched by its `resize_pos_embed`. CLIPA takes the mean of patches."""
    library = pytest.importorskip("open_clip.model")
    text = library.CLIPTextCfg(context_length=8, vocab_size=20, width=8, heads=2, layers=1)
    sizes = {"layers": 2, "width": 128, "head_width": 64, "patch_size": PATCH}
    sizes |= {"no_ln_pre": True, "pool_type": "avg", "final_ln_after_pool": True} if clipa else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = told_apart(library.CLIP(6, library.CLIPVisionCfg(**sizes, image_size=SIDE), text))
        wider = library.CLIP(6, library.CLIPVisionCfg(**sizes, image_size=side), text)
    path = saved({"state_dict": network.state_dict(), "name": "x", "epoch": 1}, tmp_path / "x.pt")
    weights = dict(network.state_dict())
    library.resize_pos_embed(weights, wider)
    wider.load_state_dict(weights)
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    read = foreign.load(path, Choices(size=side))
    z = wider.eval().requires_grad_(False).encode_image(images)
    torch.testing.assert_close(read.projector(read.encoder(images)), z, atol=1e-4, rtol=1e-4)  # type: ignore[misc]
