"""`fleet erase`, killed after each of its writes in turn and given again."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from fleet.access import Access, ledger_table
from fleet.erase import Eraser
from fleet.ledgers import ledger_runs
from fleet.traces import Named
from handlers import delivery_ledger, ledger
from handlers.agreement import Agreement
from handlers.context import Context
from handlers.delivery_plan import DELIVERED, ERASING, planned
from handlers.erasure import DONE, Erasure
from handlers.items import put
from handlers.run import ERASED, MEMBERS, Members, Run
from tests.fleet.conftest import access, endpoint  # noqa: F401
from tests.fleet.lab import Offices, moved, run, three_offices
from tests.fleet.test_recall import offices as with_buckets

PROJECT, NAME, NEIGHBOUR = "soil", "Kq7y", "Neighbour"
SAMPLE = Named(project=PROJECT, sample=NAME)
WRITES = ("Put", "Delete", "Update", "Transact", "Abort", "Terminate", "Cancel")
ACME = Agreement(
    partner="acme",
    account="444444444444",
    bucket="inbox",
    key="",
    prefix="",
    pipeline="metagenome",
    project=PROJECT,
)


class Killed(BaseException):
    """As a process is: nothing in the program catches it."""


@pytest.fixture
def offices(access: Access) -> Offices:  # noqa: F811
    """Empty, with buckets."""
    made: Offices = with_buckets.__wrapped__(three_offices(access))  # type: ignore[attr-defined]
    return made


def with_traces(lab: Offices) -> None:
    """The sample in every place that an erasure writes to, and a neighbour in the same."""
    eu = lab.office("eu")
    context = lab.access.context(eu)
    s3, uploads, results = context.clients.s3, context.office.uploads, context.office.results
    for number, name in enumerate((NAME, NEIGHBOUR), start=1):
        one = run(number, project=PROJECT, sample=name)
        for body in (b"reads", b"better reads"):
            s3.put_object(Bucket=uploads, Key=one.sample.key, Body=body)
        s3.put_object(Bucket=results, Key=f"{one.results_prefix}report.html", Body=name.encode())
        s3.create_multipart_upload(Bucket=uploads, Key=one.sample.key)
        in_flight = moved(one, "running") if name == NAME else moved(one, "succeeded")
        lab.everywhere("eu", in_flight)
        row = {"sample": name, "received": one.updated, "size": 1}
        put(context, {"pk": f"project#metagenome/{PROJECT}", "sk": f"run#{one.run_id}", **row})
        delivery = planned(ACME, one.run_id, one.sample, one.updated)
        delivery_ledger.plan(context, delivery)
        delivery_ledger.advance(context, delivery.moved(DELIVERED, one.updated))
    put(context, {"pk": f"project#metagenome/{PROJECT}", "sk": "project", "changes": 2, "changed": "2026"})
    s3.put_object(Bucket=results, Key=f"metagenome/{PROJECT}/status.html", Body=NAME.encode())
    compared = comparison(lab)
    members = {"members": [{"sample": each} for each in (NAME, NEIGHBOUR)]}
    tables = [(f"table{number}.tsv", NAME) for number in range(6)]  # more than go at once
    for path, text in ((MEMBERS, json.dumps(members)), *tables):
        s3.put_object(Bucket=results, Key=f"{compared.results_prefix}{path}", Body=text.encode())


def comparison(lab: Offices) -> Run:
    one = moved(run(9, pipeline="cohort", project=PROJECT, sample="metagenome"), "succeeded")
    one = replace(one, members=Members(pipeline="metagenome", count=2))
    lab.at_home("eu", one)
    return one


def where_is(lab: Offices, name: str) -> Iterator[str]:
    context = lab.access.context(lab.office("eu"))
    s3 = context.clients.s3
    for bucket in (context.office.uploads, context.office.results):
        for each in s3.list_object_versions(Bucket=bucket).get("Versions", []):
            place = {"Bucket": bucket, "Key": each["Key"], "VersionId": each["VersionId"]}
            if name in each["Key"] or name.encode() in s3.get_object(**place)["Body"].read():
                yield f"{bucket}/{each['Key']}"
        for each in s3.list_multipart_uploads(Bucket=bucket).get("Uploads") or []:
            if name in each["Key"]:
                yield f"{bucket}/{each['Key']} (unfinished)"
    for item in context.clients.dynamodb.scan(TableName=ledger_table(lab.office("eu")))["Items"]:
        if name in json.dumps(item):
            yield f"{item['pk']} {item['sk']}"


class Killer:
    """Ends an erasure when so many of its writes are done, by whoever's rights they are made."""

    def __init__(self) -> None:
        self.after, self.writes = 0, 0

    def watch(self, context: Context) -> Context:
        for name in context.clients.__dataclass_fields__:
            events = getattr(context.clients, name).meta.events
            events.register("before-call", self._dead)
            events.register("after-call", self._done)
        return context

    def _dead(self, **_: Any) -> None:
        if self.after and self.writes >= self.after:
            raise Killed  # the other threads of a process die with it

    def _done(self, model: Any, **_: Any) -> None:
        if model.name.startswith(WRITES):
            self.writes += 1
            if self.writes == self.after:
                raise Killed


