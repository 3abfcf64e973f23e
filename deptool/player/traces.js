// How a row of the time line is drawn, by its kind: line, heat, span, steps.
//
// Each takes (pen, row, view): view has width and height (CSS px), first and last (s) of what is
// shown, x(time), the table and the theme. All draw what lies behind one pixel of width, not a
// sample of it: the range of a line, the highest value of a heat cell, the shares of each status.

const PAD = 6; // px above and below a trace

/** For each pixel of width, the rows that begin in it: call `each(x, first, after)`. */
function eachPixel(view, each) {
  const { table, width, first, last } = view;
  const perPixel = (last - first) / width;
  let from = table.rowsUntil(first);
  for (let x = 0; x < width; x++) {
    const until = table.rowsUntil(first + (x + 1) * perPixel);
    each(x, from, until);
    from = until;
  }
}

/** Rows from one before to one after what is shown. */
function shownRows({ table, first, last }) {
  return [Math.max(0, table.rowsUntil(first) - 1), Math.min(table.rows, table.rowsUntil(last) + 1)];
}

const dense = (view) => {
  const [from, until] = shownRows(view);
  return until - from > view.width;
};

/** y of a value of a row with limits low and high. */
const scaleOf = (row, height) => (value) =>
  height - PAD - ((value - row.low) / (row.high - row.low)) * (height - 2 * PAD);

/** Thin lines at some values, behind a trace. */
function drawGrid(pen, view, y, marks) {
  for (const { at, strong } of marks) {
    pen.fillStyle = strong ? view.theme.line : view.theme.grid;
    pen.fillRect(0, Math.round(y(at)), view.width, 1);
  }
}

/** What these lines stand at, over a trace, at its left; a text gives way to one before it. */
function drawScale(pen, view, y, marks) {
  pen.font = view.theme.small;
  pen.textBaseline = "middle";
  const taken = [];
  for (const { at, text } of marks) {
    const middle = Math.min(Math.max(y(at), 8), view.height - 8);
    if (taken.some((other) => Math.abs(other - middle) < 12)) continue;
    taken.push(middle);
    pen.fillStyle = view.theme.halo;
    pen.fillRect(0, middle - 6, pen.measureText(text).width + 6, 12);
    pen.fillStyle = view.theme.quiet;
    pen.fillText(text, 3, middle);
  }
}

/** Two decimals; of what is smaller than 1 two digits, since weights may be small. */
const round = (value) => {
  const whole = Math.abs(value) < 1 ? Number(value.toPrecision(2)) : Math.round(value * 100) / 100;
  return String(whole).replace("-", "−");
};

function drawLine(pen, row, view) {
  const y = scaleOf(row, view.height);
  const ends = [row.low, row.high].map((at) => ({ at, text: round(at) }));
  const zero = row.low < 0 && row.high > 0 ? [{ at: 0, text: "0", strong: true }] : [];
  const marks = [...ends, ...zero];
  drawGrid(pen, view, y, marks);
  for (const [k, series] of row.series.entries()) {
    pen.fillStyle = pen.strokeStyle = view.theme.series[k % view.theme.series.length];
    pen.globalAlpha = 0.9;
    if (dense(view)) drawRange(pen, series, view, y);
    else drawPoints(pen, series, view, y);
    pen.globalAlpha = 1;
  }
  drawScale(pen, view, y, marks);
}

/** More rows than pixels: from the lowest to the highest of each pixel. */
function drawRange(pen, series, view, y) {
  const pyramid = view.table.pyramid(series.column);
  const factor = series.factor ?? 1;
  let before = null;
  eachPixel(view, (x, from, until) => {
    if (until === from) return;
    const [low, high] = pyramid.range(from, until);
    if (Number.isNaN(low)) {
      before = null;
      return;
    }
    let top = y(Math.max(low * factor, high * factor));
    let bottom = y(Math.min(low * factor, high * factor));
    if (before) { // neighbours touch, as a line would
      top = Math.min(top, before[1]);
      bottom = Math.max(bottom, before[0]);
    }
    before = [y(high * factor), y(low * factor)];
    pen.fillRect(x, top - 0.5, 1, Math.max(1.25, bottom - top));
  });
}

/** A line from row to row, broken where a value is null or rows are missing. */
function drawPoints(pen, series, view, y) {
  const values = view.table.columns.get(series.column);
  const [from, until] = shownRows(view);
  const spacing = view.width / Math.max(1, until - from);
  let drawing = false;
  pen.lineWidth = 1.5;
  pen.lineJoin = "round";
  pen.beginPath();
  for (let i = from; i < until; i++) {
    const x = view.x(view.table.times[i]);
    const at = y(values[i] * (series.factor ?? 1));
    if (Number.isNaN(at)) drawing = false;
    else if (drawing) pen.lineTo(x, at);
    else pen.moveTo(x, at);
    const alone = !Number.isNaN(at) && !drawing;
    if (alone || (spacing > 12 && !Number.isNaN(at))) pen.fillRect(x - 1.5, at - 1.5, 3, 3);
    drawing = !Number.isNaN(at) && !view.table.holeAfter(i);
  }
  pen.stroke();
}

