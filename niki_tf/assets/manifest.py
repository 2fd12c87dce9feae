"""The list of all files that are fetched: package, version, place in it, checksum, licence."""

import difflib
from collections.abc import Iterable
from typing import NamedTuple


class Source(NamedTuple):
    """A package that holds a file."""

    tool: str
    """`npm` or `pip`, by which the package is fetched."""
    package: str
    version: str
    member: str
    """Path of the file in the package."""
    sha256: str
    """Of the file."""


class Asset(NamedTuple):
    """A file, and the packages in which it is, the first of which is preferred.

    A package may hold another version of it; then the checksums differ.
    """

    file: str
    """Path in the cache folder."""
    licence: str
    sources: tuple[Source, ...]
    meaning: str


_POSE = ("npm", "@mediapipe/pose", "0.5.1675469404")
_POSE_PIP = ("pip", "mediapipe", "0.10.21")
_MOVENET = ("npm", "@vladmandic/human", "3.3.6")
_THREE = ("npm", "three", "0.180.0")
_LITERT = ("npm", "@litertjs/core", "2.5.3")
_LITERT_UTILS = ("npm", "@litertjs/wasm-utils", "2.5.3")
_POSE2SIM = ("pip", "pose2sim", "0.10.49")


def _blazepose(name: str, meaning: str, member: str, sha256: str, *others: Source) -> Asset:
    return Asset(f"blazepose/{name}.tflite", "Apache-2.0", (Source(*_POSE, member, sha256), *others), meaning)


def _view(clip: str, number: int, sha256: str) -> Asset:
    member = f"Pose2Sim/Demo_{clip}/videos/cam0{number}.mp4"
    source = Source(*_POSE2SIM, member, sha256)
    return Asset(f"four_views/{clip}/cam0{number}.mp4", "BSD-3-Clause", (source,), f"view {number} of a real clip")


def _three(part: str, meaning: str, sha256: str) -> Asset:
    file = f"three.{part}.min.js"
    return Asset(f"three/{file}", "MIT", (Source(*_THREE, f"package/build/{file}", sha256),), meaning)


def _litert(build: str, ending: str, meaning: str, sha256: str) -> Asset:
    file = f"litert_wasm_{build}internal.{ending}"
    return Asset(f"litert/wasm/{file}", "Apache-2.0", (Source(*_LITERT, f"package/wasm/{file}", sha256),), meaning)


