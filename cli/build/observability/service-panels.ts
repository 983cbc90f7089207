/** Panels of calls. */
import type { Panel } from './dashboard.ts'

const at = 'instance=~"$instance"'
const rate = '[$__rate_interval]'
export const callers = `agent_mesh_calls_total{side="caller",${at}}`

export const callRate: Panel = {
  title: 'Calls',
  about: 'Calls a second that members make, by method.',
  unit: 'reqps',
  queries: [{ expr: `sum by (method) (rate(${callers}${rate}))`, legend: '{{method}}' }],
}

export const failedCalls: Panel = {
  title: 'Failed calls',
  about: 'Calls a second that end with an error, by code.',
  unit: 'reqps',
  queries: [
    {
      expr: `sum by (code) (rate(agent_mesh_calls_total{side="caller",code!="ok",${at}}${rate}))`,
      ...{ legend: '{{code}}', mayBeEmpty: true },
    },
  ],
}

const quantile = (share: number, side: string): string =>
  `histogram_quantile(${share}, sum by (le, method) (rate(agent_mesh_call_seconds_bucket{side="${side}",${at}}${rate})))`

export const callTimes: Panel = {
  title: 'Time of calls, at the caller',
  about: 'The time below which half and 99 % of the calls end, all tries included.',
  unit: 's',
  queries: [
    { expr: quantile(0.5, 'caller'), legend: 'p50 {{method}}' },
    { expr: quantile(0.99, 'caller'), legend: 'p99 {{method}}' },
  ],
}

export const servicePanels: readonly Panel[] = [
  callRate,
  failedCalls,
  callTimes,
  {
    title: 'Time of calls, at the callee',
    about:
      'Time of the handlers. When it is much shorter than at the caller, the path or a queue takes the rest.',
    unit: 's',
    queries: [{ expr: quantile(0.99, 'callee'), legend: 'p99 {{method}}' }],
  },
  {
    title: 'Calls tried again',
    about: 'Tries beyond the first, a second, by why the try before failed.',
    unit: 'reqps',
    queries: [
      {
        expr: `sum by (code) (rate(agent_mesh_call_retries_total{${at}}${rate}))`,
        ...{ legend: '{{code}}', mayBeEmpty: true },
      },
    ],
  },
  {
    title: 'Calls refused before their handler',
    about:
      'By reason: no processor time (shed), no memory, over the limit of the method, or given up by the caller.',
    unit: 'reqps',
    queries: [
      {
        expr: `sum by (reason) (rate(agent_mesh_calls_not_started_total{${at}}${rate}))`,
        ...{ legend: '{{reason}}', mayBeEmpty: true },
      },
    ],
  },
  {
    title: 'Breakers that are not closed',
    about: 'Providers that callers leave out, as their calls fail.',
    unit: 'short',
    queries: [{ expr: `sum by (state) (agent_mesh_breakers{${at}})`, legend: '{{state}}' }],
  },
  {
    title: 'Cache',
    about: 'Calls of methods with a cache, a second, by where their answer came from.',
    unit: 'reqps',
    queries: [
      {
        expr: `sum by (result) (rate(agent_mesh_cache_results_total{${at}}${rate}))`,
        ...{ legend: '{{result}}', mayBeEmpty: true },
      },
    ],
  },
  {
    title: 'Messages of topics',
    about: 'Published, delivered, lost by slow subscribers, and refused, a second.',
    unit: 'reqps',
    queries: [
      {
        expr: `sum by (event) (rate(agent_mesh_topic_messages_total{${at}}${rate}))`,
        ...{ legend: '{{event}}', mayBeEmpty: true },
      },
    ],
  },
]
