"use strict";
// Tables that sort, figures that are drawn when their run is opened and follow the colour scheme.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const PRINTED = { autosize: false, width: 330, height: 290 }; // px: four plots on a page of A4

  // 'var(--model)' -> the colour that it stands for now.
  const paint = (value, styles) => {
    if (typeof value === "string") {
      const name = /^var\((--[a-z]+)\)$/.exec(value);
      return name ? styles.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((each) => paint(each, styles));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, paint(v, styles)]));
    }
    return value;
  };

  const draw = (plot) => {
    const source = document.getElementById(plot.id + "-figure").textContent;
    const figure = paint(JSON.parse(source), getComputedStyle(document.documentElement));
    if ("print" in document.documentElement.dataset) {
      Object.assign(figure.layout, PRINTED);
    }
    const config = {
      responsive: true, displaylogo: false, displayModeBar: "hover",
      // Plotly offers to upload a chart to its cloud; the page's policy does not stop a new window.
      showSendToCloud: false, plotlyServerURL: "",
      modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
      toImageButtonOptions: { filename: plot.id, scale: 2 },
    };
    return Plotly.react(plot, figure.data, figure.layout, config);
  };
  const drawIn = (part) => part.querySelectorAll(".plot").forEach(draw);
  const drawn = () => document.querySelectorAll(".plot.js-plotly-plot");

  document.querySelectorAll("details.run").forEach((run) => {
    run.addEventListener("toggle", () => {
      if (run.open && !run.querySelector(".js-plotly-plot")) drawIn(run);
    });
    if (run.open) drawIn(run);
  });
  dark.addEventListener("change", () => drawn().forEach(draw));

  // On paper everything is open and light; afterwards it is as it was.
  let opened = null;
  const print = () => {
    if (opened) return;
    opened = [...document.querySelectorAll("details:not(.numbers):not([open])")];
    opened.forEach((part) => { part.open = true; });
    document.documentElement.dataset.print = "";
    drawIn(document);
  };
  const screen = () => {
    if (!opened) return;
    opened.forEach((part) => { part.open = false; });
    opened = null;
    delete document.documentElement.dataset.print;
    drawn().forEach(draw);
  };
  addEventListener("beforeprint", print);
  addEventListener("afterprint", screen);
  const paper = matchMedia("print");
  paper.addEventListener("change", () => (paper.matches ? print() : screen()));

  // Once upwards, again downwards, a third time as it was. Cells without a number come last.
  const compare = (column, numeric, sign) => (a, b) => {
    const [x, y] = [a.cells[column], b.cells[column]];
    if (!numeric) return sign * x.textContent.localeCompare(y.textContent, "en", { numeric: true });
    const [p, q] = [x.dataset.sort, y.dataset.sort];
    if (p === "" || q === "") return (p === "") - (q === "");
    return sign * (Number(p) - Number(q));
  };
  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
  document.querySelectorAll("table.sortable").forEach((table) => {
    const body = table.tBodies[0];
    const first = [...body.rows];
    const starts = first.map((row) => row.classList.contains("starts"));
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.firstChild.addEventListener("click", () => {
      const order = NEXT[head.getAttribute("aria-sort")];
      heads.forEach((each) => each.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", order);
      const sign = order === "descending" ? -1 : 1;
      const numeric = head.classList.contains("number");
      const rows = order === "none" ? first : [...first].sort(compare(column, numeric, sign));
      // Rules part groups of rows on the same recordings: only where these stand together.
      first.forEach((row, i) => row.classList.toggle("starts", order === "none" && starts[i]));
      body.append(...rows);
    }));
  });
})();
