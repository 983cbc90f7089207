/** For specs of the page: a control plane, a relay and the agent `desk` as processes, and the page over them. */
import { readFile, writeFile } from 'node:fs/promises'
import { expect, vi } from 'vitest'

import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'
import { joined, upArgs } from '../support/joined.ts'

/** Each call of `deed.do` leaves a line in a file. */
const deed = (file: string) => `
import { defineService, implementService } from '@agent-mesh/agent'
import { appendFileSync } from 'node:fs'
import * as z from 'zod'
const contract = defineService({ name: 'deed', version: 1, methods: {
  do: { about: 'Does it.', params: z.object({ what: z.optional(z.string()) }), result: z.number() } } })
export default implementService(contract, {
  do: ({ what = '' }) => { appendFileSync('${file}', what + '\\n'); return 7 } })
`

export class PageMesh {
  readonly workshop: Workshop
  /** The agent with the gateway. */
  readonly desk: Daemon
  readonly page: Daemon

  private constructor(workshop: Workshop, desk: Daemon, page: Daemon) {
    this.workshop = workshop
    this.desk = desk
    this.page = page
  }

  /** @param fill makes members while the control plane is stopped, in its data folder */
  static async start(fill?: (folder: string, meshId: string) => Promise<void>): Promise<PageMesh> {
    const workshop = await openWorkshop()
    const controlPlane = () => workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
    const first = await controlPlane()
    if (fill !== undefined) {
      await first.end()
      await fill(first.data, String(first.ready['meshId']))
      await controlPlane()
    }
    const relay = ['relay', '--listen', '/ip4/127.0.0.1/tcp/0']
    await joined(workshop, 'relay-1', relay, { token: ['--role', 'relay'] })
    const module = workshop.folder('deed.ts')
    await writeFile(module, deed(workshop.folder('deeds')))
    const desk = await joined(workshop, 'desk', upArgs('--gateway', '127.0.0.1:0', '--serve', module))
    const page = await workshop.start('cp', ['page', '--agent', desk.data])
    return new PageMesh(workshop, desk, page)
  }

  get url(): string {
    return String(this.page.ready['url'])
  }

  get oneTimeUrl(): string {
    return String(this.page.ready['oneTimeUrl'])
  }

  get gatewayUrl(): string {
    return String(this.desk.ready['gatewayUrl'])
  }

  /** Another agent, from when it is up. */
  join(name: string): Promise<Daemon> {
    return joined(this.workshop, name, upArgs())
  }

  /** A token of the gateway that may call `deed`. */
  async token(): Promise<string> {
    const args = [
      'gateway',
      'token',
      'create',
      '--call',
      'service:deed.*',
      '--json',
      '--data',
      this.desk.data,
    ]
    return String(lastJson(await runCommand(args))['token'])
  }

  /** Waits until `desk` knows its own service. */
  async ready(): Promise<void> {
    const services = () => runCommand(['services', '--json', '--data', this.desk.data])
    await vi.waitFor(async () => expect((await services()).stdout).toContain('deed@1'), 60_000)
  }

  /** What `deed.do` was called with. */
  async deeds(): Promise<string[]> {
    const text = await readFile(this.workshop.folder('deeds'), 'utf8').catch(() => '')
    return text.split('\n').slice(0, -1)
  }

  stop(): Promise<void> {
    return this.workshop.end()
  }
}
