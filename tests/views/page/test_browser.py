"""The page in a real browser: what a reader sees, touches and prints. Skipped where there is neither browser nor playwright."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from collapse_cli.exhibits import Exhibits, Map
from collapse_cli.views import page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

HOSTILE = "</script><img src=x onerror=alert(1)>"
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--headless=new"])
        yield launched
        launched.close()


class Seen:
    """An open page and everything it complained of."""

    def __init__(self, browser, path: Path, width=1280, height=800, dark=False, script=True):
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        self.page = self.context.new_page()
        self.complaints, self.requests = [], []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        if script:
            self.page.add_init_script(WATCH)
        self.page.goto(path.as_uri())

    def open_all(self):
        self.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        self.page.wait_for_timeout(60)

    def figure(self, title):
        """The figure of this title, in view."""
        found = self.page.locator("figure.chart").filter(
            has=self.page.locator("figcaption b", has_text=re.compile(f"^{title}$"))
        )
        found.first.locator(".plot").first.scroll_into_view_if_needed()
        return found.first


@pytest.fixture
def visit(browser, tmp_path):
    """Writes a page and opens it; nothing may have been complained of in the end, nor asked of any network."""
    opened = []

    def visited(documents, exhibits=None, **how):
        path = tmp_path / f"{len(opened)}.html"
        page.write(path, page.page(documents, "Report", *([exhibits] if exhibits else [])))
        opened.append((Seen(browser, path, **how), path, how.get("script", True)))
        return opened[-1][0]

    yield visited
    for seen, path, script in opened:
        if script:
            assert seen.page.evaluate("window.violations") == []
        assert seen.complaints == []
        assert {url for url in seen.requests if not url.startswith("data:image/png")} == {path.as_uri()}
        seen.context.close()


@pytest.fixture
def run(two):
    """One run with h and z, and a confusion matrix with names."""
    for result in two["results"]:
        result |= {"subject": "run", "space": result["of"]}
        if "effective_rank" in result["metrics"]:
            result["key_numbers"] = ["effective_rank", "rankme", "std_sqrt_d"]
    return two


def four(value):
    """As a reader would round it."""
    text = f"{value:.4g}"
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def tip_of(figure):
    return figure.locator(".tip").inner_text()


def test_hover_shows_the_values_of_the_document(run, visit):
    seen = visit([run])
    seen.open_all()
    figure = seen.figure("Variance explained")
    box = figure.locator(".plot > svg").bounding_box()
    values = {result["space"]: result["metrics"]["explained"]["values"] for result in run["results"][:2]}
    places = set()
    for share in (0.2, 0.35, 0.5, 0.65):
        seen.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        text = tip_of(figure)
        k = int(re.search(r"Directions k: (\d+)", text)[1])
        places.add(k)
        assert f"h: {four(values['h'][k - 1])}" in text
        if k <= 64:
            assert f"z: {four(values['z'][k - 1])}" in text
        assert f"isotropic, h: {four(k / 128)}" in text
        assert "Share of the variance that the first k directions hold" in text  # the convention
    assert len(places) == 4
    assert figure.locator(".tip .swatch").first.bounding_box()["width"] == 26
    assert figure.locator(".tip").bounding_box()["height"] < 200
    seen.page.mouse.move(2, 2)
    assert figure.locator(".tip").is_hidden()


def test_keys_read_the_values(run, visit):
    seen = visit([run])
    plot = seen.figure("Eigenvalues").locator(".plot")
    plot.focus()
    first, last = (run["results"][0]["metrics"]["eigenvalues"]["values"][n] for n in (0, -1))
    seen.page.keyboard.press("Home")
    assert f"h: {four(first)}" in tip_of(plot)
    seen.page.keyboard.press("ArrowRight")
    assert "Direction, by size: 2\n" in tip_of(plot).replace("\n\n", "\n")
    seen.page.keyboard.press("End")
    assert "Direction, by size: 128" in tip_of(plot)
    assert f"h: {four(last)}" in tip_of(plot)
    seen.page.keyboard.press("Escape")
    assert plot.locator(".tip").is_hidden()


def test_hover_of_bars_and_cells(run, visit):
    run["results"][4]["metrics"]["confusion"] |= {
        "values": [[10 * r + c for c in range(10)] for r in range(10)]
    }
    seen = visit([run])
    seen.open_all()
    heat = seen.figure("Confusion of h")
    left, top, width, height = heat.locator(".plot").evaluate("(plot) => JSON.parse(plot.dataset.chart).box")
    svg = heat.locator(".plot > svg")
    box = svg.bounding_box()
    ratio = box["width"] / float(svg.get_attribute("viewBox").split()[2])
    for row, column in ((0, 0), (3, 7), (9, 9)):
        x = box["x"] + ratio * (left + (column + 0.5) * width / 10)
        y = box["y"] + ratio * (top + (row + 0.5) * height / 10)
        seen.page.mouse.move(x, y)
        assert f"Class {row} · Said class {column}\n" in tip_of(heat)
        assert re.search(rf"^{10 * row + column}$", tip_of(heat), re.M)
    bars = seen.figure("Alignment of a class by class: the 15 lowest and 15 highest of 100")
    hit = bars.locator(".hit").nth(4).bounding_box()
    seen.page.mouse.move(hit["x"] + hit["width"] / 2, hit["y"] + hit["height"] / 2)
    name = tip_of(bars).split("\n")[0]
    value = run["results"][3]["metrics"]["of_class"]["values"][name]
    assert f"z: {four(value)}" in tip_of(bars)


def test_a_touch_shows_and_hides_nothing_else(run, browser, tmp_path):
    path = tmp_path / "a.html"
    page.write(path, page.page([run], "Report"))
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    tab = context.new_page()
    tab.goto(path.as_uri())
    plot = tab.locator(".plot").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    tab.touchscreen.tap(box["x"] + 120, box["y"] + 80)
    assert "Direction, by size:" in plot.locator(".tip").inner_text()
    context.close()


def test_sorting(six, visit):
    """By value, both ways; what has no value is last in both."""
    values = six["results"][0]["metrics"]["effective_rank"]
    values["value"] = None
    seen = visit([six])
    seen.open_all()
    table = seen.page.locator("table.sortable", has_text="RankMe").first
    head = table.locator("thead th", has_text="effective rank").first

    def column():
        place = head.evaluate("(cell) => cell.cellIndex")
        rows = table.locator("tbody tr").all()
        assert rows.pop().locator("th").inner_text() == "null"  # below all others
        return [row.locator("th, td").nth(place).get_attribute("data-value") for row in rows]

    wanted = [r["metrics"]["effective_rank"]["value"] for r in six["results"][1:6]]
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert column()[-1] is None
    assert [float(v) for v in column()[:-1]] == sorted(wanted)
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert column()[-1] is None
    assert [float(v) for v in column()[:-1]] == sorted(wanted, reverse=True)


def test_a_series_is_hidden_and_shown(run, visit):
    seen = visit([run])
    figure = seen.figure("Eigenvalues")
    press = figure.get_by_role("button", name="z", exact=True)
    series = figure.locator(".series").filter(has=seen.page.locator(".line.s1"))
    assert press.get_attribute("aria-pressed") == "true"
    press.click()
    assert press.get_attribute("aria-pressed") == "false"
    assert series.is_hidden()
    assert figure.locator("text.name", has_text=re.compile("^z$")).is_hidden()
    figure.locator(".plot").hover()
    assert not re.search("^z:", tip_of(figure), re.M)
    press.press(" ")
    assert series.is_visible()


def test_the_switch_moves_every_point(run, visit):
    """From log to linear, which reaches from 0 to the largest of all lines, and back."""
    seen = visit([run])
    figure = seen.figure("Eigenvalues")
    line = figure.locator(".line.s0").first
    before = line.get_attribute("d")
    names = figure.locator(".ticks.y:not(.off) text").all_text_contents()
    press = figure.get_by_role("button", name="y logarithmic")
    assert press.get_attribute("aria-pressed") == "true"
    press.click()
    left, top, width, height = figure.locator(".plot").evaluate(
        "(plot) => JSON.parse(plot.dataset.chart).box"
    )
    metrics = [result["metrics"]["eigenvalues"] for result in run["results"][:2]]
    most = max(max(metric[part]) for metric in metrics for part in ("values", "null"))
    places = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", line.get_attribute("d"))
    assert len(places) == 128
    for n, ((x, y), value) in enumerate(zip(places, metrics[0]["values"], strict=True)):
        assert float(x) == pytest.approx(left + width * n / 127, abs=0.11)
        assert float(y) == pytest.approx(top + height * (1 - value / most), abs=0.11)
    linear = figure.locator(".ticks.y:not(.off) text").all_text_contents()
    assert linear[0] == "0"
    assert linear != names
    press.click()
    assert line.get_attribute("d") == before


def test_names_beside_lines_do_not_overlap(six, visit):
    seen = visit([six])
    for figure in seen.page.locator(".lead figure.chart").all():
        for switched in (False, True):
            if switched:
                figure.get_by_role("button", name="y logarithmic").click()
            boxes = [text.bounding_box() for text in figure.locator("text.name").all()]
            boxes.sort(key=lambda box: box["y"])
            assert len(boxes) > 5
            for above, below in zip(boxes, boxes[1:], strict=False):
                assert below["y"] - above["y"] > 11


def test_sections_open_by_key_and_by_link(run, one, visit):
    seen = visit([run, one])
    section = seen.page.locator("details.section").first
    assert section.get_attribute("open") is None
    section.locator("> summary").focus()
    seen.page.keyboard.press("Enter")
    assert section.get_attribute("open") is not None
    seen.page.keyboard.press("Enter")
    assert section.get_attribute("open") is None
    seen.page.locator("nav a").nth(1).click()
    second = seen.page.locator("details.section").nth(1)
    playwright.expect(second).to_have_attribute("open", "")
    assert second.bounding_box()["y"] < 400


def test_everything_can_be_reached_by_key(run, visit):
    """The first stop is a link past the header, and every stop has a visible frame."""
    seen = visit([run])
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "skip"
    stops = set()
    for _ in range(40):
        seen.page.keyboard.press("Tab")
        name, outline = seen.page.evaluate(
            "(() => { const at = document.activeElement; return [at.tagName, getComputedStyle(at).outlineStyle]; })()"
        )
        stops.add(name)
        assert outline == "solid" or name == "BODY"
    assert {"SUMMARY", "DIV", "BUTTON"} <= stops


def test_print_opens_every_section(run, one, visit):
    """By the style alone where no script runs, and by the script in any browser; the data of charts stay closed."""
    for script in (False, True):
        seen = visit([run, one], script=script)
        heading = seen.page.locator("details.section h3").first
        assert not heading.is_visible()
        seen.page.emulate_media(media="print")
        assert heading.is_visible()
        assert seen.page.locator("details details:not([open]):visible").count() == 0
        assert not seen.page.locator("nav").is_visible()
        assert seen.page.locator(".switches:visible").count() == 0
        assert len(seen.page.pdf()) > 20_000
    seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert seen.page.locator("details.section:not([open])").count() == 0
    seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert seen.page.locator("details.section[open]").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_window(run, six, shown, visit, width):
    run["results"][3]["metrics"]["of_class"]["values"]["n" * 500] = 3.0
    for documents in ([run], [six], [run, six]):
        seen = visit(documents, shown, width=width, height=844)
        seen.open_all()
        assert seen.page.evaluate("document.documentElement.scrollWidth") == width
        cut = seen.page.evaluate("""[...document.querySelectorAll("table")].filter((table) => {
          const box = table.closest(".wide"), edge = box.getBoundingClientRect();
          return table.getBoundingClientRect().width && (edge.right > innerWidth + 1
            || (box.scrollWidth > box.clientWidth + 1 && !box.classList.contains("more")));
        }).length""")
        assert cut == 0


def test_the_first_screen_holds_the_answer(run, visit):
    """Verdict, three numbers and both ends of the first chart, without scrolling."""
    seen = visit([run, run])
    for what in (".verdict", ".numbers", ".lead .plot > svg"):
        box = seen.page.locator(what).first.bounding_box()
        assert box["y"] + box["height"] <= 800


CONTRAST = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (colour) => {
    const [r, g, b] = rgba(colour).slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (rgba(colour)[3] === 255) return colour;
    }
    return "white";
  };
  const cell = (text) => {
    const box = text.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
    for (const path of text.closest("svg").querySelectorAll("path.cell")) {
      const at = new DOMPoint(x, y).matrixTransform(text.closest("svg").getScreenCTM().inverse());
      if (path.isPointInFill(at)) return getComputedStyle(path).fill;
    }
    return behind(text);
  };
  const seen = [];
  const own = (e) => [...e.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  for (const e of document.querySelectorAll("body *")) {
    if (!e.getClientRects().length || e.closest("script, style, .unseen")) continue;
    const style = getComputedStyle(e), name = `${e.tagName}.${e.getAttribute("class") || ""}`;
    if (own(e)) {
      const svg = e instanceof SVGElement;
      const paper = e.matches("text.number") ? cell(e) : behind(e);
      seen.push([name, ratio(svg ? style.fill : style.color, paper), 4.5]);
    } else if (e.matches(".line")) seen.push([name, ratio(style.stroke, behind(e)), 3]);
    else if (e.matches(".mark, .bar, .points")) seen.push([name, ratio(style.fill, behind(e)), 3]);
  }
  return seen;
})()
"""


