/** Backup and restore of a whole control plane, on a store. */
import {
  restoreBackup,
  startControlPlane,
  writeBackup,
  type RunningControlPlane,
  type StoreChoice,
} from '@agent-mesh/lambdas'
import { verifyAuditChain } from '@agent-mesh/protocol'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  enrolMember,
  identityOf,
  noLog,
  secretOf,
  speakTo,
  type Interlocutor,
  type PlaneMember,
} from '../integration/control-plane-fixture.ts'

type Plane = Interlocutor & { plane: RunningControlPlane }

/** @param freshStore an empty one each time, in that folder where it is a file */
export function backupSuite(name: string, freshStore: (data: string) => Promise<StoreChoice>): void {
  describe(`a backup of ${name}`, () => {
    let root: string
    let run: Plane
    let member: PlaneMember
    let token: string
    const folder = (of: string) => join(root, of)
    const file = () => folder('mesh.backup')
    const start = async (data: string, store: StoreChoice): Promise<Plane> => {
      const plane = await startControlPlane({
        data,
        store,
        listen: { host: '127.0.0.1', port: 0 },
        log: noLog,
      })
      const started = { plane, clock: { now: Date.now, advance: () => {} } } as unknown as Plane
      speakTo(started)
      return started
    }

    beforeEach(async () => {
      root = await mkdtemp(join(tmpdir(), 'backup-'))
      run = await start(folder('first'), await freshStore(folder('first')))
      ;({ token } = await run.plane.createToken({ uses: 3 }))
      member = await enrolMember(run, secretOf(token), 'm')
      await member.publish()
    })
    afterEach(async () => {
      await run.plane.stop()
      await rm(root, { recursive: true })
    })

    const restore = async (data = folder('second')) => {
      const store = await freshStore(data)
      const restored = await restoreBackup({ file: file(), data, store })
      return { restored, store }
    }

    test('made while others write is one state, and a control plane goes on from it in an empty folder', async () => {
      let writing = true
      const writes = (async () => {
        for (let i = 0; writing; i++) {
          await run.plane.createToken({ uses: 1, name: `t-${i}` })
          // SQLite answers without a turn of the loop.
          await new Promise(resolve => setImmediate(resolve))
        }
      })()
      const rows: number[] = []
      const written = await writeBackup(run.plane.backup(), file(), { onRows: n => void rows.push(n) })
      writing = false
      await writes
      expect(written).toMatchObject({ file: file(), meshId: run.plane.meshId, rows: rows.at(-1) })
      expect((await stat(file())).mode & 0o777).toBe(0o600)
      expect(await readdir(root)).not.toContainEqual(expect.stringContaining('.tmp'))

      const { restored, store } = await restore()
      expect(restored.rows).toBe(written.rows)
      expect(restored.files).toEqual([
        'admin-identity.json',
        'authority-key.json',
        'key-chain.json',
        'root-key.json',
      ])
      for (const key of restored.files)
        expect((await stat(join(folder('second'), key))).mode & 0o777, key).toBe(0o600)
      await run.plane.stop()
      const startedAt = Date.now()
      run = await start(folder('second'), store)
      // Without `--restored`: members know newer numbers than any backup.
      expect(run.plane.restored?.numbers.policy).toBeGreaterThanOrEqual(startedAt)
      expect(await run.ask(member.signer, 'POST', '/v1/renew', { body: {} })).toMatchObject({ status: 200 })
      expect(await run.ask(member.signer, 'GET', '/v1/members')).toMatchObject({
        body: { members: [{ peerId: member.peerId }] },
      })
      expect((await enrolMember(run, secretOf(token), 'm')).claims.name).toBe('m-2')
      const admin = await identityOf(run.plane.adminIdentityFile)
      const { body } = await run.ask(admin, 'GET', '/v1/audit?limit=1000')
      const { tokens } = (await run.ask(admin, 'GET', '/v1/tokens?limit=1000')).body
      const made = body.entries.filter(({ what }: { what: string }) => what === 'token.create').length
      expect(verifyAuditChain(body.entries)).toBeUndefined()
      // Every token of the snapshot but the one that was not yet on record.
      expect(Math.abs(tokens.length - made)).toBeLessThanOrEqual(1)

      await run.plane.stop()
      run = await start(folder('second'), store)
      expect(run.plane.restored).toBeUndefined()
    })

    test('replaces no file, no mesh and no keys of another mesh', async () => {
      await writeBackup(run.plane.backup(), file())
      const before = await readFile(file())
      await expect(writeBackup(run.plane.backup(), file())).rejects.toMatchObject({ code: 'conflict' })
      expect(await readFile(file())).toEqual(before)
      await writeBackup(run.plane.backup(), file(), { force: true })
      const { store } = await restore()
      const again = restoreBackup({ file: file(), data: folder('second'), store })
      await expect(again).rejects.toMatchObject({ code: 'conflict' })
      const other = await start(folder('other'), await freshStore(folder('other')))
      await other.plane.stop()
      const into = { data: folder('other'), store: await freshStore(folder('other/inner')) }
      await expect(restoreBackup({ file: file(), ...into })).rejects.toMatchObject({ code: 'conflict' })
    })

    test('that is damaged or cut off changes nothing', async () => {
      await writeBackup(run.plane.backup(), file())
      const whole = await readFile(file())
      const flipped = Buffer.from(whole)
      flipped.writeUInt8(whole.readUInt8(whole.length >> 1) ^ 1, whole.length >> 1)
      for (const bytes of [whole.subarray(0, whole.length - 20), flipped, Buffer.from('x')]) {
        await writeFile(file(), bytes)
        await expect(restore()).rejects.toMatchObject({ code: 'invalid_argument' })
        expect((await readdir(folder('second'))).filter(left => left.endsWith('.json'))).toEqual([])
      }
      await writeFile(file(), whole)
      await restore()
    })
  })
}
