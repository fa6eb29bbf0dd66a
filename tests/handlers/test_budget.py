"""Budgets of projects: counted once whatever happens, and new runs wait instead of being lost."""

from dataclasses import replace
from typing import Any

import pytest

from handlers import budget, ledger, progress, reconcile
from handlers.allowance import Allowance, allowance_from_json, allowance_to_json
from handlers.budget import MICRO
from handlers.context import Context, epoch
from handlers.cost import spent_usd
from handlers.forecast import Finished
from handlers.run import Estimate
from tests.handlers.aws_fakes import Call, Killed, World, sqs
from tests.handlers.emitted import PRICES
from tests.handlers.lab import KEY, only_run, started, status, take, tell

HOUR = 3600
OTHER = "metagenome/soil/S2/input.tar"
THIRD = "metagenome/soil/S3/input.tar"
# What an hour of the first attempt's share costs on Spot and on demand: 4 vCPUs, 6000 MiB, of PRICES.
SHARE = (9 * 4 + 6000 / 1024) / (9 + 4)
SPOT_HOUR, DEMAND_HOUR = 0.02 * SHARE, 0.06 * SHARE


@pytest.fixture
def paid(world: World) -> World:
    """The office lets the project `soil` cost a dollar a month."""
    world.office = replace(world.office, prices=PRICES, allowance=Allowance(usd={"soil": 1}))
    return world


def month(world: World, project: str = "soil") -> budget.Month:
    found = budget.read(world.context(), project, budget.month_of(world.context()))
    assert found is not None
    return found


def ended(world: World, run_id: str, hours: float, *, code: int = 65) -> None:
    """The run's job ends after so long, as an input that is refused."""
    world.now += hours * HOUR
    assert tell(world, world.job_event(f"{run_id}-1", "FAILED", code=code)) == []


def used_up(world: World) -> None:
    """A first run has cost more than the month allows."""
    ended(world, started(world), 24)
    assert month(world).spent > MICRO


def state(world: World, key: str) -> dict[str, Any]:
    return status(world, key.replace("input.tar", "status.json"))


def round_of_reconcile(world: World) -> Context:
    world.now += 300
    context = world.context()
    reconcile.handle({}, context)
    return context


def test_what_a_run_cost_is_counted_at_its_end(paid: World) -> None:
    """A month's figure that is not what the runs cost stops too early or too late."""
    run_id = started(paid)
    paid.note(
        run_id,
        "lease_host",
        {"M": {"attempt": {"N": "1"}, "type": {"S": "m6id.xlarge"}, "market": {"S": "spot"}}},
    )
    ended(paid, run_id, 2)
    found = month(paid)
    assert found.spent == found.committed
    assert found.spent == pytest.approx(2 * SPOT_HOUR * MICRO, rel=1e-3)


def test_an_instance_that_did_not_say_what_it_is_counts_as_the_dearest(paid: World) -> None:
    """What is not known must not make a budget larger."""
    ended(paid, started(paid), 2)
    assert month(paid).spent == pytest.approx(2 * DEMAND_HOUR * MICRO, rel=1e-3)


def test_events_that_come_again_count_once(paid: World) -> None:
    """A duplicate would use up a budget that nobody has spent."""
    run_id = started(paid)
    paid.now += HOUR
    event = paid.job_event(f"{run_id}-1", "FAILED", code=65)
    assert tell(paid, event, event) == []
    once = month(paid).spent
    assert tell(paid, event) == []
    assert 0 < month(paid).spent == once


@pytest.mark.parametrize("when", ["killed before", "killed after"])
def test_a_function_that_is_killed_counts_neither_twice_nor_not_at_all(paid: World, when: str) -> None:
    """The count and the run's end are one write: there is no between."""
    run_id = started(paid)
    paid.now += HOUR
    event = paid.job_event(f"{run_id}-1", "FAILED", code=65)
    paid.faults = lambda call: when if call.operation == "TransactWriteItems" else None
    with pytest.raises(Killed):
        progress.handle(sqs(event), paid.context())
    paid.faults = lambda call: None
    assert tell(paid, event) == []
    assert month(paid).spent == pytest.approx(DEMAND_HOUR * MICRO, rel=1e-3)
    assert paid.run_item(run_id)["state"] == "rejected"


def test_a_new_run_waits_when_the_budget_is_used_up_and_says_why(paid: World) -> None:
    """Money would go on being spent; or the branch would wonder why nothing happens."""
    used_up(paid)
    jobs = len(paid.jobs)
    assert take(paid, paid.upload(OTHER)) == []
    assert len(paid.jobs) == jobs
    told = state(paid, OTHER)
    assert told["state"] == "received"
    assert told["summary"] == f"Waits: the budget of project soil for {month(paid).month} (1 USD) is used up."
    assert "fleet budget eu/soil --lift REASON" in told["what_to_do"]


