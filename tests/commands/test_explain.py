"""The guide at the terminal: a section by its name, the list of pages, and what an answer names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import numpy
import pytest

import collapse_cli
import collapse_cli as collapse
from collapse_cli.answers import Entry, Verdict, answer
from collapse_cli.cli import main
from collapse_cli.guide.pages import Section, pages
from collapse_cli.labs.linear_results import extremes
from collapse_cli.metrics.layer_change import Facts, judged
from collapse_cli.views import manual
from collapse_cli.views.console import Console
from collapse_cli.views.document import document


def test_a_term_is_explained_under_its_page(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever its case; the glossary's sentence stands below its name, and the page is named."""
    assert main(["explain", "ANTI HUB"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.startswith("Glossary (page glossary) anti-hub An embedding that is among")
    assert shown.endswith("collapse explain glossary Glossary")


def test_without_a_name_every_page_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{page} (" in shown for page in pages() if page != "index")


def test_json_is_the_sections(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "collapse explain", "--json"]) == 0
    (section,) = json.loads(capsys.readouterr().out)
    assert (section["page"], section["names"]) == ("commands", ["collapse explain"])
    assert section["text"].startswith("### `collapse explain`")


def test_an_unknown_name_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "trian"]) == 2
    assert capsys.readouterr().err == (
        "collapse: the guide has nothing named 'trian'\n  did you mean 'train', 'variance' or 'ranks'?\n"
    )
    assert main(["explain", "xyzzy"]) == 2
    assert capsys.readouterr().err.endswith("see every name: collapse explain\n")


def test_an_unknown_name_without_end_is_shown_as_its_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    """What a terminal would obey is written as an escape."""
    for name in ("x" * 5_000, "\x1b[31m" * 1_000, "..\n/" * 1_000):
        assert main(["explain", name]) == 2
        said = capsys.readouterr().err
        assert len(said) < 400
        assert said.replace("\n", "").isprintable()
        assert said.endswith("…'\n  see every name: collapse explain\n")


PAGE = """# Title

- a list of `code`
  - with a list in it
    1. and a third

| a | bb | cccc |
|---|---|---|
| averyveryverylongwordthatfitsnowhere | one two three four five six | another-long-word-of-a-table |

```python
long = "a line of code that is not broken, however narrow the terminal is, so that it can be copied"  # end
```
"""


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_nothing_of_a_page_is_cut(width: int) -> None:
    """Words of a table that are too wide are broken; a line of code stays one."""
    shown = StringIO()
    console = Console(file=shown, width=width, color_system=None, force_terminal=False)
    with patch.dict(pages(), {"verdict": Section("verdict", "Title", PAGE)}):
        manual.show([pages()["verdict"]], console)
    lines = shown.getvalue().splitlines()
    (code,) = (line for line in lines if line.startswith("long = "))
    assert code.rstrip() in PAGE
    assert code.rstrip().endswith("# end")
    assert all(len(line.rstrip()) <= width for line in lines if line != code)
    assert "…" not in shown.getvalue()
    letters = Counter(re.findall(r"[a-z]", PAGE.replace("```python", "")))
    assert letters <= Counter(shown.getvalue())


def test_python_gives_the_same_text() -> None:
    assert collapse_cli.explain("anti-hub").startswith("## `anti-hub`")
    with pytest.raises(collapse_cli.CollapseError, match="nothing named 'xyzzy'"):
        collapse_cli.explain("xyzzy")


def test_explaining_loads_nothing_heavy() -> None:
    script = (
        "import sys; from collapse_cli.cli import main; main(['explain', 'anti-hub']);"
        "print({'torch', 'matplotlib', 'numpy', 'sklearn'} & set(sys.modules), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "set()"


def test_an_answer_names_what_explains_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Equal embeddings are a complete collapse; the name stands in the short answer, in the full one and in JSON."""
    numpy.save(tmp_path / "e.npy", numpy.ones((300, 8), dtype="float32"))
    for options in ([], ["--all"]):
        assert main(["diagnose", str(tmp_path / "e.npy"), *options]) == 0
        assert "hat this means: collapse explain complete-collapse" in capsys.readouterr().out
    assert main(["diagnose", str(tmp_path / "e.npy"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["explain"] == "complete collapse"


def _named(*verdicts: Verdict | None) -> str:
    entries = [
        Entry("run", {}, space, verdict=verdict, named_kind="kind")
        for space, verdict in zip("hz", verdicts, strict=False)
    ]
    return str(document(answer("spectrum", entries))["explain"])


def test_the_name_is_that_of_the_verdict_that_leads() -> None:
    """h leads, but for a z that has collapsed completely; without a verdict, or with a status of a command's own, the command."""
    healthy, few, point = (
        Verdict(status, "") for status in ("healthy", "dimensional collapse", "complete collapse")
    )
    assert _named(healthy, few) == "healthy"
    assert _named(few, healthy) == "dimensional collapse"
    assert _named(healthy, point) == "complete collapse"
    assert _named(None, None) == "spectrum"
    assert _named(Verdict("2 of 3 healthy", ""), None) == "spectrum"
    assert (
        _named(Verdict("complete collapse", "", explained_by="queue too long"), healthy) == "queue too long"
    )


def test_commands_of_another_subject_name_their_own_page() -> None:
    """A healthy codebook is not explained by a page on embeddings; its own status is."""
    generator = numpy.random.default_rng(0)
    used, few = generator.integers(0, 500, 20000), generator.integers(0, 5, 20000)
    assert collapse.codes(used, size=500).to_dict()["explain"] == "codes"
    assert collapse.codes(few, size=500).to_dict()["explain"] == "codebook collapse"
    assert extremes({"2 layers": 2.0}, 2).explained_by == "linear"
    few_images = Facts(images=2)
    assert judged([], few_images).explained_by == "layers"


def test_of_several_inputs_the_gravest_is_explained() -> None:
    """A healthy run in front does not hide that the second is one point; of one input h still leads."""
    for statuses, expected in (
        (("healthy", "complete collapse"), "complete collapse"),
        (("inconclusive", "dimensional collapse", "healthy"), "dimensional collapse"),
        (("healthy", "healthy"), "healthy"),
    ):
        entries = [
            Entry(f"run {n}", {}, "h", n, verdict=Verdict(status, ""), named_kind="kind")
            for n, status in enumerate(statuses)
        ]
        assert document(answer("compare", entries))["explain"] == expected
