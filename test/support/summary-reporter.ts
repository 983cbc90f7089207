import type { Reporter, SerializedError, TestModule } from 'vitest/node'

/**
 * Prints `N passed, N failed, N skipped` as the last line of a run. A module that does not load, a hook that
 * throws and an unhandled error are counted as failed, so that a run with no failing test cannot hide them. Before it a line for each
 * test that passed only when it was repeated: `flaky: <file> > <test>: <error>`.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const flaky: string[] = []
    const count = { passed: 0, failed: unhandled.length, skipped: 0 }
    for (const module of modules) {
      count.failed += module.errors().length
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result()
        count[state === 'pending' ? 'failed' : state]++
        if (test.diagnostic()?.flaky === true)
          flaky.push(
            `flaky: ${module.relativeModuleId} > ${test.fullName}: ${firstLine(errors?.[0]?.message)}\n`,
          )
      }
    }
    process.once('exit', () => {
      process.stdout.write(flaky.join(''))
      process.stdout.write(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`)
    })
  }
}

const firstLine = (text = ''): string => text.split('\n', 1)[0] ?? ''
