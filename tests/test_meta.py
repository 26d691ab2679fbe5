"""What a GPU would be asked to do, seen on a machine without one: no step mixes devices, waits, or multiplies in float64.

Tensors on "meta" have shapes and no numbers, so whole steps run in milliseconds: two views, forward, backward, the optimizer,
the slow copy and the queue. What runs here is `training.train` itself, after its first step.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from collapse_cli import methods, stepping
from collapse_cli.analysis.monitor import CollapseMonitor
from collapse_cli.augment.recipes import LABELLED, RECIPES, augment
from collapse_cli.constants import _copied
from collapse_cli.methods import Method
from collapse_cli.settings import METHODS, Training, resolve
from collapse_cli.shapes import Batch, DataShape, Images, Normalisation
from collapse_cli.training import train
from collapse_cli.training_state import Part, State
from tests.device_watch import Pretending, Watch, claiming, seen, waits

NORMAL = Normalisation((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
MASKS = {"mask_false_negatives": True, "mask_random": 0.3}
MIXING = {"mix_after": 0.0, "pair_mixes": 5, "query_mixes": 3}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "moco with all": ("moco", {"symmetric": True, "mask_own": True, "bn_splits": 2, "shuffle_bn": True, **MASKS}),
    "moco gradient": ("moco", {"key_encoder": "gradient"}),
    "moco cosine": ("moco", {"momentum_schedule": "cosine", "encoder": "resnet18"}),
    "mochi mixing": ("mochi", {**MIXING, **MASKS, "symmetric": True}),
    "mochi before mixing": ("mochi", {"mix_after": 1.0}),
    "end-to-end masks": ("end-to-end", {"negatives": "other-view", **MASKS}),
    "memory-bank nce": ("memory-bank", {"bank_loss": "nce", **MASKS}),
    "simsiam bare": ("simsiam", {"stop_gradient": False, "predictor": False}),
    "moco in parts": ("moco", {"batch": 8, "accumulate": 2, "optimizer": "lars", "warmup": 1}),
    "vicreg with sgd": ("vicreg", {"optimizer": "sgd"}),
}  # fmt: skip
CASES = {name: (name, {}) for name in METHODS} | VARIANTS
ROOT = Path(methods.__file__).parent.parent


class Seen(Exception):
    """Enough steps were watched."""


def on_meta(count: int = 64) -> Images:
    pixels = torch.empty(count, 3, 32, 32, dtype=torch.uint8, device="meta")
    return Images(pixels, torch.empty(count, dtype=torch.long, device="meta"), ("a", "b", "c"), "meta/train")


def begun(name: str, given: dict[str, Any]) -> tuple[Method, Training, State]:
    """A method on the device that is not there, with SGD or Adam, ready to train in batches of 16."""
    small: dict[str, Any] = {"queue": 48} if name in ("moco", "mochi", "nnclr") else {}
    small |= {"hardest": 8} if name == "mochi" else {"negatives": 32} if name == "memory-bank" else {}
    run = resolve(name, {"batch": 16, "recipe": "moco_v2"} | small | given)
    method = methods.build(run, DataShape((3, 32, 32), 64, 3))
    network = cast(nn.Module, method).to("meta")
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    generator = claiming()
    part = Part(
        generator.get_state(), steps=4, total=torch.zeros((), device="meta")
    )  # batch norm has settled
    return method, run.training, State(parameters, run.training, generator, part=part)


def trained(begun: tuple[Method, Training, State], steps: int) -> None:
    """So many steps of it, from where it stands."""
    method, settings, state = begun

    def between() -> None:
        nonlocal steps
        steps -= 1
        if not steps:
            raise Seen

    with suppress(Seen):
        list(train(method, on_meta(), NORMAL, settings, state, between))


def faults(
    name: str, given: dict[str, Any], plant: Callable[[Method], None] = lambda method: None
) -> list[str]:
    """Of a step, after a first in which constants are copied to the device and the optimizer makes its buffers."""
    ready = begun(name, given)
    trained(ready, 1)
    plant(ready[0])
    return seen(lambda: trained(ready, 1))


@pytest.mark.parametrize(("name", "given"), CASES.values(), ids=list(CASES))
def test_a_step_of_every_method_neither_waits_nor_mixes_devices(name: str, given: dict[str, Any]) -> None:
    assert faults(name, given) == []


def planted(fault: Callable[[Method, Tensor], object]) -> Callable[[Method], None]:
    """A loss that also does something with its keys' similarities, or with its views."""

    def plant(method: Method) -> None:
        loss = method.loss

        def faulty(batch: Batch) -> Tensor:
            fault(method, batch.first.flatten(1))
            return loss(batch)

        method.loss = faulty  # type: ignore[method-assign]

    return plant


