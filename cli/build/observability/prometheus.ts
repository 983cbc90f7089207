/** A Prometheus of its own, on loopback: it scrapes the processes that it is given, with the rules of deploy/prometheus. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'

/** Addresses by job: `agent-mesh-relay`. */
export type Targets = Readonly<Record<string, readonly string[]>>

export const noPrometheus =
  spawnSync('prometheus', ['--version']).error === undefined
    ? undefined
    : 'Cannot run Prometheus: it is not installed (apt-get install prometheus)'

interface Answer {
  readonly status: string
  readonly error?: string
  readonly data: { readonly result: readonly unknown[] }
}

export class Prometheus {
  readonly #child: ChildProcess
  readonly #url: string

  private constructor(child: ChildProcess, url: string) {
    this.#child = child
    this.#url = url
  }

  /** @param folder an empty one @param rules path of the rules @param port a free one */
  static async start(init: {
    folder: string
    rules: string
    targets: Targets
    port: number
  }): Promise<Prometheus> {
    const { folder, rules, targets, port } = init
    const config = join(folder, 'prometheus.yml')
    const scrape_configs = Object.entries(targets).map(([job_name, addresses]) => ({
      job_name,
      static_configs: [{ targets: addresses }],
    }))
    const global = { scrape_interval: '1s', evaluation_interval: '1s' }
    await writeFile(config, stringify({ global, rule_files: [rules], scrape_configs }))
    const address = `127.0.0.1:${port}`
    const child = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${address}`,
        '--log.level=error',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    return new Prometheus(child, `http://${address}`)
  }

  /** Series that the expression has now. @throws Error when Prometheus cannot evaluate it */
  async query(expr: string): Promise<number> {
    const reply = await fetch(`${this.#url}/api/v1/query?${new URLSearchParams({ query: expr })}`)
    const { status, error, data } = (await reply.json()) as Answer
    if (status !== 'success') throw new Error(`Cannot evaluate ${expr}: ${error ?? 'no reason given'}`)
    return data.result.length
  }

  /** Names of the alerts that are pending or fire. */
  async alerts(): Promise<string[]> {
    const reply = await fetch(`${this.#url}/api/v1/alerts`)
    const { data } = (await reply.json()) as { data: { alerts: { labels: { alertname: string } }[] } }
    return [...new Set(data.alerts.map(({ labels }) => labels.alertname))].sort()
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await exited
  }
}