def test_an_event_that_comes_again_does_not_start_what_is_held(paid: World) -> None:
    """The budget would be a matter of how often S3 tells of an upload."""
    used_up(paid)
    event = paid.upload(OTHER)
    jobs = len(paid.jobs)
    assert take(paid, event, event) == []
    context = round_of_reconcile(paid)
    assert len(paid.jobs) == jobs
    assert context.counts["ClaimsWithoutJob"] == 0
    assert context.seen["OpenHeld"] == 1


def test_other_projects_go_on(paid: World) -> None:
    """One project's bill must not stop the office."""
    used_up(paid)
    started(paid, "metagenome/water/S1/input.tar")
    assert state(paid, "metagenome/water/S1/input.tar")["state"] == "running"


def test_an_attempt_after_a_reclaim_goes_on_whatever_the_budget(paid: World) -> None:
    """A run that has begun is paid for in part: to stop it would waste that."""
    run_id = started(paid)
    used = started(paid, OTHER)
    ended(paid, used, 30)
    assert (
        tell(paid, paid.job_event(f"{run_id}-1", "FAILED", reason="Host EC2 (instance i-1) terminated."))
        == []
    )
    assert paid.run_item(run_id)["state"] == "submitted"


def test_a_lifted_budget_starts_what_waits_by_itself(paid: World) -> None:
    """Nobody should have to upload again."""
    used_up(paid)
    take(paid, paid.upload(OTHER))
    budget.lift(paid.context(), "soil", month(paid).month, "alice", "the grant was extended")
    assert round_of_reconcile(paid).counts["RunsReleased"] == 1
    assert state(paid, OTHER)["state"] == "submitted"
    assert state(paid, OTHER)["what_to_do"] is None
    started(paid, THIRD)  # and new ones begin at once
    lifted = month(paid).lifted
    assert lifted is not None
    assert (lifted["by"], lifted["why"]) == ("alice", "the grant was extended")


def test_a_new_month_starts_what_waits_by_itself(paid: World) -> None:
    """A person would have to remember it on the first of the month."""
    used_up(paid)
    take(paid, paid.upload(OTHER))
    round_of_reconcile(paid)
    assert state(paid, OTHER)["state"] == "received"
    paid.now = epoch(f"{_next(month(paid).month)}-01T00:01:00+00:00")
    round_of_reconcile(paid)
    assert state(paid, OTHER)["state"] == "submitted"
    assert month(paid).spent == 0


