"""The page: complete, escaped, and in need of nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from collapse_cli.exhibits import Exhibits, Gallery, Map, Row, Thumbnail
from collapse_cli.views import page

ROOT = Path(__file__).parents[3]
HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "a\u202eb\u2066c",
    "n" * 500,
    "👩‍🔬 λ</style><b>",
    "{{ 7*7 }}{% raw %}",
]
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Reader(HTMLParser):
    """Tags with their attributes, and the text outside of style and script; `scripts` and `styles` as they are."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.text, self.inside, self.scripts = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        assert len(attrs) == len(dict(attrs)), f"an attribute twice: {tag} {attrs}"
        if tag not in VOID:
            self.inside.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag

    def handle_data(self, data):
        if self.inside[-1:] == ["script"]:
            self.scripts.append(data)
        elif self.inside[-1:] != ["style"]:
            self.text.append(data)

    def attributes(self, name):
        return [attrs[name] for _, attrs in self.tags if name in attrs]


def of_one_run(document):
    """The same with h and z of one subject."""
    for result in document["results"]:
        result |= {"subject": "run", "space": result["of"]}
    return document


def words(html):
    return " ".join("".join(Reader(html).text).split())


def test_the_policy_allows_the_script_of_the_page_and_nothing_else(two, shown):
    reader = Reader(page.page([two], "Report", shown))
    (script,) = reader.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [a["content"] for t, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert (
        policy
        == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )


def test_nothing_is_fetched_and_no_attribute_is_an_order(two, six, groups, shown):
    for documents in ([two], [six], [groups], [two, six]):
        html = page.page(documents, "Report", shown)
        reader = Reader(html)
        assert reader.inside == []  # every element is closed
        tags = {tag for tag, _ in reader.tags}
        assert tags.isdisjoint({"link", "iframe", "object", "base", "form", "embed"})
        names = {name for _, attrs in reader.tags for name in attrs}
        assert not {name for name in names if name == "style" or name.startswith("on")}
        places = [v for k in ("src", "href", "xlink:href", "srcset", "data") for v in reader.attributes(k)]
        assert all(value.startswith(("#", "data:image/png;base64,")) for value in places)
        assert "@import" not in html
        assert "url(" not in html


def test_ids_are_unique_and_links_lead_to_them(two, six, shown):
    reader = Reader(page.page([two, six, two], "Report", shown))
    ids = reader.attributes("id")
    assert len(ids) == len(set(ids))
    links = [href for href in reader.attributes("href") if href.startswith("#")]
    assert {link[1:] for link in links} <= set(ids)
    assert {"part-spectrum", "part-spectrum-2", "part-spectrum-3"} <= set(ids)


def test_landmarks_headings_and_tables_for_who_listens(two, shown):
    reader = Reader(page.page([two], "Report", shown))
    tags = [tag for tag, _ in reader.tags]
    assert [tags.count(tag) for tag in ("h1", "header", "main", "footer", "nav")] == [1, 1, 1, 1, 1]
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    assert tags.count("caption") == tags.count("table")
    assert all(a.get("scope") in ("col", "row") for tag, a in reader.tags if tag == "th")
    drawings = [attrs for tag, attrs in reader.tags if tag == "svg" and "aria-hidden" not in attrs]
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in drawings)


def test_a_chart_says_what_it_shows(one):
    labels = Reader(page.page([one], "Report")).attributes("aria-label")
    (eigenvalues,) = [label for label in labels if label.startswith("Eigenvalues.")]
    first = one["results"][0]["metrics"]["eigenvalues"]
    assert first["values"][0] == 0.02
    assert "representations h: 0.02 to 0;" in eigenvalues
    assert "isotropic: 0.0125 to 0.005652" in eigenvalues  # 1.6/128, and that times exp(-.8*127/128)


def spaced(html):
    """The text with a blank between any two elements."""
    return " ".join(" ".join(Reader(html).text).split())


