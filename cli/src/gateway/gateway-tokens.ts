/**
 * Tokens of the gateway: a file each in `DIR/gateway-tokens`, 0600, with the hash of the secret. Commands write the files and the agent
 * reads them anew when they change: a token that is revoked is refused from the next request on.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { fileFailure, makeFolder, writeOnce } from '@agent-mesh/agent/identity/private-file'
import { MeshError } from '@agent-mesh/protocol/errors'
import { fieldForms } from '@agent-mesh/protocol/field-forms'
import { parseJson } from '@agent-mesh/protocol/parse'
import * as z from 'zod/mini'

import { isOwnApp } from './own-apps.ts'
import { scopeSchema, type Scope } from './scope.ts'

const millis = z.int().check(z.nonnegative())

const storedToken = z.strictObject({
  id: z.string().check(z.regex(fieldForms.tokenId.pattern)),
  /** Of the program, for audit and logs. */
  app: z.string().check(z.minLength(1), z.maxLength(63)),
  /** SHA-256 of the secret, base64url: it has 256 random bits, so that a slow hash would add nothing. */
  hash: z.string().check(z.regex(/^[\w-]{43}$/)),
  scope: scopeSchema,
  /** Unix milliseconds. */
  createdAt: millis,
  expiresAt: millis,
})
type StoredToken = z.output<typeof storedToken>
export type GatewayToken = Omit<StoredToken, 'hash'>

/** One of an earlier version that has such a name counts under its id. */
const withOwnName = (token: StoredToken): StoredToken =>
  isOwnApp(token.app) ? { ...token, app: token.id } : token

const form = /^amg1\.([\w-]{16})\.([\w-]{43})$/

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()

export class GatewayTokens {
  readonly #folder: string
  readonly #known = new Map<string, { version: string; token: StoredToken }>()

  /** @param data folder of the agent */
  constructor(data: string) {
    this.#folder = join(data, 'gateway-tokens')
  }

  /** The text is not kept. @throws MeshError invalid_argument for a reserved name; permission_denied; unavailable for a full disk */
  async create({
    app,
    scope,
    lifetimeMs,
  }: {
    app?: string | undefined
    scope: Scope
    /** ms */
    lifetimeMs: number
  }): Promise<{ text: string; token: GatewayToken }> {
    if (app !== undefined && isOwnApp(app))
      throw new MeshError('invalid_argument', `Cannot create the token: the name ${app} is reserved`, {
        hint: 'Audit logs have it for what the owner does in a browser. Give the program another name.',
      })
    const id = newId()
    const secret = randomBytes(32).toString('base64url')
    const createdAt = Date.now()
    const token = { id, app: app ?? id, scope, createdAt, expiresAt: createdAt + lifetimeMs }
    const stored: StoredToken = { ...token, hash: hashOf(secret).toString('base64url') }
    await makeFolder(this.#folder)
    const file = this.#fileOf(id)
    await writeOnce(file, `${JSON.stringify(stored)}\n`).catch((cause: unknown) => {
      throw fileFailure(`write ${file}`, cause)
    })
    return { text: `amg1.${id}.${secret}`, token }
  }

  /** The oldest first. @throws MeshError for a file that is none of ours */
  async list(): Promise<GatewayToken[]> {
    const names = await readdir(this.#folder).catch(() => [])
    const ids = names.flatMap(name => /^([\w-]{16})\.json$/.exec(name)?.[1] ?? [])
    return ids
      .flatMap(id => this.#read(id) ?? [])
      .map(({ hash: _, ...token }) => token)
      .sort((a, b) => a.createdAt - b.createdAt)
  }

  /** @throws MeshError not_found */
  async revoke(id: string): Promise<void> {
    await rm(this.#fileOf(id)).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') throw fileFailure(`remove ${this.#fileOf(id)}`, cause)
      throw new MeshError('not_found', `Cannot revoke ${id}: there is no such token`, {
        hint: 'List them with "agent-mesh gateway token list".',
      })
    })
  }

  /** The token of this text, in force. @throws MeshError unauthenticated */
  authenticate(text: string | undefined): GatewayToken {
    if (text === undefined)
      throw unauthenticated(
        'the request has no token',
        'Send it in the header Authorization, behind the word Bearer.',
      )
    const [, id = '', secret = ''] = form.exec(text) ?? []
    const token = id === '' ? undefined : this.#readable(id)
    if (token === undefined || !timingSafeEqual(hashOf(secret), Buffer.from(token.hash, 'base64url')))
      throw unauthenticated('the token is unknown or revoked')
    if (token.expiresAt <= Date.now()) throw unauthenticated('the token has expired')
    return token
  }

  readonly #fileOf = (id: string): string => join(this.#folder, `${id}.json`)

  /** What is wrong with a file is the business of the owner, who sees it in {@link list}. @throws MeshError unauthenticated */
  #readable(id: string): StoredToken | undefined {
    try {
      return this.#read(id)
    } catch (cause) {
      throw unauthenticated(`the file of token ${id} cannot be read`, undefined, cause)
    }
  }

  /** Reads only what has changed since: a look at the file takes some microseconds. */
  #read(id: string): StoredToken | undefined {
    const file = this.#fileOf(id)
    const found = statSync(file, { throwIfNoEntry: false })
    if (found === undefined) {
      this.#known.delete(id)
      return undefined
    }
    const version = `${found.ino} ${found.mtimeMs} ${found.size}`
    const known = this.#known.get(id)
    if (known?.version === version) return known.token
    const token = withOwnName(parseJson(storedToken, readFileSync(file, 'utf8'), `read ${file}`))
    this.#known.set(id, { version, token })
    return token
  }
}

/** One that begins with - would be an option to "gateway token revoke". */
function newId(): string {
  const id = randomBytes(12).toString('base64url')
  return id.startsWith('-') ? newId() : id
}

const unauthenticated = (
  reason: string,
  hint = 'Make one with "agent-mesh gateway token create".',
  cause?: unknown,
) => new MeshError('unauthenticated', `Cannot use the gateway: ${reason}`, { hint, cause })
