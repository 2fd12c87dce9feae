"""SIGTERM and SIGINT (Ctrl-C), answered by all programs alike: one line, exit status 143 or 130.

The signal becomes a KeyboardInterrupt in the main thread, so that what is half written is removed on the way out; a
training stores its state first. A program that is in TensorFlow's hands and does not answer is ended all the same.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

PATIENCE = 60.0
"""Seconds that a program has to end by itself."""
_AGAIN = 1.0
"""Seconds after which another signal is a second request: Ctrl-C, and a program that passes it on, are one."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """A signal asked the program to end."""


@contextlib.contextmanager
def answered(command: str) -> Iterator[None]:
    """Context manager in which a signal ends the program, whatever is made of its KeyboardInterrupt.

    A second signal ends it at once. Outside the main thread, nothing is done.

    Args:
        command: name of the program, for the line that is printed.

    Raises:
        SystemExit: a signal came; with 128 and its number.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    with _watched(command), _handled(came):
        try:
            yield
        except BaseException:
            if not came:
                raise
        if came:
            _say(command, came[0], "What is finished stays; the same command goes on.")
            sys.exit(128 + came[0])


@contextlib.contextmanager
def _handled(came: list[int]) -> Iterator[None]:
    """Signals go into the list; the first one raises `Stopped`. One that was ignored before stays so."""

    def handle(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) == 1:
            raise Stopped(signal.Signals(number).name)

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _watched(command: str) -> Iterator[None]:
    """A thread ends the process if it does not end by itself: Python hears no signal while other code computes."""
    heard, told = socket.socketpair()
    told.settimeout(0.0)
    before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=_watch, args=(command, heard), daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        told.close()


def _watch(command: str, heard: socket.socket) -> None:
    first, until = 0, 0.0
    with heard:
        while True:
            heard.settimeout(max(until - time.monotonic(), 0.001) if first else None)
            try:
                numbers = [number for number in heard.recv(64) or b"\0" if number in (0, *_SIGNALS)]
            except TimeoutError:
                _end(command, first, f"It did not end within {PATIENCE:g} s and was ended.")
            if 0 in numbers:  # the program has left the context
                return
            if numbers and not first:
                first, until = numbers[0], time.monotonic() + PATIENCE
            elif numbers and time.monotonic() > until - PATIENCE + _AGAIN:
                _end(command, numbers[0], "It was told so again and was ended at once.")


def end_at_once(text: str) -> NoReturn:
    """Ends the process with a line and status 1, and without TensorFlow's shutdown, which waits for other workers."""
    sys.stdout.flush()
    with contextlib.suppress(OSError):
        os.write(2, f"\n{text}\n".encode())
    os._exit(1)


def _end(command: str, number: int, how: str) -> None:
    _say(command, number, f"{how} What was stored stays; the same command goes on.")
    os._exit(128 + number)


def _say(command: str, number: int, text: str) -> None:
    line = f"\n{command}: stopped by {signal.Signals(number).name}. {text}\n"
    with contextlib.suppress(OSError):
        os.write(2, line.encode())
