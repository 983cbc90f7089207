/** Asks a running agent or relay on its local socket, as `agent-mesh call|peers|status` do: a path on disk, whatever the namespace. */
import {
  errorOfProblem,
  localCallReply,
  localPeersReply,
  localStatusReply,
  MeshError,
  parseJson,
  pathReportSchema,
  problemSchema,
  type LocalCallReply,
  type LocalCallRequest,
  type LocalPeer,
  type LocalStatus,
  type PathReport,
} from '@agent-mesh/protocol'
import { Agent, request } from 'node:http'
import { join } from 'node:path'

/** Beyond the deadline of the call that a request carries, ms. */
const slackMs = 2_000
const askMs = 5_000

interface Exchanged {
  status: number
  text: string
}

export class LocalApi {
  readonly #socketPath: string
  /** Connections are kept: a lab asks often, and connecting is not what it measures. */
  readonly #agent = new Agent({ keepAlive: true })

  constructor(dataFolder: string) {
    this.#socketPath = join(dataFolder, 'agent.sock')
  }

  async status(): Promise<LocalStatus> {
    return parseJson(localStatusReply, await this.#ask('GET', '/v1/status', undefined, askMs), 'read status')
  }

  async peers(): Promise<LocalPeer[]> {
    return parseJson(localPeersReply, await this.#ask('GET', '/v1/peers', undefined, askMs), 'read peers')
      .peers
  }

  /** @throws MeshError the agent's own typed error; `internal` when the agent itself did not answer */
  async call(call: LocalCallRequest & { timeoutMs: number }): Promise<LocalCallReply> {
    return parseJson(localCallReply, await this.callRaw(call), 'read call reply')
  }

  /** As {@link call}, unparsed: for what is measured in bytes. */
  async callRaw(call: LocalCallRequest & { timeoutMs: number }): Promise<string> {
    return this.#ask('POST', '/v1/call', JSON.stringify(call), call.timeoutMs + slackMs)
  }

  /** How it reaches a member, and why so. */
  async path(peer: string): Promise<PathReport> {
    const body = JSON.stringify({ peer })
    return parseJson(pathReportSchema, await this.#ask('POST', '/v1/path', body, askMs), 'read path')
  }

  close(): void {
    this.#agent.destroy()
  }

  async #ask(method: string, path: string, body: string | undefined, ms: number): Promise<string> {
    const { status, text } = await this.#exchange(method, path, body, ms).catch((cause: unknown) => {
      throw new MeshError('internal', `Cannot ask ${path} of ${this.#socketPath}: ${String(cause)}`, {
        cause,
      })
    })
    if (status === 200) return text
    const problem = parseJson(problemSchema, text, `read reply of ${path}`)
    throw errorOfProblem(problem) ?? new MeshError('internal', problem.detail)
  }

  #exchange(method: string, path: string, body: string | undefined, ms: number): Promise<Exchanged> {
    return new Promise<Exchanged>((resolve, reject) => {
      const sent = request(
        {
          ...{ socketPath: this.#socketPath, agent: this.#agent, method, path },
          headers: body === undefined ? {} : { 'content-type': 'application/json' },
          signal: AbortSignal.timeout(ms),
        },
        reply => {
          const chunks: Buffer[] = []
          reply.on('data', (chunk: Buffer) => chunks.push(chunk))
          reply.on('end', () =>
            resolve({ status: reply.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
          )
          reply.on('error', reject)
        },
      )
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // The agent closes what was idle for 5 s: such a request, which it did not read, goes over another connection.
        const wasClosed = sent.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(error.code ?? '')
        if (wasClosed) resolve(this.#exchange(method, path, body, ms))
        else reject(error)
      })
      sent.end(body)
    })
  }
}
