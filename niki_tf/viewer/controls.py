"""What the user of the live viewer sets: timeline, speed, solver, sliders, colours, light or dark."""

from collections.abc import Callable, Sequence
from typing import Any

from niki_tf.viewer.corrupting import Corruption
from niki_tf.viewer.posed import COLOURS

_SPEEDS = {"0.25 x": 0.25, "0.5 x": 0.5, "1 x": 1.0, "2 x": 2.0}
_MOST_NOISE_MM, _MOST_MISSING = 100, 20


class Controls:
    """The panel beside the bodies, and its keys: P plays, N and B step.

    Args:
        server: of viser.
        solvers: names to choose from; none if nothing is solved.
        frames: of the timeline.
        on_keep: called when the answer of now is to be kept.
    """

    def __init__(
        self, server: Any, solvers: Sequence[str], *, frames: int, on_keep: Callable[[], None] | None = None
    ) -> None:
        self._server, gui = server, server.gui
        self.playing, self._exact = True, 0.0
        self._play = gui.add_button("Pause")
        self._line = gui.add_slider("Frame", 0, max(frames - 1, 1), 1, 0)
        self._speed = gui.add_dropdown("Speed", tuple(_SPEEDS), initial_value="1 x")
        self._colour = gui.add_dropdown("Colours", COLOURS)
        self._points = gui.add_checkbox("Observed joints", initial_value=True)
        self._dark = gui.add_checkbox("Dark", initial_value=False)
        self._solver, self.on_keep = None, on_keep or (lambda: None)
        if solvers:
            self._add_solving(gui, solvers)
        self._said = gui.add_markdown("")
        self._play.on_click(lambda _: self.toggle())
        self._dark.on_update(lambda _: self._set_theme())
        self._set_theme()
        for label, key, does in (
            ("Play or pause", "P", self.toggle),
            ("Next frame", "N", lambda: self.step(1)),
            ("Frame before", "B", lambda: self.step(-1)),
        ):
            command = gui.add_command(label, hotkey=key)
            command.on_trigger(lambda _, does=does: does())

    def _add_solving(self, gui: Any, solvers: Sequence[str]) -> None:
        self._solver = gui.add_dropdown("Solver", tuple(solvers))
        self._noise = gui.add_slider("Noise, mm", 0, _MOST_NOISE_MM, 5, 0)
        self._occluded = gui.add_slider("Limb hidden, % of frames", 0, 100, 5, 0)
        self._missing = gui.add_slider("Joints missing", 0, _MOST_MISSING, 1, 0)
        keep = gui.add_button("Keep this answer beside the next")
        keep.on_click(lambda _: self.on_keep())

    def wanted(self) -> tuple[str, Corruption] | None:
        """The solver and the corruption that are set; None if nothing is solved."""
        if self._solver is None:
            return None
        how = Corruption(
            noise_mm=self._noise.value, occluded=self._occluded.value / 100, missing=int(self._missing.value)
        )
        return self._solver.value, how

    def set_corruption(self, how: Corruption) -> None:
        """Moves the sliders; the seed is not theirs."""
        self._noise.value, self._missing.value = how.noise_mm, how.missing
        self._occluded.value = 100 * how.occluded

    @property
    def frame(self) -> int:
        """That is shown."""
        return int(self._line.value)

    def frame_or(self, exact: float) -> float:
        """`exact` unless the timeline was moved since `go`; then its frame."""
        return exact if self.frame == int(self._exact) else float(self.frame)

    def go(self, frame: int, exact: float) -> None:
        """Shows a frame, at `exact` frames from the beginning."""
        self._exact = exact
        self._line.value = frame

    def step(self, frames: int) -> None:
        """Goes on by so many frames, and pauses."""
        if self.playing:
            self.toggle()
        self._line.value = (self.frame + frames) % (int(self._line.max) + 1)

    def set_frames(self, frames: int) -> None:
        """The timeline has so many frames from now on."""
        self._line.value = min(self.frame, frames - 1)
        self._line.max = max(frames - 1, 1)

    def toggle(self) -> None:
        """Plays or pauses."""
        self.playing = not self.playing
        self._play.label = "Pause" if self.playing else "Play"

    @property
    def speed(self) -> float:
        """Times as fast as it was."""
        return _SPEEDS[self._speed.value]

    @property
    def colour(self) -> str:
        """One of `posed.COLOURS`."""
        return str(self._colour.value)

    @property
    def points(self) -> bool:
        """Whether observed joints are shown."""
        return bool(self._points.value)

    def say(self, text: str) -> None:
        """Shows a line under the sliders."""
        self._said.content = text

    def _set_theme(self) -> None:
        self._server.gui.configure_theme(dark_mode=bool(self._dark.value), show_logo=False, show_share_button=False)