@pytest.mark.parametrize("bad", HOSTILE)
def test_text_of_users_stays_text(two, bad):
    two["inputs"][0]["path"] = bad.replace("/", "|")  # which is known as a path
    for result in two["results"]:
        result["of"] = result["subject"] = bad
        result["answer"] = bad
    two["results"][0]["verdict"]["sentence"] = bad
    two["results"][2]["metrics"]["of_class"]["values"] = {bad: 1.0, "b": 2.0}
    confusion = two["results"][4]["metrics"]["confusion"]
    confusion["row_names"] = confusion["column_names"] = [bad, *"123456789"]
    two["argv"].append(bad)
    two["warnings"].append(bad)
    two["command"] = bad
    two["results"][0]["metrics"]["eigenvalues"]["label"] = bad
    exhibits = Exhibits(
        (Map(bad, bad, bad, ((0.0, 1.0), (1.0, 2.0)), (bad, "b"), ("k", ""), bad),),
        (Gallery(bad, bad, (Row("k", bad, ()), Row(bad, bad, ())), bad),),
        {"k": Thumbnail(b"PNG", bad)},
    )
    html = page.page([two], bad, exhibits, intro=bad)
    reader = Reader(html)
    tags = [tag for tag, _ in reader.tags]
    assert (tags.count("script"), tags.count("img"), tags.count("b") > 0) == (1, 0, True)
    assert "style" not in {name for _, attrs in reader.tags for name in attrs}
    assert not {name for _, attrs in reader.tags for name in attrs if name.startswith("on")}
    assert not set("\u202e\u2066") & set(html)
    charts = [json.loads(data) for data in reader.attributes("data-chart")]
    kinds = {chart["kind"] for chart in charts}
    assert {"curves", "marks", "heat", "map"} <= kinds
    shown = bad.replace("\u202e", r"\u202e").replace("\u2066", r"\u2066")
    assert sum(part.count(shown) for part in reader.text) > 10
    assert next(chart["rows"][0] for chart in charts if chart["kind"] == "heat") == shown


def test_the_verdict_stands_first_and_its_reasons_are_closed(two):
    html = page.page([of_one_run(two)], "Report", intro="One.\n\nTwo.")
    lead = words(html.split("<nav")[0].replace("<li>", "<li> "))
    assert "Report One. Two." in lead
    assert "✓ Healthy run" in lead
    assert (
        "h, the representation that probes and downstream tasks use: 121 of 128 dimensions survive training"
        in lead
    )
    assert "z, the projection that the loss compares: Dimensional collapse. 12 of 128 dimensions" in lead
    before = html.split("121 directions above 1 %")[0]
    assert before.count("<details>") - before.count("</details>") == 1


def test_the_status_that_leads_is_the_worst_that_counts(two):
    """h leads; z does only where it has collapsed completely."""
    statuses = {"h": "dimensional collapse", "z": "complete collapse"}
    for result in of_one_run(two)["results"][:2]:
        result["verdict"]["status"] = statuses[result["space"]]
    head = re.search(r'<h2 class="head">(.*?)</h2>', page.page([two], "Report"), re.S)
    assert "✗" in head[1]
    assert "Complete collapse of z" in head[1]


def test_key_numbers_have_interval_and_null(two):
    for result in of_one_run(two)["results"][:2]:
        result["key_numbers"] = ["std_sqrt_d"]
    text = spaced(page.page([two], "Report"))
    assert "Std·√D h 0.943 ± 0.030 isotropic: 0.999 z 0.943 ± 0.030 isotropic: 0.999" in text


def test_the_number_that_decides_stands_first(two):
    """Of a complete collapse the active dimensions alone would look healthy; a bound that is kept changes nothing."""
    for result in of_one_run(two)["results"][:2]:
        result["key_numbers"] = ["effective_rank"]
        bound = {"number": "std_sqrt_d", "value": 0.943, "bound": 0.95}
        kept = {"number": "rankme", "value": 41.0, "bound": 2.0}
        result["verdict"] = result["verdict"] | {"thresholds": [kept, bound]}
    numbers = re.findall(r"<dt title[^>]*>(.*?)</dt>", page.page([two], "Report"))
    assert numbers[:2] == ["Std·√D", "Effective rank, dimensions"]


