import { expect, it } from 'vitest'

import { parseCopyPlace } from './copy-place.ts'

it.each([
  ['web-1:/var/log/x', { peer: 'web-1', path: '/var/log/x' }],
  ['/srv/a:b', { path: '/srv/a:b' }],
  ['/srv/in/', { path: '/srv/in/' }],
])('%s is a place to copy from or to', (text, place) => {
  expect(parseCopyPlace(text)).toEqual(place)
})

it.each(['', 'web-1:', 'web-1:x', 'web-1:/../x', 'BAD NAME:/x'])('%j is none', text => {
  expect(() => parseCopyPlace(text)).toThrow(
    expect.objectContaining({ code: 'commander.invalidArgument' }) as Error,
  )
})
