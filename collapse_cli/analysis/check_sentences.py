"""What a check of a number comes to, as one sentence: its value, its interval and the bound."""

from __future__ import annotations

from collapse_cli.answers import Verdict
from collapse_cli.metric import Metric
from collapse_cli.metrics.bounds import RELATIONS, Result
from collapse_cli.views.words import figures, quantity, verdict

MET = {">=": "at least", "<=": "at most", ">": "above", "<": "below", "==": "exactly"}
MISSED = {">=": "below", "<=": "above", ">": "not above", "<": "not below", "==": "not"}
STRADDLES, NO_NUMBER = "its 95 % interval reaches across", "it is no finite number"
IN_TOUCH = "its 95 % interval and that of the bound overlap"


def sentence(
    name: str, metric: Metric, relation: str, bound: float, result: Result, origin: str = "", why: str = ""
) -> str:
    """`effective_rank.h 3.10 [2.90, 3.30] is below 20 (the baseline's 21 less 5%)`. origin: where the bound is from; why: it is
    inconclusive.
    """
    value, limit = quantity(metric), figures(bound)
    if result == "fail" and metric["interval"] is None and figures(metric["value"]) == limit:
        value, limit = f"{metric['value']:.8g}", f"{bound:.8g}"
    limit += f" ({origin})" if origin else ""
    if result == "inconclusive":
        return f"{name} {value} is not known to be {MET[relation]} {limit}: {why}"
    if result == "pass" and not RELATIONS[relation](metric["value"], bound):
        return f"{name} {value} cannot be told from {limit}"
    return f"{name} {value} is {(MET if result == 'pass' else MISSED)[relation]} {limit}"


def of_verdict(space: str, judged: Verdict) -> str:
    """`z: complete collapse: all embeddings point one way`, whether or not the sentence begins with the status."""
    facts = {"status": judged.status, "sentence": judged.sentence, "borderline": judged.borderline}
    _, status, rest = verdict(facts)
    return f"{space}: {status}: {rest}"
