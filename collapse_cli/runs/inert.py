"""What stands for an object in a pickle whose class is not imported: a record of what was asked for, which does nothing."""

from __future__ import annotations

from argparse import Namespace
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

MANY = 1 << 20  # dicts, lists and objects that are looked at


class Inert(dict[Any, Any]):
    """An object: the name of its class or function, its arguments, its state, members as of a list, items as of a dict."""

    __slots__ = ("arguments", "members", "name", "state")
    __hash__ = object.__hash__  # type: ignore[assignment]  # it may be a name in a dict, as members of an Enum are

    def __init__(self, name: str, arguments: tuple[Any, ...] = ()) -> None:
        super().__init__()
        self.name, self.arguments = name, arguments
        self.state: Any = None
        self.members: list[Any] = []

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Its state by name: what its `__dict__` and slots held, as far as the pickle says."""
        parts = self.state if isinstance(self.state, tuple) else (self.state, *self.arguments)
        return {str(name): value for part in parts if isinstance(part, dict) for name, value in part.items()}

    @property
    def is_module(self) -> bool:
        """Whether it is a whole torch.nn.Module, or what torch.compile made of one."""
        wraps = self.name.startswith("torch.") and any(
            isinstance(argument, Inert) and argument._has_parts for argument in self.arguments
        )
        return wraps or self._has_parts

    @property
    def _has_parts(self) -> bool:
        """Whether its state has the two names under which a module keeps its parameters and its parts."""
        return {"_parameters", "_modules"} <= self.attributes.keys()


class Name(Inert):
    """A class or a function itself."""

    __slots__ = ()


def inside(content: Any) -> Iterator[tuple[str, Inert]]:
    """Every Inert in dicts, lists and settings, the outer ones first, each with the expression that leads to it from `c`.

    Of what lies inside of an Inert only its items are looked at.
    """
    waiting, seen = deque([("c", content)]), set[int]()
    while waiting and len(seen) < MANY:
        place, value = waiting.popleft()
        if id(value) in seen or not isinstance(value, dict | list | tuple | set | Namespace):
            continue
        seen.add(id(value))
        if isinstance(value, Inert):
            yield place, value
        waiting += ((place + step, part) for step, part in _parts(value))


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from (
            (f"[{key!r}]" if isinstance(key, str | int) else "[…]", part) for key, part in value.items()
        )
    elif isinstance(value, Namespace):
        yield from ((f".{name}", part) for name, part in vars(value).items())
    else:
        yield from ((f"[{number}]", part) for number, part in enumerate(value))
