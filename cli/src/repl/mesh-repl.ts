/** A prompt for JavaScript in which the services of the mesh are objects. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { printable } from '@agent-mesh/protocol/printable'
import { create as createDomain, type Domain } from 'node:domain'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { start, type REPLEval, type ReplOptions, type REPLServer } from 'node:repl'
import { PassThrough } from 'node:stream'
import { inspect } from 'node:util'

import { contractTimeout } from '../local/contract-timeout.ts'
import { knownMethods } from '../local/described-services.ts'
import { localClient } from '../local/local-client.ts'
import { render } from '../show/text.ts'
import { replPipes } from './repl-pipes.ts'
import { localMessages, ReplStream } from './repl-stream.ts'
import { replTopics } from './repl-topics.ts'
import { asVariables, serviceObjects } from './service-objects.ts'
import { soundParams } from './sound-value.ts'

export interface MeshReplInit {
  /** Data folder of the running process. */
  readonly folder: string
  /** File of the lines of before, on a terminal. */
  readonly history: string
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
  /** Whether it shows a prompt, and keeps lines. */
  readonly interactive: boolean
  /** Ends it. */
  readonly signal: AbortSignal
}

/** Options of a call at the prompt, as in a program. */
interface ReplCallOptions {
  peer?: string
  timeout?: number
  idempotent?: boolean
}

/** Of a stream; `input`: messages for the method. */
interface ReplStreamOptions extends Omit<ReplCallOptions, 'idempotent'> {
  input?: Iterable<unknown> | AsyncIterable<unknown>
}

/** What a line asks of the agent. @throws MeshError invalid_argument */
function requestOf(method: string, params: unknown, { timeout: timeoutMs, ...others }: ReplCallOptions) {
  return {
    ...{ method, ...soundParams(params, method), ...others },
    ...(timeoutMs !== undefined && { timeoutMs }),
  }
}

export class MeshRepl {
  readonly #init: MeshReplInit
  /** Of the calls that run: Ctrl-C cancels them. */
  #running = new AbortController()
  #failed = false

  constructor(init: MeshReplInit) {
    this.#init = init
  }

