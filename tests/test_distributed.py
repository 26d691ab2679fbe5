"""Two processes and one train alike: losses and weights of every method, and the command under torchrun."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor, multiprocessing, nn
from torch.nn.modules.batchnorm import _BatchNorm

from collapse_cli import methods
from collapse_cli.cli import main
from collapse_cli.distributed import average, average_statistics, refuse_unequal, together
from collapse_cli.errors import CollapseError
from collapse_cli.ranks import first, rank
from collapse_cli.runs import checkpoint as checkpoints
from collapse_cli.runs import lifecycle, resuming
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.runs.record import Record
from collapse_cli.runs.watch import Watch, Wish
from collapse_cli.settings import METHODS, resolve
from collapse_cli.shapes import Images, Normalisation
from collapse_cli.training import train
from collapse_cli.training_state import start
from tests.processes import alive, children, needs_linux, two

STEPS, BATCH = 2, 8
SMALL = {"queue": 16, "negatives": 8, "hardest": 8, "pair_mixes": 4, "query_mixes": 4, "mix_after": 0.0}
NAMES = sorted(METHODS)
PATIENCE = 60  # seconds that processes may take to end on a busy machine; alone they take less than one
Trained = tuple[list[float], dict[str, Tensor]]


def trained(name: str) -> Trained:
    """Losses of two epochs of two steps in float64, and the state after them, of a method whose encoders have no batch norm.

    So what must agree is exact: with it, each process norms its own part. That of projectors stays, for they see the whole batch.
    """
    generator = torch.Generator().manual_seed(3)
    pixels = torch.randint(0, 256, (STEPS * BATCH, 1, 8, 8), dtype=torch.uint8, generator=generator)
    images = Images(pixels, torch.arange(STEPS * BATCH) % 4, ("a", "b", "c", "d"), "noise")
    fields = METHODS[name].__dataclass_fields__
    own = {key: size for key, size in SMALL.items() if key in fields and fields[key].type in ("int", "float")}
    run = resolve(name, own, {"batch": BATCH, "epochs": 2, "lr": 0.001, "recipe": "digits"})
    method = methods.build(run, images.data_shape)
    network: nn.Module = method  # type: ignore[assignment]
    network.double()
    encoders = (
        network.encoder,
        getattr(network, "key_encoder", None),
        *(getattr(network, "target", None) or [])[:1],
    )
    for encoder in (one for one in encoders if one is not None):
        encoder.register_forward_pre_hook(lambda _, given: (given[0].double(),))
        bare(encoder)
    state = start(method, run.training)
    passes = train(method, images, Normalisation((0.5,), (0.5,)), run.training, state)
    losses = [epoch.loss for epoch in passes]
    return losses, network.state_dict()


def bare(network: nn.Module) -> None:
    """Without batch norm."""
    for parent in network.modules():
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, nn.Identity())


class StopsAfter(Watch):
    """Wishes for a stop when it has been asked so many times before."""

    left = -1

    @property
    def wish(self) -> Wish:
        self.left -= 1
        return Wish.STOP if self.left == -1 else Wish.NOTHING


def copied(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The state of the method as it is now."""
    return {key: tensor.clone() for key, tensor in cast(nn.Module, checkpoint.method).state_dict().items()}


def course(folder: Path, stop_after: int = -1) -> Iterator[dict[str, Tensor]]:
    """Train a run whose encoder has batch norm, in one of several processes; its state where it was stopped, and at the end.

    Only the last process asks for the stop, as where a signal has reached no other one.
    """
    generator = torch.Generator().manual_seed(3)
    pixels = torch.randint(0, 256, (4 * BATCH, 1, 8, 8), dtype=torch.uint8, generator=generator)
    images, half = Images(pixels, None, (), "noise"), Normalisation((0.5,), (0.5,))
    knobs = {"encoder": "resnet8", "dim": 8, "queue": 16, "batch": BATCH, "epochs": 2, "recipe": "digits"}
    record, checkpoint = Record(folder), lifecycle.fresh(resolve("moco", knobs), images, half)
    lifecycle.begin(record, checkpoint)
    watch = StopsAfter()
    watch.left = stop_after if not first() else -1
    if stop_after < 0:
        list(lifecycle.epochs(checkpoint, images, record, watch))
    else:
        with pytest.raises(CollapseError) as stopped:
            list(lifecycle.epochs(checkpoint, images, record, watch))
        assert stopped.value.code == 75
        within = copied(checkpoint)
        yield within
        torch.save(within, folder.parent / f"within-{rank()}.pt")
        torch.distributed.barrier()  # the file is there
        checkpoint = resuming.resumable(record, "moco", {})
        assert checkpoint.notes == ()
        if first():
            shutil.copy(record.checkpoint, folder.parent / "within.pt")
        yield copied(checkpoint)
        list(lifecycle.epochs(checkpoint, images, record))
    yield copied(checkpoint)


