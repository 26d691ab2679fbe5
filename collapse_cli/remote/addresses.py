"""Addresses such as s3://bucket/rows.npy: what they are, how they are shown without a secret, and why one cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collapse_cli.errors import CollapseError

PACKAGES = {
    "s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "hf": "huggingface_hub",
    "http": "aiohttp", "https": "aiohttp", "memory": "fsspec",
}  # fmt: skip
"""What fsspec needs for each scheme."""

ADDRESS = re.compile(rf"({'|'.join(PACKAGES)}):/+(.+)", re.DOTALL)  # a Path has one slash of two
USER = re.compile(r"(:/+)[^/@?\s]+@")  # and password
PERMISSION = {401, 403}  # of HTTP


def of(path: Path | str) -> str:
    """The address that a path is, with both of its slashes; empty where it is none."""
    match = ADDRESS.fullmatch(str(path))
    return f"{match[1]}://{match[2]}" if match else ""


def shown(address: str) -> str:
    """An address without what gives access: the user and password before the host, and the query, which may be a signature."""
    place, mark, _ = address.partition("?")
    return USER.sub(r"\1***@", place) + ("?…" if mark else "")


def refuse_secret(address: str) -> None:
    """Raises CollapseError for an address with a password or a signature, where it would be kept: in the settings of a run."""
    whole = of(address)
    if (name := shown(whole)) != whole:
        raise CollapseError(
            f"{name} gives access with its address, which a run would keep in its settings",
            "leave the password or signature out, and log in as the provider's own tools do",
        )


@contextmanager
def reading(name: str, address: str) -> Iterator[None]:
    """Within it something elsewhere is read: raises CollapseError for what its library refuses, without any secret."""
    try:
        yield
    except CollapseError:
        raise
    except FileNotFoundError:
        raise CollapseError(f"there is no {name}", "check the address; a folder must have files") from None
    except ImportError as error:
        package = PACKAGES.get(name.partition(":")[0], "fsspec")
        raise CollapseError(
            f"{name} needs the package {error.name or package}",
            "install it with: pip install 'collapse-cli[remote]'",
        ) from None
    except Exception as error:
        if isinstance(error, PermissionError) or getattr(error, "status", None) in PERMISSION:
            raise CollapseError(
                f"there is no permission to read {name}",
                "log in as the provider's own tools do: its library reads their credentials from the environment",
            ) from None
        raise CollapseError(
            f"{name} cannot be read ({_reason(error, name, address)})",
            "check the address, the network and the credentials",
        ) from None


def _reason(error: Exception, name: str, address: str) -> str:
    """The first line of what a library says, without addresses, which may have a signature."""
    line = next(iter(str(error).strip().splitlines()), "").replace(address, name)
    words = re.sub(r"\w+://\S+", lambda other: shown(other[0]), line)[:200]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
