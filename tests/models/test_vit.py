"""The vision transformer beside two implementations that know nothing of it: torchvision's, and torch's encoder layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.vision_transformer import VisionTransformer

from collapse_cli.models import rebuilt, vit, vit_parts
from collapse_cli.models.vit import Form

WIDTH, HEADS, DEPTH, PATCH, SIDE = 32, 4, 3, 4, 16


def told_apart(network: nn.Module) -> Any:
    generator = torch.Generator().manual_seed(0)
    for weight in network.state_dict().values():
        weight.copy_(torch.randn(weight.shape, generator=generator) * 0.3)
    return network.eval().requires_grad_(False)


@pytest.fixture
def original() -> VisionTransformer:
    network = VisionTransformer(SIDE, PATCH, DEPTH, HEADS, WIDTH, mlp_dim=48)
    network.heads = nn.Identity()  # type: ignore[assignment]
    return told_apart(network)


@pytest.fixture
def images() -> Tensor:
    return torch.randn(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def as_timm(original: VisionTransformer) -> dict[str, Tensor]:
    """torchvision's names -> timm's."""
    rules = (
        ("class_token", "cls_token"),
        ("conv_proj.", "patch_embed.proj."),
        ("encoder.pos_embedding", "pos_embed"),
        ("encoder.layers.encoder_layer_", "blocks."),
        ("encoder.ln.", "norm."),
        (".ln_1.", ".norm1."),
        (".ln_2.", ".norm2."),
        (".self_attention.in_proj_", ".attn.qkv."),
        (".self_attention.out_proj.", ".attn.proj."),
        (".mlp.0.", ".mlp.fc1."),
        (".mlp.3.", ".mlp.fc2."),
    )
    named = {}
    for name, weight in original.state_dict().items():
        for theirs, ours in rules:
            name = name.replace(theirs, ours)
        named[name] = weight
    return named


def made(weights: dict[str, Tensor], form: Form = Form(HEADS)) -> nn.Module:  # noqa: B008
    return rebuilt.filled(vit.vit(weights, form)[1], weights)


def test_as_torchvisions(original: VisionTransformer, images: Tensor) -> None:
    weights = as_timm(original)
    torch.testing.assert_close(made(weights)(images), original(images))
    assert made(weights).state_dict().keys() == weights.keys()
    assert vit.image_side(weights) == SIDE


def test_another_number_of_heads_is_another_function(original: VisionTransformer, images: Tensor) -> None:
    """The weights fit 2 heads as well as 4: this is why the number is said."""
    weights = as_timm(original)
    other = made(weights, Form(2))(images)
    assert (other - original(images)).abs().max() > 0.01


def slow(weights: dict[str, Tensor], images: Tensor, act: nn.Module) -> Tensor:
    """Class token and patches (B,N,D) before the last norm, by torch's own encoder layers."""
    patches = nn.functional.conv2d(
        images, weights["patch_embed.proj.weight"], weights.get("patch_embed.proj.bias"), PATCH
    )
    tokens = patches.flatten(2).transpose(1, 2)
    tokens = torch.cat([weights["cls_token"].expand(len(tokens), -1, -1), tokens], 1) + weights["pos_embed"]
    tokens = nn.functional.layer_norm(
        tokens, (WIDTH,), weights["norm_pre.weight"], weights["norm_pre.bias"], 1e-5
    )
    for n in range(DEPTH):
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 48, 0.0, act, 1e-5, batch_first=True, norm_first=True
        )
        names = {
            "self_attn.in_proj_weight": "attn.qkv.weight", "self_attn.in_proj_bias": "attn.qkv.bias",
            "self_attn.out_proj.weight": "attn.proj.weight", "self_attn.out_proj.bias": "attn.proj.bias",
            "linear1.weight": "mlp.fc1.weight", "linear1.bias": "mlp.fc1.bias",
            "linear2.weight": "mlp.fc2.weight", "linear2.bias": "mlp.fc2.bias",
            "norm1.weight": "norm1.weight", "norm1.bias": "norm1.bias",
            "norm2.weight": "norm2.weight", "norm2.bias": "norm2.bias",
        }  # fmt: skip
        layer.load_state_dict({theirs: weights[f"blocks.{n}.{ours}"] for theirs, ours in names.items()})
        tokens = layer.train()(
            tokens
        )  # in training mode, without dropout, torch takes no shortcut of its own
    return tokens


