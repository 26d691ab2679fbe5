"""Tables and images of planted cases in the guide: `make guides` writes them, or `python -m tests.guide.planted_pages spectrum`.

A module `tests/guide/planted/NAME.py` has `table() -> str`, which stands in the page NAME between two comments, and
`figure() -> Figure`, which the page shows; either may be missing. NAME is that of a page of metrics, or of another page.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import ModuleType

import matplotlib

from collapse_cli.views.style import STYLE
from tests.guide.published import GUIDE

FOLDER, IMAGES = Path(__file__).parent / "planted", GUIDE / "images"
BETWEEN = re.compile(r"(?<=^<!-- planted -->\n).*?(?=^<!-- /planted -->$)", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"[-−]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?")
PLACE = "(the table)"
RELATIVE = 0.02  # by which a number may differ: versions of torch and of linear algebra round in other ways
LARGEST = 60_000  # bytes of an image
FIXED = {"svg.fonttype": "path", "svg.hashsalt": "collapse"}  # the same file from the same numbers


def names() -> list[str]:
    """Every module of planted cases."""
    return sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))


def module(name: str) -> ModuleType:
    return import_module(f"tests.guide.planted.{name}")


def page(name: str) -> Path:
    """Where the cases are shown."""
    metrics = GUIDE / "metrics" / f"{name}.md"
    return metrics if metrics.exists() else GUIDE / f"{name}.md"


def image(name: str) -> Path:
    """Where its figure lies."""
    place = page(name).relative_to(GUIDE).with_suffix(".svg")
    return IMAGES / "-".join(place.parts)


def shown(name: str) -> str | None:
    """The table that the page has now; None where it has no place for one."""
    match = BETWEEN.search(page(name).read_text())
    return match and match[0].strip() + "\n"


def write(*chosen: str) -> None:
    """Write the tables and images of these modules, or of all."""
    for name in chosen or names():
        cases, path = module(name), page(name)
        if hasattr(cases, "table"):
            before, times = BETWEEN.subn(PLACE, path.read_text())
            assert times == 1, f"{path} has no place for a table of planted cases"
            path.write_text(before.replace(PLACE, f"\n{cases.table()}\n"))
        if hasattr(cases, "figure"):
            save(name)


def save(name: str) -> None:
    drawn = StringIO()
    with matplotlib.rc_context(STYLE | FIXED):
        module(name).figure().savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    image(name).parent.mkdir(exist_ok=True)
    image(name).write_text(compact(drawn.getvalue()))


def compact(svg: str) -> str:
    """With two places behind the point, and without what nobody sees: comments, names of parts, empty space."""
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[a-z.0-9]+_\d+"', "", svg)
    svg = re.sub(r'(?<= d=")[^"]*', lambda path: shorter(" ".join(path[0].split())), svg)
    svg = re.sub(r'(?<= [xy]=")[-.\d]+', lambda place: shorter(place[0]), svg)
    svg = re.sub(r"(?<=translate\()[^)]*", lambda place: shorter(place[0]), svg)
    svg = svg.replace("DejaVuSans-Bold-", "b").replace("DejaVuSans-", "l")
    return re.sub(r"\s*\n\s*", "\n", svg)


def shorter(numbers: str) -> str:
    return re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), numbers)


def different(before: str, now: str) -> list[str]:
    """Lines of two tables that differ in words, or in a number by more than RELATIVE and a unit in its last place."""
    pairs = zip(before.splitlines(), now.splitlines(), strict=True)
    return [f"{line}\nis now\n{other}" for line, other in pairs if not alike(line, other)]


def alike(line: str, other: str) -> bool:
    if NUMBER.sub("#", line) != NUMBER.sub("#", other):
        return False
    pairs = zip(NUMBER.findall(line), NUMBER.findall(other), strict=True)
    return all(abs(value(a) - value(b)) <= RELATIVE * abs(value(a)) + 1.01 * unit(a) for a, b in pairs)


def value(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def unit(text: str) -> float:
    """Of the last place of a number that has places behind the point; 0 for a whole one."""
    mantissa, _, power = text.partition("e")
    places = len(mantissa.partition(".")[2])
    return float(f"1e{int(power or 0) - places}") if places or power else 0.0


if __name__ == "__main__":
    write(*sys.argv[1:])
