"""The comment's chapter on cost: what each office pays a month for being there, and what its last samples
would have cost. Standard library only.
"""

from collections.abc import Callable, Iterable

from rollout.cost_change import CostChange, Month, Replayed

Code = Callable[[str], str]


def cost_lines(costs: Iterable[tuple[str, CostChange | None]], code: Code) -> list[str]:
    """By office, as Markdown; `code` makes a stranger's text harmless."""
    told = [(office, cost) for office, cost in costs if cost is not None]
    if not told:
        return []
    lines = ["", "#### What it costs, in US dollars", ""]
    lines += ["| office | a month, always | last runs | as they ran | under this change | each |"]
    lines += ["|-|-|-|-|-|-|"]
    for office, cost in told:
        month = "not known" if cost.month is None else _month(cost.month)
        rows = [_cells(each, code) for each in cost.replays] or ["not known | | |"]
        if len(cost.replays) > 1:
            rows.append(_total(cost.replays))
        lines += [
            f"| {code(office) if first else ''} | {month if first else ''} | {cells} |"
            for first, cells in zip((True, *(False,) * len(rows)), rows, strict=False)
        ]
    notes = [f"- {line}" for office, cost in told for line in _notes(code(office), cost, code)]
    days = sorted({cost.prices_of for _, cost in told if cost.prices_of})
    lines += ["", *notes, *([""] if notes else [])]
    lines += [
        "A month, always: interface endpoints, keys, alarms and dashboards. Storage, requests, functions and "
        "instances are paid for by use. Last runs: each attempt for the time that it took, in the market "
        f"where it ran, with what the change would give it. "
        f"Prices of {', '.join(code(day) for day in days) or 'no day'}."
    ]
    return lines


def _month(month: Month) -> str:
    if abs(month.after - month.before) < 0.005:
        return f"{month.after:.2f}, as before"
    return f"{month.before:.2f} → **{month.after:.2f}** ({month.after - month.before:+.2f})"


def _cells(each: Replayed, code: Code) -> str:
    runs = f"{each.runs} of {code(each.pipeline)}"
    if not each.runs:
        return f"{runs} | | |"
    if each.after is None:
        return f"{runs} | {amount(each.before)} | no longer analysed |"
    return f"{runs} | {_change(each.runs, each.before, each.after)}"


def _total(replays: Iterable[Replayed]) -> str:
    kept = [each for each in replays if each.after is not None]
    before, after = sum(each.before for each in kept), sum(each.after or 0 for each in kept)
    runs = sum(each.runs for each in kept)
    return f"{runs} in all | {_change(runs, before, after)}" if runs else "0 in all | | |"


def _change(runs: int, before: float, after: float) -> str:
    if not before or abs(after - before) < 1e-9:
        return f"{amount(before)} | as before | {amount(before / runs)}"
    return (
        f"{amount(before)} | **{amount(after)}** ({(after - before) / before:+.0%}) | "
        f"{amount(before / runs)} → {amount(after / runs)}"
    )


def _notes(office: str, cost: CostChange, code: Code) -> Iterable[str]:
    if cost.month:
        counts = [
            f"{code(what)} {before} → {after}" for what, before, after in cost.month.parts if before != after
        ]
        if counts:
            yield f"{office}: {', '.join(counts)}"
        for why in cost.month.unknown:
            yield f"{office}: not in the month's sum: {code(why)}"
    if cost.missing:
        yield f"{office}: nothing is said of its last runs: {code(cost.missing)}"
    for each in cost.replays:
        where = f"{office}, {code(each.pipeline)}"
        if each.unpriced:
            yield f"{where}: {_runs(each.unpriced)} more in neither sum: what they cost is not known"
        if each.less:
            yield f"{where}: {_runs(each.less)} succeeded with more memory than they would be given now"
        if each.spared:
            yield f"{where}: {_attempts(each.spared)} that wanted memory or disk would not have been made"
        if each.unfinished:
            yield f"{where}: {_runs(each.unfinished)} would not have been tried again to their end"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def amount(usd: float) -> str:
    """Cents of cents matter where samples are many: small amounts keep two digits that say something."""
    return f"{usd:.4f}" if usd >= 0.01 else f"{usd:.2g}" if usd >= 0.0001 else f"{usd:.7f}"
