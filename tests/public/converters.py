"""Graphs by converters that are no part of slipway: `python converters.py FOLDER` writes NAME.onnx and NAME.csv.

It is run by a Python of its own, which has the packages; see `test_graphs.py`.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import GradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

IRIS, CODES = load_iris(return_X_y=True, as_frame=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[CODES]
PATIENTS, PROGRESS = load_diabetes(return_X_y=True, as_frame=True)


def logistic() -> Any:
    fitted = LogisticRegression(max_iter=500).fit(single(IRIS), NAMES)
    return converted(fitted, IRIS), IRIS.assign(kind=NAMES)


def forest() -> Any:
    """Return probabilities as a table, not as maps."""
    fitted = RandomForestClassifier(20, random_state=0).fit(single(IRIS), CODES)
    return converted(fitted, IRIS, options={"zipmap": False}), IRIS.assign(kind=CODES)


def boosting() -> Any:
    fitted = GradientBoostingRegressor(random_state=0).fit(single(PATIENTS), PROGRESS)
    return converted(fitted, PATIENTS), PATIENTS.assign(progress=PROGRESS)


def several() -> Any:
    fitted = LinearRegression().fit(single(PATIENTS), np.c_[PROGRESS, PROGRESS**2])
    return converted(fitted, PATIENTS), PATIENTS.assign(one=PROGRESS, two=PROGRESS**2)


def clusters() -> Any:
    return converted(KMeans(3, random_state=0, n_init=1).fit(single(IRIS)), IRIS), IRIS


def outliers() -> Any:
    fitted = IsolationForest(random_state=0).fit(single(IRIS))
    return converted(fitted, IRIS, target_opset={"": 18, "ai.onnx.ml": 3}), IRIS


def columns() -> Any:
    """Return an output for the probability of each class."""
    fitted = make_pipeline(StandardScaler(), SVC(probability=True, random_state=0)).fit(single(IRIS), NAMES)
    return converted(fitted, IRIS, options={"zipmap": "columns"}), IRIS.assign(kind=NAMES)


def mixed() -> Any:
    """Take an input for each column: numbers, some of them missing, and texts."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"age": rng.integers(18, 80, 200).astype("float32"), "city": rng.choice(["Rome", "Bern"], 200)})
    rows["fare"] = rng.random(200).astype("float32") * 100
    rows.loc[::9, "fare"] = np.nan
    truth = np.where(rows["age"] + (rows["city"] == "Rome") * 10 > 50, "yes", "no")
    encode, fill = OneHotEncoder(handle_unknown="ignore"), SimpleImputer()
    prepare = make_column_transformer((encode, ["city"]), (fill, ["age", "fare"]))
    fitted = make_pipeline(prepare, LogisticRegression()).fit(rows, truth)
    number, text = FloatTensorType([None, 1]), StringTensorType([None, 1])
    graph = convert_sklearn(fitted, initial_types=[("age", number), ("city", text), ("fare", number)])
    return graph, rows.assign(bought=truth)


def lightgbm() -> Any:
    from lightgbm import LGBMClassifier
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    fitted = LGBMClassifier(n_estimators=10, verbose=-1, num_threads=1).fit(single(IRIS), CODES)
    return convert_lightgbm(fitted, initial_types=[("input", FloatTensorType([None, 4]))]), IRIS.assign(kind=CODES)


def single(rows: Any) -> Any:
    return rows.to_numpy("float32")


def converted(fitted: Any, rows: Any, **more: Any) -> Any:
    from skl2onnx import to_onnx

    return to_onnx(fitted, single(rows)[:1], **more)


if __name__ == "__main__":
    for make in (logistic, forest, boosting, several, clusters, outliers, columns, mixed, lightgbm):
        graph, table = make()
        (Path(sys.argv[1]) / f"{make.__name__}.onnx").write_bytes(graph.SerializeToString())
        table.to_csv(Path(sys.argv[1]) / f"{make.__name__}.csv", index=False)
