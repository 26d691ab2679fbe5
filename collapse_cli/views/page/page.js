"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const all = (where, what) => [...where.querySelectorAll(what)];
  const made = (name, text, kind) => {
    const element = document.createElement(name);
    if (text) element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };
  const drawn = (name, given) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(given)) element.setAttribute(key, value);
    return element;
  };
  const button = (text, pressed) => {
    const element = made("button", text);
    element.type = "button";
    if (pressed !== undefined) element.setAttribute("aria-pressed", String(pressed));
    return element;
  };
  document.documentElement.classList.add("js");

  // four significant digits, as the tables have them
  function four(value) {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size < 1e6 && (Number.isInteger(value) || size >= 1e4)) return Math.round(value).toLocaleString("en-US");
    if (size >= 1e-4 && size < 1e4) return String(Number(value.toPrecision(4)));
    const [mantissa, exponent] = value.toExponential(3).split("e");
    return `${Number(mantissa)}e${Number(exponent)}`;
  }

  // ---- what a scale is: the place of a value between 0 and 1
  function share(scale, log, value) {
    const bend = log ? Math.log10 : (v) => v;
    const inside = Math.min(Math.max(value, scale[0]), scale[1]);
    return (bend(inside) - bend(scale[0])) / (bend(scale[1]) - bend(scale[0]));
  }

  class Lines {
    constructor(plot, data) {
      this.plot = plot;
      this.data = data;
      this.svg = plot.querySelector("svg");
      this.scale = { x: Object.keys(data.x.scales)[0], y: Object.keys(data.y.scales)[0] };
      this.hidden = new Set();
      this.xs = [...new Set(data.xs.flat())].sort((a, b) => a - b);
    }

    x(value) {
      const [left, , width] = this.data.box;
      return left + width * share(this.data.x.scales[this.scale.x], this.scale.x === "log", value);
    }

    y(value) {
      const [, top, , height] = this.data.box;
      return top + height * (1 - share(this.data.y.scales[this.scale.y], this.scale.y === "log", value));
    }

    places(line, values) {
      const xs = this.data.xs[line.xs];
      return values.map((value, n) => (value === null ? null : [this.x(xs[n]), this.y(value)]));
    }

    rescale(which, name) {
      this.scale[which] = name;
      for (const ticks of all(this.svg, `.ticks.${which}`)) ticks.classList.toggle("off", !ticks.classList.contains(name));
      this.data.lines.forEach((line, n) => this.redraw(line, this.svg.querySelector(`.series[data-series="${n}"]`)));
      this.rename();
    }

    redraw(line, series) {
      const places = this.places(line, line.y);
      const path = series.querySelector(".line");
      if (path) path.setAttribute("d", places.map((p, n) => (p ? `${n && places[n - 1] ? "L" : "M"}${p[0].toFixed(1)} ${p[1].toFixed(1)}` : "")).join(""));
      const band = series.querySelector(".band");
      if (band) {
        const high = this.places(line, line.high), low = this.places(line, line.low);
        const stretches = [];
        high.forEach((end, n) => {
          if (!end || !low[n]) return;
          if (!n || !high[n - 1] || !low[n - 1]) stretches.push([]);
          stretches.at(-1).push([end, low[n]]);
        });
        band.setAttribute("d", stretches.map((stretch) => {
          const around = [...stretch.map((ends) => ends[0]), ...stretch.map((ends) => ends[1]).reverse()];
          return around.map((p, n) => `${n ? "L" : "M"}${p[0].toFixed(1)} ${p[1].toFixed(1)}`).join("") + "z";
        }).join(""));
      }
      for (const mark of all(series, ".mark")) {
        const [x, y] = places[Number(mark.dataset.place)];
        mark.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
      }
    }

    // names stand as near to the ends of their lines as a gap between them allows
    rename() {
      const [left, top, width, height] = this.data.box;
      const names = all(this.svg, ".naming").map((group) => {
        const line = this.data.lines[Number(group.dataset.series)];
        const end = this.places(line, line.y).filter(Boolean).at(-1);
        return { group, end };
      });
      names.sort((a, b) => a.end[1] - b.end[1]);
      names.forEach((each, n) => { each.at = Math.max(each.end[1], n ? names[n - 1].at + this.data.gap : top); });
      let limit = top + height;
      for (const each of [...names].reverse()) {
        each.at = Math.min(each.at, limit);
        limit = each.at - this.data.gap;
      }
      for (const { group, end, at } of names) {
        const right = left + width;
        const leader = group.querySelector(".leader");
        if (leader) leader.setAttribute("d", `M${end[0] + 4} ${end[1]}L${right + 10} ${at}`);
        const mark = group.querySelector(".mark");
        if (mark) mark.setAttribute("transform", `translate(${right + 14} ${at})`);
        else group.querySelector(".line").setAttribute("d", `M${right + 9} ${at}h10`);
        group.querySelector("text").setAttribute("y", at + 4);
      }
    }

    count() { return this.xs.length; }

    nearest(x) {
      let best = 0;
      this.xs.forEach((value, n) => { if (Math.abs(this.x(value) - x) < Math.abs(this.x(this.xs[best]) - x)) best = n; });
      return best;
    }

    shown(n) {
      const x = this.xs[n], { data } = this;
      const name = data.x.names[Math.round(x)] || four(x);
      const rows = [], rings = [];
      data.lines.forEach((line, k) => {
        const place = data.xs[line.xs].indexOf(x);
        if (this.hidden.has(k) || place < 0 || line.y[place] === null) return;
        const ends = line.low && line.low[place] !== null ? ` [${four(line.low[place])}, ${four(line.high[place])}]` : "";
        rows.push({ series: k, text: `${line.label || data.y.label}: ${four(line.y[place])}${ends}` });
        rings.push([this.x(x), this.y(line.y[place])]);
      });
      const [, top, , height] = data.box;
      const bands = [...new Set(data.lines.filter((line) => line.low).map((line) => `in brackets: ${line.band}`))];
      return { title: `${data.x.label}: ${name}`, rows, notes: bands, at: [this.x(x), top + 8], cursor: [this.x(x), top, top + height], rings };
    }
  }

  class Marks {
    constructor(plot, data) {
      this.svg = plot.querySelector("svg");
      this.hits = all(this.svg, ".hit");
      this.hidden = new Set();
    }

    count() { return this.hits.length; }

    nearest(x, y) {
      let best = 0, least = Infinity;
      this.hits.forEach((hit, n) => {
        const box = hit.getBBox();
        const away = Math.max(box.x - x, 0, x - box.x - box.width) + Math.max(box.y - y, 0, y - box.y - box.height);
        const middle = Math.hypot(box.x + box.width / 2 - x, box.y + box.height / 2 - y) / 1e4;
        if (away + middle < least) { best = n; least = away + middle; }
      });
      return best;
    }

    shown(n) {
      const [title, ...lines] = this.hits[n].dataset.tip.split("\n");
      const box = this.hits[n].getBBox();
      return { title, rows: lines.map((text) => ({ text })), notes: [], at: [box.x + box.width / 2, box.y + box.height], rings: [] };
    }
  }

  class Cells {
    constructor(plot, data) {
      this.data = data;
      this.hidden = new Set();
    }

    count() { return this.data.rows.length * this.data.columns.length; }

    nearest(x, y) {
      const { box: [left, top, width, height], rows, columns } = this.data;
      const place = (share, count) => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
      return place((y - top) / height, rows.length) * columns.length + place((x - left) / width, columns.length);
    }

    shown(n) {
      const { box: [left, top, width, height], rows, columns, row, column, values } = this.data;
      const r = Math.floor(n / columns.length), c = n % columns.length;
      const w = width / columns.length, h = height / rows.length;
      return {
        title: `${row} ${rows[r]} · ${column} ${columns[c]}`, rows: [{ text: four(values[r][c]) }], notes: [],
        at: [left + (c + 0.5) * w, top + (r + 1) * h], rings: [], square: [left + c * w, top + r * h, w, h],
      };
    }
  }

  class Points {
    constructor(plot, data) {
      this.data = data;
      this.hidden = new Set();
    }

    count() { return this.data.at.length; }

    nearest(x, y) {
      let best = 0, least = Infinity;
      this.data.at.forEach((at, n) => {
        const away = Math.hypot(at[0] - x, at[1] - y);
        if (!this.hidden.has(this.data.series[n]) && away < least) { best = n; least = away; }
      });
      return best;
    }

    shown(n) {
      const { at, names, classes, images, texts } = this.data;
      const name = names.length ? names[classes[n]] : `point ${n + 1}`;
      const text = texts[images[n]];
      return { title: name, rows: text ? [{ text }] : [], notes: [], at: at[n], rings: [at[n]], image: images[n] };
    }
  }

  const KINDS = { curves: Lines, marks: Marks, heat: Cells, map: Points };

  // ---- the values under the pointer, the finger or the keys
  function reading(plot, view, help) {
    const svg = plot.querySelector("svg"), tip = made("div", "", "tip");
    const over = drawn("g", { class: "over" });
    let current = -1;
    tip.hidden = true;
    tip.setAttribute("aria-live", "polite");
    plot.append(tip);
    svg.append(over);
    plot.tabIndex = 0;
    plot.setAttribute("role", "group");
    const title = plot.closest("figure")?.querySelector("figcaption b")?.textContent;
    plot.setAttribute("aria-label", `${title || "Chart"}: arrow keys read the values`);

    function hide() {
      tip.hidden = true;
      over.replaceChildren();
      current = -1;
    }

    function show(n) {
      if (n === current) return;
      current = n;
      const seen = view.shown(n);
      over.replaceChildren();
      if (seen.cursor) over.append(drawn("path", { class: "cursor", d: `M${seen.cursor[0]} ${seen.cursor[1]}V${seen.cursor[2]}` }));
      if (seen.square) over.append(drawn("rect", { class: "chosen", x: seen.square[0], y: seen.square[1], width: seen.square[2], height: seen.square[3] }));
      for (const ring of seen.rings) over.append(drawn("circle", { class: "chosen", cx: ring[0], cy: ring[1], r: 5 }));
      write(seen);
      tip.hidden = false;
      place(seen.at);
    }

    function write(seen) {
      tip.replaceChildren();
      if (seen.image) {
        const image = drawn("svg", { class: "thumb", viewBox: "0 0 48 48" });
        image.append(drawn("use", { href: `#${seen.image}` }));
        tip.append(image);
      }
      const title = made("p");
      title.append(made("b", seen.title));
      tip.append(title);
      for (const row of seen.rows) {
        const line = made("p", "", "line-of");
        const swatch = row.series === undefined || plot.closest(".many") ? null : plot.closest("figure").querySelector(`.legend [data-series="${row.series}"] .swatch`);
        if (swatch) line.append(swatch.cloneNode(true));
        line.append(made("span", row.text));
        tip.append(line);
      }
      for (const note of [...seen.notes, help]) if (note) tip.append(made("p", note, "soft"));
    }

    // beside the place, on the side that has room
    function place(at) {
      const box = svg.viewBox.baseVal, ratio = svg.clientWidth / box.width || svg.getBoundingClientRect().width / box.width;
      const x = at[0] * ratio, wide = plot.clientWidth;
      const left = x + 14 + tip.offsetWidth > wide ? Math.max(x - 14 - tip.offsetWidth, 0) : x + 14;
      tip.style.left = `${Math.min(left, Math.max(wide - tip.offsetWidth, 0))}px`;
      tip.style.top = `${svg.getBoundingClientRect().top - plot.getBoundingClientRect().top + at[1] * ratio + 6}px`;
    }

    function point(event) {
      const matrix = svg.getScreenCTM();
      if (!matrix) return;
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
      if (view.count()) show(view.nearest(at.x, at.y));
    }

    plot.addEventListener("pointermove", point);
    plot.addEventListener("pointerdown", point);
    plot.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") hide(); });
    plot.addEventListener("focus", () => { if (plot.matches(":focus-visible") && view.count()) show(Math.floor((view.count() - 1) / 2)); });
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const last = view.count() - 1, from = Math.max(current, 0);
      const to = { ArrowRight: from + 1, ArrowDown: from + 1, ArrowLeft: from - 1, ArrowUp: from - 1, Home: 0, End: last }[event.key];
      if (event.key === "Escape") hide();
      if (to === undefined || last < 0) return;
      event.preventDefault();
      show(Math.min(Math.max(to, 0), last));
    });
    return hide;
  }

  // ---- a figure: its drawings, the buttons of its series, the switches of its axes
  function chart(figure) {
    const help = figure.querySelector("figcaption .help");
    const plots = all(figure, ".plot").map((plot) => {
      const data = JSON.parse(plot.dataset.chart), Kind = KINDS[data.kind];
      if (!Kind) return null;
      const view = new Kind(plot, data);
      return { plot, view, hide: reading(plot, view, help ? help.textContent : "") };
    }).filter(Boolean);
    if (!plots.length) return;
    for (const item of all(figure, ".legend li")) legend(item, plots);
    const scales = (figure.dataset.scales || "").split(" ").filter(Boolean);
    if (scales.length) figure.querySelector(".controls").append(switches(scales, plots));
  }

  function legend(item, plots) {
    const series = Number(item.dataset.series), press = button("", true);
    press.append(...item.firstElementChild.childNodes);
    item.replaceChildren(press);
    press.addEventListener("click", () => {
      const off = press.getAttribute("aria-pressed") === "true";
      press.setAttribute("aria-pressed", String(!off));
      for (const { plot, view, hide } of plots) {
        view.hidden[off ? "add" : "delete"](series);
        for (const part of all(plot, `[data-series="${series}"]`)) part.classList.toggle("off", off);
        hide();
      }
    });
  }

  function switches(scales, plots) {
    const row = made("div", "", "switches");
    for (const which of scales) {
      const press = button(`${which} logarithmic`, plots[0].view.scale[which] === "log");
      press.dataset.axis = which;
      press.addEventListener("click", () => {
        const log = press.getAttribute("aria-pressed") !== "true";
        press.setAttribute("aria-pressed", String(log));
        for (const { view, hide } of plots) {
          hide();
          view.rescale(which, log ? "log" : "linear");
        }
      });
      row.append(press);
    }
    return row;
  }

  // ---- tables: by value, what has none last, and below all the nulls
  function sortable(table) {
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    const key = (row, n) => {
      const cell = row.cells[n];
      if (n === 0) return cell.textContent;
      if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
      return cell.textContent === "–" ? null : cell.textContent;
    };
    const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
    heads.forEach((head, n) => {
      const press = button("");
      press.append(...head.childNodes);
      head.append(press);
      press.addEventListener("click", () => {
        const turn = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", turn > 0 ? "ascending" : "descending");
        const nulls = [...body.rows].filter((row) => row.className === "aside");
        const rows = [...body.rows].filter((row) => !nulls.includes(row)).map((row) => [key(row, n), row]);
        rows.sort(([a], [b]) => (a === null) - (b === null) || (a === null ? 0 : turn * compare(a, b)));
        body.append(...rows.map(([, row]) => row), ...nulls);
      });
    });
  }

  // ---- a table wider than its box can be moved by keys too, and says so
  function wide(box) {
    const hint = box.nextElementSibling && box.nextElementSibling.className === "hint" ? box.nextElementSibling : null;
    const more = box.clientWidth > 0 && box.scrollWidth > box.clientWidth + 1;
    box.classList.toggle("more", more);
    if (more && !hint) {
      box.after(made("p", "The table is wider than its box: scroll it sideways.", "hint"));
      box.tabIndex = 0;
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", box.querySelector("caption").textContent);
    } else if (hint) hint.hidden = !more;
  }

  // ---- a link opens the section that it leads to
  function reveal() {
    const target = location.hash.startsWith("#part-") && document.getElementById(location.hash.slice(1));
    const section = target && target.closest("details");
    if (section) {
      section.open = true;
      section.scrollIntoView();
    }
  }

  all(document, "figure.chart").forEach(chart);
  all(document, "table.sortable").forEach(sortable);
  const measure = () => all(document, ".wide").forEach(wide);
  document.addEventListener("toggle", measure, true);
  addEventListener("resize", measure);
  addEventListener("hashchange", reveal);
  document.addEventListener("click", (event) => { if (event.target.closest('a[href^="#part-"]')) setTimeout(reveal); });
  measure();
  reveal();

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all(document, "details.section:not([open])");
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of closed) details.open = false; });
})();
