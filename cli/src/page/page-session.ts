/**
 * The session of the page. The one-time key of its address opens it, once; the browser then holds two secrets, and a request needs
 * both. Cookies of 127.0.0.1 go to every port of it, so that the cookie alone would be known to other servers of this machine; the
 * proof is kept by the origin with its port, where a script could read it, which cannot read the cookie.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'

import { MeshError } from '@agent-mesh/protocol/errors'

import { pageDefaults } from './page-defaults.ts'

const newSecret = (): string => randomBytes(32).toString('base64url')

/** The cookie of a request, and its header `mesh-page`. */
export interface Shown {
  readonly cookie: string | undefined
  readonly proof: string | undefined
}

export class PageSession {
  /** For the address; undefined: none may open it any more. */
  #key: string | undefined = newSecret()
  readonly #keyUntil: number
  readonly #cookie = newSecret()
  readonly #proof = newSecret()
  readonly #now: () => number
  #usedAt: number
  /** Requests that are not over: a visible tab follows the members by one. */
  #open = 0

  /** @param now ms of a clock that runs evenly */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#usedAt = now()
    this.#keyUntil = now() + pageDefaults.keyMs
  }

  /** Of the address. @throws MeshError unauthenticated when it was used or is too old */
  get key(): string {
    if (this.#key === undefined) throw closed('its address was opened already')
    return this.#key
  }

  /** Exchanges the key. @throws MeshError unauthenticated */
  open(key: string): { cookie: string; proof: string } {
    if (this.#key === undefined) throw closed('its address was opened already')
    if (this.#now() > this.#keyUntil) throw closed('its address is too old')
    if (!isSame(key, this.#key)) throw closed('its address is another one')
    this.#key = undefined
    this.#usedAt = this.#now()
    return { cookie: this.#cookie, proof: this.#proof }
  }

  /** @param request until when the session is used @throws MeshError unauthenticated */
  mustHold({ cookie, proof }: Shown, request: AbortSignal): void {
    const isOpen = this.#key === undefined
    // Both are compared whatever the first says.
    const held = [isSame(cookie, this.#cookie), isSame(proof, this.#proof)]
    if (!isOpen || held.includes(false)) throw closed('this browser did not open its address')
    if (this.isOver) throw closed('it was idle for too long')
    this.#usedAt = this.#now()
    if (request.aborted) return
    this.#open++
    const over = () => {
      this.#open--
      this.#usedAt = this.#now()
    }
    request.addEventListener('abort', over, { once: true })
  }

  /** Whether it was idle for too long. */
  get isOver(): boolean {
    return this.#open === 0 && this.#now() - this.#usedAt > pageDefaults.idleMs
  }
}

function isSame(given: string | undefined, secret: string): boolean {
  const bytes = Buffer.from(given ?? '')
  const wanted = Buffer.from(secret)
  return bytes.length === wanted.length && timingSafeEqual(bytes, wanted)
}

const closed = (reason: string) =>
  new MeshError('unauthenticated', `Cannot show the page: ${reason}`, {
    hint: 'Run "agent-mesh page" again, and open the address that it prints.',
  })
