import { expect, it } from 'vitest'

import { namedCommands } from './named-commands.ts'

it('allows all tools of a server, or those that its owner names', () => {
  const [fs, db] = namedCommands({
    mcp: ['fs=server-fs /srv', 'db=server-db'],
    mcpAllow: ['fs.read_*', 'fs.stat'],
    mcpFor: ['db=tag:ops', 'db=name:desk'],
    mcpPerCaller: ['db'],
  })
  expect(fs).toMatchObject({ name: 'fs', command: 'server-fs /srv', perCaller: false })
  expect(fs).not.toHaveProperty('allow')
  const tools = ['read_file', 'read', 'stat', 'stats', 'write_file']
  expect(tools.filter(tool => fs?.isAllowed(tool))).toEqual(['read_file', 'stat'])
  expect(db).toMatchObject({ name: 'db', perCaller: true, allow: ['tag:ops', 'name:desk'] })
  expect(db?.isAllowed('anything')).toBe(true)
})

it.each([
  ['a command without a name', { mcp: ['server-fs /srv'] }, 'NAME=COMMAND'],
  ['two servers of one name', { mcp: ['fs=a', 'fs=b'] }, 'another one'],
  ['a variable before the command', { mcp: ['fs=KEY=secret server-fs'] }, 'variable'],
  ['a tool of a server that there is not', { mcp: ['fs=a'], mcpAllow: ['db.read'] }, 'no --mcp is named db'],
  ['a tool without its server', { mcp: ['fs=a'], mcpAllow: ['read'] }, 'SERVER.TOOL'],
  [
    'members of a server that there is not',
    { mcp: ['fs=a'], mcpFor: ['db=tag:ops'] },
    'no --mcp is named db',
  ],
  ['members without their server', { mcp: ['fs=a'], mcpFor: ['tag:ops'] }, 'SERVER=SELECTOR'],
  ['what is no selector', { mcp: ['fs=a'], mcpFor: ['fs=ops'] }, "'ops' is not a selector"],
  ['a star within a name', { mcp: ['fs=a'], mcpAllow: ['fs.*_file'] }, 'SERVER.TOOL'],
  [
    'processes of a server that there is not',
    { mcp: ['fs=a'], mcpPerCaller: ['db'] },
    'no --mcp is named db',
  ],
])('refuses %s', (_, flags, reason) => {
  expect(() => namedCommands(flags)).toThrow(reason)
})
