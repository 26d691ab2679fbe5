"""The composite action that users gate a model with: its steps, run as GitHub runs them.

The step that installs is left out: where it would put the command, a link to the one of this environment stands in its place.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy
import pytest
import yaml

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "examples" / "action"
ACTION: dict[str, Any] = yaml.safe_load((FOLDER / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


@pytest.fixture
def work(tmp_path: Path, warm: Path) -> Path:
    """A checkout with embeddings in 16 dimensions, all of them used and only 3; and the runner's folder for temporary files."""
    rows = numpy.random.default_rng(0).standard_normal((400, 16))
    numpy.save(tmp_path / "sound.npy", rows)
    numpy.save(tmp_path / "few dimensions.npy", rows * ([1.0] * 3 + [0.01] * 13))
    command = tmp_path / "temporary" / "collapse" / "bin" / "collapse"
    command.parent.mkdir(parents=True)
    command.symlink_to(warm)
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def given(inputs: dict[str, str]) -> dict[str, str]:
    """The inputs as the runner hands them on: the defaults of those that are not given."""
    assert set(inputs) <= set(ACTION["inputs"])
    missing = [
        name for name, about in ACTION["inputs"].items() if about.get("required") and name not in inputs
    ]
    assert not missing
    return {name: inputs.get(name, str(about.get("default", ""))) for name, about in ACTION["inputs"].items()}


def checked(work: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The step that checks, by the shell and with the environment that the runner would give it."""
    values = given({name.replace("_", "-"): value for name, value in inputs.items()})
    (step,) = [step for step in STEPS if step["name"] == "Check"]
    expression = re.compile(r"\$\{\{ inputs\.([a-z-]+) \}\}")
    variables = {name: expression.sub(lambda m: values[m[1]], text) for name, text in step["env"].items()}
    script = work / "temporary" / "script.sh"
    script.write_text(step["run"])
    environment = os.environ | variables | {
        "GITHUB_STEP_SUMMARY": str(work / "summary.md"),
        "GITHUB_ACTION_PATH": str(FOLDER),
        "RUNNER_TEMP": str(work / "temporary"),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    return subprocess.run(shell, cwd=work, env=environment, capture_output=True, text=True)


def annotated(ended: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in (ended.stdout + ended.stderr).splitlines() if line.startswith("::")]


def test_a_sound_model_passes(work: Path) -> None:
    """Isotropic embeddings have nearly 16 dimensions; the baseline is written, and passes itself in the next workflow."""
    ended = checked(work, path="sound.npy", require="effective_rank.h >= 15\n\n", save_baseline="base.json")
    assert (ended.returncode, annotated(ended)) == (0, []), ended.stderr
    summary = (work / "summary.md").read_text()
    assert summary.splitlines() == ["## collapse check", "", r"**sound\.npy**: 2 checks passed\.", ""]
    ended = checked(work, path="sound.npy", baseline="base.json", only="effective_rank,uniformity")
    assert ended.returncode == 0, ended.stderr


def test_a_model_that_lost_rank_fails(work: Path) -> None:
    """Of 16 dimensions about 3 are left: an annotation of the requirement, of the baseline, and of what --strict makes of it."""
    assert checked(work, path="sound.npy", save_baseline="base.json").returncode == 0
    ended = checked(
        work,
        path="few dimensions.npy",
        require="effective_rank.h >= 12\neffective_rank.h >= 95% of baseline\n",
        baseline="base.json",
        only="active",
        tolerance="10%\nactive=2",
        strict="true",
        save_baseline="base.json",
    )
    kept = (work / "base.json").read_text()
    assert ended.returncode == 1, ended.stderr
    lines = annotated(ended)
    assert len(lines) == 4
    assert all(line.startswith("::error title=collapse check%3A few dimensions.npy::") for line in lines)
    assert re.search(r"effective_rank\.h [0-9.]+ ± [0-9.]+ is below 12$", lines[1])
    assert "(95%25 of the baseline's 15.7)" in lines[2]
    assert lines[3].endswith("active.h 3 ± 0 is below 14 (the baseline's 16 less 2)")
    assert "::h: dimensional collapse: " in lines[0]
    summary = (work / "summary.md").read_text()
    assert summary.count("✗ FAIL") == 4
    assert r"few dimensions\.npy" in summary
    assert '"path": "sound.npy"' in kept


def test_what_cannot_be_decided_may_pass(work: Path) -> None:
    """Twelve embeddings in 16 dimensions say too little."""
    numpy.save(work / "small.npy", numpy.random.default_rng(0).standard_normal((12, 16)))
    ended = checked(work, path="small.npy")
    assert ended.returncode == 3
    assert [line.partition(" ")[0] for line in annotated(ended)] == ["::warning"]
    assert checked(work, path="small.npy", inconclusive="pass").returncode == 0


@pytest.mark.parametrize(
    "text",
    ["$(touch pwned) `touch pwned` '; touch pwned; ' \"; touch pwned; \"", "--help"],
    ids=["shell", "option"],
)
def test_an_input_is_no_code(text: str, work: Path) -> None:
    """Of a shell, or of the command's options: it is a path that is not there, and a requirement that cannot be read."""
    ended = checked(work, path=text)
    assert ended.returncode == 2
    assert len(annotated(ended)) == 1
    ended = checked(work, path="sound.npy", require=text)
    assert ended.returncode == 2
    assert "is no requirement" in ended.stderr
    assert not (work / "pwned").exists()


def test_no_script_holds_an_expression() -> None:
    """GitHub pastes the value of one into a script: an input would be code. Every input is handed on by the environment."""
    scripts = [step["run"] for step in STEPS if "run" in step]
    assert len(scripts) == 2
    assert not [script for script in scripts if "${{" in script]
    handed = " ".join(value for step in STEPS for value in step.get("env", {}).values())
    assert {name for name in ACTION["inputs"] if f"inputs.{name} " not in handed} == set()


def test_what_it_uses_is_pinned() -> None:
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    assert all(PINNED.fullmatch(name) for name in used)


def test_it_installs_the_version_that_it_is_of() -> None:
    """The action's folder is two below the project's."""
    (step,) = [step for step in STEPS if step["name"] == "Install"]
    assert '"$GITHUB_ACTION_PATH/../.."' in step["run"]
    assert (FOLDER / ".." / ".." / "pyproject.toml").is_file()
    assert (FOLDER / ".." / ".." / "constraints.txt").is_file()
    syntax = subprocess.run(["bash", "-n"], input=step["run"], text=True, capture_output=True)
    assert syntax.returncode == 0, syntax.stderr


def test_five_lines_are_enough() -> None:
    """Those at its head are a step of a workflow, and give inputs that it has."""
    text = (FOLDER / "action.yml").read_text()
    lines = [line.removeprefix("#     ") for line in text.splitlines() if line.startswith("#     ")]
    assert len(lines) <= 5
    (step,) = yaml.safe_load("\n".join(lines))
    assert step["uses"].startswith("OWNER/collapse/examples/action@v")
    assert given(step["with"])["require"] == "effective_rank.h >= 20"
