"""An answer in 8 kB: what an assistant reads costs it room, so what the short answer rests on least is left out first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

LIMIT = 8000  # bytes of a whole result, as it is sent
AROUND = 300  # of them for what stands around text and structured content
TEXT = 4400  # bytes of the text, where not all fits
MORE = 80  # of them for the line that tells how many more there are
LONG = 1000  # bytes of a text within the structured content, where not all fits
ENDS = "entries from the ends of long lists"
WHOLE = (
    "exit_code",
    "status",
    "schema",
    "tool",
    "command",
    "argv",
    "explain",
    "omitted",
)  # that nothing is left out of
FACTS = ("path", "layout", "epoch", "method", "dataset")  # of an input, that are left out last
NEEDED = (
    "kind",
    "label",
    "help",
    "value",
    "null",
    "interval",
    "unit",
    "convention",
)  # of a number, by the schema
Part = dict[str, Any]
Change = Callable[[Part, int], Part]
"""(the structured content, bytes that are too many) -> the same with less in it."""


def size(value: Any) -> int:
    """Bytes of a value as JSON on one line."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def fitted(text: str, structured: Part) -> tuple[str, Part]:
    """The same with what has to be left out so that both fit, which stands in the field `omitted`."""
    omitted: list[str] = []
    for name, change in STEPS:
        excess = _excess(text, structured, omitted)
        if excess <= 0:
            break
        before = text, structured
        if change is None:
            text = cut(text, max(TEXT, size(text) - excess - len(name) - 3))
        else:
            structured = change(structured, excess + len(name) + 3)
        if (text, structured) != before:
            omitted.append(name)
    if _excess(text, structured, omitted) > 0:
        omitted.append(ENDS)
        text, structured = _at_last(text, structured, omitted)
    return text, structured | ({"omitted": omitted} if omitted else {})


def cut(text: str, most: int) -> str:
    """The first lines of a text, as many as are at most so many bytes of JSON, and how many more there are."""
    if size(text) <= most:
        return text
    lines, room = text.splitlines(), most - MORE
    shown: list[str] = []
    for line in lines:
        room -= size(line)  # its quotes stand for the break
        if room < 0:
            break
        shown.append(line)
    if not shown:  # a single line without end
        return within(text, most)
    return "\n".join([*shown, f"… {len(lines) - len(shown)} more lines: type the command in a terminal"])


