import { describe, expect, it } from 'vitest'

import { multiaddrOf } from './address-form.ts'
import { parseMemberOptions } from './options.ts'

describe('an address option', () => {
  it.each([
    ['0.0.0.0:4001', '/ip4/0.0.0.0/tcp/4001'],
    ['[::]:4001', '/ip6/::/tcp/4001'],
    ['relay.example.com:443', '/dns4/relay.example.com/tcp/443'],
    ['/ip4/0.0.0.0/tcp/443/ws', '/ip4/0.0.0.0/tcp/443/ws'],
  ])('takes %s as %s', (text, addr) => {
    expect(parseMemberOptions({ data: '/d', listen: [text], announce: [text] })).toMatchObject({
      listen: [addr],
      announce: [addr],
    })
  })

  it.each(['4001', ':4001', 'host', 'host:port', '::1:4001', 'http://host:80', 'host:123456', ''])(
    'refuses "%s", and says what it takes',
    text => {
      expect(() => parseMemberOptions({ data: '/d', listen: [text] })).toThrow(
        'listen.0: is not HOST:PORT, nor a TCP or WebSocket address (0.0.0.0:4001, /ip4/0.0.0.0/tcp/443/ws)',
      )
    },
  )

  it.each(['0.0.0.0:99999', '[::]:65536', '/ip4/0.0.0.0/tcp/99999/ws'])('refuses the port of %s', text => {
    for (const option of ['listen', 'announce'])
      expect(() => parseMemberOptions({ data: '/d', [option]: [text] })).toThrow(
        /has port \d+, and ports end at 65535/,
      )
  })

  it.each([`${'a'.repeat(65)}:443`, `/dns4/${'a'.repeat(300)}/tcp/443/wss`])(
    'refuses to announce the host of %s, which the version before does not read, and says what to do',
    text => {
      expect(() => parseMemberOptions({ data: '/d', announce: [text] })).toThrow(
        /announce\.0: has a host of \d+ characters, .* take 64: announce a shorter name .* IP address$/,
      )
    },
  )

  it('is left alone when it is longer than any address', () => {
    expect(() => parseMemberOptions({ data: '/d', listen: [`${'a'.repeat(400)}:1`] })).toThrow('is over 344')
    expect(multiaddrOf('')).toBe('')
  })
})
