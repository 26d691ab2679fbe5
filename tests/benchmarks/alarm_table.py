"""Which trainings are tuned on, and which are the test: rows of a method, its settings, a change and its amounts."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, islice
from random import Random
from typing import Any

from tests.benchmarks.alarm_scenes import Scene

NAMES = {"tune": 0, "test": 1, "fresh": 2, "last": 3}
SEEDS = {"tune": 100, "test": 5000, "fresh": 20000, "last": 40000}
MLP: dict[str, Any] = {"encoder": "mlp"}
KNOBS: dict[str, dict[str, list[dict[str, Any]]]] = {
    "tune": {
        "networks": [MLP, {**MLP, "dim": 32}, {"encoder": "convnet"}, {**MLP, "head_layers": 1}],
        "calm": [
            {"lr": 0.05},
            {"lr": 0.03},
            {"lr": 0.05, "schedule": "constant"},
            {"lr": 0.02, "weight_decay": 1e-3},
        ],
        "hard": [
            {"lr": 0.1},
            {"lr": 0.2},
            {"lr": 0.2, "warmup": 2.0},
            {"lr": 0.05, "temperature": 0.05},
            {"lr": 0.15, "temperature": 0.07},
        ],
    },
    "test": {
        "networks": [
            {**MLP, "dim": 128},
            {**MLP, "head_layers": 3},
            {**MLP, "head_norm": True},
            {**MLP, "head_hidden": 256},
            {**MLP, "dim": 48},
            {**MLP, "dim": 96, "head_layers": 1},
            {"encoder": "resnet8"},
        ],
        "calm": [
            {"lr": 0.04},
            {"lr": 0.06},
            {"lr": 0.03, "schedule": "constant"},
            {"lr": 0.05, "batch": 96},
            {"lr": 0.025, "weight_decay": 5e-4},
        ],
        "hard": [
            {"lr": 0.12},
            {"lr": 0.18},
            {"lr": 0.17, "warmup": 3.0},
            {"lr": 0.06, "temperature": 0.055},
            {"lr": 0.1, "temperature": 0.06},
        ],
    },
}
KNOBS["fresh"] = {
    "networks": [
        {**MLP, "dim": 56},
        {**MLP, "head_layers": 3, "dim": 80},
        {**MLP, "head_norm": True, "head_hidden": 96},
        {**MLP, "head_hidden": 192},
        {**MLP, "dim": 112},
        {**MLP, "dim": 72, "head_layers": 1},
        {"encoder": "resnet8", "dim": 40},
    ],
    "calm": [
        {"lr": 0.045},
        {"lr": 0.055},
        {"lr": 0.035, "schedule": "constant"},
        {"lr": 0.045, "batch": 80},
        {"lr": 0.022, "weight_decay": 3e-4},
    ],
    "hard": [
        {"lr": 0.11},
        {"lr": 0.19},
        {"lr": 0.16, "warmup": 2.5},
        {"lr": 0.055, "temperature": 0.06},
        {"lr": 0.09, "temperature": 0.065},
    ],
}
KNOBS["last"] = {
    "networks": [
        {**MLP, "dim": 60},
        {**MLP, "head_layers": 3, "dim": 44},
        {**MLP, "head_norm": True, "dim": 88},
        {**MLP, "head_hidden": 160},
        {**MLP, "dim": 104},
        {**MLP, "dim": 68, "head_layers": 1},
        {"encoder": "resnet8", "dim": 52},
    ],
    "calm": [
        {"lr": 0.038},
        {"lr": 0.058},
        {"lr": 0.042, "schedule": "constant"},
        {"lr": 0.052, "batch": 72},
        {"lr": 0.027, "weight_decay": 2e-4},
    ],
    "hard": [
        {"lr": 0.13},
        {"lr": 0.175},
        {"lr": 0.155, "warmup": 2.2},
        {"lr": 0.048, "temperature": 0.058},
        {"lr": 0.08, "temperature": 0.068},
    ],
}
CONTRASTIVE = {
    "tune": ["moco", "mochi", "end-to-end", "memory-bank", "dcl", "align-uniform", "directclr"],
    "test": ["hcl", "moco", "nnclr", "end-to-end", "mochi", "align-uniform", "memory-bank", "dcl", "supcon"],
}
CONTRASTIVE["fresh"] = [*CONTRASTIVE["test"][::-1]]
METHODS = {
    "tune": [
        *CONTRASTIVE["tune"][:3],
        "simsiam",
        "byol",
        "vicreg",
        "align-uniform",
        "memory-bank",
        "directclr",
        "supervised",
        "dcl",
    ],
    "test": [*CONTRASTIVE["test"], "simsiam", "byol", "vicreg", "barlow-twins", "directclr"],
}
CONTRASTIVE["last"] = [*CONTRASTIVE["test"][4:], *CONTRASTIVE["test"][:4]]
METHODS["last"] = [*METHODS["test"][7:], *METHODS["test"][:7]]
METHODS["fresh"] = [*METHODS["test"][3:], *METHODS["test"][:3]]
RATES = {
    "tune": (1e-3, 2e-3),
    "test": (7e-4, 1.5e-3),
    "fresh": (9e-4, 1.2e-3),
    "last": (8e-4, 1.3e-3),
}  # of Adam
SWITCHES = {
    "tune": (200, 250, 300),
    "test": (180, 230, 280, 350),
    "fresh": (190, 240, 270, 330),
    "last": (210, 260, 290, 320),
}
ADAM = ("vicreg", "barlow-twins")
TEMPERED = (
    "moco",
    "mochi",
    "end-to-end",
    "memory-bank",
    "dcl",
    "hcl",
    "nnclr",
    "directclr",
    "supcon",
    "supervised",
)
Change = tuple[str, str, tuple[float, float, float], tuple[float, float, float]]
LATE: list[Change] = [  # method, change, amounts of tune, amounts of test
    ("*", "positives alone", (1, 3, 10), (2, 5, 1.5)),
    ("simsiam", "no stop-gradient", (0, 0, 0), (0, 0, 0)),
    ("byol", "no stop-gradient", (0, 0, 0), (0, 0, 0)),
    ("*", "positives alone", (2, 5, 1), (3, 8, 4)),
    ("vicreg", "variance", (0, 0, 0), (0, 0, 0)),
    ("align-uniform", "uniformity", (0, 0.05, 0.1), (0, 0.02, 0.08)),
    ("*", "toward a point", (0.1, 1, 0.3), (0.2, 0.6, 2)),
    ("*", "temperature", (20, 50, 10), (30, 15, 100)),
    ("*", "strength", (3, 3, 3), (2.8, 2.5, 3)),
    ("simsiam", "no predictor", (0, 0, 0), (0, 0, 0)),
    ("*", "rate", (30, 100, 50), (40, 80, 20)),
]
LATE_TEST: list[Change] = [  # more of those that the first trainings showed to collapse; the others stay, at other amounts
    *LATE[:7], LATE[9], LATE[0], LATE[1], LATE[3], LATE[6], LATE[7], LATE[0], LATE[2], LATE[8], LATE[3], LATE[9], LATE[10]
]  # fmt: skip
START: list[tuple[str, dict[str, Any]]] = [
    ("positive-only", {}),
    ("simsiam", {"stop_gradient": False}),
    ("byol", {"stop_gradient": False}),
    ("vicreg", {"variance": 0.0}),
    ("simsiam", {"predictor": False}),
    ("align-uniform", {"uniformity": 0.0}),
    ("end-to-end", {"strength": 3.0}),
    ("moco", {"temperature": 5.0}),
    ("byol", {"predictor": False, "momentum": 0.0}),
]
SCALES: list[Change] = [
    ("*", "lengths", (1, 10, 3), (2, 5, 20)),
    ("*", "weight decay", (1, 0.5, 2), (3, 1.5, 6)),
    ("*", "lengths", (30, 5, 2), (8, 15, 4)),
]
RANKS: list[Change] = [
    ("*", "low rank", (2, 3, 4), (2, 3, 5)),
    ("*", "outside of a plane", (10, 30, 3), (20, 5, 8)),
    ("vicreg", "covariance", (0, 0, 0), (0, 0, 0)),
    ("barlow-twins", "redundancy", (0, 0, 0), (0, 0, 0)),
]
HARMLESS: list[Change] = [
    ("*", "rate", (0.1, 0.3, 2), (0.2, 0.5, 1.5)),
    ("*", "order", (1, 2, 3), (11, 12, 13)),
    ("*", "strength", (0.5, 1.3, 0.7), (0.6, 1.2, 0.8)),
    ("moco", "momentum", (0.996, 0.95, 0.9), (0.999, 0.97, 0.93)),
    ("*", "temperature", (0.15, 0.3, 0.25), (0.17, 0.28, 0.12)),
]
GROUPS = ("healthy", "transient", "harmless", "late", "start", "scale", "rank", "nan", "small")
NUMBERS = {
    "tune": (22, 18, 15, 22, 12, 9, 9, 1, 4),
    "test": (58, 27, 21, 57, 39, 26, 18, 5, 10),
    "fresh": (52, 25, 19, 48, 33, 23, 15, 4, 6),
    "last": (53, 25, 20, 49, 33, 25, 16, 4, 6),
}
COUNTS = {part: dict(zip(GROUPS, numbers, strict=True)) for part, numbers in NUMBERS.items()}


def scenes(part: str) -> list[Scene]:
    """All trainings of a part, in an order that mixes the groups, so that the first ones already say something."""
    made = [scene for group in COUNTS[part] for scene in of_group(part, group)]
    Random(NAMES[part]).shuffle(made)
    return [affordable(at, scene) for at, scene in enumerate(made)] if part != "tune" else made


def affordable(at: int, scene: Scene) -> Scene:
    """A ResNet takes as long as four MLPs: every fourth of them stays one."""
    if scene.settings["encoder"] != "resnet8" or at % 4 == 0:
        return scene
    return replace(scene, settings={**scene.settings, "encoder": "mlp"})


def of_group(part: str, group: str) -> list[Scene]:
    count, random = COUNTS[part][group], Random(f"{part} {group}")
    planned = {"healthy": calm, "transient": hard, "small": small, "start": start}.get(group)
    late = LATE if part == "tune" else LATE_TEST
    table = {"late": late, "scale": SCALES, "rank": RANKS, "harmless": HARMLESS}.get(
        group, [("*", "not a number", (0,) * 3, (0,) * 3)]
    )
    seed = SEEDS[part] + 100 * list(COUNTS[part]).index(group)
    if planned:
        return [planned(part, at, seed + at, random) for at in range(count)]
    return [
        switched(part, group, row, at, seed + at, random)
        for at, row in enumerate(islice(cycle(table), count))
    ]


def base(part: str, method: str, random: Random, knobs: str = "calm") -> dict[str, Any]:
    chosen = {**random.choice(KNOBS[part]["networks"]), **random.choice(KNOBS[part][knobs])}
    if method in ADAM:
        chosen.pop("lr")
        chosen["lr"] = random.choice(RATES[part])
    if method not in TEMPERED:
        chosen.pop("temperature", None)
    if method == "directclr":
        chosen["head_layers"] = 0
        chosen.pop("head_norm", None)
    return chosen


def of(part: str, at: int) -> str:
    return METHODS[part][at % len(METHODS[part])]


def calm(part: str, at: int, seed: int, random: Random) -> Scene:
    method = of(part, at)
    return Scene(
        "healthy",
        method,
        base(part, method, random),
        random.choice((400, 500, 600) if part == "tune" else (300, 400)),
        seed,
    )


def hard(part: str, at: int, seed: int, random: Random) -> Scene:
    method = of(part, at)
    return Scene(
        "transient", method, base(part, method, random, "hard"), 700 if part == "tune" else 500, seed
    )


def small(part: str, at: int, seed: int, random: Random) -> Scene:
    method = of(part, at)
    return Scene("small", method, {**base(part, method, random), "batch": 8 if at % 2 else 16}, 600, seed)


def start(part: str, at: int, seed: int, random: Random) -> Scene:
    method, given = START[at % len(START)]
    return Scene(
        "start", method, {**base(part, method, random), **given}, 260 if part == "tune" else 210, seed
    )


def switched(part: str, group: str, row: Change, at: int, seed: int, random: Random) -> Scene:
    method, change, *amounts = row
    if method == "*":
        eligible = (
            CONTRASTIVE[part] if group in ("late", "rank") or change == "temperature" else METHODS[part]
        )
        if change == "temperature":
            eligible = [name for name in eligible if name in TEMPERED]
        if change in ("low rank", "outside of a plane", "weight decay", "not a number"):
            eligible = [name for name in eligible if name != "directclr"]
        method = random.choice(eligible)
    switch = random.choice(SWITCHES[part])
    tune, test = (values[at // 7 % 3] for values in amounts)
    amount = {"tune": tune, "test": test, "fresh": (tune + test) / 2, "last": (tune + 2 * test) / 3}[part]
    after = 250 if group == "harmless" and part == "tune" else 210
    return Scene(group, method, base(part, method, random), switch + after, seed, switch, change, amount)
