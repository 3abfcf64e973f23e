// The face, out of what the table has of it: landmarks, face box, head pose, gaze.

// The 68 points, joined as the scheme of Multi-PIE, dlib and OpenFace means them.
const run = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const CURVES = [
  { points: run(0, 16) }, // jaw
  { points: run(17, 21) }, // brows
  { points: run(22, 26) },
  { points: run(27, 30) }, // bridge of the nose
  { points: run(31, 35) }, // its base
  { points: run(36, 41), closed: true }, // eyes
  { points: run(42, 47), closed: true },
  { points: run(48, 59), closed: true }, // lips, outer and inner
  { points: run(60, 67), closed: true },
];
const EYES = [run(36, 41), run(42, 47)];
const NOSE_TIP = 30;
const FILL = 0.62; // of the canvas that a face takes, where it is followed

/** The head's own axes in the picture's, each as [x right, y down, z away]: R = Rx Ry Rz. */
function headAxes(rx, ry, rz) {
  const [cx, sx, cy, sy, cz, sz] = [rx, ry, rz].flatMap((a) => [Math.cos(a), Math.sin(a)]);
  return {
    x: [cy * cz, cx * sz + sx * sy * cz, sx * sz - cx * sy * cz],
    y: [-cy * sz, cx * cz - sx * sy * sz, sx * cz + cx * sy * sz],
    nose: [-sy, sx * cy, -cx * cy], // towards the camera: minus z
  };
}

class Face {
  constructor(canvas, table, picture, statuses, theme) {
    Object.assign(this, { canvas, table, picture, statuses, theme, following: true });
    this.landmarks = table.has("x_0");
    this.box = table.has("face_w");
    this.pose = table.has("pose_Rx");
    this.gaze = table.has("gaze_0_x");
    this.place = null; // where the face was last
    this.#measure();
    new ResizeObserver(() => this.#fit()).observe(canvas);
    this.#fit();
  }

  /** Whether there is a place in the picture to draw at. */
  get placed() {
    return this.landmarks || this.box;
  }

  /** The usual height of the face, and what all landmarks lie in, both in px. */
  #measure() {
    const heights = [];
    const hull = { left: 0, top: 0, right: 1, bottom: 1 };
    const every = Math.max(1, Math.floor(this.table.rows / 1000));
    for (let row = 0; row < this.table.rows; row += every) {
      const points = this.#points(row);
      const box = points ? around(points) : this.#boxAt(row);
      if (!box) continue;
      heights.push(box.bottom - box.top);
      hull.right = Math.max(hull.right, box.right);
      hull.bottom = Math.max(hull.bottom, box.bottom);
      hull.left = Math.min(hull.left, box.left);
      hull.top = Math.min(hull.top, box.top);
    }
    heights.sort((a, b) => a - b);
    this.usual = heights[Math.floor(heights.length / 2)] || 100;
    const known = this.picture.width && this.picture.height;
    this.frame = known ? { left: 0, top: 0, right: this.picture.width, bottom: this.picture.height } : hull;
    this.known = Boolean(known);
  }

