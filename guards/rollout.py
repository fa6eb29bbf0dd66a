# ruff: noqa: E501 -- code that is replaced stands here as it stands there
"""Every gate of a release, a pull request and a rollout."""

from guards.guard import guard

_PROMOTING, _REVERT, _ADVANCE = "fleet/test_promoting.py", "fleet/test_revert.py", "fleet/test_advance.py"
_WORKFLOWS, _COMMANDS, _ORDER = (
    "rollout/test_workflows.py",
    "rollout/test_commands.py",
    "rollout/test_order.py",
)
_APPLY, _WAVE = ".github/workflows/apply.yml", ".github/workflows/apply-wave.yml"
_CHECKOUT = (
    "      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0\n        with:\n"
)
_BASE = "          ref: ${{ github.event.pull_request.base.sha }}"
_HEAD = "          ref: ${{ github.event.pull_request.head.sha }}"
_COMPARED = "canary/test_comparison.py::test_each_difference_is_found_alone"
_NOT_FAILED = "!failure() && !cancelled() && needs.plan.outputs.wave_3"

RELEASE = (
    guard("the image is in the region's registry", f"{_PROMOTING}::test_an_image_that_the_region_lacks_holds_whatever_the_reason",
          "rollout/promote.py", "there=_has_image(access, office, promotion)", "there=True"),
    guard("no reason lifts the image's gate", f"{_PROMOTING}::test_an_image_that_the_region_lacks_holds_whatever_the_reason",
          "rollout/promote.py", 'NEVER_LIFTED = ("image", "attestation", "reference")', 'NEVER_LIFTED = ("attestation", "reference")'),
    guard("the workflow has built the image", f"{_PROMOTING}::test_an_image_that_somebody_else_built_holds_whatever_the_reason",
          "rollout/promote.py", "gates.attestation(name, promotion.release.digest, unproven),", "gates.attestation(name, promotion.release.digest, None),"),
    guard("no reason lifts who built the image", f"{_PROMOTING}::test_an_image_that_somebody_else_built_holds_whatever_the_reason",
          "rollout/promote.py", 'NEVER_LIFTED = ("image", "attestation", "reference")', 'NEVER_LIFTED = ("image", "reference")'),
    guard("the references are in the region's bucket", f"{_PROMOTING}::test_a_reference_that_the_region_lacks_holds_whatever_the_reason",
          "rollout/promote.py", "            *_references(access, office, promotion),\n", ""),
    guard("no reason lifts the references' gate", f"{_PROMOTING}::test_a_reference_that_the_region_lacks_holds_whatever_the_reason",
          "rollout/promote.py", 'NEVER_LIFTED = ("image", "attestation", "reference")', 'NEVER_LIFTED = ("image", "attestation")'),
    guard("there is a canary", f"{_PROMOTING}::test_a_release_without_a_canary_holds",
          "rollout/gates.py", "passed=found is not None and not off and not broken,", "passed=not off and not broken,"),
    guard("the canary passed", f"{_PROMOTING}::test_a_failed_canary_holds_until_a_newer_one_passes",
          "rollout/gates.py", "passed=found is not None and not off and not broken,", "passed=found is not None and not broken,"),
    guard("the canary compared these two releases", f"{_PROMOTING}::test_a_canary_of_other_references_proves_nothing",
          "fleet/canaries.py", "if (record.old.release, record.new.release) == (old, new):", "if record.new.release == new:"),
    guard("the canary's record is as it was kept", f"{_PROMOTING}::test_a_record_that_was_changed_holds",
          "canary/record.py", "if hashlib.sha256(text.encode()).hexdigest() != seal:", "if not seal:"),
    guard("the canary: distance from the truth", _COMPARED,
          "canary/comparison.py", "passed=from_truth <= tolerances.most_from_truth", "passed=True"),
    guard("the canary: distance from the old release", _COMPARED,
          "canary/comparison.py", "passed=between <= tolerances.most_between", "passed=True"),
    guard("the canary: species lost and gained", _COMPARED,
          "canary/comparison.py", "passed=len(taxids) <= most", "passed=True"),
    guard("the canary: run time", _COMPARED, "canary/comparison.py", "passed=time <= tolerances.most_time", "passed=True"),
    guard("the canary: memory", _COMPARED, "canary/comparison.py", "passed=memory <= tolerances.most_memory", "passed=True"),
    guard("soak", f"{_PROMOTING}::test_a_short_soak_holds",
          "rollout/promote.py", "            gates.soak(name, proof, limits, now),\n", ""),
    guard("samples", f"{_PROMOTING}::test_too_few_samples_hold",
          "rollout/promote.py", "            gates.samples(name, proof, limits),\n", ""),
    guard("samples: the same one twice is one", f"{_PROMOTING}::test_too_few_samples_hold",
          "rollout/gates.py", 'samples=len({(row["office"], row["pipeline"], row["project"], row["sample"]) for row in good})', "samples=len(good)"),
    guard("samples: of exactly this release", f"{_PROMOTING}::test_runs_with_other_references_prove_nothing",
          "rollout/promote.py", 'if row["office"] in offices and release_id(row["release_digest"], used) == wanted:', 'if row["office"] in offices:'),
    guard("failure rate", f"{_PROMOTING}::test_failures_in_the_wave_before_hold",
          "rollout/promote.py", "            gates.failures(name, proof, limits),\n", ""),
    guard("freeze", f"{_PROMOTING}::test_a_freeze_holds",
          "rollout/promote.py", "            gates.freeze(name, frozen(settings, name, now)),\n", ""),
    guard("refused digest", f"{_PROMOTING}::test_a_refused_digest_needs_a_reason",
          "rollout/promote.py", "            gates.refused(name, bad),\n", ""),
    guard("the first wave's release is a person's", f"{_PROMOTING}::test_the_first_wave_is_proved_by_nobody",
          "rollout/promote.py", "        if index == 0:\n            if to is None:\n                continue\n            raise", "        if index == 0:\n            if to is None or to:\n                continue\n            raise"),
    guard("a release whose runs fail is taken back", f"{_REVERT}::test_a_release_that_fails_after_its_promotion_is_taken_back_and_remembered",
          "rollout/revert.py", "if proof.ended >= limits.samples and not verdict.passed:", "if proof.ended < 0:"),
    guard("a release whose canary failed is taken back", f"{_REVERT}::test_a_failed_canary_takes_it_back",
          "rollout/revert.py", " or _failed_canary(access, settings, root, pipeline)", ""),
    guard("what was taken back is remembered", f"{_REVERT}::test_a_release_that_fails_after_its_promotion_is_taken_back_and_remembered",
          "rollout/revert.py", "if revert.digest not in refused.load(root):", "if not revert.digest:"),
    guard("nothing goes back to a refused digest", f"{_REVERT}::test_what_an_office_goes_back_to",
          "rollout/revert.py", " and release.digest not in bad)", ")"),
    guard("only the releases' own images are proof", f"{_ADVANCE}::test_only_the_releases_own_images_are_kept_as_proof",
          "fleet/comparing.py", "if keep and (old or new):", "if keep and not keep:"),
)  # fmt: skip

