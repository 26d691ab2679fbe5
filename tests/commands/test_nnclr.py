"""A method whose queue holds no negatives: no command takes its support set for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collapse_cli.cli import main

Capture = pytest.CaptureFixture[str]
QUEUE = ["--queue", "1024", "--epochs", "1", "--encoder", "mlp"]


@pytest.fixture(scope="module")
def supported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One epoch of NNCLR on digits: 1,344 embeddings fill a support set of 1,024."""
    folder = tmp_path_factory.mktemp("runs") / "nnclr"
    assert main(["train", "nnclr", *QUEUE, "--out", str(folder), "-q"]) == 0
    return folder


def answered(capsys: Capture, *argv: str) -> Any:
    capsys.readouterr()
    code = main([*argv, "--json", "-q"])
    assert code in (0, 3)
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("method", "warned"), [("nnclr", 0), ("moco", 1)])
def test_only_negatives_can_be_stale(method: str, warned: int, tmp_path: Path, capsys: Capture) -> None:
    """1,024 of 1,347 images: as negatives, keys of a query's own image would be among them from the second epoch on."""
    assert main(["train", method, *QUEUE, "--epochs", "2", "--out", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().err.count("a stale key of a query's own image") == warned


def test_causes_ask_for_no_keys(supported: Path, capsys: Capture) -> None:
    """Nothing is said of a queue's age, of a key encoder's or of how the push of its keys is shared out."""
    document = answered(capsys, "causes", str(supported), "--samples", "150")
    named = set(document["results"][0]["metrics"]["by_cause"]["values"])
    assert "augmentation too strong" in named
    assert not {name for name in named if "key" in name or "queue" in name or "negatives" in name}
    assert not {"key_waits", "key_encoder", "queue_age"} & set(document["results"][0]["metrics"])


def test_the_oracle_draws_keys_from_the_data(supported: Path, capsys: Capture) -> None:
    """Of all 1,347 images, not of the 1,024 in the support set: predictions, as its loss compares them with neighbours."""
    (result,) = answered(capsys, "oracle", str(supported))["results"]
    assert (result["settings"]["keys"], result["settings"]["K"]) == (
        "drawn from the data: the prediction from a view",
        1347,
    )
    assert result["settings"]["T"] == 0.1


def test_inspect_lists_no_queue(supported: Path, capsys: Capture) -> None:
    """`queue` is the shape of a queue of negatives."""
    main(["inspect", str(supported), "--json"])
    assert json.loads(capsys.readouterr().out)["queue"] is None


def test_it_does_not_collapse_where_positives_alone_do(tmp_path: Path) -> None:
    """Four epochs of an MLP on digits: positive-only training is near one point, NNCLR well away from it."""
    spreads = {}
    for method in ("nnclr", "positive-only"):
        folder = tmp_path / method
        assert main(["train", method, "--epochs", "4", "--encoder", "mlp", "--out", str(folder), "-q"]) == 0
        spreads[method] = json.loads((folder / "history.jsonl").read_text().splitlines()[-1])["std_sqrt_d"]
    assert spreads["positive-only"] < 0.1
    assert spreads["nnclr"] > 0.4
