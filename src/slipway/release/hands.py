"""What a build has done for it: a model is trained and tested, and images are made, here or by another machine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from slipway.images import platform as platforms
from slipway.images.build import Builder, Image
from slipway.images.bundle import Bundle
from slipway.model import Parameter
from slipway.models import environment as environments
from slipway.models import model_tests
from slipway.release import trainings
from slipway.settings import Settings
from slipway.store import Record
from slipway.training.inputs import parameters


class Hands(Protocol):
    """Do the work of a build. Every method raises `SlipwayError` when the work fails, or is not done yet."""

    def train(self, model: str) -> Record:
        """Train a model, publish the next version and return its record."""

    def test(self, model: str, record: Record | None) -> None:
        """Run the tests of a model, before the image of this version is made."""

    def image(self, made: Bundle) -> Image:
        """Return the image of a bundle, which can be pulled."""

    def trainer(self, model: str) -> tuple[Image, str]:
        """Return the image that trains a model in the cluster, and its fingerprint."""

    def parameters(self, model: str) -> dict[str, Parameter]:
        """Return the parameters of the model's class, with those of the settings."""


class Own:
    """Do all of it in processes of this machine."""

    def __init__(
        self,
        settings: Settings,
        environment: str,
        builder: Builder,
        report: Callable[[str], None],
        fetched: Callable[[str], Path | None] = lambda _: None,
    ) -> None:
        """Take a builder of images. `fetched` returns the result of a training's first step, where it is there."""
        self.settings, self.environment, self.report = settings, environment, report
        self.builder, self.fetched = builder, fetched
        self.tested: set[str] = set()

    def train(self, model: str) -> Record:
        """See `Hands.train`."""
        record = trainings.run(self.settings, model, self.environment, self.report, self.fetched(model))
        self.report(f"{model}: trained, {record.id}")
        self.tested.add(model)
        return record

    def test(self, model: str, record: Record | None) -> None:  # noqa: ARG002 - it asks for a test of any version
        """See `Hands.test`; test a model once."""
        if model not in self.tested and not model_tests.may_be_missing(self.settings, model):
            self.report(f"{model}: testing")
            python = environments.python_for(environments.compile_lock(self.settings, model, "train"))
            model_tests.run(self.settings, model, python=python)
            self.tested.add(model)

    def image(self, made: Bundle) -> Image:
        """See `Hands.image`."""
        return self.builder(made)

    def trainer(self, model: str) -> tuple[Image, str]:
        """See `Hands.trainer`."""
        with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
            made = platforms.make_trainer(self.settings, model, Path(scratch) / "trainer")
            return self.builder(made), made.fingerprint

    def parameters(self, model: str) -> dict[str, Parameter]:
        """See `Hands.parameters`."""
        return parameters(self.settings, model)
