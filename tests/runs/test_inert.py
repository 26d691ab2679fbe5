"""Objects beside tensors are skipped and named; nothing that a file names is imported, called, changed or allocated."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import datetime
import enum
import functools
import io
import operator
import os
import pickle
import random
import sys
import types
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import nn

from collapse_cli.analysis import inputs
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.errors import CollapseError
from collapse_cli.runs import foreign, outline, reader, stand_ins, storages, unpickled
from collapse_cli.runs.inert import Inert, Name, inside
from collapse_cli.runs.unpickled import Table
from tests.runs.test_foreign import narrow, told_apart
from tests.runs.test_stand_ins import Call, written


class Attributes(dict[str, Any]):
    """As AttributeDict and EasyDict are: its items are its attributes as well."""

    def __init__(self, **items: Any) -> None:
        super().__init__(items)
        self.__dict__.update(items)


class Bunch(dict[str, Any]):
    """As Munch is: its items are its state as well."""

    def __getstate__(self) -> dict[str, Any]:
        return dict(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.update(state)


class Ordered(collections.OrderedDict[str, Any]):
    pass


class Sequence(list[Any]):
    pass


class Config:
    """As omegaconf's are: the items lie in an attribute."""

    def __init__(self) -> None:
        self._content = {"lr": 0.1, "parent": self}


class Level(enum.Enum):
    LOW = 1


@dataclasses.dataclass
class Settings:
    lr: float = 0.1


@dataclasses.dataclass(frozen=True, slots=True)
class Slots:
    lr: float = 0.1


class Named(collections.namedtuple("Named", "a b")):
    pass


class Keywords:
    def __new__(cls, *, a: int) -> Keywords:
        return super().__new__(cls)

    def __getnewargs_ex__(self) -> Any:
        return (), {"a": 1}


LAYER = nn.Linear(2, 2)
ADAM = torch.optim.Adam(LAYER.parameters())
BESIDE: dict[str, Callable[[], Any]] = {
    "Attributes": lambda: Attributes(lr=0.1, inner=Attributes(a=1)),
    "Bunch": lambda: Bunch(lr=0.1), "Sequence": lambda: Sequence([1, {}]),
    "Ordered": lambda: Ordered(a=1), "Config": Config, "Level": lambda: Level.LOW, "names of an Enum": lambda: {Level.LOW: 3},
    "Settings": Settings, "Slots": Slots, "Named": lambda: Named(1, [2]), "Keywords": lambda: Keywords(a=1),
    "partial": lambda: functools.partial(print, 1, end=""), "a time": lambda: datetime.datetime.now(),
    "a function": lambda: nn.functional.relu,
    "a class": lambda: Settings, "an optimizer": lambda: ADAM, "a schedule": lambda: torch.optim.lr_scheduler.StepLR(ADAM, 1),
    "a device": lambda: torch.device("cuda", 0), "a size": lambda: torch.Size([1, 2]), "a slice": lambda: slice(1, 2),
    "sets": lambda: [{1, 2}, frozenset({3})], "a state of numpy": lambda: numpy.random.RandomState(0),
    "a generator": lambda: numpy.random.default_rng(0),
    "a state of random": random.getstate, "a dict of objects": lambda: collections.defaultdict(Settings, {"a": Settings()}),
    "a Namespace": lambda: argparse.Namespace(lr=0.1, inner=Settings()), "dates": lambda: numpy.array(["2020-01-01"], "M8[D]"),
    "records": lambda: numpy.zeros(2, [("a", "f4")]), "a deque": lambda: collections.deque([1]), "a module": lambda: LAYER,
    "a range": lambda: range(3), "a type": lambda: [torch.float16, torch.strided], "an ellipsis": lambda: ...,
    "a complex number": lambda: 1 + 2j,
    "bytes": lambda: [b"ab", bytearray(b"cd")], "a sparse tensor": lambda: [torch.eye(3).to_sparse(), Settings()],
}  # fmt: skip
CHECK = torch.linspace(0, 1, 2 * 3 * 64 * 64).reshape(2, 3, 64, 64)
WAYS = [
    {}, {"pickle_protocol": 3}, {"pickle_protocol": 4}, {"pickle_protocol": 5}, {"_use_new_zipfile_serialization": False},
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_weights_are_read_beside_all_objects(way: dict[str, Any], tmp_path: Path) -> None:
    """h is that of the network itself; every object is named by its place and its class."""
    net = told_apart(narrow(), 0)
    beside = {name.replace(" ", "_"): build() for name, build in BESIDE.items()}
    torch.save({"state_dict": net.state_dict(), "epoch": 5, **beside}, tmp_path / "x.pth", **way)
    theirs = foreign.load(tmp_path / "x.pth")
    assert theirs.epoch == 5
    assert any(
        sentence.startswith("what only code can read, and was skipped: ") for sentence in theirs.unknown
    )
    with torch.no_grad():
        assert torch.equal(theirs.encoder(CHECK), net(CHECK))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BESIDE)
