"""How an input is read and measured: every knob of that, on one page. Nothing here needs torch until a device is asked for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from collapse_cli.data import is_source, place
from collapse_cli.errors import CollapseError
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.settings import ImageFiles, knob
from collapse_cli.shapes import Unpacking

if TYPE_CHECKING:
    import torch

Some = TypeVar("Some")

DECISIVE = ("split", "samples", "dataset", "seed")  # where images lie and what computes changes no number
RARE = (
    *("groups", "second", "views_of", "centre"),
    *("label_column", "image_column", "skip_broken", "background"),
)


@dataclasses.dataclass(frozen=True)
class Sampled:
    """What is embedded, and where."""

    split: Literal["auto", "train", "test", "all"] = knob(
        "auto",
        "images of the data set that are embedded; auto: train, and all of a folder or parquet set that the network was not "
        "trained on",
    )
    samples: int = knob(
        10000,
        "images, or embeddings of a file, at most, sampled without replacement, N; spectrum "
        "reads all embeddings of a file",
        low=2,
    )
    dataset: str = knob("", "a data set other than the run's own")
    data_dir: str = knob("", "folder of the data sets (or COLLAPSE_DATA_DIR)")
    download: bool = knob(False, "download a missing data set")
    device: str = knob("auto", "device: auto, cpu, cuda, cuda:N or mps")
    seed: int = knob(0, "seed of samples, views and nulls", low=0)


@dataclasses.dataclass(frozen=True)
class Columns:
    """What a table does not say for itself."""

    column: str = knob(
        "",
        "columns of a table that are the embeddings: a column of lists, the stem of numbered "
        "columns, or names with commas between them",
    )


@dataclasses.dataclass(frozen=True)
class Measuring(Columns, ImageFiles, Choices, Sampled):
    """What is measured of a run, of another library's checkpoint or of embeddings, and where."""

    unpack: Unpacking = knob(
        "none",
        "embeddings stored as whole numbers: bits unpacks each byte into 8 dimensions of -1 and "
        "1; scale dequantises by the scale and zero_point, or the ranges, in the file",
    )

    groups: str = knob(
        "",
        "groups of embeddings that are not independent, such as those of one user, video or "
        "document: a FILE as for --labels, or a COLUMN or array of the input; used for intervals "
        "and the effective number of embeddings",
    )

    second: str = knob("", "another view of the same images: a file of embeddings in the same order")
    views_of: str = knob(
        "",
        "the image of which each embedding is a view: a FILE as for --labels, or a COLUMN or "
        "array of the input",
    )
    centre: bool = knob(
        False,
        "subtract the mean embedding before measuring; the verdict still reports whether the mean dominates",
    )

    def settled(self, dataset: str, trained_on: str = "") -> Measuring:
        """With the split that `auto` means for a data set, and for a network that was trained on another or on this one."""
        if self.split != "auto":
            return self
        held_out = not is_source(dataset) or place(dataset) == place(trained_on)
        return dataclasses.replace(self, split="train" if held_out else "all")

    @property
    def decisive(self) -> dict[str, Any]:
        """The settings that change a number; of those that few inputs have only the ones that were given."""
        settings, usual = dataclasses.asdict(self), dataclasses.asdict(Measuring())
        decisive = {name: settings[name] for name in DECISIVE}
        decisive |= {name: settings[name] for name in RARE if settings[name] != usual[name]}
        # beside `labels`, by which an answer says whether it had any
        return decisive | ({"labels_file": self.labels} if self.labels else {})


def device(name: str) -> torch.device:
    """`auto` takes a GPU where there is one. Raises CollapseError for a device that is not there."""
    import torch

    if name == "auto":
        mps = torch.backends.mps.is_available()
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if mps else "cpu")
    try:
        chosen = torch.device(name)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError):
        raise CollapseError(
            f"there is no device '{name}' on this machine",
            "`collapse env` lists the devices; --device auto takes the best",
        ) from None
    return chosen


def placed(rows: Some, name: str) -> Some:
    """rows (N,D), on the device of this name if it is a GPU with room for several times as many; what is read in parts stays."""
    import torch

    where = device(name)
    if where.type != "cuda" or not isinstance(rows, torch.Tensor):
        return rows
    free, _ = torch.cuda.mem_get_info(where)
    return cast("Some", rows.to(where) if 8 * rows.nbytes < free else rows)