PULL_REQUEST = (
    guard("data loss needs the label", "rollout/test_comment.py::test_what_holds_data_is_told_in_red_and_blocked_without_the_label",
          "rollout/comment.py", "if LABEL not in labels:", "if labels is None:"),
    guard("a policy's finding blocks", "rollout/test_comment.py::test_a_policys_finding_blocks_whatever_the_labels_say",
          "rollout/comment.py", "        for finding in each.findings\n", "        for finding in each.findings[:0]\n"),
    guard("a preview that failed blocks", "rollout/test_comment.py::test_a_failed_preview_is_not_no_change",
          "rollout/comment.py", "for each in summaries if each.fault]", "for each in summaries if each.fault is None]"),
    guard("what holds data is protected", "rollout/test_protected.py::test_what_holds_an_offices_data_is_protected",
          "components/options.py", "protect=True if keep else None", "protect=None"),
    guard("a fork's code gets no role", f"{_WORKFLOWS}::test_a_fork_gets_no_role",
          ".github/workflows/preview.yml", "github.event.pull_request.head.repo.full_name == github.repository\n      && ", ""),
    guard("who may comment runs the base's code", f"{_WORKFLOWS}::test_who_may_write_runs_no_code_of_a_pull_request",
          ".github/workflows/preview.yml", f"      pull-requests: write\n    steps:\n{_CHECKOUT}{_BASE}", f"      pull-requests: write\n    steps:\n{_CHECKOUT}{_HEAD}"),
    guard("the base's code asks for past runs", f"{_WORKFLOWS}::test_past_runs_are_asked_for_by_the_bases_code_and_nothing_waits_for_them",
          ".github/workflows/preview.yml", f"      HEADQUARTERS: ${{{{ needs.offices.outputs.headquarters }}}}\n    steps:\n{_CHECKOUT}{_BASE}", f"      HEADQUARTERS: ${{{{ needs.offices.outputs.headquarters }}}}\n    steps:\n{_CHECKOUT}{_HEAD}"),
    guard("the preview role reads no data", "bootstrap/test_permissions.py::test_the_preview_role_reads_settings_and_no_samples",
          "bootstrap/permissions.py", '        _objects_elsewhere(office, READ_OBJECTS),\n        *(_figures_of_runs(office) if office.headquarters else [deny("NoData", READ_DATA, "*")]),\n', ""),
    guard("roles are for one environment of this repository", "bootstrap/test_permissions.py::test_only_this_repositorys_jobs_of_the_offices_environment_take_the_role",
          "bootstrap/permissions.py", '        f"{names.ISSUER}:sub": f"{subject}:environment:{environment}",\n', ""),
    guard("the boundary holds whatever is attached", "bootstrap/test_permissions.py::test_the_boundary_holds_when_everything_is_attached",
          "bootstrap/permissions.py", 'return document(allow("AtMost", allowed, "*"), *_never(office))', 'return document(allow("AtMost", allowed, "*"))'),
    guard("a workflow's proposal changes a release's files only", "rollout/test_proposal.py::test_what_a_release_does_not_change_is_refused",
          "rollout/proposal.py", "if foreign or not found.files:", "if not found.files:"),
    guard("what people closed is not opened again", "rollout/test_proposal.py::test_it_is_opened_once",
          "rollout/proposal.py", "    for pull in github.pulls_of(proposal.branch):\n", "    for pull in github.pulls_of(proposal.branch)[:0]:\n"),
)  # fmt: skip

