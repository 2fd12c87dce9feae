/* Recorded poses as .bvh and .glb files. The rig and the surface are those of skeleton.bvh and body.glb, which
   niki_tf/web/folder.py wrote by the package's own writers; here only the motion is put in. */

const BVH_FPS = 30;
const CENTIMETRES = 100;

/** The unit quaternion (x, y, z, w) of a rotation matrix, row by row. */
export function quaternion(m) {
  const [xx, yy, zz] = [m[0], m[4], m[8]];
  const squares = [1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz, 1 + xx + yy + zz];
  const k = squares.indexOf(Math.max(...squares));
  const [a, b, c] = [m[7] - m[5], m[2] - m[6], m[3] - m[1]];
  const [xy, xz, yz] = [m[1] + m[3], m[2] + m[6], m[5] + m[7]];
  const rows = [[squares[0], xy, xz, a], [xy, squares[1], yz, b], [xz, yz, squares[2], c], [a, b, c, squares[3]]];
  const size = Math.hypot(...rows[k]);
  return rows[k].map((value) => value / size);
}

function matrix([x, y, z, w]) {
  return [
    1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
    2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
    2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
  ];
}

/** Angles, degrees, about z, x and y, in this order, of a rotation matrix. */
function angles(m) {
  const degrees = 180 / Math.PI;
  return [Math.atan2(-m[1], m[4]), Math.asin(Math.min(Math.max(m[7], -1), 1)), Math.atan2(-m[6], m[8])]
    .map((angle) => angle * degrees);
}

/** Poses on the way: each frame has `seconds`, `rotations` (24 x 9) and `pelvis` (3). */
export class Recording {
  constructor() {
    this.frames = [];
  }

  add(seconds, rotations, pelvis) {
    const last = this.frames.at(-1);
    if (last && seconds <= last.seconds) return;
    const turns = [];
    for (let joint = 0; joint < 24; joint++) {
      const turn = quaternion(rotations.subarray(9 * joint, 9 * joint + 9));
      const before = last?.turns[joint];
      const dot = before ? turn.reduce((sum, value, n) => sum + value * before[n], 0) : 1;
      turns.push(dot < 0 ? turn.map((value) => -value) : turn);
    }
    this.frames.push({ seconds, turns, pelvis: Array.from(pelvis) });
  }

  get length() {
    return this.frames.length;
  }

  /** The frames at a steady rate, between their neighbours. */
  steady(fps) {
    const [first, last] = [this.frames[0].seconds, this.frames.at(-1).seconds];
    const found = [];
    let k = 0;
    for (let n = 0; n <= Math.floor((last - first) * fps + 1e-6); n++) {
      const seconds = first + n / fps;
      while (k < this.length - 2 && this.frames[k + 1].seconds < seconds) k++;
      const [one, other] = [this.frames[k], this.frames[Math.min(k + 1, this.length - 1)]];
      const share = other === one ? 0 : (seconds - one.seconds) / (other.seconds - one.seconds);
      const mix = (a, b) => a.map((value, i) => value + share * (b[i] - value));
      const turns = one.turns.map((turn, joint) => {
        const mean = mix(turn, other.turns[joint]);
        const size = Math.hypot(...mean);
        return mean.map((value) => value / size);
      });
      found.push({ turns, pelvis: mix(one.pelvis, other.pelvis) });
    }
    return found;
  }

  /** The text of a .bvh file; `rig` is that of one frame, `order` the joints in its order. */
  bvh(rig, order) {
    const frames = this.steady(BVH_FPS);
    const lines = frames.map(({ turns, pelvis }) => {
      const numbers = pelvis.map((value) => value * CENTIMETRES);
      for (const joint of order) numbers.push(...angles(matrix(turns[joint])));
      return numbers.map((value) => value.toFixed(6)).join(" ");
    });
    const head = rig.slice(0, rig.indexOf("MOTION"));
    return `${head}MOTION\nFrames: ${lines.length}\nFrame Time: ${(1 / BVH_FPS).toFixed(9)}\n${lines.join("\n")}\n`;
  }

  /** The bytes of a .glb file; `body` is the file of the body at rest. */
  glb(body) {
    const { json, binary } = parts(body);
    const start = this.frames[0].seconds;
    const track = (numbers) => new Float32Array(numbers.flat());
    const tracks = [{ node: 0, path: "translation", type: "VEC3", data: track(this.frames.map(({ pelvis }) => pelvis)) }];
    for (let joint = 0; joint < 24; joint++) {
      const data = track(this.frames.map(({ turns }) => turns[joint]));
      tracks.push({ node: joint, path: "rotation", type: "VEC4", data });
    }
    const seconds = track(this.frames.map((frame) => frame.seconds - start));
    const added = [{ type: "SCALAR", data: seconds, min: [seconds[0]], max: [seconds.at(-1)] }, ...tracks];
    let size = binary.length;
    const first = json.accessors.length;
    for (const { type, data, min, max } of added) {
      json.bufferViews.push({ buffer: 0, byteOffset: size, byteLength: data.byteLength });
      const edges = min ? { min, max } : {};
      json.accessors.push({
        bufferView: json.bufferViews.length - 1, componentType: 5126, count: this.length, type, ...edges,
      });
      size += data.byteLength;
    }
    json.animations = [{
      name: "motion",
      samplers: tracks.map((_, k) => ({ input: first, output: first + 1 + k })),
      channels: tracks.map(({ node, path }, k) => ({ sampler: k, target: { node, path } })),
    }];
    json.buffers = [{ byteLength: size }];
    return whole(json, [binary, ...added.map(({ data }) => new Uint8Array(data.buffer))], size);
  }
}

/** The two chunks of a .glb file. */
function parts(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(12, true);
  const json = JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + length)));
  const size = view.getUint32(20 + length, true);
  return { json, binary: bytes.subarray(28 + length, 28 + length + size) };
}

function whole(json, pieces, size) {
  let text = JSON.stringify(json);
  const coded = new TextEncoder().encode(text);
  text += " ".repeat((4 - (coded.length % 4)) % 4);
  const head = new TextEncoder().encode(text);
  const bytes = new Uint8Array(28 + head.length + size);
  const view = new DataView(bytes.buffer);
  const words = [0x46546c67, 2, bytes.length, head.length, 0x4e4f534a];
  words.forEach((word, k) => view.setUint32(4 * k, word, true));
  bytes.set(head, 20);
  view.setUint32(20 + head.length, size, true);
  view.setUint32(24 + head.length, 0x004e4942, true);
  let place = 28 + head.length;
  for (const piece of pieces) {
    bytes.set(piece, place);
    place += piece.length;
  }
  return bytes;
}
