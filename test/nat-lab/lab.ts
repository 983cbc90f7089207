/** One run: what was asked for, one after the other, and nothing of it left at the end. */
import type { LabOptions } from './command-line.ts'
import { LabMesh } from './mesh.ts'
import { runPairs } from './pairs.ts'
import { markdownTable, pairHeading, pairLine, summarise, summaryLines } from './report.ts'
import { Topology } from './topology.ts'

export interface LabInit {
  options: LabOptions
  /** Its namespaces are named after it. */
  run: string
  say: (line: string) => void
  /** Aborted when the run is told to end. */
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
    const { pairs } = this.#init.options
    let ok = true
    if (pairs.length > 0) ok = (await this.#pairs()) && ok
    return ok
  }

  /** Whatever the run has come to. */
  async close(): Promise<void> {
    for (const topology of this.#topologies) await topology.close()
  }

  get #detail(): (line: string) => void {
    const { options, say } = this.#init
    return options.verbose || process.stderr.isTTY ? say : () => {}
  }

  async #topology(name: string): Promise<Topology> {
    const topology = await Topology.open(`${this.#init.run}-${name}`)
    this.#topologies.push(topology)
    return topology
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

  #mesh(topology: Topology): Promise<LabMesh> {
    const { logs, verbose } = this.#init.options
    this.#detail('Starting control plane and relays')
    return LabMesh.start({ topology, logs, logLevel: verbose ? 'debug' : 'warn' })
  }
}
