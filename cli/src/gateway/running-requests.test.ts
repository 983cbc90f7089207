import { expect, it } from 'vitest'

import { gatewayDefaults } from './defaults.ts'
import { RunningRequests } from './running-requests.ts'

const { requestsOfToken, requestsOfSession } = gatewayDefaults

it('a session has its share, other sessions of its token the rest, and what ends makes room', () => {
  const running = new RunningRequests()
  const of = (session?: string) => ({
    id: 'owner',
    app: 'browser',
    ...(session !== undefined && { session }),
  })
  const ends = Array.from({ length: requestsOfSession }, () => running.start(of('grafana')))
  expect(() => running.start(of('grafana'))).toThrow(
    `this address in this browser has ${requestsOfSession} in flight`,
  )
  const others = Array.from({ length: requestsOfToken - requestsOfSession }, (_, i) =>
    running.start(of(i % 2 === 0 ? undefined : `page ${i}`)),
  )
  expect(() => running.start(of('wiki'))).toThrow(`browser has ${requestsOfToken} in flight`)
  ends[0]!()
  const again = running.start(of('grafana'))
  expect(() => running.start(of('wiki'))).toThrow('in flight')
  for (const end of [...ends.slice(1), ...others, again]) end()
  for (let i = 0; i < requestsOfSession; i++) running.start(of('grafana'))
})