def test_each_object_alone(name: str, tmp_path: Path) -> None:
    """Tensors of all types beside it are as they were saved, in both formats."""
    tensors = {
        "half": torch.ones(2).half(), "bfloat16": torch.ones(2).bfloat16(), "whole": torch.arange(3),
        "view": torch.arange(10)[3:7],
        "transposed": torch.arange(6.0).reshape(2, 3).T, "empty": torch.zeros(0, 3), "parameter": nn.Parameter(torch.ones(2)),
        "complex": torch.ones(2) + 1j, "bool": torch.tensor([True, False]), "uint16": torch.ones(2).to(torch.uint16),
        "point": torch.tensor(2.5), "buffer": nn.Buffer(torch.ones(3)),
    }  # fmt: skip
    for way in WAYS:
        torch.save({"object": BESIDE[name](), "other": Settings(), **tensors}, tmp_path / "x.pt", **way)
        content = reader.read(tmp_path / "x.pt")
        for key, tensor in tensors.items():
            assert content[key].dtype == tensor.dtype
            assert torch.equal(content[key], tensor)
        assert any(inert.name.endswith(".Settings") for _, inert in inside(content))


@pytest.mark.parametrize(
    "build", [Attributes, Bunch, Ordered, lambda **items: Attributes(outer=Bunch(**items))]
)
def test_weights_inside_of_a_dict_of_a_class_are_found(build: Any, tmp_path: Path) -> None:
    net = told_apart(narrow(), 0)
    for number, content in enumerate(
        (build(state_dict=net.state_dict()), {"model": build(**net.state_dict())})
    ):
        torch.save(content, tmp_path / f"{number}.pth")
        theirs = foreign.load(tmp_path / f"{number}.pth")
        with torch.no_grad():
            assert torch.equal(theirs.encoder(CHECK), net(CHECK))


def test_embeddings_beside_objects(tmp_path: Path) -> None:
    """They are measured, and the object is among what is left out."""
    rows = torch.arange(60.0).reshape(20, 3)
    for number, content in enumerate(
        (
            {
                "embeddings": rows,
                "labels": torch.arange(20) % 2,
                "cfg": Settings(),
                "when": datetime.datetime.now(),
            },
            {"results": {"embeddings": rows}, "cfg": Settings()},
            Attributes(embeddings=rows, cfg=Settings()),
        )
    ):
        torch.save(content, tmp_path / f"{number}.pt")
        subject = inputs.load(tmp_path / f"{number}.pt", Measuring())
        assert torch.equal(subject.clean.representations, rows)
        assert any("cfg" in line for line in subject.story)


def test_names_and_shapes_are_told_beside_objects(tmp_path: Path) -> None:
    torch.save(
        {"state_dict": nn.Sequential(LAYER).state_dict(), "cfg": Config(), "args": Attributes(a=1)},
        tmp_path / "x.pt",
    )
    content = outline.outline(tmp_path / "x.pt")
    assert content is not None
    assert outline.holds_weights(content)


# What a file may try.


class Trap(types.ModuleType):
    """A module whose names may not be asked for."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


ATTACKS: dict[str, Any] = {
    "os.system": Call(os.system, "touch trapped"),
    "eval": Call(eval, "open('trapped', 'w')"),
    "getattr": Call(getattr, Call(__import__, "os"), "system"),
    "attrgetter": Call(operator.attrgetter, "system"),
    "torch.load": Call(torch.load, "x.pt", None),
    "a storage of bytes": Call(torch.storage._load_from_bytes, b"x"),
    "a state for a class": Call(dict, state={"__class__": 1}),
    "a state of a function": Call(os.system, "touch trapped", state={"__code__": 1}),
    "nested": Call(functools.partial, Call(os.system, "touch trapped"), "touch trapped"),
    "map": Call(map, os.system, ["touch trapped"]),
    "bytes without end": Call(bytearray, 1 << 40),
    "bytes of a number": Call(bytes, 1 << 40),
    "a tensor of nothing": Call(torch._utils._rebuild_tensor_v2, None, 0, (1 << 40,), (1,), False, {}),
    "a class of tensors": Call(
        torch._tensor._rebuild_from_type_v2, os.system, torch.Tensor, ("touch trapped",), {}
    ),
    "a Parameter of nothing": Call(torch._utils._rebuild_parameter, 1 << 40, True, {}),
    "a codec": Call(__import__("_codecs").encode, "x", "zlib"),
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_do_nothing(
    attack: str, protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read as an Inert, or refused; no file appears, and what is named stays as it was."""
    monkeypatch.chdir(tmp_path)
    path = written({"weight": [], "x": ATTACKS[attack]}, tmp_path / "x.pt", protocol)
    before = vars(Settings).copy()
    try:
        content = reader.read(path)
    except CollapseError:
        content = {}
    assert not Path("trapped").exists()
    assert vars(Settings).copy() == before
    assert outline.outline(path) is not content


