/* A player of moving bodies: plays, turns and zooms what niki_tf/player/skinned.py writes, with three.js, from one page
   without any request.

   A page gives it, before this script: body.js, an element of class `player` whose data-scene is the id of a script of
   JSON with what is played, and two scripts of type text/plain with the ids three_core and three_module. A page that is
   served makes a Player itself.

   Modules of a page that was opened from a file are blocked, so three.js stands in the page as text, and is imported
   from memory. */
"use strict";

(() => {
  const { Body, COLOURS, PAINTS } = globalThis.NikiBody;
  const SPACE_M = 1.2; // between bodies
  const SPEEDS = [0.25, 0.5, 1, 2];
  const STYLE = `
    .player { position: relative; margin: 1rem 0; border: 1px solid var(--line, #ccc); border-radius: .5rem;
      background: var(--sheet, #fff); overflow: hidden; }
    .player canvas { display: block; width: 100%; height: min(60vh, 26rem); touch-action: pan-y; cursor: grab; }
    .player canvas:focus-visible { outline-offset: -3px; }
    .player canvas:active { cursor: grabbing; }
    .player .bar { display: flex; flex-wrap: wrap; gap: .5rem .9rem; align-items: center; padding: .5rem .7rem;
      border-top: 1px solid var(--line, #ccc); }
    .player input[type=range] { flex: 1 1 10rem; min-width: 6rem; accent-color: var(--accent, #06c); }
    .player select { font: inherit; color: inherit; background: var(--code, #eee); border: 1px solid var(--line, #ccc);
      border-radius: .35rem; padding: .3rem; min-height: 2.4rem; }
    .player button { font: inherit; color: inherit; background: var(--code, #eee); border: 1px solid var(--line, #ccc);
      border-radius: .35rem; padding: .3rem .8rem; min-width: 4.6rem; min-height: 2.4rem; cursor: pointer; }
    .player label { display: inline-flex; gap: .35rem; align-items: center; min-height: 2.4rem; }
    .player .swatch { width: .9rem; height: .9rem; border-radius: 50%; display: inline-block; }
    .player output { font-variant-numeric: tabular-nums; min-width: 5.5rem; text-align: right; }
    .player p { padding: .7rem; margin: 0; }`;

  function made(kind, attributes, parent, text) {
    const element = document.createElement(kind);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text) element.textContent = text;
    parent.append(element);
    return element;
  }

  async function modules() {
    const address = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const core = address(document.getElementById("three_core").textContent);
    const text = document.getElementById("three_module").textContent;
    return import(address(text.replaceAll("./three.core.min.js", core)));
  }

  class Player {
    constructor(element, scene, THREE) {
      Object.assign(this, { element, scene, THREE });
      this.frame = 0;
      this.playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.fingers = new Map();
      this.buildStage();
      this.home = {
        azimuth: this.bodies[0].facing() + 0.4,
        elevation: 0.12,
        distance: 1.6 + 1.1 * scene.bodies.length,
      };
      this.turn = { ...this.home };
      this.setApart(this.home.azimuth);
      this.buildBar();
      this.listen();
      this.setPlaying(this.playing);
      this.last = performance.now();
      requestAnimationFrame((now) => this.tick(now));
    }

    buildStage() {
      const { THREE, scene } = this;
      const names = scene.bodies.map((body) => body.name).join(", ");
      this.canvas = made("canvas", { tabindex: 0, role: "application" }, this.element);
      this.canvas.setAttribute(
        "aria-label",
        `Moving bodies: ${names}. Space plays, left and right step, shift and arrows turn, plus and minus zoom.`,
      );
      this.renderer = new THREE.WebGLRenderer({ canvas: this.canvas, antialias: true, alpha: true });
      this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
      this.camera = new THREE.PerspectiveCamera(35, 1, 0.05, 100);
      this.stage = new THREE.Scene();
      this.bodies = scene.bodies.map((body, n) => new Body(THREE, scene, body, n));
      this.stage.add(...this.bodies.map((body) => body.group));
      this.stage.add(new THREE.HemisphereLight(0xffffff, 0x777777, 2.2));
      const sun = new THREE.DirectionalLight(0xffffff, 1.6);
      sun.position.set(2, 4, 3);
      this.stage.add(sun);
      this.grid = new THREE.GridHelper(12, 24, 0x888888, 0x888888);
      this.grid.material.transparent = true;
      this.grid.material.opacity = 0.35;
      this.grid.position.y = this.lowest();
      this.stage.add(this.grid);
    }

    /** Puts the bodies side by side as they are seen from that angle. */
    setApart(azimuth) {
      this.bodies.forEach((body, n) => {
        const aside = SPACE_M * (n - (this.bodies.length - 1) / 2);
        body.group.position.set(aside * Math.cos(azimuth), 0, -aside * Math.sin(azimuth));
      });
    }

    /** The middle of the bodies that are shown. */
    middle() {
      const shown = this.bodies.filter((body) => body.group.visible);
      const places = (shown.length ? shown : this.bodies).map((body) => body.place(this.frame));
      return [0, 1, 2].map((n) => places.reduce((sum, place) => sum + place[n], 0) / places.length);
    }

    /** The lowest point of the first body over a few frames, where the ground is drawn. */
    lowest() {
      const body = this.bodies[0];
      const point = new this.THREE.Vector3();
      let low = Infinity;
      for (let n = 0; n < 6; n++) {
        body.show(Math.floor((n * (this.scene.frames - 1)) / 5));
        body.group.updateMatrixWorld(true);
        body.mesh.skeleton.update();
        for (let vertex = 0; vertex < body.mesh.geometry.attributes.position.count; vertex += 7) {
          low = Math.min(low, body.mesh.getVertexPosition(vertex, point).y);
        }
      }
      return low;
    }

    buildBar() {
      const bar = made("div", { class: "bar" }, this.element);
      this.button = made("button", { type: "button" }, bar);
      this.line = made(
        "input",
        { type: "range", min: 0, max: this.scene.frames - 1, value: 0, step: 1, "aria-label": "Frame" },
        bar,
      );
      this.clock = made("output", {}, bar);
      this.scene.bodies.forEach((body, n) => {
        const label = made("label", {}, bar);
        const box = made("input", { type: "checkbox" }, label);
        box.checked = true;
        const swatch = made("span", { class: "swatch" }, label);
        swatch.style.background = COLOURS[n % COLOURS.length];
        label.append(body.name);
        box.addEventListener("change", () => {
          this.bodies[n].group.visible = box.checked;
          this.dirty = true;
        });
      });
      this.addSpeeds(bar);
      this.addPaints(bar);
      if (this.bodies.some((body) => body.dots)) this.addDots(bar);
      this.back = made("button", { type: "button" }, bar, "Reset view");
      this.legend = made("p", { hidden: "" }, this.element);
    }

    addSpeeds(bar) {
      this.speed = 1;
      const box = made("select", { "aria-label": "Speed" }, bar);
      for (const speed of SPEEDS) made("option", { value: speed }, box, `${speed} x`);
      box.value = 1;
      box.addEventListener("change", () => (this.speed = Number(box.value)));
    }

    addPaints(bar) {
      const names = Object.keys(PAINTS).filter((name) => this.bodies.some((body) => body.told[name]));
      if (!names.length) return;
      const box = made("select", { "aria-label": "Colours" }, bar);
      made("option", { value: "" }, box, "by body");
      for (const name of names) made("option", { value: name }, box, PAINTS[name][0]);
      box.addEventListener("change", () => {
        this.paint = box.value;
        this.legend.hidden = !this.paint;
        this.legend.textContent = this.paint ? PAINTS[this.paint][1] : "";
        this.dirty = true;
      });
    }

    addDots(bar) {
      const label = made("label", {}, bar);
      const box = made("input", { type: "checkbox" }, label);
      box.checked = true;
      label.append("observed joints");
      box.addEventListener("change", () => {
        for (const body of this.bodies) if (body.dots) body.dots.visible = box.checked;
        this.dirty = true;
      });
    }

    listen() {
      this.button.addEventListener("click", () => this.setPlaying(!this.playing));
      this.back.addEventListener("click", () => {
        Object.assign(this.turn, this.home);
        this.dirty = true;
      });
      this.line.addEventListener("input", () => {
        this.setPlaying(false);
        this.go(Number(this.line.value));
      });
      this.canvas.addEventListener("keydown", (event) => this.onKey(event));
      this.canvas.addEventListener("pointerdown", (event) => {
        this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
        this.canvas.setPointerCapture(event.pointerId);
        this.canvas.focus({ preventScroll: true });
      });
      this.canvas.addEventListener("pointermove", (event) => this.onMove(event));
      for (const name of ["pointerup", "pointercancel"]) {
        this.canvas.addEventListener(name, (event) => this.fingers.delete(event.pointerId));
      }
      this.canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
      new ResizeObserver(() => (this.dirty = true)).observe(this.canvas);
      new IntersectionObserver(([seen]) => (this.hidden = !seen.isIntersecting)).observe(this.canvas);
    }

    onKey(event) {
      const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const height = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      const closer = { "+": -1, "=": -1, "-": 1 }[event.key];
      if (event.key === " ") this.setPlaying(!this.playing);
      else if (side && event.shiftKey) this.rotate(0.15 * side, 0);
      else if (height && event.shiftKey) this.rotate(0, 0.1 * height);
      else if (side) {
        this.setPlaying(false);
        this.go((this.frame + side + this.scene.frames) % this.scene.frames);
      } else if (closer) this.zoom(1 + 0.1 * closer);
      else return;
      event.preventDefault();
    }

    onMove(event) {
      const before = this.fingers.get(event.pointerId);
      if (!before) return;
      const now = [event.clientX, event.clientY];
      const other = [...this.fingers].find(([finger]) => finger !== event.pointerId);
      if (other) {
        const apart = (point) => Math.hypot(point[0] - other[1][0], point[1] - other[1][1]);
        this.zoom(apart(before) / Math.max(apart(now), 1));
      } else this.rotate((before[0] - now[0]) * 0.01, (now[1] - before[1]) * 0.01);
      this.fingers.set(event.pointerId, now);
    }

    /** The wheel scrolls the page until the player was clicked. */
    onWheel(event) {
      if (document.activeElement !== this.canvas && !event.ctrlKey) return;
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY * 0.001));
    }

    rotate(azimuth, elevation) {
      this.turn.azimuth += azimuth;
      this.turn.elevation = Math.min(1.5, Math.max(-0.4, this.turn.elevation + elevation));
      this.dirty = true;
    }

    zoom(factor) {
      this.turn.distance = Math.min(15, Math.max(0.8, this.turn.distance * factor));
      this.dirty = true;
    }

    setPlaying(playing) {
      this.playing = playing;
      this.button.textContent = playing ? "Pause" : "Play";
      this.dirty = true;
    }

    go(frame) {
      this.frame = frame;
      this.dirty = true;
    }

    tick(now) {
      const passed = Math.min((now - this.last) / 1000, 0.25);
      this.last = now;
      if (this.playing && !this.hidden && !document.hidden) {
        this.exact = ((this.exact ?? 0) + passed * this.speed * this.scene.fps) % this.scene.frames;
        if (Math.floor(this.exact) !== this.frame) this.go(Math.floor(this.exact));
      } else this.exact = this.frame;
      if (this.dirty && !this.hidden) this.draw();
      requestAnimationFrame((next) => this.tick(next));
    }

    draw() {
      this.dirty = false;
      const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
      this.renderer.setSize(width, height, false);
      const { azimuth, elevation } = this.turn;
      const distance = this.turn.distance * Math.max(1, (1.6 * height) / Math.max(width, 1));
      const [x, y, z] = this.middle();
      this.camera.aspect = width / Math.max(height, 1);
      this.camera.position.set(
        x + distance * Math.cos(elevation) * Math.sin(azimuth),
        y + distance * Math.sin(elevation),
        z + distance * Math.cos(elevation) * Math.cos(azimuth),
      );
      this.camera.lookAt(x, y, z);
      this.camera.updateProjectionMatrix();
      this.bodies.forEach((body) => body.show(this.frame, this.paint));
      this.renderer.render(this.stage, this.camera);
      this.line.value = this.frame;
      this.clock.textContent = `${(this.frame / this.scene.fps).toFixed(2)} s`;
      this.element.dataset.drawn = this.frame;
    }
  }

  const addStyle = () => made("style", {}, document.head, STYLE);

  async function start() {
    const places = [...document.querySelectorAll(".player[data-scene]")];
    if (!places.length) return;
    addStyle();
    try {
      const THREE = await modules();
      for (const place of places) {
        const scene = JSON.parse(document.getElementById(place.dataset.scene).textContent);
        new Player(place, scene, THREE);
      }
    } catch (error) {
      for (const place of places) {
        place.replaceChildren();
        made("p", {}, place, `This browser cannot draw in three dimensions (${error.message}).`);
      }
    }
  }

  globalThis.NikiPlayer = { Player, addStyle };
  start();
})();
