"""The storage emulator of the cluster, as the processes of a test reach it: buckets, made, filled, emptied."""

import json
import urllib.request
from urllib.parse import quote

__all__ = ["EMULATOR", "ENVIRONMENTS", "Storage"]

EMULATOR = "http://gcs.storage.svc.cluster.local:4443"
"""Where pods reach it: Google's own address would need no setting."""

ENVIRONMENTS = """
environments:
  test:
    store: gs://{name}/test
    namespace: {name}
    registry: {registry}
    variables:
      STORAGE_EMULATOR_HOST: http://gcs.storage.svc.cluster.local:4443
  prod: {{store: gs://{name}/prod, namespace: {name}-prod, registry: {registry}, promotes_from: test}}
"""
"""The settings of a test and a prod whose stores lie there, in the bucket `name`; to be formatted."""


class Storage:
    """Its buckets, by the address of `SLIPWAY_TEST_STORAGE`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def make(self, bucket: str) -> None:
        self._ask("POST", "storage/v1/b", json.dumps({"name": bucket}).encode())

    def put(self, bucket: str, name: str, content: str) -> str:
        """Returns the new object's address."""
        path = f"upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(name, safe='')}"
        self._ask("POST", path, content.encode())
        return f"gs://{bucket}/{name}"

    def empty(self, bucket: str) -> None:
        while items := json.loads(self._ask("GET", f"storage/v1/b/{bucket}/o")).get("items"):
            for item in items:
                self._ask("DELETE", f"storage/v1/b/{bucket}/o/{quote(item['name'], safe='')}")

    def remove(self, bucket: str) -> None:
        self.empty(bucket)
        self._ask("DELETE", f"storage/v1/b/{bucket}")

    def _ask(self, method: str, path: str, content: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/{path}", content, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return bytes(answer.read())
