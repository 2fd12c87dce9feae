/* The page: where pictures and joints come from, what is drawn and what is recorded. The computations are in worker.js. */

import * as THREE from "./three/three.module.min.js";
import { read } from "./motion_files.js";
import { Recording } from "./record.js";

const SIZE = { width: 640, height: 480 };
const SHOWN = 30; // frames over which times are told
const LARGEST_DIFFERENCE = 1e-3; // of an output's range, up to which WebGPU may serve
const PATIENCE_S = 60; // for a trial of a network on WebGPU
const element = (id) => document.getElementById(id);

/** The worker's ways as functions that give promises of its answers. */
class Chain {
  constructor(onProgress) {
    this.worker = new Worker("worker.js");
    this.waiting = new Map();
    this.count = 0;
    this.worker.onmessage = ({ data }) => {
      if (data.progress) return onProgress?.(data.progress);
      const { resolve, reject } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      return data.error ? reject(new Error(data.error)) : resolve(data);
    };
  }

  end() {
    this.worker.terminate();
  }

  ask(way, given = {}, transfer = []) {
    const id = this.count++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ way, id, ...given }, transfer);
    });
  }
}

class App {
  async start() {
    this.tell(this.whatIsMissing());
    this.facts = await (await fetch("facts.json")).json();
    const scene = await (await fetch("scene.json")).json();
    globalThis.NikiPlayer.addStyle();
    element("view").classList.add("live");
    this.player = new globalThis.NikiPlayer.Player(element("view"), scene, THREE);
    this.player.setPlaying(false);
    this.listen();
    await this.load();
  }

