import { describe, expect, test, vi } from 'vitest'
import { VirtualClock } from '../../../test/support/virtual-clock.ts'
import { discoveryDefaults } from './defaults.ts'
import { Rival } from './rival.ts'

/** What two processes with one key see of each other: what one publishes, the map shows to the other. */
function process(clock: VirtualClock, world: { incarnation: number; processes: Set<Process> }) {
  let own = 0
  const self: Process = {
    publish: (known, exactly) => {
      own = world.incarnation = exactly ?? Math.max(known + 1, own + 10)
      for (const other of world.processes) if (other !== self) other.shown()
    },
    shown: () => {
      if (own > 0 && world.incarnation > own) rival.sees(world.incarnation, own)
    },
    outdone: vi.fn(),
    alone: vi.fn(),
    silent: () => rival.silences,
    own: () => own,
    end: () => {
      world.processes.delete(self)
      rival.stop()
    },
  }
  const rival = new Rival({ clock, published: () => true, random: () => 1, publish: self.publish })
  rival.onOutdone(self.outdone)
  rival.onAlone(self.alone)
  world.processes.add(self)
  return self
}

interface Process {
  publish: (known: number, exactly?: number) => void
  shown: () => void
  outdone: ReturnType<typeof vi.fn<(incarnation: number) => void>>
  alone: ReturnType<typeof vi.fn<() => void>>
  silent: () => boolean
  own: () => number
  end: () => void
}

function two() {
  const clock = new VirtualClock()
  const world = { incarnation: 0, processes: new Set<Process>() }
  const [older, newer] = [process(clock, world), process(clock, world)]
  older.publish(100)
  newer.publish(200)
  return { clock, world, older, newer }
}

describe('a rival', () => {
  test('silences the older process, whose questions the newer one answers', () => {
    const { clock, world, older, newer } = two()
    expect([older.silent(), newer.silent()]).toEqual([true, false])
    clock.advance(discoveryDefaults.rivalLookMs)
    expect([older.silent(), newer.silent()]).toEqual([true, false])
    expect(world.incarnation).toBe(newer.own())
    expect(older.outdone).toHaveBeenCalledTimes(2)
    expect(newer.outdone).not.toHaveBeenCalled()
    older.end()
    newer.end()
  })

  test('that ended leaves the other one alone, which publishes within 5 min', () => {
    const { clock, world, older, newer } = two()
    newer.end()
    clock.advance(5 * 60_000)
    expect(older.silent()).toBe(false)
    expect(world.incarnation).toBe(older.own())
    clock.advance(discoveryDefaults.rivalSilentMs)
    expect(older.alone).toHaveBeenCalledOnce()
    older.end()
  })

  test('with a newer record still takes over', () => {
    const { newer, older } = two()
    older.publish(1_000)
    expect(newer.silent()).toBe(true)
    older.end()
    newer.end()
  })

  test('does not answer without end where both count by one', () => {
    const { older, newer, world } = two()
    const before = world.incarnation
    older.publish(before, before + 1)
    older.publish(world.incarnation, world.incarnation + 1)
    expect(world.incarnation - before).toBeLessThan(20)
    expect(newer.silent()).toBe(true)
    older.end()
    newer.end()
  })
})
