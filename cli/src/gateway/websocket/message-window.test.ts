import { MeshError } from '@agent-mesh/protocol/errors'
import { expect, it } from 'vitest'

import { MessageWindow, windowMessages } from './message-window.ts'

function windowOf(mostBytes = 1_000) {
  const bytes = { held: 0 }
  const granted: number[] = []
  return {
    ...{ bytes, granted },
    window: new MessageWindow({ bytes, mostBytes, grant: more => void granted.push(more) }),
  }
}

it('takes as many messages as it granted, and no more', async () => {
  const { window, granted, bytes } = windowOf()
  for (let i = 0; i < windowMessages; i++) expect(window.push(i, 1)).toBe(true)
  expect(window.push('one too many', 1)).toBe(false)
  const reader = window.messages()
  for (let i = 0; i < windowMessages; i++) expect(await reader.next()).toEqual({ done: false, value: i })
  expect(granted).toEqual([windowMessages / 2, windowMessages / 2])
  expect(bytes.held).toBe(0)
  expect(window.push('more', 1)).toBe(true)
})

it('takes nothing over the bytes that its socket may hold, and gives them back when it fails', async () => {
  const { window, bytes } = windowOf(10)
  expect(window.push('a', 10)).toBe(true)
  expect(window.push('b', 1)).toBe(false)
  window.fail(new MeshError('cancelled', 'Cannot go on'))
  expect(bytes.held).toBe(0)
  await expect(window.messages().next()).rejects.toMatchObject({ code: 'cancelled' })
})

it('ends after its messages, with the result, also for a reader that waits', async () => {
  const { window } = windowOf()
  const reader = window.messages()
  const first = reader.next()
  window.push('a', 1)
  window.end('done')
  expect(window.push('late', 1)).toBe(true)
  expect(await first).toEqual({ done: false, value: 'a' })
  expect(await reader.next()).toEqual({ done: true, value: 'done' })
})
