"""The folder of a new model: code, tests, requirements and a little data, which can be trained and served at once."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files as resources
from pathlib import Path
from string import Template

from slipway import files
from slipway.errors import SlipwayError
from slipway.names import check_model_name, folder_name
from slipway.settings import Settings

_PINNED = ("numpy", "pandas", "scikit-learn")
_ROWS = 120


def new_model(settings: Settings, name: str) -> Path:
    """Make the folder of a model; raise `SlipwayError` when the name cannot be a model's or is taken."""
    module = folder_name(check_model_name(name))
    folder = settings.root / "model" / module
    if name in settings.declared and settings.folder(name) != folder:
        raise SlipwayError(f"slipway.yaml names another folder for {name}", fix="choose another name")
    if folder.exists() or folder.is_symlink():
        raise SlipwayError(f"{folder.relative_to(settings.root)} is there already", fix="choose another name")
    title = "".join(part.capitalize() for part in name.split("-"))
    class_name = f"{title}Model" if keyword.iskeyword(title) else title
    words = {"name": module, "Name": class_name, "Title": name.replace("-", " ").capitalize()}
    templates = resources("slipway.models") / "template"
    with files.new_folder(folder) as draft:
        for file in ("model.py", "test_model.py", "README.md"):
            text = (templates / f"{file}.txt").read_text(encoding="utf-8")
            (draft / file).write_text(Template(text).substitute(words), encoding="utf-8")
        (draft / "requirements.txt").write_text(_pins(settings.root), encoding="utf-8")
        (draft / f"{module}.csv").write_text(_data(), encoding="utf-8")
    return folder


def _pins(root: Path) -> str:
    """Return requirements with the versions of the repository's lock."""
    try:
        lock = (root / "requirements.lock").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SlipwayError(f"{root} has no requirements.lock to take versions from", fix="make lock") from error
    pins = {package: re.search(rf"^{re.escape(package)}==\S+", lock, re.MULTILINE) for package in _PINNED}
    if missing := [package for package, pin in pins.items() if pin is None]:
        raise SlipwayError(f"requirements.lock does not pin {', '.join(missing)}", fix="make lock")
    return "".join(f"{pin[0]}\n" for pin in pins.values() if pin)


def _data() -> str:
    """Return made-up rows of two kinds that differ in length and not in colour; no row is there twice."""
    rows = ["length,width,colour,kind"]
    for number in range(_ROWS):
        large = number % 2
        length = 3 + 3 * large + (number * 7 % 20) / 10
        width = 1 + (number * 37 % _ROWS) / 60
        rows.append(f"{length:.1f},{width:.2f},{('red', 'green', 'blue')[number % 3]},{('small', 'large')[large]}")
    return "\n".join(rows) + "\n"
