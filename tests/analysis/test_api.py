"""The Python API: what `__all__` names, what it weighs, its types, its examples, and that it says what the commands say."""

from __future__ import annotations

import doctest
import inspect
import json
import os
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import numpy
import pytest

import collapse_cli as collapse
from collapse_cli.analysis.keywords import Settings
from collapse_cli.cli import main
from collapse_cli.settings import fill

ROOT = Path(__file__).parents[2]
SIGNATURES = Path(__file__).with_name("signatures.json")
FUNCTIONS = [name for name in collapse.__all__ if name.islower()]
HEAVY = {"torch", "numpy", "matplotlib", "typer", "rich", "jinja2", "pandas"}


def imported_by(script: str, names: set[str]) -> set[str]:
    """Those of the modules that a fresh Python has imported after the script."""
    script += f"\nimport sys, json; print(json.dumps(sorted({names!r} & set(sys.modules))))"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    return set(json.loads(ended.stdout.splitlines()[-1]))


def test_the_import_is_light() -> None:
    assert (
        imported_by("import collapse_cli as collapse; dir(collapse); collapse.CollapseError", HEAVY) == set()
    )


def test_measuring_and_printing_need_neither_matplotlib_nor_jinja2() -> None:
    script = "import numpy, collapse_cli; r = collapse_cli.spectrum(numpy.eye(9)); str(r), r.to_dict()"
    assert imported_by(script, {"matplotlib", "jinja2", "pandas", "typer"}) == set()


def test_all_names_are_there_and_have_one_home() -> None:
    homes = [name for names in collapse.HOMES.values() for name in names]
    assert sorted(homes) == sorted(collapse.__all__) == list(collapse.__all__)
    for home, names in collapse.HOMES.items():
        for name in names:
            assert getattr(collapse, name).__module__ == f"collapse_cli.{home}"


def test_no_submodule_has_the_name_of_a_public_function() -> None:
    """`import collapse_cli.causes` would put the module in the function's place."""
    assert not {module.name for module in pkgutil.iter_modules(collapse.__path__)} & set(collapse.__all__)


def test_the_functions_stay_functions_whatever_is_imported() -> None:
    for module in pkgutil.walk_packages(collapse.__path__, "collapse_cli."):
        if module.name.startswith(
            ("collapse_cli.analysis", "collapse_cli.commands", "collapse_cli.root_causes")
        ):
            import_module(module.name)
    assert [name for name in FUNCTIONS if not inspect.isfunction(getattr(collapse, name))] == []


