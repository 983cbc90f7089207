import { keyChainSchema, parseJson, signHead, type HeadNumbers, type SignedHead } from '@agent-mesh/protocol'
import { headFreshMs, headPartsFreshMs } from '../defaults.ts'
import type { HeadPart } from '../store/parts/head-parts.ts'
import type { Documents } from './head-documents.ts'
import type { MeshContext } from './mesh-context.ts'

export interface HeadService {
  /** The head as members carry it: signed anew when a number changed, else at most once a minute. */
  signed(): Promise<SignedHead>
  numbers(): Promise<HeadNumbers>
  /** The key chain of the same moment. */
  keys(): Promise<SignedHead['keys']>
}

interface Signature {
  numbers: HeadNumbers
  head: string
  issuedAt: number
}

const names = ['keys', 'relays', 'policy', 'revocations'] as const

const sameNumbers = (a: HeadNumbers, b: HeadNumbers): boolean => names.every(name => a[name] === b[name])

const numbersOf = (parts: ReadonlyMap<string, HeadPart>): HeadNumbers => ({
  keys: parts.get('keys')?.number ?? 0,
  relays: parts.get('relays')?.number ?? 0,
  policy: parts.get('policy')?.number ?? 0,
  revocations: parts.get('revocations')?.number ?? 0,
})

const keysOf = (parts: ReadonlyMap<string, HeadPart>): SignedHead['keys'] =>
  parseJson(keyChainSchema, parts.get('keys')?.document ?? '', 'read key chain')

/** The parts, read at most every 2 s: every report and map page carries their numbers, and they are large. */
function partsReader({
  store,
  clock,
  changes,
  keys,
  ring,
}: Documents & Pick<MeshContext, 'clock' | 'changes'>): () => Promise<Map<string, HeadPart>> {
  let last: { at: number; parts: Promise<Map<string, HeadPart>> } | undefined
  changes.listen(change => {
    if (change === 'head' || change === 'elsewhere') last = undefined
  })
  const read = async () => {
    const parts = new Map((await store.headParts.readParts()).map(part => [part.name, part]))
    // Another process rotated the authority key.
    if (parts.get('keys')?.number !== keys.signed.links.length) await ring?.refresh()
    return parts
  }
  const remembered = (isStale: boolean) => {
    const now = clock.now()
    if (isStale || last === undefined || Math.abs(now - last.at) >= headPartsFreshMs)
      last = { at: now, parts: read() }
    const { parts } = last
    parts.catch(() => (last = undefined))
    return parts
  }
  return async () => {
    const parts = await remembered(false)
    // The keyring has read a newer chain since: documents that its keys sign are sent with that chain.
    const isStale = (parts.get('keys')?.number ?? 0) < keys.signed.links.length
    return isStale ? remembered(true) : parts
  }
}

/** Binds the numbers of the parts by a signature. */
export function headService(
  mesh: Documents & Pick<MeshContext, 'signer' | 'meshId' | 'clock' | 'changes'>,
): HeadService {
  const { signer, meshId, clock } = mesh
  const readParts = partsReader(mesh)
  let last: Promise<Signature> | undefined

  const sign = async (numbers: HeadNumbers): Promise<Signature> => {
    const issuedAt = clock.now()
    return { numbers, issuedAt, head: await signHead(signer, { mesh: meshId, numbers, issuedAt }) }
  }

  const signatureOf = async (numbers: HeadNumbers): Promise<Signature> => {
    const known = await last?.catch(() => undefined)
    const age = known === undefined ? Infinity : Math.abs(clock.now() - known.issuedAt)
    if (known !== undefined && sameNumbers(known.numbers, numbers) && age < headFreshMs) return known
    last = sign(numbers)
    return last
  }

  return {
    numbers: async () => numbersOf(await readParts()),
    keys: async () => keysOf(await readParts()),
    signed: async () => {
      const parts = await readParts()
      const document = (name: string) => parts.get(name)?.document ?? ''
      const { head } = await signatureOf(numbersOf(parts))
      return {
        head,
        // Of the same moment as the other parts.
        keys: keysOf(parts),
        relays: document('relays'),
        policy: document('policy'),
        revocations: document('revocations'),
      }
    },
  }
}
