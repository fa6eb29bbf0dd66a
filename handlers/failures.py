"""Why a job ended: the class of a failure, from the words AWS really uses.

AWS Batch says it in three places: the job's `statusReason`, the container's `reason`, the container's exit
code; the runner says it in a fourth, the sentence it leaves in the ledger. Any may be missing: a reclaimed
Spot instance leaves no exit code, an out-of-memory kill sometimes leaves only 137.
`tests/handlers/test_failures.py` holds the wordings.
"""

import re
from dataclasses import dataclass

SPOT = "spot"  # the instance was reclaimed or lost under the job
MEMORY = "memory"
DISK = "disk"
PULL = "pull"  # the image could not be pulled, this time
THROTTLING = "throttling"
HOST = "host"  # the host, its agent or its network failed
TIMEOUT = "timeout"
UNKNOWN = "unknown"
INPUT = "input"  # the upload cannot be analysed: trying again gives the same
CONFIGURATION = "configuration"  # only HQ can mend it: a denied role, a missing image
GONE = "gone"  # the upload's version, or the results a follow-on run takes, have been deleted or changed
CAPACITY = "capacity"  # no instance was to be had
STOPPED = "stopped"  # a person, or this platform, ended the job

# As pipeline_images/runner/runner/outcome.py has them.
EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_UNAVAILABLE, EX_SOFTWARE = 64, 65, 66, 69, 70
EX_IOERR, EX_TEMPFAIL, EX_CONFIG = 74, 75, 78
KILLED, TERMINATED = 137, 143


@dataclass(frozen=True, kw_only=True)
class End:
    """How a job ended, in the words of those who saw it."""

    status_reason: str = ""
    container_reason: str = ""
    exit_code: int | None = None
    said: str = ""

    @property
    def words(self) -> str:
        """For the ledger: what AWS said, or what the exit code means."""
        words = " – ".join(part for part in (self.status_reason, self.container_reason) if part)
        code = "" if self.exit_code is None else f" (exit code {self.exit_code})"
        return (words or "AWS Batch gave no reason") + code


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# The first that matches wins: what cannot be mended by trying again comes before what can.
_BY_WORDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (HOST, _any(r"^globalbi: .*\blease\b")),  # reconcile stopped a job whose runner had fallen silent
    (
        STOPPED,
        _any(
            r"^globalbi: ",
            r"superseded by ",
            r"Terminated by user",
            r"Job (?:was )?(?:cancel|terminat)\w+ by",
        ),
    ),
    (
        TIMEOUT,
        _any(
            r"attempt duration exceeded timeout", r"Job execution time exceeded", r"timeout expired for job"
        ),
    ),
    (
        CAPACITY,
        _any(
            r"INSUFFICIENT_INSTANCE_CAPACITY",
            r"InsufficientInstanceCapacity",
            r"MaxSpotInstanceCountExceeded",
            r"JobStateTimeLimit action",
            r"UNDETERMINED",
            r"There is no Spot capacity",
            r"VcpuLimitExceeded",
        ),
    ),
    (
        SPOT,
        _any(
            r"Host EC2 \(instance [^)]*\) (?:terminated|stopped|stopping|shutting-down)",
            r"^Host EC2\b",
            r"Spot ?Interruption",
            r"Spot instance (?:was )?(?:interrupted|terminated|reclaimed)",
            r"SpotInstanceTermination",
            r"Instance-terminated-no-capacity",
            r"TerminationNotice",
            r"Container instance .* deregistered",
        ),
    ),
    (
        MEMORY,
        _any(
            r"OutOfMemory",
            r"out of memory",
            r"Container killed due to memory",
            r"oom[- ]?kill",
            r"Cannot allocate memory",
            r"MemoryError",
            r"std::bad_alloc",
            r"unable to allocate .* memory",
        ),
    ),
    (
        CONFIGURATION,
        _any(
            r"CannotPull\w*:? .*(?:unauthorized|access ?denied|not authorized|no basic auth|authentication)",
            r"CannotPull\w*:? .*(?:manifest unknown|not found|does not exist|invalid reference)",
            r"CannotPull\w*:? .*(?:no matching manifest|does not match the specified platform)",
            r"is not authorized to perform",
            r"AccessDenied",
            r"unable to assume",
            r"exec format error",
            r"executable file not found",
            r"MISCONFIGURATION:",
            r"SERVICE_ROLE_PERMISSIONS",
            r"ACTION_REQUIRED",
            r"ResourceInitializationError: .*(?:secret|AccessDenied)",
            r"JobDefinition .* (?:not active|inactive)",
            r"KMS.*AccessDenied",
            r"no such user",
            r"PlatformTaskDefinitionIncompatibilityError",
        ),
    ),
    (
        DISK,
        _any(
            r"no space left on device",
            r"disk quota exceeded",
            r"ENOSPC",
            r"Errno 28",
            r"write error: No space",
        ),
    ),
    (
        THROTTLING,
        _any(
            r"toomanyrequests",
            r"Too ?Many ?Requests",
            r"Throttling",
            r"Rate exceeded",
            r"SlowDown",
            r"RequestLimitExceeded",
            r"ProvisionedThroughputExceeded",
            r"Reduce your request rate",
            r"pull rate limit",
        ),
    ),
    (
        PULL,
        _any(
            r"CannotPull",
            r"pull image",
            r"TaskFailedToStart: .*image",
            r"failed to (?:resolve|copy|do request).*ecr",
        ),
    ),
    (
        HOST,
        _any(
            r"CannotStartContainerError",
            r"CannotCreateContainerError",
            r"CannotInspectContainerError",
            r"CannotStopContainerError",
            r"CannotCreateVolumeError",
            r"CannotUpdateContainerError",
            r"DockerTimeoutError",
            r"DockerStateError",
            r"ContainerRuntimeError",
            r"ContainerRuntimeTimeoutError",
            r"InternalError",
            r"ResourceInitializationError",
            r"Task failed to start",
            r"TaskFailedToStart",
            r"ECS agent",
            r"AGENT",
            r"Connection reset",
            r"Connection timed out",
            r"connect timeout",
            r"could not connect to the endpoint",
            r"EndpointConnectionError",
            r"Read timeout",
            r"Temporary failure in name resolution",
            r"i/o timeout",
            r"TLS handshake",
            r"Input/output error",
            r"ServiceUnavailable",
            r"InternalServer",
            r"the lease ran out",
            r"Scaling activity initiated",
            r"Unable to locate credentials",
            r"ExpiredToken",
            r"is unhealthy",
        ),
    ),
)


def classify(end: End) -> str:
    """The class of this end. Words tell more than an exit code, the pipeline's refusal more than words."""
    if end.exit_code == EX_DATAERR:
        return INPUT
    for failure, pattern in _BY_WORDS:
        if any(pattern.search(text) for text in (end.status_reason, end.container_reason) if text):
            return failure
    if end.exit_code in (EX_CONFIG, EX_USAGE):
        return CONFIGURATION  # the job definition, the job's environment or a reference is not right
    if end.exit_code == EX_NOINPUT:
        return GONE
    if end.exit_code == EX_TEMPFAIL:
        return (
            HOST  # it lost its lease while this attempt is still the current one: its ledger was out of reach
        )
    for failure, pattern in _BY_WORDS[2:]:
        if end.said and pattern.search(end.said):
            return failure
    if end.exit_code == KILLED:
        return MEMORY  # Batch does not always say OutOfMemory; nothing else kills with 9 and gives no reason
    if end.exit_code in (EX_UNAVAILABLE, EX_IOERR, TERMINATED):
        return HOST
    return UNKNOWN
