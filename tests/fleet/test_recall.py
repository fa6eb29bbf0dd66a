"""`recall`: what a bad image or upload went into is found, marked, told, run again, and nothing else is."""

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from fleet import recall as recalling
from fleet.access import bucket, ledger_table
from fleet.cancel import cancel
from fleet.ledgers import expected
from fleet.output import Refused
from fleet.recall import Cause, Pace
from fleet.rerun import rerun_follow_on
from handlers import ledger, outbox
from handlers.context import Context
from handlers.fleet import keep
from handlers.items import get
from handlers.keys import Sample
from handlers.notify import pseudonym_key
from handlers.run import Predecessor, Run
from handlers.upload import Upload
from tests.fleet.lab import DIGEST, Offices, functions_start, moved, run
from tests.handlers.aws_fakes import RELEASE, Killed, World
from tests.handlers.lab import runs_of, started, status, succeeded, tell, with_assembly

BAD = "sha256:" + "e" * 64
WHY = "It calls every Bacteroides a Prevotella."
DIGEST_ARGUMENTS = ("recall", "--digest", BAD, "--reason", WHY)


@pytest.fixture
def offices(offices: Offices) -> Offices:
    """With the buckets that a recall tells its branches through."""
    for office in offices.access.fleet.offices:
        s3 = offices.access.client("s3", office)
        for content in ("uploads", "results"):
            name = bucket(office, content)
            if name not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
                # The one region that may not be named.
                place = {} if office.region == "us-east-1" else {"LocationConstraint": office.region}
                s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
                s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return offices


def done(number: int, digest: str = BAD, **changes: Any) -> Run:
    """A run that the image has made."""
    return moved(run(number, release_digest=digest, **changes), "succeeded", report="report.html")


def following(before: Run, number: int, **changes: Any) -> Run:
    """A run that took another's results."""
    after = Predecessor(
        pipeline=before.sample.pipeline,
        run_id=before.run_id,
        prefix=before.results_prefix,
        upload_key=before.upload_key,
    )
    return done(number, DIGEST, pipeline="assembly", sample=before.sample.sample, after=after, **changes)


def at_home(offices: Offices, office: str, one: Run) -> Run:
    held = ledger.read_run(offices.access.context(offices.office(office)), one.run_id)
    assert held is not None
    return held


def branch_reads(offices: Offices, office: str, one: Run) -> dict[str, Any]:
    home = offices.office(office)
    key = f"{one.sample.folder}status.json"
    answer = offices.access.client("s3", home).get_object(Bucket=bucket(home, "results"), Key=key)
    read: dict[str, Any] = json.loads(answer["Body"].read())
    return read


def notices_of(offices: Offices, office: str) -> list[outbox.Due]:
    return list(outbox.all_due(offices.access.context(offices.office(office)), outbox.NOTICE))


def with_release(offices: Offices, office: str, digest: str) -> None:
    """From now on the office's functions start that image."""
    functions_start(offices, office, replace(RELEASE, digest=digest))


def test_an_image_is_recalled_in_every_office_with_what_followed_it(offices: Offices) -> None:
    """A run that is forgotten is a wrong result that a branch goes on trusting."""
    one, other = done(1), done(2, project="river")
    after = following(one, 3)
    good = done(4, DIGEST)
    offices.everywhere("eu", one, after, good)
    offices.everywhere("us", other)
    answer = offices.fleet(*DIGEST_ARGUMENTS, "--yes", "--json")
    assert answer.code == 0
    assert {(each["office"], each["run_id"]) for each in answer.json["runs"]} == {
        ("eu", one.run_id),
        ("eu", after.run_id),
        ("us", other.run_id),
    }
    for office, each in (("eu", one), ("eu", after), ("us", other)):
        held = at_home(offices, office, each)
        assert held.recall is not None
        assert (held.recall.why, held.state) == (WHY, "succeeded")
        assert held.revision == held.announced == each.revision + 1
        read = branch_reads(offices, office, each)
        assert read["recall"]["what"] == f"the image {BAD}"
        assert WHY in read["summary"]
    assert at_home(offices, "eu", good).recall is None
    assert [len(notices_of(offices, office)) for office in ("hq", "eu", "us")] == [0, 1, 1]
    [due] = notices_of(offices, "us")
    item = get(offices.access.context(offices.office("us")), due.key)
    assert item is not None
    notice = json.loads(item["notice"])
    assert (notice["project"], notice["contacts"]) == ("river", True)
    assert WHY in notice["text"]


