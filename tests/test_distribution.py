"""
The wheel and the sdist are built, looked at, installed where no checkout is, and run there.

With `ODYSSEY_CLEAN_INSTALL` in the environment everything that they need comes from the package index, as for
a user; otherwise it is taken from the present environment, and no network is needed.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from odyssey import __version__
from tests.test_house import PACKAGES, tracked

ROOT = Path(__file__).parent.parent
CLEAN = bool(os.environ.get("ODYSSEY_CLEAN_INSTALL"))
MINUTES = 10

NEWCOMER = ROOT / "tests" / "newcomer.sh"

DRIVER_TESTS = (
    "client/test_real.py",
    "client/test_client.py",
    "client/test_failed_calls.py",
    "downloads",
    "net",
)
"""What is run against the installed wheel, from the folder of the driver tests."""

pytestmark = pytest.mark.timeout(60 * MINUTES)


def environment() -> dict[str, str]:
    """Returns one into which neither the checkout nor a warning filter of the suite leaks."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    return clean if CLEAN else clean | {"PYTHONPATH": os.pathsep.join(libraries)}


def run(*command: "str | Path", cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60 * MINUTES,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both: the wheel is built from the sdist, as an index would have it."""
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def sdist(built: Path) -> Path:
    (sdist,) = built.glob("*.tar.gz")
    return sdist


def installed(distribution: Path, folder: Path, *, extra: str = "[cli]") -> Path:
    """Returns a Python in an environment of its own, in which a distribution is installed."""
    venv.create(folder)
    python = folder / "bin" / "python"
    options = [] if CLEAN else ["--no-deps", "--no-index", "--no-build-isolation"]
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "-q", *options, f"{distribution}{extra}", cwd=folder)
    return python


@pytest.fixture(scope="module", params=["wheel", pytest.param("sdist", marks=pytest.mark.long)])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in an environment of its own, in which one of them is installed."""
    extra = "[cli,view]" if request.param == "wheel" else "[cli]"
    return installed(request.getfixturevalue(request.param), tmp_path_factory.mktemp("env"), extra=extra)


@pytest.fixture
def service(python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The installed library's own service, to which the environment points."""
    command = [str(python.parent / "odyssey"), "serve"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        monkeypatch.setenv("ODYSSEY_API_URL", process.stdout.readline().strip())
        yield
        process.terminate()
        assert process.wait(20) == 143


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = [path.relative_to(ROOT) for path in tracked(*(f"{package}/**" for package in PACKAGES))]
    assert held == {path.as_posix() for path in files if "__pycache__" not in path.parts}
    assert {f"{package}/py.typed" for package in PACKAGES} <= held


def test_the_sdist_holds_what_a_packager_needs(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    papers = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "pyproject.toml"}
    assert papers <= held
    for folder in (*PACKAGES, "tests", "docs", "examples", "benchmarks"):
        assert {path.relative_to(ROOT).as_posix() for path in tracked(f"{folder}/**/*.py")} <= held


def test_an_index_would_take_both(wheel: Path, sdist: Path) -> None:
    pytest.importorskip("twine")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist, cwd=ROOT)


def test_the_version_stands_in_one_place_and_in_the_changelog() -> None:
    code = tracked("pyproject.toml", *(f"{package}/**" for package in PACKAGES))
    spelled = [path for path in code if f'"{__version__}"' in path.read_text(errors="replace")]
    assert spelled == [ROOT / "odyssey_anyio" / "tracing" / "version.py"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["dynamic"] == ["version"]
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert f"\n## [{__version__}]" in changes or f"will be {__version__}" in changes


def test_driver_tests_pass_with_what_is_installed(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    """They are those of the sdist, without the packages beside them."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (checkout,) = tmp_path.iterdir()
    for package in PACKAGES:
        shutil.rmtree(checkout / package)
    python = installed(wheel, tmp_path / "env", extra="[dev]" if CLEAN else "[cli]")
    options = ["-q", "-n", "2"] if CLEAN else ["-q", "-n", "0", "-k", "test_a_session_from_end_to_end"]
    tests = [Path("tests", "driver", name) for name in (DRIVER_TESTS if CLEAN else DRIVER_TESTS[:1])]
    said = run(python, "-m", "pytest", *options, *tests, cwd=checkout)
    assert " passed" in said


def test_what_is_installed_runs_the_quick_start(python: Path, service: None, tmp_path: Path) -> None:
    where = run(python, "-c", "import odyssey; print(odyssey.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(python.parents[1])
    said = run(python, ROOT / "examples" / "quick_start.py", cwd=tmp_path)
    assert "Ready: " in said
    assert "Invalid" not in said
    assert "failed" not in said


@pytest.mark.long
@pytest.mark.parametrize("python", ["wheel"], indirect=True)
def test_the_path_of_a_new_user(python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join((str(python.parent), os.environ["PATH"])))
    for variable in ("ODYSSEY_API_URL", "ODYSSEY_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    said = run(NEWCOMER, ROOT / "README.md", cwd=tmp_path)
    assert "\n== there" in said


def test_a_new_user_types_what_pages_say() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs" / "tutorial").glob("*.md")]
    written = "\n".join(page.read_text() for page in pages).replace(" --port 8080", "")
    script = NEWCOMER.read_text().replace(" --no-open", "")
    typed = re.findall(r"(?:python -m )?\bodyssey [a-z][^<>|;\n]*", script)
    typed = [each.strip() for each in typed if not each.startswith("odyssey trace show")]
    assert len(typed) > 5
    assert [each for each in typed if each not in written] == []


def test_what_is_installed_is_whole(python: Path, tmp_path: Path) -> None:
    program = f"""
from importlib.metadata import version
from importlib.resources import files
from odyssey_anyio.tracing.tracer import VERSIONS
assert version("odyssey-client") == "{__version__}" == dict(VERSIONS)["odyssey"]
data = ("odyssey/cli/page/page.html", "odyssey/view/page/index.html")
for name in ("odyssey/py.typed", "odyssey/__init__.pyi", *data):
    package, _, path = name.partition("/")
    assert files(package).joinpath(path).is_file(), name
import odyssey
for name in odyssey.__all__:
    getattr(odyssey, name)
"""
    run(python, "-W", "error", "-c", program, cwd=tmp_path)
    assert run(python.parent / "odyssey", "--version", cwd=tmp_path) == f"odyssey {__version__}\n"