def test_several_inputs_have_a_row_each(six):
    for result in six["results"]:
        result["key_numbers"] = ["effective_rank"] if "effective_rank" in result["metrics"] else []
    html = page.page([six], "Report")
    table = spaced(html[html.index("<table") : html.index("</table>") + len("</table>")])
    assert "verdict effective rank" in table
    assert "moco-queue-128 ▲ dimensional collapse 17.9 (127)" in table  # 12·1 + 5 + .93
    assert "moco-queue-256 ✗ complete collapse 29.9 (127)" in table


def test_tables_have_numbers_nulls_and_what_they_mean(one):
    html = page.page([one], "Report")
    assert "effective rank¹, dimensions46.9 (isotropic 127)" in words(html).replace(" 46", "46")
    assert "<dt>Effective rank</dt><dd>Exp of the entropy of the eigenvalues</dd>" in html
    assert "² σ, not centred, raw embeddings" in words(html)
    assert "N 1,797 · D 128" in words(html)
    assert "the projector was not found: only h is measured" in words(html)


def test_every_value_of_a_chart_is_in_a_table(two):
    """All classes and all cells; of a curve 64 places, the first and the last among them."""
    html = page.page([two], "Report")
    text = words(html)
    assert all(f"class {k}" in text for k in range(100))
    table = re.findall(r"<caption>Eigenvalues, at 64 of 128 places</caption>.*?</table>", html, re.S)[0]
    places = re.findall(r'<th scope="row">([\d,]+)', table)
    assert (places[0], places[-1], len(places)) == ("1", "128", 64)
    assert 'data-value="0.02"' in table
    cells = re.findall(r"<caption>Confusion.*?</table>", html, re.S)[0]
    assert cells.count(">0.9<") == 10
    assert cells.count(">0.01111<") == 90  # .1 / 9


def test_no_chart_is_drawn_twice(two):
    once, twice = (
        [
            label
            for label in Reader(page.page([two] * n, "Report")).attributes("aria-label")
            if label != "Sections"
        ]
        for n in (1, 2)
    )
    assert len(once) == len(set(once)) == 7
    assert once == twice


def test_a_number_of_a_sorted_column_is_the_value_itself(six):
    html = page.page([six], "Report")
    numbers = [float(v) for v in Reader(html).attributes("data-value")]
    assert {0.9432, 5.93, 65.93} <= set(numbers)


def test_names_in_headings_are_words(one):
    html = page.page([one | {"command": "view_ratio"}], "Report")
    assert "<h2>View ratio</h2>" in html
    assert 'id="part-view-ratio"' in html


def test_sections_are_closed_where_there_are_several(one, two):
    several = [
        attrs
        for tag, attrs in Reader(page.page([one, two], "Report")).tags
        if attrs.get("class") == "section"
    ]
    alone = [
        attrs for tag, attrs in Reader(page.page([one], "Report")).tags if attrs.get("class") == "section"
    ]
    assert ["open" in attrs for attrs in several] == [False, False]
    assert ["open" in attrs for attrs in alone] == [True]


def test_the_best_is_strong_and_a_null_is_soft(two, groups):
    html = page.page([groups], "Report")
    assert '<td class="strong">● 0.312 ± 0.013</td>' in html
    assert "● best: every other value differs from it significantly" in words(html)
    assert '<td class="aside">(118)</td>' in page.page([two], "Report")


def test_the_foot_says_once_how_it_was_made(one):
    text = words(page.page([one, one], "Report"))
    assert text.count("collapse 0.1.0: collapse spectrum checkpoint.pt") == 1
    assert text.count("ab12" * 16) == 1


