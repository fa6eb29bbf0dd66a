"""A stand-in for the AWS provider plugin: Pulumi's engine talks to it as to the real one, and nothing is
made.

Which inputs and outputs a type has is read from pulumi_aws. Which of its inputs AWS cannot change in place is
told by the twin's kinds. In a preview every output that only AWS would know is unknown. The account is the
one of the credentials: as in the twin, an access key of 12 digits.
"""
# ruff: noqa: N802 - the engine's own names

import importlib.metadata
import json
import os
import secrets
import sys
from collections.abc import Mapping
from concurrent import futures
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2, json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from policies.declared import SECRET_KEY, UNKNOWN, unknown
from policies.program import KNOWN, answer
from twin import schema
from twin.resources import KINDS

# What stands for an output that nothing in the program reads.
BLANK: Mapping[type, Any] = {str: "", bool: False, int: 0, float: 0.0}


def planned(kind: str, inputs: Mapping[str, Any], region: str) -> dict[str, Any]:
    """What a preview of a new resource can tell: its inputs, and what follows from them."""
    follows = {"region": region, "tagsAll": inputs.get("tags", {})}
    unknown_yet = dict.fromkeys(schema.computed(kind), UNKNOWN)
    return unknown_yet | {key: value for key, value in follows.items() if key in unknown_yet} | dict(inputs)


def made(kind: str, name: str, inputs: Mapping[str, Any], account: str, region: str) -> dict[str, Any]:
    """The state of a resource when AWS has made it."""
    _, told = answer(kind, name, dict(inputs), account, region)
    outputs = schema.computed(kind)
    known = {output: told.get(output, _blank(type_)) for output, type_ in outputs.items()}
    follows = planned(kind, inputs, region)
    return known | {key: value for key, value in follows.items() if value != UNKNOWN}


def _blank(type_: Any) -> Any:
    origin = getattr(type_, "__origin__", type_)
    if origin in BLANK:
        return BLANK[origin]
    return [] if "Sequence" in str(origin) else {}


