/**
 * How a member stops: first it accepts nothing new, and says so to the control plane and on every link; then calls, circuits and
 * answers end; the caller closes what is left.
 */
import type { RecordPublisher } from '../discovery/record-publisher.ts'
import type { LinkTable } from '../transport/links/link-table.ts'
import type { Logger } from '../observe/logger.ts'
import { memberDefaults } from './defaults.ts'
import type { Member } from './member-parts.ts'
import type { RpcSessions } from '../paths/rpc-sessions.ts'

export interface DepartureInit {
  links: Pick<LinkTable, 'all'>
  sessions: Pick<RpcSessions, 'depart' | 'retire'>
  publisher: Pick<RecordPublisher, 'withdraw'>
  log: Pick<Logger, 'warn'>
}

/**
 * Takes an ephemeral member out of the map, so that no member calls it. Changes of the map must have no effect by then: a member that
 * is removed publishes again. Never rejects: the control plane removes it ten minutes later.
 */
export async function leaveMap({
  ephemeral,
  publisher,
  client,
  log,
}: Pick<Member, 'ephemeral' | 'publisher' | 'client' | 'log'>): Promise<void> {
  if (!ephemeral) return
  await publisher.stop()
  await client
    .leave(AbortSignal.timeout(memberDefaults.withdrawMs))
    .catch((err: unknown) =>
      log.warn(
        { event: 'departure-not-published', err },
        'not removed from the map: the control plane does so in 10 min',
      ),
    )
}

/**
 * Resolves when no call and no circuit runs here any more, and the links are closed.
 * @param drainMs what still runs after this ends with the links
 */
export async function depart(
  { links, sessions, publisher, log }: DepartureInit,
  drainMs: number,
): Promise<void> {
  sessions.depart()
  const withdrawn = publisher.withdraw(Math.min(memberDefaults.withdrawMs, drainMs))
  await Promise.allSettled([
    withdrawn.catch((err: unknown) =>
      log.warn({ event: 'services-not-withdrawn', err }, 'services not withdrawn from the member record'),
    ),
    ...links.all().map(link => sessions.retire(link, drainMs)),
  ])
}
