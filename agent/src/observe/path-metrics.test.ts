import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { observePaths } from './path-metrics.ts'

interface TestLink {
  path: string
  suspect: boolean
  bytesSent: number
  bytesReceived: number
}

it('the metrics of paths count the bytes of links that live and of those that ended, once each', async () => {
  const registry = new Registry()
  const live = new Set<TestLink>()
  const on: Record<string, (link: TestLink) => void> = {}
  const listen = (name: string) => (callback: (link: TestLink) => void) => {
    on[name] = callback
    return () => {}
  }
  const links = { all: () => [...live], onDown: listen('down'), onDoubt: listen('doubt') }
  observePaths<TestLink>({ registry, links, bytesOf: link => link })
  const relayed = { path: 'relay', suspect: false, bytesSent: 10, bytesReceived: 20 }
  live.add(relayed)
  await registry.metrics()
  relayed.bytesSent = 15
  relayed.suspect = true
  on['doubt']?.(relayed)
  live.delete(relayed)
  on['down']?.(relayed)
  live.add({ path: 'direct', suspect: false, bytesSent: 1, bytesReceived: 2 })
  const text = await registry.metrics()
  expect(text).toContain('agent_mesh_path_bytes_total{path="relay",direction="sent"} 15')
  expect(text).toContain('agent_mesh_path_bytes_total{path="relay",direction="received"} 20')
  expect(text).toContain('agent_mesh_path_bytes_total{path="direct",direction="sent"} 1')
  expect(text).toContain('agent_mesh_path_suspects_total{path="relay"} 1')
})
