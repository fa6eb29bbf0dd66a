# ruff: noqa: E501 -- code that is replaced stands here as it stands there
"""Every control of docs/security.md, from the network to the page that shows a name.

Of what a policy of `policies/` asks, the control is the code that declares it; that the policy itself finds its
absence is `tests/policies`' to show, for each policy.
"""

from guards.guard import guard

_KEEPS = "policies/test_policies.py::test_every_office_keeps_every_policy"
_CONTRACTS = "components/test_components_contracts.py"
_PARTS = "components/test_components_office_parts.py"
_PERMISSIONS = "bootstrap/test_permissions.py"
_FENCED = f"{_PERMISSIONS}::test_the_boundary_holds_when_everything_is_attached"
_BOOTSTRAP = "bootstrap/test_bootstrap.py"
_TRIED = "test_an_administrator_may_not"
_TEXT = "test_what_the_twin_cannot_try_stands_in_the_text"
_TABLE = "security/test_table.py::test_who_may_may_and_nobody_else"
_UNUSED = "security/test_least_privilege.py::test_every_grant_is_used"
_SERVED = "fleet/dashboard/test_served.py"
_RUNNER = "pipeline_images/runner"
_TAR = f"{_RUNNER}/test_runner_tar.py::test_every_archive_is_read_whole_or_refused_with_advice"
_SHOWN = "security/test_hostile_names.py::test_a_name_is_words_wherever_it_is_shown"

NETWORK = (
    guard("no route leaves an office's network", f"{_CONTRACTS}::test_nothing_leads_to_the_internet",
          "components/network.py", "        self.subnet_ids = [subnet.id",
          '        aws.ec2.InternetGateway(f"{name}-out", vpc_id=self.vpc.id, tags=self._tags, opts=child_of(self))\n        self.subnet_ids = [subnet.id'),
    guard("a subnet gives no public address", _KEEPS,
          "components/network.py", "map_public_ip_on_launch=False", "map_public_ip_on_launch=True"),
    guard("the default security group lets nothing through", _KEEPS,
          "components/network.py", "ingress=[], egress=[]", 'ingress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "self": True}], egress=[]'),
    guard("instances speak to endpoints alone", _KEEPS,
          "components/network.py", "            prefix_list_id=prefix_list_id,\n", '            cidr_ipv4="0.0.0.0/0",\n'),
    guard("an endpoint lets the account's own roles through alone", "residency/test_residency.py::test_every_way_out_of_an_office_is_named_with_a_reason",
          "components/network.py", 'own = {"aws:PrincipalAccount": office.account}', "own: dict[str, str] = {}"),
    guard("the endpoints of S3 and DynamoDB reach the account's own data alone", f"{_CONTRACTS}::test_endpoints_let_the_accounts_own_roles_through_alone",
          "components/network.py", '        own["aws:ResourceAccount"] = office.account', "        pass"),
    guard("what the network refuses is recorded", _KEEPS,
          "components/network.py", "        self._log_flows(args.key_arn)\n", ""),
)  # fmt: skip

INSTANCES = (
    guard("the metadata service asks for a token", _KEEPS,
          "components/compute.py", 'http_tokens="required"', 'http_tokens="optional"'),
    guard("the metadata service is out of reach of a bridge", _KEEPS,
          "components/compute.py", "http_put_response_hop_limit=1", "http_put_response_hop_limit=2"),
    guard("jobs are kept from the instance's role", f"{_PARTS}::test_jobs_are_kept_from_the_instances_role",
          "components/scratch.sh", "iptables --insert OUTPUT --destination 169.254.169.254 --match owner ! --uid-owner 0 --jump REJECT\n", ""),
    guard("an instance that cannot keep its role to itself takes no job", f"{_PARTS}::test_an_instance_that_cannot_keep_its_role_to_itself_takes_no_job",
          "components/scratch.sh", """trap 'echo "not fit for jobs: shutting down" >&2; shutdown -h now' ERR\n""", ""),
    guard("an instance's volumes are encrypted", _KEEPS,
          "components/compute.py", '                        encrypted="true",\n', ""),
    guard("nobody signs in by SSH", f"{_PARTS}::test_instances_are_locked_down",
          "components/compute.py", "            update_default_version=True,\n", '            update_default_version=True,\n            key_name="people",\n'),
)  # fmt: skip

