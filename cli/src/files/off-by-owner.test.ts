import { MeshError } from '@agent-mesh/protocol/errors'
import { expect, it } from 'vitest'

import { offByOwner } from './off-by-owner.ts'

const asked = { action: 'run wc on web-1', peer: 'web-1', option: "--allow-exec 'PROGRAM ARGS'" }

it('a member that lacks the service is one whose owner does not allow it, and the option is named', () => {
  const thrown = new MeshError('unsupported', 'Cannot call exec.run: web-1 does not serve it')
  expect(offByOwner(thrown, asked)).toMatchObject({
    code: 'permission_denied',
    message: 'Cannot run wc on web-1: the owner of web-1 does not allow it',
    hint: expect.stringContaining("agent-mesh up --allow-exec 'PROGRAM ARGS'") as string,
    cause: thrown,
  })
})

it.each([
  new MeshError('unavailable', 'Cannot connect'),
  new Error('other'),
  // The owner of the other machine has nothing to do with these.
  new MeshError('unsupported', 'Cannot call: a relay runs in this context, and relays make no calls'),
  new MeshError('unsupported', 'Cannot stream: no agent runs in this context'),
  new MeshError('unsupported', 'Cannot ask for /v1/stream: the running process has no such request'),
  new MeshError('unsupported', 'Cannot talk to peer: it speaks versions 2'),
])('%s stays what it is', thrown => {
  expect(offByOwner(thrown, asked)).toBe(thrown)
})
