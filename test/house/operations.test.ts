/** docs/operations.md: a test runs each command of it, as it stands there or with the same words. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const checkout = join(import.meta.dirname, '..', '..')
const read = (file: string) => readFileSync(join(checkout, file), 'utf8')
const page = read('docs/operations.md')

const drills = 'test/e2e/drills.test.ts'
const storeDrills = 'test/e2e/store-drills.test.ts'
const services = 'test/service/operations/page.test.ts'
/** Which test runs each line of the block below a heading, in the order of the page. */
const blocks: Readonly<Record<string, string>> = {
  'As a service': services,
  'Upgrading a machine': services,
  'restore a backup': drills,
  'restore a backup into PostgreSQL': storeDrills,
  'restore a table of DynamoDB': storeDrills,
  'rotate the authority key': drills,
  'revoke a member': drills,
}

const ended = 'test/e2e/ended-memberships.test.ts'
/** Which test runs a command that is named in a sentence. */
const named: Readonly<Record<string, string>> = {
  'admin backup': 'test/e2e/backup.test.ts',
  'admin confirm-clock': 'test/e2e/moved-clock.test.ts',
  'admin restore': 'test/e2e/backup.test.ts',
  // "deploy aws" at a restored table does the same, and is what runs there.
  'admin restored': 'test/aws/life-of-a-mesh.test.ts',
  'admin rotate-key': 'test/e2e/policy-and-revoke.test.ts',
  'admin rotate-key --revoke': 'test/e2e/policy-and-revoke.test.ts',
  'control-plane --restored': 'test/e2e/control-planes-agree.test.ts',
  doctor: 'test/e2e/doctor.test.ts',
  leave: ended,
  'members list': drills,
  'members remove': ended,
  policy: 'test/e2e/policy-and-revoke.test.ts',
  status: 'test/e2e/cli.test.ts',
  'token create --name --replace': ended,
  'up --join': ended,
}

test('a test runs each block of commands, line by line', () => {
  const found = page.split(/^##+ (?:Drill: )?/m).flatMap(section => {
    const [, block] = /^```sh\n([^]*?)```/m.exec(section) ?? []
    const [heading = ''] = section.split('\n', 1)
    return block === undefined ? [] : [{ heading, count: block.trim().split('\n').length }]
  })
  expect(found.map(({ heading }) => heading)).toEqual(Object.keys(blocks))
  expect(page.match(/^```sh$/gm)).toHaveLength(found.length)
  for (const { heading, count } of found)
    expect(read(blocks[heading] ?? ''), heading).toMatch(new RegExp(`'${heading}',\\s+${count}\\b`))
})

test('a test runs each command that a sentence names', () => {
  const commands = new Set(
    [...page.matchAll(/`agent-mesh ([^`]+)`/g)].map(([, line = '']) =>
      line
        .replaceAll('\n', ' ')
        .split(' ')
        .filter(word => !/^[A-Z]+$/.test(word))
        .join(' '),
    ),
  )
  expect([...commands].toSorted()).toEqual(Object.keys(named).toSorted())
  for (const [command, file] of Object.entries(named))
    for (const word of command.split(' ')) expect(read(file), `${command} in ${file}`).toContain(word)
})
