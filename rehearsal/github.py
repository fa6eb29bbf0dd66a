"""GitHub, as much of it as the workflows use: it keeps what was said, in memory."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bootstrap.names import ISSUER
from rollout.github import GitHub

TOKENS = "/token"  # where a job asks for its identity


@dataclass
class LocalGitHub:
    """Keeps comments, issues, deployments and runs that were asked for; what it makes is a bot's."""

    repository: str = "acme/platform"
    comments: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    deployments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # by environment, newest first
    pulls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # by commit
    labels: dict[str, list[str]] = field(default_factory=dict)  # by pull request
    writes: list[str] = field(default_factory=list)
    proposed: list[dict[str, Any]] = field(default_factory=list)  # pull requests
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)  # trees and commits, by their names
    branches: dict[str, str] = field(default_factory=dict)
    attested: set[str] = field(default_factory=set)  # digests of images that the workflow `images` built
    dispatched: list[dict[str, Any]] = field(default_factory=list)  # runs that were asked for
    subject: str = "repo:acme@1/platform@2"  # how the identity of the repository's jobs begins
    environment: str = ""  # of the job that began last

    @property
    def client(self) -> GitHub:
        return GitHub(repository=self.repository, send=self.send)

    def next_number(self) -> int:
        """Pull requests and issues are counted together."""
        return len(self.issues) + len(self.labels) + 1

    def open_pull_request(self) -> int:
        number = self.next_number()
        self.labels[str(number)] = []
        return number

    def identity(self, audience: str) -> str:
        """The job's own token, unsigned: the twin believes what it says and judges it by the role's trust."""
        claims = {
            "iss": f"https://{ISSUER}",
            "aud": audience,
            "sub": f"{self.subject}:environment:{self.environment}",
        }
        parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
        return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), ""])

    def comments_of(self, number: int) -> list[dict[str, Any]]:
        return [each for each in self.comments if each["number"] == number]

    def send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        parts = urlsplit(path.removeprefix(f"/repos/{self.repository}/"))
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if method != "GET":
            self.writes.append(f"{method} {parts.path}")
            return self._write(method, parts.path, dict(body or {}))
        if parts.path == TOKENS:
            return {"value": self.identity(query["audience"])}
        if found := re.fullmatch(r"git/commits/(\w+)", parts.path):
            return {"sha": found[1], "tree": {"sha": f"tree-of-{found[1]}"}}
        if found := re.fullmatch(r"attestations/(sha256:\w+)", parts.path):
            return {"attestations": [{"bundle": {}}] if found[1] in self.attested else []}
        page, size = int(query["page"]), int(query["per_page"])
        return self._list(parts.path, query)[(page - 1) * size : page * size]

    def _list(self, path: str, query: Mapping[str, str]) -> list[Any]:
        if found := re.fullmatch(r"issues/(\d+)/comments", path):
            return self.comments_of(int(found[1]))
        if found := re.fullmatch(r"issues/(\d+)/labels", path):
            return [{"name": name} for name in self.labels.get(found[1], [])]
        if path == "issues":
            return [
                each
                for each in self.issues
                if each["state"] == query["state"] and query["labels"] in each["labels"]
            ]
        if path == "deployments":
            return self.deployments.get(query["environment"], [])
        if found := re.fullmatch(r"deployments/(\d+)/statuses", path):
            return next(
                each["statuses"]
                for every in self.deployments.values()
                for each in every
                if each["id"] == int(found[1])
            )
        if found := re.fullmatch(r"commits/(\w+)/pulls", path):
            return self.pulls.get(found[1], [])
        if path == "pulls":
            assert query["state"] == "all"
            owner = self.repository.partition("/")[0]
            return [each for each in self.proposed if f"{owner}:{each['head']}" == query["head"]]
        if found := re.fullmatch(r"git/matching-refs/heads/(.+)", path):
            return [{"ref": f"refs/heads/{name}"} for name in self.branches if name.startswith(found[1])]
        raise NotImplementedError(path)

    def _write(self, method: str, path: str, body: dict[str, Any]) -> Any:
        bot = {"user": {"type": "Bot"}}
        if found := re.fullmatch(r"issues/comments/(\d+)", path):
            self.comments[int(found[1])].update(body)
        elif found := re.fullmatch(r"issues/(\d+)/comments", path):
            self.comments.append({"id": len(self.comments), "number": int(found[1]), **bot, **body})
        elif path == "issues":
            self.issues.append({"number": self.next_number(), "state": "open", **bot, **body})
            return self.issues[-1]
        elif found := re.fullmatch(r"issues/(\d+)", path):
            next(each for each in self.issues if each["number"] == int(found[1])).update(body)
        elif path in ("git/trees", "git/commits"):
            name = f"{len(self.objects):040d}"
            self.objects[name] = body
            return {"sha": name}
        elif path == "git/refs":
            self.branches[body["ref"].removeprefix("refs/heads/")] = body["sha"]
        elif found := re.fullmatch(r"git/refs/heads/(.+)", path):
            assert found[1] in self.branches
            self.branches[found[1]] = body["sha"]
        elif path == "pulls":
            number = self.open_pull_request()
            self.proposed.append({"number": number, "state": "open", "merged_at": None, **body})
            return self.proposed[-1]
        elif found := re.fullmatch(r"actions/workflows/([\w.-]+)/dispatches", path):
            self.dispatched.append({"workflow": found[1], **body})
        else:
            raise NotImplementedError(f"{method} {path}")
        return {}
