"""`gh workflow run FILE --ref REF --field NAME=VALUE`, as the workflows call it."""

import argparse
import os

from rollout.github import https


def main() -> None:
    parser = argparse.ArgumentParser(prog="gh")
    parser.add_argument("workflow", choices=["workflow"])
    parser.add_argument("run", choices=["run"])
    parser.add_argument("file")
    parser.add_argument("--ref", required=True)
    parser.add_argument("--field", action="append", default=[])
    chosen = parser.parse_args()
    path = f"/repos/{os.environ['GITHUB_REPOSITORY']}/actions/workflows/{chosen.file}/dispatches"
    inputs = dict(field.split("=", 1) for field in chosen.field)
    send = https(os.environ["GITHUB_API_URL"], os.environ["GH_TOKEN"])
    send("POST", path, {"ref": chosen.ref, "inputs": inputs})


if __name__ == "__main__":
    main()
