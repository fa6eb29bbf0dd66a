"""Explanations: what a failed `pulumi` means, and the command that helps."""

import re

# What Pulumi prints → what it means, and the way out.
KNOWN: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"stack is currently locked by", re.IGNORECASE),
        "{office} is locked: another run changes it, or one was killed. The log names who and when. "
        "If that run is over, free it by `pulumi cancel -s {office}`, then run this job again.",
    ),
    (
        re.compile(r"pending operations|interrupted while", re.IGNORECASE),
        "an earlier run of {office} was interrupted in the middle of an operation. "
        "`pulumi refresh -s {office}` asks AWS what became of it; then run this job again: "
        "it goes on where the other stopped.",
    ),
    (
        re.compile(r"NoSuchBucket"),
        "the state bucket of {office} is not there. If this office is new: "
        "`python -m bootstrap {office} --apply`. If it was lost: docs/gitops.md, A lost state bucket.",
    ),
    (
        re.compile(r"Scope ARN: \S+-boundary does not exist"),
        "the boundary of {office}'s roles is not there: `python -m bootstrap {office} --apply` makes it; "
        "then run this job again.",
    ),
    (
        re.compile(r"AccessDenied|is not authorized to perform"),
        "the role in use may not do this in {office}. If the program needs something new of AWS, add it in "
        "bootstrap/permissions.py and run `python -m bootstrap {office} --apply`.",
    ),
    (
        re.compile(r"AlreadyExists|AlreadyOwnedByYou|QueueNameExists"),
        "something of that name is in {office} already, and this stack did not make it; the log names it. "
        "Remove it, or take it over by `pulumi import -s {office}`; then run this job again.",
    ),
    (
        re.compile(r"marked for protection|is protected", re.IGNORECASE),
        "what holds data is protected in {office}; `python -m fleet retire {office}` tells what is there. "
        "If it must really go: "
        "`pulumi state unprotect URN -s {office}`, URN as the log names it.",
    ),
)


def explain(office: str, log: str) -> list[str]:
    """What the log of a failed run says, for people; empty when nothing is known."""
    return [words.format(office=office) for pattern, words in KNOWN if pattern.search(log)]
