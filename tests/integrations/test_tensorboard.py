"""What TensorBoard itself reads back of the monitor's records."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from collapse_cli.errors import CollapseError
from collapse_cli.integrations.scalars import scalars
from collapse_cli.integrations.tensorboard import TensorBoardSink

LOOK = {"step": 50, "samples": 256, "finite": True, "variance": 0.75}
WARNING = {"warning": "complete collapse", "message": "Complete collapse at step 100."}


def test_only_finite_numbers_are_handed_on() -> None:
    """Texts, None, nan and infinity are left out; a truth is 1 or 0; step and schema are no measurements."""
    record = LOOK | {"alignment": None, "loss": math.nan, "scale": math.inf, "chance_level": "ln B"}
    assert scalars(record) == {"collapse/samples": 256.0, "collapse/finite": 1.0, "collapse/variance": 0.75}
    assert {type(value) for value in scalars(record).values()} == {float}
    assert scalars({"variance": 1, "step": 3}, "z/") == {"z/variance": 1.0}


@pytest.mark.libraries
def test_tensorboard_reads_the_curves_and_the_texts(tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with TensorBoardSink(tmp_path) as sink:
        sink(LOOK)
        sink(LOOK | {"step": 100, "variance": 0.25, "alignment": None} | WARNING)
    events = accumulators.EventAccumulator(str(tmp_path)).Reload()
    tags = events.Tags()
    assert sorted(tags["scalars"]) == ["collapse/finite", "collapse/samples", "collapse/variance"]
    assert [(e.step, e.value) for e in events.Scalars("collapse/variance")] == [(50, 0.75), (100, 0.25)]
    (tag,) = tags["tensors"]
    (text,) = events.Tensors(tag)
    assert tag == "collapse/warning/text_summary"
    assert text.step == 100
    assert text.tensor_proto.string_val[0].decode() == "Complete collapse at step 100."


@pytest.mark.libraries
def test_a_writer_that_is_handed_in_stays_open(tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(tmp_path)
    with TensorBoardSink(writer=writer, prefix="") as sink:
        sink(LOOK)
    writer.add_scalar("theirs", 1.0, 1)
    writer.close()
    tags = accumulators.EventAccumulator(str(tmp_path)).Reload().Tags()["scalars"]
    assert sorted(tags) == ["finite", "samples", "theirs", "variance"]


def test_the_remedy_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(CollapseError) as error:
        TensorBoardSink(tmp_path)
    assert error.value.hint == "install it with: pip install 'collapse-cli[tensorboard]'"


def test_a_folder_or_a_writer_is_needed() -> None:
    with pytest.raises(CollapseError, match="needs a folder or a writer"):
        TensorBoardSink()
