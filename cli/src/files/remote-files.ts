/** The files of other members, through the agent of this machine. */
import { isDiskFull } from '@agent-mesh/agent/identity/private-file'
import { Transfer } from '@agent-mesh/agent/rpc/transfers/transfer'
import { MeshError, type ErrorCode } from '@agent-mesh/protocol/errors'
import { parse } from '@agent-mesh/protocol/parse'
import { sleep } from '@agent-mesh/protocol/timers'
import { transferOfferSchema } from '@agent-mesh/protocol/transfer'
import * as z from 'zod/mini'

import { NothingRunningError } from '../exit-codes.ts'
import { localClient } from '../local/local-client.ts'
import { openLocalUpgrade } from '../ports/local-pipe.ts'
import type { RemotePlace } from './copy-place.ts'
import { partsOf } from './file-path.ts'
import { fileEntries, fileEntry, type FileEntry } from './file-values.ts'
import { offByOwner } from './off-by-owner.ts'
import { offerFile } from './offered-file.ts'

/** A file of any size on any path, ms: it ends when nothing moves for {@link patienceMs}. */
const putMs = 7 * 24 * 3_600_000
/** As long as a receiver waits for blocks, ms. */
const patienceMs = 60_000
const pauseMs = 500
const passing: readonly ErrorCode[] = ['path_lost', 'unavailable', 'going_away', 'overloaded']

type OnBytes = (bytes: number) => void

interface LocalFile {
  readonly path: string
  readonly executable: boolean
}

/** @param folder data folder of the agent */
export class RemoteFiles {
  readonly #folder: string
  readonly #signal: AbortSignal

  constructor(folder: string, signal: AbortSignal) {
    this.#folder = folder
    this.#signal = signal
  }

  /** @throws MeshError not_found, permission_denied */
  stat(place: RemotePlace): Promise<FileEntry> {
    return this.#call('stat', place, {}, fileEntry)
  }

  /** What is below a folder. @throws MeshError protocol_error for a path that leads out of it */
  async *list({ peer, path }: RemotePlace): AsyncGenerator<FileEntry, void> {
    const request = { method: 'files.list', peer, params: { path, recursive: true } }
    const parts = localClient(this.#folder, this.#signal).stream(request)
    for await (const { value } of parts)
      for (const entry of parse(fileEntries, value, `read the list of ${peer}`, 'protocol_error'))
        yield checked(entry, peer)
  }

  async mkdir(place: RemotePlace): Promise<void> {
    await this.#call('mkdir', place, {}, z.looseObject({}))
  }

  /** Saves a file of a member. */
  async fetch(place: RemotePlace, to: string, onBytes: OnBytes): Promise<void> {
    const offer = await this.#call('get', place, {}, transferOfferSchema)
    const { from, ticket } = offer
    const path = `/v1/receive?${new URLSearchParams({ from, ticket })}`
    const open = ({ signal }: { signal: AbortSignal }) =>
      openLocalUpgrade(this.#folder, path, { action: `receive from ${place.peer}`, signal })
    await new Transfer(offer, open, { signal: this.#signal, onBytes }).saveTo(to)
  }

  /** Puts a file there; where its path is lost, it continues. */
  async put(place: RemotePlace, file: LocalFile, onBytes: OnBytes): Promise<void> {
    let movedAt = performance.now()
    const moved = (bytes: number) => {
      movedAt = performance.now()
      onBytes(bytes)
    }
    for (;;) {
      try {
        return await this.#putOnce(place, file, moved)
      } catch (error) {
        const mayPass = error instanceof MeshError && passing.includes(error.code) && !isFinal(error)
        if (!mayPass || performance.now() - movedAt > patienceMs) throw error
        await sleep(pauseMs, { signal: this.#signal })
      }
    }
  }

  async #putOnce(place: RemotePlace, { path, executable }: LocalFile, onBytes: OnBytes): Promise<void> {
    const to = { folder: this.#folder, peer: place.peer, signal: this.#signal }
    const { offer, bytes, close } = await offerFile(to, path, onBytes)
    try {
      await this.#call('put', place, { offer, bytes, executable }, z.looseObject({}), putMs)
    } finally {
      close()
    }
  }

  async #call<S extends z.ZodMiniType>(
    method: string,
    { peer, path }: RemotePlace,
    more: object,
    schema: S,
    timeoutMs?: number,
  ): Promise<z.output<S>> {
    const request = { method: `files.${method}`, peer, params: { path, ...more }, idempotent: true }
    const { value } = await localClient(this.#folder, this.#signal)
      .call({ ...request, timeoutMs })
      .catch((thrown: unknown) => {
        throw offByOwner(thrown, { action: `reach files of ${peer}`, peer, option: '--allow-files DIR' })
      })
    return parse(schema, value, `read the reply of ${peer}`, 'protocol_error')
  }
}

/** No agent here, or no room there: to wait is no help. */
const isFinal = (error: MeshError): boolean => error instanceof NothingRunningError || isDiskFull(error)

/** Its path is written below a folder of this machine. */
function checked(entry: FileEntry, peer: string): FileEntry {
  const isBelow = partsOf(`/${entry.path}`)?.join('/') === entry.path && entry.path !== ''
  if (isBelow && !(process.platform === 'win32' && /[\\:]/.test(entry.path))) return entry
  throw new MeshError('protocol_error', `Cannot read the list of ${peer}: it names ${entry.path}`)
}