def test_what_followed_what_followed_is_found_too(offices: Offices) -> None:
    """The third analysis of bad results is as bad as the first."""
    one = done(1)
    second = following(one, 2)
    third = replace(following(second, 3), sample=replace(second.sample, pipeline="amplicon"))
    offices.everywhere("eu", one, second, third)
    answer = offices.fleet(*DIGEST_ARGUMENTS, "--yes", "--json")
    assert [each["run_id"] for each in answer.json["runs"]] == [one.run_id, second.run_id, third.run_id]


def test_an_office_that_cannot_be_reached_does_not_keep_the_others_from_it(offices: Offices) -> None:
    """And it must be said, or its branch goes on with what all others know to be wrong."""
    one, other = done(1), done(2)
    offices.everywhere("eu", one)
    offices.at_headquarters("us", other)
    us = offices.office("us")
    offices.access.client("dynamodb", us).delete_table(TableName=ledger_table(us))
    answer = offices.fleet(*DIGEST_ARGUMENTS, "--yes", "--json")
    assert answer.code == 4
    assert list(answer.json["unreachable"]) == ["us"]
    assert at_home(offices, "eu", one).recall is not None


def test_an_office_that_keeps_its_names_tells_headquarters_no_words(offices: Offices) -> None:
    """A reason may quote a patient's sample; and the upload must be found by its hashes all the same."""
    fleet = offices.access.fleet
    home = fleet.office("eu")
    settings = home.settings.model_copy(update={"identifiers": "pseudonymous"})
    private = replace(home, settings=settings)
    offices = Offices(access=replace(offices.access, fleet=fleet.with_office(private)))
    context = offices.access.context(private)
    key = pseudonym_key(context)
    one = done(1, DIGEST, content=json.dumps({"size": 1, "etag": "a"}))
    offices.at_home("eu", one)
    keep(offices.headquarters_context, expected(one, private, key))
    arguments = ("recall", "--upload", "eu", one.upload_key, "v1", "--reason", WHY, "--yes")
    assert offices.fleet(*arguments).code == 0
    held = at_home(offices, "eu", one)
    assert held.recall is not None
    keep(offices.headquarters_context, expected(held, private, key))
    shown = offices.fleet("sample", one.run_id).out
    assert held.recall.id in shown
    assert "Bacteroides" not in shown


def test_what_followed_another_offices_run_is_not_touched(offices: Offices) -> None:
    """Offices may have samples of the same name: one branch's good results would be called bad."""
    one = done(1)
    stranger = following(done(5, DIGEST, sample="S1"), 6)
    offices.everywhere("eu", one, stranger)
    offices.everywhere("us", done(7, DIGEST, sample="S1"))
    answer = offices.fleet(*DIGEST_ARGUMENTS, "--yes", "--json")
    assert [each["run_id"] for each in answer.json["runs"]] == [one.run_id]


def test_the_same_recall_again_changes_nothing(offices: Offices) -> None:
    """Whoever is not sure that it went through repeats it; the branch must not be told twice."""
    one = done(1)
    offices.everywhere("eu", one)
    assert offices.fleet(*DIGEST_ARGUMENTS, "--yes").code == 0
    before = at_home(offices, "eu", one)
    offices.at_headquarters("eu", before)
    again = offices.fleet("recall", "--digest", BAD, "--reason", WHY.rstrip("."), "--json")  # asks nothing
    assert (again.code, again.json["runs"][0]["marked"]) == (0, False)
    assert at_home(offices, "eu", one) == before
    assert len(notices_of(offices, "eu")) == 1


def test_headquarters_sees_what_is_recalled_and_why(offices: Offices) -> None:
    """A partner asks for the results: whoever looks the sample up must see at once that they are bad."""
    one = done(1)
    offices.everywhere("eu", one)
    offices.fleet(*DIGEST_ARGUMENTS, "--yes")
    offices.at_headquarters("eu", at_home(offices, "eu", one))  # as its event does
    assert WHY in offices.fleet("sample", "soil/S1").out
    assert "Recalled" in offices.fleet("samples").out
    assert offices.fleet("sample", "soil/S1", "--json").json["run"]["recall"]["why"] == WHY


