/** The drills of docs/operations.md on SQLite; those of the other stores are in store-drills.test.ts. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { namesOf, openDrills, patience, type Drills } from '../support/drills.ts'

let drills: Drills

beforeAll(async () => {
  drills = await openDrills()
  await drills.daemon('agent-mesh control-plane --listen 127.0.0.1:8440')
})
afterAll(() => drills?.end())

test('the authority key is rotated, and a member stays ready; then it is revoked', async () => {
  const [create = '', up = '', rotate = '', ready = ''] = drills.lines('rotate the authority key', 4)
  await drills.daemon(up, { token: String((await drills.well(create))['token']) })
  expect(await drills.well(rotate)).toMatchObject({ kid: expect.any(String) as unknown })
  await drills.well(ready)

  const [revoke = '', status = '', audit = ''] = drills.lines('revoke a member', 3)
  expect(await drills.well(revoke)).toMatchObject({ name: 'drill-agent' })
  await vi.waitFor(async () => {
    expect(await drills.well(status)).toMatchObject({ revoked: true, ready: false })
  }, patience)
  expect((await drills.run(audit)).stdout).toMatch(/"what":"revoke","detail":\{[^}]*"name":"drill-agent"/)
})

test('a backup restores the members into another folder, and the audit log is complete', async () => {
  const [backup = '', restore = '', plane = '', verify = '', list = ''] = drills.lines('restore a backup', 5)
  const members = namesOf(await drills.well('agent-mesh members list'))
  await drills.well(backup)
  await drills.well(restore)
  await drills.daemon(plane)
  await drills.well(verify)
  expect(members).toEqual(expect.arrayContaining(['admin', 'drill-agent']))
  expect(namesOf(await drills.well(list))).toEqual(members)
})
