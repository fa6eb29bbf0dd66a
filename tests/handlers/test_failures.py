"""Failure classes, by the words AWS really uses."""

# ruff: noqa: E501  # AWS's sentences stay whole, so that they can be searched for

import pytest

from handlers.failures import End, classify

# As they stand in `statusReason` or in the container's `reason`, from AWS's documentation and from users'
# reports.
WORDINGS: list[tuple[str, str]] = [
    ("spot", "Host EC2 (instance i-0123456789abcdef0) terminated."),
    ("spot", "Host EC2 (instance i-0123456789abcdef0) stopped."),
    ("spot", "Host EC2 terminated"),
    ("spot", "Task stopped because of SpotInterruption: Your Spot Task was interrupted."),
    ("spot", "Your Spot instance was interrupted"),
    ("memory", "OutOfMemoryError: Container killed due to memory usage"),
    ("memory", "OutOfMemory: Container killed due to memory usage"),
    ("memory", "java.lang.OutOfMemoryError: Java heap space"),
    ("memory", "terminate called after throwing an instance of 'std::bad_alloc'"),
    ("memory", "fork: Cannot allocate memory"),
    ("memory", "MemoryError: Unable to allocate 3.20 GiB for an array"),
    ("disk", "write /scratch/run/x.fq: no space left on device"),
    ("disk", "OSError: [Errno 28] No space left on device: '/scratch/runs'"),
    ("disk", "CannotCreateContainerError: Error response from daemon: mkdir /var/lib/docker: no space left on device"),
    ("disk", "CannotPullContainerError: failed to register layer: write /opt/x: no space left on device"),
    ("pull", "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref"),
    ("pull", "CannotPullContainerError: Error response from daemon: Get https://x.dkr.ecr.eu-central-1.amazonaws.com/v2/"
     ": net/http: request canceled while waiting for connection"),
    ("pull", "CannotPullImageManifestError: Error response from daemon: received unexpected HTTP status: 503"),
    ("pull", "CannotPullECRContainerError: RequestError: send request failed caused by: dial tcp: i/o timeout"),
    ("throttling", "CannotPullContainerError: toomanyrequests: Rate exceeded"),
    ("throttling", "CannotPullContainerError: ref pull has been retried: httpReadSeeker: 429 Too Many Requests"),
    ("throttling", "ThrottlingException: Rate exceeded"),
    ("throttling", "An error occurred (SlowDown) when calling the PutObject operation: Please reduce your request rate."),
    ("throttling", "An error occurred (RequestLimitExceeded) when calling the DescribeInstances operation"),
    ("configuration", "CannotPullContainerError: pull access denied for globalbi/metagenome, repository does not exist"),
    ("configuration", "CannotPullECRContainerError: AccessDeniedException: User is not authorized to perform:"
     " ecr:GetAuthorizationToken"),
    ("configuration", "CannotPullContainerError: Error response from daemon: manifest for x@sha256:0 not found:"
     " manifest unknown: Requested image not found"),
    ("configuration", "CannotPullContainerError: no basic auth credentials"),
    ("configuration", "CannotPullContainerError: image Manifest does not contain descriptor matching platform:"
     " no matching manifest for linux/arm64"),
    ("configuration", "CannotStartContainerError: Error response from daemon: OCI runtime create failed:"
     ' exec: "python3": executable file not found in $PATH: unknown'),
    ("configuration", "standard_init_linux.go:228: exec user process caused: exec format error"),
    ("configuration", "ECS was unable to assume the role 'arn:aws:iam::222222222222:role/globalbi-eu-job'"),
    ("configuration", "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is"
     " higher than that can be met by the CE(s) attached to the job queue."),
    ("configuration", "ACTION_REQUIRED - CE(s) associated with the job queue are invalid."),
    ("configuration", "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied"),
    ("host", "CannotInspectContainerError: Could not transition to inspecting; timed out after waiting 30s"),
    ("host", "CannotStartContainerError: Error response from daemon: failed to create shim task"),
    ("host", "CannotCreateContainerError: API error (500): devmapper: Thin Pool has free metadata space"),
    ("host", "CannotStopContainerError: timeout waiting for container to stop"),
    ("host", "DockerTimeoutError: Could not transition to created; timed out after waiting 4m0s"),
    ("host", "DockerTimeoutError: Could not transition to started; timed out after waiting 3m0s"),
    ("host", "ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting 1m"),
    ("host", "Task failed to start"),
    ("host", "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times"),
    ("host", "InternalError: unable to start container"),
    ("host", "Connect timeout on endpoint URL: \"https://s3.eu-central-1.amazonaws.com\""),
    ("host", "Could not connect to the endpoint URL: \"https://dynamodb.eu-central-1.amazonaws.com/\""),
    ("host", "Unable to locate credentials"),
    ("host", "globalbi: its runner has not renewed its lease for a quarter of an hour"),
    ("timeout", "Job attempt duration exceeded timeout"),
    ("capacity", "Canceled by JobStateTimeLimit action due to reason: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"),
    ("capacity", "Canceled by JobStateTimeLimit action due to reason: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"),
    ("capacity", "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for instance"
     " type [r6id.4xlarge]"),
    ("capacity", "UNDETERMINED - Batch job is blocked, root cause is undetermined."),
    ("stopped", "Terminated by user"),
    ("stopped", "globalbi: a newer upload supersedes this run"),
    ("unknown", "Essential container in task exited"),
    ("unknown", "something nobody has seen before"),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "words"), WORDINGS, ids=[words[:50] for _, words in WORDINGS])
