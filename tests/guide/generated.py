"""What the program itself writes in the guide: `make guides` writes it, and the tests hold it against the program."""

from __future__ import annotations

from tests.guide import command_reference, glossary_page


def write() -> None:
    """Write the command reference and the glossary."""
    command_reference.write()
    glossary_page.write()


if __name__ == "__main__":
    write()