def _next(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{year + number // 12}-{number % 12 + 1:02}"


def test_a_budget_that_is_taken_off_starts_what_waits(paid: World) -> None:
    """A pull request that removes the budget would leave its runs waiting for ever."""
    used_up(paid)
    take(paid, paid.upload(OTHER))
    paid.office = replace(paid.office, allowance=Allowance())
    round_of_reconcile(paid)
    assert state(paid, OTHER)["state"] == "submitted"
    [held] = [run for run in paid.runs().values() if run["key"] == OTHER]
    assert held.get("held") is None


def _with_estimates(world: World, monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    """Runs of the pipeline are known to take so long."""
    finished = {
        f"r{n}": Finished(size=5, ran_s=hours * HOUR, waited_s=0, ended=f"2026-11-0{n}T00:00:00Z")
        for n in range(1, 7)
    }
    monkeypatch.setattr("handlers.history.read", lambda context, pipeline: finished)


def test_uploads_at_once_do_not_all_find_the_last_dollar(
    paid: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs will cost is committed when they are claimed, or a burst passes before one has ended."""
    _with_estimates(paid, monkeypatch, 2)  # 0.39 USD each: two have room
    keys = [f"metagenome/soil/B{n}/input.tar" for n in range(5)]
    assert take(paid, *(paid.upload(key) for key in keys)) == []
    assert len(paid.jobs) == 2
    assert [bool(state(paid, key)["what_to_do"]) for key in keys] == [False, False, True, True, True]
    assert month(paid).committed <= MICRO


def test_two_claims_that_read_the_same_count_cannot_both_take_the_room(
    paid: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room is taken on condition: what was read may be old by the time it is written."""
    _with_estimates(paid, monkeypatch, 3)  # 0.58 USD each: one has room
    between = [paid.upload(OTHER)]
    jobs_of_the_other: list[int] = []

    def another_first(call: Call) -> None:
        if call.operation == "TransactWriteItems" and between:
            event = between.pop()
            assert take(paid, event, seed=1) == []
            jobs_of_the_other.append(len(paid.jobs))

    paid.faults = another_first
    assert take(paid, paid.upload(KEY)) == []
    assert jobs_of_the_other == [1]
    assert len(paid.jobs) == 1
    assert "is used up" in state(paid, KEY)["summary"]
    assert month(paid).committed <= MICRO


def test_what_was_committed_and_not_used_is_free_again(paid: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget would be used up by estimates alone."""
    _with_estimates(paid, monkeypatch, 3)
    first = started(paid)
    assert take(paid, paid.upload(OTHER)) == []
    ended(paid, first, 0.5)
    assert month(paid).committed == month(paid).spent < 0.2 * MICRO
    round_of_reconcile(paid)
    assert state(paid, OTHER)["state"] == "submitted"


def test_a_superseded_run_is_paid_for_and_its_estimate_is_free(
    paid: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uploading again would be free, or cost twice."""
    _with_estimates(paid, monkeypatch, 1)
    started(paid)
    paid.now += HOUR
    old, reserved = month(paid), round(DEMAND_HOUR * MICRO)
    assert old.committed == pytest.approx(reserved, rel=1e-3)
    assert take(paid, paid.upload(KEY, b"changed")) == []
    found = month(paid)
    assert found.spent == pytest.approx(DEMAND_HOUR * MICRO, rel=1e-3)
    assert found.committed == pytest.approx(2 * reserved, rel=1e-3)


def test_a_held_run_that_is_superseded_costs_nothing(paid: World) -> None:
    """What never ran must not be paid for."""
    used_up(paid)
    take(paid, paid.upload(OTHER))
    before = month(paid)
    assert take(paid, paid.upload(OTHER, b"changed")) == []
    assert month(paid) == before
    states = sorted(run["state"] for run in paid.runs().values() if run["key"] == OTHER)
    assert states == ["received", "superseded"]


def test_people_hear_once_that_a_budget_is_near_and_once_that_runs_wait(paid: World) -> None:
    """Too late is at the end of the month; too often is not read."""
    ended(paid, started(paid), 4.5)  # 0.87 USD
    context = round_of_reconcile(paid)
    assert context.seen["BudgetsNear"] == 1
    round_of_reconcile(paid)
    assert [each["pk"].split("#")[-1] for each in notices(paid)] == ["near"]
    ended(paid, started(paid, THIRD), 2)
    take(paid, paid.upload(OTHER))
    round_of_reconcile(paid)
    round_of_reconcile(paid)
    near, stopped = sorted(notices(paid), key=lambda each: each["pk"])
    assert "86%" in near["notice"]
    assert "--lift REASON" in stopped["notice"]
    assert '"contacts": true' in stopped["notice"]


def notices(world: World) -> list[dict[str, Any]]:
    return [item for pk, item in world._items().items() if pk.startswith("notice#budget#")]


def test_a_project_below_its_warning_tells_nobody(paid: World) -> None:
    """A warning that always comes is none."""
    ended(paid, started(paid), 3)  # 0.58 USD
    assert round_of_reconcile(paid).seen["BudgetsNear"] == 0
    assert notices(paid) == []


def test_an_office_without_budgets_asks_nothing_of_the_ledger(world: World) -> None:
    """Every office would pay for, and wait for, what it does not use."""
    world.office = replace(world.office, prices=PRICES)
    run_id = started(world)
    ended(world, run_id, 1)
    round_of_reconcile(world)
    assert not [pk for pk in world._items() if pk.startswith("budget#")]
    assert "charged" not in world.run_item(run_id) or world.run_item(run_id)["charged"] is None


def test_a_cancelled_run_is_paid_for(paid: World) -> None:
    """Headquarters' hand would make the month's figure wrong."""
    from fleet.cancel import cancel

    run_id = started(paid)
    paid.now += HOUR
    cancel(paid.context(), run_id, "alice", "the wrong sample")
    assert month(paid).spent == pytest.approx(DEMAND_HOUR * MICRO, rel=1e-3)


def test_what_an_attempt_cost_goes_by_its_market_and_its_family(world: World) -> None:
    """On demand is three times as dear as Spot."""
    take(world, world.upload(KEY))
    run_id, _ = only_run(world)
    run = ledger.read_run(world.context(), run_id)
    assert run is not None
    times = {"started": "2026-11-01T00:00:00Z", "ended": "2026-11-01T01:00:00Z"}
    for market, hour in (("spot", SPOT_HOUR), ("on-demand", DEMAND_HOUR)):
        attempts = run.with_attempt(1, instance="m6id.xlarge", market=market, **times)
        assert spent_usd(replace(run, attempts=attempts), PRICES) == pytest.approx(hour, rel=1e-3)
    assert spent_usd(run, PRICES) == 0.0, "it never ran"


def test_functions_are_told_what_the_office_file_says() -> None:
    """A budget that does not reach the functions stops nothing."""
    allowance = Allowance(usd={"soil": 300, "böden": 20}, warn_percent=70)
    assert allowance_from_json(allowance_to_json(allowance)) == allowance
    assert allowance_from_json("") == Allowance()


def test_a_run_whose_estimate_is_not_known_needs_room_all_the_same() -> None:
    """Until five runs have finished a used-up budget would stop nothing."""
    full = budget.Month(project="soil", month="2026-11", limit=MICRO, committed=MICRO)
    assert not full.has_room(0)
    assert replace(full, committed=MICRO - 1).has_room(0)
    assert not replace(full, committed=MICRO - 1).has_room(2)
    assert Estimate(low=None, high=None, most=1.0, seconds=None, runs=0, prices_of="").high is None
