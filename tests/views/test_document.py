"""Results find their groups and their names."""

from collapse_cli.views.document import groups, names, verdicts
from tests.documents import answer


def _answer(*results, inputs=()):
    plain = {"settings": {}, "metrics": {}, "verdict": None}
    return answer("x", [plain | one for one in results], argv=[], version="0", inputs=inputs)


def test_groups_by_title_in_order(two):
    found = groups(two)
    assert [group.title for group in found] == [
        "Spectrum and effective ranks",
        "Alignment and uniformity",
        "False negatives",
    ]
    assert [group.names for group in found] == [("h", "z")] * 3


def test_settings_are_shared_or_differ(two):
    spectra = groups(two)[0]
    assert spectra.shared() == {"N": 1797, "centred": True, "L2": True, "eps": 0.0, "seed": 0}
    assert spectra.differing() == {"D": [128, 64]}


def test_paths_lose_what_they_share(six):
    assert names(six)[:2] == ["moco-queue-64", "moco-queue-128"]
    assert names(six)[6:] == names(six)[:6]


def test_one_path_stays_whole():
    assert names(_answer({"of": "runs/a/checkpoint.pt", "kind": "T", "title": "T", "input": 0})) == [
        "runs/a/checkpoint.pt"
    ]


def test_a_path_that_is_the_start_of_another_keeps_a_name():
    of = [{"of": name, "kind": "T", "title": "T", "input": 0} for name in ("runs/a", "runs/a/b")]
    assert names(_answer(*of)) == ["runs/a", "runs/a/b"]


def test_results_of_one_name_get_their_input_or_a_number():
    twice = [{"of": "h", "kind": "T", "title": "T", "input": n} for n in (0, 1, 1)]
    inputs = [{"path": "a.pt"}, {"path": "b.pt"}]
    assert names(_answer(*twice, inputs=inputs)) == ["h (a.pt)", "h (b.pt)", "h (b.pt) #2"]


def test_a_lone_verdict_needs_no_name(one, two):
    assert [name for name, _ in verdicts(one)] == [""]
    assert [name for name, _ in verdicts(two)] == ["h", "z"]


def test_files_of_one_name_are_told_apart_by_their_folders():
    entries = [{"of": "x.npy · h", "input": n, "kind": "Spectrum", "title": "Spectrum"} for n in range(2)]
    found = {"results": entries, "inputs": [{"path": "a/x.npy"}, {"path": "b/x.npy"}]}
    assert names(found) == ["x.npy · h (a/x.npy)", "x.npy · h (b/x.npy)"]
