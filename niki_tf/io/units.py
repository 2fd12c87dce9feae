"""Names of units of length and of axes, as files write them."""

_METRES = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1.0),
    **dict.fromkeys(("dm", "decimeter", "decimeters", "decimetre", "decimetres"), 0.1),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 0.01),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 0.001),
    **dict.fromkeys(("in", "inch", "inches"), 0.0254),
    **dict.fromkeys(("ft", "foot", "feet"), 0.3048),
}
_AXES = ("x", "y", "z", "-x", "-y", "-z")


def metres(unit: str) -> float | None:
    """Metres in one `unit`, such as "mm"; None if the name is not known."""
    return _METRES.get(unit.strip().strip("()[]").lower())


def axis(name: str) -> str | None:
    """The axis of `name`, such as "+Z", as x, y, z, -x, -y or -z; None if it is none."""
    plain = name.strip().lower().removeprefix("+")
    return plain if plain in _AXES else None
