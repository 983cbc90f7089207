/** Keeps on disk which address reached each peer last, so that a restart dials it first. */
import { addrField, parseJson, peerIdField } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import type { MemberStore } from '../membership/member-store.ts'
import type { Logger } from '../observe/logger.ts'
import type { Transport } from '../transport/index.ts'
import { pathDefaults } from './defaults.ts'

export interface KnownAddressesInit {
  history: Transport['history']
  store: Pick<MemberStore, 'get' | 'set'>
  log: Logger
}

const storedSchema = z.array(z.tuple([peerIdField, addrField])).check(z.maxLength(10_000))

export class KnownAddresses {
  readonly #history: Transport['history']
  readonly #store: Pick<MemberStore, 'get' | 'set'>
  readonly #log: Logger
  #timer: NodeJS.Timeout | undefined
  #saved: string

  /** Reads what is stored. Damaged entries cost some dials, nothing more. */
  constructor(init: KnownAddressesInit) {
    const { history, store, log } = init
    this.#history = init.history
    this.#store = init.store
    this.#log = init.log
    this.#saved = store.get('goodAddresses') ?? '[]'
    try {
      history.restore(parseJson(storedSchema, this.#saved, 'read known addresses'))
    } catch (err) {
      log.warn({ event: 'known-addresses-lost', err }, 'forgot which addresses worked')
    }
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#save(), pathDefaults.saveAddressesMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#save()
  }

  #save(): void {
    const text = JSON.stringify(this.#history.good())
    if (text === this.#saved) return
    try {
      this.#store.set('goodAddresses', text)
      this.#saved = text
    } catch (err) {
      this.#log.warn({ event: 'known-addresses-not-kept', err }, 'cannot keep which addresses worked')
    }
  }
}
