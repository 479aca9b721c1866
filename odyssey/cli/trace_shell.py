"""`trace repl`: step forward and back through a trace, and ask why."""

import cmd
import code
import json
from collections.abc import Callable, Iterable

from odyssey.cli import UsageError
from odyssey.cli.styled import write
from odyssey.inspect.compare import compared
from odyssey.inspect.cursor import TraceCursor
from odyssey.inspect.plain_data import plain_data
from odyssey.inspect.story import StoryEntry
from odyssey.inspect.transcript import Text, differences, heading, printable, sentence
from odyssey_proto.trace.values import Trace


class TraceShell(cmd.Cmd):
    """The loop; an empty line repeats the last command, as debuggers do."""

    def __init__(self, cursor: TraceCursor, load: Callable[[str], Trace]) -> None:
        super().__init__()
        self.cursor = cursor
        self._load = load
        self._set_prompt()

    def preloop(self) -> None:
        """Says what is looked at."""
        write(heading(self.cursor.story))
        print("next, back, goto N, list, state, show [N], why [N], find WORDS, diff FILE, python, quit; help")

    def postcmd(self, stop: bool, line: str) -> bool:
        """Names the present step in the prompt."""
        self._set_prompt()
        return stop

    def default(self, line: str) -> None:
        """Takes a number as the step to go to."""
        if line.lstrip("-").isdigit():
            self.do_goto(line)
        elif line == "EOF":
            print()
        else:
            print(f"there is no command {printable(line.split()[0])!r}: help lists them")

    # --- going ----------------------------------------------------------------------------------

    def do_next(self, words: str) -> None:
        """next [N]: goes on by one step, or by N."""
        self._go(self.cursor.at + self._number(words, 1))

    def do_back(self, words: str) -> None:
        """back [N]: goes back by one step, or by N."""
        self._go(self.cursor.at - self._number(words, 1))

    def do_goto(self, words: str) -> None:
        """goto N: goes to a step; -1 is before the first."""
        self._go(self._number(words, self.cursor.at))

    def do_find(self, words: str) -> None:
        """find WORDS: goes to the next step in which they stand."""
        entry = next(self.cursor.find(words), None)
        if entry is None:
            print("nothing more like that")
        else:
            self._go(entry.record.step)

    # --- looking --------------------------------------------------------------------------------

    def do_list(self, words: str) -> None:
        """list [N]: prints the steps around the present one, N on each side (3)."""
        near = self._number(words, 3)
        steps = range(self.cursor.at - near, self.cursor.at + near + 1)
        self._print(entry for step in steps for entry in self.cursor.of_step.get(step, ()))

    def do_state(self, words: str) -> None:
        """state: prints the state of the machine after the present step."""
        for name, value in self.cursor.state:
            print(f"{name:>8}  {printable(value) or '–'}")

    def do_show(self, words: str) -> None:
        """show [N]: prints a record with everything in it, or all of the present step."""
        for entry in self._chosen(words):
            self._print([entry])
            value = plain_data(entry.record.value, secrets=self.cursor.trace.header.redacted)
            print(printable_json(value))

    def do_why(self, words: str) -> None:
        """why [N]: prints the chain of records that led to one, or to the last of the present step."""
        for entry in self._chosen(words)[-1:]:
            self._print(self.cursor.why(entry.number))

    def do_diff(self, words: str) -> None:
        """diff FILE: compares with another trace, times ignored."""
        try:
            other = self._load(words)
        except UsageError as error:
            print(printable(str(error)))
        else:
            write(differences(self.cursor.trace, other, list(compared(self.cursor.trace, other))))

    def do_python(self, words: str) -> None:
        """python: a Python prompt with `cursor`, its `trace` and `machine`, a core stepped until here."""
        cursor = self.cursor
        space = {"cursor": cursor, "trace": cursor.trace, "machine": cursor.machine()}
        code.interact("cursor, trace, machine; Ctrl-D leads back", local=space, exitmsg="")

    def do_quit(self, words: str) -> bool:
        """quit: leaves; so does Ctrl-D."""
        return True

    def do_n(self, words: str) -> None:
        """n: the same as next."""
        self.do_next(words)

    def do_b(self, words: str) -> None:
        """b: the same as back."""
        self.do_back(words)

    def do_EOF(self, words: str) -> bool:  # noqa: N802  cmd's name for the end of input
        """Ctrl-D: the same as quit."""
        return self.do_quit(words)

    # --- how ------------------------------------------------------------------------------------

    def _go(self, step: int) -> None:
        before = dict(self.cursor.state)
        self.cursor.go(step)
        self._print(self.cursor.entries)
        for name, value in self.cursor.state:
            if name != "waits" and before.get(name) != value:
                print(
                    f"{'':10}  {name}: {printable(before.get(name, '')) or '–'} → {printable(value) or '–'}"
                )

    def _chosen(self, words: str) -> tuple[StoryEntry, ...]:
        if not words:
            return self.cursor.entries
        entries = self.cursor.story.entries
        number = self._number(words, -1)
        if not 0 <= number < len(entries):
            print(f"there are records from 0 to {len(entries) - 1}")
            return ()
        return (entries[number],)

    def _print(self, entries: Iterable[StoryEntry]) -> None:
        write(self._line(entry) for entry in entries)

    def _line(self, entry: StoryEntry) -> Text:
        return ((f"{entry.number:>6} ", "dim"), *sentence(self.cursor.story, entry))

    def _number(self, words: str, otherwise: int) -> int:
        try:
            return int(words) if words else otherwise
        except ValueError:
            print("a number is needed")
            return otherwise

    def _set_prompt(self) -> None:
        at = self.cursor.at
        self.prompt: str = f"({'before the first step' if at < 0 else f'step {at}'} of {len(self.cursor)}) "


def printable_json(value: object) -> str:
    """Returns plain data as indented JSON that a terminal does not obey."""
    return json.dumps(value, indent=2, ensure_ascii=True)
