import { beforeEach, describe, expect, test } from 'vitest'
import type { Link } from '../transport/links/link.ts'
import { pathDefaults } from './defaults.ts'
import { PathWatch, type PathWatchInit } from './path-watch.ts'

interface FakeLink {
  name: string
  peer: { peerId: string }
  state: 'up' | 'down'
  suspect: boolean
  heardAt: number
  inFlight: number
  pings: number[]
  /** When its streams ended. */
  lostStreams: number[]
  /** How often its calls were notified. */
  doubts: number
  abort(): void
}

let now: number
let links: FakeLink[]
let tick: () => void
let watch: PathWatch
let doubted: (link: Link) => void
/** Pace of rest probes by name of the link. */
let paces: Record<string, number>
let jointly: boolean

const linkTo = (name: string): FakeLink => {
  const link: FakeLink = {
    name,
    peer: { peerId: name },
    state: 'up',
    suspect: false,
    heardAt: now - 1,
    inFlight: 0,
    pings: [],
    lostStreams: [],
    doubts: 0,
    abort: () => void (link.state = 'down'),
  }
  links.push(link)
  return link
}

/** As the table of links does. */
function doubt(link: FakeLink): void {
  link.suspect = true
  doubted(link as unknown as Link)
}

const fake = (link: Link) => link as unknown as FakeLink

function start(): void {
  const init: PathWatchInit = {
    links: {
      all: () => links as unknown as Link[],
      of: () => [],
      best: () => undefined,
      onUp: () => () => {},
      onDoubt: listener => ((doubted = listener), () => {}),
      suspect: link => {
        if (!fake(link).suspect) doubt(fake(link))
      },
      trust: link => void (fake(link).suspect = false),
    },
    rpcOf: link => ({
      stats: { lastProgressAt: fake(link).heardAt, outbound: fake(link).inFlight, inbound: 0 } as never,
      ping: () => (fake(link).pings.push(now), Promise.resolve(0)),
      doubt: () => void fake(link).doubts++,
      forsake: () => {},
      loseStreams: () => void fake(link).lostStreams.push(now),
    }),
    jointly,
    clock: {
      now: () => now,
      every: (_: number, callback: () => void) => ((tick = callback), () => {}),
    } as PathWatchInit['clock'],
  }
  watch = new PathWatch(init)
  watch.probeAtRest(link => paces[fake(link).name])
  watch.start()
}

beforeEach(() => {
  now = 1_000
  links = []
  paces = {}
  jointly = true
  start()
})

/** Ticks until `ms` from now. */
function pass(ms: number): void {
  for (const end = now + ms; now < end;) {
    now += pathDefaults.pathTickMs
    tick()
  }
}

describe('PathWatch', () => {
  test('asks a silent link at rest at its pace, and no other', () => {
    const [home, idle] = [linkTo('home'), linkTo('idle')]
    paces = { home: 4_000 }
    pass(3_900)
    expect([home.pings.length, idle.pings.length]).toEqual([0, 0])
    pass(200)
    expect([home.pings.length, idle.pings.length]).toEqual([1, 0])
    home.heardAt = now
    pass(3_800)
    expect(home.pings).toHaveLength(1)
  })

  test('finds a host that fell silent at rest suspect within 7 s, and lost later', () => {
    const home = linkTo('home')
    paces = { home: 4_000 }
    pass(6_200)
    expect(home.suspect).toBe(false)
    pass(800)
    expect([home.suspect, home.state]).toEqual([true, 'up'])
    pass(pathDefaults.pathLostMs)
    expect(home.state).toBe('down')
  })

  test('trusts it again when it is heard', () => {
    const home = linkTo('home')
    paces = { home: 4_000 }
    pass(7_000)
    home.heardAt = now
    pass(pathDefaults.pathTickMs)
    expect(home.suspect).toBe(false)
  })

  test('suspects a path at rest sooner while another one is suspect, unless told that they have nothing in common', () => {
    for (const together of [true, false]) {
      links = []
      jointly = together
      start()
      const [gone, slow] = [linkTo('gone'), linkTo('slow')]
      paces = { gone: 4_000, slow: 4_000 }
      gone.suspect = true
      pass(4_200 + pathDefaults.jointSuspectMs)
      expect(slow.suspect).toBe(together)
    }
  })

  test('asks one link on request, and judges its answer', () => {
    const [doubted, idle] = [linkTo('doubted'), linkTo('idle')]
    watch.ask(doubted as unknown as Link)
    expect([doubted.pings, idle.pings]).toEqual([[now], []])
    pass(pathDefaults.pathSuspectMs + pathDefaults.pathTickMs)
    expect([doubted.suspect, idle.suspect]).toEqual([true, false])
  })
})

test('calls are told once that their path fell silent, also when a failed verification says so', () => {
  const silent = linkTo('silent')
  const unverified = linkTo('unverified')
  silent.inFlight = 1
  doubt(unverified)
  expect(unverified.doubts).toBe(1)
  for (const end = now + pathDefaults.pathSuspectMs + 2_000; now < end; now += pathDefaults.pathTickMs) {
    unverified.heardAt = now
    tick()
  }
  expect([silent.suspect, silent.doubts]).toEqual([true, 1])
})

test('streams end after 3 s of silence, while the link is kept', () => {
  const [silent, slow, busy] = [linkTo('silent'), linkTo('slow'), linkTo('busy')]
  for (const link of [silent, slow, busy]) link.inFlight = 1
  const from = now
  for (const end = now + 5_000; now < end;) {
    now += pathDefaults.pathTickMs
    busy.heardAt = now
    if ((now - from) % 2_800 === 0) slow.heardAt = now
    tick()
  }
  expect([slow.lostStreams, busy.lostStreams, silent.state]).toEqual([[], [], 'up'])
  const after = silent.lostStreams[0]! - from
  expect([after >= pathDefaults.streamLostMs, after <= pathDefaults.streamLostMs + 400]).toEqual([true, true])
})
