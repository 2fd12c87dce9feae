/* LiteRT.js and the networks of the page: fetched with progress, compiled, and compared on WebGPU and WASM. */

const TIMED = 3; // runs

/** The bytes of a file beside the page; `say` is given how many have come. */
export async function fetched(address, say) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} cannot be fetched (${response.status})`);
  const reader = response.body.getReader();
  const parts = [];
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    say(part.value.length);
  }
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    bytes.set(part, place);
    place += part.length;
  }
  return bytes;
}

/** What of LiteRT.js runs here: its build and, of threads, the reason why there are none. */
export async function build(litert, files) {
  const compat = !(await litert.supportsFeature("relaxedSimd"));
  const isolated = globalThis.crossOriginIsolated === true;
  const threads = isolated && !compat && "litert/wasm/litert_wasm_threaded_internal.wasm" in files;
  const name = compat ? "compat_" : threads ? "threaded_" : "";
  const why = threads
    ? `yes, of ${navigator.hardwareConcurrency} processor cores`
    : compat
      ? "none, since this browser has no relaxed SIMD"
      : "none, since the server does not send the headers COOP and COEP";
  return { name: `litert_wasm_${name}internal`, threads, why };
}

/** A compiled network that takes and gives arrays by name. */
export class Network {
  constructor(litert, model, signature) {
    this.litert = litert;
    this.runner = signature ? model.signatures[signature] : model;
    this.inputs = this.runner.getInputDetails().map(({ name, shape }) => ({ name, shape: Array.from(shape) }));
  }

  /** The outputs, by name, those `wanted` or all, for inputs by name; one array stands for the only input. */
  async run(arrays, wanted) {
    const named = ArrayBuffer.isView(arrays) ? { [this.inputs[0].name]: arrays } : arrays;
    const tensors = this.inputs.map(({ name, shape }) => new this.litert.Tensor(named[name], shape));
    const outputs = await this.runner.run(tensors);
    const names = this.runner.getOutputDetails().map(({ name }) => name);
    const found = {};
    for (const [n, tensor] of outputs.entries()) {
      if (!wanted || wanted.includes(names[n])) found[names[n]] = (await tensor.data()).slice();
      tensor.delete();
    }
    for (const tensor of tensors) tensor.delete();
    return found;
  }

  /** Numbers of the size of its inputs, the same at each call. */
  example() {
    let seed = 1;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    return Object.fromEntries(
      this.inputs.map(({ name, shape }) => {
        const size = shape.reduce((product, side) => product * side, 1);
        return [name, Float32Array.from({ length: size }, name.startsWith("state_") ? () => 0 : random)];
      }),
    );
  }
}

/** The largest difference of two answers, as a share of the range of each output. */
export function difference(one, other) {
  let worst = 0;
  for (const [name, numbers] of Object.entries(one)) {
    let [low, high, apart] = [Infinity, -Infinity, 0];
    numbers.forEach((number, k) => {
      [low, high] = [Math.min(low, number), Math.max(high, number)];
      const away = Math.abs(number - other[name][k]);
      apart = away <= apart ? apart : away; // NaN stays
    });
    const share = apart / Math.max(high - low, 1e-6);
    worst = share <= worst ? worst : share;
  }
  return worst;
}

/** How far a network on WebGPU is `apart` from WASM on the same input, and its `speed` over that of WASM. */
export async function compared(litert, bytes, options) {
  const found = {};
  for (const accelerator of ["wasm", "webgpu"]) {
    const network = await opened(litert, bytes, { ...options, accelerator });
    const outputs = await network.run(network.example());
    const started = performance.now();
    for (let k = 0; k < TIMED; k++) await network.run(network.example());
    found[accelerator] = { outputs, time: performance.now() - started };
  }
  const { wasm, webgpu } = found;
  return { apart: difference(wasm.outputs, webgpu.outputs), speed: wasm.time / webgpu.time };
}

/** A network from the bytes of its file, compiled for "wasm" or "webgpu". */
export async function opened(litert, bytes, { signature, threads = 1, accelerator = "wasm" }) {
  const cpuOptions = { numThreads: threads };
  return new Network(litert, await litert.loadAndCompile(bytes.slice(), { accelerator, cpuOptions }), signature);
}
