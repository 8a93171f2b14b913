"""`slipway work`: carry out the orders of a build where the code of models finds no token, identity or secret."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from slipway import digests
from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.images import build as images
from slipway.images import bundle
from slipway.images import platform as platforms
from slipway.images.build import Image
from slipway.images.bundle import Bundle
from slipway.release.hands import Own
from slipway.release.orders import PLATFORM, Kept, Order, Work, fetched, image_file, keep, orders_in
from slipway.settings import Settings
from slipway.store import STORES, Record
from slipway.store.handing import handed_on, stores


def work(settings: Settings, folder: Path, target: Path, report: Callable[[str], None] = lambda _: None) -> list[Work]:
    """Carry out the orders in a folder, write the work into the folder `target`, and return it.

    Continue with the other models when one fails. The stores are those that the folder hands on. Raise `SlipwayError`
    when another commit is checked out than the one of the orders.
    """
    orders = orders_in(folder)
    if Repository(settings.root).latest() != orders.commit:
        problem = f"the orders are of the commit {orders.commit[:12]}, which is not checked out"
        raise SlipwayError(problem, fix=f"git checkout {orders.commit}")
    os.environ[STORES] = str(stores(folder))
    run = _Work(settings, orders.environment, folder, target, report)
    done = [run.safely(order.model, partial(run.model, order)) for order in orders.models]
    if orders.platform:
        done.append(run.safely(PLATFORM, run.platform))
    keep(target, done)
    return done


class _Work:
    """One run of `work`."""

    def __init__(
        self, settings: Settings, environment: str, folder: Path, target: Path, report: Callable[[str], None]
    ) -> None:
        self.settings, self.environment = settings, environment
        self.target, self.report = target, report
        self.store = handed_on(folder, environment)
        self.builder = images.keeper_for(settings, environment, report, lambda name: image_file(target, name))
        self.hands = Own(settings, environment, self._build, report, lambda model: fetched(folder, model))
        self.kept: dict[str, Kept] = {}

    def safely(self, model: str, act: Callable[[], Work]) -> Work:
        """Return the work, or the reason why it failed."""
        self.kept = {}
        try:
            return act()
        except SlipwayError as error:
            self.report(f"{model or 'the platform'}: {error}")
            return Work(model=model, problem=error.problem, fix=error.fix)

    def model(self, order: Order) -> Work:
        """Train and test a model, and make its images, as far as that is ordered."""
        record = self.hands.train(order.model) if order.train else None
        if record is not None:
            handed_on(self.target, self.environment).mirror(record, source=self.store)
        elif order.image:
            record = self.store.find(order.model, version=order.version)
        if order.test or order.train:
            self.hands.test(order.model, record)
        if record is not None and record.image is None:
            self._image(record)
        if order.trainer:
            self.hands.trainer(order.model)
        version = record.version if order.train and record else None
        found = self.hands.parameters(order.model) if order.parameters else {}
        return Work(model=order.model, version=version, images=self.kept, parameters=found)

    def platform(self) -> Work:
        """Make the image of the platform."""
        with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
            self._build(platforms.make(self.settings, Path(scratch) / "platform"))
        return Work(model=PLATFORM, images=self.kept)

    def _image(self, record: Record) -> None:
        with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
            self._build(bundle.make(self.settings, self.store, record, Path(scratch) / "bundle"))

    def _build(self, made: Bundle) -> Image:
        image, file = self.builder(made), image_file(self.target, made.name)
        if file.is_file():
            self.kept[made.name] = Kept(sha256=digests.of_file(file), fingerprint=made.fingerprint)
        return image
