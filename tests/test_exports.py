"""What the packages export, and that importing them stays light."""

import ast
import importlib
import pkgutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

PACKAGES = ("odyssey", "odyssey_anyio", "odyssey_proto", "odyssey_trio_compat")
HEAVY = {"aiortc", "aioice", "av", "numpy", "cryptography", "PIL", "rich", "trio"}

# docs/protocol.md#public-surface
NAMES = """
    Odyssey OdysseyEventHandlers connect_to_stream SpectatorConnection
    OdysseyError OdysseyAuthError OdysseyConnectionError OdysseyStreamError OdysseyUsageError
    MonthlyLimitReachedError ConcurrentLimitReachedError StreamDurationExceededError
    AccountSuspendedError RateLimitError
    ClientConfig AdvancedConfig ClientCredentials VideoFrame ConnectionStatus
    Recording StreamRecordingInfo StreamRecordingsList BroadcastInfo StreamerCapabilities
    SimulationJobStatus SimulationStream SimulationJobInfo SimulationJobDetail SimulationJobsList
    VideoFrameCallback ConnectedCallback DisconnectedCallback StreamStartedCallback StreamEndedCallback
    StreamErrorCallback InteractAcknowledgedCallback BroadcastReadyCallback ErrorCallback
    StatusChangeCallback __version__
"""
PUBLIC_API = frozenset(NAMES.split())


def modules() -> list[str]:
    found = []
    for name in PACKAGES:
        package = importlib.import_module(name)
        found += [name, *(info.name for info in pkgutil.walk_packages(package.__path__, f"{name}."))]
    return [name for name in found if not name.endswith("__main__")]


@pytest.mark.parametrize("name", modules())
def test_every_module_imports_and_exports_what_it_has(name: str) -> None:
    module = importlib.import_module(name)
    exported = list(getattr(module, "__all__", ()))
    assert len(exported) == len(set(exported))
    assert [each for each in exported if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_exports_nothing_by_accident(name: str) -> None:
    """A public name that a package's `__init__` imports or defines stands in its `__all__`."""
    module = importlib.import_module(name)
    exported = set(getattr(module, "__all__", ()))
    accidental = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and not isinstance(value, ModuleType) and key not in exported
    }
    # `from typing import TYPE_CHECKING` and its like are tools, not exports.
    tools = {key for key in accidental if getattr(vars(module)[key], "__module__", None) == "typing"}
    assert accidental - tools - {"TYPE_CHECKING", "annotations"} == set()


def test_the_public_api_is_there() -> None:
    odyssey = importlib.import_module("odyssey")
    assert {name for name in PUBLIC_API if not hasattr(odyssey, name)} == set()
    assert {name for name in PUBLIC_API if not name.startswith("__")} <= set(odyssey.__all__)


@pytest.mark.parametrize("name", ["odyssey", "odyssey_anyio.media", "odyssey_anyio.local"])
def test_the_import_is_light(name: str) -> None:
    program = f"import sys, {name}; sys.stdout.write(' '.join(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert HEAVY & set(done.stdout.split()) == set()


def test_a_client_loads_nothing_that_connecting_does_not_need() -> None:
    # Tools ask each module for such names.
    asks = "hasattr(sys.modules['odyssey_proto.trace'], '__wrapped__')"
    program = f"import sys; from odyssey import Odyssey; Odyssey('ody_test'); {asks}; print(*sys.modules)"
    loaded = run(program).split()
    seldom = (
        "odyssey_proto.service",
        "odyssey_proto.trace.redaction",
        "odyssey.inspect",
        "odyssey.diagnosis",
    )
    assert [name for name in loaded if name.startswith((*seldom, "importlib.metadata"))] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_typed(name: str) -> None:
    package = importlib.import_module(name)
    assert [path for path in package.__path__ if (importlib.resources.files(name) / "py.typed").is_file()]


def test_annotations_resolve() -> None:
    """Every public class and function of `odyssey` can be asked for its types at run time."""
    import inspect
    import typing

    odyssey = importlib.import_module("odyssey")
    for name in odyssey.__all__:
        value = getattr(odyssey, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            members = [value, *(each for _, each in inspect.getmembers(value, inspect.isfunction))]
            for member in members:
                if getattr(member, "__module__", "").startswith("odyssey"):
                    typing.get_type_hints(member)


def test_all_is_a_literal() -> None:
    """Type checkers read `__all__`, or the stub instead of it, without running anything."""
    for name in PACKAGES:
        files = importlib.resources.files(name)
        if files.joinpath("__init__.pyi").is_file():
            exported = importlib.import_module(name).__all__
            assert re_exported(files.joinpath("__init__.pyi").read_text()) == list(exported)
        for node in ast.parse(files.joinpath("__init__.py").read_text()).body:
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
            ):
                assert all(isinstance(each, str) for each in ast.literal_eval(node.value))


def re_exported(stub: str) -> list[str]:
    """Returns the names that a stub imports for others: only those imported `as` themselves count."""
    imports = [node for node in ast.parse(stub).body if isinstance(node, ast.ImportFrom)]
    names = [alias for node in imports for alias in node.names]
    assert all(alias.name == alias.asname for alias in names)
    return [alias.name for alias in names]


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_nothing_is_loaded_before_it_is_used() -> None:
    program = "import sys, odyssey; print({'odyssey_anyio', 'odyssey_proto', 'ast'} & {*sys.modules})"
    assert run(program) == "set()\n"


def test_the_public_names_can_be_listed_and_all_taken() -> None:
    odyssey = importlib.import_module("odyssey")
    assert dir(odyssey) == sorted(odyssey.__all__)
    program = "from odyssey import *; print(Odyssey.__module__, ConnectionStatus.__module__)"
    assert run(program) == "odyssey odyssey_proto.model.events\n"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = odyssey.nothing


def test_the_stub_is_found_in_an_archive(tmp_path: Path) -> None:
    package = Path(importlib.import_module("odyssey").__path__[0])
    with zipfile.ZipFile(tmp_path / "odyssey.zip", "w") as archive:
        for name in ("__init__.py", "__init__.pyi"):
            archive.write(package / name, f"odyssey/{name}")
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'odyssey.zip')!r}); import odyssey"
    assert "Odyssey" in run(f"{program}; print(odyssey.__file__, dir(odyssey))")
