/** An MCP server that the agent runs: started again when it crashes, and its tools served while they are approved. */
import type { ServiceDefinition } from '@agent-mesh/agent'
import { untilAborted } from '@agent-mesh/agent/core/until-aborted'
import type { Logger } from '@agent-mesh/agent/observe/logger'
import type { Subject } from '@agent-mesh/protocol'
import { MeshError } from '@agent-mesh/protocol/errors'
import { sleep } from '@agent-mesh/protocol/timers'
import type { CallToolResult, Tool } from '@modelcontextprotocol/client'

import { CallerProcesses } from './caller-processes.ts'
import { toolServerDefaults } from './defaults.ts'
import type { NamedCommand } from './named-commands.ts'
import { pinnedOf, sameTool, type PinnedTools } from './pinned-tool.ts'
import { ToolPins, type ToolReview } from './tool-pins.ts'
import { ToolProcess } from './tool-process.ts'
import { refuse, servable, toolService, type CallTool } from './tool-service.ts'

export interface ToolServerInit extends NamedCommand {
  /** Data folder of the agent. */
  readonly data: string
  /** Serves a service; the result ends that. */
  readonly serve: (definition: ServiceDefinition) => () => void
  /** Its owner approved tools since the last start, or now. */
  readonly onApproved: (approved: ToolReview) => void
  readonly log: Logger
}

export class ToolServer {
  readonly #init: ToolServerInit
  readonly #pins: ToolPins
  readonly #stop = new AbortController()
  readonly #callers: CallerProcesses<ToolProcess>
  /** Says what the tools are, and without `perCaller` is called. */
  #process = Promise.withResolvers<ToolProcess>()
  #mode: 'auto' | 'legacy' = 'auto'
  #served: { text: string; end: () => void } | undefined
  #tools: PinnedTools = new Map()
  #unapproved: ReadonlySet<string> = new Set()
  /** Its tools changed and are not read yet. */
  #changed = false
  #running: Promise<void> | undefined

  constructor(init: ToolServerInit) {
    this.#init = init
    this.#pins = new ToolPins(init.data, init.name)
    this.#callers = new CallerProcesses({ name: init.name, open: caller => this.#openFor(caller) })
  }

  /** Idempotent. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** Ends its processes. Idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort(new MeshError('going_away', `Cannot call ${this.#init.name}: its agent stops`))
    await Promise.all([this.#running, this.#callers.stop()])
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
    const { command, name, log } = this.#init
    const fault = (err: unknown) =>
      log.warn({ event: 'tools-not-read', server: name, err }, 'the tools of an MCP server cannot be read')
    const onChanged = (changed: ToolProcess) => {
      this.#changed = true
      void this.#refresh(changed).catch(fault)
    }
    const process = await ToolProcess.open({ command, mode: this.#mode, onChanged, signal })
    try {
      this.#mode = process.mode
      await this.#refresh(process)
      this.#process.resolve(process)
      await this.#lookForApprovals(process, AbortSignal.any([signal, process.ended]))
      this.#process = Promise.withResolvers()
    } finally {
      await process.close()
    }
  }

  /** Serves the tools as they are now. */
  async #refresh(process: ToolProcess): Promise<void> {
    const all = await process.tools()
    const { isAllowed } = this.#init
    const tools = servable(all).filter(tool => isAllowed(tool.name))
    this.#unapproved = await this.#pins.unapproved(tools)
    this.#tools = pinnedOf(tools)
    this.#changed = false
    const unfit = all.filter(tool => isAllowed(tool.name) && !tools.includes(tool)).map(tool => tool.name)
    this.#serve(tools, unfit)
  }

  #serve(tools: readonly Tool[], unfit: readonly string[]): void {
    const { name: server, allow, serve, log } = this.#init
    const unapproved = this.#unapproved
    const text = JSON.stringify([tools, [...unapproved]])
    if (this.#served?.text === text) return
    this.#served?.end()
    const service = toolService({ server, tools, unapproved, allow, call: this.#call })
    this.#served = { text, end: serve(service) }
    if (unapproved.size > 0 || unfit.length > 0)
      log.warn(
        { event: 'tools-refused', server, changed: [...unapproved], unfit },
        'tools of an MCP server are refused: they changed and are not approved, or cannot be methods',
      )
  }

  /** Until the process ends. */
  async #lookForApprovals(process: ToolProcess, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#recordApprovals()
      await sleep(toolServerDefaults.lookMs, { signal }).catch(() => undefined)
      // A process that ends meanwhile is what ends the loop.
      const isDue = this.#changed || this.#unapproved.size > 0
      if (isDue && !signal.aborted) await this.#refresh(process).catch(() => undefined)
    }
  }

  async #recordApprovals(): Promise<void> {
    const { onApproved, name, log } = this.#init
    await this.#pins.record(onApproved).catch((err: unknown) => {
      log.warn(
        { event: 'approval-not-recorded', server: name, err },
        'an approval of tools cannot be recorded',
      )
    })
  }

  /** Waits for a process that starts again. @throws MeshError unavailable when it ends meanwhile */
  readonly #call: CallTool = async (name, args, { signal, caller }) => {
    const process = await untilAborted(this.#process.promise, AbortSignal.any([signal, this.#stop.signal]))
    // Since the call began, another process may have come with other tools.
    if (this.#changed) throw changed(name)
    if (this.#unapproved.has(name)) refuse(this.#init.name, name)
    if (!this.#init.perCaller) return process.call(name, args, signal)
    return this.#callers.use(
      caller,
      own => this.#callSame({ own, listing: process, name, args }, signal),
      signal,
    )
  }

  async #openFor({ sub, name }: Subject): Promise<ToolProcess> {
    const { command } = this.#init
    const { signal } = this.#stop
    const env = { MESH_PEER: sub, MESH_NAME: name }
    const onChanged = () => undefined
    return ToolProcess.open({ command, mode: this.#mode, env, onChanged, signal }).catch((cause: unknown) => {
      throw new MeshError('unavailable', `Cannot call ${this.#init.name}: its MCP server does not start`, {
        cause,
      })
    })
  }

  /** What was approved is what was listed: of two processes that differ, one is older, and both are started anew. @throws MeshError unavailable */
  async #callSame({ own, listing, name, args }: OwnCall, signal: AbortSignal): Promise<CallToolResult> {
    const tool = pinnedOf(await own.tools()).get(name)
    if (sameTool(tool, this.#tools.get(name))) return own.call(name, args, signal)
    this.#changed = true
    await Promise.all([own.close(), listing.close()])
    throw changed(name)
  }
}

interface OwnCall {
  /** Of the caller. */
  readonly own: ToolProcess
  readonly listing: ToolProcess
  readonly name: string
  readonly args: Record<string, unknown>
}

const changed = (name: string) =>
  new MeshError('unavailable', `Cannot call ${name}: the tools of its MCP server changed`)
