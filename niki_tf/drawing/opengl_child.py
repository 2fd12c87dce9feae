"""Draws a mesh by OpenGL off screen, as a process of its own that is asked by its standard input.

`python opengl_child.py SIZE VERTICES FACES NEAR FAR` reads the faces (int32), answers `READY`, then reads for each
picture twelve numbers (focal length, centre 2, light's direction 3, diffuse 3, ambient 3) and the surface (VERTICES, 9:
places, normals, tints), all float32, and answers the picture (SIZE, SIZE, 4), float16. It ends with its input. It
imports nothing of the package, since with TensorFlow in the process Mesa's software driver ends it.
"""

import importlib
import sys
from typing import Any

import numpy as np

READY = b"ready"

_VERTEX = """
#version 330
in vec3 place; in vec3 normal; in vec3 tint;
out vec3 across; out vec3 paint;
uniform vec4 lens; uniform vec2 range;
void main() {
    across = normal; paint = tint;
    float depth = (range.x + range.y) * place.z - 2.0 * range.x * range.y;
    gl_Position = vec4(lens.xy * place.xy + lens.zw * place.z, depth / (range.y - range.x), place.z);
}
"""
_FRAGMENT = """
#version 330
in vec3 across; in vec3 paint; out vec4 colour;
uniform vec3 light; uniform vec3 ambient; uniform vec3 diffuse;
void main() { colour = vec4(paint * (ambient + diffuse * max(0.0, dot(normalize(across), light))), 1.0); }
"""


def main(size: int, vertices: int, faces: int, near: float, far: float) -> None:
    """Draws what standard input asks for until it ends."""
    moderngl: Any = importlib.import_module("moderngl")  # its types do not know what they hold
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    corners = asked.read(12 * faces)
    create: Any = moderngl.create_context
    context = create(standalone=True, backend="egl")
    program: Any = context.program(vertex_shader=_VERTEX, fragment_shader=_FRAGMENT)
    program["range"].value = (near, far)
    buffer = context.buffer(reserve=36 * vertices, dynamic=True)
    layout = [(buffer, "3f 3f 3f", "place", "normal", "tint")]
    array = context.vertex_array(program, layout, context.buffer(corners))
    colours = [context.renderbuffer((size, size), components=4, dtype="f2")]
    frame = context.framebuffer(colours, context.depth_renderbuffer((size, size)))
    frame.use()
    context.enable_only(moderngl.DEPTH_TEST)
    answers.write(READY)
    answers.flush()
    while len(numbers := asked.read(4 * 12)) == 4 * 12:
        settings = np.frombuffer(numbers, np.float32).astype(float)
        scale, shift = 2.0 * settings[0] / size, 2.0 * settings[1:3] / size - 1.0
        program["lens"].value = (scale, scale, *shift)  # rows are read from the bottom, so that y is down
        for place, name in enumerate(("light", "diffuse", "ambient")):
            program[name].value = tuple(settings[3 + 3 * place : 6 + 3 * place])
        buffer.write(asked.read(36 * vertices))
        frame.clear(0.0, 0.0, 0.0, 0.0)
        array.render()
        answers.write(frame.read(components=4, dtype="f2"))
        answers.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), *map(float, sys.argv[4:6]))