def eraser_of(lab: Offices, watch: Callable[[Context], Context]) -> Eraser:
    """One whose clients are made once, and that leaves dead letters: each queue takes a second."""
    eu = lab.office("eu")
    made = Eraser.of(lab.access, eu)
    role = watch(made.as_role("Consent was withdrawn."))
    return replace(made, context=watch(lab.access.context(eu)), as_role=lambda _: role, queues=())


def erase(eraser: Eraser) -> Erasure:
    """As the command does it."""
    traces, begun = eraser.look(SAMPLE)
    if not traces.any and begun is None:
        return eraser.known(SAMPLE)[-1]
    return eraser.erase(SAMPLE, "Consent was withdrawn.", traces, begun, cancel_runs=True)


def test_killed_after_any_write_the_same_command_does_the_rest(access: Access, offices: Offices) -> None:  # noqa: F811
    """Half an erasure that believes itself whole is what an auditor finds."""
    killer = Killer()
    mortal, again = eraser_of(offices, killer.watch), eraser_of(offices, lambda context: context)
    for after in count(1):
        lab = offices if after == 1 else three_offices(access)
        with_traces(lab)
        killer.after, killer.writes = after, 0
        try:
            erase(mortal)
        except Killed:
            done = erase(again)
        else:
            break
        assert done.state == DONE
        assert again.known(SAMPLE) == [done]
        assert list(where_is(lab, NAME)) == [], f"killed after write {after}"
        whole(lab, after)
        empty(lab)
    assert after > 20


def whole(lab: Offices, after: int) -> None:
    """What must be left of the sample, and of its neighbour."""
    eu = lab.office("eu")
    context = lab.access.context(eu)
    runs = {each.run_id: each for each in ledger_runs(context.clients.dynamodb, ledger_table(eu))}
    erased = runs[run(1, project=PROJECT, sample=NAME).run_id]
    assert (erased.state, erased.announced) == (ERASED, erased.revision), f"untold after write {after}"
    neighbour = run(2, project=PROJECT, sample=NEIGHBOUR)
    assert runs[neighbour.run_id].state == "succeeded"
    compared = [each for each in runs.values() if each.members]
    assert [each.recall is not None for each in compared] == [True], "one that lost its files says so"
    told = delivery_ledger.read(context, planned(ACME, erased.run_id, neighbour.sample, "").delivery_id)
    assert told is not None
    assert told.state == ERASING, "the partner is still to be told"
    assert ledger.read_newest(context, neighbour.sample) is not None
    table = context.clients.dynamodb.scan(TableName=ledger_table(eu))["Items"]
    pages = {item["pk"]["S"] for item in table if item["sk"]["S"] == "page"}
    assert pages <= {f"page#{each}/{PROJECT}" for each in ("metagenome", "cohort")}, "none of a nameless run"
    kept = list(where_is(lab, NEIGHBOUR))
    assert len(kept) >= 8, kept


def empty(lab: Offices) -> None:
    context = lab.access.context(lab.office("eu"))
    s3 = context.clients.s3
    for bucket in (context.office.uploads, context.office.results):
        for each in s3.list_object_versions(Bucket=bucket).get("Versions", []):
            s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
        for each in s3.list_multipart_uploads(Bucket=bucket).get("Uploads") or []:
            s3.abort_multipart_upload(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])


def test_what_is_uploaded_meanwhile_is_a_new_sample(offices: Offices) -> None:
    """Whoever goes on after days must not erase what a branch has sent since, with a new consent."""
    with_traces(offices)
    killer = Killer()
    killer.after = 12  # well after its beginning, before its end
    with pytest.raises(Killed):
        erase(eraser_of(offices, killer.watch))
    time.sleep(1.1)  # S3's times are whole seconds
    context = offices.access.context(offices.office("eu"))
    key = run(1, project=PROJECT, sample=NAME).sample.key
    new = context.clients.s3.put_object(Bucket=context.office.uploads, Key=key, Body=b"new")["VersionId"]
    assert erase(eraser_of(offices, lambda context: context)).state == DONE
    listed = context.clients.s3.list_object_versions(Bucket=context.office.uploads, Prefix=key)["Versions"]
    assert [each["VersionId"] for each in listed] == [new]
    empty(offices)
