"""Small worlds for budgets of projects: what is counted is what ran, once, and no run begins without room."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from campaign.offices import RECONCILE_TIMEOUT_S, START_S, Office
from campaign.promises import examine
from campaign.rates import Rates
from campaign.story import run_campaign
from campaign.world import World, at_once
from handlers import budget, history, ledger
from handlers.allowance import Allowance
from handlers.budget import MICRO
from handlers.context import Context
from handlers.cost import Family, Prices, spent_usd
from handlers.forecast import LEAST_RUNS, Finished

PROJECTS = 4
LIFTED_S = 2400.0
PRICES = Prices(day="2026-11-01", families=(Family(name="m6id", gib_per_vcpu=4, on_demand=3.0, spot=1.0),))
_plain = TypeDeserializer().deserialize


def with_budgets(office: Office, usd: Mapping[str, int]) -> None:
    """From now on projects of the office may cost so much a month."""
    own = office.account.office
    office.account.office = replace(own, prices=PRICES, allowance=Allowance(usd=dict(usd)))


def _do(office: Office, at: float, what: Any) -> None:
    """Let someone act on the office's ledger, as `what(context)`."""

    def begin() -> None:
        def handle(event: Any, context: Context) -> dict[str, Any]:  # noqa: ARG001
            what(context)
            return {}

        office.run("person", handle, {}, RECONCILE_TIMEOUT_S, lambda *_: None)

    office.simulation.at(START_S + at, begin)


def _lift_all(office: Office) -> None:
    def lift(context: Context) -> None:
        for project in context.office.allowance.usd:
            budget.lift(context, project, budget.month_of(context), "alice", "the grant was extended")

    for at in (LIFTED_S, LIFTED_S + 60):  # one may be killed
        _do(office, at, lift)


def _items(office: Office, kind: str) -> dict[str, dict[str, Any]]:
    found = office.account.table.items
    return {
        pk: {name: _plain(value) for name, value in item.items()}
        for pk, item in found.items()
        if pk.startswith(f"{kind}#")
    }


def _miscounted(office: Office) -> list[str]:
    """Projects whose month is not the sum of its runs, or is committed to what is over."""
    costs: Counter[str] = Counter()
    wrong = []
    for item in _items(office, "run").values():
        run = ledger.run_of(item)
        if run.charged and run.terminal:
            costs[run.sample.project] += round(spent_usd(run, PRICES) * MICRO)
        if run.held and any(each.job_id for each in run.attempts):
            wrong.append(f"{run.run_id} is held and has a job")
    for pk, item in _items(office, "budget").items():
        project = pk.removeprefix("budget#")
        spent, committed = int(item.get("spent", 0)), int(item.get("committed", 0))
        if spent != costs[project]:
            wrong.append(f"{project} has spent {costs[project]}, {spent} are counted")
        if committed != spent:
            wrong.append(f"{project} is committed to {committed}, and has spent {spent}")
    return wrong


def budget_races() -> list[str]:
    """Uploads of one project at the same moment, by functions side by side, with room for one of them."""
    wrong = []
    for seed in range(10):
        world = World(seed=f"budget race {seed}", reconciles=False)
        with_budgets(world.office, {"P": 4})
        hour = Finished(size=7, ran_s=1200.0, waited_s=0.0, ended="2026-11-01T00:00:00Z")

        def learn(context: Context, finished: Finished = hour) -> None:
            history.keep(context, "metagenome", {f"r{n}": finished for n in range(LEAST_RUNS)})

        _do(world.office, 0.0, learn)
        world.office.event = at_once(world, copies=2)  # type: ignore[method-assign, assignment]
        for number in range(3):
            world.upload(10, f"S{number}")
        world.run(least_s=60)
        begun = len({job["jobName"] for job in world.office.batch.jobs.values()})
        held = sum(bool(item.get("held")) for item in _items(world.office, "run").values())
        if (begun, held) != (1, 2):
            wrong.append(f"race {seed}: {begun} have begun and {held} are held, with room for one")
    return wrong


def budget_campaign() -> list[str]:
    """The campaign with all its faults, in an office whose projects run out of money; later it is lifted."""
    rates = replace(Rates(), reuploaded=0.4, duplicated=0.5, killed=0.2, conflicts=0.05, paused=0.03)
    wrong = []
    for seed in (31, 32):
        usd = {f"P{number}": 2 for number in range(PROJECTS - 1)}  # one has no budget

        def prepare(offices: dict[str, Office], usd: dict[str, int] = usd) -> None:
            with_budgets(offices["eu"], usd)
            _lift_all(offices["eu"])

        campaign = run_campaign(
            samples=40, seed=seed, offices=["eu"], rates=rates, projects=PROJECTS, prepare=prepare
        )
        office = campaign.offices["eu"]
        found = examine(campaign)
        wrong += [f"{name}: {what}" for name, each in found.broken.items() for what in each]
        wrong += [] if campaign.idle else [f"seed {seed}: it never came to rest"]
        wrong += [f"seed {seed}: {each}" for each in _miscounted(office)]
        runs = _items(office, "run").values()
        if any(item.get("held") for item in runs if item["state"] not in ("superseded",)):
            wrong.append(f"seed {seed}: a run is still held")
        if not any("budget#" in pk and "stopped" in pk for pk in _items(office, "notice")):
            wrong.append(f"seed {seed}: no budget was ever used up")
    return wrong
