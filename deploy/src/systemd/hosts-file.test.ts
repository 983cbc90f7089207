/** The file of machines: what it may leave out, and what is refused before any of them is reached. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readHosts } from './hosts-file.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hosts-'))
  file = join(folder, 'hosts.json')
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const relay = { name: 'relay-1', role: 'relay' }

async function read(content: unknown) {
  await writeFile(file, JSON.stringify(content))
  return readHosts(file)
}

test('a machine is reached by its name, and has what an installation puts on it', async () => {
  expect(await read({ hosts: [relay] })).toEqual({
    hosts: [
      {
        ...relay,
        ssh: 'relay-1',
        data: '/var/lib/agent-mesh/default',
        program: '/usr/local/lib/agent-mesh/agent-mesh',
      },
    ],
    as: ['sudo', '-n'],
    options: [],
  })
})

test.each([
  [{ hosts: [{ ...relay, ssh: '-oProxyCommand=reboot' }] }, 'hosts[0].ssh'],
  [{ hosts: [{ ...relay, role: 'database' }] }, 'hosts[0].role'],
  [{ hosts: [{ ...relay, data: 'data' }] }, 'is no absolute path'],
  [{ hosts: [{ ...relay, port: 22 }] }, 'port'],
  [{ hosts: [relay, relay] }, 'relay-1 is there twice'],
  [{ hosts: [] }, 'hosts'],
])('refuses %j', async (content, why) => {
  await expect(read(content)).rejects.toThrow(why)
})

test('says which file is missing', async () => {
  await expect(readHosts(file)).rejects.toThrow(`there is no ${file}`)
})
