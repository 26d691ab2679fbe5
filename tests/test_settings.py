"""Settings: layers, types, ranges and what a person is told."""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from collapse_cli.analysis.training import fresh
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.runs.lifecycle import begin
from collapse_cli.runs.record import Record
from collapse_cli.settings import METHODS, PREFERRED, Model, Run, Training, flat, resolve, settings_of
from collapse_cli.shapes import Images


@pytest.mark.parametrize("method", list(METHODS))
def test_defaults(method: str) -> None:
    """Those of the dataclasses, but for what the method prefers in the model or in the training."""
    preferred = PREFERRED.get(method, {})
    model, training = (
        dataclasses.replace(part, **{k: v for k, v in preferred.items() if hasattr(part, k)})
        for part in (Model(), Training())
    )
    assert resolve(method) == Run(method, METHODS[method](), model, training)
    assert settings_of(method) is METHODS[method]


def test_what_is_preferred_is_a_setting_and_another_than_the_rests() -> None:
    """A method's own knobs have their default where they are declared, so only Model and Training are named here."""
    assert PREFERRED.keys() <= METHODS.keys()
    plain = dataclasses.asdict(Model()) | dataclasses.asdict(Training())
    for preferred in PREFERRED.values():
        assert preferred.keys() <= plain.keys()
        for name, value in preferred.items():
            assert value != plain[name]
            assert type(value) is type(plain[name])