JOBS = (
    guard("an image is named by its digest", _KEEPS,
          "components/names.py", "@{digest}", ":{digest[7:19]}"),
    guard("a job is not root", _KEEPS,
          "components/job_definition.py", '            "user": JOB_USER,\n', ""),
    guard("a job has the user of the runner's image", f"{_PARTS}::test_jobs_have_the_user_of_the_runners_image",
          "components/job_definition.py", 'JOB_USER = "10001:10001"', 'JOB_USER = "10002:10002"'),
    guard("a job is not privileged", _KEEPS,
          "components/job_definition.py", '"privileged": False', '"privileged": True'),
    guard("a job writes to its scratch disk alone", _KEEPS,
          "components/job_definition.py", '"readonlyRootFilesystem": True', '"readonlyRootFilesystem": False'),
    guard("a job sees no folder of its host but scratch", _KEEPS,
          "components/job_definition.py", 'SCRATCH = "/scratch"', 'SCRATCH = "/var"'),
    guard("a job ends within its time", _KEEPS,
          "components/job_definition.py", "attempt_duration_seconds=60 * max(1, pipeline.time_limit_minutes.base)", "attempt_duration_seconds=None"),
    guard("a job writes to its own pipeline's results alone", f"{_PARTS}::test_a_job_may_touch_its_own_pipelines_data_only",
          "components/job_definition.py", "args.results.within(args.results.write, folder)", "args.results.write"),
    guard("a job reads its own pipeline's uploads alone", f"{_PARTS}::test_a_job_may_touch_its_own_pipelines_data_only",
          "components/job_definition.py", "args.uploads.within(args.uploads.read_versions, *reads)", "args.uploads.read_versions"),
    guard("no credentials reach what reads an upload", f"{_RUNNER}/test_runner_job.py::test_no_credentials_reach_the_pipeline",
          "pipeline_images/runner/runner/pipeline.py", 'not name.startswith(("AWS_", "ECS_"))', 'not name.startswith("ECS_")'),
    guard("an image does not run as root", "supply_chain/test_dockerfiles.py::test_what_is_released_does_not_run_as_root",
          "pipeline_images/runner/Dockerfile", "USER 10001:10001\n", ""),
    guard("an upload that exhausts something is given up", "security/test_exhaustion.py::test_an_upload_that_exhausts_something_hurts_its_own_run_alone",
          "handlers/ladder.py", "if used >= budget or run.attempt.number >= MAX_ATTEMPTS:", "if used >= 99:"),
)  # fmt: skip

BUCKETS = (
    guard("a bucket is closed to the public", _KEEPS,
          "components/bucket.py", "            restrict_public_buckets=True,\n", "            restrict_public_buckets=False,\n"),
    guard("a bucket keeps versions", _KEEPS,
          "components/bucket.py", 'VersioningConfigurationArgs(status="Enabled")', 'VersioningConfigurationArgs(status="Suspended")'),
    guard("a bucket is encrypted with the office's key", _KEEPS,
          "components/bucket.py", 'sse_algorithm="aws:kms", kms_master_key_id=args.key.arn', 'sse_algorithm="AES256"'),
    guard("a bucket refuses plain HTTP", _KEEPS,
          "components/bucket.py", "policy=policy([_tls_only(self.physical_name), *args.statements])", "policy=policy([*args.statements])"),
    guard("a bucket has no access lists", _KEEPS,
          "components/bucket.py", '"BucketOwnerEnforced"', '"ObjectWriter"'),
    guard("a bucket forgets what was broken off", _KEEPS,
          "components/bucket.py", "days_after_initiation=ABORT_MULTIPART_DAYS", "days_after_initiation=None"),
    guard("what holds data is protected from being deleted", "rollout/test_protected.py::test_what_holds_an_offices_data_is_protected",
          "components/bucket.py", "opts=child_of(self, keep=True)", "opts=child_of(self)"),
    guard("only uploads start runs", f"{_PARTS}::test_only_uploads_announce_objects",
          "components/bucket.py", "        if args.sends_events:\n", "        if args.content:\n"),
    guard("retention lets samples alone expire", "components/test_components_retention.py::test_an_offices_retention_binds_samples_alone",
          "components/bucket.py", 'filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=f"{pipeline}/")', 'filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix="")'),
    guard("headquarters' replication adds references and reads nothing", f"{_PARTS}::test_headquarters_may_add_references_and_nothing_else",
          "components/references.py", '                "s3:ReplicateDelete",\n                "s3:ReplicateTags",\n                "s3:ObjectOwnerOverrideToBucketOwner",\n            ],\n            "Resource": f"{bucket}/*",',
          '                "s3:ReplicateDelete",\n                "s3:GetObject",\n                "s3:ReplicateTags",\n                "s3:ObjectOwnerOverrideToBucketOwner",\n            ],\n            "Resource": f"{bucket}/*",'),
    guard("one role of headquarters replicates, and no other", f"{_PARTS}::test_headquarters_may_add_references_and_nothing_else",
          "components/references.py", '{"ArnEquals": {"aws:PrincipalArn": replication_role_arn(headquarters.account)}},\n    }\n    return [', '{"ArnLike": {"aws:PrincipalArn": "*"}},\n    }\n    return ['),
)  # fmt: skip

