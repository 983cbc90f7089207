/**
 * Metrics in the embedded format of CloudWatch: a log line that carries values. Values of several requests share a
 * line, as each line costs; a frozen process loses the values it still holds, at most one line.
 */
import { metricFlushMs } from '../../defaults.ts'

/** The most values of a metric in the format. */
const mostValues = 100

export interface Metrics {
  add(name: string, value: number): void
  flush(): void
}

/** @param write writes a line; stdout in a Lambda */
export function embeddedMetrics(
  stack: string,
  now: () => number = Date.now,
  write: (line: string) => void = line => void process.stdout.write(`${line}\n`),
): Metrics {
  const values = new Map<string, number[]>()
  let since = 0

  const flush = (): void => {
    if (values.size === 0) return
    const Metrics = [...values.keys()].map(Name =>
      Name.endsWith('Ms') ? { Name, Unit: 'Milliseconds' } : { Name },
    )
    const _aws = {
      Timestamp: now(),
      CloudWatchMetrics: [{ Namespace: 'AgentMesh', Dimensions: [['Stack']], Metrics }],
    }
    write(JSON.stringify({ _aws, Stack: stack, ...Object.fromEntries(values) }))
    values.clear()
  }

  return {
    add: (name, value) => {
      if (values.size === 0) since = now()
      const known = values.get(name) ?? []
      values.set(name, known)
      known.push(value)
      if (known.length >= mostValues || now() - since >= metricFlushMs) flush()
    },
    flush,
  }
}
