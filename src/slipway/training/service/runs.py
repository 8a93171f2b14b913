"""Runs of a training, on this machine or in a cluster, and requests to start one: checked before anything is started.

The Kubernetes API is called by plain HTTPS, because its own client takes longer to import than all else here.
"""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import shlex
import ssl
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from slipway.errors import OutOfReach, SlipwayError
from slipway.model import Parameter, is_parameter
from slipway.names import nearest
from slipway.network import Answer, Client, NoAnswer
from slipway.processes import SOURCE, end_with
from slipway.serving.answers import Refusal
from slipway.serving.http.requests import parse
from slipway.store.records import now
from slipway.text import quoted
from slipway.training import outcome

_KEYS = ("data", "parameters")
_LONGEST = 2000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list"}
_LARGEST = 2**63

_PATIENCE = 20  # seconds
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_COMPLETED, _PHASE = "workflows.argoproj.io/completed", "workflows.argoproj.io/phase"
_TAIL = 2000  # characters of the output of a failed run


class Run(NamedTuple):
    """One run of a model's training."""

    name: str
    """The record of its version has it as `training.run`."""
    phase: str
    """Pending, Running, Succeeded, Failed or Error."""
    message: str = ""
    """Why it failed, in the words of the step."""
    started: str | None = None
    """RFC 3339, UTC."""
    finished: str | None = None

    @property
    def is_over(self) -> bool:
        """Return whether the run has ended."""
        return self.phase in ("Succeeded", "Failed", "Error")


class Runs(Protocol):
    """The runs of one model's training. Every method raises `SlipwayError` when the place of the runs refuses."""

    def start(self, parameters: Mapping[str, Parameter], data: str | None) -> Run:
        """Start a run with these parameters, and on other data if some are given."""

    def last(self) -> Run | None:
        """Return the run that was started last, by anybody; None when none is left."""

    def under_way(self) -> Run | None:
        """Return a run that is not over; None when all are."""

    def find(self, name: str) -> Run | None:
        """Return the run of that name; None when there is none."""


class LocalRuns:
    """The `Runs` that this process has started, of the repository at `root`."""

    def __init__(self, root: Path, model: str, environment: str) -> None:
        self.root, self.model, self.environment = root, model, environment
        self._runs: dict[str, Run] = {}

    def start(self, parameters: Mapping[str, Parameter], data: str | None) -> Run:
        run = Run(f"train-{self.model}-{secrets.token_hex(4)}", "Running", started=now())
        words = ["train", self.model, "--env", self.environment, *(["--data", data] if data else [])]
        words += [f"--parameter={name}={_text_of(value)}" for name, value in parameters.items()]
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "slipway", "-C", str(self.root), *words],
            env=os.environ | {"PYTHONPATH": SOURCE, "SLIPWAY_RUN": run.name},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=end_with(os.getpid()),
        )
        self._runs[run.name] = run
        threading.Thread(target=self._wait, args=(run, process), daemon=True).start()
        return run

    def last(self) -> Run | None:
        return next(reversed(self._runs.values()), None)

    def under_way(self) -> Run | None:
        return next((run for run in self._runs.values() if not run.is_over), None)

    def find(self, name: str) -> Run | None:
        return self._runs.get(name)

    def _wait(self, run: Run, process: subprocess.Popen[str]) -> None:
        output = process.communicate()[0]
        phase = "Failed" if process.returncode else "Succeeded"
        message = _failure(output) if process.returncode else ""
        self._runs[run.name] = run._replace(phase=phase, message=message, finished=now())


def _failure(output: str) -> str:
    """Return the output from its error on; the end of it when it has none."""
    _, found, error = output.rpartition("\nerror: ")
    return (error if found else output[-_TAIL:]).strip()