@pytest.mark.parametrize("dark", [False, True])
def test_contrast(run, six, groups, shown, visit, dark):
    """Text 4.5, lines and marks 3, in every place of the page, as WCAG has it."""
    seen_names = set()
    for documents in ([run, groups], [six]):
        seen = visit(documents, shown, dark=dark)
        seen.open_all()
        seen.page.emulate_media(color_scheme="dark" if dark else "light")
        measured = seen.page.evaluate(CONTRAST)
        assert [each for each in measured if each[1] < each[2]] == []
        seen_names |= {name.split(".")[0] for name, *_ in measured}
    assert {"text", "path", "rect", "P", "TD", "SUMMARY"} <= seen_names


def test_without_scripts_every_value_is_there(run, visit):
    seen = visit([run], script=False)
    assert seen.page.locator("button").count() == 0
    assert seen.page.locator(".lead .legend li").first.is_visible()
    data = seen.page.locator(".lead details.data").first
    data.locator("summary").click()
    assert data.locator("tbody tr").count() == 64
    assert data.locator("tbody tr").first.is_visible()


def test_hostile_names_stay_text(run, visit, shown):
    for result in run["results"]:
        result["of"] = result["subject"] = HOSTILE
    run["results"][3]["metrics"]["of_class"]["values"] = {HOSTILE: 1.0, "b": 2.0}
    exhibits = Exhibits((Map(HOSTILE, "x", "y", ((0.0, 0.0), (1.0, 1.0)), (HOSTILE, "b")),))
    seen = visit([run], exhibits)
    seen.open_all()
    for plot in seen.page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        plot.hover()
    assert seen.page.locator("img").count() == 0
    assert seen.page.locator("svg image").count() == 0
    seen.page.locator("#part-maps .plot").focus()
    seen.page.keyboard.press("Home")
    assert seen.page.locator("#part-maps .tip").inner_text().strip() == HOSTILE


def test_a_map_shows_the_image_of_a_point(run, shown, visit):
    seen = visit([run], shown)
    seen.open_all()
    plot = seen.page.locator("#part-maps .plot")
    plot.scroll_into_view_if_needed()
    data = plot.evaluate("(plot) => JSON.parse(plot.dataset.chart)")
    box = plot.locator("> svg").bounding_box()
    ratio = box["width"] / 440
    for n, name in enumerate(("x", "y", "x", "z")):
        x, y = data["at"][n]
        seen.page.mouse.move(box["x"] + ratio * x, box["y"] + ratio * y)
        assert plot.locator(".tip").inner_text().split("\n")[0] == name
        assert f"image {n} of digits/train" in plot.locator(".tip").inner_text()
        assert plot.locator(".tip use").get_attribute("href") == f"#image-{n}"
