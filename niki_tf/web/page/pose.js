/* People and their landmarks in pictures, by BlazePose: what stands before and behind the two networks. The same as
   niki_tf/vision/detection.py, landmark_crop.py and tracking.py, for one person. */

const DETECTOR_SIZE = 224;
const GRIDS = [[8, 2], [16, 2], [32, 6]]; // pixels between anchors, anchors in a place
const LEAST_SCORE = 0.5;
const MOST_OVERLAP = 0.3;
const GROWTH = 1.25;
const LANDMARKS = 33;
const WINDOW = 7; // cells of the heatmap
const LEAST_SHOWN = 0.5;
const ROUNDS = 2; // squares until one fits a person who was found

const sigmoid = (x) => 1 / (1 + Math.exp(-Math.min(Math.max(x, -100), 100)));

function anchors() {
  const places = [];
  for (const [stride, repeats] of GRIDS) {
    const count = DETECTOR_SIZE / stride;
    for (let y = 0; y < count; y++) {
      for (let x = 0; x < count; x++) {
        for (let k = 0; k < repeats; k++) places.push([(x + 0.5) * stride, (y + 0.5) * stride]);
      }
    }
  }
  return places;
}

const ANCHORS = anchors();

/** The square of a picture about the middle of the hips `center`, that `edge` on the circle about the body tells. */
export function cropOf(center, edge) {
  const [x, y] = [edge[0] - center[0], edge[1] - center[1]];
  return { center, side: 2 * GROWTH * Math.hypot(x, y), angle: Math.atan2(x, -y) };
}

/** From pixels of the square to those of the picture: [a, b, c, d, e, f] with x' = a x + c y + e, y' = b x + d y + f. */
function toPicture(crop, size) {
  const [c, s] = [Math.cos(crop.angle), Math.sin(crop.angle)];
  const scale = crop.side / size;
  const [a, b] = [c * scale, s * scale];
  const half = size / 2;
  return [a, b, -b, a, crop.center[0] - (a - b) * half, crop.center[1] - (b + a) * half];
}

function overlap(one, other) {
  const across = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
  const down = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  const common = Math.max(across, 0) * Math.max(down, 0);
  const area = (box) => Math.max(box[2] - box[0], 0) * Math.max(box[3] - box[1], 0);
  return common / Math.max(area(one) + area(other) - common, 1e-12);
}

/** Canvas whose pixels are read, of that many pixels a side. */
function canvas(size) {
  const context = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true });
  return context;
}

function pixels(context, size, numbers, scale, offset) {
  const { data } = context.getImageData(0, 0, size, size);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    numbers[to++] = data[from] * scale + offset;
    numbers[to++] = data[from + 1] * scale + offset;
    numbers[to++] = data[from + 2] * scale + offset;
  }
  return numbers;
}

/** Follows one person through the frames of a video. `detect` and `landmarks` run the networks: an array of numbers of
    the picture in, a dictionary of arrays out. */
export class Follower {
  constructor({ detect, landmarks, size }) {
    Object.assign(this, { detectBy: detect, landmarksBy: landmarks, size });
    this.small = canvas(DETECTOR_SIZE);
    this.square = canvas(size);
    this.smallNumbers = new Float32Array(3 * DETECTOR_SIZE ** 2);
    this.squareNumbers = new Float32Array(3 * size ** 2);
    this.crop = null;
  }

  /** The landmarks of the person in the next frame, or null if nobody is seen. */
  async next(picture) {
    let crop = this.crop;
    const isNew = !crop;
    if (isNew) crop = await this.detect(picture);
    let found = null;
    for (let round = 0; crop && round < (isNew ? ROUNDS : 1); round++) {
      found = await this.landmarks(picture, crop);
      crop = found.next;
    }
    const there = found && found.score >= LEAST_SCORE;
    this.crop = there ? found.next : null;
    return there ? found : null;
  }

