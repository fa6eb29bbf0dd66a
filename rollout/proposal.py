"""Proposal: a pull request that a workflow opens, made by one job and opened by another.

The job that asks the offices holds their roles and may not write here; the one that may write here runs
nothing but the standard library, and takes no other files than those that a branch of its kind may change.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rollout.github import GitHub

CHARTS = "rollout/canaries"
RELEASE = re.compile(rf"Pulumi\.[a-z][a-z0-9]{{1,11}}\.yaml|rollout/refused\.yaml|{CHARTS}/[a-z0-9-]+\.svg")
# By the branch's first part: the files that it may change.
ALLOWED = {
    "promote": RELEASE,
    "revert": RELEASE,
    "rightsize": re.compile(r"pipeline_images/[a-z][a-z0-9_-]*/pipeline\.yaml"),
}
BRANCH = re.compile(rf"({'|'.join(ALLOWED)})/[a-z0-9-]+")


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
    """Raises ValueError when it is none, or would change what its kind does not change."""
    try:
        found = Proposal(**json.loads(path.read_text()))
    except TypeError as error:
        raise ValueError(f"{path.name}: is no proposal: {error}") from error
    kind = BRANCH.fullmatch(found.branch)
    if not kind:
        raise ValueError(f"{path.name}: must be a branch of this workflow's, not {found.branch!r}")
    foreign = [name for name in found.files if not ALLOWED[kind[1]].fullmatch(name)]
    if foreign or not found.files:
        raise ValueError(f"{path.name}: a {kind[1]} must change {ALLOWED[kind[1]].pattern}, not {foreign}")
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
