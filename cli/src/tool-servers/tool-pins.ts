/**
 * What each tool of an MCP server was when the owner of this machine let it in, and what it is now: files for each server in
 * `DIR/mcp-tools`. A server that changes a tool later could steer the assistants that read its description. The agent writes what it
 * sees and, once, what is approved; after that the command alone writes what is approved, so that neither overwrites the other. The
 * agent, which has the audit log, keeps what of that it has put on record: an approval made while no agent ran follows.
 */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { fileFailure, makeFolder, replaceFile } from '@agent-mesh/agent/identity/private-file'
import { MeshError } from '@agent-mesh/protocol/errors'
import { parseJson } from '@agent-mesh/protocol/parse'
import type { Tool } from '@modelcontextprotocol/client'
import * as z from 'zod/mini'

import {
  differences,
  leavesOf,
  sameTool,
  pinnedOf,
  pinnedTool,
  type Difference,
  type PinnedTools,
} from './pinned-tool.ts'

const stored = z.record(z.string().check(z.maxLength(64)), pinnedTool)

/** A tool that is not as it was approved. */
export interface ToolChange {
  readonly name: string
  readonly change: 'new' | 'changed' | 'gone'
  readonly differences: readonly Difference[]
}

/** What an owner is shown before the approval. */
export interface ToolReview {
  /** Of all tools as they are now. */
  readonly hash: string
  /** By name, in order. */
  readonly changes: readonly ToolChange[]
}

type Kept = 'approved' | 'seen' | 'recorded'

export class ToolPins {
  readonly #server: string
  readonly #folder: string
  /** What this process has written last. */
  #seen: string | undefined
  /** The file of what is approved, as it was when its approval was put on record. */
  #recorded: string | undefined

  /** @param data folder of the agent @param server its name */
  constructor(data: string, server: string) {
    this.#server = server
    this.#folder = join(data, 'mcp-tools')
  }

  /**
   * Approves the tools of a server that was never seen, and keeps what this one has now.
   * @returns names of those that changed or came since @throws MeshError for a file that cannot be read or written
   */
  async unapproved(tools: readonly Tool[]): Promise<Set<string>> {
    const now = pinnedOf(tools)
    const approved = await this.#approved(now)
    const text = textOf(now)
    if (text !== this.#seen) await this.#write('seen', text)
    this.#seen = text
    return new Set([...now.keys()].filter(name => !sameTool(approved.get(name), now.get(name))))
  }

  /** What an approval would change. @throws MeshError not_found for a server that has not run */
  async review(): Promise<ToolReview> {
    const seen = await this.#read('seen')
    if (seen === undefined)
      throw new MeshError(
        'not_found',
        `Cannot approve ${this.#server}: no MCP server of this name has run here`,
        { hint: 'Serve it with "agent-mesh up --mcp NAME=COMMAND".' },
      )
    return reviewOf((await this.#read('approved')) ?? new Map(), seen)
  }

  /** @param hash of the review that was shown @throws MeshError conflict when the server has other tools since */
  async approve(hash: string): Promise<void> {
    const seen = (await this.#read('seen')) ?? new Map()
    if (hashOf(seen) !== hash)
      throw new MeshError(
        'conflict',
        `Cannot approve ${this.#server}: its tools are no longer those of ${hash}`,
        { hint: `Read what they are now: agent-mesh mcp approve ${this.#server}` },
      )
    await this.#write('approved', textOf(seen))
  }

  /** Reports once what was approved since the last report, of this process or one before. @throws MeshError for a file */
  async record(report: (approved: ToolReview) => void): Promise<void> {
    const version = await this.#approvedVersion()
    if (version === this.#recorded) return
    // Also when what follows fails: it would fail each time.
    this.#recorded = version
    const approved = (await this.#read('approved')) ?? new Map()
    const review = reviewOf((await this.#read('recorded')) ?? new Map(), approved)
    if (review.changes.length === 0) return
    report(review)
    await this.#write('recorded', textOf(approved))
  }

  /** Without the file, of a server that has run before, nothing. */
  async #approved(now: PinnedTools): Promise<PinnedTools> {
    const approved = await this.#read('approved')
    if (approved !== undefined) return approved
    if ((await this.#read('seen')) !== undefined) return new Map()
    await this.#write('approved', textOf(now))
    return now
  }

  /** Another one each time the file is replaced. */
  async #approvedVersion(): Promise<string | undefined> {
    const stats = await stat(this.#file('approved'), { bigint: true }).catch(() => undefined)
    return stats && [stats.ino, stats.size, stats.mtimeNs].join()
  }

  #file(kind: Kept): string {
    return join(this.#folder, `${this.#server}.${kind}.json`)
  }

  async #read(kind: Kept): Promise<PinnedTools | undefined> {
    const file = this.#file(kind)
    const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined
      throw fileFailure(`read ${file}`, cause)
    })
    return text === undefined ? undefined : new Map(Object.entries(parseJson(stored, text, `read ${file}`)))
  }

  async #write(kind: Kept, text: string): Promise<void> {
    const file = this.#file(kind)
    await makeFolder(this.#folder)
    await replaceFile(file, text).catch((cause: unknown) => {
      throw fileFailure(`write ${file}`, cause)
    })
  }
}

/** What differs in `now` from what was before. */
function reviewOf(before: PinnedTools, now: PinnedTools): ToolReview {
  const names = [...new Set([...before.keys(), ...now.keys()])].sort()
  const changes = names.map(name => ({
    name,
    change: !before.has(name) ? 'new' : now.has(name) ? 'changed' : 'gone',
    differences: differences(before.get(name), now.get(name)),
  })) satisfies ToolChange[]
  return { hash: hashOf(now), changes: changes.filter(each => each.differences.length > 0) }
}

const textOf = (tools: PinnedTools): string => `${JSON.stringify(Object.fromEntries(tools), null, 2)}\n`

const hashOf = (tools: PinnedTools): string =>
  createHash('sha256')
    .update(JSON.stringify([...tools].map(([name, tool]) => [name, [...leavesOf(tool)].sort()]).sort()))
    .digest('base64url')
