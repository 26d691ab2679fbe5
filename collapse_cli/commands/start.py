"""collapse, and nothing else: where to begin."""

from __future__ import annotations

from collapse_cli import answers

BEGIN = {
    "collapse demo": "watch collapse, and what prevents it, within a minute",
    "collapse diagnose INPUT": "has it collapsed, and what should be tried next?",
    "collapse causes RUN": "why has it collapsed, and what would cure it?",
    "collapse compare RUN RUN": "which is better, and would other seeds agree?",
    "collapse check INPUT": "exit code 1 where all is one point; --strict: with few dimensions",
}
"""The five commands to begin with, and what they answer."""


def begin() -> str:
    """The five commands to begin with, and how to see all."""
    width = max(map(len, BEGIN))
    lines = [f"  {command:<{width}}  {answers}" for command, answers in BEGIN.items()]
    return "\n".join(
        [
            "Has my representation collapsed, how badly, why, and what would cure it?",
            "",
            *lines,
            "",
            "INPUT: a run folder, a checkpoint (also other libraries'), or a file of embeddings.",
            "All commands: collapse --help · one of them: collapse diagnose --help",
            "What a number, a verdict or a cause means: collapse explain NAME",
        ]
    )


def version() -> str:
    """`collapse 0.3.0`"""
    return f"collapse {answers.version()}"