def test_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from a module that is there, nor one that only stands on the disk."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lurking.py").write_text("raise AssertionError('imported')")
    monkeypatch.setitem(sys.modules, "watched", Trap("watched"))
    for module in ("lurking", "watched"):
        pickled = f"\x80\x02c{module}\nSystem\nU\x01x\x85R.".encode("latin1")
        value = unpickled.read(io.BytesIO(pickled), Table())
        assert (value.name, value.arguments) == (f"{module}.System", ("x",))
    assert "lurking" not in sys.modules


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02ccollections\nOrderedDict\n}U\x01aK\x01sb.",  # a state for a class
        b"\x80\x02cargparse\nNamespace\n}U\x08__init__K\x01sb.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}U\x08__code__K\x01sb.",
        b"\x80\x02ctypes\nFunctionType\nU\x01x\x85R.",
    ],
)
def test_no_class_or_function_is_changed(pickled: bytes) -> None:
    table = storages.table(lambda key: torch.UntypedStorage(0))
    before = [vars(argparse.Namespace).copy(), torch._utils._rebuild_tensor_v2.__code__]
    value = unpickled.read(io.BytesIO(pickled), table)
    assert isinstance(value, Inert)
    assert before == [vars(argparse.Namespace).copy(), torch._utils._rebuild_tensor_v2.__code__]


DEEP = 100_000


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02" + b"(" * DEEP + b"t" * DEEP + b".",  # tuples in tuples
        b"\x80\x02}" + b")" + b"\x85" * DEEP + b"K\x01s.",  # as a name, which is hashed
        b"\x80\x02" + b"]" * DEEP + b"a" * (DEEP - 1) + b".",
        b"\x80\x04\x8f(" + b")" + b"\x85" * DEEP + b"\x90.",  # as a member of a set
    ],
    ids=["tuples", "a name", "lists", "a member of a set"],
)
def test_depth_takes_no_stack(pickled: bytes) -> None:
    with suppress(ValueError):
        unpickled.read(io.BytesIO(pickled), Table())


@pytest.mark.parametrize(
    "pickled",
    [
        pytest.param(b"\x80\x05\x96" + b"\xff" * 7 + b"\x00abc.", id="bytes that are not there"),
        pytest.param(b"\x80\x04\x8e" + b"\xff" * 7 + b"\x00abc.", id="bytes of protocol 4"),
        pytest.param(b"\x80\x02T\xff\xff\xff\x7fabc.", id="words that are not there"),
        pytest.param(b"\x80\x02" + b"}" * 101 + b".", id="too many dicts"),
        pytest.param(b"\x80\x02\x82\x01.", id="a registered extension"),
        pytest.param(b"\x80\x05\x97.", id="a buffer outside"),
        pytest.param(b"\x80\x02R.", id="a call of nothing"),
        pytest.param(b"\x80\x02K\x01K\x02R.", id="a call with a number"),
        pytest.param(b"\x80\x02t.", id="no mark"),
        pytest.param(b"\x80\x02K\x01a.", id="no list"),
        pytest.param(b"\x80\x02h\x07.", id="no such place"),
        pytest.param(b"\x80\x02.", id="nothing"),
        pytest.param(b"", id="empty"),
        pytest.param(b"x", id="a letter"),
    ],
)
def test_what_is_no_pickle_is_refused(pickled: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickled, "CONTAINERS", 100)
    with pytest.raises((ValueError, IndexError, KeyError)):
        unpickled.read(io.BytesIO(pickled), Table())


