"""Orders: the work of a build that runs code of models, for a machine without rights.

`slipway build --orders` leaves them in a folder, with a store of the versions and the data that they need. `slipway
work` (`work.py`) carries them out. `slipway build --worked` takes the work over: it publishes what was trained for this
very code, and pushes images, each held to the digest of its file and to the fingerprint of what it has to hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from slipway import digests
from slipway.errors import SlipwayError
from slipway.files import write
from slipway.images import build as images
from slipway.images.build import UNBUILT, Image
from slipway.images.bundle import Bundle
from slipway.model import Parameter
from slipway.models import model_tests
from slipway.models.data import scheme
from slipway.models.discovery import training_digest
from slipway.settings import Settings
from slipway.store import Record, store_of
from slipway.store.handing import handed_on, read
from slipway.store.records import Digest, Positive, encode
from slipway.training import deployed
from slipway.training.task import begin, step

PLATFORM = ""
"""Stands for a model in the work on the image of the platform."""

_ORDERS, _WORK = "orders.json", "work.json"
_FIX = "slipway build --orders writes orders, and slipway work the work"


class Order(Struct, kw_only=True):
    """The work on one model; all but `train` are on the version, or on the fresh one where it is trained."""

    model: str
    version: Positive | None = None
    train: bool = False
    test: bool = False
    image: bool = False
    trainer: bool = False
    """True for the image that trains in the cluster."""
    parameters: bool = False

    @property
    def words(self) -> list[str]:
        """Return the work in words."""
        return [name for name in ("train", "test", "image", "trainer", "parameters") if getattr(self, name)]


class Orders(Struct, frozen=True, kw_only=True):
    """All work of a build for one environment, at one commit."""

    environment: str
    commit: str
    platform: bool = False
    """True for the image of the platform."""
    models: list[Order] = []


class Kept(Struct, frozen=True, kw_only=True):
    """An image in a file."""

    sha256: Digest
    fingerprint: Digest


class Work(Struct, kw_only=True):
    """The work that was done on a model, or the reason why it failed."""

    model: str
    version: Positive | None = None
    """The version that was trained, in the store beside the work."""
    images: dict[str, Kept] = {}
    """Images by name."""
    parameters: dict[str, Parameter] = {}
    problem: str = ""
    fix: str = ""


class NotDoneError(SlipwayError):
    """Another machine does this first, or has not done it."""

    def __init__(self, model: str) -> None:
        what = f"{model} has" if model else "the platform has"
        super().__init__(f"{what} changed since the work of this run was ordered", fix="the next run takes it up")


def image_file(folder: Path, name: str) -> Path:
    """Return the file of an image."""
    return folder / "images" / f"{name}.tar"


def fetched(folder: Path, model: str) -> Path | None:
    """Return what the step `fetch` left for the training of a model; None if that needed no right."""
    found = folder.absolute() / "fetched" / model
    return found if found.is_dir() else None


def orders_in(folder: Path) -> Orders:
    """Return the orders in a folder."""
    return read(folder / _ORDERS, Orders, _FIX)


def keep(folder: Path, done: Sequence[Work]) -> None:
    """Write what was done into a folder."""
    write(folder / _WORK, encode(list(done)))


class Ordering:
    """The hands of a build that runs no code of a model: they note what to do, and fetch what that needs."""

    def __init__(self, settings: Settings, environment: str, folder: Path) -> None:
        self.settings, self.environment, self.folder = settings, environment, folder
        self.orders: dict[str, Order] = {}
        self.platform = False

    def save(self, commit: str) -> int:
        """Write the orders and return their number; write nothing if there are none."""
        models = self.listed()
        if models or self.platform:
            found = Orders(environment=self.environment, commit=commit, platform=self.platform, models=models)
            write(self.folder / _ORDERS, encode(found))
        return len(models) + self.platform

    def listed(self) -> list[Order]:
        """Return the orders for models that have work."""
        return [order for order in self.orders.values() if order.words]

    def train(self, model: str) -> Record:
        """Order a training, with the data and the deployed version that it needs; always raise `NotDoneError`."""
        self._order(model).train = True
        task = begin(self.settings, model, self.environment)
        if scheme(task.data.uri) == "gs":  # other data need no right
            step("fetch", self.settings, None, self.folder.absolute() / "fetched" / model, task)
        before = deployed.record(self.settings, model, self.environment)
        if before is not None:
            self._hand_on(before)
        raise NotDoneError(model)

    def test(self, model: str, record: Record | None) -> None:
        """Order the tests of a model, if it needs any, and note the version."""
        order = self._order(model)
        order.test = not model_tests.may_be_missing(self.settings, model)
        order.version = record.version if record else order.version

    def image(self, made: Bundle) -> Image:
        """Order an image; name it only."""
        if made.target == "platform":
            self.platform = True
        else:
            order = self._order(made.model)
            order.image = True
            store = store_of(self.settings, self.environment)
            self._hand_on(store.find(made.model, version=order.version))
        return images.unbuilt(made)

    def trainer(self, model: str) -> tuple[Image, str]:
        """Order the image that trains a model; name it only."""
        self._order(model).trainer = True
        return Image(f"{UNBUILT}/{model}-train@sha256:{'0' * 64}"), "0" * 64

    def parameters(self, model: str) -> dict[str, Parameter]:
        """Order the parameters of a model's class; return none."""
        self._order(model).parameters = True
        return {}

    def _order(self, model: str) -> Order:
        return self.orders.setdefault(model, Order(model=model))

    def _hand_on(self, record: Record) -> None:
        source = store_of(self.settings, record.environment)
        handed_on(self.folder, record.environment).mirror(record, source=source)


