"""A folder of sentence-transformers with texts -> a Subject: embeddings without images, views or augmentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from collapse_cli import embedding
from collapse_cli.analysis import image_sets, stored
from collapse_cli.analysis.measuring import Measuring, device
from collapse_cli.analysis.subject import Subject
from collapse_cli.data import text
from collapse_cli.data.words import word_counts
from collapse_cli.errors import CollapseError
from collapse_cli.runs import text_encoders, text_networks
from collapse_cli.runs.source import Source
from collapse_cli.runs.text_encoders import TextEncoder
from collapse_cli.shapes import Embeddings

LAYOUT = "sentence-transformers folder"


def of_folder(source: Source, measuring: Measuring) -> Subject:
    """The embeddings that the library's `encode` gives of the texts that --dataset names."""
    path, encoder = source.path, text_encoders.described(source.path)
    if not measuring.dataset.startswith(text.SCHEME):
        given = f", not {measuring.dataset}" if measuring.dataset else ""
        raise CollapseError(
            f"{path} is a network that takes texts{given}",
            "name them with --dataset text:FILE, one text on each line of a .txt",
        )
    measuring = measuring.settled(measuring.dataset)
    labelling = image_sets.labeller(measuring.dataset, measuring)
    chosen = text.texts(measuring.dataset, measuring.split, labelling)  # before the network: it takes seconds
    network = text_networks.load(source, device(measuring.device))

    def embedded(texts: text.Texts) -> Embeddings:
        index = embedding.sample(texts, measuring.samples, measuring.seed)
        rows = text_networks.embedded(network, [texts.texts[n] for n in index.tolist()])
        labels = torch.tensor(texts.labels)[index] if texts.labels else None
        return Embeddings(rows, None, labels, index, texts.classes, texts.name)

    clean = embedded(chosen)
    facts: dict[str, Any] = {"path": str(path), "sha256": source.sha256, "layout": LAYOUT}
    facts |= {"assumed": list(assumed(encoder)), "split": measuring.split}
    return Subject(
        path.absolute().name, facts, clean, measuring,
        plain=word_counts([chosen.texts[n] for n in clean.index.tolist()]),
        load_split=lambda split: embedded(text.texts(measuring.dataset, split, labelling)),
        notes=chosen.notes,
        reading=text_networks.Reading(text_networks.Encoding(network), chosen.texts),
        story=stored.story(facts, len(clean), clean.source),
    )  # fmt: skip


def assumed(encoder: TextEncoder) -> Iterator[str]:
    """What the embeddings are, and what they cannot show."""
    yield f"h: what encode gives, behind {encoder.in_words}"
    if encoder.length:
        yield f"texts are cut after {encoder.length:,} tokens at most"
    if encoder.prompt:
        yield f"every text begins with the prompt {encoder.prompt!r} of the folder"
    if encoder.unit_length:
        yield "every embedding has length 1, so a collapse of lengths cannot be seen"
