"""The live display of a training."""

import io
import os
import pty
import subprocess
import sys
from dataclasses import dataclass, field

import pytest
from rich.console import Console

from collapse_cli.progress import counted, told_to
from collapse_cli.views import bars as bars_module
from collapse_cli.views import progress


@dataclass
class Epoch:
    number: int
    epochs: int = 50
    loss: float = 4.1234
    chance: float | None = 6.2383
    std_sqrt_d: float = 0.9412
    effective_rank: float = 12.34
    dimensions: int = 64
    mean_cosine: float = 0.0512
    learning_rate: float = 0.03
    images_per_second: float = 1234.5
    seconds: float = 1.5
    extra: dict[str, float] = field(default_factory=lambda: {"queue filled": 0.5})


def run(enabled, total=50, first=1):
    with progress.live("moco", total, enabled) as display:
        for number in range(first, total + 1):
            display.update(Epoch(number, total))


def board(width, *epochs):
    console = Console(file=io.StringIO(), width=width)
    shown = progress.Board("moco", 50, console)
    for epoch in epochs:
        shown.update(epoch)
    console.print(shown)
    return console.file.getvalue(), shown


def test_plain_lines_where_stderr_is_no_terminal(capsys):
    """The first of 50 epochs, then every fifth: eleven lines, without an escape."""
    run(enabled=True)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert [line.split(" · ")[0] for line in lines] == [
        f"moco: epoch {k}/50" for k in (1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50)
    ]
    assert lines[0] == (
        "moco: epoch 1/50 · loss 4.12 (chance level 6.24) · std·√d 0.941 · rank of z 12.3/64 · cosine 0.051 "
        "· queue filled 0.5 · 1234 images/s"
    )
    assert out == ""


def test_few_epochs_get_a_line_each(capsys):
    run(enabled=True, total=3)
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_a_loss_without_chance_stands_alone(capsys):
    with progress.live("supervised", 1, True) as display:
        display.update(Epoch(1, 1, chance=None, extra={}))
    assert "loss 4.12 · std" in capsys.readouterr().err


def test_quiet_shows_nothing(capsys):
    run(enabled=False)
    with progress.steps("embedding", 3, enabled=False) as step:
        step(3)
    assert capsys.readouterr() == ("", "")


def test_steps_show_nothing_where_stderr_is_no_terminal(capsys):
    with progress.steps("embedding", 3, enabled=True) as step:
        step(3)
    assert capsys.readouterr() == ("", "")


def test_a_reporter_prints_lines_and_no_bar_where_stderr_is_no_terminal(capsys):
    with progress.reporter(quiet=False) as report:
        report("embedding", 0, 3)
        report("reading a.pt")
        report("embedding", 3, 3)
    assert capsys.readouterr() == ("", "reading a.pt\n")


def test_a_quiet_reporter_shows_nothing(capsys):
    with progress.reporter(quiet=True) as report:
        report("reading a.pt")
        report("embedding", 1, 3)
    assert capsys.readouterr() == ("", "")


def test_a_reporter_has_a_bar_for_each_stage_under_way():
    """The one within another below it, each gone with its last step; a stage may come again. Without any the wait is shown."""
    bars = progress.Bars(console=Console(file=io.StringIO()), disable=True)
    report = progress.Reporter(bars, "measuring")
    under_way = [[task.description for task in bars.tasks if task.visible]]
    for step in (("a", 0, 2), ("a", 1, 2), ("b", 1, 4), ("b", 4, 4), ("a", 2, 2), ("a", 1, 2)):
        report(*step)
        under_way.append([f"{task.description} {task.completed:.0f}" for task in bars.tasks if task.visible])
    assert under_way == [["measuring"], ["a 0"], ["a 1"], ["a 1", "b 1"], ["a 1"], ["measuring 0"], ["a 1"]]


def test_a_bar_tells_rate_and_time_left():
    """100 of 400 images in 10 s: 10 a second, 30 s for the rest. A wait of unknown length tells the seconds that have passed."""
    now = [0.0]
    bars = progress.Bars(
        *bars_module.columns(), console=Console(file=io.StringIO(), width=100), get_time=lambda: now[0]
    )
    task = bars.add_task("images", total=400)
    bars.add_task("measuring", total=None)
    for second in range(1, 11):
        now[0] = float(second)
        bars.update(task, completed=10 * second)
    shown = Console(file=io.StringIO(), width=100, record=True)
    shown.print(bars.make_tasks_table(bars.tasks))
    first, second = shown.export_text().splitlines()
    assert [*first.split()[:1], *first.split()[-3:]] == ["images", "100/400", "10/s", "0:00:30"]
    assert [*second.split()[:1], *second.split()[-2:]] == ["measuring", "10", "s"]


