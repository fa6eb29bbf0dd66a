"""How the pipeline can end other than well."""

BAD_USAGE = 64  # EX_USAGE
BAD_INPUT = 65  # EX_DATAERR: the sample can never succeed as uploaded
FAILED = 70  # EX_SOFTWARE
BAD_SETTINGS = 78  # EX_CONFIG: not the sample's fault
KILLED = 137  # 128 + SIGKILL: on Linux, nearly always memory
TERMINATED = 143


class BadInput(Exception):
    """One sentence for the branch: what is wrong with the upload, and what to upload instead."""


class Failed(Exception):
    """One sentence for engineers, and the exit code."""

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code
