"""
What logs and errors say of an exception that nobody expected: its class and where it was raised.

Its own words are left out, always, because they may repeat a secret: an address with its query, a
header, a line of a configuration.
"""

import traceback


def class_and_line(error: BaseException) -> str:
    """
    Returns the class of an exception and the line that raised it.

    Of a group, it is the first exception in it.
    Only a failed import keeps its words, which name what is missing and nothing else.
    """
    first = first_of(error)
    kind = type(first).__name__
    if isinstance(first, ImportError):
        return f"{kind}: {first}"
    lines = traceback.extract_tb(first.__traceback__)
    return f"{kind} at {lines[-1].filename}:{lines[-1].lineno}" if lines else kind


def class_and_way(error: BaseException) -> str:
    """Returns the class of an exception and all lines that it came through, the last call last."""
    first = first_of(error)
    return f"{type(first).__name__}\n{''.join(traceback.format_tb(first.__traceback__))}"


def first_of(error: BaseException) -> BaseException:
    """Returns what went wrong first, where tasks that worked together failed together."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
