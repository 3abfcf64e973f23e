// The columns of the table, read back from the page; see deptool/view_columns.py.

/** The text of a data block of the page. */
const textOf = (id) => document.getElementById(id).textContent;

/** base64 of zlib -> bytes. */
async function inflate(base64) {
  const packed = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** One column out of its planes of bytes, from `at` on: numbers (row), NaN where null. */
function readColumn(bytes, at, rows, { step, planes }) {
  const values = new Float64Array(rows);
  let last = 0;
  for (let row = 0; row < rows; row++) {
    let folded = 0;
    for (let plane = planes - 1; plane >= 0; plane--) {
      folded = folded * 256 + bytes[at + plane * rows + row];
    }
    if (folded === 0) {
      values[row] = NaN;
    } else {
      last += folded % 2 ? (folded - 1) / 2 : -folded / 2;
      values[row] = last * step;
    }
  }
  return values;
}

/** All columns by name. */
function readColumns(bytes, about, rows) {
  const columns = new Map();
  let at = 0;
  for (const column of about) {
    columns.set(column.name, readColumn(bytes, at, rows, column));
    at += column.planes * rows;
  }
  return columns;
}

/** The lowest and highest of any run of rows, without reading all of them: blocks of 16, of 256 … */
class Pyramid {
  static FACTOR = 16;

  constructor(values) {
    this.levels = [{ low: values, high: values }];
    while (this.levels.at(-1).low.length > Pyramid.FACTOR) this.levels.push(this.#above(this.levels.at(-1)));
  }

  #above(below) {
    const n = Math.ceil(below.low.length / Pyramid.FACTOR);
    const low = new Float64Array(n).fill(NaN);
    const high = new Float64Array(n).fill(NaN);
    for (let i = 0; i < below.low.length; i++) {
      const block = Math.floor(i / Pyramid.FACTOR);
      if (Number.isNaN(low[block]) || below.low[i] < low[block]) low[block] = below.low[i];
      if (Number.isNaN(high[block]) || below.high[i] > high[block]) high[block] = below.high[i];
    }
    return { low, high };
  }

  /** [lowest, highest] of rows from `first` up to, not with, `after`; [NaN, NaN] of nulls. */
  range(first, after) {
    let low = Infinity;
    let high = -Infinity;
    for (let level = 0; first < after; level++) {
      const { low: lows, high: highs } = this.levels[level];
      const take = (i) => {
        if (lows[i] < low) low = lows[i];
        if (highs[i] > high) high = highs[i];
      };
      const top = level === this.levels.length - 1;
      while (first < after && (top || first % Pyramid.FACTOR)) take(first++);
      while (first < after && (top || after % Pyramid.FACTOR)) take(--after);
      first /= Pyramid.FACTOR;
      after /= Pyramid.FACTOR;
    }
    return low > high ? [NaN, NaN] : [low, high];
  }
}

/** The table: rows in order of time. */
class Table {
  constructor(columns, rows) {
    this.columns = columns;
    this.rows = rows;
    this.times = columns.get("timestamp");
    const steps = Array.from(this.times.subarray(1), (t, i) => t - this.times[i]).sort((a, b) => a - b);
    this.step = steps.length ? steps[Math.floor(steps.length / 2)] : 1;
    this.start = this.times[0];
    this.end = this.times[rows - 1] + this.step; // the last row lasts as long as the others
    this.pyramids = new Map();
    this.counted = new Map();
  }

  has(name) {
    return this.columns.has(name);
  }

  /** A value, NaN where it is null or the table has no such column. */
  value(name, row) {
    return row >= 0 && this.columns.has(name) ? this.columns.get(name)[row] : NaN;
  }

  pyramid(name) {
    if (!this.pyramids.has(name)) this.pyramids.set(name, new Pyramid(this.columns.get(name)));
    return this.pyramids.get(name);
  }

  /** For each whole number below `n`, how many rows before a row have it: numbers (row + 1). */
  counts(name, n) {
    if (this.counted.has(name)) return this.counted.get(name);
    const counts = Array.from({ length: n }, () => new Int32Array(this.rows + 1));
    this.columns.get(name).forEach((value, row) => {
      counts.forEach((count, k) => (count[row + 1] = count[row] + (value === k ? 1 : 0)));
    });
    this.counted.set(name, counts);
    return counts;
  }

  /** How many rows begin at or before a time (s). */
  rowsUntil(time) {
    let low = 0;
    let high = this.rows;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The row that stands at a time: the last that has begun. */
  rowAt(time) {
    return Math.max(0, this.rowsUntil(time + 1e-6) - 1);
  }

  /** Whether rows are missing between this row and the next: more than 1.5 steps, as in check. */
  holeAfter(row) {
    return row + 1 < this.rows && this.times[row + 1] - this.times[row] > 1.5 * this.step;
  }

  /** When a row ends (s). */
  endOf(row) {
    const last = row + 1 >= this.rows || this.holeAfter(row);
    return last ? this.times[row] + this.step : this.times[row + 1];
  }
}