def test_star_imports_what_all_names() -> None:
    names: dict[str, Any] = {}
    exec("from collapse_cli import *", names)
    assert set(names) - {"__builtins__"} == set(collapse.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'spectra'"):
        collapse.spectra  # noqa: B018


@pytest.mark.parametrize("name", [*FUNCTIONS, "CollapseMonitor", "Result"])
def test_the_example_of(name: str) -> None:
    """Each docstring has an example, which gives what it says."""
    thing = getattr(collapse, name)
    source = vars(import_module(thing.__module__))
    examples = doctest.DocTestFinder(recurse=False).find(thing, name, globs=dict(source))
    assert examples[0].examples
    assert doctest.DocTestRunner().run(examples[0]).failed == 0


def signatures() -> dict[str, str]:
    """Those of the functions, with the name of a default that is a function, and the settings that all of them take."""
    texts = {name: str(inspect.signature(getattr(collapse, name))) for name in FUNCTIONS}
    settings = (f"{k}: {inspect.formatannotation(v)}" for k, v in get_type_hints(Settings).items())
    monitor = collapse.CollapseMonitor
    names = (
        "__init__",
        "watch",
        "update",
        "note_loss",
        "compute",
        "reset",
        "merge_state",
        "state_dict",
        "load_state_dict",
        "close",
    )
    texts |= {f"CollapseMonitor.{name}": str(inspect.signature(getattr(monitor, name))) for name in names}
    named = {name: re.sub(r"<function (\w+) at \w+>", r"\1", text) for name, text in texts.items()}
    return named | {"**settings": ", ".join(settings)}


def test_signatures_are_a_contract() -> None:
    written = json.loads(SIGNATURES.read_text())
    changed = {k: v for k, v in signatures().items() if written.get(k) != v}
    assert signatures() == written, (
        f"the API has changed: {sorted(changed)}. If that is meant, say so in CHANGELOG.md and write the new list with\n"
        f"PYTHONPATH=. python {Path(__file__).relative_to(ROOT)}"
    )


def test_settings_are_those_of_the_commands() -> None:
    """Every field of `Measuring` is a keyword with its type, but that folders may be paths and groups arrays.

    `labels` is an argument of its own.
    """
    from collapse_cli.analysis.measuring import Measuring

    fields, keywords = get_type_hints(Measuring), get_type_hints(Settings)
    assert set(keywords) == set(fields) - {"labels"}
    assert {k for k in keywords if keywords[k] != fields[k]} == {"data_dir", "groups"}
    assert fill(Measuring, {"samples": 5}).samples == 5


def test_users_see_types(tmp_path: Path) -> None:
    script = tmp_path / "typed.py"
    script.write_text(TYPED)
    (tmp_path / "mypy.ini").write_text(LIBRARIES)
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(script)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    notes = [
        line.rpartition("Revealed type is ")[2] for line in ended.stdout.splitlines() if "Revealed" in line
    ]
    assert notes == ['"collapse_cli.analysis.result.Result"', '"str"', '"collapse_cli.shapes.Embeddings"']
    assert [line for line in ended.stdout.splitlines() if ": error" in line and "typed.py" in line] == [
        next(line for line in ended.stdout.splitlines() if "sampels" in line)
    ]


LIBRARIES = """
[mypy]
[mypy-torch.*,torchvision.*,sklearn.*,scipy.*,matplotlib.*,pandas.*,pyarrow.*,rich.*,jinja2.*]
follow_imports = skip
follow_imports_for_stubs = True
ignore_missing_imports = True
"""

TYPED = """
from pathlib import Path
import numpy, torch
import collapse_cli as collapse

z = numpy.zeros((4, 2))
result = collapse.diagnose(z, labels=["a", "b", "a", "b"], seed=1)
reveal_type(result)
reveal_type(result.status)
embeddings = collapse.embed(torch.nn.Flatten(), torch.zeros(4, 1, 2, 2))
reveal_type(embeddings)
subject = collapse.load(embeddings)
collapse.compare(subject, torch.zeros(4, 2), Path("runs/a"), "runs/b")
page: Path = collapse.report(z, "page.html")
try:
    collapse.check(z, require=["effective_rank >= 2"])
except collapse.CollapseError as error:
    print(error.hint)
collapse.spectrum(z, sampels=5)
"""


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two files of embeddings, the second of few dimensions, and their labels."""
    folder = tmp_path_factory.mktemp("stored")
    rng = numpy.random.default_rng(0)
    z = rng.standard_normal((300, 12))
    numpy.save(folder / "flat.npy", z)
    numpy.save(folder / "steep.npy", z * 0.5 ** numpy.arange(12))
    numpy.save(folder / "labels.npy", numpy.arange(300) % 3)
    return {path.stem: str(path) for path in folder.iterdir()}


def printed_by(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    """What a command prints with --json, but for what was typed."""
    main([*argv, "--json", "--quiet"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document | {"argv": []}


@pytest.mark.parametrize(
    "name", ["spectrum", "alignment", "oracle", "probe", "diagnose", "causes", "weights", "check"]
)
def test_the_command_says_the_same_of_a_run(name: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fresh = {"fresh": True} if name == "check" else {}
    answered = getattr(collapse, name)(run, **fresh).to_dict()
    assert json.loads(json.dumps(answered)) == printed_by(
        capsys, name, str(run), *(["--fresh"] if fresh else [])
    )


def test_the_command_says_the_same_with_options(
    stored: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    flat, steep, labels = stored["flat"], stored["steep"], stored["labels"]
    cases = [
        (collapse.compare(flat, steep, baseline=steep), ["compare", flat, steep, "--baseline", steep]),
        (collapse.alignment(flat, steep, pair=True), ["alignment", flat, steep, "--pair"]),
        (collapse.probe(flat, labels=labels, k=5), ["probe", flat, "--labels", labels, "--k", "5"]),
        (collapse.oracle(dataset="cifar100"), ["oracle", "--dataset", "cifar100"]),
        (
            collapse.check(steep, require=["active >= 5"], baseline=flat, tolerance="1%", labels=labels),
            ["check", steep, "--require", "active >= 5", "--baseline", flat, "--tolerance", "1%", "--labels", labels],
        ),
    ]  # fmt: skip
    for result, argv in cases:
        assert json.loads(json.dumps(result.to_dict())) == printed_by(capsys, *argv), argv


def test_an_array_has_the_numbers_of_its_file(stored: dict[str, str]) -> None:
    of_file, of_array = (
        collapse.spectrum(source).to_dict()["results"][0]["metrics"]
        for source in (stored["steep"], numpy.load(stored["steep"]))
    )
    assert of_array == of_file


def test_a_report_is_one_page_of_what_the_input_allows(stored: dict[str, str], tmp_path: Path) -> None:
    text = collapse.report(numpy.load(stored["flat"]), tmp_path / "page.html").read_text()
    assert [title for title in ("Evidence", "Spectrum and", "Probes of", "Layers") if title in text] == [
        "Evidence",
        "Spectrum and",
    ]
    with pytest.raises(collapse.CollapseError, match="unknown suffix"):
        collapse.report(numpy.eye(9), tmp_path / "page.pdf")


if __name__ == "__main__":
    SIGNATURES.write_text(json.dumps(signatures(), indent=2) + "\n")
