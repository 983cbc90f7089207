/** One run: what was asked for, one after the other, and nothing of it left at the end. */
import type { LabOptions } from './command-line.ts'
import { LabMesh } from './mesh.ts'
import { runPairs } from './pairs.ts'
import {
  kindLine,
  markdownTable,
  pairHeading,
  pairLine,
  scenarioLines,
  summarise,
  summaryLines,
} from './report.ts'
import { scenarios } from './scenarios/index.ts'
import { selfTest } from './self-test/self-test.ts'
import { runScenarios } from './scenario-run.ts'
import { Topology, type Families } from './topology.ts'

export interface LabInit {
  options: LabOptions
  /** Its namespaces are named after it. */
  run: string
  say: (line: string) => void
  /** Aborted when the run is to end. */
  told: AbortSignal
}

export class Lab {
  readonly #init: LabInit
  readonly #topologies: Topology[] = []

  constructor(init: LabInit) {
    this.#init = init
  }

  /** @returns whether everything was as expected */
  async run(): Promise<boolean> {
    const { options } = this.#init
    if (!(await this.#selfTest())) return false
    const pairsOk = options.pairs.length === 0 || (await this.#pairs())
    const scenariosOk = options.scenarios === undefined || (await this.#scenarios(options.scenarios))
    return pairsOk && scenariosOk
  }

  /** Whatever the run has come to. */
  async close(): Promise<void> {
    for (const topology of this.#topologies) await topology.close()
  }

  get #detail(): (line: string) => void {
    const { options, say } = this.#init
    return options.verbose || process.stderr.isTTY ? say : () => {}
  }

  async #topology(name: string, families?: Families): Promise<Topology> {
    const topology = await Topology.open(`${this.#init.run}-${name}`, families)
    this.#topologies.push(topology)
    return topology
  }

  /** First of all, and always: figures of a lab that is wrong are worth nothing. */
  async #selfTest(): Promise<boolean> {
    const { options, say } = this.#init
    this.#detail('Checking that each kind of network does what its name says')
    const topology = await this.#topology('self')
    const checks = await selfTest(topology)
    await topology.close()
    for (const { kind, wrong } of checks) {
      if (options.selfTest)
        console.log(
          options.json ? JSON.stringify({ kind, ok: wrong.length === 0, wrong }) : kindLine(kind, wrong),
        )
      else if (wrong.length > 0) say(`The lab is wrong: ${kindLine(kind, wrong)}`)
    }
    return checks.every(({ wrong }) => wrong.length === 0)
  }

  async #pairs(): Promise<boolean> {
    const { options, say, told } = this.#init
    const mesh = await this.#mesh(await this.#topology('pairs'))
    if (!options.json && !options.markdown) console.log(pairHeading)
    const rows = await runPairs({
      mesh,
      pairs: options.pairs,
      say: this.#detail,
      onRow: row => {
        if (options.json) console.log(JSON.stringify(row))
        else if (!options.markdown) console.log(pairLine(row))
      },
    })
    const summary = summarise(rows)
    if (options.markdown) console.log(markdownTable(rows))
    else console.log(options.json ? JSON.stringify(summary) : summaryLines(summary))
    if (options.keep) {
      say('Everything runs on until Ctrl-C. Ask agents like this:')
      for (const agent of mesh.agents) say(`  ${mesh.hint(agent)}`)
      await new Promise(resolve => told.addEventListener('abort', resolve))
    }
    const unclean = await mesh.stop()
    for (const line of unclean) say(`did not end cleanly: ${line}`)
    return summary.ok && unclean.length === 0
  }

  async #scenarios(names: readonly string[]): Promise<boolean> {
    const { options } = this.#init
    const rows = await runScenarios(
      names.flatMap(name => Object.entries(scenarios).filter(([each]) => each === name)),
      {
        topology: (name, families) => this.#topology(name, families),
        mesh: topology => this.#mesh(topology),
        say: this.#detail,
        onRow: row => console.log(options.json ? JSON.stringify(row) : scenarioLines(row)),
      },
    )
    const failed = rows.filter(({ ok }) => !ok).map(({ scenario }) => scenario)
    const summary = { scenarios: rows.length, failed, ok: failed.length === 0 }
    console.log(options.json ? JSON.stringify(summary) : `${rows.length} scenarios, ${failed.length} failed`)
    return summary.ok
  }

  #mesh(topology: Topology): Promise<LabMesh> {
    const { logs, verbose } = this.#init.options
    this.#detail('Starting control plane and relays')
    return LabMesh.start({ topology, logs, logLevel: verbose ? 'debug' : 'warn' })
  }
}
