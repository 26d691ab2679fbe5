"""Watches what torch is asked to do, and tells what would be wrong or slow on a GPU, on a machine that has none.

A tensor on "meta" has a shape and a device, and no numbers: whoever wants to read it asks for what a GPU would have to be
waited for. `Watch` sees every operation; `claiming` is a generator that says it lives on such a device.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from collapse_cli.constants import _copied

READ = "reads a value, for which the device is waited for"
READERS = {
    "_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "nonzero_static", "argwhere", "masked_select", "bincount",
    "_unique", "_unique2", "unique_dim", "unique_consecutive", "histc", "_linalg_check_errors", "allclose",
}  # fmt: skip
PRODUCTS = {
    "mm", "bmm", "addmm", "baddbmm", "addmv", "mv", "dot", "vdot", "addbmm", "convolution", "convolution_backward",
    "_cdist_forward", "_cdist_backward", "_pdist_forward", "_pdist_backward", "_grouped_mm", "_scaled_dot_product_attention_math",
}  # fmt: skip


class Watch(TorchDispatchMode):
    """faults: a sentence for each operation that mixes devices, waits for the device, or multiplies in float64 on it."""

    def __init__(self, doubles: bool = False) -> None:
        super().__init__()
        self.doubles, self.faults, self.seen = doubles, [], 0  # type: bool, list[str], int

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self.seen += 1
        self.faults += [f"{function}: {fault}" for fault in self._faults(function, args, kwargs)]
        return function(*args, **kwargs)

    def _faults(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[str]:
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        there = [tensor for tensor in tensors if tensor.device.type != "cpu"]
        here = [tensor for tensor in tensors if tensor.device.type == "cpu"]
        name = function._schema.name.partition("::")[2].removesuffix("_")
        goal = kwargs.get("device")
        if name in ("_to_copy", "copy", "lift_fresh"):
            yield from self._copies(name, here, there, goal)
        elif there and any(tensor.dim() for tensor in here):
            yield "mixes a device and the CPU"
        if not there:
            return
        if name in READERS or (name == "repeat_interleave" and kwargs.get("output_size") is None):
            yield READ
        indices = tree_leaves(args[1]) if name in ("index", "index_put", "_index_put_impl") else []
        if any(isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8) for index in indices):
            yield f"{READ}: how many are true"
        if not self.doubles and name in PRODUCTS and any(tensor.dtype == torch.float64 for tensor in there):
            yield "is a product in float64"

    @staticmethod
    def _copies(name: str, here: list[Tensor], there: list[Tensor], goal: Any) -> Iterator[str]:
        """From a device to the CPU, or from the CPU to a device; a single number that is filled in is no copy."""
        to_cpu = goal is not None and torch.device(goal).type == "cpu"
        if name == "lift_fresh":
            if there:
                yield "copies numbers from Python to the device"
        elif (name == "_to_copy" and there and to_cpu) or (name == "copy" and there and here):
            yield f"{READ}, or copies between the CPU and the device"
        elif name == "_to_copy" and here and goal is not None and not to_cpu:
            yield "copies from the CPU to the device"


class _Claiming(torch.Generator):
    """A generator of the CPU that says it is on a device that is not there; what it draws there has no numbers."""

    where = torch.device("meta")

    @property
    def device(self) -> torch.device:
        return self.where


def claiming(device: str = "meta") -> torch.Generator:
    generator: torch.Generator = type("Claiming", (_Claiming,), {"where": torch.device(device)})()
    return generator


def seen(work: Callable[[], object], doubles: bool = False) -> list[str]:
    """The faults of some work, up to the first operation that cannot go on without numbers."""
    watch = Watch(doubles)
    try:
        with watch:
            work()
    except (NotImplementedError, RuntimeError):
        assert watch.faults, "it ended, and the watch does not know why"
    return watch.faults


WAITS = {"item", "tolist", "cpu", "numpy", "nonzero", "new_tensor", "bincount", "unique", "masked_select"}


def waits(path: Path, allowed: set[str] = frozenset()) -> Iterator[str]:  # type: ignore[assignment]
    """Lines of a file's functions, but those of `allowed` names, that copy numbers to a device or wait for one.

    `torch.tensor(…, device=…)`, `torch.as_tensor(…, device=…)`, and calls of `WAITS`.
    """
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef) or function.name in allowed:
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _waits(node):
                yield f"{path.name}:{node.lineno} {function.name}: {ast.unparse(node)}"


def _waits(call: ast.Call) -> bool:
    assert isinstance(call.func, ast.Attribute)
    made = ast.unparse(call.func) in ("torch.tensor", "torch.as_tensor")
    return call.func.attr in WAITS or (made and any(word.arg == "device" for word in call.keywords))


class Pretended(Tensor):
    """A tensor that says it is on a device that is not there, and has its numbers on the CPU. Only `Pretending` makes it."""

    numbers: Tensor

    @staticmethod
    def __new__(cls, numbers: Tensor) -> Pretended:
        made: Pretended = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, numbers.shape, numbers.stride(), numbers.storage_offset(), dtype=numbers.dtype, device="meta",
            dispatch_sizes_strides_policy="sizes",  # those of the numbers, which `squeeze_` changes
        )  # fmt: skip
        made.numbers = numbers
        return made

    @classmethod
    def __torch_dispatch__(
        cls, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return computed(function, args, kwargs or {})

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def new_tensor(self, *args: Any, **kwargs: Any) -> Tensor:  # type: ignore[override]
        return torch.tensor(*args, dtype=kwargs.pop("dtype", self.dtype), **kwargs).to("meta")


class Pretending(TorchDispatchMode):
    """Within it "meta" is a device with numbers: what is made there, or moved there, can be computed with and read."""

    def __enter__(self) -> Pretending:
        """`torch.tensor` would make a true tensor on "meta", which has lost its numbers; and there is no generator for it."""
        tensor, generator = self.before = torch.tensor, torch.Generator
        torch.tensor = lambda *args, device=None, **given: tensor(*args, **given).to(device)  # type: ignore[assignment]

        class Made(generator):  # type: ignore[misc,valid-type]
            def __new__(cls, device: Any = "cpu") -> torch.Generator:
                return claiming() if torch.device(device).type == "meta" else generator(device)

        torch.Generator = Made  # type: ignore[misc]
        _copied.cache_clear()  # true tensors on "meta", and below pretended ones
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        _copied.cache_clear()
        torch.tensor, torch.Generator = self.before  # type: ignore[misc]

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return computed(function, args, kwargs or {})


def computed(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """On the numbers behind. Raises AssertionError where a device and the CPU meet in one operation other than a copy."""
    leaves = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = any(isinstance(leaf, Pretended) for leaf in leaves)
    name = function._schema.name.partition("::")[2].removesuffix("_")
    mixed = there and any(not isinstance(leaf, Pretended) and leaf.dim() for leaf in leaves)
    picked = name in ("index", "index_put") and isinstance(
        args[0], Pretended
    )  # a device takes places from the CPU, too
    assert not mixed or picked or name in ("_to_copy", "copy"), f"{function} mixes a device and the CPU"
    assert there or not any(leaf.device.type == "meta" for leaf in leaves), (
        f"{function} copies numbers from Python"
    )
    goal = kwargs.get("device")
    if goal is not None:
        there = torch.device(goal).type == "meta"
        kwargs = kwargs | {"device": torch.device("cpu")}
    elif name == "copy":
        there = isinstance(args[0], Pretended)
    bare = tree_map(lambda leaf: leaf.numbers if isinstance(leaf, Pretended) else leaf, (args, kwargs))
    result = function(*bare[0], **bare[1])
    if name.startswith("_local_scalar"):
        return result
    same = {
        id(leaf.numbers): leaf for leaf in leaves if isinstance(leaf, Pretended)
    }  # of what is done in place

    def put(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        return same[id(leaf)] if id(leaf) in same else Pretended(leaf)

    return tree_map(put, result) if there else result
