"""What the pull requests of a release say: one that moves it, one that takes it back."""

from collections.abc import Mapping, Sequence

from canary.comparison import checks
from canary.record import Record
from components.pipeline import Canary
from rollout.canary_report import chart, markdown
from rollout.comment import code
from rollout.gates import Verdict
from rollout.promote import Promotion
from rollout.proposal import CHARTS, Proposal
from rollout.revert import Revert


def moving(
    promotion: Promotion,
    texts: Mapping[str, str],
    verdicts: Sequence[Verdict],
    canary: tuple[Record, Canary] | None,
) -> Proposal:
    """`texts`: of the changed stack files, by name; `canary`: the record that let it through."""
    short, offices = _short(promotion.release.digest), ", ".join(promotion.to)
    lines = [
        f"{code(promotion.release.digest)} of {code(promotion.pipeline)} moves to {offices}. "
        "Every gate let it through:",
        "",
        "| office | gate | found | rule |",
        "|-|-|-|-|",
        *(f"| {each.office} | {each.gate} | {code(each.measured)} | {each.rule} |" for each in verdicts),
        "",
    ]
    files, picture = dict(texts), ""
    if canary:
        record, tolerances = canary
        lines.append(markdown(record, checks(record, tolerances)))
        picture = f"{CHARTS}/{promotion.pipeline}-{short}.svg"
        files[picture] = chart(record)
    return Proposal(
        branch=f"promote/{promotion.pipeline}-{short}-{'-'.join(promotion.to)}",
        title=f"Promote {promotion.pipeline} {short} to {offices}",
        body="\n".join(lines),
        files=files,
        chart=picture,
    )


def taking_back(revert: Revert, texts: Mapping[str, str]) -> Proposal:
    short, offices = _short(revert.digest), ", ".join(revert.releases)
    lines = [
        f"{code(revert.digest)} of {code(revert.pipeline)} went wrong: {code(revert.reason)}",
        "",
        "| office | goes back to |",
        "|-|-|",
        *(f"| {office} | {code(release.digest)} |" for office, release in revert.releases.items()),
        "",
        "The digest is remembered in `rollout/refused.yaml`: no promotion moves it again without a reason.",
    ]
    return Proposal(
        branch=f"revert/{revert.pipeline}-{short}",
        title=f"Take back {revert.pipeline} {short} in {offices}",
        body="\n".join(lines) + "\n",
        files=texts,
    )


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
