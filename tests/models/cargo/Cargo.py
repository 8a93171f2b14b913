import numpy as np
from seldon_core.metrics import create_counter, create_timer
from seldon_core.user_model import SeldonComponent


class Cargo(SeldonComponent):
    """What a cargo costs; it says all that a class of Seldon can say."""

    def __init__(self, rate=2.0, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.rows, self.broken = rate, 0, False

    def transform_input(self, X, names, meta=None):
        self.rows = len(X)
        return X[:, [names.index("weight")]] / 1000

    def feature_names(self):
        return ["tonnes"]

    def predict(self, X, names, meta=None):
        assert list(names) == ["tonnes"], names
        if (X > 1000).any():
            self.broken = True
        return X * self.rate

    def transform_output(self, X, names, meta=None):
        assert list(names) == ["t:0"], names
        return np.round(X, 3)

    def tags(self):
        return {"rows": self.rows, "source": "tariff"}

    def metrics(self):
        return [create_counter("cargo_rows", self.rows), create_timer("cargo_time", 20, tags={"step": "tariff"})]

    def init_metadata(self):
        return {"name": "cargo", "versions": ["tariff-2026"]}

    def health_status(self):
        if self.broken:
            raise RuntimeError("the tariff is gone")
        return ["tariff"]
