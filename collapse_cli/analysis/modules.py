"""Anyone's `nn.Module` and batches of images -> Embeddings: from what it returns, or from one of its layers by a hook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy
import torch
from torch import Tensor, nn

from collapse_cli.errors import CollapseError, nearest
from collapse_cli.shapes import Embeddings

Pool = Literal["auto", "mean", "first"]
INPUTS = ("pixel_values", "input_ids", "input_values", "image", "images", "img", "x", "inputs", "data")
BY_NAME = (
    "pixel_values",
    "input_ids",
    "input_values",
)  # of transformers' models, which take the whole batch by name
LABELS = ("labels", "label", "targets", "target", "y", "fine_label")
CHUNK = 256  # images through the network at once, where they come as one tensor


@torch.no_grad()
def embed(
    model: nn.Module, images: Any, layer: str = "", pool: Pool = "auto", samples: int = 10_000, name: str = ""
) -> Embeddings:
    """h (N,D) float32 on the CPU, of `model` in eval mode on the device of its parameters; its mode is restored.

    images: a DataLoader or any iterable of batches, each a tensor, a tuple that begins with the images and may hold labels (B,),
    or a dict (`pixel_values`, `image`, `labels` …), or one tensor (N,C,H,W). layer: the name of a submodule whose output is
    taken, by a forward hook, in place of the model's own. pool: maps (B,C,H,W) and tokens (B,T,D) become (B,D) by their
    mean, or tokens by the first; auto refuses tokens, for there is no usual way. At most `samples` images are embedded.

    Raises CollapseError for an unknown layer, a batch without images, and an output that is no (B,D).
    """
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    rows: list[Tensor] = []
    labels: list[Tensor | None] = []
    left = samples
    with _evaluated(model), _tapped(model, layer) as outputs:
        for batch in _batches(images):
            if left <= 0:
                break
            inputs, target = split(batch)
            output = _called(model, inputs, device)
            h = _pooled(outputs[-1] if layer else _tensor(output), pool, layer)[:left].float().cpu()
            rows.append(h)
            labels.append(None if target is None else target[: len(h)].cpu().long())
            left -= len(h)
            outputs.clear()
    if not rows:
        raise CollapseError(
            "there is no batch to embed", "give a DataLoader, or a tensor of images (N, C, H, W)"
        )
    known = [part for part in labels if part is not None]
    together = torch.cat(known) if len(known) == len(rows) else None
    names = () if together is None else tuple(map(str, range(int(together.max()) + 1)))
    h = torch.cat(rows)
    return Embeddings(h, None, together, torch.arange(len(h)), names, name or type(model).__name__)


@contextmanager
def _evaluated(model: nn.Module) -> Iterator[None]:
    """In eval mode meanwhile, and in the mode that each part had afterwards."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def _tapped(model: nn.Module, layer: str) -> Iterator[list[Tensor]]:
    """What the layer gives, in a list that grows with each call; nothing is tapped without a name."""
    outputs: list[Tensor] = []
    if not layer:
        yield outputs
        return
    parts = dict(model.named_modules())
    if layer not in parts:
        raise CollapseError(f"the model has no layer '{layer}'", nearest(layer, [n for n in parts if n]))
    hook = parts[layer].register_forward_hook(lambda _, __, output: outputs.append(_tensor(output)))
    try:
        yield outputs
    finally:
        hook.remove()


def _batches(images: Any) -> Iterable[Any]:
    """One tensor is cut into batches; anything that can be iterated over is taken as it is."""
    if isinstance(images, numpy.ndarray):
        images = torch.from_numpy(images)
    if isinstance(images, Tensor):
        return torch.split(images if images.is_floating_point() else images.float() / 255, CHUNK)
    if not isinstance(images, Iterable):
        raise CollapseError(
            f"images cannot be read from a {type(images).__name__}",
            "give a DataLoader, or a tensor of images (N, C, H, W)",
        )
    return images


def split(batch: Any) -> tuple[Tensor | dict[str, Tensor], Tensor | None]:
    """A batch -> its inputs, a tensor or what a model takes by name, and its labels (B,), if there are any."""
    if isinstance(batch, Tensor):
        return batch, None
    if isinstance(batch, Mapping):
        return _by_name(batch)
    if isinstance(batch, Sequence) and batch and isinstance(batch[0], Tensor):
        target = batch[1] if len(batch) > 1 else None
        whole = isinstance(target, Tensor) and target.ndim == 1 and not target.is_floating_point()
        return batch[0], target if whole and isinstance(target, Tensor) else None
    if isinstance(batch, Sequence) and batch and isinstance(batch[0], Sequence | Mapping):
        return split(batch[0])  # two views of the same images, then labels
    raise CollapseError(
        f"a batch is a {type(batch).__name__} without a tensor of images in front",
        "give batches as a tensor, as (images, labels), or as a dict with `image` or `pixel_values`",
    )


def _by_name(batch: Mapping[str, Any]) -> tuple[Tensor | dict[str, Tensor], Tensor | None]:
    target = next((batch[name] for name in LABELS if isinstance(batch.get(name), Tensor)), None)
    labels = target if target is not None and target.ndim == 1 and not target.is_floating_point() else None
    name = next((name for name in INPUTS if isinstance(batch.get(name), Tensor)), "")
    if not name:
        raise CollapseError(
            f"a batch has no images among {', '.join(map(str, batch))}",
            f"name them one of {', '.join(INPUTS)}",
        )
    if name not in BY_NAME:
        return batch[name], labels
    return {k: v for k, v in batch.items() if isinstance(v, Tensor) and k not in LABELS}, labels


def _called(model: nn.Module, inputs: Tensor | dict[str, Tensor], device: torch.device) -> Any:
    if isinstance(inputs, Tensor):
        return model(inputs.to(device))
    return model(**{name: value.to(device) for name, value in inputs.items()})


def _tensor(output: Any) -> Tensor:
    """The embeddings in what a model or a layer returns: a tensor, the pooled output of a transformers model, or its tokens."""
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping):
        name = next((n for n in ("pooler_output", "last_hidden_state") if output.get(n) is not None), "")
        if name:
            return _tensor(output[name])
    if isinstance(output, tuple) and len(output) == 1:
        return _tensor(output[0])
    raise CollapseError(
        f"the model returns a {type(output).__name__}, and which part of it are embeddings is not known",
        "name the layer that gives them: embed(model, images, layer=…)",
    )


def _pooled(output: Tensor, pool: Pool, layer: str) -> Tensor:
    """(B,D) from what the model or its layer gives."""
    if output.ndim == 4:
        return output.mean(dim=(2, 3))
    if output.ndim == 3 and pool != "auto":
        return output.mean(dim=1) if pool == "mean" else output[:, 0]
    if output.ndim != 2:
        what = f"the layer {layer}" if layer else "the model"
        raise CollapseError(
            f"{what} gives {tuple(output.shape)}, not (B, D)",
            "pool='mean' or pool='first' makes one embedding of tokens (B, T, D); or name another layer",
        )
    return output
