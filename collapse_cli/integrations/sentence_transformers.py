"""An evaluator for sentence-transformers: do the embeddings of texts of your own collapse while the model is trained?"""

from __future__ import annotations

import csv
import logging
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import torch

from collapse_cli.analysis.judging import diagnose
from collapse_cli.analysis.loading import load
from collapse_cli.answers import Entry
from collapse_cli.errors import CollapseError
from collapse_cli.integrations.libraries import Derived, derived, library

LOG = logging.getLogger(__name__)
NUMBERS = ("effective_rank", "active", "total_variance", "mean_cosine", "ray_share", "alignment")
NOT_FINITE = "The embeddings contain nan or infinity: lower the learning rate, and look at the loss of the steps before."
FEWEST = 8  # texts: the verdict says nothing of fewer
HOMES = ("sentence_transformers.base.evaluation", "sentence_transformers.evaluation")


def collapse_evaluator(
    texts: Sequence[str],
    paraphrases: Sequence[str] | None = None,
    *,
    name: str = "",
    batch_size: int = 32,
    write_csv: bool = True,
) -> Any:
    """An evaluator of the library's own kind, for `SentenceTransformerTrainer(evaluator=…)`, or to be called with a model.

    texts: of your own, as different from each other as those that the model is for; more of them than the embeddings have
    dimensions, for fewer cannot tell. paraphrases: another wording of each, in the same order. Embeddings that all point one
    way have collapsed where two wordings of one text lie as far apart as two texts; without, the verdict may be inconclusive.

    Called, it returns a dict of floats (`effective_rank` is the primary metric; `collapsed` and `inconclusive`, each 1 or 0),
    logs the verdict in words, and adds a row to `collapse_evaluation_results.csv` in the output folder, as its peers do.

    Raises CollapseError where sentence-transformers is not installed, and for texts that are too few or do not match.
    """
    texts = _texts(texts, "texts")
    others = None if paraphrases is None else _texts(paraphrases, "paraphrases")
    if others is not None and len(others) != len(texts):
        raise CollapseError(
            f"there are {len(others):,} paraphrases of {len(texts):,} texts",
            "give one for each text, in the same order",
        )
    kind = derived(CollapseEvaluator, _base())
    return kind(texts, others, name, batch_size, write_csv)


class CollapseEvaluator(Derived):
    """What `collapse_evaluator` makes."""

    description = "Collapse"  # in the model card

    def __init__(
        self,
        texts: list[str],
        paraphrases: list[str] | None,
        name: str,
        batch_size: int,
        write_csv: bool,
    ) -> None:
        super().__init__()
        self.texts, self.paraphrases = texts, paraphrases
        self.name, self.batch_size, self.write_csv = name, batch_size, write_csv
        self.greater_is_better, self.primary_metric = True, "effective_rank"
        self.csv_file = f"collapse_evaluation{f'_{name}' if name else ''}_results.csv"

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1, **_: Any
    ) -> dict[str, float]:
        """The numbers of the model as it is now, by name."""
        rows = self._embedded(model, self.texts)  # (N, D)
        others = None if self.paraphrases is None else self._embedded(model, self.paraphrases)
        numbers, status, sentence = judged(rows, others)
        bad = numbers["collapsed"] == 1
        LOG.log(
            logging.WARNING if bad else logging.INFO,
            "Collapse evaluation%s%s: %s. %s",
            f" on {self.name}" if self.name else "",
            _when(epoch, steps),
            status,
            sentence,
        )
        if output_path is not None and self.write_csv:
            self._write(Path(output_path), [epoch, steps, status, *numbers.values(), sentence], numbers)
        return self._handed_on(model, numbers, epoch, steps)

    def _embedded(self, model: Any, texts: list[str]) -> numpy.ndarray[Any, Any]:
        rows = model.encode(texts, batch_size=self.batch_size, convert_to_numpy=True, show_progress_bar=False)
        return numpy.asarray(rows, dtype="float32")

    def _write(self, folder: Path, row: list[Any], numbers: dict[str, float]) -> None:
        os.makedirs(folder, exist_ok=True)
        path = folder / self.csv_file
        begun = path.is_file()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if not begun:
                writer.writerow(["epoch", "steps", "status", *numbers, "verdict"])
            writer.writerow(row)

    def _handed_on(self, model: Any, numbers: dict[str, float], epoch: float, steps: int) -> dict[str, float]:
        """With the evaluator's name in front of each, and told to the model card, where the library has these."""
        parent: Any = super()
        named = getattr(parent, "prefix_name_to_metrics", None)
        stored = getattr(parent, "store_metrics_in_model_card_data", None)
        numbers = named(numbers, self.name) if named else numbers
        if stored:
            stored(model, numbers, epoch, steps)
        return numbers


def judged(
    rows: numpy.ndarray[Any, Any], others: numpy.ndarray[Any, Any] | None
) -> tuple[dict[str, float], str, str]:
    """Embeddings (N,D), and of the same N texts in other words -> numbers by name, the status, and a sentence."""
    every = [rows] if others is None else [rows, others]
    if not all(numpy.isfinite(part).all() for part in every):
        nothing = dict.fromkeys(NUMBERS if others is not None else NUMBERS[:-1], math.nan)
        return {**nothing, "collapsed": 1.0, "inconclusive": 0.0}, "not finite", NOT_FINITE
    subject = load(rows, name="texts")
    if others is not None:
        second = replace(subject.clean, representations=torch.from_numpy(others))
        subject = replace(subject, stored_views=(subject.clean, second))
    (entry,) = diagnose(subject).entries
    return _told(entry)


def _told(entry: Entry) -> tuple[dict[str, float], str, str]:
    assert entry.verdict is not None
    values = {name: getattr(entry.result, name) for name in NUMBERS}
    numbers = {name: float(value) for name, value in values.items() if value is not None}
    status = entry.verdict.status
    numbers["collapsed"] = float(status.endswith("collapse"))
    numbers["inconclusive"] = float(status == "inconclusive")
    return numbers, status, entry.verdict.sentence


def _texts(texts: Sequence[str], what: str) -> list[str]:
    """A list of them. Raises CollapseError for a single text, for what are no texts, and for fewer than 8."""
    listed = [] if isinstance(texts, str) else list(texts)
    if not all(isinstance(text, str) for text in listed) or len(listed) < FEWEST:
        kind = "a single text" if isinstance(texts, str) else f"{len(listed)} of them were given"
        raise CollapseError(
            f"{what} must be a list of at least {FEWEST} texts: {kind}",
            "give more texts than the embeddings have dimensions: fewer cannot tell",
        )
    return listed


def _base() -> type:
    """`BaseEvaluator`, or `SentenceEvaluator` of a version that has no other."""
    library("sentence_transformers", "transformers")
    for home in HOMES:
        try:
            module = library(home, "transformers")
        except CollapseError:
            continue
        for name in ("BaseEvaluator", "SentenceEvaluator"):
            if isinstance(base := getattr(module, name, None), type):
                return base
    raise CollapseError(
        "this version of sentence-transformers has no evaluators",
        "pip install --upgrade sentence-transformers",
    )


def _when(epoch: float, steps: int) -> str:
    if epoch == -1:
        return ""
    return f" after epoch {epoch:g}" if steps == -1 else f" in epoch {epoch:g} after {steps:,} steps"