  /** Runs until its input or `signal` ends. @returns whether all lines were evaluated without an error @throws MeshError */
  async run(): Promise<boolean> {
    const { folder, history, output, interactive, signal } = this.#init
    const lines = new PassThrough()
    const input = interactive ? this.#init.input : lines
    const services = await this.#services()
    const prompt = interactive ? 'mesh> ' : ''
    // A preview evaluates what is being typed: a call must wait for Enter.
    const how = { terminal: interactive, writer: shown, ignoreUndefined: true, preview: false }
    const domain = createDomain()
    const server = start({ prompt, input, output, ...how, domain } as ReplOptions)
    this.#awaitErrors(server, domain)
    this.#awaitResults(server)
    this.#addCommands(server)
    this.#setServices(server, services)
    const client = () => localClient(folder, this.#running.signal)
    const { calls: call, streams: stream } = this.#use
    const known = { peers: () => client().peers(), status: () => client().status() }
    const pipes = replPipes(folder, () => this.#running.signal)
    define(server, { call, stream, ...replTopics(client), ...pipes, ...known })
    const exited = once(server, 'exit')
    const feeding = interactive ? undefined : this.#feed(server, lines, exited)
    if (interactive) await keepLines(server, history)
    server.on('SIGINT', () => this.#cancel())
    const close = () => server.close()
    signal.addEventListener('abort', close, { once: true })
    // It may have come while the lines of before were read.
    if (signal.aborted) close()
    await exited
    signal.removeEventListener('abort', close)
    this.#cancel()
    await feeding
    return !this.#failed
  }

  /** One line after the other: each begins when the one before has its result. */
  async #feed(server: REPLServer, lines: PassThrough, exited: Promise<unknown>): Promise<void> {
    let ready = Promise.withResolvers<void>()
    let isOver = false
    const over = (): void => {
      isOver = true
      ready.resolve()
    }
    exited.then(over, over)
    // Called when a line has ended, whatever it was.
    server.displayPrompt = () => ready.resolve()
    for await (const line of createInterface({ input: this.#init.input })) {
      if (isOver) break
      ready = Promise.withResolvers<void>()
      lines.write(`${line}\n`)
      await ready.promise
    }
    lines.end()
  }

  readonly #use = {
    calls: async (method: string, params?: unknown, options: ReplCallOptions = {}): Promise<unknown> => {
      const request = requestOf(method, params, options)
      const client = localClient(this.#init.folder, this.#running.signal)
      const { timeout, peer } = options
      return (
        await client.call({ ...request, timeoutMs: timeout ?? (await contractTimeout(client, method, peer)) })
      ).value
    },
    streams: (method: string, params?: unknown, options: object = {}): ReplStream => {
      const { input, ...others } = options as ReplStreamOptions
      const request = requestOf(method, params, others)
      const client = localClient(this.#init.folder, this.#running.signal)
      return new ReplStream(client.stream(request, input === undefined ? undefined : localMessages(input)))
    },
  }

  async #services(): Promise<Record<string, unknown>> {
    const client = localClient(this.#init.folder, this.#init.signal)
    return serviceObjects(await knownMethods(client, await client.services()), this.#use)
  }

  #setServices(server: REPLServer, services: Record<string, unknown>): void {
    define(server, { ...asVariables(services), services })
  }

  /** A call shows its result, with `await` or without; a stream its messages before that, as they come. */
  #awaitResults(server: REPLServer): void {
    const { eval: evaluate } = server
    const awaiting: REPLEval = (code, context, file, done) =>
      evaluate.call(server, code, context, file, (error: Error | null, result: unknown) => {
        if (error !== null) return this.#fail(error, done)
        const show = (message: unknown) => void this.#init.output.write(`${shown(message)}\n`)
        Promise.resolve(result instanceof ReplStream ? result.shown(show) : result).then(
          value => done(null, value),
          (thrown: Error) => this.#fail(thrown, done),
        )
      })
    // Declared as read-only; the documented way to wrap what it does by default.
    Object.assign(server, { eval: awaiting })
  }

  /** What a line throws, at once or after an `await`, reaches the prompt's domain alone. */
  #awaitErrors(server: REPLServer, domain: Domain): void {
    const [byNode] = domain.listeners('error') as ((error: unknown) => void)[]
    domain.removeAllListeners('error')
    domain.on('error', error => {
      if (!(error instanceof MeshError)) {
        this.#failed = true
        return byNode?.(error)
      }
      server.clearBufferedCommand()
      this.#fail(error, () => server.displayPrompt())
    })
  }

  #fail(error: Error, done: (error: Error | null, result: unknown) => void): void {
    // Lines that continue on the next one are no failures.
    this.#failed ||= error.name !== 'Recoverable'
    if (!(error instanceof MeshError)) return done(error, undefined)
    this.#init.output.write(`${render(errorLines(error))}\n`)
    done(null, undefined)
  }

  #cancel(): void {
    this.#running.abort()
    this.#running = new AbortController()
  }

  #addCommands(server: REPLServer): void {
    const refresh = async (): Promise<void> => {
      this.#setServices(server, await this.#services())
      server.displayPrompt()
    }
    server.defineCommand('refresh', {
      help: 'Ask again which services there are',
      action: () => void refresh().catch((error: Error) => this.#fail(error, () => server.displayPrompt())),
    })
  }
}

/** Variables that lines may set anew. */
const define = (server: REPLServer, variables: Record<string, unknown>): void =>
  void Object.assign(server.context, variables)

/** Strings in quotes have no control characters, but may have others that a terminal obeys. */
const shown = (value: unknown): string =>
  inspect(value, { depth: 6, colors: false }).split('\n').map(printable).join('\n')

const errorLines = ({ code, message, hint }: MeshError) => [
  `error: ${code}: ${message}`,
  ...(hint === undefined ? [] : [hint]),
]

const keepLines = (server: REPLServer, file: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.setupHistory(file, error => (error === null ? resolve() : reject(error)))
  })
