"""The callback in the Trainer of transformers, with a small BERT of random weights."""

from __future__ import annotations

import json
import math
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from collapse_cli.errors import CollapseError
from collapse_cli.integrations.transformers import FILE, add_to, collapse_callback

pytestmark = [pytest.mark.libraries, pytest.mark.filterwarnings("ignore")]
B, STEPS, LAYER = 8, 4, "bert.pooler"


@pytest.fixture
def transformers(monkeypatch: pytest.MonkeyPatch) -> Any:
    library = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    monkeypatch.setenv("WANDB_DISABLED", "true")
    return library


def bert(transformers: Any) -> Any:
    config = transformers.BertConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    torch.manual_seed(0)
    return transformers.BertForSequenceClassification(config)


def texts(count: int) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 50, (count, 10), generator=generator)
    return [{"input_ids": row, "labels": int(row[0]) % 2} for row in ids]


def trainer_of(transformers: Any, folder: Path, callbacks: list[Any], **settings: Any) -> Any:
    quiet = {
        "output_dir": str(folder),
        "max_steps": STEPS,
        "per_device_train_batch_size": B,
        "learning_rate": 1e-3,
        "use_cpu": True,
        "report_to": "none",
        "save_strategy": "no",
        "logging_steps": 2,
        "disable_tqdm": True,
        "seed": 0,
    }
    arguments = transformers.TrainingArguments(**{**quiet, **settings})
    return transformers.Trainer(
        model=bert(transformers),
        args=arguments,
        train_dataset=texts(64),
        eval_dataset=texts(16),
        callbacks=callbacks,
    )


def passes(model: Any) -> list[Tensor]:
    """What the watched layer gives in train mode, filled as the model is trained."""
    given: list[Tensor] = []

    def take(layer: nn.Module, inputs: Any, output: Tensor) -> None:
        if layer.training:
            given.append(output.detach())

    model.get_submodule(LAYER).register_forward_hook(take)
    return given


def scales(batches: list[Tensor]) -> list[float]:
    return [float(z.var(dim=0).sum()) for z in batches]


@pytest.mark.parametrize("accumulated", [1, 3])
def test_steps_of_the_optimizer_are_counted(transformers: Any, tmp_path: Path, accumulated: int) -> None:
    """Of each the first batch, whatever evaluation runs through the layer between them."""
    seen: list[dict[str, Any]] = []
    callback = collapse_callback([LAYER], every=1, sink=seen.append)
    assert isinstance(callback, transformers.TrainerCallback)
    settings = {"gradient_accumulation_steps": accumulated, "eval_strategy": "steps", "eval_steps": 1}
    trainer = trainer_of(transformers, tmp_path, [callback], **settings)
    given = passes(trainer.model)
    trainer.train()
    # an epoch of 64 texts has 8 batches: two steps of three and one of two
    starts = range(STEPS) if accumulated == 1 else (0, 3, 6, 8)
    assert [look["step"] for look in seen] == [1, 2, 3, 4]
    assert [look["scale"] for look in seen] == pytest.approx(scales([given[n] for n in starts]), rel=1e-4)
    assert len(trainer.model.get_submodule(LAYER)._forward_hooks) == 1, "that of this test"


def test_what_checkpointing_computes_again_is_ignored(transformers: Any, tmp_path: Path) -> None:
    """A layer within a checkpointed block is called twice in a step: the numbers are those without, and it counts as once."""
    looks: list[list[dict[str, Any]]] = [[], []]
    watched = {"layers": ["bert.encoder.layer.0.attention.output"], "pool": "mean", "every": 1}
    for seen, again in zip(looks, (False, True), strict=True):
        callback = collapse_callback(**watched, sink=seen.append)
        trainer = trainer_of(transformers, tmp_path, [callback], gradient_checkpointing=again)
        calls: list[int] = []
        layer = trainer.model.get_submodule(watched["layers"][0])
        layer.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        trainer.train()
        assert len(calls) == STEPS * (2 if again else 1)
    assert looks[1] == looks[0]
    assert len(looks[0]) == STEPS
    twice = collapse_callback(**watched, passes=2)
    with pytest.raises(CollapseError, match="was called once in a training step, not 2 times"):
        trainer_of(transformers, tmp_path, [twice], gradient_checkpointing=True).train()


def test_numbers_come_to_the_log(transformers: Any, tmp_path: Path) -> None:
    """As a callback with the Trainer's own log; added to a Trainer in the step that they are of, and no loss is missing there."""
    alone = trainer_of(transformers, tmp_path, [collapse_callback(LAYER, every=2)])
    alone.train()
    with_numbers = [line for line in alone.state.log_history if "collapse/variance" in line]
    assert [line["step"] for line in with_numbers] == [2, 4]
    assert all("loss" in line for line in with_numbers)

    added = trainer_of(transformers, tmp_path, [])
    add_to(added, [LAYER], every=2)
    added.train()
    lines = added.state.log_history
    assert [line["step"] for line in lines if "collapse/variance" in line] == [1, 2, 4]
    assert [line["step"] for line in lines if "loss" in line] == [2, 4]
    assert all(
        math.isfinite(line["collapse/effective_rank"]) for line in lines if "collapse/variance" in line
    )


