import { describe, expect, test } from 'vitest'
import { missingRequirement } from '../nat-lab/requirements.ts'
import { shell } from '../nat-lab/shell.ts'
import { cutTable, lossTable } from './packet-rules.ts'

const addresses = ['45.45.45.101', '45.45.45.102']

/** Rules of a namespace of its own that nft was given a table in, as it lists them. */
const taken = (table: string): Promise<string> =>
  shell(`unshare -n /bin/sh -eu -c "nft -f - && nft list ruleset" <<'RULES'\n${table}\nRULES`)

const drops = (rules: string): string[] => rules.match(/^.* drop$/gm)?.map(line => line.trim()) ?? []

describe.skipIf((await missingRequirement()) !== undefined)('nft', () => {
  test('takes a cut both ways, also of packets that a router passes on', async () => {
    const both = '{ 45.45.45.101, 45.45.45.102 } drop'
    const rules = await taken(cutTable('cut1', { from: addresses, to: addresses }))
    expect(drops(rules)).toEqual([`ip saddr ${both}`, `ip daddr ${both}`, `ip daddr ${both}`])
  })

  test('takes a cut one way', async () => {
    const rules = await taken(cutTable('cut2', { from: ['45.45.45.101'], to: [] }))
    expect(drops(rules)).toEqual([expect.stringContaining('ip saddr')])
  })

  test('takes a loss', async () => {
    expect(drops(await taken(lossTable('loss')))).toEqual([expect.stringContaining('numgen random mod 20')])
  })
})
