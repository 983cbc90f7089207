import { expect, it } from 'vitest'

import { cookiesNamed, headersForBrowser, headersForProgram } from './page-headers.ts'

const added = [
  ...['Cross-Origin-Resource-Policy', 'same-origin'],
  ...['Content-Security-Policy', "frame-ancestors 'self'"],
]

it('a program never sees a cookie of a gateway, whatever its port, and all others as they are', () => {
  const cookies = 'a=1; agent-mesh-8441=secret; b=agent-mesh-8441=x;agent-mesh-9000=s ; agent-mesh-page=kept'
  expect(headersForProgram(['Host', 'x', 'Cookie', cookies, 'Connection', 'keep-alive'])).toEqual([
    ...['Host', 'x', 'Cookie', 'a=1; b=agent-mesh-8441=x; agent-mesh-page=kept'],
  ])
  expect(headersForProgram(['cookie', 'agent-mesh-8441=secret', 'Accept', '*/*'])).toEqual(['Accept', '*/*'])
})

it('all values of a cookie are read: another member can have planted one', () => {
  expect(cookiesNamed('agent-mesh-1=a; x=y; agent-mesh-1=b=c; agent-mesh-11=d', 'agent-mesh-1')).toEqual([
    ...['a', 'b=c'],
  ])
  expect(cookiesNamed(undefined, 'agent-mesh-1')).toEqual([])
})

it.each([
  ['a=1; Path=/; Domain=mesh.localhost; Secure', 'a=1; Path=/; Secure'],
  ['a=1;domain=.localhost', 'a=1'],
  ['a=1; DOMAIN = mesh.localhost ; Domain', 'a=1'],
  ['domain=1; Path=/', 'domain=1; Path=/'],
])('the cookie %s of a program is for its own address', (given, kept) => {
  expect(headersForBrowser(['Set-Cookie', given])).toEqual(['Set-Cookie', kept, ...added])
})

it('a program cannot set the cookie of a gateway, open its replies to other origins, or end sessions of others', () => {
  const kept = ['Content-Type', 'text/html', 'Content-Security-Policy', "default-src 'self'"]
  const left = [
    ...['Set-Cookie', 'agent-mesh-8441=planted; Path=/', 'set-cookie', ' agent-mesh-1 =x'],
    ...['Access-Control-Allow-Origin', '*', 'access-control-allow-credentials', 'true'],
    ...['Cross-Origin-Resource-Policy', 'cross-origin', 'Clear-Site-Data', '"cookies"'],
  ]
  expect(headersForBrowser([...left, ...kept])).toEqual([...kept, ...added])
})
