/** Relays on AWS start with a new token after each deployment: with their disk, and after they have lost it. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'

let workshop: Workshop
let controlPlane: Daemon

beforeAll(async () => {
  workshop = await openWorkshop()
  controlPlane = await workshop.start('control-plane', ['control-plane', '--listen', '127.0.0.1:0'])
})
afterAll(() => workshop?.end())

/** Starts the relay of a data folder with a token of its own, as an instance does, and ends it. */
async function oneLife(folder: string): Promise<unknown[]> {
  const wanted = ['--role', 'relay', '--name', 'relay-1', '--replace']
  const made = await runCommand(['token', 'create', ...wanted, '--json', '--data', controlPlane.data])
  const listen = ['--listen', '/ip4/127.0.0.1/tcp/0', '--stun-port', '0']
  const args = ['relay', '--name', 'relay-1', ...listen, '--join', String(lastJson(made)['token'])]
  const relay = await workshop.start(folder, args)
  const { name, peerId } = relay.ready
  expect(await relay.end('SIGTERM')).toEqual([0, null])
  return [name, peerId]
}

it('a relay keeps key and name with each new token, and one without the disk takes the name over', async () => {
  const [, peerId] = await oneLife('disk')
  expect(await oneLife('disk')).toEqual(['relay-1', peerId])
  const [name, other] = await oneLife('new-disk')
  expect([name, other === peerId]).toEqual(['relay-1', false])
})