def test_tensorboard_gets_what_is_added(transformers: Any, tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    trainer = trainer_of(transformers, tmp_path, [], report_to="tensorboard")
    add_to(trainer, [LAYER], every=2)
    trainer.train()
    (file,) = tmp_path.rglob("events.*")
    events = accumulators.EventAccumulator(str(file)).Reload()
    assert [event.step for event in events.Scalars("train/collapse/variance")] == [1, 2, 4]


class Dead(nn.Module):
    """All of its outputs are one point from the fifth call on."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.calls = layer, 0

    def forward(self, hidden: Tensor) -> Tensor:
        self.calls += self.training
        return self.layer(hidden) * (self.calls < 5)


@pytest.mark.parametrize("on_collapse", ["stop", "raise"])
def test_a_collapse_ends_the_training(transformers: Any, tmp_path: Path, on_collapse: Any) -> None:
    """20 steps after the scale has vanished; the record says how it ended."""
    callback = collapse_callback(LAYER, every=1, on_collapse=on_collapse, folder=tmp_path / "watched")
    trainer = trainer_of(transformers, tmp_path, [callback], max_steps=60)
    trainer.model.bert.pooler = Dead(trainer.model.bert.pooler)
    if on_collapse == "raise":
        with pytest.raises(CollapseError, match="Collapse of scale at step 2"):
            trainer.train()
        callback._fail()  # as at the end of the process
    else:
        with pytest.warns(UserWarning, match="Collapse of scale at step 2"):
            trainer.train()
        assert 24 <= trainer.state.global_step <= 26
    last = json.loads((tmp_path / "watched" / "monitor.jsonl").read_text().splitlines()[-1])
    assert last["status"] == {"stop": "stopped", "raise": "failed"}[on_collapse]


def test_checkpoints_carry_it(transformers: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two steps and two resumed ones come to the state of four; without the file a warning says what is not known."""
    every = {"every": 1, "window": 8}
    saving = {"save_strategy": "steps", "save_steps": 2}
    whole = collapse_callback(LAYER, **every)
    trainer_of(transformers, tmp_path / "a", [whole], **saving).train()
    assert (tmp_path / "a" / "checkpoint-2" / FILE).is_file()
    resumed = collapse_callback(LAYER, **every)
    trainer = trainer_of(transformers, tmp_path / "a", [resumed], **saving)
    trainer.train(resume_from_checkpoint=str(tmp_path / "a" / "checkpoint-2"))
    assert resumed.watched.monitor.step == whole.watched.monitor.step == STEPS
    assert str(resumed.watched.monitor.state_dict()) == str(whole.watched.monitor.state_dict())

    (tmp_path / "a" / "checkpoint-2" / FILE).unlink()
    late = collapse_callback(LAYER, **every)
    trainer = trainer_of(transformers, tmp_path / "a", [late], **saving)
    trainer.train(resume_from_checkpoint=str(tmp_path / "a" / "checkpoint-2"))
    assert late.watched.monitor.step == 2
    assert "resumes at step 2 without" in caplog.text


def test_copies_stay_callbacks(transformers: Any) -> None:
    twin = pickle.loads(pickle.dumps(collapse_callback(LAYER, every=3)))
    assert isinstance(twin, transformers.TrainerCallback)
    assert twin.watched.settings["every"] == 3


def test_mistakes_have_a_remedy(transformers: Any, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match="hands no outputs"):
        collapse_callback([])
    with pytest.raises(CollapseError) as unknown:
        trainer_of(transformers, tmp_path, [collapse_callback(["bert.poler"])]).train()
    assert unknown.value.hint == "did you mean 'bert.pooler'?"
    unused = trainer_of(transformers, tmp_path, [collapse_callback(["unused"])])
    unused.model.unused = nn.Linear(2, 2)
    with pytest.raises(CollapseError, match="was not called in a training step"):
        unused.train()
    with pytest.raises(CollapseError) as tokens:
        trainer_of(transformers, tmp_path, [collapse_callback(["bert.encoder"])]).train()
    assert "pool='mean' or pool='first'" in tokens.value.hint
    compiled = trainer_of(transformers, tmp_path, [collapse_callback(LAYER)])
    compiled.args.torch_compile = True
    with pytest.raises(CollapseError, match="is to be compiled"):
        compiled.callback_handler.on_train_begin(compiled.args, compiled.state, compiled.control)


def test_the_remedy_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(CollapseError) as error:
        collapse_callback(LAYER)
    assert error.value.hint == "install it with: pip install 'collapse-cli[transformers]'"
