// The player: what time it is, what moves it, and what shows it.

const LONGEST = 0.25; // s between two pictures that time goes on for: a page in the background waits

/** Colours and fonts of the page's style, for canvases. */
function readTheme(head) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const numbers = (name) => colour(name).split(/\s+/).map(Number);
  const ramp = [0, 1, 2, 3].map((k) => numbers(`heat-${k}`));
  return {
    ...Object.fromEntries(
      ["text", "quiet", "line", "grid", "surface", "halo", "stage", "accent", "face", "gaze"].map((n) => [n, colour(n)]),
    ),
    series: [0, 1, 2, 3].map((k) => colour(seriesColour(k))),
    status: Object.fromEntries(head.statuses.map(({ code }) => [code, colour(statusColour(code))])),
    nothing: numbers("heat-nothing"),
    heat: (share) => between(ramp, Math.min(1, Math.max(0, share))),
    small: `11px ${colour("font")}`,
    large: `600 16px ${colour("font")}`,
  };
}

/** A colour of a ramp, 0 to 1. */
function between(ramp, share) {
  const at = Math.min(share * (ramp.length - 1), ramp.length - 1 - 1e-9);
  const k = Math.floor(at);
  return ramp[k].map((from, i) => from + (at - k) * (ramp[k + 1][i] - from));
}

class Player {
  constructor(head, table) {
    Object.assign(this, { head, table, playing: false, speed: 1, time: table.start });
    this.theme = readTheme(head);
    const at = (id) => document.getElementById(id);
    this.face = new Face(at("face"), table, head.picture, head.statuses, this.theme);
    this.numbers = new Numbers(at("numbers"), table, head.rows, head.statuses);
    this.values = new AllValues(document.querySelector(".all-values"), at("values"), table, head.groups);
    const tracks = head.rows.filter((row) => row.kind !== "number");
    this.timeline = new Timeline(at("timeline"), table, tracks, this.theme, (time) => this.seek(time));
    this.clock = at("clock");
    this.#controls(at);
    this.#keys();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => {
      Object.assign(this.theme, readTheme(head));
      this.timeline.draw();
      this.show();
    });
    this.show();
  }

  #controls(at) {
    this.button = at("play");
    this.button.addEventListener("click", () => this.toggle());
    at("back").addEventListener("click", () => this.stepRows(-1));
    at("on").addEventListener("click", () => this.stepRows(1));
    at("closer").addEventListener("click", () => this.timeline.zoom(2));
    at("wider").addEventListener("click", () => this.timeline.zoom(0.5));
    at("all").addEventListener("click", () => this.timeline.showAll());
    at("speed").addEventListener("change", (event) => (this.speed = Number(event.target.value)));
    const follow = at("follow");
    follow.hidden = !this.face.placed || !this.face.known;
    follow.addEventListener("click", () => {
      this.face.following = !this.face.following;
      put(follow, this.face.following ? "Show the whole frame" : "Follow the face");
      this.show();
    });
    this.followButton = follow;
    at("legend").replaceChildren(...this.#legend());
    this.slider = this.timeline.axis.canvas;
    this.slider.tabIndex = 0;
    const is = { role: "slider", "aria-label": "Time", "aria-valuemin": this.table.start, "aria-valuemax": this.table.end };
    for (const [name, value] of Object.entries(is)) this.slider.setAttribute(name, value);
  }

  /** What the signs in the face's canvas are. */
  #legend() {
    const { face } = this;
    const signs = [];
    if (face.landmarks) signs.push(makeChip("68 landmarks", "face"));
    if (face.gaze) signs.push(makeChip("gaze of each eye", "gaze"));
    if (face.pose) {
      const axes = ["head axes: right", "down", "nose"];
      signs.push(...axes.map((text, k) => makeChip(text, seriesColour(k))));
    }
    return signs;
  }

  #keys() {
    const keys = {
      ArrowLeft: (event) => (event.shiftKey ? this.seek(this.time - 1) : this.stepRows(-1)),
      ArrowRight: (event) => (event.shiftKey ? this.seek(this.time + 1) : this.stepRows(1)),
      Home: () => this.seek(this.table.start),
      End: () => this.seekRow(this.table.rows - 1),
      " ": () => this.toggle(),
      "+": () => this.timeline.zoom(2),
      "=": () => this.timeline.zoom(2),
      "-": () => this.timeline.zoom(0.5),
      0: () => this.timeline.showAll(),
      f: () => this.followButton.click(),
    };
    addEventListener("keydown", (event) => {
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const inControl = event.target.closest?.("select, summary") || (key === " " && event.target.closest?.("button"));
      if (!(key in keys) || inControl || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[key](event);
    });
  }

  // --- time -------------------------------------------------------------------------------

  /** Go to a time (s). */
  seek(time) {
    this.time = Math.min(Math.max(time, this.table.start), this.table.end - 1e-6);
    this.show();
  }

  seekRow(row) {
    this.seek(this.table.times[Math.min(Math.max(row, 0), this.table.rows - 1)]);
  }

  stepRows(by) {
    if (this.playing) this.toggle();
    this.seekRow(this.table.rowAt(this.time) + by);
  }

  toggle() {
    this.playing = !this.playing;
    put(this.button, this.playing ? "❚❚ Pause" : "▶ Play");
    if (!this.playing) return;
    if (this.time >= this.table.end - this.table.step) this.seek(this.table.start);
    this.before = null;
    requestAnimationFrame((now) => this.#tick(now));
  }

  #tick(now) {
    if (!this.playing) return;
    const passed = this.before === null ? 0 : Math.min((now - this.before) / 1000, LONGEST);
    this.before = now;
    const next = this.time + passed * this.speed;
    this.seek(next);
    if (next >= this.table.end) this.toggle();
    else requestAnimationFrame((later) => this.#tick(later));
  }

  // --- what is shown ----------------------------------------------------------------------

  show() {
    const last = this.table.rowAt(this.time);
    const gone = this.time >= this.table.endOf(last) + 1e-6;
    const row = gone ? -1 : last;
    const gap = gone ? `No rows for ${(this.table.times[last + 1] - this.table.times[last]).toFixed(1)} s` : "";
    this.row = row;
    this.face.draw(row, gap);
    this.numbers.show(row, this.time);
    this.values.show(row);
    this.timeline.move(this.time);
    const said = `${clock(this.time, 2)} of ${clock(this.table.end, 1)}`;
    const of = `row ${row < 0 ? NONE : (row + 1).toLocaleString("en")} of ${this.table.rows.toLocaleString("en")}`;
    put(this.clock, `${said} · ${of}`);
    this.slider.setAttribute("aria-valuenow", this.time.toFixed(2));
    this.slider.setAttribute("aria-valuetext", `${said}, ${of}`);
  }
}

async function start() {
  const trouble = document.getElementById("trouble");
  const say = (text) => {
    trouble.textContent = text;
    trouble.hidden = false;
  };
  if (!("DecompressionStream" in window)) {
    say("This browser cannot unpack the numbers in this page: it has no DecompressionStream. Use a newer one: Chrome or Edge 80, Firefox 113, Safari 16.4 or later.");
    return;
  }
  const head = JSON.parse(textOf("head"));
  const bytes = await inflate(textOf("columns"));
  const table = new Table(readColumns(bytes, head.columns, head.n_rows), head.n_rows);
  document.getElementById("player").hidden = false;
  window.player = new Player(head, table);
}

start();
