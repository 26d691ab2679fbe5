"""The notebook among the examples runs as it stands, and its saved outputs are those of a whole run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"


@pytest.fixture(scope="module")
def saved() -> Any:
    return pytest.importorskip("nbformat").read(NOTEBOOK, as_version=4)


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def printed(notebook: Any) -> str:
    return "".join(output.get("text", "") for output in outputs(notebook))


def test_it_was_saved_after_a_whole_run(saved: Any) -> None:
    code = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert {output.output_type for output in outputs(saved)} <= {"stream", "display_data", "execute_result"}
    assert {output.name for output in outputs(saved) if output.output_type == "stream"} == {"stdout"}
    assert any(
        "data:image/png" in output.data.get("text/html", "") for output in outputs(saved) if "data" in output
    )


def test_it_is_small_and_names_no_machine(saved: Any) -> None:
    text = NOTEBOOK.read_text()
    assert len(text) < 300_000
    assert not re.findall(r"/(?:home|root|tmp|usr|work|Users)/", text)
    assert set(saved.metadata) == {"kernelspec", "language_info"}
    assert not any(cell.metadata for cell in saved.cells)


def test_the_diagnosis_takes_ten_lines(saved: Any) -> None:
    cell = next(cell for cell in saved.cells if "collapse.diagnose" in cell.source)
    assert len(cell.source.splitlines()) <= 10


def test_it_runs(saved: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell, with the verdicts that the text around them speaks of."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    from jupyter_client.kernelspec import NoSuchKernel

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    again = saved.copy()
    client = nbclient.NotebookClient(
        again, timeout=300, kernel_name="python3", resources={"metadata": {"path": ROOT}}
    )
    try:
        client.execute()
    except (NoSuchKernel, RuntimeError, OSError) as error:
        pytest.skip(f"the kernel does not start here: {error}")
    assert "✓ Healthy." in printed(again)
    assert "✗ Complete collapse." in printed(again)
    assert [output.data["text/plain"] for output in outputs(again) if "data" in output][-1] == "'passed'"
