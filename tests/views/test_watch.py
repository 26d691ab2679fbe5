"""The curves of a training that is watched, as large as the terminal is."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from collapse_cli.answers import Entry, answer
from collapse_cli.metrics.monitored import monitored
from collapse_cli.views.document import document
from collapse_cli.views.watch import Lines, frame, in_words

WARNING = (
    "step 880: Complete collapse of z: the total variance of its unit rows has been below .02 for 120 steps."
)


def watched(count: int = 1, at: str | None = None, looks: int = 50) -> dict[str, Any]:
    """The document of so many folders, whose loss falls from its chance level 4 to 2."""
    seen = [
        {
            "step": step,
            "loss": 4 - 2 * step / looks,
            "variance": 0.5,
            "effective_rank": 3.0 + step,
            "scale": 2.0,
        }
        for step in range(1, looks + 1)
    ]
    entries = [Entry(f"run{n}", monitored(seen, {"ln B": 4.0}), input=n) for n in range(count)]
    facts = {
        "status": "running", "last_step": looks, "every": 1, "epoch": 3, "epochs": 40, "chance_levels": {"ln B": 4.0},
        "chance_level": "ln B", "at": at,
    }  # fmt: skip
    inputs = [{"path": f"runs/run{n}", **facts} for n in range(count)]
    return document(answer("watch", entries, inputs, [WARNING]), [])


def drawn(shown: dict[str, Any], width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, highlight=False)
    with console.capture() as capture:
        console.print(frame(shown, width, height))
    return capture.get().splitlines()


def test_the_state_the_sketch_with_its_chance_level_the_sparklines_and_the_warning_are_there() -> None:
    lines = drawn(watched(at="ln B"), 80, 24)
    assert lines[:3] == [
        "runs/run0 · running · step 50 · epoch 3 of 40",
        "chance levels of a contrastive loss: ln B = 4",
        "The loss is at its chance level ln B, as it is where all embeddings are equal,",
    ]
    assert "loss of the batch: 2   · chance level ln B: 4" in lines
    assert [line[:20].rstrip() for line in lines[-5:-2]] == ["variance of z", "rank of z", "scale of z"]
    assert lines[-4][20:30] == "        53"
    assert lines[-4].rstrip().endswith("█")
    assert lines[-2].startswith("▲ step 880: Complete collapse of z")
    sketched = [line for line in lines if "┤" in line or "│" in line]
    assert sketched[0].startswith("      4 ┤")
    assert sketched[0].count("·") > 50, "the chance level is a dotted line at 4"
    assert sketched[-1].startswith("   2 ┤".rjust(9))


@pytest.mark.parametrize("width", [20, 29, 40, 60, 80, 200])
@pytest.mark.parametrize(("height", "count"), [(8, 1), (15, 1), (24, 1), (50, 1), (50, 3)])
def test_no_line_is_wider_than_the_terminal_and_where_there_is_room_for_text_and_sparklines_none_is_below_it(
    width: int, height: int, count: int
) -> None:
    """Text that the terminal has no room for is not left out: rich cuts it at the bottom. 3 is the height of the smallest."""
    lines = drawn(watched(count), width, height)
    assert max(map(len, lines)) <= width
    smallest = len(drawn(watched(count), width, 1))
    assert len(lines) <= max(height - 1, smallest)
    assert any("running" in line for line in lines)


def test_a_silent_training_is_called_so() -> None:
    shown = watched()
    shown["inputs"][0]["silent_minutes"] = 12
    assert "running · step" in drawn(shown, 100, 24)[0]
    assert drawn(shown, 100, 24)[0].endswith("nothing new for 12 min")


def test_a_folder_without_a_record_and_one_without_a_finite_loss_are_drawn() -> None:
    facts = {
        "path": "runs/new", "status": "waiting", "last_step": None, "every": None, "epoch": None, "epochs": None,
        "chance_levels": {}, "chance_level": None, "at": None,
    }  # fmt: skip
    assert drawn(document(answer("watch", [], [facts]), []), 80, 24) == ["runs/new · waiting"]
    nothing = Entry("new", monitored([{"step": 1, "loss": float("nan"), "variance": 0.5}], {}))
    lines = drawn(document(answer("watch", [nothing], [facts]), []), 80, 24)
    assert "loss of the batch: –" in lines


def test_levels_of_another_kind_of_loss_are_not_listed() -> None:
    """No level is near to it: that of VICReg begins at 25."""
    shown = watched()
    shown["inputs"][0]["chance_level"] = None
    assert not any("chance levels" in line for line in drawn(shown, 80, 24))


def test_no_name_is_an_order_to_the_terminal() -> None:
    shown = watched()
    shown["inputs"][0]["path"] = "run\x1b[2J"
    shown["inputs"][0]["chance_levels"] = {"ln\x1b[31m": 4.0}
    shown["warnings"] = ["step 1: \x1b]0;title\x07"]
    assert "\x1b" not in "\n".join(drawn(shown, 80, 24))


def test_records_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    begin = {"event": "begin", "step": 0, "chance": {"ln B": 5.545177}}
    assert in_words(begin) == "the training begins · chance levels of a contrastive loss: ln B = 5.55"
    assert in_words({"event": "begin", "step": 120}) == "the training goes on after step 120"
    assert in_words({"event": "warning", "step": 880, "message": "It has."}) == "warning: It has."
    assert (
        in_words({"event": "end", "step": 1000, "status": "stopped"})
        == "step 1,000 · the training has ended: stopped"
    )
    curves = {"loss": {"label": "loss", "values": [6.2403], "null": [6.24], "null_is": "chance level"}}
    epoch = {"event": "epoch", "number": 3, "curves": curves}
    assert in_words(epoch) == "epoch 3 · loss 6.24 (chance level 6.24)"
    look = {"event": "look", "step": 7, "curves": {}, "finite": False, "chance_level": "ln B"}
    assert (
        in_words(look) == "step 7 · embeddings or loss are not finite · the loss is at its chance level ln B"
    )
    Lines().update(watched(2), [("runs/run0\x1b[2J", epoch)])
    assert capsys.readouterr() == ("runs/run0\\x1b[2J: epoch 3 · loss 6.24 (chance level 6.24)\n", "")
