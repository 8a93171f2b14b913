"""Runs in the cluster: Workflows, created and read by the Kubernetes API with the pod's own token.

It is called by plain HTTPS, because Kubernetes' own client takes longer to import than all else here.
"""

from __future__ import annotations

import json
import os
import shlex
import ssl
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.errors import OutOfReach, SlipwayError
from slipway.model import Parameter
from slipway.network import Answer, Client, NoAnswer
from slipway.training import outcome
from slipway.training.service.runs import Run

_PATIENCE = 20  # seconds
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_COMPLETED, _PHASE = "workflows.argoproj.io/completed", "workflows.argoproj.io/phase"


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
        return sorted(
            # Kubernetes writes an empty list as null.
            (each["metadata"] for each in (found or {}).get("items") or []),
            key=lambda metadata: (metadata["creationTimestamp"], metadata["name"]),
        )

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


def _words(parameters: Mapping[str, Parameter]) -> str:
    """Return text for `slipway step --parameters`; numbers as Python writes them, so that no digit is lost."""
    return " ".join(shlex.quote(f"{name}={value}") for name, value in parameters.items())


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
    failed = [
        node
        for node in status.get("nodes", {}).values()
        if node.get("type") == "Pod" and node.get("phase") in ("Failed", "Error") and node.get("message")
    ]
    if not failed or status.get("phase") == "Succeeded":
        return str(status.get("message", ""))
    node = max(failed, key=lambda each: str(each.get("finishedAt")))
    return f"{node.get('templateName', node.get('displayName'))}: {outcome.reason(node['message'])}"