KEYS_AND_TABLES = (
    guard("the office's key turns over", _KEEPS,
          "components/key.py", "            enable_key_rotation=True,\n", ""),
    guard("a key is not lost in a day", _KEEPS,
          "components/key.py", "DELETION_WINDOW_DAYS = 30", "DELETION_WINDOW_DAYS = 7"),
    guard("a key is used through services, never by hand", _TABLE,
          "components/key.py", '            conditions={"StringEquals": {"kms:ViaService": services}},\n', ""),
    guard("the ledger is encrypted with the office's key", _KEEPS,
          "components/ledger.py", "enabled=True, kms_key_arn=args.key.arn", "enabled=True"),
    guard("the ledger can be restored to any second", _KEEPS,
          "components/ledger.py", "TablePointInTimeRecoveryArgs(enabled=True)", "TablePointInTimeRecoveryArgs(enabled=False)"),
    guard("the ledger is not deleted by mistake", _KEEPS,
          "components/ledger.py", "            deletion_protection_enabled=True,\n", ""),
    guard("an image's tag does not move", _KEEPS,
          "components/registry.py", '"IMMUTABLE"', '"MUTABLE"'),
    guard("an image is scanned when it is pushed", _KEEPS,
          "components/registry.py", "scan_on_push=True", "scan_on_push=False"),
    guard("images are encrypted with the office's key", _KEEPS,
          "components/registry.py", 'encryption_type="KMS", kms_key=args.key_arn', 'encryption_type="AES256"'),
)  # fmt: skip

MESSAGES = (
    guard("a queue is encrypted with the office's key", _KEEPS,
          "components/queue.py", "        kms_master_key_id=key.arn,\n", ""),
    guard("a queue refuses plain HTTP", _KEEPS,
          "components/queue.py", "policy([tls_only, from_rules] if rule_arns else [tls_only])", "policy([from_rules])"),
    guard("a queue takes events of its own rules alone", f"{_CONTRACTS}::test_services_act_for_this_account_only",
          "components/queue.py", '        "Condition": {"ArnEquals": {"aws:SourceArn": list(rule_arns)}},\n', '        "Condition": {},\n'),
    guard("a topic is encrypted with the office's key", _KEEPS,
          "components/notices.py", "        kms_master_key_id=args.key_arn,\n", ""),
    guard("the fleet's bus takes the offices' events and nobody else's", f"{_PARTS}::test_the_fleet_bus_takes_the_offices_events_and_nobody_elses",
          "components/fleet.py", '"Principal": {"AWS": sorted(root_of(office.account) for office in args.offices)}', '"Principal": {"AWS": "*"}'),
    guard("one office cannot write another's row", "handlers/test_fleet.py::test_one_office_cannot_write_anothers_row",
          "handlers/fleet.py", "AND account = :account)", "AND (account = :account OR NOT account = :account))"),
    guard("events of other buckets start nothing", "handlers/test_intake.py::test_uploads_of_another_bucket_are_not_taken",
          "handlers/intake.py", "notice is None or notice.bucket != context.office.uploads", "notice is None"),
)  # fmt: skip

