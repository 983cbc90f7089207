/** Panels of what every process has. */
import type { Panel } from './dashboard.ts'

/** @param job `agent-mesh-relay` */
export const processPanels = (job: string): Panel[] => {
  const of = `job="${job}",instance=~"$instance"`
  return [
    {
      title: 'Processor time',
      about: 'Share of one core.',
      unit: 'percentunit',
      queries: [{ expr: `rate(process_cpu_seconds_total{${of}}[$__rate_interval])`, legend: '{{instance}}' }],
    },
    {
      title: 'Memory',
      about: 'Resident memory of the process.',
      unit: 'bytes',
      queries: [{ expr: `process_resident_memory_bytes{${of}}`, legend: '{{instance}}' }],
    },
    {
      title: 'Delay of the event loop',
      about: 'p99 of how late timers are: all calls of the process wait as long.',
      unit: 's',
      queries: [{ expr: `nodejs_eventloop_lag_p99_seconds{${of}}`, legend: '{{instance}}' }],
    },
  ]
}
