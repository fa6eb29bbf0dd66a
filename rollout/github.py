"""GitHub: the few calls that the workflows need, by its REST interface.

Standard library only, as the job that writes comments installs nothing.
"""

import json
import os
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 30
PER_PAGE = 100
# No thread or list that this project makes is longer.
MOST_PAGES = 30

# Method, path below the interface's address, body → the answer's body.
Send = Callable[[str, str, Mapping[str, Any] | None], Any]


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """One repository on GitHub."""

    repository: str
    send: Send
    server: str = "https://github.com"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "GitHub":
        """As a workflow's job sees it. Raises KeyError when there is no token."""
        address = environment.get("GITHUB_API_URL", "https://api.github.com")
        return cls(
            repository=environment["GITHUB_REPOSITORY"],
            send=https(address, environment["GITHUB_TOKEN"]),
            server=environment.get("GITHUB_SERVER_URL", cls.server),
        )

    @property
    def page(self) -> str:
        return f"{self.server}/{self.repository}"

    def _post(self, path: str, **body: Any) -> Any:
        return self.send("POST", f"/repos/{self.repository}/{path}", body)

    def _get_all(self, path: str, **query: str) -> Iterator[Any]:
        for page in range(1, MOST_PAGES + 1):
            asked = urllib.parse.urlencode({**query, "per_page": PER_PAGE, "page": page})
            answer = self.send("GET", f"/repos/{self.repository}/{path}?{asked}", None)
            yield from answer
            if len(answer) < PER_PAGE:
                return

    def put_comment(self, number: int, marker: str, body: str) -> str:
        """Writes the one comment that begins with `marker`: `updated`, `created` or `unchanged`."""
        for each in self._get_all(f"issues/{number}/comments"):
            # Somebody may quote the comment, marker and all.
            if each["user"]["type"] == "Bot" and each["body"].startswith(marker):
                # GitHub hands line ends back as it likes.
                if each["body"].split() == body.split():
                    return "unchanged"
                path = f"/repos/{self.repository}/issues/comments/{each['id']}"
                self.send("PATCH", path, {"body": body})
                return "updated"
        self.send("POST", f"/repos/{self.repository}/issues/{number}/comments", {"body": body})
        return "created"

    def labels(self, number: int) -> list[str]:
        return [each["name"] for each in self._get_all(f"issues/{number}/labels")]

    def labels_of_commit(self, commit: str) -> list[str]:
        """The labels of the merged pull requests that brought `commit`."""
        pulls = self._get_all(f"commits/{commit}/pulls")
        return [label["name"] for pull in pulls if pull.get("merged_at") for label in pull["labels"]]

    def applied(self, office: str) -> str | None:
        """The commit that was last applied to an office with success; None when there was none.

        A job that names an environment makes a deployment of it.
        """
        for deployment in self._get_all("deployments", environment=office):
            statuses = self._get_all(f"deployments/{deployment['id']}/statuses")
            # A later success makes this one "inactive", but its own status stays in the list.
            if any(status["state"] == "success" for status in statuses):
                return str(deployment["sha"])
        return None

    def issue(self, label: str, marker: str) -> Mapping[str, Any] | None:
        """The open issue with `label` that a workflow opened under `marker`."""
        for each in self._get_all("issues", state="open", labels=label):
            if each["user"]["type"] == "Bot" and (each["body"] or "").startswith(marker):
                return dict(each)
        return None

    def open_issue(self, title: str, body: str, labels: list[str]) -> int:
        answer = self.send(
            "POST", f"/repos/{self.repository}/issues", {"title": title, "body": body, "labels": labels}
        )
        return int(answer["number"])

    def change_issue(self, number: int, **fields: str) -> None:
        self.send("PATCH", f"/repos/{self.repository}/issues/{number}", fields)

    def pulls_of(self, branch: str) -> list[Mapping[str, Any]]:
        """Every pull request from a branch of this repository, whatever became of it."""
        head = f"{self.repository.split('/')[0]}:{branch}"
        return list(self._get_all("pulls", state="all", head=head))

    def commit(self, parent: str, message: str, files: Mapping[str, str]) -> str:
        """A commit on top of `parent` that no branch names yet; GitHub signs it."""
        listed = [
            {"path": path, "mode": "100644", "type": "blob", "content": text} for path, text in files.items()
        ]
        base = self.send("GET", f"/repos/{self.repository}/git/commits/{parent}", None)["tree"]["sha"]
        tree = self._post("git/trees", base_tree=base, tree=listed)["sha"]
        return str(self._post("git/commits", message=message, tree=tree, parents=[parent])["sha"])

    def set_branch(self, branch: str, commit: str) -> None:
        """Also where a run that was stopped has left the branch without a pull request."""
        there = self._get_all(f"git/matching-refs/heads/{branch}")
        if any(each["ref"] == f"refs/heads/{branch}" for each in there):
            path = f"/repos/{self.repository}/git/refs/heads/{branch}"
            self.send("PATCH", path, {"sha": commit, "force": True})
        else:
            self._post("git/refs", ref=f"refs/heads/{branch}", sha=commit)

    def open_pull(self, branch: str, title: str, body: str) -> int:
        return int(self._post("pulls", title=title, body=body, head=branch, base="main")["number"])

    def say(self, number: int, body: str) -> None:
        self.send("POST", f"/repos/{self.repository}/issues/{number}/comments", {"body": body})


def https(address: str, token: str) -> Send:
    """Calls of GitHub itself. Raises urllib.error.HTTPError."""

    def send(method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        request = urllib.request.Request(
            f"{address}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.loads(answer.read() or b"null")

    return send
