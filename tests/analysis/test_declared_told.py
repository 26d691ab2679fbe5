"""What is declared once and read everywhere: defaults, ranges, flags of the catalogue; what is shared cannot be changed."""

from __future__ import annotations

import dataclasses
import inspect
import pkgutil
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

import pytest

import collapse_cli as collapse
from collapse_cli import analysis
from collapse_cli.analysis.catalogue import CATALOGUE, JUDGEMENTS, owners, portrait, wanted
from collapse_cli.analysis.loading import measuring
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.errors import CollapseError

ROWS = CATALOGUE | JUDGEMENTS


def anew(name: str) -> ModuleType:
    """The module run once more, for here its declarations are tested, which run when it is imported."""
    spec = find_spec(import_module(name).__name__)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parameters(name: str) -> dict[str, inspect.Parameter]:
    """Those of a measurement's function."""
    function = ROWS[name].measure
    return dict(inspect.signature(getattr(anew(function.__module__), function.__name__)).parameters)


def declared() -> list[Any]:
    """Every dataclass that a module of the analysis declares."""
    modules = [anew(each.name) for each in pkgutil.iter_modules(analysis.__path__, f"{analysis.__name__}.")]
    values = [value for module in modules for value in vars(module).values() if inspect.isclass(value)]
    names = {module.__name__ for module in modules}
    classes = [value for value in values if dataclasses.is_dataclass(value) and value.__module__ in names]
    return list({f"{value.__module__}.{value.__name__}": value for value in reversed(classes)}.values())


def test_what_is_shared_cannot_be_changed() -> None:
    """What was computed once is handed to whoever asks, so nobody may change it; `Seen` alone is filled image by image."""
    classes = declared()
    assert [each.__name__ for each in classes if not each.__dataclass_params__.frozen] == ["Seen"]
    assert len(classes) > 25


def test_a_subject_is_itself_alone() -> None:
    """Tensors cannot be compared by ==, so what holds them is compared and hashed by which it is."""
    without = {each.__name__ for each in declared() if not each.__dataclass_params__.eq}
    assert without == {"Subject", "Compared"}


def test_how_an_input_is_measured_where_nothing_is_said() -> None:
    """As the documents say: 10,000 samples, seed 0, nothing downloaded, nothing centred, no broken image skipped."""
    usual = Measuring()
    assert (usual.samples, usual.seed, usual.size) == (10_000, 0, 0)
    assert not any((usual.download, usual.centre, usual.skip_broken))
    texts = (
        "dataset",
        "data_dir",
        "column",
        "groups",
        "second",
        "views_of",
        "labels",
        "label_column",
        "image_column",
    )
    assert {getattr(usual, name) for name in texts} == {""}
    assert (usual.split, usual.device, usual.unpack, usual.background) == ("auto", "auto", "none", "auto")
    assert usual.decisive == {"split": "auto", "samples": 10_000, "dataset": "", "seed": 0}


@pytest.mark.parametrize(("name", "least"), [("samples", 2), ("seed", 0)])
def test_numbers_have_a_least_value(name: str, least: int) -> None:
    """A single embedding has no variance."""
    assert getattr(measuring({name: least}), name) == least  # type: ignore[misc]
    with pytest.raises(CollapseError):
        measuring({name: least - 1})  # type: ignore[misc]


def test_what_changes_a_number_is_in_an_answer() -> None:
    """What few inputs have stands there only where it was given; where images lie, and what computes, changes nothing."""
    plain = Measuring().decisive
    for name, value in (
        ("centre", True),
        ("groups", "g.txt"),
        ("skip_broken", True),
        ("background", "white"),
    ):
        assert Measuring(**{name: value}).decisive == plain | {name: value}
    assert Measuring(labels="l.txt").decisive == plain | {"labels_file": "l.txt"}
    assert Measuring(device="cpu", data_dir="x", download=True).decisive == plain


@pytest.mark.parametrize(
    ("dataset", "trained_on", "split", "settled"),
    [
        ("digits", "", "auto", "train"), ("digits", "digits", "auto", "train"), ("", "", "auto", "train"),
        ("folder:x", "", "auto", "all"), ("folder:x", "digits", "auto", "all"),
        ("folder:x", "folder:x", "auto", "train"), ("folder:x", "", "test", "test"), ("digits", "", "all", "all"),
    ],
)  # fmt: skip
def test_the_split_that_is_measured(dataset: str, trained_on: str, split: Any, settled: str) -> None:
    """Of a folder that the network was not trained on nothing is held out, so all of it is measured."""
    assert Measuring(split=split).settled(dataset, trained_on).split == settled


def flagged(flag: str) -> set[str]:
    return {name for name, row in ROWS.items() if getattr(row, flag)}


def test_flags_of_the_catalogue() -> None:
    """grouped: intervals that leave out groups as wholes; streams: all rows of a file; always: a gate measures it unasked."""
    assert flagged("grouped") == {"spectrum", "diagnose"}
    assert flagged("streams") == {"spectrum", "hubness", "weights", "diagnose", "causes"}
    assert flagged("always") == {"spectrum", "alignment"}
    assert flagged("command") == {*CATALOGUE} - {"isotropy", "hubness", "view_ratio", "dormant"}
    unasked = ("hubness", "lidar", "coverage", "weights", "layers")
    assert {*ROWS} - flagged("portrait") == {*unasked}
    assert portrait() == tuple(name for name in CATALOGUE if name not in unasked)
    assert set(flagged("needs")) == {
        "view_ratio", "oracle", "probe", "clusters", "classes", "lidar", "coverage", "weights", "layers", "causes",
    }  # fmt: skip


def test_what_is_wanted_is_measured_and_no_more() -> None:
    assert wanted([]) == ("spectrum", "alignment")
    assert wanted(["linear.h"]) == ("spectrum", "alignment", "probe")
    assert wanted(["lidar.lidar.z", "cdnv"]) == ("spectrum", "alignment", "classes", "lidar")
    assert owners()["std_sqrt_d"] == "spectrum"


@pytest.mark.parametrize("name", [name for name in ROWS if hasattr(collapse, name)])
def test_a_measurement_has_the_defaults_of_its_python_function(name: str) -> None:
    """Else an answer would say of a usual setting that it was chosen. Settings of how an input is read are not its own."""
    mine = parameters(name)
    told = inspect.signature(getattr(collapse, name)).parameters
    shared = [option for option in mine if option in told]
    assert {option: mine[option].default for option in shared} == {
        option: told[option].default for option in shared
    }


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("lidar", {"views": 10, "images": 1000, "delta": 1e-4, "absolute": False}),
        ("layers", {"layer": (), "every_layer": False, "count": 1000, "views": 5}),
        ("coverage", {"k": 5, "space": "", "width": 0.0}),
        ("probe", {"per_class": 10, "replications": 3, "k": 20, "temperature": 0.07}),
        ("oracle", {"queue": 0, "temperature": 0.0, "batch": 0}),
        ("causes", {"strength": 0.0, "recipe": "", "try_epochs": 0}),
        ("clusters", {"count": 0}),
        ("classes", {"unit": False}),
    ],
)
def test_usual_options_of_a_measurement(name: str, defaults: dict[str, Any]) -> None:
    """Those of the papers and of the documents."""
    assert {
        n: p.default for n, p in parameters(name).items() if p.default is not inspect.Parameter.empty
    } == defaults