  async load() {
    const { files, sizes, landmarks } = this.facts;
    const total = this.toFetch(files);
    let bytes = 0;
    this.chain = new Chain((more) => {
      bytes += more;
      element("progress").value = Math.min(bytes / total, 1);
      element("loaded").textContent = `${(bytes / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
    });
    const { notes } = await this.chain.ask("load", { facts: this.facts });
    this.notes = { threads: notes.threads, solver: "WASM", detector: "WASM", [`landmarks ${sizes[0]}`]: "WASM" };
    this.tellFacts();
    element("loading").hidden = true;
    for (const size of sizes) element("size").append(new Option(size, size));
    element("sizes").hidden = Object.keys(landmarks).length < 2;
    for (const id of ["camera", "file", "record"]) element(id).disabled = false;
    document.body.dataset.ready = "yes";
    await this.tryGpu([`landmarks ${sizes[0]}`, "detector", "solver"]);
  }

  /** Moves networks to WebGPU, where that gives what WASM gives. Each is tried in a worker of its own, since LiteRT.js
      stops for good at a graph that WebGPU cannot run. */
  async tryGpu(names) {
    const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
    for (const name of names) {
      const trial = adapter ? await this.compareOnGpu(name) : null;
      if (isBetter(trial)) await this.chain.ask("adopt", { name });
      this.notes[name] = said(trial);
      this.tellFacts();
    }
    document.body.dataset.tried = "yes";
  }

  /** How far WebGPU is `apart` for a network, as a share of the range, NaN if it cannot run it; and its `speed`. */
  async compareOnGpu(name) {
    const trial = new Chain();
    const late = new Promise((resolve) => setTimeout(() => resolve({ apart: NaN }), 1000 * PATIENCE_S));
    const answer = await Promise.race([
      trial.ask("compare", { facts: this.facts, name }).catch(() => ({ apart: NaN })),
      late,
    ]);
    trial.end();
    return answer;
  }

  /** Bytes that are fetched at first, whichever build of LiteRT.js runs. */
  toFetch(files) {
    const { solver, detector, landmarks, sizes } = this.facts;
    const build = Object.keys(files).find((name) => name.endsWith("internal.wasm"));
    return [solver, detector, landmarks[sizes[0]], build].reduce((sum, name) => sum + files[name], 0);
  }

  /** What the page's server or browser does not allow, in words. */
  whatIsMissing() {
    const missing = [];
    if (!globalThis.isSecureContext) missing.push("the camera needs an address with https, or localhost");
    if (!globalThis.crossOriginIsolated) {
      missing.push("threads need the headers Cross-Origin-Opener-Policy: same-origin and " +
        "Cross-Origin-Embedder-Policy: require-corp of the server; without them one thread computes");
    }
    return missing.length ? `Missing here: ${missing.join("; ")}.` : "";
  }

  tell(text, bad = false) {
    element("message").textContent = text;
    element("message").classList.toggle("bad", bad);
  }

  tellFacts() {
    element("facts").replaceChildren(...Object.entries(this.notes).map(([name, note]) => {
      const line = document.createElement("li");
      line.textContent = `${name === "solver" ? `solver ${this.facts.name}` : name}: ${note}`;
      return line;
    }));
  }

  listen() {
    element("camera").addEventListener("click", () => this.useCamera());
    element("stop").addEventListener("click", () => this.stop());
    element("record").addEventListener("click", () => this.toggleRecording());
    element("bvh").addEventListener("click", () => this.saveBvh());
    element("glb").addEventListener("click", () => this.saveGlb());
    element("file").addEventListener("change", ({ target }) => {
      this.open(target.files[0]);
      target.value = "";
    });
    element("size").addEventListener("change", async ({ target }) => {
      await this.chain.ask("size", { size: target.value });
      this.notes[`landmarks ${target.value}`] ??= "WASM";
      this.tellFacts();
    });
    for (const name of ["dragover", "dragleave", "drop"]) {
      document.addEventListener(name, (event) => {
        event.preventDefault();
        element("stage").classList.toggle("over", name === "dragover");
        if (name === "drop" && document.body.dataset.ready) this.open(event.dataTransfer.files[0]);
      });
    }
  }

  async useCamera() {
    await this.stop();
    if (!navigator.mediaDevices?.getUserMedia) {
      this.tell("The camera cannot be used here: open this page by https or from localhost.", true);
      return;
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: SIZE, audio: false });
    } catch (error) {
      this.tell(refusal(error), true);
      return;
    }
    const video = element("video");
    video.srcObject = this.stream;
    await this.follow(video);
  }

  async open(file) {
    if (!file) return;
    await this.stop();
    try {
      if (/\.(bvh|json)$/i.test(file.name)) await this.playJoints(read(file.name, await file.text(), this.facts));
      else await this.playVideo(file);
    } catch (error) {
      this.tell(`${file.name} cannot be used: ${error.message}.`, true);
    }
  }

  async playVideo(file) {
    const video = element("video");
    video.removeAttribute("src");
    video.srcObject = null;
    video.src = this.address = URL.createObjectURL(file);
    await new Promise((resolve, reject) => {
      video.onloadeddata = resolve;
      video.onerror = () => reject(new Error("this browser cannot play it"));
    });
    video.onended = () => this.stop();
    await this.follow(video);
  }

  /** Solves the frames of a video that plays, as many as there is time for. */
  async follow(video) {
    await this.begin();
    element("seen").hidden = false;
    await video.play();
    const run = this.run;
    let coming = this.grab(video, run);
    while (this.run === run) {
      const taken = await coming;
      if (this.run !== run) return taken?.picture.close();
      const { picture, seconds } = taken;
      const size = [picture.width, picture.height];
      const asked = this.ask("picture", { picture }, [picture]);
      coming = this.grab(video, run); // while the worker computes
      const answer = await asked;
      if (answer && this.run === run) this.show(answer, seconds, size);
    }
    (await coming)?.picture.close();
  }

  /** The next frame of a video, and its time; null if the run has ended. */
  async grab(video, run) {
    do {
      await new Promise((resolve) => {
        const late = setTimeout(resolve, 1000); // a video that has ended has no next frame
        const seen = () => resolve(clearTimeout(late));
        video.requestVideoFrameCallback ? video.requestVideoFrameCallback(seen) : requestAnimationFrame(seen);
      });
      if (this.run !== run) return null;
    } while (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA); // in WebKit, while it decodes
    const seconds = this.stream ? performance.now() / 1000 : video.currentTime;
    return { picture: await createImageBitmap(video), seconds };
  }

  /** Solves the frames of a file of joints, at its own rate or slower. */
  async playJoints({ frames, note }) {
    await this.begin();
    this.tell(note);
    const run = this.run;
    for (const { seconds, joints, sigma } of frames) {
      const due = performance.now() + (1000 * (seconds - (this.before ?? seconds)));
      const answer = await this.ask("joints", { joints, sigma });
      if (this.run !== run || !answer) return;
      this.show(answer, seconds);
      this.before = seconds;
      const left = due - performance.now();
      await new Promise((resolve) => setTimeout(resolve, Math.max(left, 0)));
      if (this.run !== run) return;
    }
    document.body.dataset.ended = "yes";
    await this.stop();
  }

  async ask(way, given, transfer) {
    try {
      return await this.chain.ask(way, given, transfer);
    } catch (error) {
      this.tell(`The frame cannot be solved: ${error.message}.`, true);
      await this.stop();
      return null;
    }
  }

  async begin() {
    await this.chain.ask("reset");
    this.run = (this.run ?? 0) + 1;
    [this.times, this.before] = [[], undefined];
    document.body.dataset.solved = "0";
    delete document.body.dataset.ended;
    element("stop").disabled = false;
    this.tell(this.whatIsMissing());
  }

  async stop() {
    this.run = (this.run ?? 0) + 1;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    element("video").pause();
    element("video").onended = null;
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
    element("stop").disabled = true;
    if (element("record").getAttribute("aria-pressed") === "true") this.toggleRecording();
  }

  show(answer, seconds, size) {
    this.times.push({ at: performance.now(), ...answer.milliseconds });
    this.times = this.times.slice(-SHOWN);
    this.tellSpeed();
    this.drawDots(answer, size);
    if (answer.lost) {
      this.tell("Nobody is seen.");
      return;
    }
    if (element("message").textContent === "Nobody is seen.") this.tell("");
    const { pose } = answer;
    if (pose.frame[0] < 0 || !pose.valid[0]) return;
    const body = this.player.bodies[0];
    body.matrices.set(pose.matrices);
    body.told.errors.set(pose.expected_error);
    body.told.states.set(pose.joint_state);
    this.player.dirty = true;
    this.pose = pose;
    document.body.dataset.solved = Number(document.body.dataset.solved) + 1;
    if (element("record").getAttribute("aria-pressed") === "true") {
      this.recording.add(seconds, pose.rotations, pose.pelvis);
    }
  }

  tellSpeed() {
    const passed = (this.times.at(-1).at - this.times[0].at) / 1000;
    const median = (name) => this.times.map((time) => time[name] ?? NaN).sort((a, b) => a - b)[this.times.length >> 1];
    const parts = ["landmarks", "solver"].filter((name) => Number.isFinite(median(name)))
      .map((name) => `${name} ${median(name).toFixed(1)} ms`);
    const rate = this.times.length > 1 ? `${((this.times.length - 1) / passed).toFixed(1)} frames a second; ` : "";
    element("speed").textContent = `${rate}${parts.join(", ")}`;
  }

  /** The landmarks over the picture. */
  drawDots({ points, visibility }, size) {
    const dots = element("dots");
    if (size) [dots.width, dots.height] = size;
    const context = dots.getContext("2d");
    context.clearRect(0, 0, dots.width, dots.height);
    points?.forEach(([x, y], k) => {
      context.fillStyle = visibility[k] > 0.5 ? "#3fd16b" : "#e0a03c";
      context.beginPath();
      context.arc(x, y, Math.max(dots.width / 160, 2), 0, 7);
      context.fill();
    });
  }

  toggleRecording() {
    const on = element("record").getAttribute("aria-pressed") !== "true";
    if (on) this.recording = new Recording();
    element("record").setAttribute("aria-pressed", on);
    element("record").textContent = on ? "Stop recording" : "Record";
    const empty = on || this.recording.length < 2;
    for (const id of ["bvh", "glb"]) element(id).disabled = empty;
  }

  async saveBvh() {
    const rig = await (await fetch("skeleton.bvh")).text();
    save("motion.bvh", this.recording.bvh(rig, this.facts.order));
  }

  async saveGlb() {
    const body = new Uint8Array(await (await fetch("body.glb")).arrayBuffer());
    save("motion.glb", this.recording.glb(body));
  }
}

const isBetter = (trial) => trial !== null && trial.apart < LARGEST_DIFFERENCE && trial.speed > 1;

/** What is told of a network's trial on WebGPU. */
function said(trial) {
  if (!trial) return "WASM; this browser has no WebGPU";
  if (Number.isNaN(trial.apart)) return "WASM; WebGPU cannot run it";
  const off = `off by ${trial.apart.toExponential(1)} of the range, ${trial.speed.toFixed(1)} times as fast`;
  return isBetter(trial) ? `WebGPU; ${off}` : `WASM; WebGPU would be ${off}`;
}

function refusal(error) {
  const reasons = {
    NotAllowedError: "The camera was refused. Allow it in the settings of this page, then press the button again.",
    NotFoundError: "There is no camera on this machine. A video can be opened instead.",
    NotReadableError: "The camera is used by another program, or broken.",
  };
  return reasons[error.name] ?? `The camera cannot be used: ${error.message}`;
}

function save(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const app = new App();
globalThis.nikiPage = app; // for the console
app.start().catch((error) => {
  document.body.dataset.failed = "yes";
  app.tell(`The page cannot start: ${error.message}.`, true);
});