FUNCTIONS_AND_ROLES = (
    guard("a function's environment is encrypted with the office's key", _KEEPS,
          "components/function.py", "            kms_key_arn=args.key.arn,\n", ""),
    guard("a function's log is encrypted with the office's key", _KEEPS,
          "components/function.py", "            kms_key_id=args.key.arn,\n", ""),
    guard("a function's calls are traced", _KEEPS,
          "components/function.py", 'mode="Active"', 'mode="PassThrough"'),
    guard("a function is bound by the office's boundary", _KEEPS,
          "components/function.py", "            permissions_boundary=boundary_arn(self._args.office.name, self._args.office.account),\n", ""),
    guard("a job's role is bound by the office's boundary", _KEEPS,
          "components/job_definition.py", "            permissions_boundary=boundary_arn(args.office.name, args.office.account),\n", ""),
    guard("a service acts for this account alone", f"{_CONTRACTS}::test_services_take_roles_for_this_account_only",
          "components/permission.py", '                    "Condition": {"StringEquals": {"aws:SourceAccount": account}},\n', ""),
    guard("no grant is more than what is asked for", _UNUSED,
          "components/desk.py", 'actions=("s3:GetObject", "s3:PutObject"),', 'actions=("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),'),
    guard("branch staff upload input.tar alone", f"{_PARTS}::test_branch_staff_may_upload_inputs_and_read_results",
          "components/branch_access.py", 'f"/{pipeline}/*/input.tar"', 'f"/{pipeline}/*"'),
    guard("branch staff read no upload", f"{_PARTS}::test_branch_staff_may_upload_inputs_and_read_results",
          "components/branch_access.py", "[upload, args.results.read,", "[upload, args.uploads.read, args.results.read,"),
    guard("the branch role is the account's own to give", f"{_PARTS}::test_branch_staff_may_upload_inputs_and_read_results",
          "components/branch_access.py", '"Principal": {"AWS": root_of(office.account)}', '"Principal": {"AWS": "*"}'),
    guard("nobody erases without a reason", "security/test_organization.py::test_the_erasure_role_still_erases_and_nobody_takes_it_without_a_reason",
          "components/erasure.py", '        "Condition": {"StringLike": {"aws:RequestTag/reason": "?*"}},\n', ""),
    guard("what erases reads nothing", _TABLE,
          "components/erasure.py", "inline_policy([erase, args.ledger.erase,", "inline_policy([erase, args.results.read, args.ledger.erase,"),
    guard("what AWS writes as a policy is not attached unseen", _KEEPS,
          "components/compute.py", "policy/service-role/AmazonEC2ContainerServiceforEC2Role", "policy/AdministratorAccess"),
    guard("what has tags says whose it is", _KEEPS,
          "components/tags.py", '        f"{PREFIX}:managed-by": "pulumi",\n', ""),
)  # fmt: skip

