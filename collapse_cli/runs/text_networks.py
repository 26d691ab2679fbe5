"""A folder of sentence-transformers -> the library's own network, which no code of the folder has touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from collapse_cli.errors import CollapseError
from collapse_cli.progress import counted
from collapse_cli.runs import text_encoders
from collapse_cli.runs.others import transformers_loading
from collapse_cli.runs.others.tensors import hold
from collapse_cli.runs.source import Source

CHUNK = 64  # texts through the network at once
UNUSED = "pooler."  # weights of BERT behind the tokens, which no Pooling reads


class Encoding(nn.Module):
    """Tokens by name -> h (B,D), as the library's network maps them."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, **tokens: Tensor) -> Tensor:
        embedded: Tensor = self.network(dict(tokens))["sentence_embedding"]
        return embedded


@dataclass(frozen=True)
class Reading:
    """A network and the texts of a split, which it is given by their places."""

    network: Encoding
    texts: Sequence[str]

    def reads(self, name: str) -> bool:
        """Whether a Pooling reads what a module of this name gives."""
        return f".{UNUSED}" not in f"{name}."

    def batches(self, index: Tensor) -> Iterator[dict[str, Tensor]]:
        """The tokens of the texts `index` (n,) by name, many texts at a time."""
        inner = self.network.network
        for part in torch.split(index, CHUNK):
            tokens = inner.tokenize([self.texts[place] for place in part.tolist()])
            yield {
                name: value.to(inner.device) for name, value in tokens.items() if isinstance(value, Tensor)
            }


def load(source: Source, device: torch.device) -> Any:
    """The network, in eval mode and float32. Raises CollapseError where the library is missing, or does not make one of it."""
    path = source.path
    text_encoders.described(path)  # refuses what would run code
    if find_spec(text_encoders.LIBRARY) is None:
        raise CollapseError(
            f"{path} is a folder of sentence-transformers, which needs the package sentence-transformers",
            "pip install 'collapse-cli[transformers]'",
        )
    from sentence_transformers import SentenceTransformer

    try:
        with transformers_loading.quiet(), torch.random.fork_rng(devices=[]):
            network = SentenceTransformer(
                str(path), device=str(device), local_files_only=True, trust_remote_code=False,
                model_kwargs={"attn_implementation": "eager", "dtype": torch.float32},
            )  # fmt: skip
    except Exception as error:  # a folder may be wrong in any way, and the library says it in any
        words = " ".join(str(error).split())[:160] or type(error).__name__
        raise CollapseError(
            f"sentence-transformers does not read {path} ({type(error).__name__}: {words})",
            "copy or download the whole folder again",
        ) from None
    _refuse_missing(source, network)
    return network.float().eval()


def _refuse_missing(source: Source, network: Any) -> None:
    """Raises CollapseError where weights are not in the file: the library takes random ones in their place."""
    inner = getattr(network[0], "auto_model", None)
    if inner is None or not hasattr(inner, "config"):
        return
    held = hold(source)
    tensors = {held.written[name]: tensor for name, tensor in held.tensors.items()}
    missing = [
        n
        for n in transformers_loading.missing(type(inner), inner.config, tensors)
        if not n.startswith(UNUSED)
    ]
    if missing:
        raise CollapseError(
            f"{source.path} lacks {len(missing)} of the weights that its config.json describes: {', '.join(missing[:3])}",
            "copy or download the whole folder again",
        )


def embedded(network: Any, texts: Sequence[str]) -> Tensor:
    """h (N,D) of N texts, float32 on the CPU, as `encode` gives them."""
    chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
    rows = [
        network.encode(list(chunk), batch_size=CHUNK, show_progress_bar=False, convert_to_tensor=True)
        .float()
        .cpu()
        for chunk in counted(chunks, "texts embedded", len)
    ]
    return torch.cat(rows).clone()  # of inference mode none is left
