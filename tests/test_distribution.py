"""
The wheel and the sdist are built, installed where no checkout is, and run the Quick Start.

With `ODYSSEY_CLEAN_INSTALL` in the environment everything that they need comes from the package index, as for
a user; otherwise it is taken from the present environment, and no network is needed.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from odyssey import __version__

ROOT = Path(__file__).parent.parent
CLEAN = bool(os.environ.get("ODYSSEY_CLEAN_INSTALL"))
MINUTES = 10

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


@pytest.fixture(params=["*.whl", "*.tar.gz"], ids=["wheel", "sdist"])
def python(request: pytest.FixtureRequest, built: Path, tmp_path: Path) -> Path:
    """A Python in an environment of its own, in which one of them is installed."""
    (distribution,) = built.glob(request.param)
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    options = [] if CLEAN else ["--no-deps", "--no-index", "--no-build-isolation"]
    run(python, "-m", "pip", "install", "-q", *options, f"{distribution}[cli]", cwd=tmp_path)
    return python


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


def test_what_is_installed_runs_the_quick_start(python: Path, service: None, tmp_path: Path) -> None:
    where = run(python, "-c", "import odyssey; print(odyssey.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(tmp_path / "env")
    said = run(python, ROOT / "examples" / "quick_start.py", cwd=tmp_path)
    assert "Ready: " in said
    assert "Invalid" not in said
    assert "failed" not in said


def test_what_is_installed_is_whole(python: Path, tmp_path: Path) -> None:
    program = f"""
from importlib.metadata import version
from importlib.resources import files
from odyssey_anyio.tracing.tracer import VERSIONS
assert version("odyssey-client") == "{__version__}" == dict(VERSIONS)["odyssey"]
for name in ("odyssey/py.typed", "odyssey/__init__.pyi", "odyssey/cli/page/page.html"):
    package, _, path = name.partition("/")
    assert files(package).joinpath(path).is_file(), name
import odyssey
for name in odyssey.__all__:
    getattr(odyssey, name)
"""
    run(python, "-W", "error", "-c", program, cwd=tmp_path)
    assert run(python.parent / "odyssey", "--version", cwd=tmp_path) == f"odyssey {__version__}\n"