def planned(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    """What `train --dry-run` would do with these words, flat."""
    assert main(["train", *argv, "--dry-run"]) == 0
    return flat(tomllib.loads(capsys.readouterr().out))


PLAIN = {"head_layers": 0, "split": "train", "batch": 32, "optimizer": "sgd", "lr": 0.5}


@pytest.mark.parametrize("method", list(PREFERRED))
@pytest.mark.parametrize("way", ["config", "set", "option"])
def test_a_preferred_default_loses_against_all_that_is_said(
    way: str, method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a word it stands in the plan; --config, --set and the option each win over it."""
    assert planned(capsys, method).items() >= PREFERRED[method].items()
    said = {name: PLAIN[name] for name in PREFERRED[method] if PLAIN[name] != PREFERRED[method][name]}
    (tmp_path / "c.toml").write_text("".join(f"{k} = {v!r}\n" for k, v in said.items()))
    words = {
        "config": ["--config", str(tmp_path / "c.toml")],
        "set": [word for k, v in said.items() for word in ("--set", f"{k}={v}")],
        "option": [word for k, v in said.items() for word in (f"--{k.replace('_', '-')}", str(v))],
    }
    assert planned(capsys, method, *words[way]).items() >= (PREFERRED[method] | said).items()


def test_of_a_preferred_default_what_is_not_said_stays() -> None:
    run = resolve("contrastive-clustering", {"lr": 0.01})
    assert (run.training.lr, run.training.optimizer, run.training.batch) == (0.01, "adam", 256)
    assert resolve("directclr", {"head_layers": 1}).model.head_layers == 1, "refused by the method, not here"


@pytest.mark.parametrize("method", ["moco", *PREFERRED])
def test_help_tells_the_methods_own_default(
    method: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    assert main(["train", method, "--help"]) == 0
    shown = capsys.readouterr().out.splitlines()
    plain = {name: getattr(Model(), name, getattr(Training(), name, None)) for name in PLAIN}
    for name, value in (plain | PREFERRED.get(method, {})).items():
        (line,) = [line for line in shown if f"--{name.replace('_', '-')} " in line]
        assert f"[default: {value}]" in line


@pytest.mark.parametrize("method", list(PREFERRED))
def test_what_is_preferred_stands_in_the_run_folder(method: str, images: Images, tmp_path: Path) -> None:
    """settings.toml says what was done, so a later default changes no run that is resumed."""
    checkpoint = fresh(resolve(method, {"batch": 64, "encoder": "mlp"}), images)
    begin(Record(tmp_path / "run"), checkpoint)
    told = flat(tomllib.loads((tmp_path / "run" / "settings.toml").read_text()))
    assert told.items() >= (PREFERRED[method] | {"batch": 64}).items()
    assert resolve(method, told) == checkpoint.run


def test_later_layers_win_over_earlier_ones_and_over_defaults() -> None:
    run = resolve("moco", {"queue": 100, "lr": 0.1, "dim": 4}, {"queue": 200, "dim": 5}, {"queue": 300})
    assert (run.settings.queue, run.model.dim, run.training.lr) == (300, 5, 0.1)
    assert run.settings.momentum == 0.99, "untouched"


def test_no_two_parts_share_a_name() -> None:
    """Settings are flat: a name twice would mean two things by one option."""
    for own in METHODS.values():
        names = [field.name for part in (own, Model, Training) for field in dataclasses.fields(part)]
        assert len(names) == len(set(names))
        assert "name" not in names, "`name` is the method's own in settings.toml"


@pytest.mark.parametrize(
    ("method", "given", "message", "hint"),
    [
        ("moco", {"quue": 3}, "'quue' is not a setting of moco", "did you mean 'queue'?"),
        ("positive-only", {"queue": 3}, "'queue' is not a setting of positive-only", "choose one of: "),
        ("mocoo", {}, "there is no method named 'mocoo'", "did you mean 'moco'?"),
        ("moco", {"epochs": "3.5"}, "--epochs cannot be '3.5'", "it takes a whole number"),
        ("moco", {"epochs": 3.0}, "--epochs cannot be '3.0'", "it takes a whole number"),
        ("moco", {"epochs": True}, "--epochs cannot be 'True'", "it takes a whole number"),
        ("moco", {"lr": "fast"}, "--lr cannot be 'fast'", "it takes a number"),
        ("moco", {"lr": True}, "--lr cannot be 'True'", "it takes a number"),
        ("moco", {"shuffle_bn": "yes"}, "--shuffle-bn cannot be 'yes'", "it takes true or false"),
        ("moco", {"stem": "vit"}, "--stem cannot be 'vit'", "it takes imagenet, imagenet-nopool"),
        ("moco", {"queue": 0}, "--queue cannot be 0", "it must be at least 1"),
        ("moco", {"momentum": 1.01}, "--momentum cannot be 1.01", "it must be between 0 and 1"),
        ("moco", {"batch": 1}, "--batch cannot be 1", "it must be at least 2"),
        ("moco", {"temperature": math.nan}, "--temperature cannot be nan", "it must be at least 0.0001"),
    ],
)
def test_refusals(method: str, given: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(CollapseError) as raised:
        resolve(method, given)
    assert raised.value.message == message
    assert raised.value.hint.startswith(hint)
    assert raised.value.code == 2


@pytest.mark.parametrize(
    "given", [{"epochs": [1]}, {"shuffle_bn": [1]}, {"stem": ["cifar"]}, {"lr": {}}, {"encoder": True}]
)
def test_a_value_of_another_kind_in_a_toml_file_is_refused_too(given: dict[str, Any]) -> None:
    with pytest.raises(CollapseError, match=" cannot be "):
        resolve("moco", given)


@pytest.mark.parametrize("name", ["lr", "temperature"])
def test_infinity_is_no_setting(name: str) -> None:
    """An infinite temperature makes every logit 0 and the loss log(1+K) for ever."""
    with pytest.raises(CollapseError, match="cannot be inf"):
        resolve("moco", {name: "inf"})


def test_a_seed_that_torch_cannot_take_is_refused() -> None:
    """torch seeds with 64 bits."""
    with pytest.raises(CollapseError, match="--seed cannot be"):
        resolve("moco", {"seed": 2**64})


@pytest.mark.parametrize(
    ("name", "given", "read"),
    [
        ("shuffle_bn", "true", True), ("shuffle_bn", "false", False), ("shuffle_bn", True, True),
        ("queue", "300", 300), ("lr", "1e-3", 1e-3), ("lr", 1, 1.0), ("momentum", "0", 0.0), ("momentum", 1, 1.0),
        ("schedule", "constant", "constant"), ("dataset", "folder:x", "folder:x"), ("batch", 2, 2),
    ],
)  # fmt: skip
def test_text_is_read_as_the_fields_type(name: str, given: Any, read: Any) -> None:
    run = resolve("moco", {name: given})
    found = {**run.tables()["method"], **run.tables()["model"], **run.tables()["training"]}[name]
    assert found == read
    assert type(found) is type(read)


@hypothesis_settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(list(METHODS)),
    st.integers(2, 10**6),
    st.floats(1e-30, 10) | st.just(0.0),
    st.sampled_from(["cosine", "constant"]),
)
def test_tables_and_back(method: str, batch: int, lr: float, schedule: str) -> None:
    """A run's own tables rebuild it, also through JSON, whose floats are exact."""
    run = resolve(method, {"batch": batch, "lr": lr, "schedule": schedule, "head_norm": True})
    assert run.tables()["method"]["name"] == method
    assert resolve(method, flat(json.loads(json.dumps(run.tables())))) == run


def test_flat_takes_sections_or_none() -> None:
    assert flat({"method": {"name": "moco", "queue": 3}, "model": {"dim": 4}, "lr": 1}) == {
        "queue": 3, "dim": 4, "lr": 1,
    }  # fmt: skip
