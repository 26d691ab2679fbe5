"""The built wheel, in an environment that holds nothing but it and the dependencies that it declares: make wheel"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from collapse_cli.guide import pages

pytestmark = pytest.mark.wheel
ROOT = Path(__file__).parent.parent
SOURCES = ("pyproject.toml", "README.md", "collapse_cli")


def run(*command: str | Path) -> str:
    """What a command prints; it sees no other package than those of its own environment."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=clean)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def python(environment: Path, script: str) -> str:
    """What a script prints there; isolated, as the folder that the tests run in holds the package's sources."""
    return run(environment / "bin" / "python", "-I", "-c", script).strip()


def needed(declared: Iterable[str], extras: Iterable[str] = ()) -> Iterator[Requirement]:
    """The declared requirements that hold on this system, with these extras."""
    for requirement in map(Requirement, declared):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def closure(wheel: Distribution) -> dict[str, Distribution]:
    """The installed distributions that the wheel needs, and all that these need in turn, by name."""
    installed: dict[str, Distribution] = {}
    extras: dict[str, set[str]] = {}
    waiting = list(needed(wheel.requires or ()))
    while waiting:
        requirement = waiting.pop()
        name = requirement.name
        if name in installed and requirement.extras <= extras[name]:
            continue
        extras[name] = extras.get(name, set()) | requirement.extras
        installed[name] = distribution(name)
        waiting += needed(installed[name].requires or (), extras[name])
    return installed


def link(installed: Distribution, packages: Path) -> None:
    """Link a distribution into another environment's packages: a copy of torch would take gigabytes."""
    for top in {file.parts[0] for file in installed.files or ()} - {"..", "__pycache__"}:
        if not (packages / top).exists():
            (packages / top).symlink_to(Path(str(installed.locate_file(top))))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that what an earlier build has left in `build/` cannot get into it."""
    source, wheels = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheels")
    for name in SOURCES:
        whole = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        whole(ROOT / name, source / name)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*pip, "--wheel-dir", wheels, source)
    (wheel,) = wheels.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def environment(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the wheel and links to its dependencies, and no other package."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    pip = (sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet")
    run(*pip, "--no-deps", "--no-index", built)
    packages = Path(python(folder, "import sysconfig; print(sysconfig.get_path('purelib'))"))
    (wheel,) = distributions(name="collapse-cli", path=[str(packages)])
    for installed in closure(wheel).values():
        link(installed, packages)
    return folder


def files(package: Path) -> set[str]:
    """The files of a package, without what Python compiles by itself."""
    return {
        str(path.relative_to(package))
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_the_package_and_its_data_are_in_the_wheel(environment: Path) -> None:
    package = Path(python(environment, "import collapse_cli; print(collapse_cli.__file__)")).parent
    assert package.is_relative_to(environment)
    assert {
        "views/page/page.html",
        "views/page/page.css",
        "views/page/page.js",
        "views/schema.json",
        "guide/verdict.md",
        "guide/metrics/spectrum.md",
        "guide/images/metrics-spectrum.svg",
        "py.typed",
    } <= files(package)
    assert files(package) == files(ROOT / "collapse_cli")


def test_nothing_else_is_there(environment: Path) -> None:
    """Or the test below could not see a dependency that is used and not declared."""
    script = "import importlib.util as util; print(util.find_spec('pytest'), util.find_spec('torch') is None)"
    assert python(environment, script).split() == ["None", "False"]


def test_its_commands_run(environment: Path, tmp_path: Path) -> None:
    collapse = environment / "bin" / "collapse"
    assert "Start here" in run(collapse, "--help")
    assert "complete collapse" in run(collapse, "demo", "--quick", "--out", tmp_path / "demo")
    assert {"demo.png", "index.html"} <= {path.name for path in (tmp_path / "demo").iterdir()}


def test_it_explains(environment: Path) -> None:
    """The pages are in the wheel, and a section is looked up in every one of them."""
    collapse = environment / "bin" / "collapse"
    assert run(collapse, "explain", "healthy").startswith("The verdict: has it collapsed? (page verdict)")
    names = "from collapse_cli.guide.pages import names; print(len(names()))"
    assert python(environment, names) == str(len(pages.names()))
