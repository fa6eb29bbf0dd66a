"""How an attempt ends: the exit codes that the ladder of attempts reads, and the exceptions that carry them.

| code | meaning |
|-|-|
| 0 | published, by this attempt or by an earlier one |
| 64 | wrong use of the command line |
| 65 | the upload cannot be analysed; the sentence says what to upload instead |
| 66 | the upload's version is gone, or the results of the run before are, or were changed |
| 69 | AWS did not answer, or said no |
| 70 | the pipeline or the runner broke a promise (no results, reserved names) |
| 74 | reading or writing failed; a full disk says "No space left on device" |
| 75 | the lease is lost: another attempt, or a newer upload, has taken over |
| 78 | the job's environment or a reference is not as the office file says |
| 137 | out of memory: the kernel killed the pipeline |
| 143 | stopped by SIGTERM: Spot reclaim, time-out or cancellation |

Every other code is the pipeline's own.
"""

EX_USAGE, EX_DATAERR, EX_NOINPUT = 64, 65, 66
EX_UNAVAILABLE, EX_SOFTWARE, EX_CANTCREAT, EX_IOERR = 69, 70, 73, 74
EX_TEMPFAIL, EX_CONFIG = 75, 78
OUT_OF_MEMORY, TERMINATED = 137, 143

SAID_CHARACTERS = 500  # what the ledger keeps of an attempt's last words


class Refused(Exception):
    """The upload is damaged or breaks a rule. Says what is wrong and what to upload instead."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}; {advice}")
        self.reason, self.advice = reason, advice


class Failed(Exception):
    """The attempt failed for another reason than the upload's contents."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Stopped(Failed):
    """Somebody asked the attempt to end: SIGTERM, or a lost lease."""


def one_line(text: str, limit: int = SAID_CHARACTERS) -> str:
    """One line without control characters; of a text that is too long the end is kept."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else "…" + line[1 - limit :]
