/** Files of a machine for other members, over real agents: what they may do, and what leads out of the allowed folders. */
import { execFileSync } from 'node:child_process'
import { appendFile, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { auditEntries, type Agent, type TransferOffer } from '@agent-mesh/agent'
import type { AuditEntry } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { LocalMesh } from '../../../test/support/local-mesh.ts'
import { refusal } from '../../../test/support/refusal.ts'
import { AllowedFolders } from './allowed-folders.ts'
import type { FileEntry } from './file-values.ts'
import { RecentLog } from './recent-log.ts'
import { ServedFiles } from './served-files.ts'

let mesh: LocalMesh
let owner: Agent
let caller: Agent
let other: Agent
/** Members may use it; `ro` within it only to read. */
let box: string
const log = new RecentLog()
const at = (...names: string[]) => join(box, ...names)

beforeAll(async () => {
  mesh = await LocalMesh.start()
  const agents = ['owner', 'caller', 'other'].map(name => mesh.agent({ name }))
  ;[owner, caller, other] = (await Promise.all(agents)) as [Agent, Agent, Agent]
  box = mesh.data('box')
  await mkdir(at('ro'), { recursive: true })
  await writeFile(mesh.data('secret'), 'secret')
  await writeFile(at('a.txt'), 'of a')
  const folders = [
    { path: at('ro'), readOnly: true },
    { path: box, readOnly: false },
  ]
  const allowed = await AllowedFolders.open(folders, [mesh.data('owner')])
  owner.serve(new ServedFiles({ agent: owner, allowed, log }).definition())
  const served = () => caller.services().map(({ service }) => service)
  await vi.waitFor(() => expect(served()).toContain('files@1'), 20_000)
})
afterAll(() => mesh.stop())

const ask = (method: string, params: object, from = caller): Promise<unknown> =>
  from.call(`files.${method}`, params, { peer: 'owner', timeout: 60_000 })

async function listed(path: string): Promise<FileEntry[]> {
  const entries: FileEntry[] = []
  for await (const part of caller.stream('files.list', { path, recursive: true }, { peer: 'owner' }))
    entries.push(...(part as FileEntry[]))
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function lastLines(path: string, lines = 1): Promise<string> {
  const request = { path, lines, follow: false }
  let text = ''
  for await (const piece of caller.stream('files.tail', request, { peer: 'owner' }))
    text += Buffer.from(piece as Uint8Array).toString()
  return text
}

async function got(path: string): Promise<string> {
  const blocks: Buffer[] = []
  for await (const block of caller.receive((await ask('get', { path })) as TransferOffer)) blocks.push(block)
  return Buffer.concat(blocks).toString()
}

async function put(path: string, text: string, more: object = {}, from = caller): Promise<unknown> {
  const offer = await from.send('owner', Buffer.from(text))
  return ask('put', { path, offer, bytes: text.length, executable: false, ...more }, from)
}

it('opens nothing to members whose grants are for services in general', async () => {
  expect(await refusal(ask('stat', { path: at('a.txt') }))).toMatch(/^permission_denied: .*policy/)
})

describe('granted service:files.*', () => {
  beforeAll(async () => {
    await mesh.grant({ from: ['name:caller', 'name:other'], to: ['service:files.*'], allow: ['call'] })
    await vi.waitFor(() => ask('stat', { path: box }), 20_000)
  })

  it('counts in its audit log what is done again and changes nothing, and has the rest one by one', async () => {
    const [folder, file] = [at('looped'), at('looped', 'f')]
    for (let n = 0; n < 4; n++) {
      expect(await ask('mkdir', { path: folder })).toEqual({ made: n === 0 })
      await put(file, 'x')
      expect([await got(file), await lastLines(file)]).toEqual(['x', 'x'])
    }
    const once = (act: string, path = file) => ({ name: 'caller', act, path })
    const [made, written] = [once('mkdir', folder), once('put')]
    const expected = [made, made, written, written, written, written, once('get'), once('tail')]
    await vi.waitFor(async () => {
      const details: unknown[] = []
      for await (const { what, detail } of auditEntries(mesh.data('owner')))
        if (what === 'files' && `${detail?.['path']}`.startsWith(folder)) details.push(detail)
      expect(details).toHaveLength(expected.length)
      expect(details).toEqual(expect.arrayContaining(expected))
    }, 20_000)
  })

  it('reads, lists, makes and writes below the folder, whatever the names', async () => {
    await ask('mkdir', { path: at('new') })
    expect(await put(at('new', 'two\nlines ü'), '#!/bin/sh', { executable: true })).toEqual({ bytes: 9 })
    expect((await stat(at('new', 'two\nlines ü'))).mode & 0o111).not.toBe(0)
    await put(at('new', 'empty'), '')
    expect(await got(at('new', 'two\nlines ü'))).toBe('#!/bin/sh')
    expect(await got(at('new', 'empty'))).toBe('')
    expect(await listed(at('new'))).toEqual([
      { path: 'empty', kind: 'file', bytes: 0, executable: false },
      { path: 'two\nlines ü', kind: 'file', bytes: 9, executable: true },
    ])
    await put(at('new', 'empty'), 'filled')
    expect(await readFile(at('new', 'empty'), 'utf8')).toBe('filled')
  })

  it('tells of a folder of thousands in parts', async () => {
    await mkdir(at('many', 'below'), { recursive: true })
    for (let n = 0; n < 2_000; n++) await writeFile(at('many', n % 2 === 0 ? 'below' : '', `${n}`), '')
    const sizes: number[] = []
    const parts = caller.stream('files.list', { path: at('many'), recursive: true }, { peer: 'owner' })
    for await (const part of parts) sizes.push((part as FileEntry[]).length)
    expect(await parts.result).toEqual({ entries: 2_001 })
    expect(Math.max(...sizes)).toBe(256)
  })

  it('leads out of the folder by no path', async () => {
    await symlink(mesh.data('secret'), at('link'))
    await symlink(mesh.folder, at('linked'))
    await symlink('..', at('up'))
    execFileSync('mkfifo', [at('pipe')])
    const paths = {
      [at('..', 'secret')]: /permission_denied/,
      [`${box}/../secret`]: /invalid_argument/,
      [`${box}/./a.txt`]: /invalid_argument/,
      [`${box}/a\0.txt`]: /invalid_argument/,
      'a.txt': /invalid_argument/,
      '/etc/passwd': /permission_denied: .*owner of that machine/,
      [`${box}x`]: /permission_denied/,
      [at('link')]: /invalid_argument: .*link/,
      [at('linked', 'secret')]: /permission_denied: .*link/,
      [at('up', 'secret')]: /permission_denied: .*link/,
      [at('pipe')]: /invalid_argument: .*no file/,
      [at('none')]: /not_found/,
      [at('a.txt', 'b')]: /permission_denied: .*no folder/,
      [at('x'.repeat(300))]: /invalid_argument/,
    }
    for (const [path, reason] of Object.entries(paths)) {
      const told = await refusal(ask('get', { path }))
      expect(told, path).toMatch(reason)
      expect(told).not.toContain('/proc/')
    }
    for (const path of [
      `${box}/../x`,
      at('linked', 'x'),
      at('ro', 'x'),
      '/tmp/x',
      at('link'),
      at('pipe'),
      box,
    ])
      expect(await refusal(put(path, 'x')), path).toMatch(/^(permission_denied|invalid_argument|conflict)/)
    expect(await refusal(ask('mkdir', { path: at('linked', 'x') }))).toMatch(/^permission_denied/)
    expect((await listed(box)).filter(({ kind }) => kind === 'other').map(({ path }) => path)).toEqual([
      'link',
      'linked',
      'pipe',
      'up',
    ])
    expect(await readFile(mesh.data('secret'), 'utf8')).toBe('secret')
  })

  it('overwrites no file behind a link that has the name of its part', async () => {
    await symlink(mesh.data('secret'), at('.put.mesh-part'))
    expect(await refusal(put(at('put'), 'x'))).toMatch(/^permission_denied/)
    expect(await readFile(mesh.data('secret'), 'utf8')).toBe('secret')
    await rm(at('.put.mesh-part'))
    await put(at('put'), 'x')
    expect(await refusal(put(at('.put.mesh-part'), 'x'))).toMatch(/^invalid_argument: .*not complete/)
  })

  it('refuses what does not fit on the disk before it writes any of it', async () => {
    await expect(put(at('large'), 'x', { bytes: 1e15 })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('disk full') as string,
      details: { system: 'ENOSPC' },
    })
    await expect(ask('stat', { path: at('.large.mesh-part') })).rejects.toMatchObject({
      code: 'not_found',
      details: { system: 'ENOENT' },
    })
  })

  it('takes no offer of another member, and no file that another one is writing', async () => {
    const offer = await other.send('owner', Buffer.from('x'))
    const request = { path: at('b.txt'), offer, bytes: 1, executable: false }
    expect(await refusal(ask('put', request))).toMatch(/^invalid_argument: .*another member/)
    const held = Promise.withResolvers<Buffer>()
    const slow = async function* () {
      yield await held.promise
    }
    const put1 = { path: at('c.txt'), offer: await caller.send('owner', slow()), bytes: 4, executable: false }
    const first = ask('put', put1)
    await vi.waitFor(() => stat(at('.c.txt.mesh-part')), 20_000)
    expect(await refusal(put(at('c.txt'), 'x', {}, other))).toMatch(/^conflict: .*another member/)
    held.resolve(Buffer.from('done'))
    expect(await first).toEqual({ bytes: 4 })
  })

  it('shows the end of a file, and what is added, also behind a rotation', async () => {
    const path = at('app.log')
    await writeFile(path, Array.from({ length: 5_000 }, (_, n) => `line ${n}\n`).join(''))
    expect(await lastLines(path, 2)).toBe('line 4998\nline 4999\n')
    expect((await lastLines(path, 100_000)).split('\n')).toHaveLength(5_001)
    expect(await lastLines(path, 0)).toBe('')
    let seen = ''
    const followed = caller.stream('files.tail', { path, lines: 1, follow: true }, { peer: 'owner' })
    const reading = (async () => {
      for await (const piece of followed) seen += Buffer.from(piece as Uint8Array).toString()
    })().catch(() => undefined)
    const soon = (text: string) => vi.waitFor(() => expect(seen).toBe(text), 20_000)
    await soon('line 4999\n')
    await appendFile(path, 'more\n')
    await soon('line 4999\nmore\n')
    await rename(path, at('app.log.1'))
    await writeFile(path, 'new\n')
    await soon('line 4999\nmore\nnew\n')
    await writeFile(path, '')
    await writeFile(path, 'x\n')
    await soon('line 4999\nmore\nnew\nx\n')
    followed.cancel()
    await reading
    expect(await refusal(lastLines(at('linked', 'secret')))).toMatch(/^permission_denied: .*link/)
    expect(await refusal(lastLines('/etc/passwd'))).toMatch(/^permission_denied: .*owner/)
  })

  it('shows the log of the agent, and what comes', async () => {
    for (const line of ['a\n', 'b\n', 'c\n']) log.add(line)
    const seen: string[] = []
    const followed = caller.stream('files.tail', { lines: 2, follow: true }, { peer: 'owner' })
    const reading = (async () => {
      for await (const piece of followed) seen.push(Buffer.from(piece as Uint8Array).toString())
    })().catch(() => undefined)
    await vi.waitFor(() => expect(seen).toEqual(['b\n', 'c\n']), 20_000)
    log.add('d\n')
    await vi.waitFor(() => expect(seen).toEqual(['b\n', 'c\n', 'd\n']), 20_000)
    followed.cancel()
    await reading
  })

  it('lets a member have 128 files open that it does not receive, and others theirs', async () => {
    await writeFile(at('offered'), 'x')
    const get = (from = caller) => ask('get', { path: at('offered') }, from) as Promise<TransferOffer>
    const offers: TransferOffer[] = []
    for (let n = 0; n < 128; n++) offers.push(await get())
    expect(await refusal(get())).toMatch(/^overloaded: .*128 files/)
    expect(await refusal(ask('get', { path: at('none') }, other))).toMatch(/^not_found/)
    const received: string[] = []
    for await (const block of other.receive(await get(other))) received.push(block.toString())
    for await (const block of caller.receive(offers[0]!)) received.push(block.toString())
    expect(received).toEqual(['x', 'x'])
    await vi.waitFor(() => get(), { timeout: 20_000, interval: 50 })
  })

  it('lets a member follow 4 logs at a time, and others theirs; and more once one of them ends', async () => {
    const follow = (from = caller) => {
      const followed = from.stream('files.tail', { lines: 1, follow: true }, { peer: 'owner' })
      followed.result.catch(() => undefined)
      return followed
    }
    const isRead = async (followed: ReturnType<typeof follow>) =>
      expect((await followed[Symbol.asyncIterator]().next()).done).toBe(false)
    log.add('last\n')
    const followed = Array.from({ length: 4 }, () => follow())
    await Promise.all(followed.map(isRead))
    expect(await refusal(lastLines(at('a.txt')))).toMatch(/^overloaded: .*4 files/)
    followed.push(follow(other))
    await isRead(followed.at(-1)!)
    followed.shift()?.cancel()
    await vi.waitFor(() => lastLines(at('a.txt')), { timeout: 20_000, interval: 50 })
    for (const each of followed) each.cancel()
  })

  it('has on record who did what, and what was refused', async () => {
    const entries: AuditEntry[] = []
    await vi.waitFor(async () => {
      entries.length = 0
      for await (const entry of auditEntries(mesh.data('owner')))
        if (entry.what === 'files') entries.push(entry)
      const details = entries.map(({ detail }) => detail)
      const refused = { refused: 'permission_denied' }
      expect(details).toContainEqual({ name: 'caller', act: 'put', path: at('put'), ...refused })
      expect(details).toContainEqual({ name: 'caller', act: 'put', path: at('put') })
      expect(details).toContainEqual({ name: 'caller', act: 'list', path: at('new') })
    }, 20_000)
    expect(entries.filter(({ detail }) => detail?.['name'] === 'caller')[0]).toMatchObject({
      who: caller.peerId,
    })
  })
})