def test_the_page_says_what_made_it(one):
    from collapse_cli.answers import version

    (generator,) = [
        a["content"] for _, a in Reader(page.page([one], "Report")).tags if a.get("name") == "generator"
    ]
    assert generator == f"collapse {version()}"


def test_a_page_of_nothing_has_its_title():
    assert "<h1>Empty</h1>" in page.page([], "Empty")


def test_a_saved_answer_makes_the_same_page(one):
    assert page.page([json.loads(json.dumps(one))], "Report") == page.page([one], "Report")


def test_many_long_curves_stay_small(six):
    """Six inputs of 4,096 dimensions: 3 MB are not reached."""
    for result in six["results"]:
        for metric in result["metrics"].values():
            if metric["kind"] == "curve":
                metric["values"] = [0.1 / (k + 1) for k in range(4096)]
                metric["null"] = [1 / 4096] * 4096
    html = page.page([six], "Report")
    assert len(html) < 800_000
    assert "Drawn at 300 of 4,096 places, both ends among them." in html


def test_matplotlib_is_not_loaded():
    code = "import sys; from collapse_cli.views import page; page.page([], 't'); print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_write(tmp_path):
    page.write(tmp_path / "a.html", "<p>λ")
    assert (tmp_path / "a.html").read_bytes() == "<p>λ".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_what_a_log_would_obey_is_no_part_of_the_script(two, tmp_path):
    """The file is written with its commands of a log undone: that must not change a byte of the script."""
    page.write(tmp_path / "a.html", page.page([two], "##vso[task]"))
    reader = Reader((tmp_path / "a.html").read_text())
    digest = base64.b64encode(hashlib.sha256(reader.scripts[0].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in next(a["content"] for _, a in reader.tags if "http-equiv" in a)


def test_many_results_of_curves_alone_have_no_table(six):
    """As the courses of six runs have: there is no number to put into a row."""
    for result in six["results"]:
        curves = {key: metric for key, metric in result["metrics"].items() if metric["kind"] == "curve"}
        result |= {"metrics": curves, "settings": {}}
    html = page.page([six], "Report")
    assert "all numbers" not in html
    assert "Eigenvalues" in html


def test_what_makes_one_input_a_collapse_is_shown_of_all(six):
    """Beside key numbers that alone would make the collapsed input look best."""
    for n, result in enumerate(six["results"]):
        result["key_numbers"] = ["effective_rank"] if "effective_rank" in result["metrics"] else []
        if result["verdict"]:
            bound = {"number": "std_sqrt_d", "value": 0.1 if n == 2 else 0.9, "bound": 0.5}
            result["verdict"] = result["verdict"] | {"thresholds": [bound]}
    html = page.page([six], "Report")
    table = spaced(html[html.index("<table") : html.index("</table>") + len("</table>")])
    assert "verdict std·√D effective rank" in table
    assert "moco-queue-64 ✓ healthy 0.943 ± 0.030 (0.999)" in table


def test_a_section_answers_of_the_space_that_is_judged(two):
    """Of a z that has collapsed, not of h, which looks well."""
    of_one_run(two)["results"][1]["verdict"] = two["results"][1]["verdict"] | {"status": "complete collapse"}
    for result, text in zip(
        two["results"][2:4], ("Of h all is well.", "Of z all is one point."), strict=True
    ):
        result["answer"] = text
    second = two | {"command": "alignment", "results": two["results"][2:4]}
    html = page.page([two | {"results": two["results"][:2]}, second], "Report")
    assert '<span class="answer">z: Of z all is one point.</span>' in html


def test_a_key_number_that_no_input_has_takes_no_column(six):
    """As of a saved answer whose version named other numbers."""
    for result in six["results"]:
        result["key_numbers"] = ["no_such_number", "effective_rank"]
    html = page.page([six], "Report")
    table = spaced(html[html.index("<table") : html.index("</table>") + len("</table>")])
    assert "verdict effective rank moco" in table
