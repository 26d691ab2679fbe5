"""What the program itself writes in the guide: `make guides` writes it, and the tests hold it against the program."""

from __future__ import annotations

from tests.guide import command_reference, planted_pages


def write() -> None:
    command_reference.write()
    planted_pages.write()


if __name__ == "__main__":
    write()
