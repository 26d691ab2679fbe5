"""Watching by hooks: which calls count, what is taken of them, and that nothing is left behind."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import collapse_cli as collapse
from collapse_cli.errors import CollapseError

watch = collapse.CollapseMonitor.watch


class Encoder(nn.Module):
    """A backbone and a projector; what else it does in a forward pass is a test's choice."""

    def __init__(self, way: str = "plain") -> None:
        super().__init__()
        self.way = way
        self.backbone = nn.Sequential(nn.Flatten(), nn.Linear(12, 10), nn.ReLU())
        self.projector = nn.Linear(10, 6)

    def forward(self, images: Tensor, others: Tensor | None = None) -> Any:
        if self.way == "reentrant":
            h = checkpoint(self.backbone, images, use_reentrant=True)
            return checkpoint(self.projector, h, use_reentrant=True)
        if self.way == "checkpoint":
            return checkpoint(
                self.projector, checkpoint(self.backbone, images, use_reentrant=False), use_reentrant=False
            )
        z = self.projector(self.backbone(images))
        return z if others is None else (z, self.projector(self.backbone(others)))


def batch(seed: int = 0) -> Tensor:
    return torch.rand(16, 3, 2, 2, generator=torch.Generator().manual_seed(seed))


def hooks_of(model: nn.Module) -> int:
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules())


def layer_hooks(model: nn.Module) -> int:
    """Those that take outputs."""
    return sum(len(part._forward_hooks) for part in model.modules() if part is not model)


def rows(monitor: collapse.CollapseMonitor, space: str, place: int = -1) -> Tensor:
    return monitor._course.rows.batches[place].spaces[space]


class TestWhatCounts:
    @pytest.mark.parametrize("way", ["plain", "checkpoint", "reentrant"])
    def test_training_passes_and_no_recomputation(self, way: str) -> None:
        """Of each of seven steps a pass; with activation checkpointing the backward pass calls the layers again."""
        model, seen = Encoder(way), []
        with watch(model, ["projector"], seen.append, every=3) as monitor:
            for step in range(7):
                model(batch(step).requires_grad_()).sum().backward()
        assert monitor.step == 7
        assert [look["step"] for look in seen] == [1, 3, 6]

    def test_no_evaluation(self) -> None:
        model = Encoder()
        with watch(model, ["backbone", "projector"], every=1) as monitor:
            model(batch())
            model.eval()(batch())
            model.train()
            with torch.no_grad():
                model(batch())
            with torch.inference_mode():
                model(batch())
            model(batch())
        assert monitor.step == 2

    def test_parts_that_the_loop_calls_itself(self) -> None:
        """As a LightningModule's training_step does, and our own methods."""
        model = Encoder()
        with watch(model, ["projector"], every=2) as monitor:
            for step in range(4):
                z = model.projector(model.backbone(batch(step)))
        assert monitor.step == 4
        assert torch.equal(rows(monitor, "z"), z)

    @pytest.mark.parametrize("together", [False, True])
    def test_two_passes_are_a_step(self, together: bool) -> None:
        """In two calls of the model, or in one that calls the layer twice."""
        model = Encoder()
        with watch(model, ["backbone", "projector"], every=2, passes=2) as monitor:
            for step in range(4):
                one, other = batch(step), batch(step + 10)
                z, z2 = model(one, other) if together else (model(one), model(other))
        assert monitor.step == 4
        assert torch.equal(rows(monitor, "z"), z)
        assert torch.equal(rows(monitor, "z2"), z2)
        assert torch.equal(rows(monitor, "h"), model.backbone(one))

    def test_two_halves(self) -> None:
        model = Encoder()
        with watch(model, ["backbone", "projector"], every=1, halves=True) as monitor:
            z = model(batch())
        assert torch.equal(rows(monitor, "z"), z[:8])
        assert torch.equal(rows(monitor, "z2"), z[8:])
        assert rows(monitor, "h").shape == (8, 10)

    def test_a_pass_that_fails_is_no_step(self) -> None:
        """Of the first layer, of the last, and in a step that is not looked at."""
        model = Encoder()
        with watch(model, ["backbone", "projector"], every=2) as monitor:
            for step in range(5):
                for wrong in (torch.ones(16, 7), torch.ones(16, 3, 2, 3)):
                    with pytest.raises(RuntimeError):
                        model(wrong)
                if step == 3:  # looked at
                    with pytest.raises(RuntimeError):
                        model.projector(torch.ones(16, 3))
                z = model(batch(step))
        assert monitor.step == 5
        assert rows(monitor, "z").shape == z.shape

    def test_a_monitor_that_saw_nothing_says_so(self) -> None:
        model = Encoder()
        with (
            pytest.warns(UserWarning, match="projector was not called in train mode"),
            watch(model, ["projector"]),
        ):
            model.eval()(batch())


