/* A body as a browser draws it, by three.js: its surface in four joints a vertex, moved by the matrices of a frame, in
   one colour or in one of each joint, and the points that were observed beside it. What it draws is written by
   niki_tf/player/skinned.py. The player and the page of a web export share it. */
"use strict";

globalThis.NikiBody = (() => {
  const COLOURS = ["#9aa3ab", "#3b82d6", "#e08a3c", "#3fa66b"];
  const WORST_M = 0.12; // expected error at which the colours end
  const STATES = [[0.2, 0.55, 0.85], [0.95, 0.7, 0.2], [0.85, 0.25, 0.25]];
  const ERRORS = [[0.15, 0.45, 0.8], [0.55, 0.75, 0.45], [0.97, 0.8, 0.25], [0.85, 0.2, 0.2]];
  const ARRAYS = { float32: Float32Array, int16: Int16Array, uint32: Uint32Array, uint8: Uint8Array };

  /** What each joint's colour tells: name -> [title, words, colour of a number]. */
  const PAINTS = {
    states: ["by state", "blue: the joint was seen; yellow: filled in from frames nearby; red: guessed", (state) => STATES[Math.round(state)]],
    errors: ["by expected error", `blue to red: 0 to ${1000 * WORST_M} mm of expected error`, (metres) => onScale(metres / WORST_M)],
  };

  function onScale(share) {
    const place = Math.min(Math.max(share, 0), 1) * (ERRORS.length - 1);
    const k = Math.min(Math.floor(place), ERRORS.length - 2);
    return ERRORS[k].map((low, n) => low + (place - k) * (ERRORS[k + 1][n] - low));
  }

  function unpacked(packed) {
    const bytes = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
    const numbers = new ARRAYS[packed.type](bytes.buffer);
    return packed.scale ? Float32Array.from(numbers, (number) => number * packed.scale) : numbers;
  }

  function middle(points) {
    const sum = [0, 0, 0];
    points.forEach((value, n) => (sum[n % 3] += value));
    return sum.map((value) => (3 * value) / points.length);
  }

  class Body {
    constructor(THREE, scene, body, number) {
      this.matrices = unpacked(body.matrices);
      this.shares = unpacked(body.shares);
      this.targets = body.targets.shape[0];
      this.told = {};
      for (const name of Object.keys(PAINTS)) if (body[name]) this.told[name] = unpacked(body[name]);
      const rest = unpacked(body.rest);
      this.middle = middle(rest);
      this.joints = unpacked(scene.joints);
      this.weights = unpacked(scene.weights);
      this.plain = new THREE.Color(COLOURS[number % COLOURS.length]);
      const geometry = this.surface(THREE, scene, body, rest);
      this.material = new THREE.MeshStandardMaterial({ color: this.plain, roughness: 0.75 });
      this.mesh = new THREE.SkinnedMesh(geometry, this.material);
      this.mesh.frustumCulled = false;
      this.bones = Array.from({ length: body.matrices.shape[1] }, () => {
        const bone = new THREE.Bone();
        bone.matrixAutoUpdate = false;
        return bone;
      });
      const inverses = this.bones.map(() => new THREE.Matrix4());
      this.group = new THREE.Group();
      this.group.add(this.mesh, ...this.bones);
      this.mesh.bind(new THREE.Skeleton(this.bones, inverses), new THREE.Matrix4());
      if (body.points) this.addPoints(THREE, body.points);
    }

    surface(THREE, scene, body, rest) {
      const geometry = new THREE.BufferGeometry();
      geometry.setAttribute("position", new THREE.BufferAttribute(rest, 3));
      geometry.setAttribute("skinIndex", new THREE.BufferAttribute(this.joints, 4));
      geometry.setAttribute("skinWeight", new THREE.BufferAttribute(this.weights, 4));
      geometry.setAttribute("color", new THREE.BufferAttribute(new Float32Array(rest.length).fill(1), 3));
      geometry.setIndex(new THREE.BufferAttribute(unpacked(scene.faces), 1));
      geometry.computeVertexNormals();
      if (this.targets) {
        const all = unpacked(body.targets);
        geometry.morphTargetsRelative = true;
        geometry.morphAttributes.position = Array.from(
          { length: this.targets },
          (_, k) => new THREE.BufferAttribute(all.subarray(k * rest.length, (k + 1) * rest.length), 3),
        );
      }
      return geometry;
    }

    addPoints(THREE, points) {
      this.observed = unpacked(points);
      const geometry = new THREE.SphereGeometry(0.022, 12, 8);
      const material = new THREE.MeshBasicMaterial({ color: "#d6336c" });
      this.dots = new THREE.InstancedMesh(geometry, material, points.shape[1]);
      this.dots.frustumCulled = false;
      this.spot = new THREE.Matrix4();
      this.group.add(this.dots);
    }

    /** Takes the matrices (24, 12), row by row, of one pose. */
    pose(matrices) {
      this.bones.forEach((bone, joint) => {
        bone.matrix.set(...matrices.subarray(12 * joint, 12 * joint + 12), 0, 0, 0, 1);
        bone.matrixWorldNeedsUpdate = true;
      });
    }

    /** Colours the surface by what is told of each joint, numbers (24), or plainly if that is nothing. */
    paint(name, numbers) {
      const colours = this.mesh.geometry.attributes.color;
      if (Boolean(numbers) !== this.material.vertexColors) {
        this.material.vertexColors = Boolean(numbers);
        this.material.color.set(numbers ? "#ffffff" : this.plain);
        this.material.needsUpdate = true;
      }
      if (!numbers) return;
      const each = Array.from(numbers, PAINTS[name][2]);
      for (let vertex = 0; vertex < colours.count; vertex++) {
        for (let n = 0; n < 3; n++) {
          let sum = 0;
          for (let k = 4 * vertex; k < 4 * vertex + 4; k++) sum += this.weights[k] * each[this.joints[k]][n];
          colours.array[3 * vertex + n] = sum;
        }
      }
      colours.needsUpdate = true;
    }

    /** Shows a frame, in the colours of the `paint` of that name, if the body has these. */
    show(frame, paint) {
      const joints = this.bones.length;
      this.pose(this.matrices.subarray(12 * joints * frame, 12 * joints * (frame + 1)));
      for (let k = 0; k < this.targets; k++) {
        this.mesh.morphTargetInfluences[k] = this.shares[frame * this.targets + k];
      }
      this.paint(paint, this.told[paint]?.subarray(joints * frame, joints * (frame + 1)));
      if (this.observed) this.showPoints(frame);
    }

    showPoints(frame) {
      for (let k = 0; k < this.dots.count; k++) {
        const place = this.observed.subarray(3 * (frame * this.dots.count + k)).subarray(0, 3);
        const seen = place.every(Number.isFinite);
        this.spot.makeScale(seen, seen, seen);
        if (seen) this.spot.setPosition(...place);
        this.dots.setMatrixAt(k, this.spot);
      }
      this.dots.instanceMatrix.needsUpdate = true;
    }

    /** The angle about the vertical to which the body faces at first. */
    facing() {
      return Math.atan2(this.matrices[2], this.matrices[10]);
    }

    /** Where the middle of the body is drawn, by its root alone. */
    place(frame) {
      const m = this.matrices.subarray(frame * 12 * this.bones.length);
      const [x, y, z] = this.middle;
      const aside = this.group.position.toArray();
      return [0, 4, 8].map((row, n) => m[row] * x + m[row + 1] * y + m[row + 2] * z + m[row + 3] + aside[n]);
    }
  }

  return { Body, COLOURS, PAINTS, unpacked };
})();
