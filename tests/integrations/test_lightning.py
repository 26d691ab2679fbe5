"""The callback in trainings by Lightning, under both of its names."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from collapse_cli.analysis.monitor_pending import PendingLook
from collapse_cli.errors import CollapseError
from collapse_cli.integrations.lightning import collapse_callback

pytestmark = [
    pytest.mark.libraries,
    pytest.mark.filterwarnings("ignore"),  # the library's own remarks on workers and loggers
]
B, STEPS = 16, 6


@pytest.fixture(params=["lightning.pytorch", "pytorch_lightning"])
def library(request: pytest.FixtureRequest) -> Any:
    return pytest.importorskip(request.param)


@pytest.fixture
def lightning() -> Any:
    return pytest.importorskip("lightning.pytorch")


def module(library: Any, collapses_at: int = 1000, returns: bool = True, broken: bool = False) -> Any:
    """A linear encoder and head; from a step on, z is one point."""

    class Network(library.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.backbone, self.head = nn.Linear(12, 8), nn.Linear(8, 4)
            self.given: list[Tensor] = []

        def training_step(self, batch: list[Tensor], number: int) -> Any:
            h = self.backbone(batch[0])
            z = self.head(h * (self.global_step < collapses_at))
            self.given.append(z.detach())
            if broken and self.global_step == 3:
                raise RuntimeError("the loop's own error")
            loss = z.square().mean()
            return {"loss": loss, "z": z, "h": h} if returns else loss

        def validation_step(self, batch: list[Tensor], number: int) -> None:
            self.head(self.backbone(batch[0]))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.01)

    return Network()


def loader(batches: int = STEPS) -> DataLoader[Any]:
    rows = torch.randn(batches * B, 12, generator=torch.Generator().manual_seed(1))
    return DataLoader(TensorDataset(rows), batch_size=B)


def trained(library: Any, network: Any, *callbacks: Any, **settings: Any) -> Any:
    resumed = settings.pop("ckpt_path", None)
    quiet = {
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "max_epochs": 1,
    }
    trainer = library.Trainer(callbacks=list(callbacks), **{**quiet, **settings})
    batches = settings.get("accumulate_grad_batches", 1) * STEPS
    trainer.fit(network, loader(batches), val_dataloaders=loader(2), ckpt_path=resumed)
    return trainer


def events(folder: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in (folder / "monitor.jsonl").read_text().splitlines())


def test_what_training_step_returns_is_looked_at(library: Any, tmp_path: Path) -> None:
    """At step 1 and at every second: 16 embeddings of z and the loss, which the network computed itself."""
    seen: list[dict[str, Any]] = []
    network = module(library)
    callback = collapse_callback(every=2, folder=tmp_path, sink=seen.append)
    assert isinstance(callback, library.Callback)
    trainer = trained(library, network, callback)
    assert [look["step"] for look in seen] == [1, 2, 4, 6]
    assert [look["samples"] for look in seen] == [B] * 4
    losses = [float(network.given[n].square().mean()) for n in (0, 1, 3, 5)]
    assert [look["loss"] for look in seen] == pytest.approx(losses)
    assert all("rank_h" in look for look in seen)
    assert trainer.callback_metrics["collapse/loss"] == pytest.approx(losses[-1])
    assert [line["event"] for line in events(tmp_path)] == ["begin", *["look"] * 4, "end"]
    assert list(events(tmp_path))[-1]["status"] == "complete"


def test_hooks_see_what_is_returned(library: Any) -> None:
    """The same numbers of z and h, though validation calls the layers too; and nothing is left on the module."""
    of_outputs: list[dict[str, Any]] = []
    of_layers: list[dict[str, Any]] = []
    network = module(library, returns=False)
    trained(library, module(library), collapse_callback(every=3, sink=of_outputs.append))
    trained(library, network, collapse_callback(["backbone", "head"], every=3, sink=of_layers.append))
    assert of_layers == of_outputs
    assert not any(part._forward_hooks for part in network.modules())


def test_accumulated_batches_are_one_step(lightning: Any) -> None:
    """With three batches to a step, six steps are counted: of hooks the first batch, of what is returned the last."""
    of_outputs: list[dict[str, Any]] = []
    of_layers: list[dict[str, Any]] = []
    networks = module(lightning), module(lightning)
    trained(
        lightning, networks[0], collapse_callback(every=1, sink=of_outputs.append), accumulate_grad_batches=3
    )
    trained(
        lightning,
        networks[1],
        collapse_callback("head", every=1, sink=of_layers.append),
        accumulate_grad_batches=3,
    )
    assert len(networks[0].given) == 18
    assert [look["step"] for look in of_outputs] == [look["step"] for look in of_layers] == [1, 2, 3, 4, 5, 6]
    for looks, place in ((of_layers, 0), (of_outputs, 2)):
        scales = [float(z.var(dim=0).sum()) for z in networks[0].given[place::3]]
        assert [look["scale"] for look in looks] == pytest.approx(scales, rel=1e-4)


def test_a_collapse_stops_the_training(library: Any, tmp_path: Path) -> None:
    """From step 31 on z is one point, which has no scale left: 20 steps later a warning ends the training."""
    callback = collapse_callback(every=1, on_collapse="stop", folder=tmp_path)
    with pytest.warns(UserWarning, match="Collapse of scale at step 51"):
        trainer = trained(library, module(library, collapses_at=30), callback, max_epochs=20)
    assert trainer.global_step == 51
    assert list(events(tmp_path))[-1]["status"] == "stopped"


def test_a_collapse_is_raised(lightning: Any, tmp_path: Path) -> None:
    callback = collapse_callback(every=1, on_collapse="raise", folder=tmp_path)
    with pytest.raises(CollapseError, match="Collapse of scale"):
        trained(lightning, module(lightning, collapses_at=30), callback, max_epochs=20)
    assert list(events(tmp_path))[-1]["status"] == "failed"


def test_an_error_of_the_loop_ends_the_record(lightning: Any, tmp_path: Path) -> None:
    network = module(lightning, broken=True)
    with pytest.raises(RuntimeError, match="own error"):
        trained(lightning, network, collapse_callback("head", every=1, folder=tmp_path))
    assert list(events(tmp_path))[-1]["status"] == "failed"
    assert not any(part._forward_hooks for part in network.modules())


def test_checkpoints_carry_it(library: Any, tmp_path: Path) -> None:
    """Six steps and six resumed ones come to the state of twelve."""
    whole, first, second = (collapse_callback("head", every=2, sink=[].append) for _ in range(3))
    trained(library, module(library), whole, max_epochs=2)
    trainer = trained(library, module(library), first)
    trainer.save_checkpoint(tmp_path / "mine.ckpt")
    trained(library, module(library), second, max_epochs=2, ckpt_path=tmp_path / "mine.ckpt")
    assert second.watched.monitor.step == whole.watched.monitor.step == 12
    assert str(second.state_dict()["alarm"]) == str(whole.state_dict()["alarm"])
    assert (
        second.watched.monitor.compute().entries[0].metrics
        == whole.watched.monitor.compute().entries[0].metrics
    )


def test_loggers_and_other_callbacks_get_the_numbers(lightning: Any, tmp_path: Path) -> None:
    """In the steps that were looked at, though the trainer logs every fiftieth; and early stopping can monitor them."""
    loggers = importlib.import_module("lightning.pytorch.loggers")
    stopping = importlib.import_module("lightning.pytorch.callbacks").EarlyStopping(
        "collapse/variance", check_on_train_epoch_end=True
    )
    logger = loggers.CSVLogger(tmp_path)
    trained(lightning, module(lightning), collapse_callback(every=2), stopping, logger=logger)
    header, *rows = Path(logger.log_dir, "metrics.csv").read_text().splitlines()
    place = header.split(",").index("collapse/variance")
    steps = header.split(",").index("step")
    assert [row.split(",")[steps] for row in rows if row.split(",")[place]] == ["1", "2", "4", "6"]
    assert stopping.best_score.isfinite()


def test_one_callback_serves_both_packages() -> None:
    """Where both are imported it is a callback of both; copies are, too."""
    both = [pytest.importorskip("lightning.pytorch"), pytest.importorskip("pytorch_lightning")]
    callback = collapse_callback("head", every=2)
    for twin in (callback, copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
        assert all(isinstance(twin, package.Callback) for package in both)
        assert twin.state_key == callback.state_key == "CollapseCallback['head']"


def test_mistakes_have_a_remedy(lightning: Any) -> None:
    with pytest.raises(CollapseError) as missing:
        trained(lightning, module(lightning, returns=False), collapse_callback())
    assert "training_step returned no 'z'" in missing.value.message
    with pytest.raises(CollapseError) as misnamed:
        trained(lightning, module(lightning), collapse_callback(z="zz"))
    assert misnamed.value.hint.startswith("did you mean 'z'?")
    with pytest.raises(CollapseError) as unknown:
        trained(lightning, module(lightning), collapse_callback(["hed"]))
    assert unknown.value.hint == "did you mean 'head'?"
    with pytest.raises(CollapseError, match="no setting 'evry'"):
        collapse_callback(evry=5)
    with pytest.raises(CollapseError, match="every cannot be 0"):
        collapse_callback(every=0)
    compiled = module(lightning)
    compiled._compiler_ctx = {}
    with pytest.raises(CollapseError, match="is compiled"):
        trained(lightning, compiled, collapse_callback("head"))


def test_the_remedy_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(CollapseError) as error:
        collapse_callback()
    assert error.value.hint == "install it with: pip install 'collapse-cli[lightning]'"


def test_numbers_that_come_late_are_of_their_step(
    lightning: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from a GPU: those of a look are read at the next one, and those of the last at the end."""
    monkeypatch.setattr(PendingLook, "ready", property(lambda look: False))
    logger = importlib.import_module("lightning.pytorch.loggers").CSVLogger(tmp_path)
    trained(lightning, module(lightning), collapse_callback(every=2), logger=logger)
    header, *rows = (line.split(",") for line in Path(logger.log_dir, "metrics.csv").read_text().splitlines())
    step, loss = header.index("step"), header.index("collapse/loss")
    assert [row[step] for row in rows if row[loss]] == ["1", "2", "4", "6"]
