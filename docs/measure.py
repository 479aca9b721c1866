"""
Measures how a package is built: floors, circles, sizes, names. `python docs/measure.py [package …]`.

A *floor* is the length of the longest chain of imports between modules, a *circle* a set of modules
that import each other.
Imports of a package's `__init__` count as imports of that module; those for type checkers count too.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

OURS = ("odyssey", "odyssey_anyio", "odyssey_proto", "odyssey_trio_compat")


def modules(packages: tuple[str, ...]) -> dict[str, Path]:
    """Returns the modules of packages by name, without the `__init__` of each."""
    found = {}
    for package in packages:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise SystemExit(f"{package} is not installed")
        root = Path(spec.origin).parent
        for path in root.rglob("*.py"):
            if path.name != "__init__.py" and "tests" not in path.relative_to(root).parts:
                found[".".join((package, *path.relative_to(root).with_suffix("").parts))] = path
    return found


def imports(name: str, path: Path) -> Iterator[str]:
    """Returns every name that a module imports, in full."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                around = name.split(".")[: -level or None] if level else []
                origin = ".".join([*around, *([module] if module else [])])
                yield origin
                yield from (f"{origin}.{alias.name}" for alias in names)


def graph(found: Mapping[str, Path]) -> dict[str, set[str]]:
    """Returns which modules each module imports."""
    return {
        name: {each for each in imports(name, path) if each in found and each != name}
        for name, path in found.items()
    }


def circles(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Returns the sets of modules that import each other (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def explore(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(arrows[node]):
            if target not in index:
                explore(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            members = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            found.append(sorted(members))

    for node in sorted(arrows):
        if node not in index:
            explore(node)
    return [members for members in found if len(members) > 1]


def floors(arrows: Mapping[str, set[str]]) -> int:
    """Returns the length of the longest chain of imports; a circle counts as one floor."""
    circle = {name: members[0] for members in circles(arrows) for name in members}

    @cache
    def height(name: str) -> int:
        members = [each for each in arrows if circle.get(each, each) == name]
        below = {circle.get(target, target) for member in members for target in arrows[member]} - {name}
        return 1 + max(map(height, below), default=0)

    return max(height(circle.get(name, name)) for name in arrows)


def names_twice(found: Mapping[str, Path]) -> list[str]:
    """Returns the file names that occur more than once."""
    return sorted(name for name, count in Counter(path.name for path in found.values()).items() if count > 1)


def words_for_a_state(found: Mapping[str, Path]) -> list[str]:
    """Returns the words that end the names of enums that say where something stands."""
    words = ("State", "Stage", "Place", "Phase", "Position", "Mode")
    enums = {
        node.name
        for path in found.values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases)
    }
    # `Phase` alone is what was going on when something failed: it is no machine's state.
    return sorted({word for word in words for enum in enums if enum.endswith(word) and enum != "Phase"})


def measured(packages: tuple[str, ...]) -> dict[str, str]:
    """Returns the figures of packages, taken as one body of code, by what they measure."""
    found = modules(packages)
    arrows = graph(found)
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in found.values())
    return {
        "import floors": str(floors(arrows)),
        "circles": str(len(circles(arrows))),
        "lines": f"{sum(lengths):,}",
        "modules": str(len(lengths)),
        "median lines of a module": str(lengths[len(lengths) // 2]),
        "modules under 60 lines": str(sum(length < 60 for length in lengths)),
        "longest module": str(lengths[-1]),
        "words for a state": ", ".join(words_for_a_state(found)) or "none",
        "file names that occur twice": str(len(names_twice(found))),
        "modules directly in odyssey_anyio": str(
            sum(name.startswith("odyssey_anyio.") and name.count(".") == 1 for name in found)
        ),
    }


def main() -> None:
    """Prints a table."""
    packages = tuple(sys.argv[1:]) or OURS
    for what, figure in measured(packages).items():
        print(f"| {what} | {figure} |")


if __name__ == "__main__":
    main()