ROLLOUT = (
    guard("office hours", f"{_ORDER}::test_hours_are_the_offices_own",
          "rollout/order.py", "not start <= local.time() < end:", "local.time() is None:"),
    guard("a freeze holds a merge", f"{_ORDER}::test_a_frozen_canary_holds_the_waves_behind_it",
          "rollout/order.py", "    if reason := frozen(settings, office, now):\n", "    if reason := None:\n"),
    guard("waves behind an office that waits, wait", f"{_ORDER}::test_a_frozen_canary_holds_the_waves_behind_it",
          "rollout/order.py", "        if waiting:\n", "        if waiting is None:\n"),
    guard("a wave waits for those before it", f"{_WORKFLOWS}::test_each_wave_waits_for_all_before_it",
          _APPLY, "    needs: [plan, wave-1, wave-2]\n", "    needs: [plan, wave-1]\n"),
    guard("nothing follows a wave that failed", f"{_WORKFLOWS}::test_each_wave_waits_for_all_before_it",
          _APPLY, _NOT_FAILED, _NOT_FAILED.replace("!failure() && ", "")),
    guard("within a wave, nothing follows an office that failed", f"{_WORKFLOWS}::test_an_apply_is_never_cancelled_in_mid_run",
          _WAVE, "      fail-fast: true\n", "      fail-fast: false\n"),
    guard("a rollout is never cancelled in mid-run", f"{_WORKFLOWS}::test_an_apply_is_never_cancelled_in_mid_run",
          _APPLY, "  cancel-in-progress: false\n", "  cancel-in-progress: true\n"),
    guard("an office's apply is never cancelled in mid-run", f"{_WORKFLOWS}::test_an_apply_is_never_cancelled_in_mid_run",
          _WAVE, "      cancel-in-progress: false\n", "      cancel-in-progress: true\n"),
    guard("one run at a time for each stack", f"{_WORKFLOWS}::test_an_apply_is_never_cancelled_in_mid_run",
          _WAVE, "      group: stack-${{ matrix.office }}\n", "      group: stack-${{ github.run_id }}\n"),
    guard("an old run that is run again applies nothing", f"{_COMMANDS}::test_an_old_run_that_is_run_again_applies_nothing",
          "rollout/commands.py", 'if arguments.tip and git(ROOT, "rev-parse", arguments.tip).strip() != head:', 'if arguments.tip and git(ROOT, "rev-parse", arguments.tip).strip() == "":'),
    guard("what is applied was judged once more", f"{_WORKFLOWS}::test_nothing_is_applied_before_it_was_judged_once_more",
          _WAVE, "      - name: Refuse what nobody approved\n", "      - name: Say what nobody approved\n"),
    guard("an apply asks for the label, too", f"{_COMMANDS}::test_an_apply_asks_the_merged_pull_requests_for_the_label",
          "rollout/commands.py", "refused = markdown.refusals([made], labels)", "refused = list[str]()"),
    guard("an office that waits for a change does not drift", f"{_COMMANDS}::test_an_office_that_waits_for_a_change_is_not_said_to_drift",
          "rollout/commands.py", "found = [name for name in _offices() if not _due(name, github.applied(name), arguments.head)]", "found = _offices()"),
    guard("only the workflow's own issue is a drift issue", f"{_COMMANDS}::test_the_label_to_remediate_works_on_the_workflows_own_issues",
          "rollout/drift.py", ' and issue["user"]["type"] == "Bot" else None', " else None"),
)  # fmt: skip

GATES = (*RELEASE, *PULL_REQUEST, *ROLLOUT)
