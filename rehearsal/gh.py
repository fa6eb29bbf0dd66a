"""`gh`, as the workflows and the gates call it: `gh workflow run`, `gh attestation verify`."""

import argparse
import os
import sys
from typing import Any

from rollout.github import https


def main() -> int:
    parser = argparse.ArgumentParser(prog="gh")
    commands = parser.add_subparsers(required=True)
    made = commands.add_parser("workflow").add_subparsers(required=True).add_parser("run")
    made.add_argument("file")
    made.add_argument("--ref", required=True)
    made.add_argument("--field", action="append", default=[])
    made.set_defaults(do=_run)
    made = commands.add_parser("attestation").add_subparsers(required=True).add_parser("verify")
    made.add_argument("image")
    for option in ("--repo", "--signer-workflow", "--source-ref"):
        made.add_argument(option, required=True)
    made.add_argument("--deny-self-hosted-runners", action="store_true", required=True)
    made.set_defaults(do=_verify)
    chosen = parser.parse_args()
    return int(chosen.do(chosen))


def _run(chosen: argparse.Namespace) -> int:
    path = f"/repos/{os.environ['GITHUB_REPOSITORY']}/actions/workflows/{chosen.file}/dispatches"
    inputs = dict(field.split("=", 1) for field in chosen.field)
    _send("POST", path, {"ref": chosen.ref, "inputs": inputs})
    return 0


def _verify(chosen: argparse.Namespace) -> int:
    """Whether GitHub has an attestation of the digest; what is in it, nobody signs here."""
    own = f"{chosen.repo}/.github/workflows/images.yml"
    if (chosen.signer_workflow, chosen.source_ref) != (own, "refs/heads/main"):
        print(f"Error: nothing else than {own} of main builds images", file=sys.stderr)
        return 1
    digest = chosen.image.partition("@")[2]
    path = f"/repos/{os.environ['GITHUB_REPOSITORY']}/attestations/{digest}"
    if _send("GET", path, None)["attestations"]:
        return 0
    print(f"Error: no attestations found for subject {digest}", file=sys.stderr)
    return 1


def _send(method: str, path: str, body: dict[str, Any] | None) -> Any:
    return https(os.environ["GITHUB_API_URL"], os.environ["GH_TOKEN"])(method, path, body)


if __name__ == "__main__":
    sys.exit(main())