def within(text: str, most: int) -> str:
    """The beginning of a text, as much as is at most so many bytes of JSON, with a sign where it ends before the text does."""
    shown = text
    while size(f"{shown} …") > most and shown:
        shown = shown[: min(len(shown) - 1, len(shown) * most // size(shown))]
    return text if size(text) <= most else f"{shown} …"


def _excess(text: str, structured: Part, omitted: list[str]) -> int:
    """Bytes that are too many."""
    return size(text) + size(structured | {"omitted": omitted}) - (LIMIT - AROUND)


def _results(structured: Part) -> list[Part]:
    """The results of a document; of facts about a file, which are none, there are none."""
    return structured["results"] if "schema" in structured else []


def _of_results(change: Callable[[Part], Mapping[str, Any]]) -> Change:
    """A change of each result, if there are any."""

    def changed(structured: Part, excess: int) -> Part:
        results = [{**result, **change(result)} for result in _results(structured)]
        return structured | {"results": results} if results else structured

    return changed


def _without_metrics(left: Callable[[Part, str, Part], bool]) -> Change:
    """Without metrics for which `left` holds, of (result, name, metric): the last of each result first, as many as needed."""

    def changed(structured: Part, excess: int) -> Part:
        results = _results(structured)
        candidates = [
            (-place, number, name, size(metric) + len(name) + 4)
            for number, result in enumerate(results)
            for place, (name, metric) in enumerate(result["metrics"].items())
            if left(result, name, metric)
        ]
        gone = set()
        for _, number, name, bytes_of in sorted(candidates):
            if excess <= 0:
                break
            gone.add((number, name))
            excess -= bytes_of
        if not gone:
            return structured
        return structured | {"results": list(_less(results, gone))}

    return changed


def _less(results: list[Part], gone: set[tuple[int, str]]) -> Iterator[Part]:
    for number, result in enumerate(results):
        metrics = {n: m for n, m in result["metrics"].items() if (number, n) not in gone}
        yield {**result, "metrics": metrics}


def _decides(result: Part, name: str) -> bool:
    """Whether a number is one of those that the short answer shows, or that decided its verdict."""
    bounds = {bound["number"] for bound in (result["verdict"] or {}).get("thresholds", ())}
    return name in result.get("key_numbers", ()) or name in bounds


def _plain(result: Part) -> Part:
    metrics = {}
    for name, metric in result["metrics"].items():
        needed = {key: metric[key] for key in NEEDED if key in metric}
        metrics[name] = (
            needed | {"help": metric["label"]} | ({"convention": ""} if "convention" in needed else {})
        )
    return {"metrics": metrics}


def _judged(*names: str) -> Change:
    """Without these parts of the verdicts."""

    def changed(result: Part) -> Part:
        verdict = result["verdict"]
        if not verdict:
            return {}
        return {
            "verdict": {name: part for name, part in verdict.items() if name not in names} | {"reasons": []}
        }

    return _of_results(changed)


def _facts(structured: Part, excess: int) -> Part:
    if not _results(structured):
        return structured
    inputs = [{name: facts[name] for name in FACTS if name in facts} for facts in structured["inputs"]]
    return structured | {"inputs": inputs}


def _rounded(structured: Part, excess: int) -> Part:
    """With six digits of each number."""
    return {name: _six(part) for name, part in structured.items()}


def _six(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: _six(part) for name, part in value.items()}
    return [_six(part) for part in value] if isinstance(value, list) else value


def _shorter(structured: Part, excess: int) -> Part:
    """With no text of more than LONG bytes: a command that repeats a long argument, a name without end."""
    return {name: _begun(part) for name, part in structured.items()}


def _begun(value: Any) -> Any:
    if isinstance(value, str):
        return within(value, LONG)
    if isinstance(value, dict):
        return {within(name, LONG): _begun(part) for name, part in value.items()}
    return [_begun(part) for part in value] if isinstance(value, list) else value


def _spoken(structured: Part, excess: int) -> Part:
    """Only the results that say something: those with a verdict or an answer."""
    results = [r for r in _results(structured) if r["verdict"] or r.get("answer")]
    return structured | {"results": results} if results else structured


STEPS: tuple[tuple[str, Change | None], ...] = (
    ("curves, matrices and values by index", _without_metrics(lambda r, n, m: m["kind"] != "number")),
    ("digits beyond the sixth", _rounded),
    ("ends of long texts", _shorter),
    ("explanations of the numbers", _of_results(_plain)),
    ("numbers that are no headline", _without_metrics(lambda r, n, m: "headline" not in m and not _decides(r, n))),
    ("settings of the results", _of_results(lambda result: {"settings": {}})),
    ("facts of the inputs", _facts),
    ("reasons and bounds of the verdicts", _judged("reasons", "thresholds")),
    ("headlines that are no key numbers", _without_metrics(lambda r, n, m: n not in r.get("key_numbers", ()))),
    ("lines of the text", None),
    ("results without a verdict or an answer", _spoken),
    ("key numbers", _without_metrics(lambda r, n, m: True)),
    ("advice and findings", _judged("reasons", "thresholds", "advice", "findings", "meaning", "lead")),
)  # fmt: skip
"""What is left out, in this order, until the rest fits; None shortens the text."""


def _at_last(text: str, structured: Part, omitted: list[str]) -> tuple[str, Part]:
    """The longest lists and texts shortened from their ends, until the rest fits."""
    structured = dict(structured)
    while _excess(text, structured, omitted) > 0:
        long = [name for name, value in structured.items() if name not in WHOLE and _many(value)]
        if not long:
            return cut(text, TEXT // 2), structured
        name = max(long, key=lambda name: size(structured[name]))
        value = structured[name]
        most = len(value) * 3 // 4
        structured[name] = dict(list(value.items())[:most]) if isinstance(value, dict) else value[:most]
    return text, structured


def _many(value: Any) -> bool:
    return isinstance(value, list | dict | str) and len(value) > 0
