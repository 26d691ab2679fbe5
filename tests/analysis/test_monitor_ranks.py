"""Two processes that train together are one to a monitor: the same looks, the same warnings, the same verdict, one file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import collapse_cli as collapse
from collapse_cli.analysis import monitor_ranks

STEPS = 60


def batch(step: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """z, z2 (24, 6), h (24, 40) in bfloat16, labels (24,); the scale vanishes after step 32."""
    generator = torch.Generator().manual_seed(step)
    z = torch.randn(24, 6, generator=generator) * (1 if step <= 32 else 1e-3)
    h = torch.randn(24, 40, generator=generator).bfloat16()
    return z, z + 0.1 * z.flip(1), h, torch.arange(24) % 3


def watched(monitor: collapse.CollapseMonitor, part: slice | None = None) -> dict[str, Any]:
    """What a monitor comes to that sees a part of each batch. In the last step the first process has two thirds of it."""
    for step in range(1, STEPS + 1):
        mine = (
            slice(None)
            if part is None
            else part
            if step < STEPS
            else slice(0, 16)
            if part.start == 0
            else slice(16, 24)
        )
        z, z2, h, labels = (rows[mine] for rows in batch(step))
        monitor.update(z, z2=z2, h=h, labels=labels, loss=z.mean())
    monitor.close()
    return {
        "warned": [(warned.kind, warned.step) for warned in monitor.warned],
        "results": monitor.compute().to_dict()["results"],
        "look": vars(monitor.last_look),
    }


def one_of_two(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.distributed.init_process_group("gloo")
    seen: list[dict[str, Any]] = []
    monitor = collapse.CollapseMonitor(
        every=2, sink=seen.append, folder=folder, on_collapse=lambda warned: None
    )
    outcome = watched(monitor, slice(12 * rank, 12 * rank + 12))
    alone = collapse.CollapseMonitor(every=2, gather=False)
    alone.update(torch.eye(5 + rank))
    large = collapse.CollapseMonitor(every=2)
    large.update(torch.arange(2000.0).view(-1, 1).expand(-1, 2000) + 2000 * rank)
    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 3)))
    with collapse.CollapseMonitor.watch(model, ["0", "1"], every=1) as hooked:
        model(batch(1)[0][12 * rank : 12 * rank + 12]).sum().backward()
    outcome |= {
        "sink": len(seen),
        "alone": len(alone._course.rows.batches[0]),
        "hooked": vars(hooked.last_look),
    }
    thinned = large._course.rows.batches[0]
    outcome["large"] = [thinned.spaces["z"][:, 0].tolist(), thinned.seen]
    beside = monitor_ranks.distributed.get_backend_config
    monitor_ranks.distributed.get_backend_config = lambda: "cuda:nccl"  # type: ignore[assignment]
    whole, _ = monitor_ranks.gathered_rows([torch.full((1 + rank, 2), float(rank))], None)
    monitor_ranks.distributed.get_backend_config = beside
    outcome["second group"] = whole[0].tolist()
    Path(folder, f"{rank}.json").write_text(json.dumps(outcome))
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    from tests.processes import two  # not in the processes, which import this file
    from tests.test_distributed import free_port

    folder = tmp_path_factory.mktemp("both")
    two(one_of_two, free_port(), str(folder))
    return folder, [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def test_two_processes_equal_one(both: tuple[Path, list[dict[str, Any]]]) -> None:
    """Halves of each batch, of the last one two thirds and one third; the loss is a mean over rows, so that it is theirs."""
    whole = watched(collapse.CollapseMonitor(every=2, on_collapse=lambda warned: None))
    _, outcomes = both
    assert whole["warned"] != []
    for outcome in outcomes:
        assert [tuple(each) for each in outcome["warned"]] == whole["warned"]
        assert outcome["look"].pop("loss") == pytest.approx(whole["look"]["loss"], rel=1e-5)
        assert outcome["look"] == {name: value for name, value in whole["look"].items() if name != "loss"}
        for ours, theirs in zip(outcome["results"], json.loads(json.dumps(whole["results"])), strict=True):
            assert ours["verdict"] == theirs["verdict"]
            assert all(
                ours["metrics"][name] == theirs["metrics"][name]
                for name in theirs["metrics"]
                if name != "loss"
            )


def test_the_first_process_writes(both: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, outcomes = both
    assert [outcome["sink"] for outcome in outcomes] == [31, 0]
    lines = [json.loads(line) for line in (folder / "monitor.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines].count("look") == 31
    assert (lines[0]["world"], lines[0]["chance"]["ln(B·world)"]) == (
        2,
        pytest.approx(torch.tensor(24.0).log()),
    )


def test_each_alone(both: tuple[Path, list[dict[str, Any]]]) -> None:
    assert [outcome["alone"] for outcome in both[1]] == [5, 6]


def test_hooks_in_ddp(both: tuple[Path, list[dict[str, Any]]]) -> None:
    one, other = (outcome["hooked"] for outcome in both[1])
    assert one == other
    assert (one["samples"], one["dimensions"]) == (24, 3)


def test_sizes_are_asked_in_a_second_group_where_cpus_have_none(
    both: tuple[Path, list[dict[str, Any]]],
) -> None:
    assert [outcome["second group"] for outcome in both[1]] == [[[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]]] * 2


def test_what_many_processes_have_is_thinned_before_it_is_gathered(
    both: tuple[Path, list[dict[str, Any]]],
) -> None:
    """2 x 2,000 embeddings of 2,000 float32: 7.1 MB hold 888 of them, so every fifth is given, 400 of each process."""
    assert [outcome["large"] for outcome in both[1]] == [
        [[float(number) for number in range(0, 4000, 5)], 4000]
    ] * 2