@pytest.mark.parametrize("activation", ["gelu", "quickgelu"])
def test_as_clip(activation: str, original: VisionTransformer, images: Tensor) -> None:
    """A norm before the blocks, no bias in the patches, QuickGELU x sigmoid(1.702 x) or GELU, eps 1e-5."""
    weights = as_timm(original)
    del weights["patch_embed.proj.bias"]
    weights |= {"norm_pre.weight": torch.full((WIDTH,), 0.7), "norm_pre.bias": torch.full((WIDTH,), 0.1)}
    act = vit_parts.ACTIVATIONS[activation]()
    x = torch.linspace(-3, 3, 7)
    if activation == "quickgelu":
        torch.testing.assert_close(act(x), x / (1 + torch.exp(-1.702 * x)))
    tokens = slow(weights, images, act)
    wanted = nn.functional.layer_norm(
        tokens[:, 0], (WIDTH,), weights["norm.weight"], weights["norm.bias"], 1e-5
    )
    torch.testing.assert_close(made(weights, Form(HEADS, activation, 1e-5))(images), wanted)


def test_the_mean_of_the_patches_where_fc_norm_follows(original: VisionTransformer, images: Tensor) -> None:
    weights = as_timm(original) | {"norm_pre.weight": torch.ones(WIDTH), "norm_pre.bias": torch.zeros(WIDTH)}
    tokens = slow(weights, images, nn.GELU())
    weights["fc_norm.weight"], weights["fc_norm.bias"] = weights.pop("norm.weight"), weights.pop("norm.bias")
    mean = tokens[:, 1:].mean(dim=1)
    wanted = nn.functional.layer_norm(
        mean, (WIDTH,), weights["fc_norm.weight"], weights["fc_norm.bias"], 1e-5
    )
    torch.testing.assert_close(made(weights, Form(HEADS, eps=1e-5))(images), wanted)


def test_layer_scale_of_nothing_leaves_the_class_token(original: VisionTransformer, images: Tensor) -> None:
    """gamma = 0 silences every block: h is the norm of class token plus its position, for all images alike."""
    weights = as_timm(original)
    for n in range(DEPTH):
        weights |= {f"blocks.{n}.ls1.gamma": torch.zeros(WIDTH), f"blocks.{n}.ls2.gamma": torch.zeros(WIDTH)}
    token = weights["cls_token"][0, 0] + weights["pos_embed"][0, 0]
    wanted = nn.functional.layer_norm(token, (WIDTH,), weights["norm.weight"], weights["norm.bias"], 1e-6)
    torch.testing.assert_close(made(weights)(images), wanted.expand(3, -1))


@pytest.mark.parametrize("name", ["reg_token", "register_tokens"])
def test_registers_have_no_positions(name: str, original: VisionTransformer, images: Tensor) -> None:
    """Positions of the class token alone and of no token are the same file but for where the sum is taken; registers get none."""
    weights = as_timm(original) | {name: torch.full((1, 2, WIDTH), 0.3)}
    apart = dict(weights)
    apart["cls_token"] = weights["cls_token"] + weights["pos_embed"][:, :1]
    apart["pos_embed"] = weights["pos_embed"][:, 1:]
    torch.testing.assert_close(made(weights)(images), made(apart)(images))
    assert (made(weights)(images) - original(images)).abs().max() > 0.01


def test_larger_images_stretch_the_positions(original: VisionTransformer) -> None:
    """Positions that are all alike stay so, whatever the side: stretched, they are those of a larger file."""
    weights = as_timm(original)
    weights["pos_embed"] = weights["pos_embed"][:, :1].repeat(1, 17, 1)
    large = weights | {"pos_embed": weights["pos_embed"][:, :1].repeat(1, 37, 1)}
    images = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(made(weights)(images), made(large)(images))


def test_parts_that_are_missing_are_named(original: VisionTransformer) -> None:
    weights = as_timm(original)
    for name in ("pos_embed", "patch_embed.proj.weight", "blocks.0.mlp.fc1.weight"):
        with pytest.raises(KeyError, match=name):
            vit.vit({n: w for n, w in weights.items() if n != name}, Form(HEADS))
