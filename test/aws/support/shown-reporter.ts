import type { Reporter, TestModule } from 'vitest/node'

/** What a run of this suite is to show of a mesh on AWS. */
const facts = ['adopted', 'rotated', 'restored'] as const
export type Fact = (typeof facts)[number]

declare module 'vitest' {
  interface TaskMeta {
    /** What the test shows when it passes. */
    shows?: Fact
  }
}

/** Prints `{"suite":"aws","adopted":true,…}` at the end of a run, before the reporters that are listed after it. */
export default class ShownReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const shown = new Set<Fact | undefined>()
    for (const module of modules)
      for (const test of module.children.allTests('passed')) shown.add(test.meta().shows)
    const line = Object.fromEntries(facts.map(fact => [fact, shown.has(fact)]))
    process.once('exit', () => {
      process.stdout.write(`${JSON.stringify({ suite: 'aws', ...line })}\n`)
    })
  }
}
