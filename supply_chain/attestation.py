"""Who built an image: its provenance, as the workflow `images` attested it, verified by GitHub's `gh`.

`gh` verifies the signature against Sigstore's roots and the identity in its certificate: this repository,
that workflow, the branch `main`, a machine of GitHub's.
https://docs.github.com/actions/how-tos/secure-your-work/use-artifact-attestations/use-artifact-attestations
"""

import subprocess
from collections.abc import Callable

WORKFLOW = ".github/workflows/images.yml"
BRANCH = "refs/heads/main"
TIMEOUT_S = 120

Run = Callable[[list[str]], subprocess.CompletedProcess[str]]


def refusal(repository: str, image: str, run: Run | None = None) -> str | None:
    """Why the image (`REGISTRY/REPOSITORY@DIGEST`) does not count as built here; None when it was.

    What cannot be asked counts as a refusal: `gh` must be there, and logged in at GitHub and at the registry.
    """
    words = ["gh", "attestation", "verify", f"oci://{image}", "--repo", repository]
    words += ["--signer-workflow", f"{repository}/{WORKFLOW}", "--source-ref", BRANCH]
    words += ["--deny-self-hosted-runners"]
    try:
        done = (run or _run)(words)
    except FileNotFoundError:
        return "the command gh, which verifies it, is not installed"
    except subprocess.TimeoutExpired:
        return f"gh did not answer within {TIMEOUT_S} s"
    if done.returncode == 0:
        return None
    told = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    return f"gh: {told[-1]}" if told else f"gh ended with {done.returncode}"


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
