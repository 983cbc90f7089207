/** One process of an MCP server: its tools, calls of them, its end. */
import { untilAborted } from '@agent-mesh/agent/core/until-aborted'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { version } from '@agent-mesh/protocol/version'
import { Client, SdkError, type CallToolResult, type Tool } from '@modelcontextprotocol/client'
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/client/stdio'

import { toolServerDefaults } from './defaults.ts'

export interface ToolProcessInit {
  /** A simple command of the shell. */
  readonly command: string
  /** To ask which era a server speaks takes a process of its own: it is asked once. */
  readonly mode: 'auto' | 'legacy'
  /** Of its environment, beside PATH, HOME and the like. */
  readonly env?: Readonly<Record<string, string>>
  /** Its tools changed. */
  readonly onChanged: (process: ToolProcess) => void
  readonly signal: AbortSignal
}

export class ToolProcess {
  readonly #client: Client
  readonly #transport: StdioClientTransport
  readonly #ended: AbortController
  readonly #signal: AbortSignal

  private constructor(
    client: Client,
    transport: StdioClientTransport,
    ended: AbortController,
    signal: AbortSignal,
  ) {
    this.#client = client
    this.#transport = transport
    this.#ended = ended
    this.#signal = signal
  }

  /** Resolves when it has introduced itself. @throws MeshError, or an error of the SDK */
  static async open({ command, mode, env, onChanged, signal }: ToolProcessInit): Promise<ToolProcess> {
    const ended = new AbortController()
    const client = new Client(
      { name: 'agent-mesh', version },
      {
        versionNegotiation: { mode },
        listChanged: { tools: { autoRefresh: false, onChanged: () => onChanged(process) } },
      },
    )
    client.onclose = () => ended.abort()
    const transport = new StdioClientTransport({
      ...shellOf(command),
      env: { ...getDefaultEnvironment(), ...env },
    })
    const process = new ToolProcess(client, transport, ended, signal)
    try {
      await untilAborted(client.connect(transport, { timeout: toolServerDefaults.openMs }), signal)
      return process
    } catch (cause) {
      await process.close()
      throw cause
    }
  }

  /** Aborted when it has ended. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  /** For those that are opened after it. */
  get mode(): 'auto' | 'legacy' {
    return (this.#client.getNegotiatedProtocolVersion() ?? '') < '2026' ? 'legacy' : 'auto'
  }

  /** @throws MeshError unavailable when it ends meanwhile */
  async tools(): Promise<readonly Tool[]> {
    const options = { timeout: toolServerDefaults.openMs, signal: this.#signal }
    const { tools } = await this.#client.listTools(undefined, options).catch((cause: unknown) => {
      throw failure(cause, 'list the tools')
    })
    return tools
  }

  /** @throws MeshError unavailable when it ends meanwhile, application for what it says of itself */
  async call(name: string, args: Record<string, unknown>, signal: AbortSignal): Promise<CallToolResult> {
    try {
      return await this.#client.callTool({ name, arguments: args }, { signal, timeout: 2 ** 31 - 1 })
    } catch (cause) {
      if (signal.aborted) throw signal.reason
      throw failure(cause, `call ${name}`)
    }
  }

  /** Ends it. Idempotent. */
  async close(): Promise<void> {
    await this.#client.close()
    // Also of a client that did not get ready.
    await this.#transport.close()
  }
}

const failure = (cause: unknown, action: string): MeshError =>
  cause instanceof SdkError
    ? new MeshError('unavailable', `Cannot ${action}: the MCP server ended`, { cause })
    : toMeshError(cause, 'application', action)

const shellOf = (command: string) => ({
  ...(process.platform === 'win32'
    ? { command: 'cmd.exe', args: ['/d', '/s', '/c', command] }
    : { command: '/bin/sh', args: ['-c', `exec ${command}`] }),
  stderr: 'inherit' as const,
})
