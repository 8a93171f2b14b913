"""A small server that stands in for GitHub: its REST API, and git over HTTP, on bare repositories in a folder.

    python -m tests.forge_server --root DIR --port N [--state FILE]     # state: what `Forge.configure` takes, as JSON

Answers follow these pages of GitHub's documentation (docs.github.com, REST API):
- pulls: "REST API endpoints for pull requests" (list, create, get, update, merge), pagination by `Link` as in "Using
  pagination in the REST API", refusals as in "Troubleshooting the REST API" (422 Validation Failed, 404, 401);
- comments: "REST API endpoints for issue comments"; commits: "… for commits" (pull requests associated with a commit);
  references: "… for Git references" (get, delete);
- events: "… for repositories" (create a repository dispatch event), "… for workflows" (create a workflow dispatch
  event);
- rules: "… for rules" (rules of a branch, rulesets), "… for protected branches", "… for repositories" (CODEOWNERS
  errors);
- Actions: "… for GitHub Actions permissions", "… for GitHub Actions variables", "… for GitHub Actions Secrets",
  "… for deployment environments", "… for deployment branch policies";
- permissions: "Permissions required for GitHub Apps", with the header `X-Accepted-GitHub-Permissions`; limits: "Rate
  limits for the REST API" (secondary limits answer 403 or 429 with `Retry-After`).
Git is `git http-backend`. A refused push gets GitHub's message for protected branches (GH006) and rulesets (GH013), as
in "Troubleshooting rules". The text in brackets after the branch is git's own (`pre-receive hook declined`).

Every path is below `/` and below `/api/v3`, as on GitHub Enterprise. `GET /_state` returns the state, and `POST /_set`
changes it, both without a token. Until a token is configured, every token has every permission.
"""

from tests.forge_server.server import Forge
from tests.forge_server.state import ALL, Token

__all__ = ["ALL", "Forge", "Token"]
