/**
 * Browsers that opened a port of a member. A one-time key of its address is exchanged for the secret of a cookie, which is good for this
 * address alone. Both are kept as hashes, in memory: they end with the agent.
 */
import { createHash, randomBytes } from 'node:crypto'

import { MeshError } from '@agent-mesh/protocol/errors'

import type { ProgramCaller } from '../caller.ts'
import { gatewayDefaults } from '../defaults.ts'

/** Of a browser that is signed in. */
export interface SessionCaller extends ProgramCaller {
  /** The hash of its secret. */
  readonly session: string
}

/** Which of them are meant: those of one address, of one caller; empty: all. */
export interface Meant {
  readonly host?: string
  readonly callerId?: string
}

/** For whom a browser is let in, and where. */
export interface SignIn {
  /** Of the address, with its port. */
  readonly host: string
  readonly caller: ProgramCaller
}

interface Held extends SignIn {
  /** ms of the clock */
  readonly until: number
}

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

export class BrowserSessions {
  /** By the hash of the secret; the oldest first. */
  readonly #keys = new Map<string, Held>()
  readonly #sessions = new Map<string, Held>()
  readonly #now: () => number

  /** @param now ms of a clock that runs evenly */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** @returns a key that opens it once, in its time */
  invite(signIn: SignIn): string {
    return this.#hold(this.#keys, signIn, gatewayDefaults.keyMs)
  }

  /** Exchanges a key. @returns the secret of the cookie @throws MeshError unauthenticated */
  open(key: string, host: string): string {
    const hash = hashOf(key)
    const held = this.#keys.get(hash)
    if (held?.host !== host) throw unauthenticated('its one-time address is unknown, or was opened already')
    this.#keys.delete(hash)
    if (held.until < this.#now()) throw unauthenticated('its one-time address is too old')
    held.caller.mustHold()
    return this.#hold(this.#sessions, held, gatewayDefaults.sessionMs)
  }

  /**
   * The caller of a session, whose right ends with the session, too.
   * @param secrets of cookies: pages of other members can add some, so that a browser shows several
   * @throws MeshError unauthenticated
   */
  find(secrets: readonly string[], host: string): SessionCaller {
    const hash = secrets.map(hashOf).find(each => this.#sessions.get(each)?.host === host)
    const held = hash === undefined ? undefined : this.#sessions.get(hash)
    if (hash === undefined || held === undefined) throw unauthenticated('this browser did not open it')
    const mustHold = () => {
      if (!this.#sessions.has(hash) || held.until < this.#now()) throw unauthenticated('its session is over')
      held.caller.mustHold()
    }
    mustHold()
    return { ...held.caller, mustHold, session: hash }
  }

  /** Signs browsers out, and ends addresses that were not opened yet. @returns how many of both */
  close(meant: Meant): { browsers: number; addresses: number } {
    this.#forget()
    return { browsers: removeFrom(this.#sessions, meant), addresses: removeFrom(this.#keys, meant) }
  }

  /** Signs one browser out. @param secrets as of {@link find} */
  end(secrets: readonly string[], host: string): void {
    for (const hash of secrets.map(hashOf))
      if (this.#sessions.get(hash)?.host === host) this.#sessions.delete(hash)
  }

  /** Those that are over. */
  #forget(): void {
    const now = this.#now()
    for (const among of [this.#keys, this.#sessions])
      for (const [hash, { until }] of among) if (until < now) among.delete(hash)
  }

  /** Of one caller the oldest gives way. */
  #hold(among: Map<string, Held>, { host, caller }: SignIn, ms: number): string {
    this.#forget()
    const [oldest, ...others] = [...among].filter(([, held]) => held.caller.id === caller.id)
    if (oldest !== undefined && others.length + 1 >= gatewayDefaults.sessionsOfToken) among.delete(oldest[0])
    const secret = randomBytes(32).toString('base64url')
    among.set(hashOf(secret), { host, caller, until: this.#now() + ms })
    return secret
  }
}

function removeFrom(among: Map<string, Held>, { host, callerId }: Meant): number {
  const before = among.size
  for (const [hash, held] of among)
    if ((host ?? held.host) === held.host && (callerId ?? held.caller.id) === held.caller.id)
      among.delete(hash)
  return before - among.size
}

const unauthenticated = (reason: string) =>
  new MeshError('unauthenticated', `Cannot show the port: ${reason}`, {
    notStarted: true,
    hint: 'Run "agent-mesh open PORT.MEMBER" on this machine, and open the address that it prints.',
  })
