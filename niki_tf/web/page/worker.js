/* The computations of the page, beside its thread: from a picture, or from joints, to the pose of a frame. A classic
   worker, since LiteRT.js loads its WASM by importScripts. */
"use strict";

const MOST_THREADS = 4;
const OUTPUTS = ["Identity", "Identity_1", "Identity_3", "Identity_4"]; // of a landmark network, all but the mask
const here = (path) => new URL(path, self.location.href).href;
const chain = { state: {}, follower: null, networks: {}, accelerators: {} };

self.onmessage = async ({ data }) => {
  try {
    self.postMessage({ ...(await WAYS[data.way](data)), id: data.id });
  } catch (error) {
    self.postMessage({ error: String(error?.message ?? error), id: data.id });
  }
};

const WAYS = {
  /** Fetches and compiles everything; tells of progress in between. */
  async load({ facts }) {
    const threads = await start(facts);
    for (const name of ["solver", "detector"]) await open(name);
    await WAYS.size({ size: facts.sizes[0] });
    return { loaded: true, notes: { threads } };
  },

  /** How far WebGPU is from WASM, and how many times as fast, for the network of that name. */
  async compare({ facts, name }) {
    await start(facts);
    const { compared } = await import(here("networks.js"));
    const [path, signature] = fileOf(name);
    return compared(chain.litert, await chain.fetched(path), { signature, threads: signature ? 1 : chain.threads });
  },

  /** Runs the network of that name on WebGPU from now on. */
  async adopt({ name }) {
    chain.accelerators[name] = "webgpu";
    await open(name);
    return { adopted: name };
  },

  /** Takes another landmark network. */
  async size({ size }) {
    const { Follower } = await import(here("pose.js"));
    const name = `landmarks ${size}`;
    if (!chain.networks[name]) await open(name);
    chain.follower = new Follower({
      detect: (numbers) => chain.networks.detector.run(numbers, ["Identity", "Identity_1"]),
      landmarks: (numbers) => chain.networks[name].run(numbers, OUTPUTS),
      size: chain.networks[name].inputs[0].shape[1],
    });
    return { size };
  },

  reset() {
    chain.state = {};
    if (chain.follower) chain.follower.crop = null;
    return { reset: true };
  },

  /** A picture, which is closed. */
  async picture({ picture }) {
    const started = performance.now();
    const found = await chain.follower.next(picture);
    picture.close();
    const seen = performance.now();
    if (!found) {
      chain.state = {};
      return { lost: true, milliseconds: { landmarks: seen - started } };
    }
    const { world, visibility, presence } = found;
    const pose = await solved(chain.networks.solver, { landmarks: world, visibility, presence });
    const milliseconds = { landmarks: seen - started, solver: performance.now() - seen };
    return { pose, points: found.picture, visibility, milliseconds };
  },

  async joints({ joints, sigma }) {
    const started = performance.now();
    const pose = await solved(chain.networks["solver joints"], { joints, joint_sigma: sigma });
    return { pose, milliseconds: { solver: performance.now() - started } };
  },
};

/** Loads LiteRT.js; gives what is told of its threads. */
async function start(facts) {
  const { fetched, build } = await import(here("networks.js"));
  chain.facts = facts;
  chain.fetched = (path) => fetched(here(path), (bytes) => self.postMessage({ progress: bytes }));
  chain.litert = await import(here("litert/index.js"));
  const runtime = await build(chain.litert, facts.files);
  const folder = here("litert/wasm/");
  const script = `${folder}${runtime.name}.js`;
  const wasmBinary = await chain.fetched(`litert/wasm/${runtime.name}.wasm`);
  self.Module = { wasmBinary, mainScriptUrlOrBlob: script, locateFile: (name) => `${folder}${name}` };
  await chain.litert.loadLiteRt(script, { threads: runtime.threads });
  chain.threads = runtime.threads ? Math.min(navigator.hardwareConcurrency ?? 1, MOST_THREADS) : 1;
  return runtime.why;
}

/** Path and signature of a network: "solver", "detector" or "landmarks SIZE". */
function fileOf(name) {
  const [kind, size] = name.split(" ");
  if (kind === "landmarks") return [chain.facts.landmarks[size], undefined];
  return [chain.facts[kind], kind === "solver" ? (size ?? "landmarks") : undefined];
}

/** Fetches and compiles a network; of the solver both graphs. */
async function open(name) {
  const { opened } = await import(here("networks.js"));
  const bytes = await chain.fetched(fileOf(name)[0]);
  for (const graph of name === "solver" ? ["solver", "solver joints"] : [name]) {
    const [, signature] = fileOf(graph);
    const threads = signature ? 1 : chain.threads;
    const accelerator = chain.accelerators[name];
    chain.networks[graph] = await opened(chain.litert, bytes, { signature, threads, accelerator });
  }
}

/** The pose of the next frame, by one of the solver's graphs. */
async function solved(network, given) {
  const inputs = { ...given };
  for (const { name, shape } of network.inputs) {
    if (!name.startsWith("state_")) continue;
    inputs[name] = chain.state[name] ?? new Float32Array(shape.reduce((product, side) => product * side, 1));
  }
  const pose = {};
  for (const [name, numbers] of Object.entries(await network.run(inputs))) {
    if (name.startsWith("next_")) chain.state[`state_${name.slice(5)}`] = numbers;
    else pose[name] = numbers;
  }
  if (!pose.valid[0]) chain.state = {};
  return pose;
}
