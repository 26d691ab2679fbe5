"""Images that other processes read ahead are those that are read here, in the same order; one that ends leaves a sentence."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image

from collapse_cli.analysis import training
from collapse_cli.data import decoded
from collapse_cli.data.channels import with_channels
from collapse_cli.data.encoded import Encoded
from collapse_cli.data.stream import Stream
from collapse_cli.data.workers import ReadAhead, read_ahead
from collapse_cli.embedding import pixels_in_turn
from collapse_cli.errors import CollapseError
from collapse_cli.settings import resolve
from collapse_cli.shapes import Framing, Images
from collapse_cli.training import train
from tests.data.test_streams import paint

CPU = torch.device("cpu")


def grey(level: int) -> Encoded:
    file = io.BytesIO()
    Image.new("L", (4, 4), level % 251).save(file, "PNG")
    return Encoded(f"{level}.png", file.getvalue())


def broken(level: int) -> Encoded:
    return Encoded("cats/7.png", b"no image") if level == 7 else grey(level)


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("sizes", [[8] * 9, [8, 8, 3], [1], []], ids=len)
def test_the_same_batches_in_the_same_order(workers: int, sizes: list[int]) -> None:
    """More and fewer batches than the processes may be ahead, the last one smaller; read here they are the slow twin."""
    stream = Stream(grey, 300, Framing(4))
    images = Images(ReadAhead(stream, workers), None, (), "grey")
    parts = list(
        torch.split(torch.randperm(300, generator=torch.Generator().manual_seed(1))[: sum(sizes)], sizes)
    )
    read = list(pixels_in_turn(images, parts, CPU))
    assert len(read) == len(parts)
    for part, (index, pixels) in zip(parts, read, strict=True):
        assert torch.equal(index, part)
        assert torch.equal(pixels, stream[part])
    assert not multiprocessing.active_children()


def test_a_broken_image_is_named_as_it_is_here() -> None:
    """In the batch that it is in, after those before it."""
    stream = Stream(broken, 20, Framing(4))
    reading = ReadAhead(stream, 2).ahead(list(torch.arange(20).split(5)))
    assert next(reading)[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(CollapseError) as ahead:
        next(reading)
    with pytest.raises(CollapseError) as here:
        stream[torch.tensor([7])]
    assert (ahead.value.message, ahead.value.hint) == (here.value.message, here.value.hint)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("which", [0, 1])
def test_a_process_that_is_killed_is_told(which: int) -> None:
    reading = ReadAhead(Stream(grey, 300, Framing(4)), 2).ahead(list(torch.arange(300).split(3)))
    next(reading)
    pid = sorted(multiprocessing.active_children(), key=lambda process: process.pid or 0)[which].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(CollapseError, match=r"processes that decode images has ended \(signal 9\)") as told:
        list(reading)
    assert "--workers" in told.value.hint
    assert not multiprocessing.active_children()


def test_nobody_is_left_where_the_rest_is_not_wanted() -> None:
    """And signals that reach all processes of a terminal or a job end none of them before."""
    reading = ReadAhead(Stream(grey, 300, Framing(4)), 2).ahead(list(torch.arange(300).split(3)))
    next(reading)
    for process in multiprocessing.active_children():
        assert process.pid is not None
        os.kill(process.pid, signal.SIGINT)
        os.kill(process.pid, signal.SIGTERM)
    for _ in range(20):
        next(reading)
    assert len(multiprocessing.active_children()) == 2
    reading.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()


def test_a_training_is_the_same_and_says_where_workers_have_no_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights after an epoch, to the last bit."""
    name = paint(tmp_path / "set")
    weights = []
    for workers in (0, 2):
        run = resolve(
            "moco", {"dataset": name, "size": 8, "epochs": 1, "batch": 8, "queue": 16, "workers": workers}
        )
        with monkeypatch.context() as small:
            small.setattr(decoded, "BUDGET", 0)
            images = training.images(run, "cpu")
        assert images.streamed
        assert isinstance(images.pixels, ReadAhead) == bool(workers)
        assert not any("--workers" in warning for warning in training.warnings(run, images))
        saved = training.fresh(run, images)
        list(train(saved.method, images, saved.normalisation, saved.run.training, saved.state))
        weights.append(saved.state.parameters)
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))
    held = training.images(run, "cpu")
    assert any("--workers 2 has no effect" in warning for warning in training.warnings(run, held))


def test_channels_are_converted_behind_the_processes() -> None:
    images = Images(Stream(grey, 30, Framing(4)), None, (), "grey")
    one = read_ahead(with_channels(images, 1), 2)
    ((_, pixels),) = pixels_in_turn(one, [torch.arange(30)], CPU)
    assert pixels[:, 0, 0, 0].tolist() == list(range(30))
    assert pixels.shape == (30, 1, 4, 4)


def test_a_system_without_fork_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(CollapseError, match="--workers 3 needs a system that can fork"):
        read_ahead(Images(Stream(grey, 3, Framing(4)), None, (), "grey"), 3)