  #fit() {
    const sharp = window.devicePixelRatio || 1;
    this.width = Math.max(1, this.canvas.clientWidth);
    this.height = Math.max(1, this.canvas.clientHeight);
    this.canvas.width = this.width * sharp;
    this.canvas.height = this.height * sharp;
    this.pen = this.canvas.getContext("2d");
    this.pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    if (this.shown) this.draw(...this.shown);
  }

  #points(row) {
    if (!this.landmarks || Number.isNaN(this.table.value("x_0", row))) return null;
    return run(0, 67).map((i) => [this.table.value(`x_${i}`, row), this.table.value(`y_${i}`, row)]);
  }

  #boxAt(row) {
    const [x, y, w, h] = ["x", "y", "w", "h"].map((k) => this.table.value(`face_${k}`, row));
    return Number.isNaN(w) ? null : { left: x, top: y, right: x + w, bottom: y + h };
  }

  /** Draw a row; −1 where the table has none at this time, for the reason `gap`. */
  draw(row, gap = "") {
    this.shown = [row, gap];
    const { pen, theme } = this;
    pen.fillStyle = theme.stage;
    pen.fillRect(0, 0, this.width, this.height);
    const points = this.#points(row);
    const box = this.#boxAt(row);
    const to = this.#placing(points, box);
    if (this.placed) this.#drawFrame(to);
    if (box) this.#drawBox(box, to);
    if (points) this.#drawPoints(points.map(to));
    this.#drawHead(row, points, box, to);
    this.#say(row, gap);
  }

  /** From px of the picture to px of the canvas. */
  #placing(points, box) {
    if (this.following) {
      const middle = points ? centre(points) : box && [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
      this.place = middle || this.place || [(this.frame.left + this.frame.right) / 2, (this.frame.top + this.frame.bottom) / 2];
      const scale = (FILL * Math.min(this.height, this.width)) / this.usual;
      const [x, y] = this.place;
      this.scale = scale;
      return ([px, py]) => [this.width / 2 + (px - x) * scale, 0.53 * this.height + (py - y) * scale];
    }
    const { left, top, right, bottom } = this.frame;
    const room = 0.94;
    const scale = room * Math.min(this.width / (right - left), this.height / (bottom - top));
    const [mx, my] = [(left + right) / 2, (top + bottom) / 2];
    this.scale = scale;
    return ([px, py]) => [this.width / 2 + (px - mx) * scale, this.height / 2 + (py - my) * scale];
  }

  #drawFrame(to) {
    if (!this.known) return;
    const { pen, theme } = this;
    const [left, top] = to([this.frame.left, this.frame.top]);
    const [right, bottom] = to([this.frame.right, this.frame.bottom]);
    pen.strokeStyle = theme.line;
    pen.lineWidth = 1;
    pen.strokeRect(left, top, right - left, bottom - top);
    if (this.following) return;
    this.#note(`${this.picture.width} × ${this.picture.height} px: where the picture was`, left + 6, bottom - 5);
  }

  /** A small text, at the bottom left unless told. */
  #note(text, x = 8, y = this.height - 7) {
    this.pen.font = this.theme.small;
    this.pen.fillStyle = this.theme.quiet;
    this.pen.textBaseline = "bottom";
    this.pen.fillText(text, x, y, this.width - x - 4);
  }

  #drawBox(box, to) {
    const [left, top] = to([box.left, box.top]);
    const [right, bottom] = to([box.right, box.bottom]);
    this.pen.strokeStyle = this.theme.quiet;
    this.pen.lineWidth = 1;
    this.pen.setLineDash([3, 4]);
    this.pen.strokeRect(left, top, right - left, bottom - top);
    this.pen.setLineDash([]);
  }

  #drawPoints(points) {
    const { pen, theme } = this;
    const small = this.usual * this.scale < 90;
    pen.strokeStyle = theme.face;
    pen.lineWidth = small ? 1 : 1.5;
    pen.lineJoin = "round";
    pen.globalAlpha = 0.55;
    for (const { points: curve, closed } of CURVES) {
      pen.beginPath();
      curve.forEach((i, k) => pen[k ? "lineTo" : "moveTo"](...points[i]));
      if (closed) pen.closePath();
      pen.stroke();
    }
    pen.globalAlpha = 1;
    pen.fillStyle = theme.face;
    const side = small ? 1.5 : 4;
    for (const [x, y] of points) {
      pen.beginPath();
      pen.arc(x, y, side / 2, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  /** Head pose as three axes, gaze as two rays; on a plain oval where the table has no landmarks. */
  #drawHead(row, points, box, to) {
    const turn = ["Rx", "Ry", "Rz"].map((k) => this.table.value(`pose_${k}`, row));
    const looks = [0, 1].map((eye) => ["x", "y"].map((k) => this.table.value(`gaze_${eye}_${k}`, row)));
    const posed = !turn.some(Number.isNaN);
    const gazing = !Number.isNaN(looks[0][0]);
    if (!posed && !gazing) return;
    const anchors = this.#anchors(points, box, to, posed ? turn[2] : 0);
    if (gazing) {
      anchors.eyes.forEach((eye, k) => this.#ray(eye, looks[k], 0.75 * anchors.size, this.theme.gaze, 2));
    }
    if (!posed) return;
    const axes = headAxes(...turn);
    const colours = this.theme.series;
    this.#ray(anchors.nose, axes.x, 0.3 * anchors.size, colours[0], 2);
    this.#ray(anchors.nose, axes.y, 0.3 * anchors.size, colours[1], 2);
    this.#ray(anchors.nose, axes.nose, 0.8 * anchors.size, colours[2], 3);
  }

  /** Where the nose and the eyes are on the canvas, and how large half a face is. */
  #anchors(points, box, to, roll) {
    if (points) {
      const eyes = EYES.map((eye) => to(centre(eye.map((i) => points[i]))));
      return { nose: to(points[NOSE_TIP]), eyes, size: (this.usual * this.scale) / 2 };
    }
    this.#note("An oval stands for the head: this table has no landmarks.");
    const middle = box
      ? to([(box.left + box.right) / 2, (box.top + box.bottom) / 2])
      : [this.width / 2, this.height / 2];
    const size = box ? ((box.bottom - box.top) * this.scale) / 2 : 0.3 * this.height;
    const { pen } = this;
    pen.strokeStyle = this.theme.line;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.ellipse(...middle, 0.74 * size, size, roll, 0, 2 * Math.PI);
    pen.stroke();
    const eyes = [-1, 1].map((side) => {
      const [x, y] = [side * 0.32 * size, -0.22 * size];
      return [middle[0] + x * Math.cos(roll) - y * Math.sin(roll), middle[1] + x * Math.sin(roll) + y * Math.cos(roll)];
    });
    return { nose: middle, eyes, size };
  }

  #ray([x, y], [dx, dy], length, colour, width) {
    const { pen } = this;
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(x + dx * length, y + dy * length);
    pen.stroke();
    pen.beginPath();
    pen.arc(x + dx * length, y + dy * length, width, 0, 2 * Math.PI);
    pen.fill();
  }

  /** Why there is no face, or what is doubtful about it. */
  #say(row, gap) {
    const status = this.statuses[this.table.value("status", row)];
    const text = row < 0 ? gap : status && status.code !== "ok" ? status.words : "";
    const nothing = !this.placed && !this.pose && !this.gaze;
    if (!text && !nothing) return;
    const { pen, theme } = this;
    pen.font = theme.large;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    const bare = row < 0 || this.table.value("success", row) !== 1 || nothing;
    pen.fillStyle = text && row >= 0 ? theme.status[status.code] : theme.quiet;
    const shown = text || "No landmarks, head pose or gaze to draw";
    pen.fillText(shown, this.width / 2, bare ? this.height / 2 : 20, this.width - 20);
    pen.textAlign = "start";
  }
}

/** What some points lie in. */
function around(points) {
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

/** The mean of some points. */
function centre(points) {
  return [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
}
