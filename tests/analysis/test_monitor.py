"""A monitor in a loop: which steps it looks at, what it warns of and how often, what it keeps, and what it says of that."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor

import collapse_cli as collapse
from collapse_cli.analysis import monitor_rows
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.alarm import Warned


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def fed(monitor: collapse.CollapseMonitor, steps: int, scale: float = 1.0, **given: Any) -> None:
    """So many more steps of isotropic embeddings (32, 8), times a number."""
    for _ in range(steps):
        monitor.update(scale * noise(32, 8, seed=monitor.step), **given)


def looks(every: int, steps: int) -> list[int]:
    seen: list[dict[str, Any]] = []
    fed(collapse.CollapseMonitor(every=every, sink=seen.append), steps)
    return [look["step"] for look in seen]


def test_it_looks_at_the_first_step_and_at_every_so_many() -> None:
    assert looks(10, 35) == [1, 10, 20, 30]
    assert looks(1, 3) == [1, 2, 3]
    assert looks(50, 49) == [1]


def test_due_says_whether_the_next_update_looks() -> None:
    monitor = collapse.CollapseMonitor(every=3)
    due = []
    for _ in range(6):
        due.append(monitor.due)
        fed(monitor, 1)
    assert due == [True, False, True, False, False, True]


def test_the_sink_gets_plain_numbers_and_texts() -> None:
    seen: list[dict[str, Any]] = []
    fed(collapse.CollapseMonitor(every=1, sink=seen.append), 2, loss=math.log(32))
    assert {type(value) for value in seen[0].values()} <= {int, float, str, bool}
    assert (seen[1]["step"], seen[1]["samples"], seen[1]["dimensions"]) == (2, 32, 8)
    assert seen[1]["chance_level"] == "ln B"


WARNED = [("collapse of scale", 125)]


class TestWarnings:
    def collapsing(self, **settings: Any) -> collapse.CollapseMonitor:
        monitor = collapse.CollapseMonitor(every=5, **settings)
        fed(monitor, 100)
        fed(monitor, 100, scale=1e-3)
        return monitor

    def test_the_sink_is_told_in_the_look_that_decided(self) -> None:
        """Before an error is raised, too."""
        seen: list[dict[str, Any]] = []
        with pytest.raises(CollapseError):
            self.collapsing(sink=seen.append, on_collapse="raise")
        assert [look["step"] for look in seen if "warning" in look] == [125]
        assert seen[-1]["warning"] == "collapse of scale"
        assert seen[-1]["message"].startswith("Collapse of scale at step 125. ")

    def test_once_in_words_with_step_and_evidence(self) -> None:
        with pytest.warns(
            UserWarning, match=r"Collapse of scale at step 125\. .*variance of z: .*e-06"
        ) as caught:
            monitor = self.collapsing()
        assert [each.filename for each in caught] == [__file__]
        assert [(warned.kind, warned.step) for warned in monitor.warned] == WARNED

    def test_an_error(self) -> None:
        with pytest.raises(CollapseError, match="Collapse of scale at step 125"):
            self.collapsing(on_collapse="raise")

    def test_a_function(self) -> None:
        called: list[Warned] = []
        self.collapsing(on_collapse=called.append)
        assert [(warned.kind, warned.step) for warned in called] == WARNED

    def test_nan_at_once(self) -> None:
        monitor = collapse.CollapseMonitor(every=1)
        for _ in range(2):
            monitor.update(noise(8, 4))
        with pytest.warns(UserWarning, match="Not finite at step 3"):
            monitor.update(noise(8, 4) * math.nan)
        with warnings.catch_warnings(action="error"):
            monitor.update(noise(8, 4) * math.nan)

    def test_a_loss_that_is_not_finite(self) -> None:
        with pytest.warns(UserWarning, match="Not finite at step 1"):
            collapse.CollapseMonitor().update(noise(8, 4), loss=math.inf)

    @pytest.mark.parametrize("loss", [-1.0, 0.0, math.log(32)])
    def test_the_loss_alone_never_warns(self, loss: float) -> None:
        with warnings.catch_warnings(action="error"):
            fed(collapse.CollapseMonitor(every=1), 400, loss=loss)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"z": noise(8)}, r"z has shape \(8,\), not \(B, D\)"),
        ({"z": noise(2, 3, 4)}, r"z has shape \(2, 3, 4\), not \(B, D\)"),
        ({"z": torch.ones(4, 4, dtype=torch.long)}, "z is int64, and embeddings are of a floating type"),
        ({"z": [[1.0]]}, "z is a list, not an array"),
        ({"z": None}, "no embeddings z"),
        ({"z": noise(8, 4), "z2": noise(7, 4)}, r"z2 has shape \(7, 4\), and z has \(8, 4\)"),
        ({"z": noise(8, 4), "z2": noise(8, 5)}, r"z2 has shape \(8, 5\)"),
        ({"z": noise(8, 4), "h": noise(9, 5)}, r"h has shape \(9, 5\)"),
        ({"z": noise(8, 4), "labels": torch.zeros(7, dtype=torch.long)}, r"labels are int64 of shape \(7,\)"),
        ({"z": noise(8, 4), "labels": torch.zeros(8)}, "labels are float32"),
        ({"z": noise(8, 4), "labels": ["a"] * 8}, "no whole numbers"),
        ({"z": noise(8, 4), "loss": noise(8)}, r"loss has shape \(8,\), not one number"),
        ({"z": noise(8, 4), "loss": "low"}, "loss is a str, not a number"),
        ({"z": noise(0, 4)}, "there is no embedding in it"),
        ({"z": noise(8, 4).to_sparse()}, "z is a sparse tensor"),
        ({"z": noise(8, 12).reshape(8, 3, 4)}, r"of tokens \(B, T, D\) give one embedding"),
    ],
)
def test_what_is_no_batch_of_embeddings_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(CollapseError, match=words):
        collapse.CollapseMonitor().update(**given)


@pytest.mark.parametrize("space", ["z", "h"])
def test_embeddings_of_another_width_are_refused(space: str) -> None:
    monitor = collapse.CollapseMonitor(every=1)
    monitor.update(noise(8, 4), h=noise(8, 6))
    with pytest.raises(CollapseError, match=f"{space} has 5 dimensions at step 2, and had . before"):
        monitor.update(**{"z": noise(8, 4), "h": noise(8, 6), space: noise(8, 5)})


def test_monitors_of_other_widths_do_not_merge() -> None:
    monitors = [collapse.CollapseMonitor(every=1) for _ in range(2)]
    for monitor, d in zip(monitors, (4, 5), strict=True):
        monitor.update(noise(8, d))
    with pytest.raises(CollapseError, match="embeddings of 4 and of 5 dimensions"):
        monitors[0].merge_state(monitors[1])


def test_a_status_of_another_name_is_refused() -> None:
    """A watch of the folder would wait for ever, or show a word that nothing explains."""
    with pytest.raises(CollapseError, match="status cannot be 'finished'"):
        collapse.CollapseMonitor().close("finished")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"every": 0}, "every cannot be 0"),
        ({"window": 1.5}, "window cannot be 1.5"),
        ({"queue": -1}, "queue cannot be -1"),
        ({"on_collapse": "stop"}, "on_collapse cannot be 'stop'"),
        ({"sink": "wandb"}, "sink is a str"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(CollapseError, match=words):
        collapse.CollapseMonitor(**settings)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_any_floating_type(kind: torch.dtype) -> None:
    """0.5 and 2 are the same in all of them: so is the verdict."""
    z = noise(64, 8).sign() * torch.tensor([0.5, 2.0]).repeat(4)
    results = []
    for rows in (z, z.to(kind).requires_grad_(), z.numpy()):
        monitor = collapse.CollapseMonitor()
        monitor.update(rows)
        results.append(monitor.compute().effective_rank)
    assert results == pytest.approx([float(results[0])] * 3, rel=1e-6)


def test_no_graph_is_held() -> None:
    monitor = collapse.CollapseMonitor()
    weight = torch.ones(8, requires_grad=True)
    monitor.update(noise(16, 8) * weight, h=noise(16, 9) * weight[0])
    assert not any(rows.requires_grad for rows in monitor._course.rows.batches[0].spaces.values())


def test_what_is_kept_is_a_copy() -> None:
    z = noise(16, 4)
    monitor = collapse.CollapseMonitor()
    monitor.update(z)
    before = monitor.compute().effective_rank
    z.zero_()
    assert monitor.compute().effective_rank == before


def test_the_verdict_is_that_of_diagnose_on_the_same_embeddings() -> None:
    """Of batches that do not move: to the last bit, of the last four of six looks."""
    z, h = noise(6 * 64, 8), noise(6 * 64, 24, seed=1).relu()
    monitor = collapse.CollapseMonitor(every=1, window=4)
    for rows, of_h in zip(z.split(64), h.split(64), strict=True):
        monitor.update(rows, h=of_h)
    result = monitor.compute()
    for space, rows in (("z", z[128:]), ("h", h[128:])):
        expected = collapse.diagnose(rows)
        assert result[space].status == expected.status
        ours, theirs = (each.to_dict()["results"][0]["metrics"] for each in (result[space], expected))
        assert ours == theirs
    assert "256 embeddings of 4 batches, steps 3 to 6" in str(result)


def test_a_drift_counts_as_no_dimension() -> None:
    """Embeddings on a line, of which each batch lies elsewhere: eight batches would fill seven more dimensions.

    A line beside 0 is an arc on the sphere: two.
    """
    line = noise(1, 16, seed=9)
    monitor = collapse.CollapseMonitor(every=1)
    for step in range(8):
        monitor.update(noise(64, 1, seed=step) * line + 10 * noise(1, 16, seed=100 + step))
    assert int(monitor.compute().active) == 2


def test_too_few_embeddings_are_not_judged_and_told_how_more_are_had() -> None:
    monitor = collapse.CollapseMonitor(every=1, window=2)
    fed_h = noise(3 * 32, 100)
    for rows in fed_h.split(32):
        monitor.update(rows)
    result = monitor.compute()
    assert result.status == "inconclusive"
    assert "64 embeddings are too few to judge 100 dimensions" in str(result)
    assert "give window=4 or more" in str(result)


def test_nothing_to_judge_yet() -> None:
    with pytest.raises(CollapseError, match="no batch was looked at yet"):
        collapse.CollapseMonitor().compute()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MB in all, here 64 kB, whatever is given: 9 looks at 512 x (8 + 8 + 24) float32 would be 737 kB."""
    assert monitor_rows.BYTES == 64e6
    monkeypatch.setattr(monitor_rows, "BYTES", 64_000)
    monitor = collapse.CollapseMonitor(every=1, window=8)
    z, h = noise(512, 8), noise(512, 24, seed=1)
    for _ in range(9):
        monitor.update(z, z2=z, h=h)
    course = monitor._course
    assert course.first is not None
    assert 50_000 < course.rows.nbytes + course.first.nbytes <= 64_000
    samples = [batch.spaces["z"] for batch in course.rows.batches]
    assert {len(sample.unique(dim=0)) for sample in samples} == {44}
    assert not torch.equal(samples[0], samples[1])
    assert "352 of 4,096 embeddings are held, a seeded sample of each batch" in " ".join(
        monitor.compute().warnings
    )


