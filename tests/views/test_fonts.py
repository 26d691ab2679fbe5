"""Letters that no font has are told in one line, and nothing of matplotlib's own words reaches the reader."""

from __future__ import annotations

import io
import warnings

import matplotlib
import pytest
from matplotlib.figure import Figure

from collapse_cli.printable import printable
from collapse_cli.views import style
from collapse_cli.views.fonts import USUAL, families, missing_told

NOWHERE = "\U000f0000\U000f0001"  # of the private use area: no font of these has them


def drawn(text: str) -> None:
    with matplotlib.rc_context(style.STYLE):
        figure = Figure()
        figure.text(0.5, 0.5, text)
        figure.savefig(io.BytesIO(), format="png")


def test_missing_letters_are_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with missing_told():
            drawn(NOWHERE)
            drawn(NOWHERE)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(
        f"warning: plots show boxes in place of {printable(' '.join(NOWHERE))}, which no font here has"
    )


def test_letters_that_are_there_are_not_named(capsys: pytest.CaptureFixture[str]) -> None:
    with missing_told():
        drawn("größe σ √d · ≥")
    assert capsys.readouterr().err == ""


def test_only_installed_fonts_are_tried() -> None:
    installed = matplotlib.font_manager.get_font_names()
    assert families()[0] == USUAL
    assert set(families()) <= set(installed)
