"""Drift: what somebody changed by hand, in an issue that opens, follows and closes by itself.

Standard library only, as the job that writes the issue installs nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rollout.comment import DONE, code
from rollout.github import GitHub
from rollout.summary import Summary

LABEL = "drift"
REMEDIATE = "drift: remediate"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What becomes of an office's issue, with its new text."""

    do: Literal["open", "update", "close", "nothing"]
    title: str = ""
    body: str = ""


def marker(office: str) -> str:
    return f"<!-- globalbi: drift of {office} -->"


def office_of(issue: Mapping[str, Any]) -> str | None:
    """The office of an issue that the drift workflow opened; None for anybody else's."""
    found = re.match(r"<!-- globalbi: drift of ([a-z][a-z0-9]{1,11}) -->", issue["body"] or "")
    return found[1] if found and issue["user"]["type"] == "Bot" else None


def decide(summary: Summary, issue: Mapping[str, Any] | None) -> Decision:
    """What an office's nightly look calls for. A look that failed proves nothing, so it closes nothing."""
    if not summary.changes and not summary.fault:
        return Decision(do="close") if issue else Decision(do="nothing")
    title, body = _title(summary), _body(summary)
    if issue is None:
        return Decision(do="open", title=title, body=body)
    if issue["title"] == title and (issue["body"] or "").split() == body.split():
        return Decision(do="nothing")
    return Decision(do="update", title=title, body=body)


def record(github: GitHub, summary: Summary) -> str:
    """Brings the office's issue up to date; returns what was done, in words."""
    issue = github.issue(LABEL, marker(summary.office))
    decision = decide(summary, issue)
    match decision.do:
        case "open":
            number = github.open_issue(decision.title, decision.body, [LABEL])
            return f"{summary.office}: opened #{number}"
        case "update" if issue:
            github.change_issue(issue["number"], title=decision.title, body=decision.body)
            return f"{summary.office}: updated #{issue['number']}"
        case "close" if issue:
            github.say(issue["number"], "The office is again what the repository says.")
            github.change_issue(issue["number"], state="closed", state_reason="completed")
            return f"{summary.office}: closed #{issue['number']}"
    return f"{summary.office}: {'unchanged' if issue else 'no drift'}"


def _title(summary: Summary) -> str:
    if summary.fault and not summary.changes:
        return f"{summary.office}: the nightly look failed"
    what = "1 resource differs" if len(summary.changes) == 1 else f"{len(summary.changes)} resources differ"
    return f"{summary.office}: {what} from the repository"


def _body(summary: Summary) -> str:
    lines = [marker(summary.office)]
    if summary.fault:
        lines += [f"Without a result: {code(summary.fault)}", ""]
    if summary.changes:
        lines += [
            "Somebody or something changed these outside the repository. To make the repository true again, "
            "each would be:",
            "",
            "| | type | name | because of |",
            "|-|-|-|-|",
        ]
    for change in summary.changes[:200]:
        keys = ", ".join(code(key) for key in change.keys) or "–"
        mark = "🔴 " if change.loses else ""
        lines.append(f"| {mark}{DONE[change.action]} | {code(change.type)} | {code(change.name)} | {keys} |")
    if len(summary.changes) > 200:
        lines.append(f"\nand {len(summary.changes) - 200} more")
    lines += [
        "",
        f"Either put what was changed into the repository, or add the label {code(REMEDIATE)}: "
        f"{code(summary.office)} is then applied again. "
        "This issue closes when the nightly look finds nothing.",
    ]
    return "\n".join(lines) + "\n"