def test_what_is_counted_is_told_to_whoever_listens():
    """Two items of sizes 3 and 1, then nobody asks for the rest: the stage ends. Outside nobody listens."""
    told = []
    with told_to(lambda *step: told.append(step)):
        assert list(counted(["abc", "d"], "letters", len)) == ["abc", "d"]
        assert next(counted(["abc", "d"], "more")) == "abc"
        assert list(counted([], "none")) == []
    assert list(counted("ab", "silent")) == ["a", "b"]
    assert told == [("letters", 0, 4), ("letters", 3, 4), ("letters", 4, 4), ("more", 0, 2), ("more", 2, 2)]


def test_the_board_keeps_the_last_epochs():
    text, _ = board(80, *(Epoch(k) for k in range(1, 13)))
    rows = [line.split() for line in text.splitlines() if "/ 6.24" in line]
    assert [row[0] for row in rows] == [str(k) for k in range(5, 13)]
    assert rows[-1] == ["12", "4.12", "/", "6.24", "0.941", "12.3/64", "0.051", "0.03", "1234"]
    assert "12/50" in text.splitlines()[0]


def test_what_a_method_adds_is_a_column_where_it_fits_and_a_line_where_not():
    extra = {"queue filled": 0.5, "proxy accuracy": 0.1234}
    narrow, _ = board(80, Epoch(1, extra=extra))
    assert narrow.splitlines()[-1].rstrip() == "queue filled 0.5 · proxy accuracy 0.123"
    wide, _ = board(120, Epoch(1, extra=extra))
    assert "queue filled  proxy accuracy  images/s" in wide
    assert wide.splitlines()[-1].split()[-3:] == ["0.500", "0.123", "1234"]


@pytest.mark.parametrize("width", [80, 120])
def test_the_board_fits(width):
    text, _ = board(
        width,
        Epoch(
            10_000, effective_rank=1999.9, dimensions=2048, images_per_second=123456, learning_rate=1.23e-5
        ),
    )
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert "…" not in text


def test_a_resumed_run_counts_from_where_it_was():
    """Epochs before it say nothing of its pace: the bar begins at 30, and has moved on by one."""
    _, shown = board(80, Epoch(31))
    assert shown.bar.tasks[0].completed == 31
    assert sum(sample.completed for sample in shown.bar.tasks[0]._progress) <= 31
    assert shown.bar.tasks[0].start_time is not None


SCRIPT = """
from collapse_cli.progress import counted, told_to
from collapse_cli.views import bars as bars_module
from collapse_cli.views import progress
from types import SimpleNamespace
epoch = SimpleNamespace(number=1, epochs=2, loss=4.1, chance=6.2, std_sqrt_d=.9, effective_rank=12.3, dimensions=64,
                        mean_cosine=.1, learning_rate=.03, images_per_second=1234., seconds=1., extra={})
try:
    with progress.live("moco", 2, True) as display:
        display.update(epoch)
        print("answer")
        raise KeyboardInterrupt
except KeyboardInterrupt:
    pass
"""


REPORT = """
from collapse_cli.progress import counted, told_to
from collapse_cli.views import bars as bars_module
from collapse_cli.views import progress
try:
    with progress.reporter(quiet=False) as report:
        report("embedding", 1, 3)
        report("reading a.pt")
        print("answer")
        raise KeyboardInterrupt
except KeyboardInterrupt:
    pass
"""


def test_a_reporter_on_a_terminal_leaves_it_as_it_was():
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-c", REPORT], stdout=subprocess.PIPE, stderr=slave, env=environment, check=True
    )
    os.close(slave)
    shown = os.read(master, 65536).decode()
    os.close(master)
    assert done.stdout == b"answer\n"
    assert "1/3" in shown
    assert "reading a.pt" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_a_terminal_is_restored_after_ctrl_c_and_stdout_stays_clean():
    """stderr is a pseudo-terminal, stdout a pipe: the cursor is hidden and shown again, the answer goes to the pipe."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=slave, env=environment, check=True
    )
    os.close(slave)
    shown = os.read(master, 65536).decode()
    os.close(master)
    assert done.stdout == b"answer\n"
    assert "rank of z" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
