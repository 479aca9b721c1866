"""A console of rich, for all that a command prints with it."""

from rich import console


class Console(console.Console):
    """One that says that nobody reads any more, where rich would end the program from inside a task."""

    def on_broken_pipe(self) -> None:
        """Raises `BrokenPipeError`, as printing without rich does."""
        raise BrokenPipeError
