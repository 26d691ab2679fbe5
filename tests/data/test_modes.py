"""Every mode in every container, as `tests/benchmarks/modes.py` prints them."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import modes

pytestmark = pytest.mark.filterwarnings("ignore:IM image format")  # Pillow will drop it

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    CASES = list(modes.cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.mode}-{case.container}")
def test_pixels_are_right_or_refused_by_name(case: modes.Case, tmp_path: Path) -> None:
    """Against RGB that numpy makes of the samples that were written."""
    folder, row = modes.read(case, tmp_path).values()
    if case.expected is None:
        assert isinstance(folder, str)
        assert isinstance(row, str)
        assert "image" in folder
        assert "row 0 of" in row
    else:
        assert modes.difference(case, folder) <= case.tolerance
        assert modes.difference(case, row) <= case.tolerance


def test_the_usual_modes_and_containers_are_there() -> None:
    """Pillow may lack AVIF or JPEG 2000; these it always has."""
    pairs = {(case.mode, case.container) for case in CASES}
    for container in ("PNG", "TIFF", "JPEG", "GIF", "BMP"):
        assert ("L", container) in pairs
    assert {mode for mode, container in pairs if container in ("PNG", "TIFF", "IM")} >= set(modes.EXPECTED) - {
        "La", "RGBa", "HSV",
    }  # fmt: skip
