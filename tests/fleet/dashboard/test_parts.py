"""Parts of the dashboard that need no server: capacity, sums, history."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from cost.run import Cost
from fleet.access import Access
from fleet.dashboard.capacity import ask_capacity
from fleet.dashboard.charts import drawn
from fleet.dashboard.figures import OTHERS, days_of, failures, throughput, waiting
from fleet.dashboard.history import History, Seen, seen
from fleet.options import now, table_of
from fleet.sync import used_by
from tests.fleet.lab import Offices, moved, run

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
ONE = Seen(
    office="eu", run_id="r1", pipeline="metagenome", project="soil", sample="S1", state="succeeded",
    revision=3, attempt=1, updated=AT, waited_s=120.0, failures=((AT - timedelta(days=1), "memory"),),
    vcpus=4, message="", used=used_by({"state": "succeeded"}), cost=Cost(),
)  # fmt: skip
DAYS = days_of(AT, 3)


def test_capacity_is_that_of_the_office_alone(offices: Offices) -> None:
    """An account may hold other machines: theirs are not the fleet's to count on."""

    class Batch:
        def describe_compute_environments(self) -> dict[str, Any]:
            resources = {"desiredvCpus": 8, "maxvCpus": 256}
            return {
                "computeEnvironments": [
                    {
                        "computeEnvironmentName": name,
                        "state": "ENABLED",
                        "status": "VALID",
                        "computeResources": resources,
                    }
                    for name in ("globalbi-eu-spot", "other")
                ]
            }

        def describe_job_queues(self) -> dict[str, Any]:
            return {"jobQueues": [{"jobQueueName": "globalbi-eu-spot", "state": "DISABLED"}]}

    class Reached:
        def client(self, service: str, office: object) -> Batch:
            return Batch()

    environment, queue = ask_capacity(cast(Access, Reached()), offices.office("eu"))
    assert (environment.name, environment.status) == ("globalbi-eu-spot", "enabled valid")
    assert (environment.desired_vcpus, environment.max_vcpus) == (8, 256)
    assert (queue.status, queue.max_vcpus) == ("disabled", None)


def test_sums_fall_on_their_days() -> None:
    """A failure that is drawn on another day is looked for in the wrong logs."""
    open_one = replace(ONE, state="running", waited_s=None, failures=())
    assert throughput([ONE, open_one], DAYS, lambda one: one.office).values == {"eu": (0, 0, 1)}
    assert failures([ONE, open_one], DAYS).values == {"memory": (0, 1, 0)}
    slow = replace(ONE, waited_s=360.0)
    assert waiting([ONE, slow, open_one], DAYS, lambda one: one.office).values == {"eu": (None, None, 4.0)}
    old = replace(ONE, updated=AT - timedelta(days=9))
    assert throughput([old], DAYS, lambda one: one.office).values == {}


def test_many_projects_are_summed_as_others_and_none_is_lost() -> None:
    """Forty colours tell nothing, and a sum that leaves some out tells wrong."""
    runs = [replace(ONE, project=f"p{number}") for number in range(40)]
    found = throughput(runs, DAYS, lambda one: one.project).values
    assert found[OTHERS] == (0, 0, 34)
    assert sum(values[-1] or 0 for values in found.values()) == 40


def test_a_chart_holds_nothing_that_the_policy_forbids() -> None:
    """What the policy blocks is drawn black; what it does not know of could run."""
    series = throughput([replace(ONE, office="<script>x</script>\u202e")], DAYS, lambda one: one.office)
    for kind in ("bars", "lines"):
        svg = str(drawn(series, kind))
        for unwanted in ("<script", "<style", "style=", "\u202e", "http", " id="):
            assert unwanted not in svg, unwanted


def test_the_history_keeps_up_and_never_goes_back(offices: Offices) -> None:
    """The charts would tell of last week's fleet, and an open run of last month would be nowhere."""
    first, old = run(1), moved(run(2), "running", -40 * 86400)
    offices.at_headquarters("eu", first, old)
    history = History(table=table_of(offices.access), offices=["eu", "us"], clock=now)
    history.read_open()
    history.read()
    assert history.complete
    assert {one.state for one in history.runs()} == {"received", "running"}
    ended = first.moved("succeeded", now().isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    offices.at_headquarters("eu", ended)
    history.read()
    assert {one.state for one in history.runs()} == {"succeeded", "running"}
    history.days = 0
    history.read()
    assert [one.state for one in history.runs()] == ["running"]


def test_a_row_without_a_time_does_not_stop_the_others() -> None:
    """One broken row must not leave the page empty."""
    assert seen({"updated": "nonsense", "state": "failed", "revision": 1}) is None
