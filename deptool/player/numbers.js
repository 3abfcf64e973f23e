// The numbers of the row that stands: one block per row of the time line, and all columns on demand.

const NONE = "–";

/** A number with so many digits and a real minus sign; a dash where it is null. */
function figure(value, digits) {
  return Number.isNaN(value) ? NONE : value.toFixed(digits).replace(/^-(?=0(\.0*)?$)/, "").replace("-", "−");
}

/** Write a text where it changed. */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

class Numbers {
  constructor(root, table, rows, statuses) {
    Object.assign(this, { root, table, statuses, updates: [] });
    for (const row of rows) {
      const block = make("div", { class: `block ${row.kind}` });
      const unit = row.unit ? ` ${row.unit}` : "";
      const title = make("h3", {}, row.title, make("span", { class: "unit" }, unit));
      if (row.note) title.append(make("span", { class: "note" }, ` · ${row.note}`));
      block.append(title);
      const list = make("dl");
      for (const series of row.series) this.#add(list, row, series);
      block.append(list);
      root.append(block);
    }
  }

  #add(list, row, series) {
    const value = make("dd", { "data-column": series.column ?? series.name });
    const name = make("dt", {}, row.kind === "heat" ? make("b", {}, series.name) : series.name);
    if (row.kind === "heat") name.append(` ${series.label}`);
    else if (series.label) name.title = series.label;
    const line = make("div", {}, name, value);
    list.append(line);
    if (row.kind === "span") this.#status(series, value);
    else if (row.kind === "steps") this.#segments(series, value);
    else if (row.kind === "heat") this.#bar(row, series, line, value);
    else this.#number(series, value);
  }

  #number({ column, factor = 1, digits }, value) {
    this.updates.push((row) => put(value, figure(this.table.value(column, row) * factor, digits)));
  }

  #status({ column }, value) {
    this.updates.push((row) => {
      const status = this.statuses[this.table.value(column, row)];
      put(value, status ? `${status.code}: ${status.words}` : NONE);
    });
  }

  #bar({ low, high }, { column, digits, high: own = high, presence }, line, value) {
    const bar = make("i", { class: "bar" });
    line.append(bar);
    this.updates.push((row) => {
      const now = this.table.value(column, row);
      put(value, figure(now, digits));
      bar.style.transform = `scaleX(${Number.isNaN(now) ? 0 : Math.min(1, Math.max(0, (now - low) / (own - low)))})`;
      if (presence) line.classList.toggle("present", this.table.value(presence, row) === 1);
    });
  }

  /** The spans that cover the time: usually one or two, where they overlap. */
  #segments(series, value) {
    this.updates.push((row, time) => {
      const there = [];
      for (let i = 0; i < series.value.length; i++) {
        if (series.start[i] <= time && time < series.end[i]) there.push(figure(series.value[i], series.digits));
      }
      put(value, there.join(" and ") || NONE);
    });
  }

  /** Show a row; −1 where the table has none at this time. */
  show(row, time) {
    for (const update of this.updates) update(row, time);
  }
}

/** Every column of the row, in a block that is opened on demand. */
class AllValues {
  constructor(details, root, table, groups) {
    Object.assign(this, { details, table, cells: null });
    details.addEventListener("toggle", () => {
      if (!details.open) return;
      if (!this.cells) this.#build(root, groups);
      this.show(this.row);
    });
  }

  #build(root, groups) {
    this.cells = [];
    for (const { title, columns } of groups) {
      const list = make("dl");
      for (const { name, unit, digits, words } of columns) {
        const value = make("dd");
        list.append(make("div", {}, make("dt", {}, name, make("span", { class: "unit" }, ` ${unit}`)), value));
        this.cells.push({ name, digits, words, value });
      }
      root.append(make("h3", {}, title), list);
    }
  }

  show(row) {
    this.row = row;
    if (!this.details.open || !this.cells) return;
    for (const { name, digits, words, value } of this.cells) {
      const now = this.table.value(name, row);
      put(value, words ? (words[now] ?? NONE) : figure(now, digits));
    }
  }
}