class ClusterRuns:
    """The `Runs` of one model, at the API of a cluster whose address is `server`: https://host:port.

    `folder` holds `token`, `ca.crt` and `namespace`, as Kubernetes mounts them.
    """

    def __init__(self, folder: Path, server: str, model: str) -> None:
        self.model, self._folder = model, folder
        namespace = (folder / "namespace").read_text().strip()
        self._url = f"{server}/apis/argoproj.io/v1alpha1/namespaces/{namespace}/workflows"
        self._client = Client(direct=True, context=ssl.create_default_context(cafile=str(folder / "ca.crt")))
        self._labels = {"app.kubernetes.io/component": "training", "app.kubernetes.io/name": model}

    @classmethod
    def of_pod(cls, folder: Path, model: str) -> ClusterRuns:
        """Return the runs in the cluster and the namespace of this pod."""
        host, port = (os.environ[f"KUBERNETES_SERVICE_{name}"] for name in ("HOST", "PORT"))
        return cls(folder, f"https://{f'[{host}]' if ':' in host else host}:{port}", model)

    def start(self, parameters: Mapping[str, Parameter], data: str | None) -> Run:
        """See `Runs.start`; the Workflow has only its template and its arguments: nothing else is admitted."""
        given = {"parameters": _words(parameters), "data": data}
        made = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"generateName": f"train-{self.model}-", "labels": self._labels},
            "spec": {
                "workflowTemplateRef": {"name": f"train-{self.model}"},
                "arguments": {"parameters": [{"name": key, "value": text} for key, text in given.items() if text]},
            },
        }
        return _run(self._ask(body=made))

    def last(self) -> Run | None:
        found = self._listed()
        return self.find(found[-1]["name"]) if found else None

    def under_way(self) -> Run | None:
        going = [each for each in self._listed() if each.get("labels", {}).get(_COMPLETED) != "true"]
        return Run(going[0]["name"], going[0]["labels"].get(_PHASE, "Pending")) if going else None

    def find(self, name: str) -> Run | None:
        found = self._ask(f"/{urllib.parse.quote(name, safe='')}")
        ours = found is not None and self._labels.items() <= found["metadata"].get("labels", {}).items()
        return _run(found) if ours else None

    def _listed(self) -> list[dict[str, Any]]:
        """Return the metadata of all runs, oldest first, without their steps."""
        selector = ",".join(f"{key}={value}" for key, value in self._labels.items())
        found = self._ask(f"?labelSelector={urllib.parse.quote(selector)}", accept=_METADATA)
        # Kubernetes writes an empty list as null.
        listed = [each["metadata"] for each in (found or {}).get("items") or []]
        return sorted(listed, key=lambda each: (each["creationTimestamp"], each["name"]))

    def _ask(self, path: str = "", *, body: Mapping[str, Any] | None = None, accept: str = "application/json") -> Any:
        """Return the answer to GET, or to POST if there is a body; None when there is no such object.

        Raise `OutOfReach` when the API does not answer, or asks to come back later.
        """
        # Read each time, because Kubernetes replaces it before it expires.
        token = (self._folder / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Accept": accept, "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        try:
            answer = self._client.call(f"{self._url}{path}", content, headers, timeout=_PATIENCE)
            if 200 <= answer.status < 300:
                return json.loads(answer.content)
        except (NoAnswer, ValueError) as error:
            raise OutOfReach(f"the cluster's API cannot be reached: {error}", fix="try again in a minute") from error
        return self._refused(answer, "create" if body else "read")

    def _refused(self, answer: Answer, verb: str) -> None:
        try:
            reason = str(json.loads(answer.content)["message"])
        except (ValueError, KeyError, TypeError):
            reason = answer.reason
        if answer.status == 404 and verb == "read":
            return
        if answer.status == 429 or answer.status >= 500:
            raise OutOfReach(f"the cluster's API is not ready: {reason}", fix="try again in a minute")
        fix = "manifests/environments says what slipway-training-service may do"
        raise SlipwayError(f"the cluster lets nobody {verb} a workflow here ({answer.status}): {reason}", fix=fix)


def _text_of(value: Parameter) -> str:
    """Return a parameter as the command line takes it."""
    return json.dumps(value) if value is None or isinstance(value, list) else str(value)


def _words(parameters: Mapping[str, Parameter]) -> str:
    """Return text for `slipway step --parameters`; numbers as Python writes them, so that no digit is lost."""
    return " ".join(shlex.quote(f"{name}={_text_of(value)}") for name, value in parameters.items())


def _run(workflow: dict[str, Any]) -> Run:
    status = workflow.get("status", {})
    return Run(
        name=workflow["metadata"]["name"],
        phase=status.get("phase") or "Pending",
        message=_message(status),
        started=status.get("startedAt"),
        finished=status.get("finishedAt"),
    )


def _message(status: Mapping[str, Any]) -> str:
    """Return the words of the step that failed last, else the message of Argo."""
    pods = [node for node in status.get("nodes", {}).values() if node.get("type") == "Pod" and node.get("message")]
    failed = [node for node in pods if node.get("phase") in ("Failed", "Error")]
    if not failed or status.get("phase") == "Succeeded":
        return str(status.get("message", ""))
    node = max(failed, key=lambda each: str(each.get("finishedAt")))
    return f"{node.get('templateName', node.get('displayName'))}: {outcome.reason(node['message'])}"


class Start(NamedTuple):
    """A request to start a training: parameters of the model, each of its type, and other data if some are given."""

    parameters: dict[str, Parameter]
    data: str | None = None


def read(body: bytes, known: Mapping[str, Parameter]) -> Start:
    """Read the JSON of a request; an empty body gives neither parameters nor data.

    `known` are the model's parameters with the values that they have unless given. Raise `Refusal` (400) that names
    each wrong key, parameter and value.
    """
    if not body.strip():
        return Start({})
    value = parse(body)
    if not isinstance(value, dict):
        raise Refusal(400, "invalid_json", 'the body is no JSON object, such as {"parameters": {"c": 0.5}}')
    wrong = [f"unknown key {quoted(key)}; {nearest(key, _KEYS)}" for key in value if key not in _KEYS]
    parameters = value.get("parameters") or {}
    if not isinstance(parameters, dict):
        wrong.append("parameters: an object of names and values is needed")
        parameters = {}
    wrong += [problem for name, each in parameters.items() if (problem := _parameter(name, each, known))]
    data = value.get("data")
    if data is not None and (problem := _data(data)):
        wrong.append(problem)
    if wrong:
        raise Refusal(400, "invalid_request", "; ".join(wrong[:10]))
    return Start({name: _of_type(each, known[name]) for name, each in parameters.items()}, data)


def _parameter(name: str, value: Any, known: Mapping[str, Parameter]) -> str:
    """Return what is wrong with a parameter; empty when nothing is."""
    if name not in known:
        some = nearest(name, known) if known else "the model has none"
        return f"unknown parameter {quoted(name)}; {some}"
    kind = type(known[name])
    if not is_parameter(value):
        return f"parameter {name}: {quoted(value)} is no value that a record can hold"
    if isinstance(value, list):
        parts = {f"{name}[{index}]": each for index, each in enumerate(value)}
        wrong = (_parameter(at, each, {at: each}) for at, each in parts.items())
        return _wrong_type(name, value, kind) or next(filter(None, wrong), "")
    if known[name] is None and isinstance(value, str) and _is_json(value):
        return f"parameter {name}: {quoted(value)} would be read as JSON: give it without quotes"
    if problem := _wrong_type(name, value, kind):
        return problem
    if isinstance(value, float) and not math.isfinite(value):
        return f"parameter {name}: {value} is no number that a record can hold"
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        return f"parameter {name}: too large for an integer of 64 bits"
    return f"parameter {name}: {problem}" if isinstance(value, str) and (problem := _text(value)) else ""


def _wrong_type(name: str, value: Any, kind: type) -> str:
    # The command line has no way to tell an empty text parameter from the text null.
    if (
        (value is None and kind is not str)
        or kind is type(None)
        or type(value) is kind
        or (kind is float and type(value) is int)
    ):
        return ""
    return f"parameter {name}: {_WORDS[kind]} is needed, not {quoted(value)}"


def _of_type(value: Any, default: Parameter) -> Parameter:
    return float(value) if type(default) is float and value is not None else value


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _data(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        return "data: the address of the data is needed, as text: gs://bucket/new.csv"
    if re.match(r"[a-z][a-z0-9+.-]*://[^/]*@", value):
        return "data: holds a user or a password, and every record shows it"
    return f"data: {problem}" if (problem := _text(value)) else ""


def _text(value: str) -> str:
    """Return what is wrong with a text for a workflow; empty when nothing is."""
    if len(value) > _LONGEST:
        return f"{len(value)} characters; {_LONGEST} is the most"
    if _CONTROL.search(value):
        return "no line breaks and control characters are taken"
    return "two braces are not taken: Argo would evaluate what they hold" if "{{" in value else ""