def test_aws_words_give_the_right_class(expected: str, words: str) -> None:
    """A wrong class spends the wrong remedy: more memory for a reclaim, or nothing for a hiccup."""
    generic = "Essential container in task exited"
    assert classify(End(status_reason=words)) == expected
    assert classify(End(status_reason=generic, container_reason=words)) == expected


def test_the_table_holds_at_least_forty_wordings() -> None:
    """The promise of the reliability page."""
    assert len({words for _, words in WORDINGS}) >= 40


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (65, "input"),
        (137, "memory"),
        (75, "host"),
        (69, "host"),
        (74, "host"),
        (143, "host"),
        (64, "configuration"),
        (78, "configuration"),
        (66, "gone"),
        (1, "unknown"),
        (None, "unknown"),
    ],
)
def test_an_exit_code_alone_tells_the_class(code: int | None, expected: str) -> None:
    """Often there is no reason but the exit code."""
    assert classify(End(status_reason="Essential container in task exited", exit_code=code)) == expected


@pytest.mark.parametrize(
    ("said", "code", "expected"),
    [
        ("No space left on device: the upload has 9 bytes, 3 are free", 74, "disk"),
        ("AWS did not do its part: An error occurred (SlowDown)", 69, "throttling"),
        ("AWS did not do its part: Could not connect to the endpoint URL", 69, "host"),
        ("kraken2: std::bad_alloc", 1, "memory"),
        ("the reference demo-host 2026.1 is not in the bucket", 78, "configuration"),
    ],
)
def test_the_runners_words_tell_what_aws_cannot(said: str, code: int, expected: str) -> None:
    """A full disk looks to Batch like any exit code."""
    assert (
        classify(End(status_reason="Essential container in task exited", exit_code=code, said=said))
        == expected
    )


def test_a_refusal_is_never_taken_for_anything_else() -> None:
    """Bad input whose sentence mentions memory must not be tried again with more of it."""
    assert classify(End(exit_code=65, said="out of memory while unpacking")) == "input"


def test_a_reclaimed_host_counts_more_than_the_exit_code_it_left() -> None:
    """A container killed with its host leaves 137 at times, and needs no more memory."""
    assert classify(End(status_reason="Host EC2 (instance i-1) terminated.", exit_code=137)) == "spot"


def test_a_name_chosen_by_a_branch_cannot_stop_a_run_for_good() -> None:
    """The runner's sentence quotes file names: words in it must not pass for an operator's stop."""
    assert classify(End(exit_code=1, said="Terminated by user.fastq is odd")) == "unknown"
