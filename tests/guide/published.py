"""The pages of `examples/guides/`, made from those of `collapse_cli/guide/`: `make guides` writes them."""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE, PUBLISHED = ROOT / "collapse_cli" / "guide", ROOT / "examples" / "guides"
ELSEWHERE = {"mcp.md": ROOT / "examples" / "mcp.md", "index.md": PUBLISHED / "README.md"}
"""Pages that are published under another name."""


def published() -> dict[Path, str]:
    """Path -> text of every page that is to be there."""
    return {_place(page): _text(page) for page in sorted(GUIDE.rglob("*.md"))}


def _place(page: Path) -> Path:
    return ELSEWHERE.get(str(page.relative_to(GUIDE)), PUBLISHED / page.relative_to(GUIDE))


def _text(page: Path) -> str:
    """With links that lead from where the page is published: to other pages there, to images in the package."""

    def led(match: re.Match[str]) -> str:
        target, _, anchor = match[2].partition("#")
        if target.startswith(("http:", "https:")) or not target:
            return match[0]
        there = (page.parent / target).resolve()
        if there.suffix == ".md" and there.is_relative_to(GUIDE):
            there = _place(there)
        elif not there.is_relative_to(
            GUIDE
        ):  # written as from examples/guides/, where the repository's other files are reached
            there = (PUBLISHED / page.parent.relative_to(GUIDE) / target).resolve()
        link = Path(os.path.relpath(there, _place(page).parent)).as_posix()
        return f"{match[1]}({link}{'#' + anchor if anchor else ''})"

    remark = f"<!-- made from collapse_cli/guide/{page.relative_to(GUIDE)} by `make guides`: change that file -->\n"
    parts = re.split(r"(^```.*?^```$)", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    parts[::2] = [re.sub(r"(\])\(([^)\s]+)\)", led, part) for part in parts[::2]]
    return remark + "".join(parts)


def write() -> None:
    """Write every page, and remove those that have no source."""
    pages = published()
    for path in {*PUBLISHED.rglob("*.md"), *ELSEWHERE.values()} - set(pages):
        path.unlink(missing_ok=True)
    for path, text in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    write()
