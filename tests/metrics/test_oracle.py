"""False negatives: closed forms, a simulation, slow loops and planted classes."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import hypergeom
from torch.nn.functional import normalize

from collapse_cli.metrics.oracle import expected, oracle, own_stale_key


def test_expected_share_is_the_closed_form() -> None:
    """(n_c - 1)/(N - 1) for a query of class c: CIFAR-10 with K = 4096 expects 4096 * 4999/49999 = 409.5 false negatives."""
    found = expected([5000] * 10, [str(c) for c in range(10)], 4096)
    assert found.share == pytest.approx(4999 / 49999)
    assert found.false_negatives == pytest.approx(4096 * 4999 / 49999)
    assert found.false_negatives_of_class["3"] == pytest.approx(409.53, abs=0.01)


def test_unbalanced_classes_and_none_at_all() -> None:
    found = expected([3, 7], ["a", "b"], 4)
    assert found.share == pytest.approx((3 * 2 + 7 * 6) / 10 / 9)
    none = (3 * hypergeom.pmf(0, 9, 2, 4) + 7 * hypergeom.pmf(0, 9, 6, 4)) / 10
    assert found.none_at_all == pytest.approx(none)


@pytest.mark.parametrize("epochs", [0.3, 1.0, 1.311, 1.8])
def test_own_stale_key_is_what_a_simulated_queue_holds(epochs: float) -> None:
    """Two shuffled epochs, then a query from the third: how often is its picture among the last K keys? 4 sd of 4000 draws."""
    generator, n = torch.Generator().manual_seed(0), 200
    hits = 0
    for _ in range(4000):
        past = torch.cat([torch.randperm(n, generator=generator) for _ in range(2)])
        now = torch.randperm(n, generator=generator)
        at = int(torch.randint(n, (), generator=generator))
        queue = torch.cat([past, now[:at]])[-round(epochs * n) :]
        hits += int(now[at] in queue)
    assert hits / 4000 == pytest.approx(own_stale_key(epochs), abs=4 * math.sqrt(0.25 / 4000))


def test_own_stale_key_published() -> None:
    """0.3 % at K = 4096, 5 % at 16384, 76 % at 65536 of CIFAR's 50,000."""
    found = [own_stale_key(k / 50_000) for k in (4096, 16_384, 65_536)]
    assert found == pytest.approx([0.0034, 0.0537, 0.7624], abs=1e-4)
    assert own_stale_key(2.5) == 1


def random_case(q: int = 7, k: int = 30) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    unit = [normalize(torch.randn(n, 5, generator=generator), dim=1) for n in (q, k, q)]
    return {
        "queries": unit[0], "keys": unit[1], "positives": unit[2],
        "query_labels": torch.randint(3, (q,), generator=generator),
        "key_labels": torch.randint(3, (k,), generator=generator),
        "query_index": torch.arange(q), "key_index": torch.arange(k) * 3,
    }  # fmt: skip


def test_every_number_is_the_slow_loop() -> None:
    case, T = random_case(), 0.2
    found = oracle(**case, temperature=T)
    own = masses = won = 0.0
    false_at, there_at, p_at, mass_at = ([0.0] * 30 for _ in range(4))
    for i in range(7):
        ranked = []
        for j in range(30):
            if case["key_index"][j] == case["query_index"][i]:
                own += 1
                continue
            same = bool(case["key_labels"][j] == case["query_labels"][i])
            ranked.append((float(case["queries"][i] @ case["keys"][j]), same))
        ranked.sort(reverse=True)
        positive = float(case["queries"][i] @ case["positives"][i])
        total = sum(math.exp(s / T) for s, _ in ranked)
        won += positive > ranked[0][0]
        masses += sum(math.exp(s / T) for s, same in ranked if same) / total
        for rank, (s, same) in enumerate(ranked):
            false_at[rank] += same
            there_at[rank] += 1
            p_at[rank] += math.exp(s / T) / (total + math.exp(positive / T)) / 7
            mass_at[rank] += math.exp(s / T) / total / 7
    assert (found.queries, found.keys, found.same_picture) == (7, 30, own / 7)
    assert found.share == pytest.approx(sum(false_at) / sum(there_at))
    assert found.rank_1 == pytest.approx(false_at[0] / 7)
    assert found.top_8 == pytest.approx(sum(false_at[:8]) / sum(there_at[:8]))
    assert found.top_tenth == pytest.approx(sum(false_at[:3]) / 21)
    assert found.bottom_half == pytest.approx(sum(false_at[15:]) / sum(there_at[15:]))
    assert found.top_64 is None
    assert found.mass == pytest.approx(masses / 7, rel=1e-5)
    assert found.top_tenth_mass == pytest.approx(sum(mass_at[:3]), rel=1e-5)
    assert found.proxy_accuracy == pytest.approx(won / 7)
    assert list(found.matching_by_rank[:5]) == pytest.approx(p_at[:5], rel=1e-4)
    half = next(n for n in range(1, 31) if sum(mass_at[:n]) >= 0.5)
    assert found.half_mass == half


def test_planted_classes_are_the_hardest_negatives() -> None:
    """Three tight clusters of 20 keys: each query's first 20 ranks are false, the others true."""
    labels = torch.arange(60) % 3
    rows = normalize(
        torch.eye(3)[labels] + 0.01 * torch.randn(60, 3, generator=torch.Generator().manual_seed(0)), dim=1
    )
    found = oracle(rows, rows, labels, labels, torch.arange(60), torch.arange(60) + 1000, 0.1)
    assert (found.rank_1, found.top_8, found.bottom_half) == (1, 1, 0)
    assert found.share == pytest.approx(1 / 3)
    assert found.mass > 0.99
    assert found.proxy_accuracy is None


def test_equal_embeddings_are_chance() -> None:
    """All similarities equal: every negative has probability 1/(K+1), and the false ones hold their share of the mass."""
    rows = torch.ones(40, 4) / 2
    labels = torch.arange(40) % 4
    found = oracle(rows, rows, labels, labels, torch.arange(40), torch.arange(40) + 1000, 0.2, positives=rows)
    assert list(found.matching_by_rank) == pytest.approx([1 / 41] * len(found.matching_by_rank))
    assert found.mass == pytest.approx(1 / 4)
    assert found.proxy_accuracy == 0
