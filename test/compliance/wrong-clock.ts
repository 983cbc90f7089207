/** A whole control plane whose clock is a year ahead, on a store. */
import { startControlPlane, type StoreChoice } from '@agent-mesh/lambdas'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  enrolMember,
  identityOf,
  noLog,
  secretOf,
  speakTo,
  type Interlocutor,
} from '../integration/control-plane-fixture.ts'
import { day } from './store-fixture.ts'

/** @param store where it keeps the mesh; absent: SQLite in its folder */
export function wrongClockSuite(name: string, store?: () => Promise<StoreChoice | string>): void {
  test(`a control plane on ${name} whose clock is a year ahead removes nothing, and says so`, async () => {
    const data = await mkdtemp(join(tmpdir(), 'wrong-clock-'))
    let offset = 0
    const clock = { now: () => Date.now() + offset, advance: (ms: number) => void (offset += ms) }
    const choice = { ...(store === undefined ? {} : { store: await store() }) }
    const start = () =>
      startControlPlane({ data, listen: { host: '127.0.0.1', port: 0 }, clock, log: noLog, ...choice })
    const run = { plane: await start(), clock } as Interlocutor & { plane: Awaited<ReturnType<typeof start>> }
    const again = async (advance: number) => {
      await run.plane.stop()
      clock.advance(advance)
      run.plane = await start()
    }
    speakTo(run)
    try {
      const { token } = await run.plane.createToken({ uses: 2 })
      const admin = await identityOf(run.plane.adminIdentityFile)
      const member = await enrolMember(run, secretOf(token), 'm')
      await member.publish()

      await again(365 * day)
      const { warnings } = await run.plane.ready()
      expect(warnings).toEqual([expect.stringContaining('365 days ahead of the newest time in its store')])
      const ready = await run.ask(undefined, 'GET', '/ready')
      expect(ready).toMatchObject({ status: 200, body: { status: 'ready', warnings } })
      const metrics = await run.ask(undefined, 'GET', '/metrics')
      expect(metrics.body).toContain('agent_mesh_sweeps_stopped 1')

      await again(-365 * day)
      expect((await run.plane.ready()).warnings).toEqual([])
      expect(await run.ask(member.signer, 'POST', '/v1/renew', { body: {} })).toMatchObject({ status: 200 })
      const listed = await run.ask(member.signer, 'GET', '/v1/members')
      expect(listed.body.members).toMatchObject([{ peerId: member.peerId }])
      // All names, tokens and entries still exist: a repeated join completes the first.
      expect((await enrolMember(run, secretOf(token), 'm')).claims.name).toBe('m-2')
      const audit = await run.ask(admin, 'GET', '/v1/audit')
      const entries = (audit.body as { entries: { what: string }[] }).entries.map(({ what }) => what)
      expect(entries.slice(0, 4)).toEqual(['token.create', 'join', 'token.create', 'join'])

      await again(365 * day)
      await run.plane.confirmClock()
      expect((await run.plane.ready()).warnings).toEqual([])
    } finally {
      await run.plane.stop()
      await rm(data, { recursive: true })
    }
  })
}
