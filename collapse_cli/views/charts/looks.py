"""The looks of the results of a document: what both painters give to the same place, so that a plot and a page agree.

Every colour has a contrast of 4:1 or more with white; a marker tells what a colour does where colours are not seen.
"""

from __future__ import annotations

COLOURS = ("#0072b2", "#d55e00", "#00845f", "#b8527f", "#a06a00", "#7a5195", "#9c2f45", "#46642d")
MARKERS = ("circle", "square", "triangle", "diamond", "inverted triangle", "plus", "hexagon", "cross")


def colour(place: int) -> int:
    """Which of the colours a place has."""
    return place % len(COLOURS)


def marker(place: int) -> int:
    """Which of the markers: with each repetition of the colours they move on by one, so that 64 places differ."""
    return (place + place // len(COLOURS)) % len(MARKERS)
