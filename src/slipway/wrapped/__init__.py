"""Models that were made elsewhere, as `Model`: classes for another serving system, and ONNX graphs.

Classes have one of two conventions. `ModelWrapper` trains and predicts on a whole DataFrame: `prep_and_train(self,
data)` and `prep_and_predict(self, data)`, as OpenDevStack has it. `ArrayModel` predicts on arrays: `predict(self, X,
features_names)`, as Seldon Core's Python servers do. `seldon` lists the methods of that convention. `GraphModel` is
what `slipway import` makes of an ONNX file.

Serving imports this package, so it needs only the standard library.
"""

from __future__ import annotations

from slipway.wrapped.adaptation import adapted, check_methods, declared, fits, reach, unused
from slipway.wrapped.arrays import ArrayModel
from slipway.wrapped.frames import ModelWrapper
from slipway.wrapped.graphs import GraphModel
from slipway.wrapped.seldon import Metric, Remarks, stand_in

__all__ = [
    "ArrayModel",
    "GraphModel",
    "Metric",
    "ModelWrapper",
    "Remarks",
    "adapted",
    "check_methods",
    "declared",
    "fits",
    "reach",
    "stand_in",
    "unused",
]
