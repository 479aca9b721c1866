"""What is said in logs and errors of an exception that nobody expected."""

import traceback


def said(error: BaseException) -> str:
    """
    Returns the class of an exception and where it was raised.

    Its own words are left out, because they may repeat a secret; those of a failed import name what
    is missing, and nothing else.
    """
    kind = type(error).__name__
    if isinstance(error, ImportError):
        return f"{kind}: {error}"
    places = traceback.extract_tb(error.__traceback__)
    return f"{kind} at {places[-1].filename}:{places[-1].lineno}" if places else kind
