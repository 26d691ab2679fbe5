"""The names of files on a page, which is handed on."""

from __future__ import annotations

from collections.abc import Sequence

from collapse_cli.views.document import Document


def base_names(documents: Sequence[Document]) -> list[Document]:
    """The documents as they are."""
    return list(documents)
