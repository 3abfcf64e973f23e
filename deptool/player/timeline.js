// The time line: the rows that the page's head lists, on one axis of time, with one cursor.

const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600];
const HEIGHTS = { axis: 22, overview: 18, span: 20, line: 66, steps: 92, heat: 15 }; // px; heat: a series
const CLOSEST = 0.5; // s that are shown at least

/** An element of the page. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A patch of a colour of the page's style, and what it stands for. */
function makeChip(text, colour) {
  const chip = make("span", { class: "chip" }, make("i", {}), text);
  chip.firstChild.style.background = `var(--${colour})`;
  return chip;
}

const seriesColour = (k) => `series-${k % 4}`;
const statusColour = (code) => `status-${code.replace("_", "-")}`;

/** 83.5 -> "1:23.5"; `digits` after the point. */
function clock(seconds, digits) {
  const unit = 10 ** digits;
  const whole = Math.round(seconds * unit);
  const rest = (whole % (60 * unit)) / unit;
  return `${Math.floor(whole / (60 * unit))}:${rest.toFixed(digits).padStart(digits ? 3 + digits : 2, "0")}`;
}

class Timeline {
  /** onSeek(time) is called where a user points at a time. */
  constructor(root, table, rows, theme, onSeek) {
    Object.assign(this, { root, table, theme, onSeek, tracks: [] });
    this.time = this.first = table.start;
    this.last = table.end;
    this.cursor = make("div", { class: "cursor" });
    this.overview = this.#add({ kind: "overview", title: "Shown part" });
    this.axis = this.#add({ kind: "axis", title: "Time" });
    for (const row of rows) this.#addRow(row);
    root.append(this.cursor);
    this.#listen();
    new ResizeObserver(() => this.draw()).observe(root);
  }

  #addRow(row) {
    if (row.kind === "line" && row.low === undefined) Object.assign(row, this.#limits(row));
    const track = this.#add(row);
    if (!row.chosen) return;
    const chosen = row.series.filter((series) => row.chosen.includes(series.name));
    const lines = { ...row, kind: "line", title: "Chosen above", series: chosen, chosen: null };
    track.lines = this.#add(lines);
  }

