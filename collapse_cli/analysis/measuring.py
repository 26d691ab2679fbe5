"""How an input is read and measured: every knob of that, on one page. Nothing here needs torch until a device is asked for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.settings import knob

if TYPE_CHECKING:
    import torch

DECISIVE = ("split", "samples", "dataset", "seed")  # where images lie and what computes changes no number


@dataclasses.dataclass(frozen=True)
class Sampled:
    """What is embedded, and where."""

    split: Literal["train", "test", "all"] = knob("train", "images of the run's data set that are embedded")
    samples: int = knob(
        10000,
        "images, or rows of a file, at most, drawn without replacement, N; spectrum reads all rows of a file",
        low=2,
    )
    dataset: str = knob("", "another data set than the run's own")
    data_dir: str = knob("", "folder of the data sets (or COLLAPSE_DATA_DIR)")
    download: bool = knob(False, "fetch a missing data set")
    device: str = knob("auto", "auto, cpu, cuda, cuda:N or mps")
    seed: int = knob(0, "of samples, views and nulls", low=0)


@dataclasses.dataclass(frozen=True)
class Columns:
    """What a table does not say for itself."""

    column: str = knob(
        "",
        "which columns of a table are the embeddings: a column of lists, the stem of numbered ones, or names between commas",
    )


@dataclasses.dataclass(frozen=True)
class Measuring(Columns, Choices, Sampled):
    """What is measured of a run, of another library's checkpoint or of embeddings, and where."""

    labels: str = knob(
        "", "labels of one file of embeddings: .npy .npz .pt, or .csv .tsv .txt with one on each line"
    )

    @property
    def decisive(self) -> dict[str, Any]:
        """The settings that change a number."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name in DECISIVE}


def device(name: str) -> torch.device:
    """`auto` takes a GPU where there is one. Raises CollapseError for a device that is not there."""
    import torch

    if name == "auto":
        mps = torch.backends.mps.is_available()
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if mps else "cpu")
    try:
        wanted = torch.device(name)
        torch.empty(1, device=wanted)
    except (RuntimeError, AssertionError):
        raise CollapseError(
            f"no device '{name}' on this machine", "see `collapse env`; --device auto takes the best"
        ) from None
    return wanted
