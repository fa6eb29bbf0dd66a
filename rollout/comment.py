"""Comment: what a pull request would do in each office, as Markdown.

Names come from a branch that anybody with an account may have proposed, so nothing of them is Markdown.
Standard library only, as the job that writes comments installs nothing.
"""

from collections.abc import Iterable, Sequence

from rollout.cost_comment import cost_lines
from rollout.summary import ACTIONS, Change, Summary

MARKER = "<!-- globalbi: preview of the offices -->"
LABEL = "data-loss-approved"
# GitHub refuses more than 65,536 characters.
MOST_CHARACTERS = 60_000
MOST_ROWS = 500
TOO_LONG = "{}: too long to list here; see the job's log."
MOST_LISTED = 20  # of what must not be overlooked: more is a number
DONE = {"create": "created", "update": "changed", "replace": "replaced", "delete": "deleted"}
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -")


def code(text: str) -> str:
    """`text` as code, whatever it holds.

    Every character that could mean something to Markdown is an entity; inside <code> GitHub looks for no
    @mentions and #references either.
    """
    visible = (character if character.isprintable() else " " for character in text)
    return f"<code>{''.join(c if c in PLAIN else f'&#{ord(c)};' for c in visible)}</code>"


def refusals(summaries: Iterable[Summary], labels: Iterable[str]) -> list[str]:
    """Why a change must not go on, as plain text; empty when it may."""
    summaries = list(summaries)
    said = [f"{each.office}: {each.fault}" for each in summaries if each.fault]
    said += [
        f"{each.office}: {finding.policy} {finding.name}: {finding.message}"
        for each in summaries
        for finding in each.findings
    ]
    if LABEL not in labels:
        said += [
            f"{each.office}: {change.name} would be {DONE[change.action]}, which loses {change.loses}; "
            f"it needs the label {LABEL}"
            for each in summaries
            for change in each.losses
        ]
    return said


def given_up(gone: Iterable[str], labels: Iterable[str]) -> list[str]:
    """Why an office's stack file may not be taken away, as plain text; empty when it may."""
    if LABEL in labels:
        return []
    return [
        f"{office}: its stack file would be gone, and nobody would manage its runs and its data; see what is "
        f"there by `python -m fleet retire {office}`; it needs the label {LABEL}"
        for office in gone
    ]


def comment(
    summaries: Sequence[Summary], labels: Iterable[str], commit: str, gone: Sequence[str] = ()
) -> str:
    """The whole comment, with the offices in the order given; `gone` have no stack file any more."""
    labels = list(labels)
    head = [MARKER, _title(summaries), "", *_overview(summaries), *_gone(gone, labels)]
    foot = ["", f"Previewed at {code(commit[:12])} with a read-only role. This comment is updated in place."]
    for most in (MOST_LISTED, 3, 0):
        body = [*head, *(line for each in summaries for line in _alerts(each, labels, most))]
        if _length(body) < MOST_CHARACTERS // 2:
            break
    body.extend(cost_lines(((each.office, each.cost) for each in summaries), code))
    for each in summaries:
        details = _details(each)
        if _length([*body, *details, *foot]) > MOST_CHARACTERS:
            details = ["", TOO_LONG.format(code(each.office))]
        body.extend(details)
    return "\n".join([*body, *foot]) + "\n"


def _length(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _title(summaries: Sequence[Summary]) -> str:
    if not summaries:
        return "### This change touches no office"
    changed = sum(bool(each.changes) for each in summaries)
    offices = "1 office" if changed == 1 else f"{changed} offices"
    return (
        f"### This change reaches {offices}" if changed else "### This change changes nothing in any office"
    )


def _overview(summaries: Sequence[Summary]) -> list[str]:
    if not summaries:
        return []
    lines = ["| office | created | changed | replaced | deleted | policy findings |", "|-|-|-|-|-|-|"]
    for each in summaries:
        if each.fault:
            lines.append(f"| {code(each.office)} | ⚠️ no preview | | | | |")
            continue
        counts = [str(each.count(action) or "–") for action in ACTIONS]
        lines.append(f"| {code(each.office)} | {' | '.join(counts)} | {len(each.findings) or '–'} |")
    return lines


def _gone(gone: Sequence[str], labels: Sequence[str]) -> list[str]:
    verdict = (
        f"Approved by the label {code(LABEL)}." if LABEL in labels else f"Blocked without {code(LABEL)}."
    )
    lines = [
        f"> - {code(office)}: nobody would manage its runs and its data. See what is there: "
        f"{code(f'python -m fleet retire {office}')}"
        for office in gone[:MOST_LISTED]
    ]
    return ["", "> [!CAUTION]", f"> 🔴 **Stack files would be gone. {verdict}**", *lines] if gone else []


def _alerts(summary: Summary, labels: Sequence[str], most: int) -> list[str]:
    """What must not be overlooked, with at most so many examples of each kind."""
    lines: list[str] = []
    if summary.fault:
        lines += ["", "> [!WARNING]", f"> {code(summary.office)}: {code(summary.fault)}"]
    if summary.losses:
        if any(change.protected for change in summary.losses):
            verdict = "Pulumi refuses it whatever the labels say: it is protected."
        elif LABEL in labels:
            verdict = f"Approved by the label {code(LABEL)}."
        else:
            verdict = f"Blocked without {code(LABEL)}."
        lines += ["", "> [!CAUTION]", f"> 🔴 **Data would be lost in {code(summary.office)}. {verdict}**"]
        losses = summary.losses
        lines += [
            f"> - {code(each.name)} would be **{DONE[each.action]}**: {each.loses}{_because(each)}"
            for each in losses[:most]
        ]
        lines += _more(len(losses) - most)
    if summary.findings:
        lines += ["", "> [!WARNING]", f"> Policies refuse this in {code(summary.office)}:"]
        lines += [
            f"> - {code(each.policy)} {code(each.name)}: {code(each.message)}"
            for each in summary.findings[:most]
        ]
        lines += _more(len(summary.findings) - most)
    return lines


def _more(count: int) -> list[str]:
    return [f"> - and {count} more"] if count > 0 else []


def _because(change: Change) -> str:
    return f" (because of {', '.join(code(key) for key in change.keys)})" if change.keys else ""


def _details(summary: Summary) -> list[str]:
    if not summary.changes or len(summary.changes) > MOST_ROWS:
        return [] if not summary.changes else ["", TOO_LONG.format(code(summary.office))]
    counts = [
        f"{summary.count(action)} {DONE[action]}" for action in reversed(ACTIONS) if summary.count(action)
    ]
    lines = ["", "<details>", f"<summary>{code(summary.office)}: {', '.join(counts)}</summary>", ""]
    lines += ["| | type | name | because of |", "|-|-|-|-|"]
    for change in summary.changes:
        mark = "🔴 " if change.loses else ""
        keys = ", ".join(code(key) for key in change.keys)
        lines.append(
            f"| {mark}{DONE[change.action]} | {code(change.type)} | {code(change.name)} | {keys or '–'} |"
        )
    return [*lines, "", "</details>"]