def changes(old: Any, new: Any, path: str = "") -> list[str]:
    """The paths at which two values differ, as the engine writes them. Archives differ by their content."""
    if _special(old) and _special(new):
        return [] if _content(old) == _content(new) else [path]
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [
            inner
            for key in sorted(old.keys() | new.keys())
            for inner in changes(old.get(key), new.get(key), f"{path}.{key}" if path else key)
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [inner for index, (was, now) in pairs for inner in changes(was, now, f"{path}[{index}]")]
    return [] if old == new and not unknown(new) else [path]


def _special(value: Any) -> bool:
    return isinstance(value, Mapping) and SECRET_KEY in value


def _content(value: Mapping[str, Any]) -> Any:
    return value["hash"] if "hash" in value else {key: inner for key, inner in value.items() if inner}


def _dict(struct: struct_pb2.Struct) -> dict[str, Any]:
    values: dict[str, Any] = json_format.MessageToDict(struct)
    return values


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(dict(values), struct_pb2.Struct())


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One process, one account and region."""

    def __init__(self) -> None:
        self.account = os.environ.get("AWS_ACCESS_KEY_ID", "")
        self.region = ""

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi_aws"))

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        differ = changes(_dict(request.old_inputs), _dict(request.news))
        kind = provider_pb2.DiffResponse.DIFF_SOME if differ else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=differ)

    def Configure(self, request: Any, context: Any) -> Any:
        config = _dict(request.args)
        self.region = config["region"]
        allowed = json.loads(config.get("allowedAccountIds", "[]"))
        if allowed and self.account not in allowed:
            context.abort(grpc.StatusCode.UNKNOWN, f"AWS account ID not allowed: {self.account}")
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Invoke(self, request: Any, context: Any) -> Any:
        region, account = self.region, self.account
        match request.tok:
            case "aws:index/getCallerIdentity:getCallerIdentity":
                told: dict[str, Any] = {
                    "accountId": account,
                    "arn": f"arn:aws:iam::{account}:root",
                    "userId": account,
                }
            case "aws:index/getRegion:getRegion":
                told = {"region": region, "name": region, "description": region, "endpoint": ""}
            case "aws:index/getAvailabilityZones:getAvailabilityZones":
                zones = [f"{region}{letter}" for letter in "abc"]
                told = {"names": zones, "zoneIds": zones, "groupNames": [region]}
            case _:
                return context.abort(
                    grpc.StatusCode.UNIMPLEMENTED, f"{request.tok}: the stand-in does not know it"
                )
        return provider_pb2.InvokeResponse(**{"return": _struct({"id": region, **told})})

    def Check(self, request: Any, context: Any) -> Any:
        kind, name = _type(request.urn), request.urn.rpartition("::")[2]
        inputs, olds = _dict(request.news), _dict(request.olds)
        known = KINDS.get(kind)
        if known is None or kind not in KNOWN:
            return context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{kind}: the stand-in does not know it")
        try:
            schema.check(kind, name, {k: v for k, v in inputs.items() if not k.startswith("__")})
        except schema.UnknownInput as fault:
            failure = provider_pb2.CheckFailure(property="", reason=str(fault))
            return provider_pb2.CheckResponse(inputs=request.news, failures=[failure])
        if known.named and not inputs.get(known.named):
            inputs[known.named] = olds.get(known.named) or f"{name}-{secrets.token_hex(4)[:7]}"
        return provider_pb2.CheckResponse(inputs=_struct(inputs))

    def Diff(self, request: Any, context: Any) -> Any:
        old, new = _dict(request.old_inputs), _dict(request.news)
        paths = changes(old, new)
        tops = sorted({path.split(".")[0].split("[")[0] for path in paths})
        known = KINDS[_type(request.urn)]
        replaces = (
            [] if not tops else tops if known.update is None else [top for top in tops if top in known.fixed]
        )
        update = provider_pb2.PropertyDiff.UPDATE_REPLACE if replaces else provider_pb2.PropertyDiff.UPDATE
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if paths else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=tops,
            replaces=replaces,
            # A name that the program gives cannot be had twice at a time.
            deleteBeforeReplace=bool(replaces),
            hasDetailedDiff=True,
            detailedDiff={path: provider_pb2.PropertyDiff(kind=update, inputDiff=False) for path in paths},
        )

    def Create(self, request: Any, context: Any) -> Any:
        kind, name = _type(request.urn), request.urn.rpartition("::")[2]
        inputs = _dict(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=_struct(planned(kind, inputs, self.region)))
        state = made(kind, name, inputs, self.account, self.region)
        id_, _ = answer(kind, name, inputs, self.account, self.region)
        return provider_pb2.CreateResponse(id=id_, properties=_struct(state))

    def Read(self, request: Any, context: Any) -> Any:
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: Any, context: Any) -> Any:
        kind, name = _type(request.urn), request.urn.rpartition("::")[2]
        inputs, olds = _dict(request.news), _dict(request.olds)
        if not request.preview:
            return provider_pb2.UpdateResponse(
                properties=_struct(made(kind, name, inputs, self.account, self.region))
            )
        gone = _dict(request.old_inputs).keys() - inputs.keys()
        state = {key: value for key, value in olds.items() if key not in gone} | inputs
        state |= {"tagsAll": inputs["tags"]} if "tags" in inputs else {}
        state |= dict.fromkeys(schema.REVISED.get(kind, ()), UNKNOWN)
        return provider_pb2.UpdateResponse(properties=_struct(state))

    def Delete(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


def main() -> None:
    limit = 400 * 1024 * 1024  # the engine's own
    options = [("grpc.max_receive_message_length", limit), ("grpc.max_send_message_length", limit)]
    server = grpc.server(futures.ThreadPoolExecutor(16), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")  # the engine reads it
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
