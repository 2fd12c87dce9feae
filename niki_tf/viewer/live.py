"""The live viewer: a page by viser on which joints are made worse by sliders and solved anew."""

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from niki_tf.body import BodyPoser
from niki_tf.body.body_data import BodyData
from niki_tf.inference import Motion
from niki_tf.inference.reading import Person
from niki_tf.player.skinned import Played
from niki_tf.viewer import takes
from niki_tf.viewer.controls import Controls
from niki_tf.viewer.corrupting import Corruption, corrupted
from niki_tf.viewer.posed import SPACE_M, Posed, parts

_SHOWN_FPS = 15.0
"""Frames drawn a second, at most: a browser on a phone keeps up."""
_POINT = (214, 51, 108)
_WAIT_S = 0.05
_ABOVE = 0.15
"""Metres of a name above the head."""
_PANEL = 0.35
"""Metres that the camera is moved to the right, for each body."""
_FIELD = 0.6
"""Radians, of the camera's view from top to bottom."""

Solve = Callable[[Person, str], Motion]
"""Solves a person, joints in metres with y up, by the solver of that name."""


class LiveViewer:
    """Shows takes, and the answer of a solver to the joints of each person, made worse as the sliders say.

    Args:
        shown: motion that is shown as it is.
        people: whose joints, metres with y up, are solved; of one frame rate with `shown`.
        data: the body.
        solve: see `Solve`.
        solvers: names to choose from, the first of which is taken at first.
        host: address that is listened on.
        port: of it; 0 takes a free one.

    Raises:
        ImportError: viser is not installed.
    """

    def __init__(
        self,
        shown: Sequence[Played],
        people: Sequence[Person],
        data: BodyData,
        *,
        solve: Solve,
        solvers: Sequence[str],
        host: str = "127.0.0.1",
        port: int = 8080,
    ) -> None:
        viser = _viser()
        self._people, self._solve, self._poser = list(people), solve, BodyPoser(data)
        self._parts = parts(data.lbs_weights, data.faces)
        self._lock, self._closed = threading.RLock(), threading.Event()
        self._asked: tuple[str, Corruption] | None = None
        self._nodes: dict[int, list[Any]] = {}
        self._drawn: tuple[Any, ...] = ()
        self.server = viser.ViserServer(host=host, port=port, verbose=False)
        self.server.scene.set_up_direction("+y")
        _set_camera(self.server, len(shown) + len(people))
        self._kept = [Posed(take, self._poser, number) for number, take in enumerate(shown)]
        self._answers: list[Posed] = []
        self.controls = Controls(self.server, solvers if people else (), frames=self._frames(), on_keep=self._keep)
        low = min((posed.vertices[..., 1].min() for posed in self._kept), default=0.0)
        self.server.scene.add_grid("/ground", plane="xz", cell_size=0.5, position=(0.0, float(low), 0.0))
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._play, self._solve_on)]
        for thread in self._threads:
            thread.start()

    @property
    def port(self) -> int:
        """That is listened on."""
        return int(self.server.get_port())

    def wait(self) -> None:
        """Returns when `close` is called."""
        self._closed.wait()

    def close(self) -> None:
        """Ends the viewer."""
        self._closed.set()
        for thread in self._threads:
            thread.join(timeout=30)
        self.server.stop()

    @property
    def fps(self) -> float:
        """Frames per second of all that is shown."""
        rates = [posed.take.clip.fps for posed in self.bodies]
        return rates[0] if rates else 30.0

    @property
    def bodies(self) -> list[Posed]:
        """All that are shown, from left to right."""
        with self._lock:
            return [*self._kept, *self._answers]

    def _frames(self) -> int:
        lengths = [len(posed) for posed in self.bodies] or [len(person) for person in self._people]
        return min(lengths)

    def _keep(self) -> None:
        """Lets the answers of now stand beside those to come."""
        with self._lock:
            self._kept += self._answers
            self._answers = []
            self._asked = None

    def _solve_on(self) -> None:
        """Solves whenever what is wanted changes, until the viewer is closed."""
        while not self._closed.wait(_WAIT_S):
            wanted = self.controls.wanted()
            if not self._people or wanted == self._asked or wanted is None:
                continue
            self._asked = wanted
            self.controls.say("Solving ...")
            try:
                self._answer(*wanted)
            except (ValueError, OSError) as error:
                self.controls.say(f"Not solved: {error}")

    def _answer(self, solver: str, how: Corruption) -> None:
        started, found = time.perf_counter(), []
        for person in self._people:
            worse = corrupted(person, how)
            motion = self._solve(worse, solver)
            found.append(takes.of_answer(motion, worse, name=f"{person.name} {solver}".strip()))
        seconds = time.perf_counter() - started
        with self._lock:
            self._answers = [Posed(take, self._poser, len(self._kept) + n) for n, take in enumerate(found)]
            self._drawn = ()
        errors = np.concatenate([take.errors.ravel() for take in found if take.errors is not None])
        lines = [
            f"{sum(len(take.clip) for take in found)} frames in {seconds:.1f} s",
            f"expected error {1000 * errors.mean():.0f} mm",
        ]
        self.controls.say("; ".join(lines))
        self.controls.set_frames(self._frames())

    def _play(self) -> None:
        """Draws the frame of now, until the viewer is closed."""
        exact, last = 0.0, time.perf_counter()
        while not self._closed.wait(1.0 / _SHOWN_FPS):
            now = time.perf_counter()
            if self.controls.playing:
                exact = (self.controls.frame_or(exact) + (now - last) * self.fps * self.controls.speed) % self._frames()
                self.controls.go(int(exact), exact)
            last = now
            with self._lock:
                self._draw(self.controls.frame, self.controls.colour)

    def _draw(self, frame: int, colour: str) -> None:
        bodies = self.bodies
        state = (frame, colour, len(bodies), self.controls.points)
        if state == self._drawn:
            return
        with self.server.atomic():
            for body in bodies:
                self._draw_body(body, min(frame, len(body) - 1), colour)
            for number in [number for number in self._nodes if number >= len(bodies)]:
                for node in self._nodes.pop(number):
                    node.remove()
        self._drawn = state

    def _draw_body(self, body: Posed, frame: int, colour: str) -> None:
        nodes = self._nodes.get(body.number)
        if nodes is None:
            nodes = self._nodes[body.number] = self._new_nodes(body, frame)
        for node, (vertices, _), rgb in zip(nodes, self._parts, body.colours(colour, frame), strict=False):
            node.vertices = body.vertices[frame, vertices]
            node.color = tuple(int(value) for value in rgb)
        *_, cloud, label = nodes
        label.text = body.take.name
        x, _, z = body.vertices[frame].mean(0)
        label.position = (x, body.vertices[frame, :, 1].max() + _ABOVE, z)
        cloud.visible = body.points is not None and self.controls.points
        if body.points is not None:
            seen = np.isfinite(body.points[frame]).all(-1)
            cloud.points = body.points[frame, seen]

    def _new_nodes(self, body: Posed, frame: int) -> list[Any]:
        """A mesh for each joint, a cloud of points and a label."""
        scene, name = self.server.scene, f"/body_{body.number}"
        meshes = [
            scene.add_mesh_simple(f"{name}/part_{joint}", body.vertices[frame, vertices], faces, side="double")
            for joint, (vertices, faces) in enumerate(self._parts)
        ]
        cloud = scene.add_point_cloud(
            f"{name}/points",
            np.zeros([1, 3], np.float32),
            _POINT,
            point_size=0.015,
            point_shape="circle",
            precision="float32",
        )
        return [*meshes, cloud, scene.add_label(f"{name}/name", body.take.name)]


def _set_camera(server: Any, bodies: int) -> None:
    """Looks at so many bodies side by side."""
    middle = SPACE_M * max(bodies - 1, 0) / 2
    server.initial_camera.fov = _FIELD
    aside = _PANEL * bodies  # the panel covers the right
    server.initial_camera.position = (middle + aside, 1.4, 3.4 + 0.9 * bodies)
    server.initial_camera.look_at = (middle + aside, 0.9, 0.0)


def _viser() -> Any:
    try:
        import viser
    except ImportError:
        raise ImportError('the live viewer needs viser, which is not installed: pip install "niki-tf[view]"') from None
    return viser


def prepared(person: Person, solve: Solve, solver: str) -> Person:
    """The person with joints in metres and y up, by what solving them once recognised."""
    points = takes.points_in_metres(solve(person, solver), person)
    return dataclasses.replace(person, joints=points, unit=1.0, up="y", joint_sigma=None)