  /** The square of the person that the detector is most certain of, or null. */
  async detect(picture) {
    const scale = DETECTOR_SIZE / Math.max(picture.width, picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    const margin = [(DETECTOR_SIZE - width) / 2, (DETECTOR_SIZE - height) / 2];
    this.small.fillStyle = "#000";
    this.small.fillRect(0, 0, DETECTOR_SIZE, DETECTOR_SIZE);
    this.small.drawImage(picture, margin[0], margin[1], width, height);
    const outputs = await this.detectBy(pixels(this.small, DETECTOR_SIZE, this.smallNumbers, 1 / 127.5, -1));
    const points = bestPoints(outputs.Identity, outputs.Identity_1);
    if (!points) return null;
    const [center, edge] = points.map((point) => point.map((value, n) => (value - margin[n]) / scale));
    return cropOf(center, edge);
  }

  async landmarks(picture, crop) {
    const size = this.size;
    const [a, b, c, d, e, f] = toPicture(crop, size);
    const determinant = a * d - b * c;
    const back = [d, -b, -c, a, c * f - d * e, b * e - a * f].map((value) => value / determinant);
    this.square.setTransform(1, 0, 0, 1, 0, 0);
    this.square.fillStyle = "#000";
    this.square.fillRect(0, 0, size, size);
    this.square.setTransform(...back);
    this.square.drawImage(picture, 0, 0);
    const outputs = await this.landmarksBy(pixels(this.square, size, this.squareNumbers, 1 / 255, 0));
    return decoded(outputs, crop, size);
  }
}

/** Middle of the hips and the edge of the circle, pixels of the detector's picture: a mean over all detections of the
    person that is most certain, weighted by their scores. */
export function bestPoints(numbers, logits) {
  let best = -1;
  for (let k = 0; k < logits.length; k++) if (best < 0 || logits[k] > logits[best]) best = k;
  if (sigmoid(logits[best]) < LEAST_SCORE) return null;
  const box = (k) => {
    const [x, y, w, h] = numbers.subarray(12 * k, 12 * k + 4);
    const [left, top] = [ANCHORS[k][0] + x, ANCHORS[k][1] + y];
    return [left - w / 2, top - h / 2, left + w / 2, top + h / 2];
  };
  const sum = [0, 0, 0, 0];
  let total = 0;
  for (let k = 0; k < logits.length; k++) {
    const score = sigmoid(logits[k]);
    if (score < LEAST_SCORE || (k !== best && overlap(box(best), box(k)) < MOST_OVERLAP)) continue;
    for (let n = 0; n < 4; n++) sum[n] += score * (numbers[12 * k + 4 + n] + ANCHORS[k][n % 2]);
    total += score;
  }
  const mean = sum.map((value) => value / total);
  return [mean.slice(0, 2), mean.slice(2)];
}

/** Landmarks from what the network gives for a square: `picture` in pixels, `world` in metres, and the next square. */
export function decoded(outputs, crop, size) {
  const [a, b, c, d, e, f] = toPicture(crop, size);
  const [points, heatmap, world] = [outputs.Identity, outputs.Identity_3, outputs.Identity_4];
  const count = points.length / 5;
  const picture = [];
  for (let k = 0; k < count; k++) {
    const [x, y] = refined(points[5 * k], points[5 * k + 1], heatmap, k, count, size);
    picture.push([a * x + c * y + e, b * x + d * y + f]);
  }
  const [cosine, sine] = [Math.cos(crop.angle), Math.sin(crop.angle)];
  const turned = new Float32Array(3 * LANDMARKS);
  const shown = [new Float32Array(LANDMARKS), new Float32Array(LANDMARKS)];
  for (let k = 0; k < LANDMARKS; k++) {
    const [x, y, z] = world.subarray(3 * k, 3 * k + 3);
    turned.set([cosine * x - sine * y, sine * x + cosine * y, z], 3 * k);
    shown.forEach((numbers, n) => (numbers[k] = sigmoid(points[5 * k + 3 + n])));
  }
  const next = cropOf(picture[LANDMARKS], picture[LANDMARKS + 1]);
  return { picture: picture.slice(0, LANDMARKS), world: turned, visibility: shown[0], presence: shown[1], next,
    score: outputs.Identity_1[0] };
}

/** A point moved to the middle of what its heatmap shows around it. */
function refined(x, y, heatmap, point, count, size) {
  const cells = Math.round(Math.sqrt(heatmap.length / count));
  const [column, row] = [Math.floor((x * cells) / size), Math.floor((y * cells) / size)];
  if (column < 0 || row < 0 || column >= cells || row >= cells) return [x, y];
  const half = Math.floor(WINDOW / 2);
  let [total, across, down, most] = [0, 0, 0, 0];
  for (let v = Math.max(row - half, 0); v <= Math.min(row + half, cells - 1); v++) {
    for (let u = Math.max(column - half, 0); u <= Math.min(column + half, cells - 1); u++) {
      const shown = sigmoid(heatmap[(v * cells + u) * count + point]);
      total += shown;
      across += shown * u;
      down += shown * v;
      most = Math.max(most, shown);
    }
  }
  if (most < LEAST_SHOWN) return [x, y];
  return [((across / total) * size) / cells, ((down / total) * size) / cells];
}
