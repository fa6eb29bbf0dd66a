"""Gates: what must hold before a release moves to the next offices. Nothing here asks a cloud.

Each gate answers with what was measured, the rule, and the way out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canary.comparison import Check
from handlers.run import FAILED, SUCCEEDED
from rollout.settings import Promotion

CANARY = "canary"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`to_do` is for a gate that does not let through."""

    gate: str
    office: str
    passed: bool
    measured: str
    rule: str
    to_do: str = ""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the offices of the wave before have done with the release."""

    samples: int  # different ones that succeeded
    failed: int  # runs; rejected ones are the uploads' fault
    ended: int  # runs that succeeded or failed
    since: datetime | None  # the first success

    @property
    def failure_rate(self) -> float:
        return self.failed / self.ended if self.ended else 0.0


def proof_of(rows: Iterable[Mapping[str, Any]]) -> Proof:
    """From headquarters' rows of one release's runs in the wave before."""
    kept = [row for row in rows if row["state"] in (SUCCEEDED, FAILED)]
    good = [row for row in kept if row["state"] == SUCCEEDED]
    first = min((str(row["updated"]) for row in good), default=None)
    return Proof(
        samples=len({(row["office"], row["pipeline"], row["project"], row["sample"]) for row in good}),
        failed=len(kept) - len(good),
        ended=len(kept),
        since=datetime.fromisoformat(first) if first else None,
    )


def image(office: str, region: str, digest: str, *, there: bool) -> Verdict:
    return Verdict(
        gate="image",
        office=office,
        passed=there,
        measured=f"{digest[:19]}… is {'' if there else 'not '}in {region}",
        rule="the office's own registry has the digest",
        to_do="Push it to headquarters' registry, or wait for the replication (docs/deploying.md).",
    )


def attestation(office: str, digest: str, refusal: str | None) -> Verdict:
    """`refusal`: why the image does not count as built by this repository."""
    return Verdict(
        gate="attestation",
        office=office,
        passed=refusal is None,
        measured=refusal or f"{digest[:19]}… was built by the workflow images",
        rule="the provenance of the digest is signed, and is this repository's",
        to_do="Let the workflow images build it. By hand: gh auth login, docker login at HQ's registry.",
    )


def reference(office: str, place: str, *, there: bool) -> Verdict:
    return Verdict(
        gate="reference",
        office=office,
        passed=there,
        measured=f"{place} is {'there' if there else 'missing'}",
        rule="the office's own bucket has every pinned version",
        to_do="Put it into headquarters' references bucket, or wait for the replication.",
    )


def freeze(office: str, reason: str | None) -> Verdict:
    return Verdict(
        gate="freeze",
        office=office,
        passed=reason is None,
        measured=reason or "no freeze",
        rule="nothing changes in a freeze",
        to_do="Wait for its end, or change `freezes` in rollout.yaml.",
    )


def no_canary(office: str) -> Verdict:
    """For a pipeline whose results no known composition can be held against."""
    return Verdict(
        gate=CANARY,
        office=office,
        passed=True,
        measured="its pipeline.yaml declares none",
        rule="a canary within its tolerances, where one is declared",
    )


def canary(office: str, pipeline: str, found: Sequence[Check] | None, broken: str = "") -> Verdict:
    """`found`: the checks of what headquarters keeps; None when it keeps nothing of these two releases."""
    off = [each for each in found or () if not each.passed]
    if broken:
        measured = f"the kept record counts for nothing: {broken}"
    elif found is None:
        measured = "none is kept of this release and the one that the office has"
    else:
        measured = (
            "; ".join(f"{each.name}: {each.measured}, {each.limit}" for each in off)
            or "within all tolerances"
        )
    return Verdict(
        gate=CANARY,
        office=office,
        passed=found is not None and not off and not broken,
        measured=measured,
        rule="a community of known composition comes out as it is, and as before",
        to_do="Take the release back: fleet revert."
        if off
        else f"Run it: fleet canary {pipeline} --to {office} --keep.",
    )


def refused(office: str, reason: str | None) -> Verdict:
    return Verdict(
        gate="refused",
        office=office,
        passed=reason is None,
        measured=reason or "not in rollout/refused.yaml",
        rule="no digest that went wrong before",
        to_do="Promote another image.",
    )


def soak(office: str, proof: Proof, limits: Promotion, now: datetime) -> Verdict:
    hours = (now - proof.since).total_seconds() / 3600 if proof.since else 0.0
    return Verdict(
        gate="soak",
        office=office,
        passed=proof.since is not None and hours >= limits.soak_hours,
        measured=f"{hours:.1f} h since the first success" if proof.since else "no sample has succeeded",
        rule=f"at least {limits.soak_hours} h in the wave before",
        to_do="Wait.",
    )


def samples(office: str, proof: Proof, limits: Promotion) -> Verdict:
    return Verdict(
        gate="samples",
        office=office,
        passed=proof.samples >= limits.samples,
        measured=f"{proof.samples} samples succeeded",
        rule=f"at least {limits.samples} in the wave before",
        to_do="Wait for more samples there.",
    )


def failures(office: str, proof: Proof, limits: Promotion) -> Verdict:
    return Verdict(
        gate="failures",
        office=office,
        passed=proof.failure_rate <= limits.most_failures,
        measured=f"{proof.failed} of {proof.ended} runs failed ({proof.failure_rate:.0%})",
        rule=f"at most {limits.most_failures:.0%} in the wave before",
        to_do="Look at them: fleet samples --state failed.",
    )