  #add(row) {
    const label = make("div", { class: `label ${row.kind}` });
    const canvas = make("canvas", { class: row.kind, "data-row": row.id ?? row.kind });
    const height = row.kind === "heat" ? HEIGHTS.heat * row.series.length : HEIGHTS[row.kind];
    canvas.style.height = `${height}px`;
    const track = { row, label, canvas, height };
    this.root.append(label, canvas);
    this.tracks.push(track);
    this.#describe(track);
    return track;
  }

  /** What stands left of a track: its title, unit and series. */
  #describe({ row, label }) {
    const title = make("span", { class: "title" }, row.title);
    if (row.unit) title.append(make("span", { class: "unit" }, ` ${row.unit}`));
    label.replaceChildren(title);
    if (row.kind === "heat") label.replaceChildren(...row.series.map((s) => this.#choice(row, s)));
    if (row.kind === "line" || row.kind === "steps") label.append(this.#names(row));
    if (row.kind === "span") {
      const names = row.series[0].names.map((name, k) => [name, row.series[0].shares[k]]);
      const there = names.filter(([, share]) => share);
      const chips = there.map(([name, share]) => makeChip(`${name} ${share}`, statusColour(name)));
      label.append(make("span", { class: "names" }, ...chips));
    }
    if (row.note && row.kind === "steps") label.append(make("span", { class: "note" }, row.note));
  }

  #names(row) {
    const names = row.series.map((series, k) => {
      const chip = makeChip(series.name, seriesColour(k));
      chip.title = series.label ?? series.name;
      return chip;
    });
    return make("span", { class: "names" }, ...(row.series.length > 1 || row.kind === "steps" ? names : []));
  }

  /** A button that draws a series of a heat row as a line too. */
  #choice(row, series) {
    const pressed = row.chosen.includes(series.name);
    const button = make("button", { type: "button", "aria-pressed": pressed, "data-series": series.name });
    button.append(make("b", {}, series.name), make("span", {}, ` ${series.label}`));
    button.title = `${series.name} ${series.label}: as a line too`;
    button.addEventListener("click", () => {
      const kept = row.chosen.filter((name) => name !== series.name);
      row.chosen = kept.length < row.chosen.length ? kept : [...row.chosen, series.name].slice(-4);
      this.#choose(row);
    });
    return button;
  }

  #choose(row) {
    const track = this.tracks.find((one) => one.row === row);
    for (const button of track.label.children) {
      button.setAttribute("aria-pressed", row.chosen.includes(button.dataset.series));
    }
    track.lines.row.series = row.chosen.map((name) => row.series.find((s) => s.name === name));
    this.#describe(track.lines);
    this.#drawTrack(track.lines);
  }

  /** The lowest and highest of all series of a row, rounded outwards. */
  #limits(row) {
    let low = 0;
    let high = 0;
    for (const { column, factor = 1 } of row.series) {
      for (const value of this.table.pyramid(column).range(0, this.table.rows)) {
        low = Math.min(low, value * factor || 0);
        high = Math.max(high, value * factor || 0);
      }
    }
    const step = high - low > 40 ? 10 : high - low > 8 ? 5 : 1;
    return { low: Math.floor(low / step) * step, high: Math.max(step, Math.ceil(high / step) * step) };
  }

  // --- drawing ----------------------------------------------------------------------------

  draw() {
    this.width = Math.max(1, Math.floor(this.axis.canvas.clientWidth));
    for (const track of this.tracks) this.#drawTrack(track);
    this.#placeCursor();
  }

  #drawTrack({ row, canvas, height }) {
    const sharp = window.devicePixelRatio || 1;
    canvas.width = this.width * sharp;
    canvas.height = height * sharp;
    const pen = canvas.getContext("2d");
    pen.scale(sharp, sharp);
    const whole = row.kind === "overview";
    const first = whole ? this.table.start : this.first;
    const last = whole ? this.table.end : this.last;
    const { width, table, theme } = this;
    const x = (time) => ((time - first) / (last - first)) * width;
    const stacked = this.axis.canvas.offsetLeft < 50; // on a narrow page labels stand above
    const view = { width, height, first, last, x, table, theme, stacked };
    if (row.kind === "axis") this.#drawAxis(pen, view);
    else if (whole) this.#drawOverview(pen, view);
    else DRAW[row.kind](pen, row, view);
  }

  #drawAxis(pen, view) {
    const fewest = (view.last - view.first) / Math.max(2, view.width / 90);
    const step = TICKS.find((tick) => tick >= fewest) ?? TICKS.at(-1);
    pen.font = view.theme.small;
    pen.textBaseline = "middle";
    for (let k = Math.ceil(view.first / step); k * step <= view.last; k++) {
      const x = view.x(k * step);
      const text = clock(k * step, step < 1 ? 1 : 0);
      pen.fillStyle = view.theme.line;
      pen.fillRect(Math.round(x), view.height - 5, 1, 5);
      pen.fillStyle = view.theme.quiet;
      const half = pen.measureText(text).width / 2;
      pen.fillText(text, Math.min(Math.max(x - half, 0), view.width - 2 * half), 8);
    }
  }

  #drawOverview(pen, view) {
    pen.fillStyle = view.theme.grid;
    pen.fillRect(0, 4, view.width, view.height - 8);
    const left = view.x(this.first);
    pen.fillStyle = view.theme.accent;
    pen.fillRect(left, 4, Math.max(3, view.x(this.last) - left), view.height - 8);
  }

  /** Put the cursor at a time (s); where it leaves what is shown, show the next part. */
  move(time) {
    const moved = time !== this.time;
    this.time = time;
    const span = this.last - this.first;
    if (moved && (time < this.first || time > this.last)) this.show(time - 0.05 * span, time + 0.95 * span);
    else this.#placeCursor();
  }

  #placeCursor() {
    const share = (this.time - this.first) / (this.last - this.first);
    this.cursor.hidden = !(share >= 0 && share <= 1);
    this.cursor.style.transform = `translateX(${this.axis.canvas.offsetLeft + share * this.width}px)`;
  }

  // --- what is shown ----------------------------------------------------------------------

  /** Show the time from `first` to `last` (s), moved into the recording. */
  show(first, last) {
    const { start, end } = this.table;
    const span = Math.min(Math.max(last - first, Math.min(CLOSEST, end - start)), end - start);
    this.first = Math.min(Math.max(first, start), end - span);
    this.last = this.first + span;
    this.draw();
  }

  /** Show 1/factor of the time, with the same time at the same place. */
  zoom(factor, around = this.time) {
    const share = (around - this.first) / (this.last - this.first);
    const span = (this.last - this.first) / factor;
    this.show(around - share * span, around + (1 - share) * span);
  }

  showAll() {
    this.show(this.table.start, this.table.end);
  }

  // --- pointing ---------------------------------------------------------------------------

  #timeUnder(event, first, last) {
    const box = this.axis.canvas.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    return first + Math.min(Math.max(share, 0), 1) * (last - first);
  }

  #listen() {
    let drag = null; // "seek" or "pan"
    const follow = (event) => {
      const { start, end } = this.table;
      if (drag === "seek") this.onSeek(this.#timeUnder(event, this.first, this.last));
      if (drag === "pan") {
        const half = (this.last - this.first) / 2;
        const middle = this.#timeUnder(event, start, end);
        this.show(middle - half, middle + half);
      }
    };
    this.root.addEventListener("pointerdown", (event) => {
      if (event.target.tagName !== "CANVAS" || event.button) return;
      drag = event.target === this.overview.canvas ? "pan" : "seek";
      event.target.setPointerCapture(event.pointerId);
      follow(event);
    });
    this.root.addEventListener("pointermove", follow);
    for (const end of ["pointerup", "pointercancel"]) {
      this.root.addEventListener(end, () => (drag = null));
    }
    this.root.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  #wheel(event) {
    const span = this.last - this.first;
    const sideways = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
    if (event.ctrlKey) {
      event.preventDefault();
      const by = Math.exp(-Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 50) / 150);
      this.zoom(by, this.#timeUnder(event, this.first, this.last));
    } else if (sideways && span < this.table.end - this.table.start) {
      event.preventDefault();
      const by = (sideways / this.width) * span;
      this.show(this.first + by, this.last + by);
    }
  }
}
