"""The checked-in schema fits what `results.answer` makes, and nothing less."""

import copy
import json
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

SCHEMA = json.loads(files("collapse_cli.views").joinpath("schema.json").read_text())
valid = Draft202012Validator(SCHEMA).is_valid


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", ["one", "two", "six", "groups"])
def test_answers_fit(name, request):
    document = json.loads(json.dumps(request.getfixturevalue(name)))
    assert list(Draft202012Validator(SCHEMA).iter_errors(document)) == []


def test_all_kinds_are_among_them(two):
    kinds = {metric["kind"] for one in two["results"] for metric in one["metrics"].values()}
    assert kinds == {"number", "curve", "each", "matrix"}


def test_additions_fit(one):
    one["results"][0]["metrics"]["effective_rank"]["seeds"] = 5
    one["more"] = {}
    assert valid(json.loads(json.dumps(one)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["schema"], 1),
        (["tool", "version"], None),
        (["argv"], "collapse spectrum"),
        (["inputs", 0, "sha256"], "short"),
        (["results", 0, "of"], ""),
        (["results", 0, "input"], -1),
        (["results", 0, "verdict", "status"], "fine"),
        (["results", 0, "verdict", "reasons"], "one"),
        (["results", 0, "metrics", "effective_rank", "kind"], "numeral"),
        (["results", 0, "metrics", "effective_rank", "value"], "46.9"),
        (["results", 0, "metrics", "effective_rank", "unit"], 3),
        (["results", 0, "metrics", "effective_rank", "interval"], [1.0]),
        (["results", 0, "metrics", "effective_rank", "better"], "large"),
        (["results", 0, "metrics", "effective_rank", "best"], True),
        (["results", 0, "metrics", "effective_rank", "runs"], ["46.9"]),
        (["results", 0, "metrics", "effective_rank", "agree"], [2]),
        (["results", 0, "metrics", "effective_rank", "required"], {"of": "effective_rank.z"}),
        (["results", 0, "verdict", "result"], "green"),
        (["results", 0, "inputs"], [-1]),
        (["results", 0, "metrics", "eigenvalues", "log"], "z"),
        (["results", 0, "metrics", "eigenvalues", "values"], {"1": 2.0}),
        (["results", 0, "metrics", "eigenvalues", "interval"], [[1.0]]),
        (["results", 0, "metrics", "eigenvalues", "interval"], [["1"], ["2"]]),
        (["results", 0, "metrics", "eigenvalues", "names"], [1]),
        (["results", 0, "metrics", "eigenvalues", "low"], "0"),
        (["results", 0, "metrics", "eigenvalues", "apart"], "both"),
        (["results", 2, "metrics", "of_class", "intervals"], {"a": [1.0]}),
        (["results", 2, "metrics", "of_class", "intervals"], [[0.0, 1.0]]),
        (["results", 2, "metrics", "of_class", "high"], "1"),
        (["results", 2, "metrics", "of_class", "values"], [1.0]),
        (["results", 4, "metrics", "confusion", "values"], [1.0]),
    ],
)
def test_wrong_values_do_not_fit(two, path, value):
    document = json.loads(json.dumps(two))
    assert valid(document)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert not valid(document)


def test_intervals_names_and_limits_fit(two):
    document = json.loads(json.dumps(two))
    curve = document["results"][0]["metrics"]["eigenvalues"]
    width = len(curve["values"])
    curve |= {"interval": [[0.0] * width, [None] * width], "names": ["a"], "low": 0, "apart": "dimensions"}
    document["results"][2]["metrics"]["of_class"] |= {"intervals": {"a": [0.0, None]}, "low": 0, "high": 4}
    assert valid(document)


def _required(document):
    """Every key that must be there, as (path, key)."""
    for key in ("schema", "tool", "command", "argv", "inputs", "results", "warnings"):
        yield [], key
    for key in ("kind", "of", "subject", "space", "input", "title", "settings", "metrics", "verdict"):
        yield ["results", 0], key
    for name, keys in {
        "effective_rank": ("kind", "label", "help", "value", "null", "interval"),
        "eigenvalues": ("kind", "label", "help", "values", "at", "null", "x"),
    }.items():
        for key in keys:
            yield ["results", 0, "metrics", name], key
    for key in ("kind", "values", "of"):
        yield ["results", 2, "metrics", "of_class"], key
    for key in ("kind", "values", "rows", "columns"):
        yield ["results", 4, "metrics", "confusion"], key


def test_missing_keys_do_not_fit(two):
    whole = json.loads(json.dumps(two))
    for path, key in _required(whole):
        document = copy.deepcopy(whole)
        inner = document
        for step in path:
            inner = inner[step]
        del inner[key]
        assert not valid(document), (path, key)


def test_a_gate_fits(two):
    """What was required of a number, and what a gate makes of a verdict; each of its parts is needed."""
    required = {
        "of": "effective_rank.z",
        "relation": ">=",
        "bound": 20.0,
        "result": "pass",
        "sentence": "it is 46.9",
    }
    document = json.loads(json.dumps(two))
    metric = document["results"][0]["metrics"]["effective_rank"]
    document["results"][0]["verdict"] |= {"status": "passed", "result": "warn"}
    metric["required"] = required
    assert valid(document)
    for key in required:
        metric["required"] = {name: value for name, value in required.items() if name != key}
        assert not valid(document), key
    for key, wrong in (("relation", "!="), ("result", "green"), ("bound", "20"), ("sentence", "")):
        metric["required"] = required | {key: wrong}
        assert not valid(document), key
