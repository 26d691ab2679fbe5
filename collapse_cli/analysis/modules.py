"""Anyone's `nn.Module` and images -> Embeddings: from what it returns, or from one of its layers by a hook."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from collapse_cli.analysis.batches import batches, moved, read
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.models.modes import evaluated
from collapse_cli.runs.labels import numbered
from collapse_cli.shapes import Embeddings

Pool = Literal["auto", "mean", "first"]
POOLED, TOKENS = ("pooler_output", "image_embeds", "text_embeds"), ("last_hidden_state",)


def embed(
    model: nn.Module,
    images: Iterable[Any],
    *,
    layer: str = "",
    pool: Pool = "auto",
    samples: int = 10_000,
    name: str = "",
) -> Embeddings:
    """Embeddings h (N,D) float32 on the CPU, of anyone's network in eval mode, on the device that it is on.

    images: a DataLoader or any iterable of batches, each a tensor, a sequence (images, labels, …), one with several views
    ([first, second], labels) of which the first is taken, or a dict with `pixel_values` or `image`, and `labels`; or one
    tensor (N,C,H,W). Whole-number labels (B,) are kept, unless some are negative (not known); images of uint8 are
    divided by 255. Reading ends with the batch that completes `samples`.
    layer: name of a submodule whose output is taken, by a forward hook, in place of the network's; where it is called
    several times in one pass, the last call counts. pool: maps (B,C,H,W) become (B,D) by their mean; tokens (B,T,D)
    by the mean of all T or the first; auto refuses tokens, for there is no usual way. name: in tables, the class's otherwise.

    The mode of every part, and running statistics, are afterwards as they were. Raises CollapseError for an unknown layer or
    one that is not called, for batches without images, and for outputs that are no (B,D).

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 8))
    >>> embed(model, torch.rand(20, 3, 4, 4)).representations.shape
    torch.Size([20, 8])
    """
    _refuse(model, pool, samples)
    rows: list[Tensor] = []
    labels: list[Tensor | None] = []
    count = 0
    with evaluated(model), _tapped(model, layer) as outputs:
        for each in batches(images):
            batch = read(each, model)
            h = _embedded(model, batch.inputs, layer, pool, outputs)
            _refuse_other_length(h, len(batch), layer)
            rows.append(h[: samples - count].float().cpu())
            labels.append(None if batch.labels is None else batch.labels[: samples - count])
            count += len(rows[-1])
            if count >= samples:
                break
    return _together(rows, labels, name or type(model).__name__)


def _refuse(model: nn.Module, pool: str, samples: int) -> None:
    if not isinstance(model, nn.Module):
        raise CollapseError(
            f"the model is a {type(model).__name__}, not an nn.Module",
            "wrap it in a torch.nn.Module, or give its embeddings (N, D) themselves",
        )
    if pool not in get_args(Pool):
        raise CollapseError(f"pool cannot be {pool!r}", f"it is one of {', '.join(get_args(Pool))}")
    if samples < 1:
        raise CollapseError(f"samples cannot be {samples}", "at least 1 image must be embedded")


def _refuse_other_length(h: Tensor, images: int, layer: str) -> None:
    if len(h) != images:
        raise CollapseError(
            f"{_what(layer)} returns {len(h)} embeddings for {images} images",
            "choose a layer that returns one row for each image, with layer='NAME'",
        )


def _together(rows: list[Tensor], labels: list[Tensor | None], name: str) -> Embeddings:
    """One set of embeddings; its labels where every batch has them and none is negative, by the numbers they had."""
    if not rows or not sum(map(len, rows)):
        raise CollapseError(
            "there is no image to embed", "give a DataLoader, or a tensor of images (N, C, H, W)"
        )
    h = torch.cat(rows)
    targets = [part for part in labels if part is not None]
    together = torch.cat(targets) if len(targets) == len(rows) else None
    if together is None or bool((together < 0).any()):
        return Embeddings(h, None, None, torch.arange(len(h)), (), name)
    classes, names = numbered(together, "labels")
    return Embeddings(h, None, classes, torch.arange(len(h)), names, name)


@contextmanager
def _tapped(model: nn.Module, layer: str) -> Iterator[list[Any]]:
    """What the layer gives, in a list that grows with each call; nothing is tapped without a name."""
    outputs: list[Any] = []
    if not layer:
        yield outputs
        return
    parts = dict(model.named_modules())
    if layer not in parts:
        raise CollapseError(
            f"the model has no layer '{layer}'", nearest(layer, [part for part in parts if part])
        )
    hook = parts[layer].register_forward_hook(lambda _, __, output: outputs.append(output))
    try:
        yield outputs
    finally:
        hook.remove()


def _embedded(
    model: nn.Module, inputs: Tensor | dict[str, Tensor], layer: str, pool: Pool, outputs: list[Any]
) -> Tensor:
    """h (B,D) of one batch. outputs: what the layer gave, emptied again."""
    arguments = moved(inputs, next(model.parameters(), None))
    output = model(**arguments) if isinstance(arguments, dict) else model(arguments)
    if layer and not outputs:
        raise CollapseError(
            f"the layer {layer} is not called in the model's forward pass",
            "name a layer that takes part in it",
        )
    if not layer:
        return _pooled(_tensor(output, pool, layer), pool, layer)
    tapped = outputs[-1]
    outputs.clear()
    return of_layer(tapped, pool, layer)


def of_layer(output: Any, pool: Pool, layer: str) -> Tensor:
    """(B,D) of what a layer gives: a tensor, the first of a tuple, or a part of a mapping or dataclass that is known by its name.

    Raises CollapseError for what is no (B,D), and cannot be pooled to it.
    """
    first = output[0] if isinstance(output, tuple) and output else output
    return _pooled(_tensor(first, pool, layer), pool, layer)


def _tensor(output: Any, pool: Pool, layer: str) -> Tensor:
    """The embeddings in what a network or layer returns: a tensor, or a transformers model's pooled output, or its tokens."""
    if isinstance(output, Tensor):
        return output
    fields = _fields(output)
    preferred = (*POOLED, *TOKENS) if pool == "auto" else (*TOKENS, *POOLED)
    name = next((name for name in preferred if isinstance(fields.get(name), Tensor)), "")
    if name:
        return _tensor(fields[name], pool, layer)
    parts = output if isinstance(output, tuple | list) else list(fields.values())
    if len(parts) == 1:
        return _tensor(parts[0], pool, layer)
    raise CollapseError(
        f"{_what(layer)} returns a {type(output).__name__}, in which the embeddings cannot be identified",
        "choose a layer that returns the embeddings, with layer='NAME'",
    )


def _fields(output: Any) -> Mapping[str, Any]:
    """What a dict or a dataclass holds by name."""
    if isinstance(output, Mapping):
        return output
    return vars(output) if dataclasses.is_dataclass(output) else {}


def _pooled(output: Tensor, pool: Pool, layer: str) -> Tensor:
    """(B,D) from (B,D), maps (B,C,H,W) or tokens (B,T,D)."""
    if output.ndim == 4:
        return output.mean(dim=(2, 3))
    of_tokens = {"mean": lambda: output.mean(dim=1), "first": lambda: output[:, 0]}
    if output.ndim == 3 and pool in of_tokens:
        return of_tokens[pool]()
    if output.ndim != 2:
        raise CollapseError(
            f"{_what(layer)} returns {tuple(output.shape)}, not (B, D)",
            "pool='mean' or pool='first' makes one embedding of tokens (B, T, D); or choose another layer",
        )
    return output


def _what(layer: str) -> str:
    return f"the layer {layer}" if layer else "the model"
