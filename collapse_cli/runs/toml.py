"""Settings as TOML: how a file is read, and how one is written."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.printable import WORKFLOW

EXAMPLE = "the settings.toml of any run is an example"


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file, or a sentence about what is wrong with it."""
    try:
        if path.exists() and not path.is_file():
            raise CollapseError(f"cannot read {path}: it is no regular file", "give the path of a TOML file")
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise CollapseError(f"cannot read {path}: {error.strerror}", "give the path of a TOML file") from None
    except RecursionError:
        raise CollapseError(f"{path} is not TOML: it is nested too deep", EXAMPLE) from None
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise CollapseError(f"{path} is not TOML: {error}", EXAMPLE) from None


def in_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Sections of numbers, booleans and text as TOML: JSON's way of writing those is also TOML's, but for letters beyond U+FFFF.

    Raises CollapseError for a name of a file that is no Unicode, which TOML cannot hold.
    """
    sections = (
        "\n".join([f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())])
        for name, table in tables.items()
    )
    return "\n\n".join(sections) + "\n"


def _value(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise CollapseError(
            f"{value} is not the name of a file in UTF-8, and no settings can hold it", "rename the file"
        )
    text = "".join(_in_ascii(letter) for letter in json.dumps(value, ensure_ascii=False))
    return WORKFLOW.sub(r"\\u0023#", text)


def _in_ascii(letter: str) -> str:
    """JSON has two escapes for a letter beyond U+FFFF, and TOML one."""
    return (
        json.dumps(letter)[1:-1]
        if "\x7f" <= letter <= "\uffff"
        else letter
        if letter.isascii()
        else f"\\U{ord(letter):08x}"
    )