FAULTS: dict[str, tuple[Callable[[Method, Tensor], object], str]] = {
    "item": (lambda method, rows: rows.sum().item(), "waited for"),
    "float": (lambda method, rows: float(rows.sum()), "waited for"),
    "bool of a buffer": (lambda method, rows: bool(method.negatives.seen > 3), "waited for"),  # type: ignore[union-attr]
    "cpu": (lambda method, rows: rows.cpu(), "waited for"),
    "to the CPU in the background": (lambda method, rows: rows.to("cpu", non_blocking=True), "waited for"),
    "tolist": (lambda method, rows: rows.tolist(), "waited for"),
    "nonzero": (lambda method, rows: rows.nonzero(), "waited for"),
    "bincount": (lambda method, rows: (rows[0] > 0).long().bincount(), "waited for"),
    "unique": (lambda method, rows: rows.unique(), "waited for"),
    "a mask as an index": (lambda method, rows: rows[rows > 0], "how many are true"),
    "masked_select": (lambda method, rows: rows.masked_select(rows > 0), "waited for"),
    "repeated as often as tensors say": (lambda method, rows: rows.repeat_interleave((rows[:, 0] > 0).long(), 0), "waited for"),
    "equal": (lambda method, rows: torch.equal(rows, rows), "waited for"),
    "factors of the CPU": (lambda method, rows: rows * torch.rand(rows.shape), "mixes a device and the CPU"),
    "places of the CPU": (lambda method, rows: rows[torch.arange(3)], "mixes a device and the CPU"),
    "moved to the device": (lambda method, rows: torch.rand(3).to(rows.device), "from the CPU to the device"),
    "numbers from Python": (lambda method, rows: torch.tensor([1.0, 2.0], device=rows.device), "from Python"),
    "new_tensor": (lambda method, rows: rows.new_tensor([1.0, 2.0]), "from Python"),
    "a product in float64": (lambda method, rows: rows.double() @ rows.double().T, "product in float64"),
    "a convolution in float64": (
        lambda method, rows: nn.functional.conv1d(rows[None].double(), rows[None, :, :3].double()), "product in float64",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "words"), FAULTS.values(), ids=list(FAULTS))
def test_a_planted_fault_is_seen(fault: Callable[[Method, Tensor], object], words: str) -> None:
    """In the loss of MoCo."""
    if words == "from Python" and not seen(lambda: torch.tensor([1.0], device="meta")):
        pytest.skip("this version of torch does not tell of it; the lines are read below")
    assert words in "; ".join(faults("moco", {"encoder": "mlp", "recipe": "none"}, planted(fault)))


def test_what_is_no_fault_is_not_seen() -> None:
    rows = torch.empty(4, 3, device="meta")

    def work() -> None:
        rows.mul_(2.0).add_(torch.tensor(0.5))
        rows[torch.zeros(2, dtype=torch.long, device="meta")] = -1
        torch.where(rows > 0, rows, 0.0).masked_fill(rows > 0, 1.0)
        torch.full((3,), 2.0, device="meta").double().mean()
        rows.repeat_interleave(torch.ones(4, dtype=torch.long, device="meta"), 0, output_size=4)
        torch.rand(3) @ torch.rand(3)

    assert seen(work) == []
    assert "product in float64" not in str(seen(lambda: rows.double() @ rows.double().T, doubles=True))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("recipe", [name for name in RECIPES if name not in LABELLED])
def test_no_augmentation_waits(recipe: str, channels: int) -> None:
    """Images of 96 pixels, which SimCLR blurs. A first batch copies its constants to the device."""
    pixels, generator = torch.empty(8, channels, 96, 96, dtype=torch.uint8, device="meta"), claiming()
    augment(pixels, recipe, 1.0, generator)
    assert seen(lambda: augment(pixels, recipe, 1.0, generator)) == []


@pytest.mark.parametrize("recipe", LABELLED)
def test_a_policy_of_torchvision_works_on_the_cpu_and_is_seen(recipe: str) -> None:
    """As `applied` says: image by image, wherever they are."""
    pixels = torch.empty(8, 3, 32, 32, dtype=torch.uint8, device="meta")
    assert "waited for" in str(seen(lambda: augment(pixels, recipe, 1.0, claiming())))


