"""A pickle read without importing or calling what it names: the machine of pickles, written out.

What it may call is in a table that its caller gives. Everything else that a pickle would build, call or change becomes an
`Inert`. There is no way from the bytes of a file to a function that is not in the table.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Protocol, cast

from collapse_cli.runs.inert import Inert, Name
from collapse_cli.runs.keys import hashable

CONTAINERS = (
    1 << 22
)  # objects that hold others, in one pickle: each takes a byte in the file, and a hundred in memory
RENAMED = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
}  # Python 2's names, which protocol 2 still writes
MAKERS = ("copyreg._reconstructor", "copyreg.__newobj__", "copyreg.__newobj_ex__")


@dataclass(frozen=True)
class Table:
    """functions: what a pickle may call, by the name that it calls it by; values: what it may name; states: what gives a value
    its state, by the value's type; outside: what is made of a reference to something that is not in the pickle; watch: is
    shown each tuple once it is made; called: is shown each call, by the name and with its arguments, before it is answered.
    """

    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    states: Mapping[type, Callable[[Any, Any], Any]] = field(default_factory=dict)
    outside: Callable[[Any], Any] = lambda reference: None
    watch: Callable[[tuple[Any, ...]], None] = lambda made: None
    called: Callable[[str, tuple[Any, ...]], None] = lambda name, arguments: None


class Stream(Protocol):
    """What a pickle is read from."""

    def read(self, count: int = -1, /) -> bytes: ...
    def readline(self) -> bytes: ...  # pickletools reads the operations of protocol 0 by it
    def tell(self) -> int: ...


class Unfit(ValueError):
    """Raised by a function of a table that has no value for its arguments: an Inert stands in its place."""


def read(stream: Stream, table: Table) -> Any:
    """The next pickle of a stream. Raises ValueError or another Exception for what is none."""
    machine = _Machine(table)
    for operation, argument, _ in pickletools.genops(cast(IO[bytes], stream)):
        action = ACTIONS.get(operation.name)
        if action is None:
            raise ValueError(f"its pickle has the operation {operation.name}")
        action(machine, argument)
    return machine.stack.pop()


class _Machine:
    """A stack, those that lie below the marks, and the memo."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.replaced: dict[int, tuple[Any, Inert]] = {}  # by id: what took no state, and what stands for it
        self.made = 0

    def push(self, value: Any) -> None:
        self.made += 1
        if self.made > CONTAINERS:
            raise ValueError(f"it contains more than {CONTAINERS:,} objects")
        if type(value) is tuple:
            self.table.watch(value)
        self.stack.append(value)

    def last(self, count: int) -> tuple[Any, ...]:
        """The last values of the stack, taken from it, in their order."""
        if len(self.stack) < count:
            raise ValueError("its pickle takes more than there is")
        values = tuple(self.stack[-count:])
        del self.stack[-count:]
        return values

    def mark(self, _: Any) -> None:
        self.below.append(self.stack)
        self.stack = []

    def marked(self) -> list[Any]:
        """What was put on the stack since the last mark."""
        values, self.stack = self.stack, self.below.pop()
        return values

    def pop(self, _: Any) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.marked()

    def put(self, place: int | None) -> None:
        self.memo[len(self.memo) if place is None else place] = self.stack[-1]

    def get(self, place: int) -> None:
        value = self.memo[place]
        self.stack.append(self.replaced.get(id(value), (value, value))[1])

    def fill(self, items: list[Any]) -> None:
        """Set items of the dict that is last on the stack."""
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise ValueError(f"its pickle sets items of a {type(target).__name__}")
        for name, value in zip(items[::2], items[1::2], strict=True):
            target[hashable(name)] = value

    def extend(self, values: list[Any]) -> None:
        """Append to the list or the set that is last on the stack."""
        target = self.stack[-1]
        if isinstance(target, Inert):
            target.members += values
        elif type(target) is set:
            target.update(map(hashable, values))
        elif type(target) is list:
            target += values
        else:
            raise ValueError(f"its pickle appends to a {type(target).__name__}")

    def name(self, module: str, name: str) -> None:
        full = f"{RENAMED.get(module, module)}.{name}"
        self.push(self.table.values[full] if full in self.table.values else Name(full))

    def call(self, called: Any, arguments: Any, *named: Any) -> None:
        """What a function of the table gives, and an Inert for every other."""
        if not isinstance(arguments, tuple):
            raise ValueError("its pickle calls something with what is no tuple")
        if type(called) is Name:
            self.table.called(called.name, arguments)
        if type(called) is Name and called.name in self.table.functions and not named:
            try:
                return self.push(self.table.functions[called.name](*arguments))
            except Unfit:
                return self.push(Inert(called.name, arguments))
        makes = arguments and isinstance(called, Inert) and called.name in MAKERS
        of = arguments[0] if makes else called
        name = of.name if isinstance(of, Inert) else type(of).__name__
        return self.push(Inert(name, (*arguments, *named)))

    def build(self, _: Any) -> None:
        """Give what is last on the stack its state. The metadata of a state_dict and attributes of a tensor are left out."""
        (state,), target = self.last(1), self.stack[-1]
        if isinstance(target, Inert):
            target.state = state
        elif type(target) in self.table.states:
            try:
                self.table.states[type(target)](target, state)
            except Unfit as error:
                self.stack[-1] = Inert(str(error), (state,))
                self.replaced[id(target)] = target, self.stack[-1]


