/* Joints of dropped files: .bvh, whose bones are called as SMPL's, Mixamo's, Unity's or VRM's, and .json. */

const ABSENT = 10; // metres of sigma: not seen
const JOINTS = 29;
const LEAST_KNOWN = 8;
const FPS = 30;

const plain = (name) => name.split(":").at(-1).toLowerCase().replace(/[^a-z0-9]/g, "");

/** What is in a file: `frames`, each with `seconds`, `joints` (29 x 3) metres and `sigma` (29). */
export function read(name, text, facts) {
  const found = name.toLowerCase().endsWith(".bvh") ? fromBvh(text, facts) : fromJson(text);
  return { frames: thinned(found.frames), note: found.note };
}

function frame(seconds) {
  return { seconds, joints: new Float32Array(3 * JOINTS), sigma: new Float32Array(JOINTS).fill(ABSENT) };
}

/** At most 30 frames a second. */
function thinned(frames) {
  let next = -Infinity;
  return frames.filter(({ seconds }) => {
    if (seconds < next - 1e-6) return false;
    next = Math.max(next + 1 / FPS, seconds - 0.5 / FPS + 1 / FPS);
    return true;
  });
}

function fromJson(text) {
  const data = JSON.parse(text);
  const joints = Array.isArray(data) ? data : data.joints;
  if (!Array.isArray(joints) || ![24, JOINTS].includes(joints[0]?.length)) {
    throw new Error("a .json file must hold `joints`: for each frame 24 or 29 of [x, y, z], SMPL's, metres, y up");
  }
  const fps = data.fps ?? FPS;
  const frames = joints.map((places, n) => {
    const found = frame(n / fps);
    places.forEach((place, joint) => {
      if (!place?.every(Number.isFinite)) return;
      found.joints.set(place, 3 * joint);
      found.sigma[joint] = 0;
    });
    return found;
  });
  return { frames, note: `${joints.length} frames of joints, ${fps} a second` };
}

function fromBvh(text, facts) {
  const rig = hierarchy(text.slice(0, text.indexOf("MOTION")));
  const [, count, time, rest] = /MOTION\s+Frames:\s*(\d+)\s+Frame Time:\s*([\d.eE+-]+)\s+([^]*)/.exec(text) ?? [];
  if (!rest) throw new Error("the .bvh file ends before its motion");
  const numbers = rest.trim().split(/\s+/).map(Number);
  const width = rig.reduce((sum, joint) => sum + joint.channels.length, 0);
  const known = rig.map(({ name }, bone) => [bone, facts.names[plain(name)]]).filter(([, joint]) => joint !== undefined);
  if (known.length < LEAST_KNOWN) {
    throw new Error(`the bones must be called as SMPL's, Mixamo's, Unity's or VRM's; got ${rig.slice(0, 3).map((b) => b.name)}`);
  }
  const unit = unitOf(rig, known, facts);
  const frames = [];
  for (let n = 0; n < Math.min(Number(count), Math.floor(numbers.length / width)); n++) {
    const places = posed(rig, numbers.slice(n * width, (n + 1) * width));
    const found = frame(n * Number(time));
    for (const [bone, joint] of known) {
      found.joints.set(places[bone].map((value) => value * unit), 3 * joint);
      found.sigma[joint] = 0;
    }
    frames.push(found);
  }
  return { frames, note: `${frames.length} frames, ${known.length} bones known, ${unit.toFixed(4)} m a unit, y up` };
}

function hierarchy(text) {
  const words = text.trim().split(/\s+/);
  const [rig, open] = [[], []];
  for (let k = 0; k < words.length; k++) {
    const word = words[k].toUpperCase();
    if (word === "ROOT" || word === "JOINT") {
      const name = [];
      while (words[k + 1] !== "{") name.push(words[++k]);
      rig.push({ name: name.join(" "), parent: open.at(-1) ?? -1, offset: [0, 0, 0], channels: [] });
      open.push(rig.length - 1);
      k++;
    } else if (word === "END") {
      while (words[k] !== "}") k++;
    } else if (word === "OFFSET") rig[open.at(-1)].offset = words.slice(k + 1, (k += 3) + 1).map(Number);
    else if (word === "CHANNELS") {
      const number = Number(words[++k]);
      rig[open.at(-1)].channels = words.slice(k + 1, (k += number) + 1);
    } else if (word === "}") open.pop();
  }
  if (!rig.length) throw new Error("the file must begin with HIERARCHY, as .bvh files do");
  return rig;
}

/** Metres in one unit, by the lengths of the bones that both rigs have. */
function unitOf(rig, known, facts) {
  const joints = new Map(known);
  let [own, wanted] = [0, 0];
  for (const [bone, joint] of known) {
    const above = joints.get(rig[bone].parent);
    if (above === undefined || above !== facts.parents[joint]) continue;
    own += Math.hypot(...rig[bone].offset);
    wanted += Math.hypot(...facts.rest[joint].map((value, n) => value - facts.rest[above][n]));
  }
  if (!(own > 0)) throw new Error("the bones of the .bvh file have no length");
  return wanted / own;
}

const AXES = { X: 0, Y: 1, Z: 2 };

/** Places of all joints of a rig in the frame with these numbers. */
function posed(rig, numbers) {
  const [turns, places] = [[], []];
  let k = 0;
  for (const { parent, offset, channels } of rig) {
    let turn = [1, 0, 0, 0, 1, 0, 0, 0, 1];
    const place = [...offset];
    let moved = false;
    for (const channel of channels) {
      const axis = AXES[channel[0].toUpperCase()];
      const number = numbers[k++];
      if (/position/i.test(channel)) {
        if (!moved) place.fill(0);
        moved = true;
        place[axis] = number;
      } else turn = product(turn, about(axis, (number * Math.PI) / 180));
    }
    if (parent < 0) {
      places.push(place);
      turns.push(turn);
      continue;
    }
    const above = turns[parent];
    places.push([0, 1, 2].map((row) =>
      places[parent][row] + above[3 * row] * place[0] + above[3 * row + 1] * place[1] + above[3 * row + 2] * place[2]));
    turns.push(product(above, turn));
  }
  return places;
}

function about(axis, angle) {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const [i, j] = [(axis + 1) % 3, (axis + 2) % 3];
  const turn = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  turn[3 * i + i] = turn[3 * j + j] = c;
  turn[3 * i + j] = -s;
  turn[3 * j + i] = s;
  return turn;
}

function product(one, other) {
  return one.map((_, k) => {
    const [row, column] = [Math.floor(k / 3), k % 3];
    return [0, 1, 2].reduce((sum, n) => sum + one[3 * row + n] * other[3 * n + column], 0);
  });
}
