import { expect, it } from 'vitest'

import { askedBy } from './browser-admission.ts'

const host = 'grafana.web-1.mesh.localhost:8441'
const origin = `http://${host}`
const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
const websocket = { upgrade: 'websocket' }

it.each([
  ['an address that a person typed', 'GET', { 'sec-fetch-site': 'none', ...navigation }],
  ['a script of the page', 'GET', { 'sec-fetch-site': 'same-origin' }],
  ['a script of the page that posts', 'POST', { 'sec-fetch-site': 'same-origin', origin }],
  ['a WebSocket of the page', 'GET', { 'sec-fetch-site': 'same-origin', origin, ...websocket }],
  ['a WebSocket of the page in Chromium', 'GET', { origin, ...websocket }],
])('%s is of the address itself', (_, method, headers) => {
  expect(askedBy({ method, headers }, host)).toBe('own')
})

it.each(['cross-site', 'same-site'])('a link of a page (%s) is a visit', site => {
  expect(askedBy({ method: 'GET', headers: { 'sec-fetch-site': site, ...navigation } }, host)).toBe('visit')
})

it.each([
  ['another member (fetch)', 'GET', { 'sec-fetch-site': 'same-site' }],
  ['another site (image)', 'GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
  ['a frame', 'GET', { 'sec-fetch-site': 'same-site', ...navigation, 'sec-fetch-dest': 'iframe' }],
  ['a form of another member', 'POST', { 'sec-fetch-site': 'same-site', ...navigation }],
  ['a form, in a browser without the header', 'POST', { origin: 'http://evil.web-2.mesh.localhost:8441' }],
  ['a sandboxed frame', 'GET', { 'sec-fetch-site': 'same-origin', origin: 'null' }],
  ['another port of this machine', 'POST', { origin: 'http://grafana.web-1.mesh.localhost:1' }],
  ['another scheme', 'POST', { origin: `https://${host}` }],
  ['a WebSocket of another member', 'GET', { origin: 'http://evil.web-2.mesh.localhost:8441', ...websocket }],
  ['a WebSocket of no page', 'GET', { 'sec-fetch-site': 'none', ...websocket }],
  [
    'a WebSocket that calls itself a link',
    'GET',
    { 'sec-fetch-site': 'same-site', ...navigation, ...websocket },
  ],
  ['two answers to whose it is', 'GET', { 'sec-fetch-site': 'same-origin, cross-site' }],
  ['nothing that says whose it is', 'GET', {}],
  ['a post of no page', 'POST', { 'sec-fetch-site': 'none', ...navigation }],
])('%s is refused', (_, method, headers) => {
  expect(() => askedBy({ method, headers }, host)).toThrow(/^Cannot serve the request: /)
})