def one_of_two(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    with together(torch.device("cpu")):
        torch.save({name: trained(name) for name in NAMES}, Path(folder) / f"{rank}.pt")
        stops = {f"stopped-{each}": list(course(Path(folder) / f"stopped-{each}", each)) for each in (1, 4)}
        torch.save(
            {"through": list(course(Path(folder) / "through")), **stops}, Path(folder) / f"runs-{rank}.pt"
        )
        mean = [torch.full((2, 3), float(rank)), None, torch.tensor(4.0 * rank)]
        average(mean)
        norm = nn.BatchNorm1d(2)
        norm.running_mean += rank  # type: ignore[operator]
        norm.running_var += 2 * rank  # type: ignore[operator]
        average_statistics(norm)
        torch.save((mean, norm.running_mean, norm.running_var), Path(folder) / f"means-{rank}.pt")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each of two processes came to.

    torch itself was seen to abort a process among some thousand starts ("terminate called without an active exception"): a
    process that a signal ended is started once more. An exception of ours fails at once.
    """
    folder = tmp_path_factory.mktemp("both")
    try:
        two(one_of_two, free_port(), str(folder))
    except multiprocessing.ProcessExitedException as ended:
        if ended.signal_name is None:
            raise
        two(one_of_two, free_port(), str(folder))
    return folder


def free_port() -> int:
    """Below those that connections get by themselves: a process that knocks early at one of these may meet itself there."""
    for port in range(20000 + os.getpid() % 5000, 30000):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)):
                return port
    raise OSError("no port is free")


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_train_as_one_does(name: str, both: Path) -> None:
    """The loss is over the whole batch in each, and the gradient is its own: after four steps the weights are one process's.

    Barlow Twins sums its loss in float32, whose rounding is all the gradient that a bias before a batch norm gets.
    """
    slack = 1e-3 if name == "barlow-twins" else 1e-5
    losses, weights = trained(name)
    for number in (0, 1):
        theirs, other = torch.load(both / f"{number}.pt")[name]
        assert theirs == pytest.approx(losses, rel=1e-6)
        for key, weight in weights.items():
            torch.testing.assert_close(other[key], weight, rtol=1e-4, atol=slack)


def test_every_process_has_the_same_weights(both: Path) -> None:
    """Bit by bit, or they would drift apart."""
    one, other = (torch.load(both / f"{number}.pt") for number in (0, 1))
    for name in NAMES:
        assert all(torch.equal(one[name][1][key], other[name][1][key]) for key in one[name][1])


def test_means_over_processes(both: Path) -> None:
    """Of 0 and 1: one half, in both; of variances 1 and 3: 2."""
    for number in (0, 1):
        (first, none, last), running, variance = torch.load(both / f"means-{number}.pt")
        assert none is None
        assert torch.equal(first, torch.full((2, 3), 0.5))
        assert float(last) == 2
        assert torch.equal(running, torch.full((2,), 0.5))
        assert torch.equal(variance, torch.full((2,), 2.0))


@pytest.mark.parametrize("name", ["stopped-1", "stopped-4"])
def test_two_processes_that_are_stopped_go_on_bit_by_bit(name: str, both: Path) -> None:
    """Within the first epoch and within the second: each goes on with batch statistics of its own, which differ until its end."""
    runs = [torch.load(both / f"runs-{number}.pt") for number in (0, 1)]
    for of_process in runs:
        stopped, resumed, end = of_process[name]
        assert all(torch.equal(stopped[key], resumed[key]) for key in stopped)
        (through,) = of_process["through"]
        assert all(torch.equal(end[key], through[key]) for key in through)
    one, other = (of_process[name][0] for of_process in runs)
    differ = {key for key in one if not torch.equal(one[key], other[key])}
    assert differ
    assert all(key.rpartition(".")[2] in ("running_mean", "running_var") for key in differ)
    files = [torch.load(both / folder / "checkpoint.pt") for folder in (name, "through")]
    assert files[0]["metadata"] == files[1]["metadata"]
    assert torch.equal(files[0]["generator"], files[1]["generator"])
    assert len(Record(both / name).history()) == 2


def test_one_process_goes_on_with_the_mean_of_two(both: Path, tmp_path: Path) -> None:
    """And says so; who measures the file within an epoch measures that mean, as at the end of an epoch."""
    one, other = (torch.load(both / f"within-{number}.pt") for number in (0, 1))
    saved = checkpoints.load(both / "within.pt")
    state = copied(saved)
    assert "each with batch statistics of its own, and goes on with their mean in 1" in saved.notes[0]
    for key in one:
        mean = one[key] if torch.equal(one[key], other[key]) else (one[key] + other[key]) / 2
        torch.testing.assert_close(state[key], mean, rtol=1e-6, atol=0)


def test_a_batch_without_equal_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(CollapseError, match="--batch 64 cannot be divided into 3 equal parts"):
        refuse_unequal(64)
    refuse_unequal(63)


def test_the_command_under_torchrun(tmp_path: Path) -> None:
    """The first process alone prints and writes; one process goes on with what two began."""
    out = tmp_path / "run"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [
        *launch,
        "-m",
        "collapse_cli",
        "train",
        "moco",
        "--epochs",
        "1",
        "--queue",
        "128",
        "--out",
        str(out),
    ]

    def launched(*more: str) -> subprocess.CompletedProcess[str]:
        threads = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.run([*command, *more], capture_output=True, text=True, env=threads, timeout=300)

    ended = launched()
    if "SIGABRT" in ended.stderr:  # as in the fixture `both`
        ended = launched("--overwrite")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == [str(out / "checkpoint.pt")]
    assert ended.stderr.count("2 processes") == 1
    assert main(["train", "--resume", str(out), "--epochs", "2", "--quiet"]) == 0
    history = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    assert [epoch["number"] for epoch in history] == [1, 2]
    monitored = [json.loads(line) for line in (out / "monitor.jsonl").read_text().splitlines()]
    looks = [(line["step"], line["samples"]) for line in monitored if line["event"] == "look"]
    assert looks == [(step, 64) for step in (1, 10, 20, 30, 40)], "whole batches, once, also by two processes"


@needs_linux
def test_torchrun_is_stopped_requeued_and_terminated(tmp_path: Path) -> None:
    """A signal to one process saves the run and ends both; SIGTERM to torchrun ends both at once. run.json says which it was.

    torchrun makes 1 of both, and prints tracebacks of its own, of which none goes through our files.
    """
    out, stderr = tmp_path / "run", tmp_path / "stderr"
    launch = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "collapse_cli",
        "train",
    ]

    def ended(what: signal.Signals, to_agent: bool, *argv: str) -> str:
        with stderr.open("w") as story:
            agent = subprocess.Popen(
                [sys.executable, *launch, *argv],
                stdout=subprocess.DEVNULL,
                stderr=story,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
        try:
            done, history, began = len(Record(out).history()), Record(out), time.monotonic()
            while len(history.history()) == done and time.monotonic() - began < 120:
                time.sleep(0.05)
            ranks = children(agent.pid)
            assert len(ranks) == 2, stderr.read_text()
            os.kill(agent.pid if to_agent else ranks[1], what)
            began = time.monotonic()
            while any(map(alive, ranks)) and time.monotonic() - began < PATIENCE:
                time.sleep(0.02)
            seconds = time.monotonic() - began
            assert seconds < PATIENCE, stderr.read_text()
            assert agent.wait(120) == 1
        finally:
            agent.kill()
        assert "collapse_cli/" not in stderr.read_text()
        return str(json.loads((out / "run.json").read_text())["status"])

    begin = ["moco", "--epochs", "400", "--queue", "128", "--out", str(out)]
    assert ended(signal.SIGUSR1, False, *begin) == "requeue"
    assert "collapse: stopped; " in stderr.read_text()
    assert ended(signal.SIGTERM, True, "--resume", str(out)) == "interrupted"
    assert stderr.read_text().count("collapse: terminated; ") == 1


@pytest.mark.parametrize(("rank", "said"), [("0", 1), ("1", 0)])
def test_what_all_processes_refuse_is_said_by_the_first(
    rank: str, said: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", rank)
    assert main(["train", "moco", "--batch", "65", "--out", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.count("--batch 65 cannot be divided into 2 equal parts") == said
    assert not (tmp_path / "run").exists()
