import { stat } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'

let workshop: Workshop
let plane: Daemon
const at = (data: string, ...args: string[]) => runCommand([...args, '--data', data, '--json'])
const listen = ['control-plane', '--listen', '127.0.0.1:0']

beforeAll(async () => {
  workshop = await openWorkshop()
  plane = await workshop.start('plane', listen)
})
afterAll(() => workshop.end())

test('agent-mesh admin backup and restore move a mesh to another folder', async () => {
  const file = workshop.folder('mesh.backup')
  await at(plane.data, 'token', 'create')
  const written = lastJson(await at(plane.data, 'admin', 'backup', file))
  expect(written).toMatchObject({ file, kind: 'sqlite', meshId: plane.ready['meshId'] })
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await at(plane.data, 'admin', 'backup', file)).toMatchObject({ code: 8 })
  expect(await at(plane.data, 'admin', 'restore', file)).toMatchObject({ code: 8 })
  await plane.end()
  const stopped = lastJson(await at(plane.data, 'admin', 'backup', file, '--force'))
  expect(stopped['rows']).toBeGreaterThanOrEqual(Number(written['rows']))

  const restored = lastJson(await at(workshop.folder('other'), 'admin', 'restore', file))
  expect(restored).toMatchObject({ meshId: plane.ready['meshId'], rows: stopped['rows'] })
  const other = await workshop.start('other', listen)
  expect(other.ready).toMatchObject({ meshId: plane.ready['meshId'], restored: expect.anything() as unknown })
  expect(lastJson(await at(other.data, 'token', 'list'))['tokens']).toHaveLength(2)
  expect(await at(other.data, 'admin', 'restore', file)).toMatchObject({ code: 8 })
  await other.end()
})

test('agent-mesh admin backup of a folder without a control plane says so', async () => {
  const ran = await at(workshop.folder('nobody'), 'admin', 'backup', workshop.folder('none.backup'))
  expect(lastJson(ran)).toMatchObject({ error: { code: 'not_found' } })
})
