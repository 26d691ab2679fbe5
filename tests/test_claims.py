"""What the papers claim, trained and measured on digits over three seeds. Minutes of training: run with `make claims`."""

from __future__ import annotations

import json

import pytest

from collapse_cli import claims
from collapse_cli.cli import main

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", claims.NAMES)
def test_a_claim_holds(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", name, "--json", "--quiet"]) == 0
    document = json.loads(capsys.readouterr().out)
    verdict = document["results"][-1]["verdict"]
    print(name, *verdict["reasons"], sep="\n  ")
    assert verdict["status"] == "holds", verdict["reasons"]
