/**
 * What was deployed, a line each in `releases/ENVIRONMENT.jsonl`. A deployment writes `begun` before it changes anything and its
 * outcome at its end, so that one that was killed is known by its missing outcome.
 */
import { MeshError } from '@agent-mesh/protocol/errors'
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'

import { roles, type Build } from './target.ts'

export const targets = ['docker', 'systemd', 'kubernetes'] as const

const build = z.record(z.enum(roles), z.string().min(1).max(512))
const outcomes = ['begun', 'deployed', 'rolled back', 'rollback failed'] as const
const entrySchema = z.strictObject({
  number: z.int().positive(),
  at: z.iso.datetime(),
  target: z.enum(targets),
  outcome: z.enum(outcomes),
  version: z.string().min(1).max(128),
  build,
  /** What ran before; missing at the first deployment. */
  before: build.optional(),
})

export type Entry = z.infer<typeof entrySchema>

/** Longer files were not written by this. */
const mostBytes = 16 * 1024 * 1024

export class History {
  readonly #file: string
  /** Of the lines that are whole. */
  #bytes: number
  readonly entries: Entry[]

  private constructor(file: string, whole: string, entries: Entry[]) {
    this.#file = file
    this.#bytes = Buffer.byteLength(whole)
    this.entries = entries
  }

  /** @throws MeshError where the file holds anything else; a last line that was cut off is ignored */
  static async read(file: string): Promise<History> {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    if (text.length > mostBytes) throw unreadable(file, 'it is too long')
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    const lines = whole.split('\n').slice(0, -1)
    const entries = lines.map((line, i) => parsed(line, `${file}:${i + 1}`))
    return new History(file, whole, entries)
  }

  get last(): Entry | undefined {
    return this.entries.at(-1)
  }

  /** What was deployed last and passed its smoke test; undefined where nothing did. */
  get proven(): Build | undefined {
    return this.last?.outcome === 'deployed' ? this.last.build : this.last?.before
  }

  /** @param number undefined: what ran before the last deployment that succeeded @throws MeshError not_found */
  toRollBackTo(number: number | undefined): { version: string; build: Build } {
    const deployed = this.entries.filter(({ outcome }) => outcome === 'deployed')
    if (number === undefined) {
      const last = deployed.at(-1)
      if (last?.before === undefined) throw this.#notFound('an earlier deployment')
      const same = deployed.find(({ build }) => isDeepStrictEqual(build, last.before))
      return { version: same?.version ?? `what ran before number ${last.number}`, build: last.before }
    }
    const found = deployed.find(entry => entry.number === number)
    if (found === undefined) throw this.#notFound(`deployment ${number}`)
    return found
  }

  /** On the disk when this returns. */
  async append(entry: Entry): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true })
    const line = `${JSON.stringify(entry)}\n`
    const file = await open(this.#file, 'a', 0o600)
    try {
      // A line that was cut off is no entry.
      await file.truncate(this.#bytes)
      await file.appendFile(line)
      await file.sync()
    } finally {
      await file.close()
    }
    this.#bytes += Buffer.byteLength(line)
    this.entries.push(entry)
  }

  #notFound(what: string): MeshError {
    return new MeshError('not_found', `Cannot roll back: ${what} is not in ${this.#file}`, {
      hint: '"deploy.sh history" lists the deployments.',
    })
  }
}

function parsed(line: string, where: string): Entry {
  try {
    return entrySchema.parse(JSON.parse(line))
  } catch (cause) {
    throw unreadable(where, 'it is no entry of a deployment', cause)
  }
}

const unreadable = (where: string, why: string, cause?: unknown): MeshError =>
  new MeshError('invalid_argument', `Cannot read ${where}: ${why}`, {
    cause,
    hint: 'Restore the file, or rename it to begin a new history.',
  })
