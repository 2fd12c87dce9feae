"""Questions that are asked again: a server that is starting or busy may answer a little later."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

_Answer = TypeVar("_Answer")

FIRST_WAIT = 0.25
"""Seconds before the second time; each further wait is twice as long."""


class Unavailable(ConnectionError):
    """A server does not answer now, but may do so soon: it starts, is busy or broke off."""


def persistently(ask: Callable[[float], _Answer], *, deadline: float, retries: int) -> _Answer:
    """What `ask` answers, asked again after `Unavailable`, with waits that double and that chance shortens.

    Args:
        ask: function of the seconds that it has.
        deadline: seconds for all of it, the waits among them.
        retries: how often it is asked again at most.

    Raises:
        Unavailable: the last time, too, or no time is left; the message says how often it was asked.
    """
    end, left = time.monotonic() + deadline, deadline
    for asked in range(1, retries + 2):
        try:
            return ask(left)
        except Unavailable as error:
            wait = FIRST_WAIT * 2 ** (asked - 1) * random.uniform(0.5, 1.0)  # so that many do not come back at once
            left = end - time.monotonic() - wait
            if asked > retries or left <= 0.0:
                raise (error if asked == 1 else Unavailable(f"{error} It was asked {asked} times.")) from None
            time.sleep(wait)
    raise AssertionError("not reached")