def test_numpy() -> None:
    monitor = collapse.CollapseMonitor()
    monitor.update(
        numpy.random.default_rng(0).standard_normal((100, 4)),
        labels=numpy.arange(100) % 3,
        loss=numpy.float32(1),
    )
    assert monitor.compute().status == "healthy"


class TestStates:
    def halves(self) -> tuple[collapse.CollapseMonitor, collapse.CollapseMonitor]:
        """An unbroken training, and one whose monitor was saved, through torch.save, and loaded on the way to the collapse."""
        whole, part = (collapse.CollapseMonitor(every=5, on_collapse=lambda warned: None) for _ in range(2))
        for monitor in (whole, part):
            fed(monitor, 110)
            fed(monitor, 3, scale=1e-3)
        resumed = collapse.CollapseMonitor(every=5, on_collapse=lambda warned: None)
        resumed.load_state_dict(part.state_dict())
        for monitor in (whole, resumed):
            fed(monitor, 60, scale=1e-3)
        return whole, resumed

    def test_a_resumed_monitor_decides_as_an_unbroken_one(self) -> None:
        whole, resumed = self.halves()
        assert whole.warned == resumed.warned != ()
        assert whole.compute().to_dict()["results"] == resumed.compute().to_dict()["results"]

    def test_a_state_is_of_plain_types(self, tmp_path: Any) -> None:
        """So torch.load takes it without unpickling anything else."""
        monitor = collapse.CollapseMonitor(every=1)
        fed(monitor, 4, labels=torch.arange(32))
        torch.save(monitor.state_dict(), tmp_path / "state.pt")
        other = collapse.CollapseMonitor(every=1)
        other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
        assert other.step == 4
        assert other.compute().to_dict()["results"] == monitor.compute().to_dict()["results"]

    def test_a_state_without_rows_is_small(self) -> None:
        whole, resumed = collapse.CollapseMonitor(every=1), collapse.CollapseMonitor(every=1)
        fed(whole, 4)
        state = whole.state_dict(rows=False)
        assert state["rows"] == []
        resumed.load_state_dict(state)
        assert resumed.step == 4

    def test_another_state_is_refused(self) -> None:
        with pytest.raises(CollapseError, match="no state of a CollapseMonitor"):
            collapse.CollapseMonitor().load_state_dict({"version": 7})

    @pytest.mark.parametrize("part", ["step", "origin", "alarm", "first", "rows", "warned"])
    def test_a_damaged_state_is_refused_and_changes_nothing(self, part: str) -> None:
        monitor, other = collapse.CollapseMonitor(every=1), collapse.CollapseMonitor(every=1)
        fed(monitor, 3)
        state = monitor.state_dict()
        for damaged in ({**state, part: 1.5}, {name: value for name, value in state.items() if name != part}):
            if part in damaged and part in ("step", "origin"):  # what they are is seen when they are used
                continue
            with pytest.raises(CollapseError, match="no state of a CollapseMonitor"):
                other.load_state_dict(damaged)
        assert (other.step, other.warned) == (0, ())

    def test_reset(self) -> None:
        monitor = collapse.CollapseMonitor(every=1)
        fed(monitor, 3)
        monitor.reset()
        assert (monitor.step, monitor.warned, monitor.last_look) == (0, (), None)


class TestMerging:
    def test_two_halves_of_batches_are_the_whole(self) -> None:
        """Each of two monitors sees half of every batch: merged, they judge as one that sees all."""
        z = noise(4 * 64, 8)
        whole, one, other = (collapse.CollapseMonitor(every=1) for _ in range(3))
        for rows in z.split(64):
            whole.update(rows)
            one.update(rows[:32])
            other.update(rows[32:])
        one.merge_state(other)
        assert one.compute().to_dict()["results"] == whole.compute().to_dict()["results"]

    def test_into_one_that_has_seen_nothing(self) -> None:
        one, other = collapse.CollapseMonitor(every=1), collapse.CollapseMonitor(every=1)
        fed(other, 3)
        one.merge_state(other)
        assert one.step == 3

    def test_another_type_is_refused(self) -> None:
        with pytest.raises(CollapseError, match="given a dict"):
            collapse.CollapseMonitor().merge_state({})  # type: ignore[arg-type]
