"""The evaluator in the hands of sentence-transformers: called, in a sequence, and by its trainer."""

from __future__ import annotations

import copy
import csv
import logging
import math
import pickle
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.integrations.sentence_transformers import collapse_evaluator

WORDS = [f"word{n}" for n in range(200)]
D = 16


def texts(seed: int, count: int = 120) -> list[str]:
    """Each of four random words."""
    drawn = random.Random(seed)
    return [" ".join(drawn.sample(WORDS, 4)) for _ in range(count)]


@pytest.fixture
def model() -> Any:
    """A bag of random embeddings of words in 16 dimensions, made of the library's own modules without a download."""
    library = pytest.importorskip("sentence_transformers")
    modules = pytest.importorskip("sentence_transformers.sentence_transformer.modules")
    from tokenizers import Tokenizer, models, pre_tokenizers

    numbers = {word: n for n, word in enumerate(["[UNK]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    torch.manual_seed(0)
    return library.SentenceTransformer(
        modules=[modules.StaticEmbedding(tokenizer, embedding_dim=D)], device="cpu"
    )


def shift(model: Any, scale: float, offset: float) -> None:
    with torch.no_grad():
        model[0].embedding.weight.mul_(scale).add_(offset)


@pytest.mark.libraries
def test_a_call_gives_numbers_words_and_a_row(
    model: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Random embeddings of random words use all 16 dimensions; of those with three words in common the views are near."""
    rows = texts(0)
    evaluator = collapse_evaluator(rows, [text.rsplit(" ", 1)[0] for text in rows], name="mine")
    assert isinstance(evaluator, sys.modules["sentence_transformers.base.evaluation"].BaseEvaluator)
    with caplog.at_level(logging.INFO):
        numbers = evaluator(model, str(tmp_path / "eval"), 0.5, 10)
    assert evaluator.primary_metric == "mine_effective_rank"
    assert numbers["mine_effective_rank"] > 12
    assert (numbers["mine_active"], numbers["mine_collapsed"], numbers["mine_inconclusive"]) == (D, 0, 0)
    assert {type(number) for number in numbers.values()} == {float}
    assert "on mine in epoch 0.5 after 10 steps: healthy. 16 of 16 dimensions are active" in caplog.text
    evaluator(model, str(tmp_path / "eval"))
    with (tmp_path / "eval" / "collapse_evaluation_mine_results.csv").open() as file:
        header, first, last = csv.reader(file)
    assert header[:4] == ["epoch", "steps", "status", "effective_rank"]
    assert first[:3] == ["0.5", "10", "healthy"]
    assert float(first[3]) == numbers["mine_effective_rank"]
    assert last[:2] == ["-1", "-1"]


@pytest.mark.libraries
def test_planted_collapses_are_seen(model: Any, caplog: pytest.LogCaptureFixture) -> None:
    """All texts at one point; and all near one, where another text lies as near as another wording of the same one.

    Without those wordings the second could be a healthy model with an offset, which is what the verdict says.
    """
    shift(model, 1e-4, 1.0)
    alone, beside = collapse_evaluator(texts(0)), collapse_evaluator(texts(0), texts(1))
    assert (alone(model)["collapsed"], alone(model)["inconclusive"]) == (0, 1)
    assert beside(model)["collapsed"] == 1
    assert "complete collapse" in [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING][-1]
    shift(model, 0.0, 1.0)
    assert alone(model)["collapsed"] == 1


@pytest.mark.libraries
def test_what_is_not_finite_has_no_numbers(model: Any) -> None:
    shift(model, math.nan, 0.0)
    numbers = collapse_evaluator(texts(0))(model)
    assert numbers.pop("collapsed") == 1
    assert numbers.pop("inconclusive") == 0
    assert all(math.isnan(number) for number in numbers.values())
    assert "alignment" not in numbers


@pytest.mark.libraries
def test_copies_stay_evaluators(model: Any) -> None:
    evaluator = collapse_evaluator(texts(0))
    for twin in (copy.deepcopy(evaluator), pickle.loads(pickle.dumps(evaluator))):
        assert type(twin) is type(evaluator)
        assert twin(model) == evaluator(model)


@pytest.mark.libraries
def test_an_older_version_has_another_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """`BaseEvaluator` was added to the library; before, there was `SentenceEvaluator` alone, which offers nothing."""
    module = pytest.importorskip("sentence_transformers.base.evaluation")

    class SentenceEvaluator:
        def __call__(self, model: Any, output_path: Any = None, epoch: int = -1, steps: int = -1) -> float:
            raise NotImplementedError

    monkeypatch.delattr(module, "BaseEvaluator")
    monkeypatch.setattr(module, "SentenceEvaluator", SentenceEvaluator)

    class Encoder:
        def encode(self, texts: list[str], **_: Any) -> Any:
            return torch.randn(len(texts), D, generator=torch.Generator().manual_seed(0)).numpy()

    evaluator = collapse_evaluator(texts(0), name="mine")
    assert isinstance(evaluator, SentenceEvaluator)
    assert evaluator(Encoder())["effective_rank"] > 12


@pytest.mark.libraries
def test_the_trainer_of_the_library_calls_it(model: Any, tmp_path: Path) -> None:
    """Beside another evaluator; the numbers come to the trainer's log under its own prefix."""
    library, datasets = pytest.importorskip("sentence_transformers"), pytest.importorskip("datasets")
    pytest.importorskip("accelerate")
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    pairs = datasets.Dataset.from_dict({"anchor": texts(2, 32), "positive": texts(3, 32)})
    settings = library.SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path),
        max_steps=2,
        per_device_train_batch_size=16,
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = library.SentenceTransformerTrainer(
        model=model,
        args=settings,
        train_dataset=pairs,
        loss=MultipleNegativesRankingLoss(model),
        evaluator=[collapse_evaluator(texts(0), name="a"), collapse_evaluator(texts(1), name="b")],
    )
    trainer.train()
    logs = [line for line in trainer.state.log_history if "eval_a_effective_rank" in line]
    assert [line["step"] for line in logs] == [1, 2]
    assert all(line["eval_b_effective_rank"] > 12 for line in logs)
    assert len(list(tmp_path.rglob("collapse_evaluation_*_results.csv"))) == 2


def test_texts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(CollapseError, match="a single text"):
        collapse_evaluator("a text")
    with pytest.raises(CollapseError, match="3 of them"):
        collapse_evaluator(["a", "b", "c"])
    with pytest.raises(CollapseError, match="119 paraphrases of 120 texts"):
        collapse_evaluator(texts(0), texts(1, 119))


def test_the_remedy_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(CollapseError) as error:
        collapse_evaluator(texts(0))
    assert error.value.hint == "install it with: pip install 'collapse-cli[transformers]'"
