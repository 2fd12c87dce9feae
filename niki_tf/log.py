"""The one logger of the package, `niki_tf`: what a user should know and no error is. It never holds joints or poses.

Whoever wants it elsewhere, or not at all, says so to `logging.getLogger("niki_tf")`.
"""

import logging
import time

logger = logging.getLogger("niki_tf")
"""The logger; the package adds no handler to it and sets no level."""
_told: dict[str, float] = {}
"""When what was said seldom was said last, by its beginning."""


def warn_seldom(text: str, *, seconds: float) -> None:
    """Warns, unless the same was said in the last few seconds.

    Args:
        text: of the warning; what it says up to the first digit is what is counted as the same.
        seconds: that pass until it is said again.
    """
    kind, now = text.partition(next((c for c in text if c.isdigit()), "\n"))[0], time.monotonic()
    if now - _told.get(kind, -seconds) >= seconds:
        _told[kind] = now
        logger.warning("%s", text)
