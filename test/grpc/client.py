"""Calls, streams both ways and fails through the gateway with grpcio: client.py HOST:PORT, with the token in TOKEN.

The types are made of mesh.proto: python -m grpc_tools.protoc -I proto --python_out=. --grpc_python_out=. agentmesh/v1/mesh.proto
Prints a line of JSON.
"""

import json
import os
import sys

import grpc
from agentmesh.v1 import mesh_pb2 as mesh
from agentmesh.v1 import mesh_pb2_grpc as mesh_grpc

TOKEN = (("authorization", f"Bearer {os.environ['TOKEN']}"),)


def payload(value):
    return mesh.Payload(json=json.dumps(value))


def numbers():
    yield mesh.StreamRequest(open=mesh.ReceiveRequest(method="math.total"))
    for number in (1, 2, 3):
        yield mesh.StreamRequest(message=payload(number))


def values(replies):
    """Of the messages of a stream, and of its end."""
    return [json.loads((reply.message if reply.HasField("message") else reply.end.result).json) for reply in replies]


def failure(call):
    try:
        call()
    except grpc.RpcError as error:
        metadata = dict(error.trailing_metadata() or ())
        return [error.code().name, metadata.get("mesh-code")]
    return None


with grpc.insecure_channel(sys.argv[1]) as channel:
    client = mesh_grpc.MeshStub(channel)
    add = mesh.CallRequest(method="math.add", params=payload({"a": 1, "b": 2}))
    added = client.Call(add, metadata=TOKEN, timeout=60)
    counted = client.Receive(mesh.ReceiveRequest(method="math.count", params=payload({"to": 3})), metadata=TOKEN)
    hang = mesh.CallRequest(method="math.hang")
    print(
        json.dumps(
            {
                "added": [json.loads(added.result.json), added.name],
                "counted": values(counted),
                "totals": values(client.Stream(numbers(), metadata=TOKEN)),
                "reversed": list(
                    client.Call(
                        mesh.CallRequest(method="math.reverse", params=mesh.Payload(bytes=b"\x00\xff\x0a")),
                        metadata=TOKEN,
                    ).result.bytes
                ),
                "late": failure(lambda: client.Call(hang, metadata=TOKEN, timeout=0.2))[0],
                "denied": failure(lambda: client.Call(mesh.CallRequest(method="vault.open"), metadata=TOKEN)),
                "unknown": failure(lambda: client.Call(add, metadata=(("authorization", "Bearer none"),))),
                "anonymous": failure(lambda: client.Call(add)),
            }
        )
    )
