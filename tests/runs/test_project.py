"""The gate's table in pyproject.toml: found upwards, read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from collapse_cli.errors import CollapseError
from collapse_cli.runs.project import gate

WHOLE = """
[tool.collapse.check]
require = ["effective_rank.h >= 20"]
baseline = "kept/base.json"
only = ["effective_rank", "uniformity.z"]
tolerance = "10%"
strict = true
"""


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    """Also where it has no such table; a baseline's path is from the file that names it."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(WHOLE)
    found = gate(inner)
    assert found == {
        "require": ["effective_rank.h >= 20"], "baseline": str(tmp_path / "kept" / "base.json"),
        "only": ["effective_rank", "uniformity.z"], "tolerance": ["10%"], "strict": True,
    }  # fmt: skip
    assert gate(tmp_path) == found
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'a'\n")
    assert gate(inner) == {}


@pytest.mark.parametrize(
    ("text", "said", "remedy"),
    [
        ("[tool.collapse.check]\nstrict = yes\n", "at line 2", "repair"),
        ("[tool.collapse.check]\nrequires = []\n", "no key 'requires'", "did you mean 'require'?"),
        ("[tool.collapse.check]\nrequire = 'rank > 2'\n", "require cannot be 'rank > 2'", "a list"),
        ("[tool.collapse.check]\nrequire = [2]\n", "require cannot be [2]", "a list"),
        ("[tool.collapse.check]\ntolerance = 5\n", "tolerance cannot be 5", '"5%"'),
        (
            "[tool.collapse.check]\ntolerance = ['5%', 2]\n",
            "tolerance cannot be ['5%', 2]",
            "effective_rank=2%",
        ),
        ("[tool.collapse.check]\nonly = 'rank'\n", "only cannot be 'rank'", "a list of names"),
        ("[tool.collapse.check]\nonly = { h = 1 }\n", "only cannot be {'h': 1}", "a list of names"),
        ("[tool.collapse.check]\nstrict = 1\n", "strict cannot be 1", "true or false"),
        ("[tool.collapse]\ncheck = 1\n", "'check' is not a table", "[tool.collapse.check]"),
        ("tool = 1\n", "'tool' is not a table", "[tool.collapse.check]"),
    ],
    ids=lambda one: one[:40],
)
def test_what_is_refused(text: str, said: str, remedy: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(CollapseError) as refused:
        gate(tmp_path)
    assert said in refused.value.message
    assert remedy in refused.value.hint
    assert str(tmp_path / "pyproject.toml") in refused.value.message
