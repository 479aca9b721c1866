"""A folder with tests that use the plugin."""

from pathlib import Path

import pytest
from house.pytest_project import PROGRAM, Project


# Not pytest's own `pytester`: it forgets every module that is imported during its tests, numpy included.
@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write(program=PROGRAM)
    made.configure()
    return made
