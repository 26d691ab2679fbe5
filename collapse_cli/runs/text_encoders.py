"""Folders of sentence-transformers: which modules a text goes through, as the folder says it. Nothing here needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.runs.weight_folders import is_name, parsed, read_json

LIBRARY = "sentence_transformers"
MODULES = ("Transformer", "Pooling", "Normalize", "Dense", "LayerNorm", "StaticEmbedding", "Dropout")
"""Modules that are read: none of them runs code that a folder names."""

POOLING = "pooling_mode_"


@dataclass(frozen=True)
class Module:
    """One step: the name of its class, the folder it lies in, and its settings."""

    name: str
    folder: Path
    settings: Mapping[str, Any]

    @property
    def in_words(self) -> str:
        if self.name != "Pooling":
            return self.name
        return f"Pooling ({pooling(self.settings)})"


@dataclass(frozen=True)
class TextEncoder:
    """modules: in their order; width D of the embeddings and length of a text in tokens, 0 where the folder does not tell."""

    modules: tuple[Module, ...]
    width: int
    length: int
    prompt: str

    @property
    def in_words(self) -> str:
        return ", ".join(module.in_words for module in self.modules)

    @property
    def unit_length(self) -> bool:
        """Whether every embedding has length 1."""
        return self.modules[-1].name == "Normalize"


def is_at(path: Path) -> bool:
    """Whether a folder says how tokens are pooled into the embedding of a text."""
    return path.is_dir() and (path / "modules.json").is_file()


def described(path: Path) -> TextEncoder:
    """Raises CollapseError for modules of another library, or whose code or settings are not read."""
    modules = tuple(_module(path, entry) for entry in _entries(path))
    config = read_json(modules[0].folder / "config.json")
    widths = [width for module in modules if (width := _width(module))]
    own = read_json(path / "config_sentence_transformers.json")
    length = _length(modules[0].folder, config)
    hidden = config.get("hidden_size", config.get("dim", 0))
    name = own.get("default_prompt_name")
    prompts = own.get("prompts")
    prompt = prompts.get(name, "") if isinstance(prompts, Mapping) and isinstance(name, str) else ""
    width = hidden if isinstance(hidden, int) else 0
    return TextEncoder(modules, widths[-1] if widths else width, length, str(prompt))


def _length(folder: Path, config: Mapping[str, Any]) -> int:
    """Tokens of a text at most: as the library's file says, else as tokenizer and positions allow; 0: not told."""
    stated = read_json(folder / "sentence_bert_config.json").get("max_seq_length")
    tokens = read_json(folder / "tokenizer_config.json").get("model_max_length")
    allowed = [tokens, config.get("max_position_embeddings")]
    lengths = [n for n in ([stated] if stated else allowed) if isinstance(n, int) and 0 < n < 1 << 20]
    return min(lengths, default=0)


def pooling(settings: Mapping[str, Any]) -> str:
    """How tokens become one embedding: mean, cls, max …"""
    if mode := settings.get("pooling_mode"):
        return (
            "+".join(mode)
            if isinstance(mode, list) and all(isinstance(each, str) for each in mode)
            else str(mode)
        )
    modes = [
        name.removeprefix(POOLING) for name, on in settings.items() if name.startswith(POOLING) and on is True
    ]
    return "+".join(mode.replace("_tokens", "").replace("_token", "") for mode in modes) or "not told"


def _entries(path: Path) -> list[Mapping[str, Any]]:
    file = path / "modules.json"
    entries = parsed(file)
    if not isinstance(entries, list) or not entries or not all(isinstance(each, dict) for each in entries):
        raise CollapseError(f"{file} is no list of modules", "copy or download it again")
    return entries


def _module(path: Path, entry: Mapping[str, Any]) -> Module:
    """Raises CollapseError for what is not of the library, or is told to import something else."""
    kind, place = str(entry.get("type", "")), entry.get("path", "")
    name = kind.rpartition(".")[2]
    if place and not is_name(place):
        raise CollapseError(
            f"{path / 'modules.json'} has a module that lies outside of its folder, or in a hidden one, at {place!r}",
            "copy or download the whole folder again",
        )
    if not kind.startswith(f"{LIBRARY}.") or name not in MODULES:
        raise CollapseError(
            f"{path} goes through the module {kind or entry}, which is not run: it may be code of the folder",
            f"read are {', '.join(MODULES)} of sentence-transformers; where you trust it, embed the texts yourself, and give "
            "the embeddings as .npy",
        )
    folder = path / place if place else path
    settings = read_json(folder / "config.json") if place else {}
    activation = str(settings.get("activation_function", "torch.nn."))
    if not activation.startswith("torch.nn."):
        raise CollapseError(
            f"{folder} has the activation {activation}, which is not of torch.nn, and is not run",
            "where you trust it, embed the texts yourself, and give the embeddings as .npy",
        )
    return Module(name, folder, settings)


def _width(module: Module) -> int:
    """D behind a module that says it and changes it."""
    if module.name in ("Normalize", "Dropout"):
        return 0
    names = ("out_features", "embedding_dimension", "word_embedding_dimension", "dimension")
    width = next((module.settings[name] for name in names if name in module.settings), 0)
    modes = pooling(module.settings).count("+") + 1 if module.name == "Pooling" else 1
    return width * modes if isinstance(width, int) else 0