ACCOUNT = (
    guard("the deploy role's boundary: no objects", _FENCED,
          "bootstrap/permissions.py", "        _objects_elsewhere(office, (*READ_OBJECTS, *CHANGE_OBJECTS)),\n", ""),
    guard("the deploy role's boundary: no data", _FENCED,
          "bootstrap/permissions.py", '        deny("NoData", (*READ_DATA, *CHANGE_DATA), "*"),\n', ""),
    guard("the deploy role's boundary: no way out", _FENCED,
          "bootstrap/permissions.py", '        deny("NoWayOut", WAYS_OUT, "*"),\n', ""),
    guard("the deploy role's boundary: no change of itself", _FENCED,
          "bootstrap/permissions.py", '                f"{iam}:role/{PREFIX}-*-github-*",\n', ""),
    guard("the deploy role's boundary: break-glass stays", _FENCED,
          "bootstrap/permissions.py", '                f"{iam}:role/{PREFIX}-*-break-glass",\n', ""),
    guard("the deploy role's boundary: policies of the bootstrap stay", _FENCED,
          "bootstrap/permissions.py", '                f"{iam}:policy/{PREFIX}-*",\n', ""),
    guard("the deploy role's boundary: no other identity provider", _FENCED,
          "bootstrap/permissions.py", '                f"{iam}:oidc-provider/*",\n', ""),
    guard("the deploy role's boundary: no users", _FENCED,
          "bootstrap/permissions.py", '                f"{iam}:user/*",\n', ""),
    guard("the deploy role's boundary: boundaries stay", _FENCED,
          "bootstrap/permissions.py", '        deny("BoundariesStay", ("iam:DeleteRolePermissionsBoundary",), "*"),\n', ""),
    guard("the deploy role's boundary: every role has the offices' boundary", "bootstrap/test_deploying.py::test_the_deploy_role_makes_no_role_that_nothing_bounds",
          "bootstrap/permissions.py", "            StringNotEquals={\"iam:PermissionsBoundary\": boundary_arn(office.name, office.account)},\n", '            StringNotLike={"iam:PermissionsBoundary": "*"},\n'),
    guard("the deploy role's boundary: state and audit stay", _FENCED,
          "bootstrap/permissions.py", '            [*_state(office), *_audit(office)],\n        ),\n        deny(\n            "KeyOfTheStateStays",', '            ["arn:aws:s3:::nothing"],\n        ),\n        deny(\n            "KeyOfTheStateStays",'),
    guard("the deploy role's boundary: the state's key stays", _FENCED,
          "bootstrap/permissions.py", '("kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"),\n            _keys(office)', '("kms:ListGrants",),\n            _keys(office)'),
    guard("the program's boundary: the offices' work and no more", f"{_PERMISSIONS}::test_a_role_of_the_program_can_do_the_offices_work_and_no_more",
          "bootstrap/permissions.py", 'allow("AtMost", WORK, "*")', 'allow("AtMost", ("*",), "*")'),
    guard("the program's boundary: one role erases", f"{_PERMISSIONS}::test_one_role_erases_and_the_boundary_lets_no_other",
          "bootstrap/permissions.py", '            ArnEquals={"aws:PrincipalArn": f"arn:aws:iam::{office.account}:role/{erasure_role(office.name)}"},\n', ""),
    guard("the program's boundary: nothing of the bootstrap", f"{_PERMISSIONS}::test_a_role_of_the_program_can_do_the_offices_work_and_no_more",
          "bootstrap/permissions.py", '        deny("NothingOfTheBootstrap", ("s3:*",), [*_state(office), *_audit(office)]),\n', ""),
    guard("the promote role looks, and keeps canaries alone", f"{_PERMISSIONS}::test_the_promote_role_asks_and_keeps_canaries",
          "bootstrap/permissions.py", '                **{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["canary#*"]}},\n', ""),
    guard("the images role pushes to the registry alone", f"{_PERMISSIONS}::test_the_images_role_pushes_and_does_nothing_else",
          "bootstrap/permissions.py", '"ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"', '"ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart", "ecr:SetRepositoryPolicy"'),
    guard("a preview learns no name", f"{_PERMISSIONS}::test_a_preview_learns_what_runs_took_and_no_name",
          "bootstrap/permissions.py", '        deny("NoNames", (query,), index, **{"ForAnyValue:StringNotEquals": {"dynamodb:Attributes": figures}}),\n', ""),
    guard("a role is for this repository's tokens to AWS", f"{_PERMISSIONS}::test_only_this_repositorys_jobs_of_the_offices_environment_take_the_role",
          "bootstrap/permissions.py", '        f"{names.ISSUER}:aud": names.AUDIENCE,\n', ""),
    guard("the state refuses plain HTTP", f"{_BOOTSTRAP}::test_the_state_is_versioned_encrypted_private_and_closed_to_plain_http",
          "bootstrap/permissions.py", '            "Condition": {"Bool": {"aws:SecureTransport": "false"}},\n', '            "Condition": {"Bool": {"aws:SecureTransport": "none"}},\n'),
    guard("the state is encrypted", f"{_BOOTSTRAP}::test_the_state_is_versioned_encrypted_private_and_closed_to_plain_http",
          "bootstrap/bucket.py", '"SSEAlgorithm": "aws:kms"', '"SSEAlgorithm": "AES256"'),
    guard("the audit's records are locked", f"{_BOOTSTRAP}::test_who_touches_a_sample_is_recorded_where_nobody_can_take_it_away",
          "bootstrap/audit.py", "        locked_days=KEPT_DAYS,\n", ""),
    guard("who touches results is recorded, too", f"{_BOOTSTRAP}::test_who_touches_a_sample_is_recorded_where_nobody_can_take_it_away",
          "bootstrap/audit.py", 'AUDITED = ("uploads", "results")', 'AUDITED = ("uploads",)'),
)  # fmt: skip