def test_a_recall_asks_first(offices: Offices) -> None:
    """A digest that was mistaken for another must not reach a branch."""
    one = done(1)
    offices.everywhere("eu", one)
    answer = offices.fleet(*DIGEST_ARGUMENTS)
    assert answer.code == 5
    assert "1 runs (1 at eu; 0 of them" in answer.err
    assert WHY in answer.err
    assert at_home(offices, "eu", one).recall is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--digest", "sha256:" + "f" * 64, "--reason", "x"), 3),
        (("--digest", "latest", "--reason", "x"), 2),
        (("--digest", BAD, "--reason", " "), 2),
        (("--reason", "x"), 2),
        (("--digest", BAD, "--upload", "eu", "a/b/c/input.tar", "v", "--reason", "x"), 2),
        (("--upload", "eu", "a/b/c/input.tar", "v", "--reason", "x", "--rerun"), 2),
        (("--upload", "eu", "soil/input.tar", "v", "--reason", "x"), 3),
        (("--upload", "eu", "metagenome/soil/S1/input.tar", "none", "--reason", "x"), 3),
    ],
)
def test_what_cannot_be_recalled_is_told_by_exit_code(
    offices: Offices, arguments: tuple[str, ...], code: int
) -> None:
    """A mistyped recall that ends with 0 looks like a recall."""
    offices.everywhere("eu", done(1))
    assert offices.fleet("recall", *arguments, "--yes").code == code


def test_a_ledger_that_lacks_a_run_is_told_and_the_others_are_marked(offices: Offices) -> None:
    """One row too many at headquarters must not keep the bad results from being called bad."""
    one, gone = done(1), done(2)
    offices.everywhere("eu", one)
    offices.at_headquarters("eu", gone)
    answer = offices.fleet(*DIGEST_ARGUMENTS, "--yes", "--json")
    assert answer.code == 1
    assert answer.json["missing"] == [{"office": "eu", "run_id": gone.run_id}]
    assert at_home(offices, "eu", one).recall is not None
    assert len(notices_of(offices, "eu")) == 1


# --- an upload ---


def test_an_upload_is_recalled_with_its_reruns_and_what_followed(offices: Offices) -> None:
    """The same bytes stay wrong under the version that `fleet rerun` gave them; others are good."""
    bytes_of = {name: json.dumps({"size": 1, "etag": name}) for name in ("swapped", "right")}
    first = done(1, DIGEST, sample="S", content=bytes_of["swapped"])
    again = done(2, DIGEST, sample="S", content=bytes_of["swapped"])
    right = done(3, DIGEST, sample="S", content=bytes_of["right"])
    after = following(first, 4)
    offices.at_headquarters("eu", first, again, right, after)
    context = offices.access.context(offices.office("eu"))
    known = None
    for one in (first, again, right):
        assert ledger.claim(context, one, known, None)
        known = ledger.read_newest(context, one.sample)
    assert ledger.claim(context, after, None, None)
    answer = offices.fleet(
        "recall", "--upload", "eu", first.upload_key, "v1", "--reason", "The tubes were swapped.",
        "--yes", "--json",
    )  # fmt: skip
    assert answer.code == 0
    assert {each["run_id"] for each in answer.json["runs"]} == {first.run_id, again.run_id, after.run_id}
    assert at_home(offices, "eu", right).recall is None
    # A follow-on run carries its reads' version, but is no upload of its own.
    other = ("recall", "--upload", "eu", after.sample.key, after.version_id, "--reason", "x", "--yes")
    assert offices.fleet(*other).code == 3


def test_a_version_that_was_the_same_bytes_again_is_recalled_by_the_run_it_had(offices: Offices) -> None:
    """A branch that uploaded the wrong file twice names the version that it sees."""
    one = done(1, DIGEST, content=json.dumps({"size": 1, "etag": "a"}))
    offices.everywhere("eu", one)
    context = offices.access.context(offices.office("eu"))
    known = ledger.read_newest(context, one.sample)
    assert known is not None
    again = Upload(
        sample=one.sample, bucket=one.bucket, version_id="v9", sequencer="01", size=1,
        content=one.content, uploaded=one.uploaded,
    )  # fmt: skip
    assert ledger.note_same_content(context, again, known)
    assert offices.fleet("recall", "--upload", "eu", one.upload_key, "v9", "--reason", WHY, "--yes").code == 0
    assert at_home(offices, "eu", one).recall is not None


# --- rerun ---