class TestHooks:
    def test_layers_have_them_in_the_steps_that_are_looked_at_alone(self) -> None:
        model, counts = Encoder(), []
        with watch(model, ["backbone", "projector"], every=4):
            model.projector.register_forward_pre_hook(lambda *_: counts.append(layer_hooks(model)))
            for step in range(8):
                model(batch(step))
        assert counts == [2, 0, 0, 2, 0, 0, 0, 2]

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_none_is_left(self, error: type[BaseException]) -> None:
        model = Encoder()

        def work() -> None:
            with watch(model, ["backbone", "projector"], every=1):
                model(batch())
                raise error

        with pytest.raises(error):
            work()
        assert hooks_of(model) == 0

    def test_none_is_left_where_it_warns_by_an_error(self) -> None:
        model = Encoder()

        def work() -> None:
            with watch(model, ["projector"], every=1, on_collapse="raise") as monitor:
                model(batch())
                monitor.note_loss(float("nan"))
                model(batch())

        with pytest.raises(CollapseError, match="Not finite at step 1"):
            work()
        assert hooks_of(model) == 0

    def test_two_monitors_watch_at_once(self) -> None:
        model = Encoder()
        with watch(model, ["backbone"], every=2) as one, watch(model, ["projector"], every=3) as other:
            for step in range(6):
                model(batch(step))
        assert (rows(one, "z").shape, rows(other, "z").shape) == ((16, 10), (16, 6))
        assert hooks_of(model) == 0


class Gives(nn.Module):
    """A network whose only layer gives what a function makes of tokens (B,3,4)."""

    def __init__(self, make: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.make = make
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Any:
        return self.make(self.scale * images.flatten(2))


OUTPUTS: dict[str, tuple[Callable[[Tensor], Any], str, Callable[[Tensor], Tensor]]] = {
    "rows": (lambda tokens: tokens[:, 0], "auto", lambda tokens: tokens[:, 0]),
    "a tuple": (lambda tokens: (tokens[:, 0], tokens), "auto", lambda tokens: tokens[:, 0]),
    "a mapping": (
        lambda tokens: OrderedDict(last_hidden_state=tokens, pooler_output=tokens[:, 1]), "auto", lambda tokens: tokens[:, 1],
    ),
    "tokens, their mean": (lambda tokens: tokens, "mean", lambda tokens: tokens.mean(dim=1)),
    "tokens, the first": (lambda tokens: {"last_hidden_state": tokens}, "first", lambda tokens: tokens[:, 0]),
    "maps": (lambda tokens: tokens.unflatten(2, (2, 2)), "auto", lambda tokens: tokens.mean(dim=2)),
}  # fmt: skip


@pytest.mark.parametrize(("make", "pool", "expected"), OUTPUTS.values(), ids=list(OUTPUTS))
def test_outputs_of_any_kind(
    make: Callable[[Tensor], Any], pool: Any, expected: Callable[[Tensor], Tensor]
) -> None:
    model = Gives(make)
    with watch(model, pool=pool) as monitor:
        model(batch())
    torch.testing.assert_close(rows(monitor, "z"), expected(batch().flatten(2)))


def test_tokens_are_refused_without_a_pool() -> None:
    model = Gives(lambda tokens: tokens)

    def work() -> None:
        with watch(model):
            model(batch())

    with pytest.raises(CollapseError, match=r"returns \(16, 3, 4\), not \(B, D\)"):
        work()
    assert hooks_of(model) == 0


def test_ddp_needs_no_module_in_front(tmp_path: Any) -> None:
    torch.distributed.init_process_group("gloo", f"file://{tmp_path}/group", world_size=1, rank=0)
    try:
        model = nn.parallel.DistributedDataParallel(Encoder())
        with watch(model, ["backbone", "module.projector"], every=1) as monitor:
            model(batch()).sum().backward()
    finally:
        torch.distributed.destroy_process_group()
    assert rows(monitor, "h").shape == (16, 10)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no layer of this name": (
        lambda: watch(Encoder(), ["projecter"]),
        "no layer 'projecter'\ndid you mean 'projector'",
    ),
    "three": (lambda: watch(Encoder(), ["backbone.0", "backbone", "projector"]), "watches one or two"),
    "twice the same": (lambda: watch(Encoder(), ["backbone", "backbone"]), "watches one or two"),
    "no module": (lambda: watch(print, ["backbone"]), "not an nn.Module\nuse update"),  # type: ignore[arg-type]
    "compiled": (
        lambda: watch(torch.compile(Encoder()), ["projector"]),
        "the model is compiled.*\nuse update",
    ),
    "compiled in place": (lambda: watch(compiled(), ["projector"]), "the layer projector is compiled"),
    "a part that is compiled": (
        lambda: watch(part_compiled(), ["backbone.1"]),
        "the layer backbone is compiled",
    ),
    "replicas": (lambda: watch(nn.DataParallel(Encoder()), ["projector"]), "DataParallel have no hooks"),
    "pool": (lambda: watch(Encoder(), ["projector"], pool="max"), "pool cannot be 'max'"),  # type: ignore[arg-type]
    "passes": (lambda: watch(Encoder(), ["projector"], passes=0), "passes cannot be 0"),
}