ORGANIZATION = tuple(
    guard(f"the organization's policy: {name}", f"security/test_organization.py::{test}", "bootstrap/organization.py", old, new)
    for name, test, old, new in (
        ("no other region", _TRIED, '{"StringNotEquals": {"aws:RequestedRegion": sorted(regions)}}', '{"StringEquals": {"aws:RequestedRegion": "nowhere"}}'),
        ("stays in the organization", _TRIED, '        deny("StaysInTheOrganization", ("organizations:LeaveOrganization",), "*"),\n', ""),
        ("no root user", _TEXT, '        deny("NoRootUser", ("*",), "*", ArnLike={"aws:PrincipalArn": "arn:aws:iam::*:root"}),\n', ""),
        ("no standing keys", _TRIED, '        deny("NoStandingKeys", ("iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:CreateUser"), "*"),\n', ""),
        ("audit stays", _TRIED, '        deny("AuditStays", AUDIT, "*"),\n', ""),
        ("no way out", _TRIED, '        deny("NoWayOut", WAYS_OUT, "*"),\n', ""),
        ("nothing is shared", _TRIED, '        deny("NothingIsShared", SHARING, "*"),\n', ""),
        ("buckets stay closed", _TRIED, '        _but(deploy, glass, deny("BucketsStayClosed", BUCKET_SETTINGS, buckets)),\n', ""),
        ("the account stays closed", _TEXT, '        deny("AccountStaysClosed", ("s3:PutAccountPublicAccessBlock",), "*"),\n', ""),
        ("versions stay", _TRIED, '("s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"), f"{buckets[0]}/*"', '("s3:BypassGovernanceRetention",), f"{buckets[0]}/*"'),
        ("key policies stay", _TRIED, '        _but(deploy, glass, deny("KeysStay", ("kms:PutKeyPolicy",), "*")),\n', ""),
        ("keys are not lost", _TRIED, '        deny("KeysAreNotLost", ("kms:DisableKey", "kms:DisableKeyRotation", "kms:ScheduleKeyDeletion"), "*"),\n', ""),
        ("GitHub's fences stay", _TRIED, '                names.role_arn(office, f"{PREFIX}-*-github-*"),\n', '                names.role_arn(office, f"{PREFIX}-*-nobody-*"),\n'),
        ("boundaries stay", _TRIED, '("iam:CreatePolicyVersion", "iam:DeletePolicy*", "iam:SetDefaultPolicyVersion")', '("iam:DeletePolicy*",)'),
    )
)  # fmt: skip

ARCHIVES = tuple(
    guard(f"an archive: {name}", test, f"pipeline_images/runner/runner/{file}", old, new)
    for name, test, file, old, new in (
        ("no name leads upwards", _TAR, "member_names.py", 'if part in ("", ".", ".."):', 'if part in ("", "."):'),
        ("no name steers a terminal", _TAR, "member_names.py", "if _CONTROLS.search(name):", 'if name == "\\0":'),
        ("no name is an option of a tool", _TAR, "member_names.py", 'if part.startswith("-"):', 'if part == "-":'),
        ("no links, devices or pipes", _TAR, "tar.py", 'if kind not in (b"0", b"\\0", b"5"):', 'if kind not in (b"0", b"\\0", b"5", *_KINDS):'),
        ("not more files than a run can hold", _TAR, "tar.py", "if headers > limits.members:", "if headers > 10 * limits.members:"),
        ("not more bytes than a run can hold", f"{_RUNNER}/test_runner_tar.py::test_an_archive_of_more_bytes_than_a_run_can_hold_is_refused", "tar.py", "if total > limits.total_bytes:", "if total > 10 * limits.total_bytes:"),
    )
)  # fmt: skip

