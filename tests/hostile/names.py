"""Hostile names: what a path, a class, a column or a tensor may be called to steer a terminal, a page, or a CI."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch

from tests.hostile.files import noise, rows, vit

TEXTS = {
    "harmless": "plain",
    "colour": "a\x1b[31mred",
    "title": "a\x1b]0;owned\x07b",
    "carriage return": "good\rbad",
    "new line": "first\nsecond",
    "bell": "a\x07\x08b",
    "C1": "a\x9b31mb\x85c",
    "override": "a\u202egpj.b",
    "isolate": "\u2066a\u2069b\u200f",
    "workflow command": "x\n::error::y",
    "workflow at the start": "::set-output name=x::y",
    "script": "<script>alert(1)<-script>",
    "image": '"><img src=x onerror=alert(1)>',
    "entity": "a&amp;b&#27;c",
    "CDATA": "a]]>b",
    "markup of rich": "[bold red]a[-bold][link=x]",
    "mathematics": "$\\frac{a$ _b^{c}",
    "underscore": "_hidden",
    "format": "%s {0} {x} %n",
    "shell": "$(touch owned) `id` ; & | *",
    "option": "--help",
    "quotes": 'it\'s "so"',
    "long": "n" * 180,
    "not UTF-8": "a\udcff\udcfeb",
    "line separator": "a\u2028b\u2029c\ufeff",
    "other digits": "\u0661\u0662",
    "stacked": "e" + "\u0301" * 60,
    "spaces": "  a  b  ",
    "empty": "",
}


@dataclass(frozen=True)
class Placed:
    """Where a name stands, and command lines that show it; `NAME` in a word of one becomes the name."""

    build: Callable[[Path, str], None]
    lines: tuple[tuple[str, ...], ...]
    path: bool = False  # whether the name is one of the file system's


def moved(folder: Path, plain: str, name: str) -> None:
    """Rename a file, also to a name that is not UTF-8."""
    os.rename(folder / plain, os.path.join(os.fsencode(folder), os.fsencode(name)))


def file(folder: Path, name: str) -> None:
    numpy.save(folder / "x.npy", rows())
    numpy.save(folder / "second.npy", rows(1))
    moved(folder, "x.npy", f"{name}.npy")


def home(folder: Path, name: str) -> None:
    (folder / "x").mkdir()
    for place in range(2):
        numpy.save(folder / "x" / f"part_{place}.npy", rows(place))
    moved(folder, "x", f"d{name}")


def image_class(folder: Path, name: str) -> None:
    for place in range(12):
        path = folder / "set" / "xy"[place % 2] / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(place, 8).save(path)
    moved(folder / "set", "x", f"c{name}")


def image_file(folder: Path, name: str) -> None:
    image_class(folder, "")
    (folder / "set" / "y" / "x").write_bytes(b"\x89PNG no image")
    moved(folder / "set" / "y", "x", f"{name}.png")


def label(folder: Path, name: str) -> None:
    numpy.save(folder / "e.npy", rows())
    texts = [f"{name}{place % 3}" for place in range(len(rows()))]
    (folder / "l.jsonl").write_text("".join(json.dumps({"label": text}) + "\n" for text in texts))


def array_name(folder: Path, name: str) -> None:
    numpy.savez(folder / "e.npz", **{f"{name}1": rows(), f"{name}2": rows(1), "labels": numpy.arange(60) % 3})


def column(folder: Path, name: str) -> None:
    import pyarrow
    from pyarrow import parquet

    made = {f"{name}_{place}": values for place, values in enumerate(rows().T)} | {
        f"{name}x": ["a", "b", "c"] * 20
    }
    parquet.write_table(pyarrow.table(made), folder / "e.parquet")


def key(folder: Path, name: str) -> None:
    lines = [json.dumps({name or "e": row, f"{name}x": 1}) for row in rows().tolist()]
    (folder / "e.jsonl").write_text("\n".join(lines))


def tensor(folder: Path, name: str) -> None:
    layers = {f"{name}.{place}.weight": torch.eye(8) for place in range(3)}
    torch.save(
        {"state_dict": layers, "epoch": name, "arch": name, f"{name}extra": {name: 1}}, folder / "w.pt"
    )


def prefix(folder: Path, name: str) -> None:
    image_class(folder, "")
    torch.save(
        {f"{name}.{place}": values for place, values in vit().items()} | {f"{name}.more": torch.eye(3)},
        folder / "v.pt",
    )


def answer(folder: Path, name: str) -> None:
    """Saved answers whose texts are hostile."""
    numpy.save(folder / "e.npy", rows())
    metric = {
        "kind": "number",
        "help": name,
        "label": name,
        "unit": name,
        "convention": name,
        "value": 3.0,
        "low": 0,
    }
    entry = {
        "kind": "spectrum",
        "of": name,
        "subject": name,
        "space": "h",
        "input": 0,
        "title": name,
        "settings": {name: name},
    }
    entry |= {
        "answer": name,
        "key_numbers": ["effective_rank"],
        "metrics": {"effective_rank": metric, name: metric},
    }
    source = {"path": name, "sha256": "", "layout": name, "assumed": [name], "described": name, "options": {}}
    saved = {
        "schema": 2,
        "tool": {"name": "collapse", "version": name},
        "command": "spectrum",
        "argv": [name],
    }
    saved |= {"inputs": [source], "results": [entry], "warnings": [name], "next": [name]}
    for file_name in ("s.json", "t.json"):
        (folder / file_name).write_text(json.dumps(saved))


def alone(folder: Path, name: str) -> None:
    numpy.save(folder / "e.npy", rows())
    numpy.save(folder / "f.npy", rows(1))


VIEWS = ("--plot", "p.svg", "--html", "p.html")
PLACES = {
    "file": Placed(
        file,
        (
            ("spectrum", "./NAME.npy", *VIEWS),
            ("check", "./NAME.npy", "--junit", "j.xml"),
            ("compare", "./NAME.npy", "second.npy", *VIEWS),
            ("inspect", "./NAME.npy"),
            ("diagnose", "./NAME.npy", "--json"),
            ("check", "./NAME.npy", "--format", "github"),
        ),
        path=True,
    ),
    "folder": Placed(
        home, (("spectrum", "dNAME"), ("inspect", "dNAME"), ("diagnose", "dNAME", "--json")), path=True
    ),
    "class": Placed(
        image_class,
        (
            ("inspect", "folder:set"),
            ("classes", "pixels:folder:set", "--all", *VIEWS),
            ("probe", "pixels:folder:set", "--json"),
            ("train", "moco", "--dataset", "folder:set", "--dry-run", "--batch", "4"),
        ),
        path=True,
    ),
    "broken image": Placed(
        image_file,
        (
            ("inspect", "folder:set"),
            ("spectrum", "pixels:folder:set"),
            ("spectrum", "pixels:folder:set", "--skip-broken", "--json"),
        ),
        path=True,
    ),
    "label": Placed(
        label,
        (
            ("classes", "e.npy", "--labels", "l.jsonl", "--all", *VIEWS),
            ("probe", "e.npy", "--labels", "l.jsonl", "--json"),
            ("clusters", "e.npy", "--labels", "l.jsonl", *VIEWS),
        ),
    ),
    "array": Placed(
        array_name, (("spectrum", "e.npz"), ("inspect", "e.npz"), ("spectrum", "e.npz", "--column", "NAME"))
    ),
    "column": Placed(
        column,
        (
            ("spectrum", "e.parquet"),
            ("inspect", "e.parquet"),
            ("classes", "e.parquet", "--labels", "e.parquet", "--label-column", "NAMEx", *VIEWS),
            ("spectrum", "e.parquet", "--column", "NAME"),
        ),
    ),
    "key": Placed(
        key, (("spectrum", "e.jsonl"), ("inspect", "e.jsonl"), ("spectrum", "e.jsonl", "--groups", "NAMEx"))
    ),
    "tensor": Placed(
        tensor,
        (
            ("weights", "w.pt", *VIEWS),
            ("inspect", "w.pt"),
            ("weights", "w.pt", "--json"),
            ("spectrum", "w.pt"),
        ),
    ),
    "prefix": Placed(
        prefix,
        (
            ("inspect", "v.pt"),
            ("diagnose", "v.pt", "--dataset", "folder:set", "--heads", "2"),
            ("weights", "v.pt", "--all"),
        ),
    ),
    "answer": Placed(
        answer,
        (
            ("compare", "s.json", "t.json", *VIEWS),
            ("check", "e.npy", "--baseline", "s.json"),
            ("compare", "s.json", "e.npy", "--json"),
        ),
    ),
    "value": Placed(
        alone,
        (
            ("check", "e.npy", "--require", "NAME >= 2"),
            ("check", "e.npy", "--only", "NAME"),
            ("train", "NAME"),
            ("train", "moco", "--dataset", "NAME"),
            ("train", "moco", "--set", "NAME=1"),
            ("spectrum", "NAME"),
            ("spectrum", "e.npy", "--column", "NAME"),
            ("diagnose", "e.npy", "--split", "NAME"),
            ("compare", "e.npy", "f.npy", "--scatter", "NAME", "NAME"),
            ("NAME",),
            ("gan", "--cure", "NAME"),
            ("claims", "NAME"),
            ("spectrum", "e.npy", "--device", "NAME"),
        ),
    ),
}
