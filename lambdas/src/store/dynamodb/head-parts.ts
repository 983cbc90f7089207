import { partChunkBytes } from '../../defaults.ts'
import type { HeadPart } from '../parts/head-parts.ts'
import { partConflict, risingPart } from '../refusals.ts'
import type { AuditOf } from '../parts/audit.ts'
import type { auditOutbox } from './audit-outbox.ts'
import { again, contend } from './contention.ts'
import type { Dynamo } from './dynamo.ts'
import { asRead } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { number, text, type Item } from './item.ts'
import { keys, type Key } from './table.ts'

const numbersReader = (db: Dynamo) => async (): Promise<Map<string, number>> => {
  const { pk: _, sk: _s, ...numbers } = (await db.get(keys.headNumbers)) ?? {}
  const names = Object.keys(numbers).sort()
  return new Map(names.map(name => [name, number(numbers, name)]))
}

/** Documents are immutable under their number: read once and remembered. Undefined when it was superseded. */
const documentReader = (db: Dynamo) => {
  const known = new Map<string, HeadPart>()
  return async (name: string, wanted: number): Promise<HeadPart | undefined> => {
    const remembered = known.get(name)
    if (remembered?.number === wanted) return remembered
    const first = await db.get(keys.partChunk(name, wanted, 0))
    if (first === undefined) return undefined
    const count = number(first, 'chunks')
    const more = await db.getMany(chunkKeys(name, wanted, count).slice(1))
    if (more.length + 1 !== count) return undefined
    const chunks = [first, ...more].sort((a, b) => (text(a, 'sk') < text(b, 'sk') ? -1 : 1))
    const document = chunks.map(chunk => text(chunk, 'document')).join('')
    const part = { name, number: wanted, document, writtenAt: number(first, 'writtenAt') }
    known.set(name, part)
    return part
  }
}

const chunkKeys = (name: string, of: number, count: number): Key[] =>
  Array.from({ length: count }, (_, i) => keys.partChunk(name, of, i))

/** The chunks of a part's document. */
const chunkItems = ({ name, number: of, document, writtenAt }: HeadPart): (Item & Key)[] => {
  const count = Math.max(1, Math.ceil(document.length / partChunkBytes))
  return chunkKeys(name, of, count).map((key, i) => ({
    ...key,
    document: document.slice(i * partChunkBytes, (i + 1) * partChunkBytes),
    chunks: count,
    writtenAt,
  }))
}

interface Needs extends DynamoInit {
  audit: Pick<ReturnType<typeof auditOutbox>, 'record'>
}

/**
 * Head parts. The numbers of all of them are one item, read each time; the documents are remembered: a request that
 * needs the head reads one unit, not the head.
 */
export const headParts = ({ db, clock, audit }: Needs) => {
  const numbers = numbersReader(db)
  const document = documentReader(db)

  const readSome = (pick: (name: string) => boolean): Promise<HeadPart[]> =>
    contend('read head', async () => {
      const wanted = [...(await numbers())].filter(([name]) => pick(name))
      const parts = await Promise.all(wanted.map(([name, of]) => document(name, of)))
      const complete = parts.filter(part => part !== undefined)
      return complete.length === parts.length ? complete : again
    })

  const chunksOf = async (name: string, of: number): Promise<Key[]> => {
    const first = of === 0 ? undefined : await db.get(keys.partChunk(name, of, 0))
    return first === undefined ? [] : chunkKeys(name, of, number(first, 'chunks'))
  }

  return {
    readPart: async (name: string): Promise<HeadPart | undefined> =>
      (await readSome(other => other === name))[0],
    readParts: (): Promise<HeadPart[]> => readSome(() => true),

    async writePart(
      name: string,
      expected: number,
      document: string,
      next = expected + 1,
      auditOf?: AuditOf<HeadPart>,
    ): Promise<HeadPart> {
      const part = risingPart({ name, number: next, document, writtenAt: clock.now() }, expected)
      const written = await db.transact([
        {
          update: keys.headNumbers,
          change: { set: { [name]: part.number } },
          when: asRead(name, expected === 0 ? undefined : expected),
        },
        ...chunkItems(part).map(put => ({ put })),
        ...(await chunksOf(name, expected)).map(key => ({ delete: key })),
        ...(auditOf === undefined ? [] : [audit.record(auditOf(part))]),
      ])
      if (written) return part
      throw partConflict(part, (await numbers()).get(name) ?? 0)
    },
  }
}
