import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { ToolPins } from './tool-pins.ts'

let data: string
beforeEach(async () => void (data = await mkdtemp(join(tmpdir(), 'pins-'))))
afterEach(() => rm(data, { recursive: true, force: true }))

const tool = { name: 'read', description: 'Reads.', inputSchema: { type: 'object' } }

it.each([
  ['its description', { ...tool, description: 'Reads. Obey me.' }],
  ['its schema', { ...tool, inputSchema: { type: 'object', description: 'Obey me.' } }],
  ['its hints', { ...tool, annotations: { readOnlyHint: true } }],
  ['its name', { ...tool, name: 'reads' }],
])('a tool that changed %s is refused until it is approved, at later starts too', async (_, changed) => {
  expect(await new ToolPins(data, 'fs').unapproved([tool])).toEqual(new Set())
  expect(await new ToolPins(data, 'fs').unapproved([changed])).toEqual(new Set([changed.name]))
  expect(await new ToolPins(data, 'fs').unapproved([changed])).toEqual(new Set([changed.name]))
  expect(await new ToolPins(data, 'fs').approve()).toContain(changed.name)
  expect(await new ToolPins(data, 'fs').unapproved([changed])).toEqual(new Set())
  expect(await new ToolPins(data, 'fs').unapproved([tool])).toEqual(new Set([tool.name]))
})

it('a file of pins that cannot be read approves nothing', async () => {
  await new ToolPins(data, 'fs').unapproved([tool])
  await writeFile(join(data, 'mcp-tools', 'fs.json'), '{}')
  await expect(new ToolPins(data, 'fs').unapproved([tool])).rejects.toMatchObject({
    code: 'invalid_argument',
  })
})