/** One line of cells per series, as bright as the highest value in each pixel. */
function drawHeat(pen, row, view) {
  const picture = new ImageData(Math.max(1, view.width), row.series.length);
  row.series.forEach((series, k) => {
    const pyramid = view.table.pyramid(series.column);
    const put = (x, value) => {
      const share = (value - row.low) / ((series.high ?? row.high) - row.low);
      const colour = Number.isNaN(value) ? view.theme.nothing : view.theme.heat(share);
      picture.data.set([...colour, 255], 4 * (k * view.width + x));
    };
    let shown = NaN;
    eachPixel(view, (x, from, until) => {
      if (until > from) shown = pyramid.range(from, until)[1];
      else if (!stands(view, x)) shown = NaN;
      else if (x === 0 || Number.isNaN(shown)) shown = standing(view, x, series.column);
      put(x, shown);
    });
  });
  stretch(pen, picture, view);
  pen.fillStyle = view.theme.surface;
  const each = view.height / row.series.length;
  for (let k = 1; k < row.series.length; k++) pen.fillRect(0, Math.round(k * each), view.width, 1);
  if (!view.stacked) return; // the names stand left of it
  const middle = (value) => (value + 0.5) * each;
  for (const [k, { name }] of row.series.entries()) drawScale(pen, view, middle, [{ at: k, text: name }]);
}

const timeOf = (view, x) => view.first + ((x + 0.5) / view.width) * (view.last - view.first);

/** The row that still stands at a pixel; −1 where rows are missing or none has begun. */
function rowStanding(view, x) {
  const time = timeOf(view, x);
  const row = view.table.rowsUntil(time) - 1;
  return row >= 0 && time < view.table.endOf(row) ? row : -1;
}

const stands = (view, x) => rowStanding(view, x) >= 0;
const standing = (view, x, column) => view.table.value(column, rowStanding(view, x));

/** A picture of one pixel per value, over the whole canvas, without blending. */
function stretch(pen, picture, view) {
  const small = new OffscreenCanvas(picture.width, picture.height);
  small.getContext("2d").putImageData(picture, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, 0, 0, view.width, view.height);
}

/** Coloured spans of a column of whole numbers; of several in a pixel each has its share of height. */
function drawSpan(pen, row, view) {
  const [series] = row.series;
  const counts = view.table.counts(series.column, series.names.length);
  const paint = (x, value, top, height) => {
    pen.fillStyle = view.theme.status[series.names[value]];
    pen.fillRect(x, top, 1, height);
  };
  eachPixel(view, (x, from, until) => {
    const stands = until > from ? NaN : standing(view, x, series.column);
    if (!Number.isNaN(stands)) paint(x, stands, 0, view.height);
    let top = 0;
    for (let value = 0; value < counts.length && until > from; value++) {
      const share = (counts[value][until] - counts[value][from]) / (until - from);
      // A single bad row among many is still to be seen: two pixels at least.
      const height = share && value ? Math.max(2, share * view.height) : share * view.height;
      paint(x, value, Math.min(top, view.height - height), height);
      top += height;
    }
  });
}

/** Values that hold for a span of time, which may overlap: a bar over it, a dot at its middle. */
function drawSteps(pen, row, view) {
  const y = scaleOf(row, view.height);
  const ends = [row.low, row.high].map((at) => ({ at, text: round(at) }));
  const bands = (row.bands ?? []).map(({ at, name }) => ({ at, text: `${round(at)} ${name}`, strong: true }));
  drawGrid(pen, view, y, [...bands, ...ends]);
  for (const mark of row.marks ?? []) {
    pen.strokeStyle = view.theme.text;
    pen.setLineDash(mark.dash ? [5, 4] : []);
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(0, y(mark.at));
    pen.lineTo(view.width, y(mark.at));
    pen.stroke();
    pen.setLineDash([]);
  }
  for (const [k, series] of row.series.entries()) {
    pen.fillStyle = view.theme.series[k % view.theme.series.length];
    for (let i = 0; i < series.value.length; i++) drawStep(pen, series, i, view, y);
  }
  drawScale(pen, view, y, [...bands, ...ends]);
}

function drawStep(pen, series, i, view, y) {
  const left = view.x(series.start[i]);
  const right = view.x(series.end[i]);
  if (right < 0 || left > view.width) return;
  const at = y(series.value[i]);
  const middle = (left + right) / 2;
  pen.globalAlpha = 0.25;
  if (series.high[i] > series.low[i]) {
    pen.fillRect(middle - 2, y(series.high[i]), 4, y(series.low[i]) - y(series.high[i]));
  }
  pen.globalAlpha = 0.55;
  pen.fillRect(left + 1, at - 1, Math.max(1, right - left - 2), 2);
  pen.globalAlpha = 1;
  pen.beginPath();
  pen.arc(middle, at, 3, 0, 2 * Math.PI);
  pen.fill();
}

const DRAW = { line: drawLine, heat: drawHeat, span: drawSpan, steps: drawSteps };
