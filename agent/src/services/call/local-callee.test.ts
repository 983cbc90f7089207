import { MeshError } from '@agent-mesh/protocol'
import { expect, it } from 'vitest'
import { systemWheelClock, TimerWheel } from '../../rpc/index.ts'
import { Dispatcher, type DispatcherInit } from '../serve/dispatcher.ts'
import { localCallee } from './local-callee.ts'
import { ServiceRegistry } from '../serve/service-registry.ts'
import { math, ops } from '../testing/fixtures.ts'

it('judges calls to oneself by the claims of that moment', async () => {
  let caller = { ...ops, roles: ['guest'] }
  const authorize: DispatcherInit['authorize'] = ({ from }) => {
    if (!from.roles.includes('ops'))
      throw new MeshError('permission_denied', 'Cannot call math.add: no grant')
  }
  const registry = new ServiceRegistry()
  registry.serve(math, { add: ({ a, b }) => a + b, divide: ({ a, b }) => a / b })
  const now = () => systemWheelClock.now()
  const dispatcher = new Dispatcher({ registry, authorize, now })
  const wheel = new TimerWheel(systemWheelClock)
  const self = localCallee(
    dispatcher.handlerForCurrent(() => caller),
    { wheel },
  )
  await expect(self.call('math.add', { a: 1, b: 2 })).rejects.toMatchObject({ code: 'permission_denied' })
  caller = { ...ops, roles: ['ops'] }
  expect(await self.call('math.add', { a: 1, b: 2 })).toBe(3)
  self.close()
})
