"""What the pull request of new sizes says: the figures, what they were learnt from, and the evidence."""

from collections.abc import Callable, Sequence

from handlers.release import Linear
from rightsizing.evidence import PER_RUNS, Evidence, Money
from rightsizing.replay import Outcome
from rightsizing.runs import History
from rightsizing.sizes import Size
from rollout.comment import code
from rollout.proposal import Proposal

Three = tuple[Outcome, Outcome, Outcome]


def resizing(
    pipeline: str,
    release: str,
    file: str,
    text: str,
    history: History,
    found: Sequence[Size],
    shown: Evidence,
) -> Proposal:
    """`text`: of the changed `file`; `release`: the digest whose runs these are."""
    short = release.removeprefix("sha256:")[:12]
    lines = [
        f"What {code(pipeline)}'s runs took of release {code(release)} ({len(history.runs):,} runs of it with"
        " these references) calls for other figures. The change reaches every office that runs it when it is"
        " applied, wave by wave; runs in progress keep what they have.",
        "",
        "| figure | now | proposed | learnt |",
        "|-|-|-|-|",
        *(
            f"| {each.kind.key} | {figures(each.now)} | {figures(each.proposed)} | {each.words} |"
            for each in found
        ),
        "",
        "| memory, over these runs | now | proposed | expected of runs not seen |",
        "|-|-|-|-|",
        *(f"| {name} | {' | '.join(cells)} |" for name, *cells in evidence_rows(shown)),
        "",
        "Killed runs count whole, for each attempt. The last column sizes each fifth of the runs by the other"
        " four. The bill falls only where memory, not vCPUs, limits how many jobs an instance holds.",
    ]
    return Proposal(
        branch=f"rightsize/{pipeline}-{short}",
        title=f"Give {pipeline} what its runs take",
        body="\n".join(lines) + "\n",
        files={file: text},
    )


def evidence_rows(shown: Evidence) -> list[tuple[str, str, str, str]]:
    """A row each: its name, before, after, expected."""
    three = (shown.before, shown.after, shown.expected)
    before, after = shown.before_money, shown.after_money
    return [
        ("asked for, GiB hours", *_of(three, lambda each: f"{each.asked_gib_h:,.2f}")),
        (
            "of it not used",
            *_of(three, lambda each: f"{each.wasted_gib_h:,.2f} ({each.waste:.0%})"),
        ),
        (
            "out of memory",
            *_of(
                three, lambda each: f"{each.out_of_memory:,} of {each.runs:,} ({each.out_of_memory_rate:.2%})"
            ),
        ),
        ("attempts at most", *_of(three, lambda each: str(each.most_attempts))),
        (f"USD for {PER_RUNS:,} runs, by share", _usd(before.share), _usd(after.share), ""),
        (f"USD for {PER_RUNS:,} runs, on the bill", _usd(before.bill), _usd(after.bill), ""),
    ]


def money_json(money: Money) -> dict[str, float | None]:
    return {"share": money.share, "bill": money.bill}


def outcome_json(outcome: Outcome) -> dict[str, float]:
    return {
        "runs": outcome.runs,
        "asked_gib_h": outcome.asked_gib_h,
        "wasted_gib_h": outcome.wasted_gib_h,
        "out_of_memory": outcome.out_of_memory,
        "failed": outcome.failed,
        "most_attempts": outcome.most_attempts,
    }


def figures(line: Linear | None) -> str:
    if line is None:
        return "as it is"
    return f"{line.base:,}" + (f" + {line.per_gib:,} for a GiB" if line.per_gib else "")


def _usd(amount: float | None) -> str:
    return "a price is not known" if amount is None else f"{amount:.2f}"


def _of(outcomes: Three, say: Callable[[Outcome], str]) -> tuple[str, str, str]:
    before, after, expected = outcomes
    return say(before), say(after), say(expected)
