"""Lines that are typed, or come from a pipe or a file, while something else goes on."""

import codecs
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress

import anyio
import anyio.to_thread

READ_BYTES = 4096

END_OF_INPUT, ERASE_WORD, ERASE_LINE = "\x04", "\x17", "\x15"
"""Ctrl-D, Ctrl-W and Ctrl-U, which a terminal leaves to the program when it does not echo."""

_KEYS = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z~]|O[A-Z])")
"""What arrows and function keys send."""

_LAST_WORD = re.compile(r"\S+\s*$")


class PromptLine:
    """The line that is being typed: takes bytes, gives whole lines."""

    def __init__(self) -> None:
        self.text: str = ""
        """What was typed of the line until now."""
        self.ended: bool = False
        """Whether Ctrl-D was typed at the beginning of a line."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> Iterator[str]:
        """Takes what was read, and returns the lines that are whole now, without empty ones."""
        for typed in _KEYS.sub("", self._decoder.decode(data, not data)):
            match typed:
                case "\n" | "\r":
                    yield from self.rest()
                case "\x7f" | "\b":
                    self.text = self.text[:-1]
                case _ if typed == ERASE_WORD:
                    self.text = _LAST_WORD.sub("", self.text)
                case _ if typed == ERASE_LINE:
                    self.text = ""
                case _ if typed == END_OF_INPUT:
                    self.ended = not self.text
                case _ if typed.isprintable():
                    self.text += typed
                case _:
                    pass

    def rest(self) -> Iterator[str]:
        """Returns the line as it is, unless it is empty, and begins the next."""
        line, self.text = self.text.strip(), ""
        if line:
            yield line

    async def lines(self, descriptor: int) -> AsyncIterator[str]:
        """Returns the lines that come by a file descriptor until its end, or until Ctrl-D."""
        while not self.ended:
            # What cannot be waited for, a file for example, is always readable.
            with suppress(OSError):
                await anyio.wait_readable(descriptor)
            try:
                data = await anyio.to_thread.run_sync(os.read, descriptor, READ_BYTES)
            except OSError:
                # It is open for writing only, as nohup has it, or its terminal is gone.
                data = b""
            for line in self.feed(data):
                yield line
            if not data:
                break
        for line in self.rest():
            yield line


def standard_input() -> tuple[int | None, bool]:
    """Returns the descriptor of the standard input, if there is one, and whether it is a terminal."""
    try:
        descriptor = sys.stdin.fileno()
        return descriptor, os.isatty(descriptor)
    except (AttributeError, OSError, ValueError):
        return None, False


@contextmanager
def unechoed(descriptor: int) -> Iterator[None]:
    """Has a terminal hand over each key as it is typed, and print none; Ctrl-C stays a signal."""
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
