"""The imports of serving: few, because each start from zero pays for them."""

import json
import subprocess
import sys

from slipway.images.bundle import Bundle

UNWANTED = {"git", "grpc", "numpy", "packaging", "pandas", "scipy", "skops", "sklearn", "uv", "yaml"}
# functions-framework makes an empty module `google.cloud` in each process of its environment.
UNWANTED |= {"google.api_core", "google.auth", "google.cloud.storage", "google.protobuf"}


def imported(bundled: Bundle, code: str) -> set[str]:
    """Return the modules of a new process that ran `code` in the bundle."""
    code = f"import sys\nfrom pathlib import Path\n{code}\nimport json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=bundled.folder,
        env={"PYTHONPATH": str(bundled.folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


def test_function_answers_without_libraries_of_training(bundled: Bundle) -> None:
    """A model in pure Python predicts without pandas, scikit-learn, numpy, Google's clients, gRPC or git."""
    modules = imported(
        bundled,
        "from slipway.serving.http.requests import Request\n"
        "from slipway.serving.start import load\n"
        "function = load(Path.cwd())\n"
        'body = b\'{"weight": 2, "wrapping": "box"}\'\n'
        "answer = function.answer(Request('POST', '/predict', '/predict', {}, body=body))\n"
        "assert answer.status == 200, answer",
    )
    assert {name for name in modules if name in UNWANTED or name.partition(".")[0] in UNWANTED} == set()


def test_only_modules_for_serving_are_in_the_bundle(bundled: Bundle) -> None:
    """Nothing of training, releases or settings enters an image."""
    found = {path.relative_to(bundled.folder / "slipway") for path in bundled.folder.glob("slipway/**/*.py")}
    packages = {path.parts[0] for path in found if len(path.parts) > 1}
    assert packages <= {"artifacts", "models", "schema", "serving", "wrapped"}
    assert {"discovery.py", "environment.py", "requirements.py"}.isdisjoint(path.name for path in found)


def test_modules_come_from_the_bundle(bundled: Bundle) -> None:
    """The bundle's own code runs, also beside an installed slipway."""
    code = (
        "import slipway.serving.start as start; assert Path(start.__file__).is_relative_to(Path.cwd()), start.__file__"
    )
    assert "slipway.serving.start" in imported(bundled, code)
