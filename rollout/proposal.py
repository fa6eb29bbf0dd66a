"""Proposal: a pull request that a workflow opens, made by one job and opened by another.

The job that asks the offices holds their roles and may not write here; the one that may write here runs
nothing but the standard library, and takes no other files than those that a release may change.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rollout.github import GitHub

CHARTS = "rollout/canaries"
ALLOWED = re.compile(rf"Pulumi\.[a-z][a-z0-9]{{1,11}}\.yaml|rollout/refused\.yaml|{CHARTS}/[a-z0-9-]+\.svg")
BRANCH = re.compile(r"(promote|revert)/[a-z0-9-]+")


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """`files` are whole texts by path. `chart` is the one of them that the text shows as a picture."""

    branch: str
    title: str
    body: str
    files: Mapping[str, str]
    chart: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def read(path: Path) -> Proposal:
    """Raises ValueError when it is none, or would change what a release does not change."""
    try:
        found = Proposal(**json.loads(path.read_text()))
    except TypeError as error:
        raise ValueError(f"{path.name}: is no proposal: {error}") from error
    if not BRANCH.fullmatch(found.branch):
        raise ValueError(f"{path.name}: must not be a branch of this workflow's: {found.branch!r}")
    foreign = [name for name in found.files if not ALLOWED.fullmatch(name)]
    if foreign or not found.files:
        raise ValueError(f"{path.name}: must change stack files, refused digests and charts, not {foreign}")
    return found


def propose(github: GitHub, proposal: Proposal, commit: str) -> str:
    """Opens it on top of `commit`, once: what people closed or are looking at is left as it is. In words."""
    for pull in github.pulls_of(proposal.branch):
        what = "is open" if pull["state"] == "open" else "was merged" if pull["merged_at"] else "was closed"
        return f"{proposal.branch}: #{pull['number']} {what} already"
    made = github.commit(commit, proposal.title, proposal.files)
    github.set_branch(proposal.branch, made)
    number = github.open_pull(proposal.branch, proposal.title, _body(github, proposal, made))
    return f"{proposal.branch}: opened #{number}"


def _body(github: GitHub, proposal: Proposal, commit: str) -> str:
    if not proposal.chart:
        return proposal.body
    # By the commit, so that the picture stays when the branch is gone.
    address = f"{github.page}/blob/{commit}/{proposal.chart}?raw=true"
    return f"{proposal.body}\n![shares of reads by species]({address})\n"