def test_a_place_far_away_takes_no_memory() -> None:
    """The memo is a dict here, and no array as long as the largest number in it."""
    assert unpickled.read(io.BytesIO(b"\x80\x02K\x07r\xff\xff\xff\x7f."), Table()) == 7


def test_plain_pickles_are_as_python_reads_them() -> None:
    value = {
        "a": [
            1,
            -2,
            1 << 70,
            2.5,
            None,
            True,
            "é",
            b"x",
            (1,),
            (1, 2),
            (1, 2, 3),
            (1, 2, 3, 4),
            {1},
            frozenset({2}),
        ]
    }
    for protocol in range(2, 6):
        pickled = pickle.dumps(value, protocol)
        table = Table(storages.FUNCTIONS, outside=lambda reference: reference)
        assert unpickled.read(io.BytesIO(pickled), table) == value
    for protocol in (0, 1):
        assert unpickled.read(io.BytesIO(pickle.dumps(["a", 1.5, {"b": (1, 2)}], protocol)), Table()) == [
            "a",
            1.5,
            {"b": (1, 2)},
        ]


def branching(levels: int = 8, wide: int = 60) -> bytes:
    """A tuple of many references to a tuple of many references …: few bytes, and no end to it where it is hashed."""
    inner = b"".join(
        b"(" + f"h{chr(n - 1)}".encode("latin1") * wide + b"t" + b"q" + bytes([n]) for n in range(1, levels)
    )
    return b")q\x00" + inner


KEYS = {
    "a name": b"\x80\x02}" + branching() + b"K\x01s.",
    "an item among many": b"\x80\x02}(" + branching() + b"K\x01u.",
    "the argument of a call": b"\x80\x02ccollections\nOrderedDict\n](](" + branching() + b"K\x01eea\x85R.",
    "a set": b"\x80\x02cbuiltins\nset\n](" + branching() + b"e\x85R.",
    "a long one": b"\x80\x02}(" + b"K\x01" * 5000 + b"tK\x01s.",
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("case", KEYS)
def test_what_would_be_hashed_without_end_is_not(
    case: str, zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes to torch's reader, which hashes every name, in no format."""
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("torch reads it"))
    path = tmp_path / "x.pt"
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x/data.pkl", KEYS[case])
            archive.writestr("x/version", "3\n")
    else:
        path.write_bytes(
            b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
            + KEYS[case] + pickle.dumps([], 2)
        )  # fmt: skip
    outline.outline(path)
    with suppress(CollapseError):
        reader.read(path)


def test_a_state_that_does_not_fit_leaves_one_object_in_its_place() -> None:
    """Where the object stood, and where the memo names it: 1,000 of them, each twice."""
    pickled = b"\x80\x02]("
    for place in (n.to_bytes(4, "little") for n in range(1000)):
        pickled += b"cnumpy\nndarray\n)Rr" + place + b"(K\x01)N\x89)tbj" + place
    table = dataclasses.replace(storages.table(torch.UntypedStorage), states={stand_ins.Array: unfit})
    values = unpickled.read(io.BytesIO(pickled + b"e."), table)
    assert all(type(value) is Inert for value in values)
    assert all(first is again for first, again in zip(values[::2], values[1::2], strict=True))
    assert len({id(value) for value in values}) == 1000


def unfit(target: Any, state: Any) -> None:
    raise unpickled.Unfit("numpy.ndarray")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_storage_is_opened_once(compression: int, tmp_path: Path) -> None:
    """Compressed, or at an odd place, it is copied: not for every tensor of it. What shared its weights shares them."""
    weight = torch.arange(100.0)
    torch.save(
        {"a": weight, "b": weight[10:20], "c": weight.view(10, 10), "object": Settings()}, tmp_path / "x.pt"
    )
    with (
        zipfile.ZipFile(tmp_path / "x.pt") as archive,
        zipfile.ZipFile(tmp_path / "y.pt", "w", compression) as other,
    ):
        for name in archive.namelist():
            other.writestr(f"odd/{name.partition('/')[2]}", archive.read(name))
    content = reader.read(tmp_path / "y.pt")
    assert torch.equal(content["c"], weight.view(10, 10))
    assert torch.equal(content["b"], weight[10:20])
    pointers = {content[name].untyped_storage().data_ptr() for name in "abc"}
    assert len(pointers) == 1


def test_a_part_of_a_storage_may_be_empty() -> None:
    table = storages.table(lambda key: torch.UntypedStorage(8))
    storage = table.outside(("storage", Name("torch.FloatStorage"), "0", "cpu", 0))
    assert storage.content.nbytes() == 0