def compiled() -> nn.Module:
    model = Encoder()
    model.projector.compile()
    return model


def part_compiled() -> nn.Module:
    model = Encoder()
    model.backbone = torch.compile(model.backbone)  # type: ignore[assignment]
    return model


@pytest.mark.parametrize(("work", "words"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_watched_is_refused(work: Callable[[], Any], words: str) -> None:
    with pytest.raises(CollapseError, match=words):
        work()


def test_layers_in_the_wrong_order_are_refused() -> None:
    model = Encoder()

    def work() -> None:
        with watch(model, ["projector", "backbone"]):
            model(batch())

    with pytest.raises(CollapseError, match="projector is not called before backbone"):
        work()


def test_the_loss_is_of_the_step_that_was_looked_at() -> None:
    model, seen = Encoder(), []
    with watch(model, ["projector"], seen.append, every=2) as monitor:
        for step in range(1, 5):
            model(batch())
            monitor.note_loss(torch.tensor(float(step)))
    assert [(look["step"], look["loss"]) for look in seen] == [(1, 1.0), (2, 2.0), (4, 4.0)]


def test_a_state_that_is_loaded_within() -> None:
    """Steps go on from it: after 7 of them the 8th is looked at, and not the first that is seen here."""
    model, seen = Encoder(), []
    with watch(model, ["projector"], every=4) as before:
        for _ in range(6):
            model(batch())
    with watch(model, ["projector"], seen.append, every=4) as monitor:
        monitor.load_state_dict(before.state_dict())
        for _ in range(3):
            model(batch())
    assert [look["step"] for look in seen] == [8]
    assert monitor.step == 9


def test_autocast_takes_no_digits() -> None:
    """What a layer gives in bfloat16 is looked at in float32."""
    model, seen = Encoder(), []
    with watch(model, ["projector"], seen.append), torch.autocast("cpu", torch.bfloat16):
        z = model(batch())
    assert z.dtype == torch.bfloat16
    other: list[dict[str, Any]] = []
    collapse.CollapseMonitor(sink=other.append).update(z.float())
    assert seen == other


def test_no_warning_in_the_ordinary_case() -> None:
    model = Encoder()
    with warnings.catch_warnings(action="error"), watch(model, ["projector"], every=1):
        model(batch())


def test_why_nothing_was_watched_is_told() -> None:
    """The usual reason is a model in eval mode, and not a call of update() that is missing."""
    model = nn.Sequential(nn.Linear(4, 4)).eval()
    with (
        pytest.warns(UserWarning, match="0 was not called in train mode"),
        collapse.CollapseMonitor.watch(model, layers=["0"]) as monitor,
    ):
        model(torch.ones(8, 4))
    with pytest.raises(CollapseError) as raised:
        monitor.compute()
    assert raised.value.hint.startswith("call 0 in train mode")


def test_a_with_that_was_forgotten_is_told() -> None:
    watching = collapse.CollapseMonitor.watch(nn.Sequential(nn.Linear(4, 4)), layers=["0"])
    with pytest.raises(CollapseError, match="compute was asked for without it"):
        watching.compute()  # type: ignore[attr-defined]
    assert not hasattr(watching, "_ipython_display_")
    with pytest.warns(UserWarning, match="was not called"), watching:
        pass
    with pytest.raises(CollapseError, match="used already"), watching:
        pass
