"""Settings: `slipway.yaml`, read and checked, and the model folders under `model/`."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from slipway.errors import SlipwayError
from slipway.names import check_model_name, folder_name, nearest
from slipway.settings import package_indexes
from slipway.settings.consistency import check, check_objects, check_secrets
from slipway.settings.strict import FILE, convert, read
from slipway.settings.types import Environment, File, Index, ModelSettings

__all__ = ["FILE", "MODEL_FILE", "Environment", "ModelSettings", "Settings", "find_root", "load", "model_file", "parse"]


MODEL_FILE = "model.py"


class Settings(Struct, frozen=True, kw_only=True):
    """All settings of a repository."""

    root: Path
    environments: dict[str, Environment]
    branch: str
    """The branch that Argo CD follows."""
    base_image: str
    declared: dict[str, ModelSettings]
    """The models that the file names."""
    indexes: dict[str, Index] = {}
    """Package indexes beside that of the machine."""

    def environment(self, name: str) -> Environment:
        """Return the settings of an environment; raise `SlipwayError` with the nearest known name."""
        if name not in self.environments:
            raise SlipwayError(f"unknown environment {name!r}", fix=f"{nearest(name, self.environments)} ({FILE})")
        return self.environments[name]

    def promoted(self) -> list[str]:
        """Return the environments that take promotions."""
        return [name for name, each in self.environments.items() if each.promotes_from is not None]

    def made_in(self, name: str) -> str:
        """Return the environment that the images of an environment are built for: promotions keep them all the way."""
        while (source := self.environment(name).promotes_from) is not None:
            name = source
        return name

    def refuse_promoted(self, name: str, fix: str) -> None:
        """Raise `SlipwayError` for an environment that takes only promotions; `{source}` in `fix` is its source."""
        source = self.environment(name).promotes_from
        if source is not None:
            raise SlipwayError(f"{name} takes only what {source} has verified", fix=fix.format(source=source))

    def models(self) -> list[str]:
        """Return the names of all models, sorted: the named ones, and the other folders under `model/`."""
        taken = self._taken()
        folders = {name for name in _folders(self.root) if Path("model", folder_name(name)) not in taken}
        return sorted(folders | self.declared.keys())

    def model(self, name: str) -> ModelSettings:
        """Return the settings of a model; raise `SlipwayError` with the nearest known name."""
        if name not in self.declared and not self._is_folder(name):
            self._refuse_folder(name)
            raise SlipwayError(f"unknown model {name!r}", fix=nearest(name, self.models()))
        check_model_name(name)
        return self.declared.get(name, ModelSettings())

    def folder(self, name: str) -> Path:
        """Return the folder of a model's code."""
        return self.root / (self.model(name).folder or f"model/{folder_name(name)}")

    def _taken(self) -> set[Path]:
        return {Path(each.folder) for each in self.declared.values() if each.folder}

    def _is_folder(self, name: str) -> bool:
        """Return True if a folder under `model/` is a model of this name, without listing the other folders."""
        folder = Path("model", folder_name(name))
        is_one = "_" not in name and folder.name == folder_name(name) and _is_model(self.root / folder)
        return is_one and folder not in self._taken()

    def _refuse_folder(self, name: str) -> None:
        folder = Path("model", folder_name(name))
        if name == "common" or "_" in name or not folder_name(name).isidentifier():
            return
        if "-" in name and _is_model(self.root / "model" / name):
            check_model_name(name)
            fix = f"git mv model/{name} {folder}; the model is called {name} as before"
            raise SlipwayError(f"Python cannot import the folder model/{name}", fix=fix)
        if not (self.root / folder).is_dir():
            return
        users = [user for user, each in self.declared.items() if each.folder and Path(each.folder) == folder]
        if users:
            raise SlipwayError(f"{folder} is the folder of {' and '.join(users)}", fix="name one of them")
        if (found := model_file(self.root / folder)).is_file():
            fix = f"write it: models: {{{name}: {{target: COLUMN}}}}"
            raise SlipwayError(f"{FILE} does not say which column {found.stem} of {folder} predicts", fix=fix)
        raise SlipwayError(f"{folder} has no model.py", fix=f"write it, or start anew: slipway new {name}")


def _is_model(folder: Path) -> bool:
    # A killed `slipway new` leaves a hidden folder.
    return folder.name != "common" and not folder.name.startswith(".") and (folder / MODEL_FILE).exists()


def _folders(root: Path) -> list[str]:
    return [folder.name.replace("_", "-") for folder in root.glob("model/*") if _is_model(folder)]


def model_file(folder: Path) -> Path:
    """Return the file with the class of a model: `model.py`, or else the only `<Class>.py` with a class `<Class>`.

    Return the path of the missing `model.py` when no file or several files match.
    """
    if (folder / MODEL_FILE).is_file():
        return folder / MODEL_FILE
    found = [path for path in folder.glob("*.py") if not path.name.startswith("test_") and _has_its_class(path)]
    return found[0] if len(found) == 1 else folder / MODEL_FILE


def _has_its_class(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return re.search(rf"^class {re.escape(path.stem)}\b", text, re.MULTILINE) is not None


def find_root(start: Path | None = None) -> Path:
    """Return the nearest folder with a `slipway.yaml`, from `start` (default: the current folder) upwards."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    fix = "go into the repository, or give its folder: slipway -C DIR"
    raise SlipwayError(f"no {FILE} in {start} or above it", fix=fix)


def load(root: Path | None = None) -> Settings:
    """Read and check the settings of the repository at `root`; raise `SlipwayError` with the path of a mistake."""
    root = root.resolve() if root else find_root()
    try:
        text = (root / FILE).read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        fix = "give the repository's folder: slipway -C DIR"
        raise SlipwayError(f"there is no {FILE} in {root}", fix=fix) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SlipwayError(f"{root / FILE} cannot be read: {error}", fix="save it as text in UTF-8") from error
    settings = parse(text, root)
    # With a misspelt name, the gates of a model would be ignored silently.
    for name, each in settings.declared.items():
        where = each.folder or f"model/{folder_name(name)}"
        where = where if each.target is not None else f"{where}/model.py"  # the class may be in a file of its name
        if each.image is None and not (root / where).exists():
            fix = f"take it out of {FILE} until the folder is there; {nearest(name, _folders(root))}"
            raise SlipwayError(f"{FILE}: models.{name}: there is no {where}", fix=fix)
    check_objects(list(settings.environments), settings.models())
    return settings


def parse(text: str, root: Path) -> Settings:
    """Read settings from the text of the file of the repository at `root`."""
    content = read(text)
    content = {} if content is None else content
    if isinstance(content, dict) and isinstance(content.get("models"), dict):
        # A name with nothing below it stands for all the defaults.
        content["models"] = {name: {} if each is None else each for name, each in content["models"].items()}
        check_secrets(content["models"])
    if isinstance(content, dict) and isinstance(content.get("indexes"), dict):
        package_indexes.check_addresses(content["indexes"])
    file = convert(content, File, "")
    check(file)
    return Settings(
        root=root,
        environments=file.environments,
        branch=file.branch,
        base_image=file.base_image,
        declared=file.models,
        indexes=file.indexes,
    )
