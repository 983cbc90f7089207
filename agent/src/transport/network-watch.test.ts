import type { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { NetworkWatch, type NetworkChange } from './network-watch.ts'

const entry = (address: string, internal = false) =>
  ({ address, internal, family: 'IPv4', netmask: '', mac: '', cidr: null }) as const

function watch(first: string[]) {
  let addresses = first
  let now = 0
  const changes: NetworkChange[] = []
  const watched = new NetworkWatch({
    interfaces: () =>
      ({ lo: [entry('127.0.0.1', true)], eth0: addresses.map(a => entry(a)) }) as ReturnType<
        typeof networkInterfaces
      >,
    wallClock: () => now,
    everyMs: 1_000,
    onError: error => {
      throw error
    },
  })
  watched.onChange(change => changes.push(change))
  const look = (next: string[], ms = 1_000) => {
    addresses = next
    now += ms
    watched.look()
    return changes.splice(0)
  }
  return look
}

describe('the watch over the network', () => {
  it('says nothing while nothing changes', () => {
    const look = watch(['10.0.0.1'])
    expect(look(['10.0.0.1'])).toEqual([])
    expect(look(['10.0.0.1'], 2_500)).toEqual([])
  })

  it('tells addresses that came and went', () => {
    const look = watch(['10.0.0.1', '192.168.1.5'])
    expect(look(['10.0.0.1', '172.16.0.9'])).toEqual([
      { came: ['172.16.0.9'], went: ['192.168.1.5'], slept: false },
    ])
    expect(look(['10.0.0.1', '172.16.0.9'])).toEqual([])
  })

  it('overlooks link-local addresses', () => {
    expect(watch(['10.0.0.1'])(['10.0.0.1', '169.254.3.4', 'fe80::1'])).toEqual([])
  })

  it('tells that the machine slept', () => {
    expect(watch(['10.0.0.1'])(['10.0.0.1'], 60_000)).toEqual([{ came: [], went: [], slept: true }])
  })
})
