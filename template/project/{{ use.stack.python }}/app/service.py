import tomllib
from pathlib import Path

_manifest = Path(__file__).parents[1] / "pyproject.toml"
_project = tomllib.loads(_manifest.read_text("utf-8"))["project"]

NAME: str = _project["name"]
DESCRIPTION: str = _project["description"]
VERSION: str = _project["version"]
