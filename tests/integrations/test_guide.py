"""What the guide `loop.md` says of other libraries runs as it stands; a block whose library is not installed is skipped.

Its blocks that need none run with those of the other pages: `tests/guide/test_runs.py`.
"""

from __future__ import annotations

import ast
import math
import re
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from collapse_cli.metrics.alarm_kinds import Kind
from collapse_cli.metrics.chance_levels import chance_levels

ROOT = Path(__file__).parent.parent.parent
GUIDE = (ROOT / "collapse_cli" / "guide" / "loop.md").read_text()
BLOCKS = re.findall(r"^```py\n(.*?)^```$", GUIDE, flags=re.MULTILINE | re.DOTALL)
STAND_INS = {"wandb": ("log", "alert"), "mlflow": ("log_metrics",)}
"""Services that no test can reach: their functions, as a recording."""


def libraries(block: str) -> set[str]:
    nodes = ast.walk(ast.parse(block))
    names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    names += [
        alias.name
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Import)
        for alias in node.names
    ]
    ours = {name.rpartition(".")[2] for name in names if name.startswith("collapse_cli.integrations.")}
    theirs = {name.partition(".")[0] for name in names} - {"collapse_cli"}
    return theirs | ours & {"tensorboard", "sentence_transformers"}


def basics() -> dict[str, Any]:
    """What the reader has: an encoder with a backbone and a head, batches of two views, a loss, a loop."""
    torch.manual_seed(0)
    encoder = nn.Sequential()
    encoder.add_module("backbone", nn.Linear(12, 8))
    encoder.add_module("head", nn.Linear(8, 4))
    optimizer = torch.optim.SGD(encoder.parameters(), lr=0.01)
    batches = [(torch.randn(32, 12), torch.randn(32, 12)) for _ in range(3)]

    def loss_of(z: Tensor, z2: Tensor) -> Tensor:
        return (z - z2).square().mean()

    def train(network: nn.Module) -> None:
        for first, _ in batches:
            network(first).square().mean().backward()

    return {
        "encoder": encoder,
        "optimizer": optimizer,
        "batches": batches,
        "loss_of": loss_of,
        "train": train,
        "z": torch.randn(32, 4),
    }


def lightning() -> dict[str, Any]:
    from lightning.pytorch import LightningModule

    class Network(LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(12, 4)

        def training_step(self, batch: list[Tensor], number: int) -> dict[str, Tensor]:
            z = self.layer(batch[0])
            return {"loss": z.square().mean(), "z": z}

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.01)

    return {"module": Network(), "loader": DataLoader(TensorDataset(torch.randn(64, 12)), batch_size=32)}


def transformers() -> dict[str, Any]:
    import transformers

    config = transformers.BertConfig(
        vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    arguments = transformers.TrainingArguments(
        output_dir="trainer", max_steps=2, per_device_train_batch_size=8, use_cpu=True, report_to="none"
    )
    dataset = [{"input_ids": torch.randint(5, 50, (6,)), "labels": n % 2} for n in range(16)]
    return {
        "bert": transformers.BertForSequenceClassification(config),
        "arguments": arguments,
        "dataset": dataset,
    }


def sentence_transformers() -> dict[str, Any]:
    class Encoder:
        """As far as an evaluator sees one."""

        def encode(self, texts: list[str], **_: Any) -> Any:
            return torch.stack(
                [torch.randn(4, generator=torch.Generator().manual_seed(len(t))) for t in texts]
            ).numpy()

    texts = ["a" * n for n in range(40)]
    stored = types.SimpleNamespace(set_evaluation_metrics=lambda *_: None)
    model = Encoder()
    model.model_card_data = stored  # type: ignore[attr-defined]
    return {"texts": texts, "in_other_words": texts, "model": model}


PRELUDES: dict[str, Callable[[], dict[str, Any]]] = {
    "lightning": lightning,
    "transformers": transformers,
    "sentence_transformers": sentence_transformers,
}


@pytest.mark.libraries
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: "+".join(sorted(libraries(block))) or "core")
def test_a_block_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recorded: list[Any] = []
    for name in libraries(block):
        if name in STAND_INS:
            functions = dict.fromkeys(STAND_INS[name], lambda *a, **k: recorded.append((a, k)))
            monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(**functions))
        else:
            pytest.importorskip(name)
    names = basics()
    for name in libraries(block) & set(PRELUDES):
        names |= PRELUDES[name]()
    exec(block, names)
    if libraries(block) & set(STAND_INS):
        ((numbers,), _) = recorded[0]
        assert all(type(value) in (float, int) for value in numbers.values())
        assert numbers["collapse/samples"] == 32


def test_the_levels_of_the_guide_are_those_that_are_named() -> None:
    """ln 256 and so on, to three decimals, under the names that a record gives."""
    levels = chance_levels(256, 8, queue=65536, prototypes=65536)
    rows = re.findall(r"\| (ln[^|]+) \| [^|]*: ([\d.]+) \|", GUIDE)
    assert len(rows) == 5
    for names, value in rows:
        first, *others = names.replace("−", "-").split(", ")
        assert levels[first] == pytest.approx(float(value), abs=5e-4)
        assert set(others) <= set(levels)
    assert math.isclose(math.log(65536), 11.09, abs_tol=1e-3)


def test_every_warning_is_in_the_guide() -> None:
    table = GUIDE.partition("| warning |")[2].partition("\n\n")[0]
    kinds = set(re.findall(r"^\| ([a-z ]+) \|", table, flags=re.MULTILINE))
    assert kinds == set(Kind.__args__)  # type: ignore[attr-defined]
