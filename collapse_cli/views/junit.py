"""A gate's answer as JUnit XML, which CI services list: one test case for each check."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from collapse_cli.files import whole
from collapse_cli.printable import everywhere
from collapse_cli.views.document import Document
from collapse_cli.views.gate import Check, checks


def write(path: Path, document: Document) -> None:
    """A suite for each input, whole or not at all. What is inconclusive counts as skipped, a warning as passed."""
    document = everywhere(document)
    root = ElementTree.Element("testsuites", name="collapse check")
    suites = [list(checks(document, number)) for number in range(len(document["inputs"]))]
    for source, cases in zip(document["inputs"], suites, strict=True):
        suite = ElementTree.SubElement(root, "testsuite", {"name": str(source["path"])} | _counts(cases))
        for case in cases:
            _add(suite, f"collapse.{source['path']}", *case)
    for name, count in _counts([case for cases in suites for case in cases]).items():
        root.set(name, count)
    ElementTree.indent(root)
    with whole(path) as part:
        ElementTree.ElementTree(root).write(part, encoding="utf-8", xml_declaration=True)


def _counts(cases: list[Check]) -> dict[str, str]:
    results = [check.result for check in cases]
    counts = {"failures": results.count("fail"), "skipped": results.count("inconclusive")}
    return {
        "tests": str(len(cases)),
        **{name: str(count) for name, count in counts.items()},
        "errors": "0",
        "time": "0",
    }


def _add(suite: Any, origin: str, name: str, result: str, sentence: str) -> None:
    """One test case; its sentence is the message of a failure, and else its output."""
    case = ElementTree.SubElement(suite, "testcase", classname=origin, name=name, time="0")
    lines = sentence.splitlines()
    if result in ("fail", "inconclusive"):
        attributes = {"message": lines[0]} | ({"type": "collapse"} if result == "fail" else {})
        element = ElementTree.SubElement(case, "failure" if result == "fail" else "skipped", attributes)
    else:
        element = ElementTree.SubElement(case, "system-out")
    element.text = "\n".join(lines)