NAMES = (
    guard("a name on a project's page is text", _SHOWN,
          "handlers/page.py", "def _text(value: object) -> str:\n    return escape(", "def _text(value: object) -> str:\n    return str("),
    guard("a link on a project's page stays below it", "handlers/test_pages.py::test_no_name_and_no_message_can_act_in_the_page",
          "handlers/page.py", 'return escape("./" + urllib.parse.quote(path), quote=True)', "return path"),
    guard("a project's page runs and loads nothing", "security/test_hostile_names.py::test_reports_and_pages_load_and_run_nothing",
          "handlers/page.py", "default-src 'none'; style-src 'unsafe-inline'", "default-src *; style-src 'unsafe-inline'"),
    guard("a report runs and loads nothing", "security/test_hostile_names.py::test_reports_and_pages_load_and_run_nothing",
          "pipeline_images/runner/reporting/page.py", "default-src \\'none\\'", "default-src *"),
    guard("a name in a notice is one line", "handlers/test_notices.py::test_lines_stay_one_line",
          "handlers/notices.py", 'in ("Cc", "Cf", "Cs", "Zl", "Zp")', 'in ("Cs",)'),
    guard("a name in a terminal steers nothing", "fleet/test_text.py::test_no_text_whatever_steers_a_terminal",
          "fleet/text.py", "if unicodedata.category(character) in _STEERING\n", "if character in _STEERING\n"),
    guard("a name in a comment on GitHub is code", "security/test_hostile_names.py::test_a_name_is_words_for_operators_and_engineers",
          "rollout/comment.py", "c if c in PLAIN else f'&#{ord(c)};' for c in visible", "c for c in visible"),
    guard("a name that is two lines becomes no run", "security/test_hostile_names.py::test_a_name_that_would_break_a_line_is_answered_in_words",
          "handlers/keys.py", 'if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):', "if not name:"),
)  # fmt: skip

DASHBOARD = (
    guard("the dashboard answers to its own host alone", f"{_SERVED}::test_no_other_page_is_answered",
          "fleet/dashboard/guard.py", "    if host not in hosts:\n", "    if host is None:\n"),
    guard("the dashboard answers to its own pages alone", f"{_SERVED}::test_no_other_page_is_answered",
          "fleet/dashboard/guard.py", 'if origin is not None and origin != f"http://{host}":', 'if origin == "":'),
    guard("the dashboard tells nothing without its token", f"{_SERVED}::test_nothing_is_told_without_the_token",
          "fleet/dashboard/guard.py", 'elif same(cookie_parser(headers.get("cookie", "")).get(COOKIE), self.secret.token):', "else:"),
    guard("the dashboard's pages run nothing of others", f"{_SERVED}::test_every_answer_forbids_what_a_page_does_not_need",
          "fleet/dashboard/guard.py", "default-src 'none'; script-src 'self'", "default-src 'none'; script-src 'self' 'unsafe-inline'"),
    guard("a change by the dashboard needs its Origin", f"{_SERVED}::test_a_change_needs_the_token_the_origin_and_a_yes",
          "fleet/dashboard/guard.py", 'if method not in ("GET", "HEAD") and origin is None:', 'if method == "" and origin is None:'),
    guard("a name on the dashboard is text", f"{_SERVED}::test_hostile_names_are_words_alone",
          "fleet/dashboard/render.py", "autoescape=True", "autoescape=False"),
)  # fmt: skip

