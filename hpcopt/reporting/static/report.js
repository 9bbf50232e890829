// The page's script: figures, the table of trials, one trial at a time, light and dark.
// It asks nothing of any network; what users named is set as text, never as markup.
"use strict";
(function () {
  const data = (id) => {
    const place = document.getElementById(id);
    return place ? JSON.parse(place.textContent) : null;
  };
  const element = (tag, attributes, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "class") made.className = value;
      else made.setAttribute(name, value);
    }
    made.append(...children.filter((one) => one !== null && one !== undefined));
    return made;
  };
  // Characters that are not seen, or that turn the direction of what follows.
  const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
  const visible = (text) =>
    String(text).replace(CONTROLS, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
  // A text that plotly shows as it is: not as a tag, nor as a variable.
  const plain = (text) =>
    visible(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
      .replaceAll("%{", "%&#123;");
  const shown = (value, digits = 6) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") {
      return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
    }
    return visible(value);
  };
  const duration = (s) => {
    if (s === null || s === undefined) return "";
    if (s < 59.5) return `${Number(s.toPrecision(3))} s`;
    const two = (whole, of, first, second) => `${Math.floor(whole / of)} ${first} ${whole % of} ${second}`;
    if (s < 3599.5) return two(Math.round(s), 60, "min", "s");
    if (s < 86370) return two(Math.round(s / 60), 60, "h", "min");
    return two(Math.round(s / 3600), 24, "d", "h");
  };

  // Light and dark

  const root = document.documentElement;
  const remembered = {
    get() { try { return localStorage.getItem("hpcopt-theme"); } catch (_) { return null; } },
    set(value) { try { localStorage.setItem("hpcopt-theme", value); } catch (_) { /* forbidden */ } },
  };
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches;
  const themeButton = document.getElementById("theme");
  const named = () => {
    themeButton.textContent = isDark() ? "Light" : "Dark";
    themeButton.setAttribute("aria-label", `Show the page ${isDark() ? "light" : "dark"}`);
  };
  if (["light", "dark"].includes(remembered.get())) root.dataset.theme = remembered.get();
  themeButton.hidden = false;
  themeButton.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remembered.set(root.dataset.theme);
    recolour();
  });
  prefersDark.addEventListener("change", () => recolour());
  named();

  // What is compressed

  const canInflate = typeof DecompressionStream === "function";
  const inflate = async (id) => {
    const place = document.getElementById(id);
    if (!place) return null;
    const bytes = Uint8Array.from(atob(place.textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };
  const once = (make) => { let made = null; return () => (made = made || make()); };
  const plotly = once(async () => {
    const script = document.createElement("script");
    script.textContent = await inflate("plotly");
    document.head.append(script);
    return window.Plotly;
  });
  const drawn = once(async () => JSON.parse(await inflate("figures")));
  const details = once(async () => JSON.parse(await inflate("details")));

  // Figures

  const CONFIG = {
    displaylogo: false, responsive: false,
    modeBarButtonsToRemove: ["lasso2d", "select2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
  };
  const textColour = () => getComputedStyle(document.body).color;
  const draw = async (place, figure) => {
    const Plotly = await plotly();
    const layout = { ...figure.layout, autosize: true };
    layout.font = { ...layout.font, color: textColour() };
    if (place.clientWidth < 480) layout.margin = { ...layout.margin, r: 12 };
    place.classList.remove("waiting");
    await Plotly.newPlot(place, figure.data, layout, CONFIG);
    new ResizeObserver(() => {
      if (place.clientWidth > 0) Plotly.Plots.resize(place);
    }).observe(place);
    if (!window.hpcoptFirstFigure) window.hpcoptFirstFigure = performance.now();
  };
  const recolour = () => {
    named();
    for (const place of document.querySelectorAll(".js-plotly-plot")) {
      window.Plotly.relayout(place, { "font.color": textColour() });
    }
  };
  // Which trial a point is of, as far as what is shown of it tells.
  const trialOf = (point) => {
    const told = [point.text, point.hovertext, point.customdata].flat()
      .filter((one) => typeof one === "string");
    for (const text of told) {
      const found = /\btrial (\d+)\b/.exec(text) || /^(\d+)_\d+$/.exec(text);
      if (found) return Number(found[1]);
    }
    const template = point.data.hovertemplate;
    if (typeof template === "string" && template.startsWith("trial %{x}")) return Number(point.x);
    return null;
  };
  const drawCard = async (place) => {
    const all = await drawn();
    const figure = all.figures[Number(place.dataset.figure)];
    figure.layout.template = all.templates[figure.template];
    await draw(place, figure);
    const section = place.closest("[data-experiment]");
    if (!section) return; // of several experiments, whose trials it does not tell apart
    place.on("plotly_click", (event) => {
      const trial = event.points.length ? trialOf(event.points[0]) : null;
      if (trial !== null) location.hash = `#${section.id}-trial-${trial}`;
    });
  };
  const waiting = new Map();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) begin(entry.target);
  }, { rootMargin: "300px" });
  const begin = (place) => {
    const make = waiting.get(place);
    if (!make) return;
    waiting.delete(place);
    watcher.unobserve(place);
    make(place).catch((error) => {
      place.textContent = `This figure could not be drawn: ${error.message}`;
      console.error(error);
    });
  };
  const later = (place, make) => {
    if (!canInflate) {
      place.textContent = "This browser is too old for the figures (it has no " +
        "DecompressionStream); the tables have all numbers.";
      place.style.height = "auto";
      return;
    }
    waiting.set(place, make);
    place.classList.add("waiting");
    watcher.observe(place);
  };
  for (const place of document.querySelectorAll(".plot[data-figure]")) later(place, drawCard);
  addEventListener("beforeprint", () => [...waiting.keys()].forEach(begin));

  // The table of trials

  const PAGE = 50;
  const TERM = /("[^"]*"|[^\s<>=!"]+)\s*(<=|>=|!=|=|<|>)\s*("[^"]*"|\S+)|("[^"]*"|\S+)/g;
  const unquoted = (text) => text.replace(/^"(.*)"$/, "$1");
  const COMPARE = {
    "=": (a, b) => a === b, "!=": (a, b) => a !== b, "<": (a, b) => a < b,
    ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
  };
  // What the filter's text asks: a function of a row's number, or what is wrong with it.
  const parse = (text, columns) => {
    const tests = [];
    for (const [, name, operator, wanted, word] of text.matchAll(TERM)) {
      if (word !== undefined) {
        if (word === "and") continue;
        const part = unquoted(word).toLowerCase();
        tests.push((k) => columns.some((c) => shown(c.values[k], c.digits).toLowerCase().includes(part)));
        continue;
      }
      const column = columns.find((c) => c.key === unquoted(name))
        || columns.find((c) => c.label === unquoted(name));
      if (!column) return { wrong: `There is no column ${visible(unquoted(name))}.` };
      const value = unquoted(wanted);
      const isNumber = value !== "" && Number.isFinite(Number(value));
      tests.push((k) => {
        const found = column.values[k];
        if (found === null) return operator === "!=";
        if (isNumber && typeof found === "number") return COMPARE[operator](found, Number(value));
        return COMPARE[operator](String(found).toLowerCase(), value.toLowerCase());
      });
    }
    return { test: (k) => tests.every((one) => one(k)) };
  };
  const order = (column, sign) => (a, b) => {
    const x = column.values[a], y = column.values[b];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    if (x === y) return a - b;
    if (typeof x === "number" && typeof y === "number") return sign * (x - y);
    return sign * String(x).localeCompare(String(y));
  };

  const makeTable = (section) => {
    const columns = data(`${section.id}-trials`);
    const place = section.querySelector(".trials-place");
    if (!columns || !place) return;
    const n = columns[0].values.length;
    const isNumeric = columns.map((c) => c.values.every((v) => v === null || typeof v === "number"));
    const state = { sort: 0, sign: 1, page: 0, brush: null, rows: [] };
    const input = section.querySelector(".filter");
    const told = section.querySelector(".told");
    const wrong = section.querySelector(".wrong");
    const heads = columns.map((column, j) => {
      const button = element("button", { type: "button" }, visible(column.label));
      button.addEventListener("click", () => {
        state.sign = state.sort === j ? -state.sign : 1;
        state.sort = j;
        refresh();
      });
      return element("th", { scope: "col", class: isNumeric[j] ? "n" : "" }, button);
    });
    const body = element("tbody");
    place.replaceChildren(
      element("table", { class: "trials" },
        element("caption", { class: "hidden" }, "All trials; a button of a column sorts by it"),
        element("thead", {}, element("tr", {}, ...heads)), body));
    const previous = section.querySelector(".previous");
    const next = section.querySelector(".next");
    const fill = () => {
      const first = state.page * PAGE;
      const rows = state.rows.slice(first, first + PAGE);
      body.replaceChildren(...rows.map((k) => {
        const cells = columns.map((column, j) => {
          const value = column.values[k];
          if (j === 0) {
            const open = element("button", { type: "button", "aria-label": `Trial ${value}` },
              String(value));
            open.addEventListener("click", () => { location.hash = `#${section.id}-trial-${value}`; });
            return element("td", { class: "n" }, open);
          }
          const text = shown(value, column.digits);
          const cell = element("td", isNumeric[j] ? { class: "n" } : { title: text });
          if (column.key === "status") cell.append(element("span", { class: `dot s-${value}` }));
          cell.append(text);
          return cell;
        });
        return element("tr", {}, ...cells);
      }));
      const last = Math.min(first + PAGE, state.rows.length);
      const range = state.rows.length ? `${first + 1} to ${last} of ` : "";
      const of = state.rows.length === n ? "" : ` (of ${n})`;
      told.textContent = `${range}${state.rows.length} trials${of}`;
      previous.disabled = state.page === 0;
      next.disabled = last >= state.rows.length;
    };
    const refresh = () => {
      const parsed = parse(input.value, columns);
      wrong.textContent = parsed.wrong || "";
      if (!parsed.wrong) {
        state.rows = [...Array(n).keys()].filter(parsed.test)
          .filter((k) => !state.brush || state.brush(k));
      }
      state.rows.sort(order(columns[state.sort], state.sign));
      heads.forEach((head, j) => {
        if (j !== state.sort) head.removeAttribute("aria-sort");
        else head.setAttribute("aria-sort", state.sign > 0 ? "ascending" : "descending");
      });
      state.page = 0;
      fill();
    };
    let timer = 0;
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(refresh, 120); });
    previous.addEventListener("click", () => { state.page -= 1; fill(); });
    next.addEventListener("click", () => { state.page += 1; fill(); });
    const brushes = section.querySelector(".parcoords-place");
    section.querySelector(".clear").addEventListener("click", () => {
      input.value = "";
      state.brush = null;
      refresh();
      if (brushes && brushes.data) drawParcoords(brushes, columns, state, refresh);
    });
    if (brushes) later(brushes, () => drawParcoords(brushes, columns, state, refresh));
    refresh();
    tables.set(section.id, columns);
  };
  const tables = new Map();

  // Parallel coordinates, which filter the table

  const MOST_AXES = 12;
  const AXIS = 90;
  const axisOf = (column) => {
    const known = column.values.filter((v) => v !== null);
    const label = visible(column.label);
    const short = plain(label.length > 16 ? `${label.slice(0, 15)}…` : label);
    const isNumeric = known.every((v) => typeof v === "number");
    let levels = [];
    let code = (v) => v;
    if (!isNumeric) {
      levels = [...new Set(known.map(String))].sort();
      const places = new Map(levels.map((level, k) => [level, k]));
      code = (v) => places.get(String(v));
    } else if (column.log && known.every((v) => v > 0)) code = Math.log10;
    const codes = column.values.map((v) => (v === null ? NaN : code(v)));
    let low = Infinity, high = -Infinity;
    for (const c of codes) if (!Number.isNaN(c)) { low = Math.min(low, c); high = Math.max(high, c); }
    if (low > high) return null;
    if (low === high) { low -= 0.5; high += 0.5; }
    const hasNone = codes.some(Number.isNaN);
    const below = low - 0.1 * (high - low);
    const axis = { label: short, values: codes.map((c) => (Number.isNaN(c) ? below : c)),
      range: [hasNone ? below : low, high] };
    if (!isNumeric) {
      axis.tickvals = levels.map((_, k) => k);
      axis.ticktext = levels.map((level) => (level.length > 12 ? `${level.slice(0, 11)}…` : level));
    } else {
      axis.tickvals = [0, 1, 2, 3, 4].map((k) => low + (k / 4) * (high - low));
      axis.ticktext = axis.tickvals.map((t) =>
        String(Number((code === Math.log10 ? 10 ** t : t).toPrecision((column.digits || 6) - 3))));
    }
    if (hasNone) { axis.tickvals.push(below); axis.ticktext.push("none"); }
    return axis;
  };
  const drawParcoords = async (place, columns, state, refresh) => {
    const objectives = columns.filter((c) => c.group === "objective");
    const parameters = columns.filter((c) => c.group === "parameter");
    const others = columns.filter((c) => c.group === "metric");
    const chosen = [...parameters.slice(0, MOST_AXES), ...objectives, ...others]
      .slice(0, MOST_AXES + 4);
    const made = chosen.map((column) => [column, axisOf(column)]).filter(([, axis]) => axis);
    const goal = made.find(([column]) => column.group === "objective");
    // Only trials with an objective have a line.
    const rows = [...Array(columns[0].values.length).keys()]
      .filter((k) => !goal || goal[0].values[k] !== null);
    if (!made.length || !rows.length) {
      place.textContent = "No trial has anything to draw yet.";
      place.classList.remove("waiting");
      place.style.height = "auto";
      return;
    }
    // By their names they are known when a person has moved axes.
    const dimensions = made.map(([, axis], j) =>
      ({ ...axis, name: String(j), values: rows.map((k) => axis.values[k]) }));
    const line = { color: "#0072B2" };
    if (goal) {
      const values = rows.map((k) => goal[0].values[k]);
      const sorted = [...values].sort((a, b) => a - b);
      line.color = values;
      line.colorscale = [[0, "#2C7FB8"], [0.35, "#7A6BB5"], [0.7, "#D0587E"], [1, "#E8963A"]];
      line.cmin = sorted[0];
      // Few that are far off would leave the others one colour.
      line.cmax = sorted[Math.floor(0.95 * (sorted.length - 1))];
      if (line.cmin === line.cmax) line.cmax = line.cmin + 1;
    }
    place.style.minWidth = `${AXIS * Math.min(made.length, 8)}px`;
    await draw(place, {
      data: [{ type: "parcoords", dimensions, line, labelangle: made.length > 6 ? -15 : 0,
        unselected: { line: { color: "rgba(128, 128, 128, 0.12)" } } }],
      layout: { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        font: { family: "system-ui, sans-serif", size: 12 }, margin: { l: 60, r: 50, t: 70, b: 24 } },
    });
    place.removeAllListeners?.("plotly_restyle");
    place.on("plotly_restyle", () => {
      const brushed = place.data[0].dimensions
        .map(({ name, constraintrange }) => [made[Number(name)][1].values, constraintrange])
        .filter(([, ranges]) => ranges && ranges.length)
        .map(([values, ranges]) => [values, Array.isArray(ranges[0]) ? ranges : [ranges]]);
      const shownRows = new Set(rows);
      state.brush = brushed.length === 0 ? null : (k) => shownRows.has(k) && brushed.every(
        ([values, ranges]) => ranges.some(([a, b]) => values[k] >= a && values[k] <= b));
      refresh();
    });
  };

  // One trial

  const dialog = document.getElementById("trial");
  const pairs = (caption, rows) => element("section", {},
    element("h3", {}, caption),
    element("table", {}, element("tbody", {}, ...rows.map(([name, value]) => element("tr", {},
      element("th", { scope: "row" }, visible(name)), element("td", {}, shown(value)))))));
  const showTrial = async (section, trial) => {
    const columns = tables.get(section.id);
    const k = columns ? columns[0].values.indexOf(trial) : -1;
    if (k < 0) return;
    const of = (group) => columns.filter((c) => c.group === group && c.values[k] !== null);
    const all = canInflate ? (await details())[section.id] : null;
    const sems = (all && all.sems[trial]) || {};
    const around = (c) => shown(c.values[k], c.digits)
      + (Object.hasOwn(sems, c.key) ? ` ± ${shown(sems[c.key])}` : "");
    const list = (group) => of(group).map((c) => [c.label, around(c)]);
    const parts = [element("div", { class: "two" },
      pairs("Parameters", list("parameter")),
      element("div", {}, pairs("Outcome", [...list("objective"), ...list("metric")]),
        pairs("Course", [...list("trial").slice(1), ...list("cost")])))];
    if (all) {
      const origin = all.sentences[all.origins[k]];
      if (origin) parts.push(pairs("Why it was proposed", [["by", origin]]));
      parts.push(...all.attempts[k].map((attempt, number) => pairs(`Attempt ${number}`,
        Object.entries({
          phase: attempt.phase, "ended by": attempt.cause, why: attempt.why, job: attempt.job,
          node: attempt.node,
          submitted: attempt.submitted === undefined ? undefined
            : `${duration(attempt.submitted)} after the experiment began`,
          "queue time": duration(attempt.queue_s), "run time": duration(attempt.run_s),
        }).filter(([, value]) => value !== undefined && value !== ""))));
      const log = all.logs[trial];
      if (log) {
        parts.push(element("h3", {}, "The end of its log"),
          element("pre", { tabindex: "0" }, visible(log)));
      } else if (all.attempts[k].length) {
        parts.push(element("p", { class: "note" },
          `The end of its log is not in this page: see hpcopt logs ${trial}.`));
      }
    } else {
      parts.push(element("p", {}, "This browser is too old for more (it has no DecompressionStream)."));
    }
    dialog.querySelector("h2").textContent = `Trial ${trial}`;
    dialog.querySelector(".content").replaceChildren(...parts);
    const go = (name, to) => {
      const button = dialog.querySelector(name);
      const there = columns[0].values[to];
      button.disabled = there === undefined;
      button.onclick = () => { location.hash = `#${section.id}-trial-${there}`; };
    };
    go(".before", k - 1);
    go(".after", k + 1);
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  };
  const follow = () => {
    const found = /^#(e\d+)-trial-(\d+)$/.exec(location.hash);
    const section = found && document.getElementById(found[1]);
    if (section) showTrial(section, Number(found[2]));
    else if (dialog.open) dialog.close();
  };
  dialog.addEventListener("close", () => {
    if (/-trial-\d+$/.test(location.hash)) {
      history.replaceState(null, "", location.pathname + location.search);
    }
  });
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  for (const section of document.querySelectorAll("[data-experiment]")) makeTable(section);
  addEventListener("hashchange", follow);
  follow();
})();
