"""What the program itself writes in the guide: `make guides` writes it, and the tests hold it against the program."""

from __future__ import annotations

from tests.guide import command_reference, glossary_page, planted_pages


def write() -> None:
    """Write the command reference, the glossary, and the planted cases with their images."""
    command_reference.write()
    glossary_page.write()
    planted_pages.write()


if __name__ == "__main__":
    write()
