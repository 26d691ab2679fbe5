"""What a pickle of torch.save may call: tensors of storages, plain types, and the stand-ins. None of it runs code of the file."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from collapse_cli.runs import stand_ins
from collapse_cli.runs.inert import Inert, Name
from collapse_cli.runs.keys import hashable
from collapse_cli.runs.unpickled import Table, Unfit

KINDS = {
    "Float": torch.float32, "Double": torch.float64, "Half": torch.float16, "BFloat16": torch.bfloat16,
    "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8,
    "Bool": torch.bool, "ComplexFloat": torch.complex64, "ComplexDouble": torch.complex128,
}  # fmt: skip
TYPES = {
    **{
        f"{module}.{kind}Storage": dtype
        for module in ("torch", "torch.cuda")
        for kind, dtype in KINDS.items()
    },
    "torch.storage.UntypedStorage": torch.uint8,
}
"""The numbers in a storage, by the name of its class."""

CONSTANTS = {
    f"torch.{name}": value
    for name, value in vars(torch).items()
    if isinstance(value, torch.dtype | torch.layout | torch.memory_format | torch.qscheme)
}


@dataclass(frozen=True)
class Storage:
    """Bytes of a file, and which numbers they are."""

    dtype: torch.dtype
    content: torch.UntypedStorage


Opened = Callable[[str], torch.UntypedStorage]
"""From the key of a storage to all of its bytes."""


def table(opened: Opened) -> Table:
    """What a pickle of torch.save may call: what makes tensors of storages, plain types, and the stand-ins.

    A storage is opened once, however often the pickle refers to it: tensors that shared it share it again.
    """
    opened_once = cache(opened)

    def outside(reference: Any) -> Any:
        """A storage, or the class that a file of 2019 names beside its source."""
        if reference[0] == "module":
            return reference[1]
        kind, key, _, count, *view = reference[1:]
        if not isinstance(kind, Name) or kind.name not in TYPES:  # of quantised numbers
            return Inert(str(kind))
        dtype = TYPES[kind.name]
        content = _as_declared(opened_once(str(key)), int(count) * dtype.itemsize)
        if view and view[0]:  # a part of a storage
            _, first, size = view[0]
            content = content[first * dtype.itemsize : (first + size) * dtype.itemsize]
        return Storage(dtype, content)

    return Table(FUNCTIONS, CONSTANTS, STATES, outside)


def declared(tensors: Iterable[Tensor]) -> int:
    """Bytes that they take once they are copied: each storage counts once, and every tensor that is larger than its own."""
    repeated, once = 0, dict[int, int]()
    for tensor in tensors:
        size, plain = tensor.numel() * tensor.element_size(), tensor.layout is torch.strided
        storage = tensor.untyped_storage() if plain else None
        if storage is None or size > storage.nbytes():
            repeated += size
        else:
            once[storage.data_ptr()] = max(size, once.get(storage.data_ptr(), 0))
    return repeated + sum(once.values())


def _as_declared(content: torch.UntypedStorage, size: int) -> torch.UntypedStorage:
    """The first `size` bytes. Raises ValueError where there are fewer."""
    if not 0 <= size <= content.nbytes():
        raise ValueError(f"a storage declares {size:,} bytes, but there are {content.nbytes():,}")
    return content if size == content.nbytes() else content[:size]


def refuse_beyond(size: int, itemsize: int, offset: Any, sizes: Any, strides: Any) -> None:
    """Raises ValueError for a tensor that is none, or ends behind its storage of `size` bytes, which torch would make larger."""
    if not isinstance(sizes, list | tuple) or not isinstance(strides, list | tuple):
        raise ValueError("a tensor without sizes")
    numbers = (offset, *sizes, *strides)
    if any(type(number) is not int for number in numbers) or min(numbers) < 0 or len(sizes) != len(strides):
        raise ValueError(f"a tensor of sizes {str(sizes)[:60]} and strides {str(strides)[:60]}")
    last = offset + sum((count - 1) * stride for count, stride in zip(sizes, strides, strict=True))
    if all(sizes) and (last + 1) * itemsize > size:
        raise ValueError(f"a tensor needs {bytes_of((last + 1) * itemsize)}, but its storage has {size:,}")


def bytes_of(size: int) -> str:
    """In words; of a number that no machine can address, only that."""
    return f"{size:,} bytes" if size < 1 << 80 else "more bytes than can be addressed"


def _tensor(storage: Any, offset: int, sizes: Any, strides: Any, *others: Any) -> Tensor:
    if len(others) > 2 and others[2]:
        raise Unfit("a view that is conjugate or negative")
    return _typed(storage, offset, sizes, strides, storage.dtype if isinstance(storage, Storage) else None)


def _tensor_of_type(
    storage: Any, offset: int, sizes: Any, strides: Any, grad: Any, hooks: Any, dtype: Any, *others: Any
) -> Tensor:
    return _typed(storage, offset, sizes, strides, dtype)


def _typed(storage: Any, offset: int, sizes: Any, strides: Any, dtype: Any) -> Tensor:
    if not isinstance(storage, Storage) or not isinstance(dtype, torch.dtype):
        raise Unfit("a tensor of numbers that are not known")
    refuse_beyond(storage.content.nbytes(), dtype.itemsize, offset, sizes, strides)
    return torch.empty(0, dtype=dtype).set_(storage.content, offset, torch.Size(sizes), tuple(strides))


def _same(tensor: Any, *others: Any) -> Any:
    """A Parameter is its tensor."""
    return tensor


def _of_class(function: Any, kind: Any, arguments: Any, state: Any) -> Any:
    """A tensor of another class, or with attributes: the tensor alone."""
    if not isinstance(function, Name) or function.name not in REBUILT:
        raise Unfit("a tensor of a class that is not known")
    return REBUILT[function.name](*arguments)


def _bytes(content: Any = b"", encoding: str = "") -> bytes:
    return content.encode("latin1") if isinstance(content, str) else bytes(_sequence(content))


def _sequence(content: Any) -> Any:
    """The same. Raises Unfit for a number, which would be as many bytes."""
    if not isinstance(content, bytes | bytearray | list | tuple):
        raise Unfit("bytes")
    return content


def _set(members: Any = ()) -> set[Any]:
    return set(map(hashable, _sequence(members)))


def _counter(counts: Any = None) -> Counter[Any]:
    return Counter(counts if isinstance(counts, dict) else {})


def _settings(namespace: Namespace, state: Any) -> None:
    vars(namespace).update({name: value for name, value in state.items() if isinstance(name, str)})


REBUILT: Mapping[str, Callable[..., Any]] = {
    **{f"torch._utils._rebuild_tensor{version}": _tensor for version in ("", "_v2")},
    "torch._utils._rebuild_tensor_v3": _tensor_of_type,
    "torch._utils._rebuild_parameter": _same,
    "torch._utils._rebuild_parameter_with_state": _same,
    "torch.nn.parameter.Parameter": _same,
    "torch._utils._rebuild_device_tensor_from_numpy": lambda array, *others: torch.from_numpy(array.copy()),
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _same,
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: stand_in for stand_in, name in stand_ins.allowed()},
    **REBUILT,
    "torch._tensor._rebuild_from_type_v2": _of_class,
    "torch.device": lambda *parts: ":".join(map(str, parts)),
    "torch.Size": lambda sizes=(): torch.Size(_sequence(sizes)),
    "collections.OrderedDict": lambda *_: OrderedDict(),
    "collections.Counter": _counter,
    "_codecs.encode": _bytes,
    "builtins.bytearray": _bytes,
    "builtins.set": _set,
    "builtins.frozenset": lambda members=(): frozenset(_set(members)),
}
STATES: Mapping[type, Callable[[Any, Any], Any]] = {
    stand_ins.Kind: stand_ins.Kind.__setstate__,
    stand_ins.Array: stand_ins.Array.__setstate__,
    Namespace: _settings,
}