class Taking:
    """The hands of a build that takes over what another machine has done, and runs no code of a model."""

    def __init__(
        self, settings: Settings, environment: str, commit: str, folder: Path, report: Callable[[str], None]
    ) -> None:
        self.settings, self.environment, self.commit = settings, environment, commit
        self.folder, self.report = folder, report
        self.work = {each.model: each for each in read(folder / _WORK, list[Work], _FIX)}

    def train(self, model: str) -> Record:
        """Publish the version that was trained, if it is of this code."""
        version = self._done(model).version
        if version is None:
            raise NotDoneError(model)
        source = handed_on(self.folder, self.environment)
        record = source.record(model, version)
        training, of = record.training, self.settings.model(model)
        if training is None or record.image != of.image:
            raise SlipwayError(f"what was trained of {model} is not of its code", fix="run the workflow again")
        if (training.digest, training.commit) != (training_digest(self.settings, model), self.commit):
            raise NotDoneError(model)
        made = store_of(self.settings, self.environment).adopt(record, source=source)
        self.report(f"{model}: trained, {made.id}")
        return made

    def test(self, model: str, record: Record | None) -> None:  # noqa: ARG002 - the tests are of the code
        """Raise `SlipwayError` if the tests of a model that needs any have failed, or did not run."""
        if not model_tests.may_be_missing(self.settings, model):
            self._done(model)

    def image(self, made: Bundle) -> Image:
        """Push the image that was made of an equal bundle."""
        model = PLATFORM if made.target == "platform" else made.model
        return self._push(model, made.name, made.fingerprint)[0]

    def trainer(self, model: str) -> tuple[Image, str]:
        """Push the image that trains a model."""
        return self._push(model, f"{model}-train")

    def parameters(self, model: str) -> dict[str, Parameter]:
        """Return the parameters of a model's class."""
        return self._done(model).parameters

    def _done(self, model: str) -> Work:
        found = self.work.get(model)
        if found is None:
            raise NotDoneError(model)
        if found.problem:
            raise SlipwayError(found.problem, fix=found.fix)
        return found

    def _push(self, model: str, name: str, fingerprint: str = "") -> tuple[Image, str]:
        kept, file = self._done(model).images.get(name), image_file(self.folder, name)
        if kept is None or fingerprint not in ("", kept.fingerprint):
            raise NotDoneError(model)
        if not file.is_file() or digests.of_file(file) != kept.sha256:
            raise SlipwayError(f"{file} is missing, or is not the image that was made", fix="run the workflow again")
        pushed = images.push_kept(self.settings, self.environment, file, name, kept.fingerprint, self.report)
        return pushed, kept.fingerprint
