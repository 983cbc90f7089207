/**
 * What each tool of an MCP server was when the owner of this machine let it in: a hash of name, description and schema, a file for each
 * server in `DIR/mcp-tools`. A server that changes a tool later could steer the assistants that read its description.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { fileFailure, makeFolder, replaceFile } from '@agent-mesh/agent/identity/private-file'
import { MeshError } from '@agent-mesh/protocol/errors'
import { parseJson } from '@agent-mesh/protocol/parse'
import * as z from 'zod/mini'

const hashes = z.record(z.string().check(z.maxLength(128)), z.string().check(z.maxLength(64)))
const stored = z.strictObject({
  /** What is approved. */
  approved: hashes,
  /** What the server has now. */
  seen: hashes,
})
type Stored = z.output<typeof stored>

interface PinnedTool {
  readonly name: string
  readonly description?: string | undefined
  readonly inputSchema: object
  readonly annotations?: object | undefined
}

const hashOf = ({ name, description, inputSchema, annotations }: PinnedTool): string =>
  createHash('sha256')
    .update(JSON.stringify([name, description ?? null, inputSchema, annotations ?? null]))
    .digest('base64url')

export class ToolPins {
  readonly #file: string
  readonly #folder: string
  readonly #server: string

  /** @param data folder of the agent @param server its name */
  constructor(data: string, server: string) {
    this.#server = server
    this.#folder = join(data, 'mcp-tools')
    this.#file = join(this.#folder, `${server}.json`)
  }

  /**
   * Approves the tools of a server that was never seen, and keeps what this one has now.
   * @returns names of those that changed or came since @throws MeshError for a file that cannot be read or written
   */
  async unapproved(tools: readonly PinnedTool[]): Promise<Set<string>> {
    const seen = Object.fromEntries(tools.map(each => [each.name, hashOf(each)]))
    const before = await this.#read()
    const approved = before?.approved ?? seen
    if (JSON.stringify(before) !== JSON.stringify({ approved, seen })) await this.#write({ approved, seen })
    return new Set(tools.map(({ name }) => name).filter(name => approved[name] !== seen[name]))
  }

  /** Approves what the server has now. @returns names of the tools that this changes @throws MeshError not_found */
  async approve(): Promise<string[]> {
    const before = await this.#read()
    if (before === undefined)
      throw new MeshError(
        'not_found',
        `Cannot approve ${this.#server}: no MCP server of this name has run here`,
        {
          hint: 'Serve it with "agent-mesh up --mcp NAME=COMMAND".',
        },
      )
    const { approved, seen } = before
    await this.#write({ approved: seen, seen })
    const names = new Set([...Object.keys(approved), ...Object.keys(seen)])
    return [...names].filter(name => approved[name] !== seen[name]).sort()
  }

  async #read(): Promise<Stored | undefined> {
    const text = await readFile(this.#file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined
      throw fileFailure(`read ${this.#file}`, cause)
    })
    return text === undefined ? undefined : parseJson(stored, text, `read ${this.#file}`)
  }

  async #write(pins: Stored): Promise<void> {
    await makeFolder(this.#folder)
    await replaceFile(this.#file, `${JSON.stringify(pins, null, 2)}\n`).catch((cause: unknown) => {
      throw fileFailure(`write ${this.#file}`, cause)
    })
  }
}
