"""The page: complete, escaped, and in need of nothing else."""

import base64
import json
from html.parser import HTMLParser

import pytest

from collapse_cli.exhibits import Exhibits, Thumbnail
from collapse_cli.views import page, plot


class Reader(HTMLParser):
    """Tags with their attributes, and the text outside <style>."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.inside = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside.append(tag)

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if self.inside[-1:] != ["style"]:
            self.text.append(data)


@pytest.fixture
def undrawn(monkeypatch):
    """Leaves the drawings out, which take most of the time."""
    monkeypatch.setattr(plot, "drawings", lambda _: [])


def of_image(text, png):
    return Exhibits(thumbnails={"key": Thumbnail(png, text)})


def words(html):
    return " ".join("".join(Reader(html).text).split())


def test_nothing_is_fetched(two):
    html = page.page([two], "Report", exhibits=of_image("views", b"\x89PNG..."))
    tags = Reader(html).tags
    assert {tag for tag, _ in tags}.isdisjoint({"script", "link", "iframe", "object", "base"})
    wanted = [
        v
        for _, attrs in tags
        for k, v in attrs.items()
        if k in ("src", "href", "xlink:href", "srcset", "data")
    ]
    assert len(wanted) > 100  # the glyphs of the drawings
    assert all(value.startswith(("#", "data:image/png;base64,")) for value in wanted)
    assert "@import" not in html
    assert html.count("url(") == html.count("url(#")


def test_text_of_users_is_escaped(two):
    bad = '<img src=x onerror="alert(1)">'
    two["inputs"][0]["path"] = bad
    two["results"][0]["of"] = bad
    two["results"][0]["verdict"]["sentence"] = bad
    two["results"][2]["metrics"]["of_class"]["values"] = {bad: 1.0}
    two["argv"].append(bad)
    two["warnings"].append(bad)
    html = page.page([two], bad, exhibits=of_image(bad, b""), intro=bad)
    assert [attrs for tag, attrs in Reader(html).tags if tag == "img"] == [
        {"src": "data:image/png;base64,", "alt": bad}
    ]
    assert html.count("&lt;img src=x") > 7


def test_verdicts_stand_before_the_first_section(two, undrawn):
    html = page.page([two], "Report", intro="One.\n\nTwo.")
    head, body = html.split("<section", 1)
    said = words(head.replace("<li>", "<li> "))
    assert said.endswith(
        "Report One. Two. ✓ h: healthy — 121 of 128 dimensions survive training 121 directions above 1 % "
        "▲ z: dimensional collapse — 12 of 128 dimensions survive training 12 directions above 1 % of the largest, "
        "121 in isotropic rows std·√D 0.94: the usual check sees nothing"
    )
    assert 'class="verdict yellow"' in head
    assert "dimensions survive training" not in words("<p " + body)


def test_tables_have_numbers_nulls_and_help(one, undrawn):
    html = page.page([one], "Report")
    assert "effective rank¹, dimensions46.9 (isotropic 127)" in words(html).replace(" 46", "46")
    assert (
        "th",
        {"scope": "row", "class": "strong", "title": "exp of the entropy of the eigenvalues"},
    ) in Reader(html).tags
    assert "² σ, not centred, raw embeddings" in words(html)
    assert "N 1,797 · D 128" in words(html)
    assert "the projector was not found: only h is measured" in words(html)


def test_all_rows_of_an_each_are_kept(two, undrawn):
    rows = words(page.page([two], "Report"))
    assert all(f"class {k}" in rows for k in range(100))


def test_many_results_get_a_row_each(six, undrawn):
    tags = Reader(page.page([six], "Report")).tags
    heads = [attrs for tag, attrs in tags if tag == "th" and attrs.get("scope") == "col"]
    assert [head.get("title") for head in heads[:4]] == [
        "exp of the entropy of the eigenvalues",
        "exp of the entropy of the singular values",
        "mean standard deviation times sqrt(D)",
        None,
    ]


def test_the_best_is_strong_and_chance_is_soft(two, groups, undrawn):
    html = page.page([groups], "Report")
    assert '<td class="strong">● 0.312 ± 0.013</td>' in html
    assert "● best: every other value differs from it significantly" in words(html)
    assert '<td class="aside">(118)</td>' in page.page([two], "Report")


def test_the_foot_says_how_it_was_made(one, undrawn):
    text = words(page.page([one], "Report"))
    assert "collapse 0.1.0: collapse spectrum checkpoint.pt" in text
    assert "ab12" * 16 in text


def test_sections_are_reachable_when_there_are_several(one, two, undrawn):
    tags = Reader(page.page([one, two], "Report")).tags
    assert [a["href"] for tag, a in tags if tag == "a" and a["href"].startswith("#part")] == [
        "#part-1",
        "#part-2",
    ]
    assert [a["id"] for tag, a in tags if tag == "section"] == ["part-1", "part-2"]


def test_a_drawing_for_each_panel_and_images_as_they_are(one):
    html = page.page([one], "Report", exhibits=of_image("sixteen views", b"bytes of a PNG"))
    tags = Reader(html).tags
    assert [a["aria-label"] for tag, a in tags if tag == "figure" and a] == [
        "Eigenvalues",
        "Variance explained",
    ]
    assert sum(tag == "svg" for tag, _ in tags) == 2
    (image,) = [a["src"] for tag, a in tags if tag == "img"]
    assert base64.b64decode(image.split(",")[1]) == b"bytes of a PNG"


def test_a_saved_answer_makes_the_same_page(one):
    assert page.page([json.loads(json.dumps(one))], "Report") == page.page([one], "Report")


def test_write(tmp_path):
    page.write(tmp_path / "a.html", "<p>λ")
    assert (tmp_path / "a.html").read_bytes() == "<p>λ".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]
