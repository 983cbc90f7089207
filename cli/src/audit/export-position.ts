/** How far each export has come: `audit export --follow` continues there after a restart. */
import { replaceFile } from '@agent-mesh/agent/identity/private-file'
import { parseJson } from '@agent-mesh/protocol/parse'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod/mini'

/** Places that one machine exports to. */
const mostPlaces = 64
const schema = z.record(z.string().check(z.maxLength(4_096)), z.int().check(z.nonnegative()))

const fileOf = (folder: string): string => join(folder, 'audit-exports.json')

async function positions(folder: string): Promise<Record<string, number>> {
  const text = await readFile(fileOf(folder), 'utf8').catch(() => '{}')
  return parseJson(schema, text, `read ${fileOf(folder)}`)
}

/** @param place log and receiver @returns number of the last entry that was sent there, 0 for none */
export const readPosition = async (folder: string, place: string): Promise<number> =>
  (await positions(folder))[place] ?? 0

/** Of more than 64 places those that were written to last are kept. */
export async function writePosition(folder: string, place: string, seq: number): Promise<void> {
  const { [place]: _, ...others } = await positions(folder)
  const kept = Object.entries(others).slice(-(mostPlaces - 1))
  await replaceFile(fileOf(folder), `${JSON.stringify(Object.fromEntries([...kept, [place, seq]]))}\n`)
}