def test_the_convnet_has_no_operation_without_a_deterministic_form() -> None:
    """`--deterministic` refuses the gradient of adaptive pooling on a GPU: of sides that are even there is none."""
    names: list[str] = []

    class Names(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            names.append(str(function))
            return function(*args, **(kwargs or {}))

    ready = begun("moco", {})
    with Names():
        trained(ready, 1)
    assert any("avg_pool2d_backward" in name for name in names)
    assert not any("adaptive" in name for name in names)


def test_a_monitor_waits_for_nothing() -> None:
    """A look, the steps between, and another look whose numbers nobody has read yet; more rows than are held, and labels."""
    monitor = CollapseMonitor(every=2, window=300)
    rows = torch.empty(512, 128, device="meta", dtype=torch.bfloat16, requires_grad=True)
    labels, loss = torch.empty(512, dtype=torch.int32, device="meta"), torch.empty((), device="meta")

    def step() -> None:
        monitor.update(rows, z2=rows, h=rows.repeat(1, 4), labels=labels, loss=loss)

    assert seen(step) == []
    assert monitor._course.pending is not None
    monitor._course.pending = None  # as if it had arrived, for here are no numbers to be read
    assert seen(lambda: (step(), step(), monitor.note_loss(loss))) == []
    assert len(monitor._course.rows.batches[0]) < 512


def test_a_step_that_is_not_looked_at_asks_the_device_for_nothing() -> None:
    """Whatever it is given: no operation at all."""
    monitor = CollapseMonitor(every=1000)
    rows = torch.empty(512, 128, device="meta")
    monitor.update(rows)
    watch = Watch()
    with watch:
        monitor.update(rows, z2=rows, h=rows, labels=rows, loss=rows)
    assert watch.seen == 0


def test_numbers_of_a_look_are_read_at_the_next_one() -> None:
    """On a pretended device: the look of step 1 when step 2 is looked at, that of step 2 when the verdict is asked for."""
    looks: list[dict[str, Any]] = []
    monitor = CollapseMonitor(every=1, sink=looks.append)
    rows = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    with Pretending():
        for expected in ([], [1]):
            monitor.update(rows.to("meta"), loss=torch.ones((), device="meta"))
            assert [look["step"] for look in looks] == expected
        assert monitor.compute().status == "healthy"
        assert len(monitor.state_dict()["rows"]) == 2
    here: list[dict[str, Any]] = []
    CollapseMonitor(sink=here.append).update(rows, loss=1.0)
    assert looks[0] == pytest.approx(here[0])


FILES = {
    "stepping.py": set(),
    "losses.py": {"chance"},  # asked once an epoch
    "shapes.py": {"class_count"},  # of a data set
    "augment/blur.py": {"some"},  # these two on a CPU alone
    "augment/color.py": {"in_groups"},
    "augment/draws.py": set(),
    "augment/geometry.py": set(),
    "augment/recipes.py": set(),
    "models/key_encoder.py": set(),
    "models/batch_norm.py": set(),
    "models/encoders.py": set(),
    "models/heads.py": set(),
    **{
        f"methods/{path.name}": {"diagnostics", "curves", "chance"} for path in sorted((ROOT / "methods").glob("*.py"))
    },
}  # fmt: skip


@pytest.mark.parametrize(("file", "allowed"), FILES.items(), ids=list(FILES))
def test_no_line_of_a_step_waits(file: str, allowed: set[str]) -> None:
    """As written: what an operation of the tests above does not reach. Diagnostics and curves are read once an epoch."""
    assert list(waits(ROOT / file, allowed)) == []


def test_a_line_that_waits_is_seen(tmp_path: Path) -> None:
    bad = (
        "x.item()",
        "x.tolist()",
        "x.cpu()",
        "torch.tensor([1], device=d)",
        "x.new_tensor([1])",
        "x.nonzero()",
    )
    (tmp_path / "bad.py").write_text(
        "".join(f"def f{i}(x, d):\n    return {line}\n" for i, line in enumerate(bad))
    )
    assert len(list(waits(tmp_path / "bad.py"))) == len(bad)
    assert len(list(waits(tmp_path / "bad.py", {"f0", "f5"}))) == len(bad) - 2


@pytest.mark.parametrize("name", METHODS)
def test_forward_with_autocast_on_a_pretended_gpu(name: str) -> None:
    """torch's own fake "cuda" runs everything but backward and fused optimizers: two views, the loss in bf16, the slow copy."""
    method, settings, _ = begun(name, {"precision": "bf16", "encoder": "mlp"})
    _copied.cache_clear()  # of another mode
    generator = claiming("cuda")
    try:
        with FakeTensorMode(allow_non_fake_inputs=False):
            on_fake(cast(nn.Module, method), torch.device("cuda"))
            pixels = torch.empty(16, 3, 32, 32, dtype=torch.uint8, device="cuda")

            def view() -> Tensor:
                return NORMAL(augment(pixels, "moco_v2", 1.0, generator))

            view()  # copies the constants
            places, labels = (torch.empty(16, dtype=torch.long, device="cuda") for _ in range(2))

            def work() -> None:
                batch = Batch(view(), view(), places, labels, generator)
                with (
                    warnings.catch_warnings(action="ignore"),
                    stepping.precision(settings, torch.device("cuda")),
                ):
                    loss = method.loss(batch)
                assert (loss.device.type, loss.shape) == ("cuda", ())
                method.after_step(0.5)

            assert seen(work) == []
    finally:
        _copied.cache_clear()


def on_fake(network: nn.Module, device: torch.device) -> None:
    """Weights and buffers become fake ones: moving them would make real ones."""
    for module in network.modules():
        for name, weight in module._parameters.items():
            if weight is not None:
                fake = torch.empty(weight.shape, device=device)
                module._parameters[name] = nn.Parameter(fake, weight.requires_grad)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype, device=device)