DELIVERIES_AND_PASSPORTS = (
    guard("a bucket that changed hands gets nothing", "handlers/test_delivery.py::test_a_bucket_that_changed_hands_gets_nothing",
          "handlers/delivery_copy.py", '        "ExpectedBucketOwner": agreement.account,\n', ""),
    guard("a partner gets its agreed project alone", "handlers/test_delivery.py::test_another_project_is_not_delivered",
          "handlers/agreement.py", "return (sample.pipeline, sample.project) == (self.pipeline, self.project)", "return sample.pipeline == self.pipeline"),
    guard("reads go only where they are named", "handlers/test_delivery_recovery.py::test_reads_go_only_where_they_are_named",
          "handlers/agreement.py", "    return found and (not _reads(path) or _reads(name) or name == READS)", "    return found"),
    guard("a changed passport is nobody's", "fleet/test_verify.py::test_a_changed_crate_or_signature_is_believed_in_nothing",
          "fleet/passports.py", "        except InvalidSignature:\n            return False\n", "        except InvalidSignature:\n            return True\n"),
    guard("a notice goes to https alone", "handlers/test_notices.py::test_an_address_that_is_not_https_is_not_posted_to",
          "handlers/notices.py", 'if urllib.parse.urlsplit(address).scheme != "https":', 'if urllib.parse.urlsplit(address).scheme == "":'),
)  # fmt: skip

SUPPLY_CHAIN = (
    guard("an image is vouched for by this repository's workflow", "supply_chain/test_attestation.py::test_the_very_digest_this_repository_that_workflow_and_main_are_asked_for",
          "supply_chain/attestation.py", '    words += ["--signer-workflow", f"{repository}/{WORKFLOW}", "--source-ref", BRANCH]\n', ""),
    guard("without an answer an image is not vouched for", "supply_chain/test_attestation.py::test_without_an_answer_the_image_is_not_vouched_for",
          "supply_chain/attestation.py", '        return "the command gh, which verifies it, is not installed"', "        return None"),
    guard("what is allowed ends on its last day", "supply_chain/test_allowed.py::test_an_allowed_fault_passes_until_its_last_day",
          "supply_chain/allowed.py", "if entry.until < today:", "if entry.until == today.max:"),
    guard("an exception that nothing needs fails", "supply_chain/test_allowed.py::test_an_entry_that_nothing_needs_fails",
          "supply_chain/allowed.py", "if entry.where in places and entry not in needed", "if entry.where in places and entry in needed and entry not in needed"),
    guard("a scan that failed is no clean scan", "supply_chain/test_image_scan.py::test_a_scan_that_failed_is_no_scan_without_findings",
          "supply_chain/image_scan.py", '    ecr.get_waiter("image_scan_complete").wait(repositoryName=repository, imageId=image)  # type: ignore[arg-type]\n', ""),
)  # fmt: skip

RESIDENCY_AND_ERASURE = (
    guard("a preview is refused for a way out that nobody named", "residency/test_residency.py::test_a_preview_is_refused_for_a_way_that_nobody_named",
          "policies/pack.py", "    *residency.POLICIES,\n", ""),
    guard("names that stay home are sent as keyed hashes", "handlers/test_progress.py::test_pseudonymous_offices_send_no_names",
          "handlers/notify.py", "        project, sample = pseudonym(pseudonym_key, project), pseudonym(pseudonym_key, f\"{project}/{sample}\")\n", ""),
    guard("what was erased does not come back by a late event", "erasure/test_erase.py::test_late_events_do_not_bring_it_back_and_a_new_upload_is_a_new_sample",
          "handlers/intake.py", "            if not is_there(context, notice):  # erased meanwhile: an answer would keep its name\n", "            if notice is None:\n"),
    guard("a tombstone has no name", "erasure/test_erase.py::test_the_reason_keeps_no_name",
          "fleet/erasing.py", "        _refuse_names(named, reason)\n", ""),
)  # fmt: skip

CONTROLS = (
    *NETWORK,
    *INSTANCES,
    *JOBS,
    *BUCKETS,
    *KEYS_AND_TABLES,
    *MESSAGES,
    *FUNCTIONS_AND_ROLES,
    *ACCOUNT,
    *ORGANIZATION,
    *ARCHIVES,
    *NAMES,
    *DASHBOARD,
    *DELIVERIES_AND_PASSPORTS,
    *SUPPLY_CHAIN,
    *RESIDENCY_AND_ERASURE,
)
