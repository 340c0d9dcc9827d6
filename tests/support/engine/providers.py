"""The gRPC side of the stand-in providers: one server answers for every package, over one World.

    with StandIns(world) as stand_ins:
        environment["PULUMI_DEBUG_PROVIDERS"] = stand_ins.attachments

The engine then attaches to it in place of starting a plugin.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Mapping
from concurrent import futures
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from support.engine.behaviour import PACKAGES, Asked, Behaviour, Refused
from support.engine.checking import Problem
from support.engine.differences import Difference
from support.engine.facts import CloudFacts
from support.engine.wire import decode, encode
from support.engine.world import LiveObject, World

LARGEST_MESSAGE = 400 * 1024 * 1024  # what the engine's own servers take
THREADS = 16
KINDS = provider_pb2.PropertyDiff.Kind


def answering(method: Callable[..., Any]) -> Callable[..., Any]:
    """Turn what the cloud refuses, and what is wrong in a catalogue, into the error that the engine shows."""

    @functools.wraps(method)
    def guarded(self: Servicer, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except Refused as refusal:
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
        except Exception:  # noqa: BLE001 - a mistake in a catalogue must be read where its author looks
            context.abort(grpc.StatusCode.INTERNAL, f"the stand-in failed: {traceback.format_exc()}")

    return guarded


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Speaks the provider protocol for `Behaviour`. Method names are the protocol's."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour

    def Attach(self, request, context):  # noqa: N802
        return empty_pb2.Empty()

    def Cancel(self, request, context):  # noqa: N802
        return empty_pb2.Empty()

    def Handshake(self, request, context):  # noqa: N802
        """No secrets in, like the Terraform bridge: the engine then marks the outputs of secret inputs itself."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=False)

    def GetPluginInfo(self, request, context):  # noqa: N802
        return plugin_pb2.PluginInfo(version="0.0.0")

    def Configure(self, request, context):  # noqa: N802
        """What the handshake said, for engines that go by this answer."""
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    @answering
    def CheckConfig(self, request, context):  # noqa: N802
        failures = self.behaviour.check_provider(Asked(request.urn).token, decode(request.news))
        return provider_pb2.CheckResponse(inputs=request.news, failures=map(failure_of, failures))

    @answering
    def DiffConfig(self, request, context):  # noqa: N802
        return diff_response(
            *self.behaviour.diff(Asked(request.urn).token, decode(request.old_inputs), decode(request.news))
        )

    @answering
    def Check(self, request, context):  # noqa: N802
        inputs, failures = self.behaviour.check(Asked(request.urn), decode(request.news), decode(request.olds))
        return provider_pb2.CheckResponse(inputs=encode(inputs), failures=map(failure_of, failures))

    @answering
    def Diff(self, request, context):  # noqa: N802
        return diff_response(
            *self.behaviour.diff(Asked(request.urn).token, decode(request.old_inputs), decode(request.news))
        )

    @answering
    def Create(self, request, context):  # noqa: N802
        asked, inputs = Asked(request.urn), decode(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=encode(self.behaviour.preview_outputs(asked.token, inputs)))
        one = self.behaviour.create(asked, inputs)
        return provider_pb2.CreateResponse(id=one.id, properties=encode(one.outputs))

    @answering
    def Update(self, request, context):  # noqa: N802
        asked, inputs = Asked(request.urn), decode(request.news)
        if request.preview:
            known = {**decode(request.olds), **self.behaviour.previewed(asked.token, inputs)}
            return provider_pb2.UpdateResponse(properties=encode(known))
        one = self.behaviour.update(asked, request.id, inputs)
        return provider_pb2.UpdateResponse(properties=encode(one.outputs))

    @answering
    def Read(self, request, context):  # noqa: N802
        one = self.behaviour.read(Asked(request.urn), request.id)
        return provider_pb2.ReadResponse() if one is None else read_response(one)

    @answering
    def Delete(self, request, context):  # noqa: N802
        self.behaviour.delete(Asked(request.urn), request.id)
        return empty_pb2.Empty()

    @answering
    def Invoke(self, request, context):  # noqa: N802
        return provider_pb2.InvokeResponse(
            **{"return": encode(self.behaviour.invoke(request.tok, decode(request.args)))}
        )

    @answering
    def Call(self, request, context):  # noqa: N802
        return provider_pb2.CallResponse(**{"return": encode(self.behaviour.invoke(request.tok, decode(request.args)))})


def failure_of(problem: Problem) -> provider_pb2.CheckFailure:
    where = f"{problem.path} " if problem.path else ""
    return provider_pb2.CheckFailure(property=problem.path, reason=f"{where}{problem.reason}")


def read_response(one: LiveObject) -> provider_pb2.ReadResponse:
    return provider_pb2.ReadResponse(id=one.id, inputs=encode(one.inputs), properties=encode(one.outputs))


def diff_response(found: list[Difference], forced: list[str], delete_first: bool) -> provider_pb2.DiffResponse:  # noqa: FBT001 - unpacked
    detailed = {
        one.path: provider_pb2.PropertyDiff(
            kind=KINDS.Value(f"{one.kind.upper()}{'_REPLACE' if one.path in forced else ''}"), inputDiff=True
        )
        for one in found
    }
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if found else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=sorted({top_of(one.path) for one in found}),
        replaces=sorted({top_of(path) for path in forced}),
        deleteBeforeReplace=bool(forced) and delete_first,
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def top_of(path: str) -> str:
    return path.split(".", 1)[0].split("[", 1)[0]


class StandIns:
    """A running server; `attachments` is what PULUMI_DEBUG_PROVIDERS must say."""

    def __init__(self, world: World, facts: Mapping[str, CloudFacts] | None = None) -> None:
        limits = [
            ("grpc.max_receive_message_length", LARGEST_MESSAGE),
            ("grpc.max_send_message_length", LARGEST_MESSAGE),
        ]
        self._pool = futures.ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="stand-ins")
        self._server = grpc.server(self._pool, options=limits)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(Behaviour(world, facts)), self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.attachments = ",".join(f"{package}:{port}" for package in PACKAGES)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(grace=None).wait()
        self._pool.shutdown()