def uploaded(offices: Offices, number: int, digest: str = BAD, **changes: Any) -> Run:
    """A run of an upload that is there."""
    home = offices.office("eu")
    sample = Sample(pipeline="metagenome", project="soil", sample=f"S{number}")
    s3 = offices.access.client("s3", home)
    version = s3.put_object(Bucket=bucket(home, "uploads"), Key=sample.key, Body=b"reads")["VersionId"]
    return done(number, digest, version_id=version, bucket=bucket(home, "uploads"), **changes)


def test_recalled_runs_are_analysed_again_on_the_present_release(offices: Offices) -> None:
    """Else somebody types a thousand commands, and forgets one."""
    home = offices.office("eu")
    present = home.releases["metagenome"].digest
    with_release(offices, "eu", present)
    one = uploaded(offices, 1)
    after = following(one, 3)
    offices.everywhere("eu", one, after)
    answer = offices.fleet(*DIGEST_ARGUMENTS, "--rerun", "--yes", "--json")
    assert answer.code == 0
    again = {each["run_id"]: each["rerun"] for each in answer.json["runs"]}
    assert again[one.run_id] is not None
    assert again[after.run_id] is None  # it starts by itself when the new run has succeeded
    s3 = offices.access.client("s3", home)
    head = s3.head_object(Bucket=one.bucket, Key=one.upload_key)
    assert head["VersionId"] != one.version_id
    assert head["Metadata"]["globalbi-rerun-of"] == one.run_id
    twice = offices.fleet(*DIGEST_ARGUMENTS, "--rerun", "--yes", "--json")
    assert {each["rerun"] for each in twice.json["runs"]} == {None}
    assert s3.head_object(Bucket=one.bucket, Key=one.upload_key)["VersionId"] == head["VersionId"]


def test_a_recalled_release_is_not_run_again_on_itself(offices: Offices) -> None:
    """A merged stack file that nobody has applied: the same wrong results once more, at full price."""
    with_release(offices, "eu", BAD)
    one = uploaded(offices, 1)
    offices.everywhere("eu", one)
    answer = offices.fleet(*DIGEST_ARGUMENTS, "--rerun", "--yes")
    assert answer.code == 5
    assert "still in the release of eu (metagenome)" in answer.err
    assert at_home(offices, "eu", one).recall is None


def test_nothing_is_marked_where_it_is_unknown_what_would_be_started(offices: Offices) -> None:
    """An office whose functions cannot be asked may still have the bad image."""
    one = done(1)
    offices.everywhere("us", one)
    assert offices.fleet(*DIGEST_ARGUMENTS, "--rerun", "--yes").code == 4
    assert at_home(offices, "us", one).recall is None


def test_a_rerun_of_what_was_recalled_before_asks_all_the_same(offices: Offices) -> None:
    """A thousand jobs must not start because somebody repeats a command."""
    with_release(offices, "eu", DIGEST)
    one = done(1)
    offices.everywhere("eu", one)
    assert offices.fleet(*DIGEST_ARGUMENTS, "--yes").code == 0
    offices.at_headquarters("eu", at_home(offices, "eu", one))
    answer = offices.fleet(*DIGEST_ARGUMENTS, "--rerun")
    assert answer.code == 5
    assert "30 a minute" in answer.err


def test_a_release_that_only_the_stack_file_names_is_not_run_again_either(offices: Offices) -> None:
    """The next update of the office would bring the bad image back, in the middle of the reruns."""
    present = offices.office("eu").releases["metagenome"].digest
    with_release(offices, "eu", DIGEST)
    offices.everywhere("eu", done(1, present))
    answer = offices.fleet("recall", "--digest", present, "--reason", WHY, "--rerun", "--yes")
    assert answer.code == 5
    assert "still in the release of eu (metagenome)" in answer.err


def test_reruns_start_at_a_bounded_rate() -> None:
    """A thousand reruns at once would stand before every new upload of the branch."""
    time, starts = [0.0], []

    def sleep(seconds: float) -> None:
        time[0] += seconds

    pace = Pace(per_minute=30, clock=lambda: time[0], sleep=sleep)
    for _ in range(10):
        pace.wait()
        starts.append(time[0])
        time[0] += 0.5  # the start itself
    assert starts == [2.0 * number for number in range(10)]


# --- with the office's own functions at work ---

CAUSE = Cause(what="the image", why=WHY, next="It runs again.")