def _dict(machine: _Machine, _: Any) -> None:
    items = machine.marked()
    machine.push({})
    machine.fill(items)


def _object(machine: _Machine, _: Any) -> None:
    called, *arguments = machine.marked()
    machine.call(called, tuple(arguments))


def _instance(machine: _Machine, both: str) -> None:
    arguments = tuple(machine.marked())
    machine.name(*both.split(" ", 1))
    machine.call(machine.stack.pop(), arguments)


def _value(machine: _Machine, argument: Any) -> None:
    machine.stack.append(argument)


_VALUES = (
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE SHORT_BINUNICODE "
    "BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8"
)
ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(_VALUES.split(), _value),
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda machine, _: None),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), lambda m, _: m.call(*m.last(2))),
    **dict.fromkeys(("APPENDS", "ADDITEMS"), lambda m, _: m.extend(m.marked())),
    "NONE": lambda m, _: m.stack.append(None),
    "NEWTRUE": lambda m, _: m.stack.append(True),
    "NEWFALSE": lambda m, _: m.stack.append(False),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "EMPTY_SET": lambda m, _: m.push(set()),
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": lambda m, _: m.marked().clear(),
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    "TUPLE": lambda m, _: m.push(tuple(m.marked())),
    "TUPLE1": lambda m, _: m.push(m.last(1)),
    "TUPLE2": lambda m, _: m.push(m.last(2)),
    "TUPLE3": lambda m, _: m.push(m.last(3)),
    "LIST": lambda m, _: m.push(m.marked()),
    "DICT": _dict,
    "FROZENSET": lambda m, _: m.push(frozenset(map(hashable, m.marked()))),
    "APPEND": lambda m, _: m.extend(list(m.last(1))),
    "SETITEM": lambda m, _: m.fill(list(m.last(2))),
    "SETITEMS": lambda m, _: m.fill(m.marked()),
    "GLOBAL": lambda m, both: m.name(*both.split(" ", 1)),
    "STACK_GLOBAL": lambda m, _: m.name(*map(str, m.last(2))),
    "NEWOBJ_EX": lambda m, _: m.call(*m.last(3)),
    "OBJ": _object,
    "INST": _instance,
    "BUILD": _Machine.build,
    "PERSID": lambda m, reference: m.push(m.table.outside(reference)),
    "BINPERSID": lambda m, _: m.push(m.table.outside(m.stack.pop())),
}
"""What each operation of a pickle does. Those of registered extensions and of buffers outside of the file are not here."""
