"""Answer with Flask and scikit-learn, as a usual function does."""

import os

import functions_framework
import joblib

model = joblib.load(os.environ["MODEL"])


@functions_framework.http
def predict(request):
    return {"predictions": model.predict(request.get_json()["rows"]).tolist()}
