import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import multicastDns from 'multicast-dns'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { announcementRecords, mdnsTag } from '../discovery/mdns-messages.ts'
import { generateIdentity } from '../identity/index.ts'
import { createLogger } from '../observe/logger.ts'
import type { DialTarget, Interfaces } from '../transport/index.ts'
import { agentDefaults } from './defaults.ts'
import { Lan, lanInterfaces, type LanInit } from './lan.ts'

const meshId = 'a'.repeat(52)
const own = await generateIdentity()
let lan: Lan | undefined
let port: number
let dialled: DialTarget[]
let interfaces: Interfaces
const stops: (() => unknown)[] = []

beforeEach(async () => {
  const socket = createSocket('udp4').bind(0)
  await once(socket, 'listening')
  port = socket.address().port
  socket.close()
  dialled = []
  interfaces = networkInterfaces()
})
afterEach(async () => {
  await lan?.stop()
  for (const stop of stops.splice(0)) await stop()
})

/** Looks on loopback, with a transport that reaches no member. */
function look(watches: (peerId: string) => boolean = () => false): Lan {
  const transport = {
    listening: () => ['/ip4/127.0.0.1/tcp/4001'],
    links: { onUp: () => () => {}, best: () => undefined },
    connect: (target: DialTarget) => {
      dialled.push(target)
      return Promise.reject(new Error('nobody'))
    },
  }
  const member = {
    identity: own,
    controlPlane: { meshId, url: '' },
    map: { get: () => undefined },
    transport,
    log: createLogger('test', 'silent'),
  } as unknown as LanInit['member']
  lan = new Lan({ member, options: { port, interfaces: ['lo'] }, interfaces: () => interfaces })
  lan.dialWhen(watches)
  lan.start()
  return lan
}

/** Another host on the LAN. */
function stranger() {
  const driver = multicastDns({ port, interface: '127.0.0.1', bind: '0.0.0.0' })
  stops.push(() => new Promise<void>(resolve => driver.destroy(() => resolve())))
  const heard: string[] = []
  driver.on('response', packet => heard.push(JSON.stringify(packet)))
  return {
    heard,
    ask: () => driver.query(mdnsTag(meshId), 'PTR'),
    announce: (peerId: string, tcp: number) =>
      driver.respond({ answers: announcementRecords(mdnsTag(meshId), 'x', { peerId, port: tcp }) as never }),
  }
}
const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 20 })

describe('on the LAN', () => {
  test('this member tells its peer id and port, and nothing else of the mesh', async () => {
    const { heard, ask } = stranger()
    look()
    await until(() => {
      ask()
      expect(heard.join()).toContain(Buffer.from(`id=${own.peerId}`).toJSON().data.join())
    })
    expect(heard.join()).not.toContain(meshId)
  })

  test('a peer is where its packets come from, and is dialled once until it may be tried again', async () => {
    const found = look()
    const { announce } = stranger()
    const { peerId } = await generateIdentity()
    await until(() => {
      announce(peerId, 4002)
      expect(dialled).toEqual([{ peerId, addrs: ['/ip4/127.0.0.1/tcp/4002'], relays: [] }])
    })
    expect(found.addrsOf(peerId)).toEqual(['/ip4/127.0.0.1/tcp/4002'])
    for (let i = 0; i < 5; i++) announce(peerId, 4002)
    await until(() => expect(found.addrsOf(peerId)).toHaveLength(1))
    expect(dialled).toHaveLength(1)
  })

  test('hundreds of peers that nobody is cost a handful of dials', async () => {
    const found = look()
    const { announce } = stranger()
    const crowd = await Promise.all(Array.from({ length: 200 }, () => generateIdentity()))
    const last = crowd.at(-1)?.peerId ?? ''
    for (const { peerId } of crowd) announce(peerId, 4002)
    await until(() => {
      announce(last, 4002)
      expect(found.addrsOf(last)).toHaveLength(1)
    })
    expect(dialled.length).toBeLessThan(agentDefaults.lanDialBurst + 10)
  })

  test('an interface that comes is looked on; once stopped, nothing is told', async () => {
    interfaces = {}
    const { heard, ask } = stranger()
    look()
    ask()
    interfaces = networkInterfaces()
    lan?.networkChanged()
    await until(() => expect(heard).not.toEqual([]))
    await lan?.stop()
    const before = heard.length
    ask()
    ask()
    expect(heard).toHaveLength(before)
  })
})

test('interfaces are those of private networks, without bridges to containers, unless named', () => {
  const info = (cidr: string) => ({
    address: cidr.replace(/\/.*/, ''),
    cidr,
    family: cidr.includes(':') ? ('IPv6' as const) : ('IPv4' as const),
    internal: cidr.startsWith('127.'),
  })
  const all: Interfaces = {
    lo: [info('127.0.0.1/8')],
    eth0: [info('192.168.1.20/24'), info('fd00::2/64')],
    eth1: [info('192.0.2.7/24')],
    docker0: [info('172.17.0.1/16')],
  }
  const addresses = (names?: string[]) => lanInterfaces(all, names).map(({ address }) => address)
  expect(addresses()).toEqual(['192.168.1.20'])
  expect(addresses(['lo', 'eth1', 'none'])).toEqual(['127.0.0.1', '192.0.2.7'])
})