def test_a_run_that_moves_on_while_it_is_marked_keeps_both(world: World) -> None:
    """Its end must not be lost to the recall, nor the recall to its end."""
    run_id = started(world)
    world.publish(world.run_item(run_id))
    event = world.job_event(f"{run_id}-1", "SUCCEEDED")
    raced = False

    def race(call: Any) -> None:
        nonlocal raced
        if call.operation == "UpdateItem" and not raced:
            raced = True
            tell(world, event)

    world.faults = race
    [marked] = recalling.mark_all(world.context(), [run_id], CAUSE)
    world.faults = lambda call: None
    assert (marked.run.state, marked.new) == ("succeeded", True)
    assert status(world)["state"] == "succeeded"
    assert status(world)["recall"]["why"] == WHY


@pytest.mark.parametrize("call", ["PutEvents", "PutObject", "PutItem"])
def test_an_interrupted_recall_is_finished_by_the_next(world: World, call: str) -> None:
    """The laptop closes at the worst moment: the same command again must do the rest."""
    run_id = succeeded(world)
    world.faults = lambda each: "killed before" if each.operation == call else None
    with pytest.raises(Killed):
        recalling.mark_all(world.context(), [run_id], CAUSE)
    world.faults = lambda each: None
    recalling.mark_all(world.context(), [run_id], CAUSE)
    assert status(world)["recall"]["id"] == CAUSE.id
    item = world.run_item(run_id)
    assert item["announced"] == item["revision"]
    assert len(list(outbox.all_due(world.context(), outbox.NOTICE))) == 1


def test_what_follows_a_recalled_run_is_left_to_its_rerun(world: World) -> None:
    """An assembly of the bad results would come out once more before the good ones are there."""
    with_assembly(world)
    succeeded(world)
    [first], [after] = runs_of(world, "metagenome"), runs_of(world, "assembly")
    both = recalling.mark_all(world.context(), [first, after], CAUSE)
    assert [run.run_id for run in recalling.worth_rerunning(both)] == [first]
    assert [run.run_id for run in recalling.worth_rerunning(both[1:])] == [after]  # its own image was bad


@dataclass(frozen=True, kw_only=True)
class Functions:
    """The office's account as its functions have it, with `present` as the id of every release."""

    world: World
    present: str

    def context_of_functions(self, _: Any) -> Context:
        return self.world.context()

    @property
    def fleet(self) -> "Functions":
        return self

    def release(self, _home: Any, _pipeline: str) -> str:
        return self.present


def test_follow_on_runs_of_a_bad_image_take_their_good_input_once_more(world: World) -> None:
    """They have no upload; and they too start at no more than the rate that was asked for."""
    with_assembly(world)
    for sample in ("S1", "S2"):
        succeeded(world, f"metagenome/soil/{sample}/input.tar")
        world.sleep(60)
    old = list(runs_of(world, "assembly"))
    for run_id in old:
        cancel(world.context(), run_id, "alice", "a bad image")
    marked = recalling.mark_all(world.context(), old, CAUSE)
    slept: list[float] = []
    pace = Pace(per_minute=6, clock=lambda: 0.0, sleep=slept.append)
    access: Any = Functions(world=world, present="another")
    again = recalling.rerun_all(access, access, recalling.worth_rerunning(marked), pace)
    assert set(again) == set(old)
    states = {run_id: item["state"] for run_id, item in runs_of(world, "assembly").items()}
    assert {states[each.run_id or ""] for each in again.values()} == {"submitted"}
    assert slept == [10.0]


def test_nothing_more_is_made_of_recalled_results(world: World) -> None:
    """A run that is recalled on its way must not hand its bad results on, nor may a rerun take them."""
    with_assembly(world)
    first = started(world)
    recalling.mark_all(world.context(), [first], CAUSE)
    world.publish(world.run_item(first))
    tell(world, world.job_event(f"{first}-1", "SUCCEEDED"))
    assert runs_of(world, "assembly") == {}
    assert "open" not in world.run_item(first)


def test_a_follow_on_is_not_run_again_on_recalled_results(world: World) -> None:
    """`fleet rerun` would make a fresh result of what is known to be bad."""
    with_assembly(world)
    first = succeeded(world)
    [after] = runs_of(world, "assembly")
    cancel(world.context(), after, "alice", "x")
    recalling.mark_all(world.context(), [first], CAUSE)
    run_again = ledger.read_run(world.context(), after)
    assert run_again is not None
    known = ledger.read_newest(world.context(), run_again.sample)
    assert known is not None
    with pytest.raises(Refused, match="which are recalled"):
        rerun_follow_on(world.context(), run_again, known)
