import type { IncomingHttpHeaders } from 'node:http'

const unitMs = { H: 3_600_000, M: 60_000, S: 1_000 } as const

/**
 * A deadline beyond the longest timer becomes that one, in the headers of gRPC and of Connect: the library would start a timer that ends
 * at once, and Node would warn of each.
 */
export function capDeadline(headers: IncomingHttpHeaders, maxMs: number): void {
  const [, count, unit] = /^(\d{1,8})([HMS])$/.exec(String(headers['grpc-timeout'])) ?? []
  if (Number(count) * unitMs[unit as keyof typeof unitMs] > maxMs)
    headers['grpc-timeout'] = `${Math.floor(maxMs / unitMs.S)}S`
  const timeout = String(headers['connect-timeout-ms'])
  if (/^\d{10}$/.test(timeout) && Number(timeout) > maxMs) headers['connect-timeout-ms'] = String(maxMs)
}