ASSETS: dict[str, Asset] = {
    "blazepose_detector": _blazepose(
        "detector",
        "people in a picture",
        "package/pose_solution_packed_assets.data",
        "a63c614bef30d35947f13be361820b1e4e3bec9cfeebf4d11216a18373108e85",
        Source(
            *_POSE_PIP,
            "mediapipe/modules/pose_detection/pose_detection.tflite",
            "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        ),
    ),
    "blazepose_lite": _blazepose(
        "lite",
        "33 landmarks of a person, small",
        "package/pose_landmark_lite.tflite",
        "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
    ),
    "blazepose_full": _blazepose(
        "full",
        "33 landmarks of a person, middle",
        "package/pose_landmark_full.tflite",
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        Source(
            *_POSE_PIP,
            "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
            "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        ),
    ),
    "blazepose_heavy": _blazepose(
        "heavy",
        "33 landmarks of a person, large",
        "package/pose_landmark_heavy.tflite",
        "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
    ),
    "movenet_layers": Asset(
        "movenet/lightning.json",
        "MIT",
        (
            Source(
                *_MOVENET,
                "package/models/movenet-lightning.json",
                "df8cbde44d00f533ccc4916a7c6ebc17316532fb3fadad114ec667fef22872e9",
            ),
        ),
        "a COCO-trained MobileNetV2 as a start of training: its layers",
    ),
    "movenet_weights": Asset(
        "movenet/lightning.bin",
        "MIT",
        (
            Source(
                *_MOVENET,
                "package/models/movenet-lightning.bin",
                "bf97bc10d9c8a11200b0190ed64ce039b6252f1aff7cb552aca99b3d191c2f34",
            ),
        ),
        "the same: its weights in float16",
    ),
    "four_views_calibration": Asset(
        "four_views/Calib.qca.txt",
        "BSD-3-Clause",
        (
            Source(
                *_POSE2SIM,
                "Pose2Sim/Demo_SinglePerson/calibration/Calib.qca.txt",
                "fd90e4bbae3278ef1dc0cdd42a34ee06bf88286f628a02c00a29407aa39e34c5",
            ),
        ),
        "cameras of the real clips",
    ),
    **{
        f"four_views_single_{number}": _view("SinglePerson", number, sha256)
        for number, sha256 in enumerate(
            (
                "cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a",
                "94ff87cf978b8406e8aa36ab3c5362e72848994e87652f0dc7a33c315e8e0442",
                "b8b329f832f178f27ecb78d024d5026b96c6adb36c387bfe2c0af85eab8a11ca",
                "b5c0e7863fd70d008e7178d3c556b045b0ea5f78fcd61ca548a0b2e807e641f7",
            ),
            start=1,
        )
    },
    **{
        f"four_views_two_{number}": _view("MultiPerson", number, sha256)
        for number, sha256 in enumerate(
            (
                "543cee6a4c2c2b52dc9eac9137ee63d14f1f84e706a9a7264769edcb11e5ea53",
                "8895092a7cf26359205a427b7ac2f4a935c2e0bd36d9b7a5140cb33faa468a6b",
                "d3daf48cdf9f5603868ddb99166ddaf9b12279e7ce968922926560d5fd3f0c99",
                "1490149dc40e7301fa5ceae23862b044ba5c398a8b2a40df21ed894702728c09",
            ),
            start=1,
        )
    },
    "three_core": _three(
        "core",
        "drawing in three dimensions in a browser",
        "61ba0df005b05991361d040d8ff670e1aadfd0ce7aeebd1fdb0725957a8957de",
    ),
    "three_module": _three(
        "module", "the same: what draws by WebGL", "e2b5ee6bccd38fd6d8a2428546b83c5f2426d84b152ef82be8055556e3b40eb6"
    ),
    "three_licence": Asset(
        "three/LICENSE",
        "MIT",
        (Source(*_THREE, "package/LICENSE", "bfe119ea4fd413f5f7ca3fcd63adb0c4a073ed39daa2fe7d3e6b769e21272601"),),
        "the same: its licence",
    ),
    "litert_core": Asset(
        "litert/index.js",
        "Apache-2.0",
        (
            Source(
                *_LITERT, "package/dist/index.js", "e7daccc3a31eef890848a737ccb863ded5f046a6b40c3fdc0556495adeb5d9b3"
            ),
        ),
        "LiteRT in a browser",
    ),
    "litert_utils": Asset(
        "litert/wasm-utils.js",
        "Apache-2.0",
        (
            Source(
                *_LITERT_UTILS,
                "package/dist/index.js",
                "e0e20bc28ab001ac732cf40d15b6eebd24fb0deaeb95eeba5100f51eebf015f2",
            ),
        ),
        "the same: loading its builds",
    ),
    "litert_plain_js": _litert(
        "",
        "js",
        "the same: its usual build",
        "68efb69f770e3f76aff36a377de629ca496c131b86ac0f0f4b592a1543a898eb",
    ),
    "litert_plain_wasm": _litert(
        "",
        "wasm",
        "the same: its usual build",
        "7280cf4471774867e385e6c3cd53e2b45e2975b80fea338fff4ef359b0865614",
    ),
    "litert_compat_js": _litert(
        "compat_",
        "js",
        "the same: its build for browsers without relaxed SIMD",
        "4d8f894b7883654fd6e8439730aa41e79ceaab7d19184fc4f1f0b0f1a2a2c8a5",
    ),
    "litert_compat_wasm": _litert(
        "compat_",
        "wasm",
        "the same: its build for browsers without relaxed SIMD",
        "5255c8ad06eabdbd2522cdebf6b22fc10faf74625c23a49b9e072570cd1fa41c",
    ),
    "litert_threaded_js": _litert(
        "threaded_",
        "js",
        "the same: its build with threads",
        "92fe7a720c6deedaa1194c011c79a005ea4f6fc98f533b661cf7900760ab4849",
    ),
    "litert_threaded_wasm": _litert(
        "threaded_",
        "wasm",
        "the same: its build with threads",
        "b5e54eca10f043497edf9a02186332707cae260c550d7ea22b2cae55669596cf",
    ),
    "walk": Asset(
        "walk/demo.mp4",
        "BSD-3-Clause",
        (
            Source(
                "pip",
                "sports2d",
                "0.8.34",
                "Sports2D/Demo/demo.mp4",
                "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039",
            ),
        ),
        "a video of a woman who walks across",
    ),
}
"""Name -> `Asset`."""

GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(name for name in ASSETS if name.startswith(group))
    for group in ("blazepose", "movenet", "four_views", "three", "litert")
}
"""Name -> names of assets that are used together."""


def chosen(names: Iterable[str]) -> tuple[str, ...]:
    """Names of the assets that names of assets and of groups mean, each once; of all of them if there are none.

    Raises:
        ValueError: a name is unknown.

    Example:
        >>> from niki_tf import assets
        >>> assets.chosen(["movenet", "blazepose_lite"])
        ('movenet_layers', 'movenet_weights', 'blazepose_lite')
    """
    found: dict[str, None] = {}
    for name in names:
        if name not in ASSETS and name not in GROUPS:
            close = difflib.get_close_matches(name, [*GROUPS, *ASSETS], n=1, cutoff=0.5)
            meant = f" Did you mean {close[0]}?" if close else ""
            raise ValueError(f"`name` must be one of {', '.join([*GROUPS, *ASSETS])}; got {name!r}.{meant}")
        found |= dict.fromkeys(GROUPS.get(name, (name,)))
    return tuple(found) or tuple(ASSETS)
