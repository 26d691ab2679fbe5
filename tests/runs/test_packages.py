"""Packages and their licences, of metadata that is written for the test, and of this installation."""

from __future__ import annotations

import json
from importlib.metadata import requires
from pathlib import Path

import pytest

from collapse_cli.cli import main
from collapse_cli.runs.packages import UNSTATED, Package, packages

TEXT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software.\nAnd more."


def install(place: Path, name: str, *lines: str, text: str = "") -> None:
    folder = place / f"{name.replace('-', '_')}-1.2.dist-info"
    folder.mkdir(parents=True)
    facts = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.2", *lines])
    (folder / "METADATA").write_text(f"{facts}\n{text}\n")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_all_that_is_needed_is_listed_once_and_the_root_first(installed: Path) -> None:
    install(
        installed, "zz-root", "Requires-Dist: Aa_First>=1", "Requires-Dist: zz-back; python_version > '3'"
    )
    install(installed, "aa-first", "License: MIT", "Requires-Dist: zz-root", "Home-page: https://a.example")
    install(
        installed, "zz-back", "License-Expression: BSD-3-Clause",
        "Requires-Dist: zz-extra; extra == 'all'", "Requires-Dist: zz-other-system; os_name == 'zz'",
        "Project-URL: Docs, https://d.example", "Project-URL: Homepage, https://b.example",
    )  # fmt: skip
    install(installed, "zz-extra", "License: GPL")
    assert packages("zz-root") == [
        Package("zz-root", "1.2", UNSTATED, ""),
        Package("aa-first", "1.2", "MIT", "https://a.example"),
        Package("zz-back", "1.2", "BSD-3-Clause", "https://b.example"),
    ]


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (("License: UNKNOWN", "Classifier: License :: OSI Approved :: ISC License"), "ISC License"),
        (("License: MIT License\n        " + TEXT.replace("\n", "\n        "),), "MIT License"),
        (("License-Expression: " + " AND ".join(["MIT"] * 40),), (" AND ".join(["MIT"] * 40))[:60] + "…"),
        (("License: " + TEXT.splitlines()[0],), UNSTATED),
        ((), UNSTATED),
    ],
)
def test_a_licence_is_a_name(installed: Path, lines: tuple[str, ...], licence: str) -> None:
    install(installed, "zz-alone", *lines)
    (found,) = packages("zz-alone")
    assert found.licence == licence


def test_of_this_installation(capsys: pytest.CaptureFixture[str]) -> None:
    """Each requirement of ours is there, with a version; a line for each, and JSON."""
    assert main(["env", "--licences", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    ours = {
        line.split(">")[0].split("=")[0].split(";")[0].strip()
        for line in requires("collapse-cli") or ()
        if "extra" not in line
    }
    assert {name.lower() for name in ours} <= {name.lower() for name in listed}
    assert all(each.keys() == {"version", "licence", "home"} and each["version"] for each in listed.values())
    assert listed["numpy"]["licence"].startswith("BSD")
    assert main(["env", "--licences"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(listed)
    assert (
        next(line for line in lines if line.startswith("numpy ")).split(" · ")[0].split()[1]
        == listed["numpy"]["version"]
    )
