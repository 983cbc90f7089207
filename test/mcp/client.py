"""Lists and calls tools with the Python SDK: client.py stdio COMMAND ARGS..., or client.py http URL with the token in TOKEN.

Prints a line of JSON: the revision that both sides speak, the names of the tools, what math__add gave, and what a tool that there is
not gave.
"""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client


def transport(kind: str, address: str, arguments: list[str]):
    if kind == "stdio":
        return stdio_client(StdioServerParameters(command=address, args=arguments, env=dict(os.environ)))
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    return streamable_http_client(address, http_client=httpx2.AsyncClient(headers=headers, timeout=60))


async def main() -> None:
    kind, address, *arguments = sys.argv[1:]
    mode = os.environ.get("MODE", "auto")
    async with Client(transport(kind, address, arguments), mode=mode) as client:
        tools = (await client.list_tools()).tools
        added = await client.call_tool("math__add", {"a": 1, "b": 2})
        missing = await client.call_tool("math__nothing", {})
        print(
            json.dumps(
                {
                    "revision": client.protocol_version,
                    "tools": [tool.name for tool in tools],
                    "added": added.structured_content,
                    "missing": [missing.is_error, missing.structured_content["error"]["code"]],
                }
            )
        )


asyncio.run(main())
