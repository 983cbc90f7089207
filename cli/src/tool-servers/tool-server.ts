/** An MCP server as a child process: started again when it crashes, and its tools served while they are approved. */
import type { ServiceDefinition } from '@agent-mesh/agent'
import { untilAborted } from '@agent-mesh/agent/core/until-aborted'
import type { Logger } from '@agent-mesh/agent/observe/logger'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { sleep } from '@agent-mesh/protocol/timers'
import { version } from '@agent-mesh/protocol/version'
import { Client, SdkError, type Tool } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'

import { toolServerDefaults } from './defaults.ts'
import { ToolPins } from './tool-pins.ts'
import { refuse, servable, toolService, type CallTool } from './tool-service.ts'

export interface ToolServerInit {
  /** `fs` */
  readonly name: string
  /** A simple command of the shell. */
  readonly command: string
  /** Data folder of the agent. */
  readonly data: string
  /** Serves a service; the result ends that. */
  readonly serve: (definition: ServiceDefinition) => () => void
  readonly log: Logger
}

export class ToolServer {
  readonly #init: ToolServerInit
  readonly #pins: ToolPins
  readonly #stop = new AbortController()
  #client = Promise.withResolvers<Client>()
  #mode: 'auto' | 'legacy' = 'auto'
  #served: { text: string; end: () => void } | undefined
  #unapproved: ReadonlySet<string> = new Set()
  /** Its tools changed and are not read yet. */
  #changed = false
  #running: Promise<void> | undefined

  constructor(init: ToolServerInit) {
    this.#init = init
    this.#pins = new ToolPins(init.data, init.name)
  }

  /** Idempotent. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** Ends the process. Idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort(new MeshError('going_away', `Cannot call ${this.#init.name}: its agent stops`))
    await this.#running
    this.#served?.end()
    this.#served = undefined
  }

  /** One process after the other; after a crash soon, after each further one later. */
  async #run(): Promise<void> {
    const { signal } = this.#stop
    const { firstRestartMs, mostRestartMs, soundMs } = toolServerDefaults
    let pause: number = firstRestartMs
    while (!signal.aborted) {
      const began = performance.now()
      const reason = await this.#runOnce().catch((err: unknown) => err)
      if (signal.aborted) return
      if (performance.now() - began >= soundMs) pause = firstRestartMs
      const { name, log } = this.#init
      log.warn(
        { event: 'tool-server-ended', server: name, err: reason },
        'an MCP server ended and is started again',
      )
      await sleep(pause, { signal }).catch(() => undefined)
      pause = Math.min(pause * 2, mostRestartMs)
    }
  }

  /** Until the process ends. @throws MeshError, or an error of the SDK, when it does not get ready */
  async #runOnce(): Promise<void> {
    const { signal } = this.#stop
    const ended = new AbortController()
    const client = new Client(
      { name: 'agent-mesh', version },
      {
        versionNegotiation: { mode: this.#mode },
        listChanged: {
          tools: {
            autoRefresh: false,
            onChanged: () => {
              this.#changed = true
              void this.#refresh(client).catch(fault)
            },
          },
        },
      },
    )
    const fault = (err: unknown) =>
      this.#init.log.warn(
        { event: 'tools-not-read', server: this.#init.name, err },
        'the tools of an MCP server cannot be read',
      )
    client.onclose = () => ended.abort()
    const transport = new StdioClientTransport(shellOf(this.#init.command))
    try {
      await untilAborted(client.connect(transport, { timeout: toolServerDefaults.openMs }), signal)
      // To ask which era it speaks takes a process of its own: once.
      if ((client.getNegotiatedProtocolVersion() ?? '') < '2026') this.#mode = 'legacy'
      await this.#refresh(client)
      this.#client.resolve(client)
      await this.#lookForApprovals(client, AbortSignal.any([signal, ended.signal]))
      this.#client = Promise.withResolvers()
    } finally {
      await client.close()
      // Also of a client that did not get ready.
      await transport.close()
    }
  }

  /** Serves the tools as they are now. */
  async #refresh(client: Client): Promise<void> {
    const options = { timeout: toolServerDefaults.openMs, signal: this.#stop.signal }
    const { tools } = await client.listTools(undefined, options)
    const fit = servable(tools)
    this.#unapproved = await this.#pins.unapproved(fit)
    this.#changed = false
    const unfit = tools.filter(tool => !fit.includes(tool)).map(({ name }) => name)
    this.#serve(fit, this.#unapproved, unfit)
  }

  #serve(tools: readonly Tool[], unapproved: ReadonlySet<string>, unfit: readonly string[]): void {
    const { name: server, serve, log } = this.#init
    const text = JSON.stringify([tools, [...unapproved]])
    if (this.#served?.text === text) return
    this.#served?.end()
    this.#served = { text, end: serve(toolService({ server, tools, unapproved, call: this.#call })) }
    if (unapproved.size > 0 || unfit.length > 0)
      log.warn(
        { event: 'tools-refused', server, changed: [...unapproved], unfit },
        'tools of an MCP server are refused: they changed and are not approved, or cannot be methods',
      )
  }

  /** Until the process ends. */
  async #lookForApprovals(client: Client, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(toolServerDefaults.lookMs, { signal }).catch(() => undefined)
      // A process that ends meanwhile is what ends the loop.
      const isDue = this.#changed || this.#unapproved.size > 0
      if (isDue && !signal.aborted) await this.#refresh(client).catch(() => undefined)
    }
  }

  /** Waits for a process that starts again. @throws MeshError unavailable when it ends meanwhile */
  readonly #call: CallTool = async (name, args, signal) => {
    const client = await untilAborted(this.#client.promise, AbortSignal.any([signal, this.#stop.signal]))
    // Since the call began, another process may have come with other tools.
    if (this.#changed)
      throw new MeshError('unavailable', `Cannot call ${name}: the tools of its MCP server changed`)
    if (this.#unapproved.has(name)) refuse(this.#init.name, name)
    try {
      return await client.callTool({ name, arguments: args }, { signal, timeout: 2 ** 31 - 1 })
    } catch (cause) {
      if (signal.aborted) throw signal.reason
      if (cause instanceof SdkError)
        throw new MeshError('unavailable', `Cannot call ${name}: its MCP server ended`, { cause })
      throw toMeshError(cause, 'application', `call ${name}`)
    }
  }
}

/** It gets the environment that the SDK says is harmless: PATH, HOME and the like. */
const shellOf = (command: string) => ({
  ...(process.platform === 'win32'
    ? { command: 'cmd.exe', args: ['/d', '/s', '/c', command] }
    : { command: '/bin/sh', args: ['-c', `exec ${command}`] }),
  stderr: 'inherit' as const,
})
